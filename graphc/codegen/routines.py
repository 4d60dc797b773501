"""Printed routines: sorting, searching, calls of LAPACK and transforms, for rows and matrices ``start`` to ``stop``.

A text is a kernel over its buffers ``b0, b1, ...`` (operands, results, room to work in, see ``schedule.routines``), the
sizes ``n0, n1, ...`` of one row or matrix, and ``library``, the address of the table of functions of other libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.codegen.fourier_routines import FOURIER_ROUTINES
from graphc.codegen.lapack_routines import LAPACK_ROUTINES
from graphc.schedule.program import Call

RUN = 8  # elements that are sorted by insertion, before runs are merged

Printer = Callable[[Call], str]


def precedes(dtype: str, a: str, b: str) -> str:
    """Whether a stands before b in the order of sorting, in which NaN is last."""
    if dtype[0] == "f":
        return f"({a} < {b} or ({a} == {a} and {b} != {b}))"
    return f"({a} < {b})"


def sort(call: Call) -> str:
    """Runs by insertion, then merges of neighbours, keys and positions beside each other; stable."""
    before = precedes(call.dtype, "key", "b1[base + j - 1]")
    later_first = precedes(call.dtype, "b1[base + j]", "b1[base + i]")
    return f"""
    for row in range(start, stop):
        base = row * n0
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


EVERY_ELEMENT = """
    for row in range(start, stop):
        for e in range(n1):"""


def search(call: Call, loops: str = EVERY_ELEMENT) -> str:
    """Bisection for each element ``e`` of each row, in these loops."""
    element, key = "b0[row * n0 + middle]", "key"
    if "right" in call.flags:
        goes_on = f"not {precedes(call.dtype, key, element)}"
    else:
        goes_on = precedes(call.dtype, element, key)
    return f"""{loops}
            key = b1[row * n1 + e]
            low = 0
            high = n0
            while low < high:
                middle = (low + high) // 2
                if {goes_on}:
                    low = middle + 1
                else:
                    high = middle
            b2[row * n1 + e] = low
"""


def exchanged(call: Call) -> str:
    """The order after exchanges, and its inverse; a position outside of the row counts as its end."""
    return """
    for row in range(start, stop):
        base = row * n0
        for j in range(n0):
            b1[base + j] = j
        for j in range(n0):
            other = least(greatest(b0[base + j], 0), n0 - 1)
            kept = b1[base + j]
            b1[base + j] = b1[base + other]
            b1[base + other] = kept
        for j in range(n0):
            b2[base + b1[base + j]] = j
"""


ROUTINES: Mapping[str, Printer] = {
    "sort": sort,
    "search": search,
    "exchanged": exchanged,
    **LAPACK_ROUTINES,
    **FOURIER_ROUTINES,
}


def print_routine(call: Call) -> tuple[str, str]:
    """The kernel's text, named ``NAME``, and which library it calls ("" for none): its last argument is the table."""
    body = ROUTINES[call.name](call)
    library = "lapack" if call.name in LAPACK_ROUTINES else "fourier" if call.name in FOURIER_ROUTINES else ""
    names = [f"b{k}" for k in range(len(call.buffers))] + [f"n{k}" for k in range(len(call.sizes))]
    arguments = ", ".join([*names, *(["library"] if library else []), "start", "stop"])
    return f"def NAME({arguments}):{body}", library
