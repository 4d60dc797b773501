"""The first kernel: a matrix is balanced, and brought to upper Hessenberg form.

Sources: Osborne, "On pre-conditioning of matrices" (1960); James, Langou and Lowery, "On matrix balancing and
eigenvector computation" (2014), for the norms; Golub and Van Loan, "Matrix computations" (2013), section 7.4. Rows and
columns are looked at in LAPACK's order, since that of the eigenvalues follows from it.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.codegen.cuda_eigen.numbers import LARGEST, PRECISION, SMALLEST, Number, Writer

ENOUGH = 0.95  # what a scaling has to leave of the norms, to be made
STEP = {"f64": 2.0**64, "f32": 2.0**16}  # by which matrices of very large or small numbers are scaled at once


def print_reduction(lines: Writer, *, vectors: bool) -> None:
    """``t``: the form; ``z``: the transpose of a basis Z with A Z = Z T; ``small``: the scale of T, and room."""
    _copy(lines, vectors=vectors)
    with lines.inside(f"if largest <= {lines.real(LARGEST[lines.dtype])}:"):
        _set_apart(lines, vectors=vectors)
        _balance(lines, vectors=vectors)
        _hessenberg(lines, vectors=vectors)


def _copy(lines: Writer, *, vectors: bool) -> None:
    """Scaled, so that no product of two numbers leaves the range; infinite and NaN are told as such."""
    dtype, w, add = lines.dtype, lines.width, lines.add
    bound = SMALLEST[dtype] ** 0.5 / PRECISION[dtype]
    add(f"largest = {lines.real(0)}")
    add("barrier()")
    with lines.inside(f"for p in range(thread, n0 * n0 * {w}, threads):"):
        add(f"size = absolute_{dtype}(given[p])")
        lines.greater("largest", f"select(size <= {lines.real(LARGEST[dtype])}, size, {_infinite(dtype)})")
    add("meeting[thread] = largest")
    add("barrier()")
    with lines.inside("for other in range(threads):"):
        lines.greater("largest", "meeting[other]")
    add(f"scale = {lines.real(1)}")
    with lines.inside(f"if largest <= {lines.real(LARGEST[dtype])}:"):
        with lines.inside(f"while largest * scale > {lines.real(1 / bound)}:"):
            add(f"scale = scale * {lines.real(1 / STEP[dtype])}")
        with lines.inside(f"while largest != 0 and largest * scale < {lines.real(bound)}:"):
            add(f"scale = scale * {lines.real(STEP[dtype])}")
    with lines.inside("if thread == 0:"):
        add("small[0] = scale")
        add(f"b3[e] = select(largest <= {lines.real(LARGEST[dtype])}, 0, 1)")
    with lines.inside(f"for p in range(thread, n0 * n0 * {w}, threads):"):
        add("t[p] = given[p] * scale")
    with lines.inside("for p in range(thread, n0, threads):"):
        add(f"small[1 + p] = {lines.real(1)}")
    if vectors:
        with lines.inside("for p in range(thread, n0 * n0, threads):"):
            add(f"z[2 * p] = select(p // n0 == p % n0, {lines.real(1)}, {lines.real(0)})")
            add(f"z[2 * p + 1] = {lines.real(0)}")
    add("barrier()")


def _infinite(dtype: str) -> str:
    return "inf" if dtype == "f64" else "cast_f32(inf)"


def _set_apart(lines: Writer, *, vectors: bool) -> None:
    """Rows, then columns, that are zero beside the diagonal have an eigenvalue there: they go to the end, and to the
    beginning; rows and columns ``first`` to ``last`` are left."""
    add = lines.add
    for line in ("first = 0", "last = n0 - 1", "going = 1"):
        add(line)
    with lines.inside("while going == 1:"):
        add("going = 0")
        with lines.inside("for i in range(last, -1, -1):"):
            _unless_alone(lines, "range(0, last + 1)", lambda j: lines.t("i", j))
            with lines.inside("if alone == 1 and last >= 0:"):
                _exchange(lines, "i", "last", vectors=vectors)
                add("going = select(last > 0, 1, 0)")
                add("last = last - 1")
    add("going = select(last > 0, 1, 0)")
    with lines.inside("while going == 1:"):
        add("going = 0")
        with lines.inside("for i in range(first, last + 1):"):
            _unless_alone(lines, "range(first, last + 1)", lambda j: lines.t(j, "i"))
            with lines.inside("if alone == 1:"):
                _exchange(lines, "i", "first", vectors=vectors)
                add("going = 1")
                add("first = first + 1")


def _unless_alone(lines: Writer, span: str, element: Callable[[str], Number]) -> None:
    lines.add("alone = 1")
    with lines.inside(f"for j in {span}:"):
        nothing = " and ".join(f"{part} == 0" for part in element("j").parts)
        with lines.inside(f"if not (j == i or ({nothing})):"):
            lines.add("alone = 0")
            lines.add("break")


def _exchange(lines: Writer, one: str, other: str, *, vectors: bool) -> None:
    """Columns, and then rows: what a thread changes of the columns another one may have in its rows."""
    with lines.inside(f"if {one} != {other}:"):
        lines.add("barrier()")
        with lines.inside("for q in range(thread, n0, threads):"):
            _swap(lines, lines.t("q", one), lines.t("q", other))
            if vectors:
                _swap(lines, lines.z(one, "q"), lines.z(other, "q"))
        lines.add("barrier()")
        with lines.inside("for q in range(thread, n0, threads):"):
            _swap(lines, lines.t(one, "q"), lines.t(other, "q"))
        lines.add("barrier()")


def _swap(lines: Writer, one: Number, other: Number) -> None:
    before, after = lines.put("x", one), lines.put("y", other)
    lines.store(one, after)
    lines.store(other, before)


def _balance(lines: Writer, *, vectors: bool) -> None:
    """Rows and columns are scaled by powers of 2, until their norms are alike."""
    add = lines.add
    add("going = select(first < last, 1, 0)")
    with lines.inside("while going == 1:"):
        add("going = 0")
        with lines.inside("for i in range(first, last + 1):"):
            _norm(lines, "c", "range(0, last + 1)", lambda j: lines.t(j, "i"))
            _norm(lines, "r", "range(first, n0)", lambda j: lines.t("i", j))
            with lines.inside("if c != 0 and r != 0:"):
                _factor(lines)
                add("known = small[1 + i]")
                least, most = _range(lines)
                with lines.inside(
                    f"if c + r < {lines.real(ENOUGH)} * total and not (f < 1 and known < 1 and f * known <= {least})"
                    f" and not (f > 1 and known > 1 and known >= {most} / f):"
                ):
                    _scale(lines, vectors=vectors)
                    add("going = 1")


def _norm(lines: Writer, name: str, span: str, element: Callable[[str], Number]) -> None:
    """The 2-norm of what is left, and the largest number of all that is scaled with it."""
    add, top = lines.add, f"{name}_top"
    add(f"{top} = {lines.real(0)}")
    with lines.inside(f"for j in {span}:"):
        add(f"size = {lines.size(element('j'))}")
        lines.greater(top, "size")
    add(f"{name} = {lines.real(0)}")
    with lines.inside(f"if {top} != 0:"):
        with lines.inside("for j in range(first, last + 1):"):
            part = lines.put("x", element("j").over(top))
            add(f"{name} = {name} + {part.squared}")
        add(f"{name} = {top} * sqrt_{lines.dtype}({name})")


def _range(lines: Writer) -> tuple[str, str]:
    least = SMALLEST[lines.dtype] / PRECISION[lines.dtype]
    return lines.real(least), lines.real(1 / least)


def _factor(lines: Writer) -> None:
    """``f``: the power of 2 that brings a column's norm c and a row's norm r together."""
    add = lines.add
    for line in (f"f = {lines.real(1)}", "total = c + r", "g = r / 2"):
        add(line)
    _by_two(lines, "c < g", ("f", "c", "c_top"), ("r", "g", "r_top"))
    add("g = c / 2")
    _by_two(lines, "g >= r", ("r", "r_top"), ("f", "c", "g", "c_top"))


def _by_two(lines: Writer, condition: str, up: tuple[str, ...], down: tuple[str, ...]) -> None:
    """Twice and half of these, as long as the condition holds and none leaves the range."""
    least = 2 * SMALLEST[lines.dtype] / PRECISION[lines.dtype]
    inside = [*(f"{x} < {lines.real(1 / least)}" for x in up), *(f"{x} > {lines.real(least)}" for x in down)]
    with lines.inside(f"while {condition} and {' and '.join(inside)}:"):
        for name in up:
            lines.add(f"{name} = {name} * 2")
        for name in down:
            lines.add(f"{name} = {name} / 2")


def _scale(lines: Writer, *, vectors: bool) -> None:
    """Row i by 1 / f, column i by f; the element of both stays."""
    add, factor, inverse = lines.add, Number("f"), Number("inverse")
    add("inverse = 1 / f")
    add("barrier()")
    with lines.inside("if thread == 0:"):
        add("small[1 + i] = known * f")
    with lines.inside("for q in range(thread, n0, threads):"):
        with lines.inside("if q != i:"):
            with lines.inside("if q >= first:"):
                lines.store(lines.t("i", "q"), lines.put("x", lines.t("i", "q") * inverse))
            with lines.inside("if q <= last:"):
                lines.store(lines.t("q", "i"), lines.put("x", lines.t("q", "i") * factor))
        if vectors:
            lines.store(lines.z("i", "q"), lines.put("x", lines.z("i", "q") * factor))
    add("barrier()")


def _hessenberg(lines: Writer, *, vectors: bool) -> None:
    """Column by column a reflection 1 - tau v v* takes all below the subdiagonal away."""
    add, tau = lines.add, lines.named("tau", is_complex=lines.width == 2)
    add("v = at(small, 1 + n0)")
    with lines.inside("for i in range(first, last - 1):"):
        _reflection(lines, tau)
        with lines.inside(f"if {' or '.join(f'{part} != 0' for part in tau.parts)}:"):
            _apply(lines, "range(thread, last + 1, threads)", lines.t, tau, right=True)
            if vectors:
                _apply(lines, "range(thread, n0, threads)", lambda p, j: lines.z(j, p), tau, right=True)
            add("barrier()")
            _apply(lines, "range(i + 1 + thread, n0, threads)", lambda p, j: lines.t(j, p), tau, right=False)
        add("barrier()")


def _reflection(lines: Writer, tau: Number) -> None:
    """Its vector in ``v``, whose first component is 1, and ``tau``; what stays of the column is real: ``beta``."""
    add, dtype, zero = lines.add, lines.dtype, Number(*[lines.real(0)] * lines.width)
    head = lines.put("head", lines.t("i + 1", "i"))
    add(f"below = {zero.re}")
    with lines.inside("for j in range(i + 2, last + 1):"):
        add(f"size = {lines.size(lines.t('j', 'i'))}")
        lines.greater("below", "size")
    add(f"top = {lines.size(head)}")
    lines.greater("top", "below")
    lines.put("tau", zero)
    lines.put("down", Number(lines.real(1), *zero.parts[1:]))
    add("beta = head_r")
    with lines.inside("if below != 0" + (" or head_i != 0:" if head.im else ":")):
        add(f"total = {lines.put('x', head.over('top')).squared}")
        with lines.inside("for j in range(i + 2, last + 1):"):
            add(f"total = total + {lines.put('x', lines.t('j', 'i').over('top')).squared}")
        add(f"beta = -copysign_{dtype}(top * sqrt_{dtype}(total), head_r)")
        lines.put("tau", Number("((beta - head_r) / beta)", *["(-head_i / beta)"] * (lines.width - 1)))
        lines.put("down", head - Number("beta"))
    add("barrier()")
    with lines.inside("for j in range(i + 1 + thread, last + 1, threads):"):
        x = lines.put("x", lines.t("j", "i"))
        found = lines.put("y", lines.quotient(x, lines.named("down", is_complex=bool(head.im))))
        starts, ends = (Number(first, *zero.parts[1:]) for first in (lines.real(1), "beta"))
        lines.store(_component(lines), _where("j == i + 1", starts, found))
        lines.store(lines.t("j", "i"), _where("j == i + 1", ends, zero))
    add("barrier()")


def _component(lines: Writer) -> Number:
    """Of the reflection's vector."""
    return Number(*(f"v[(j - i - 1) * {lines.width} + {part}]" for part in range(lines.width)))


def _where(condition: str, yes: Number, no: Number) -> Number:
    return Number(*(f"select({condition}, {y}, {n})" for y, n in zip(yes.parts, no.parts, strict=True)))


def _apply(lines: Writer, span: str, element: Callable[[str, str], Number], tau: Number, *, right: bool) -> None:
    """To each row (``right``) or column, which a thread has for itself."""
    v, zero = _component(lines), Number(*[lines.real(0)] * lines.width)
    given, taken = (v, v.conjugate) if right else (v.conjugate, v)
    with lines.inside(f"for p in {span}:"):
        total = lines.put("sum", zero)
        with lines.inside("for j in range(i + 1, last + 1):"):
            lines.store(total, lines.put("x", total + element("p", "j") * given))
        share = lines.put("share", total * (tau if right else tau.conjugate))
        with lines.inside("for j in range(i + 1, last + 1):"):
            lines.store(element("p", "j"), lines.put("x", element("p", "j") - share * taken))
