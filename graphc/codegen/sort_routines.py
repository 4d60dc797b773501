"""Printed routines that sort rows, and that find elements by their rank.

Rows are sorted by NumPy's own function for integers or floats, which is vectorised. Where there is none (on a GPU, in
an exported program) short rows are sorted by insertion and merges, long ones by digits of 8 bits, the last digit first,
each pass keeping the order of equal ones: some 3 ns an element and pass, where a comparison that is not foreseen costs
10. A rank is found by digits, too, the first one first: only elements that agree with what is sought so far are looked
at again.

Source: Knuth, The Art of Computer Programming, volume 3, 5.2.5 (sorting by distribution).
"""

from __future__ import annotations

from textwrap import indent

from graphc.abi import Sorter
from graphc.ir.types import DTYPES
from graphc.schedule.program import FEW, LONG_ROW, Call

SHORT_ROW = 16  # elements of a row from which on a call of NumPy's function pays
MOVES = 4  # of elements of a row whose first digits agree, on the average, before it is sorted in another way
RUN = 8  # elements that are sorted by insertion, before runs are merged


def precedes(dtype: str, a: str, b: str) -> str:
    """Whether a stands before b in the order of sorting, in which NaN is last."""
    if dtype[0] == "f":
        return f"({a} < {b} or ({a} == {a} and {b} != {b}))"
    return f"({a} < {b})"


def merge_sort(call: Call, indent: str = "") -> str:
    """Runs by insertion, then merges of neighbours, keys and positions beside each other; stable."""
    before = precedes(call.dtype, "key", "b1[base + j - 1]")
    later_first = precedes(call.dtype, "b1[base + j]", "b1[base + i]")
    text = f"""
        for number in range((n0 + {RUN - 1}) // {RUN}):
            first = number * {RUN}
            for place in range(first, least(first + {RUN}, n0)):
                key = b0[base + place]
                j = place
                while j > first and {before}:
                    b1[base + j] = b1[base + j - 1]
                    b2[base + j] = b2[base + j - 1]
                    j = j - 1
                b1[base + j] = key
                b2[base + j] = place
        width = {RUN}
        while width < n0:
            for pair in range((n0 + 2 * width - 1) // (2 * width)):
                i = pair * 2 * width
                middle = least(i + width, n0)
                j = middle
                last = least(middle + width, n0)
                for k in range(i, last):
                    if j < last and (i >= middle or {later_first}):
                        b3[base + k] = b1[base + j]
                        b4[base + k] = b2[base + j]
                        j = j + 1
                    else:
                        b3[base + k] = b1[base + i]
                        b4[base + k] = b2[base + i]
                        i = i + 1
            for k in range(n0):
                b1[base + k] = b3[base + k]
                b2[base + k] = b4[base + k]
            width = width * 2
"""
    return text.replace("\n", f"\n{indent}").rstrip() + "\n"


def sort(call: Call) -> str:
    """Rows in order, and where each element stood; with ``values`` positions are not asked for.

    By NumPy's function, where the table has it, else by the routine's own.
    """
    values = "values" in call.flags
    entry = Sorter[call.dtype.upper()] if values else Sorter.I64
    small = DTYPES[call.dtype].itemsize < 4
    limit = f" and n0 < {LONG_ROW}" if values and small else ""  # there are few digits
    return f"""
    sorter = as_pointer_i64(library)[{int(entry)}]
    for row in range(start, stop):
        base = row * n0
        done = 0
        if sorter != 0 and n0 >= {SHORT_ROW}{limit}:
{_VALUES_IN_PLACE if values else _packed(call)}
        if done == 0:
{indent(_row(call), "    ")}"""


def sort_alone(call: Call) -> str:
    """The same without NumPy."""
    return f"""
    for row in range(start, stop):
        base = row * n0
{_row(call)}"""


def _row(call: Call) -> str:
    return f"""\
        if n0 < {LONG_ROW}:
{merge_sort(call, "    ")}
        else:
{_by_digits(call)}
"""


_VALUES_IN_PLACE = """\
            for i in range(n0):
                b1[base + i] = b0[base + i]
            call_service(sorter, at(b1, base), n0, 0)
            done = 1"""


def _packed(call: Call) -> str:
    """Keys with their positions in the low bits are sorted as integers; all digits of a key, or the first ones.

    Where a key has more digits than room, elements that agree in the first ones are put in order by insertion. If these
    are many, the row is left to the routine's own way.
    """
    unsigned_zero = f" + cast_{call.dtype}(0.0)" if call.dtype[0] == "f" else ""
    key = f"sort_key_{call.dtype}(b0[base + i]{unsigned_zero})"
    later = precedes(call.dtype, "element", "b1[base + j - 1]")
    return f"""\
            i = 0
            low = {key}
            high = low
            for i in range(1, n0):
                low = least(low, {key})
                high = greatest(high, {key})
            bits = 1
            while ((n0 - 1) >> bits) > 0:
                bits = bits + 1
            width = select(high - low < 0, 64, 0)
            while width < 63 and ((high - low) >> width) > 0:
                width = width + 1
            dropped = greatest(width + bits - 63, 0)
            digits = (1 << (63 - bits)) - 1
            for i in range(n0):
                b2[base + i] = (((({key} - low) >> dropped) & digits) << bits) | i
            call_service(sorter, at(b2, base), n0, 0)
            i = 0
            moved = 0
            while i < n0 and moved <= {MOVES} * n0:
                place = b2[base + i] & ((1 << bits) - 1)
                element = b0[base + place]
                j = i
                while j > 0 and {later}:
                    b1[base + j] = b1[base + j - 1]
                    b2[base + j] = b2[base + j - 1]
                    j = j - 1
                b1[base + j] = element
                b2[base + j] = place
                moved = moved + i - j
                i = i + 1
            done = select(i == n0, 1, 0)"""


def _by_digits(call: Call) -> str:
    """Records of a key, and where asked for a position, go from one half of the room to the other, digit by digit.

    Digits that all elements share are left out. Zeros of both signs are equal where positions are asked for.
    """
    width = 1 if "values" in call.flags else 2
    digits = DTYPES[call.dtype].itemsize
    unsigned_zero = f" + cast_{call.dtype}(0.0)" if call.dtype[0] == "f" and width == 2 else ""
    keep = f"records[i * {width} + 1] = i" if width == 2 else ""
    move = f"records[there + place * {width} + 1] = records[here + i * {width} + 1]" if width == 2 else ""
    if width == 2:
        finish = """b2[base + i] = records[here + i * 2 + 1]
                b1[base + i] = b0[base + records[here + i * 2 + 1]]"""
    else:
        finish = f"b1[base + i] = from_sort_key_{call.dtype}(records[here + i])"
    return f"""
            records = at(b5, row * 4 * n0)
            counts = at(b6, row * 2048)
            for i in range({256 * digits}):
                counts[i] = 0
            for i in range(n0):
                key = sort_key_{call.dtype}(b0[base + i]{unsigned_zero})
                records[i * {width}] = key
                {keep}
{_counted(digits)}
            here = 0
            for digit in range({digits}):
                flipped = select(digit == {digits - 1}, 128, 0)
                shared = counts[digit * 256 + (((records[here] >> (8 * digit)) & 255) ^ flipped)]
                if shared < n0:
                    there = {width} * n0 - here
                    total = 0
                    for i in range(256):
                        many = counts[digit * 256 + i]
                        counts[digit * 256 + i] = total
                        total = total + many
                    for i in range(n0):
                        key = records[here + i * {width}]
                        bin = digit * 256 + (((key >> (8 * digit)) & 255) ^ flipped)
                        place = counts[bin]
                        counts[bin] = place + 1
                        records[there + place * {width}] = key
                        {move}
                    here = there
            for i in range(n0):
                {finish}
"""


def _counted(digits: int) -> str:
    """One more of each digit of a key; the last one has the sign."""
    flipped = [""] * (digits - 1) + [" ^ 128"]
    lines = (f"counts[{256 * d} + (((key >> {8 * d}) & 255){flip})] += 1" for d, flip in enumerate(flipped))
    return "\n".join(f"{' ' * 16}{line}" for line in lines)


def ranked(call: Call) -> str:
    """The elements of rows at ranks, and where they stand: those that a stable sort would put there.

    Operands and results: x, ranks, elements, positions; room: keys and positions, counts.
    """
    top = 8 * DTYPES[call.dtype].itemsize - 8
    unsigned_zero = f" + cast_{call.dtype}(0.0)" if call.dtype[0] == "f" else ""
    return f"""
    for row in range(start, stop):
        base = row * n0
        keys = at(b4, row * 3 * n0)
        kept = at(keys, n0)
        places = at(kept, n0)
        first = at(b5, row * 512)
        counts = at(first, 256)
        for i in range(n0):
            keys[i] = sort_key_{call.dtype}(b0[base + i]{unsigned_zero})
        if n0 >= {FEW}:
            for i in range(256):
                first[i] = 0
            for i in range(n0):
                first[((keys[i] >> {top}) & 255) ^ 128] += 1
        for e in range(n1):
            sought = least(greatest(b1[row * n1 + e], 0), n0 - 1)
            left = n0
            shift = {top}
            while left >= {FEW} and shift >= 0:
{_narrowed(top)}
            if left == n0 and shift == {top}:
                for i in range(n0):
                    kept[i] = keys[i]
                    places[i] = i
{_IN_ORDER}
            b3[row * n1 + e] = places[sought]
            b2[row * n1 + e] = b0[base + places[sought]]
"""


_IN_ORDER = f"""\
            if left < {FEW}:
                for i in range(1, left):
                    key = kept[i]
                    place = places[i]
                    j = i
                    while j > 0 and key < kept[j - 1]:
                        kept[j] = kept[j - 1]
                        places[j] = places[j - 1]
                        j = j - 1
                    kept[j] = key
                    places[j] = place"""  # what is left, by insertion


def _narrowed(top: int) -> str:
    """Keep only what has the digit of what is sought, whose rank is then among these."""
    return f"""\
                if shift == {top}:
                    for i in range(256):
                        counts[i] = first[i]
                else:
                    for i in range(256):
                        counts[i] = 0
                    for i in range(left):
                        counts[(kept[i] >> shift) & 255] += 1
                bin = 0
                while sought >= counts[bin]:
                    sought = sought - counts[bin]
                    bin = bin + 1
                many = 0
                if shift == {top}:
                    for i in range(n0):
                        kept[many] = keys[i]
                        places[many] = i
                        many = many + select(((keys[i] >> {top}) & 255) == (bin ^ 128), 1, 0)
                else:
                    for i in range(left):
                        key = kept[i]
                        kept[many] = key
                        places[many] = places[i]
                        many = many + select(((key >> shift) & 255) == bin, 1, 0)
                left = many
                shift = shift - 8"""
