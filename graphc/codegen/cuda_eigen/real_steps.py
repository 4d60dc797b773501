"""The second kernel for real matrices: steps with two shifts at once, down to blocks of one or two rows.

Sources: Francis, "The QR transformation", parts 1 and 2 (1961, 1962); Ahues and Tisseur, "A new deflation criterion for
the QR algorithm" (1997); Bai and Demmel, "On swapping diagonal blocks in real Schur form" (1993), for blocks of two
rows.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.codegen.cuda_eigen.numbers import PRECISION, Number, Writer

EXCEPTIONAL = 10  # steps without a deflation, after which the shifts are others
AWAY = 0.75, -0.4375


def print_step(lines: Writer, *, vectors: bool) -> None:
    """One step over the rows ``low`` to ``i``, of two or more."""
    _shifts(lines)
    _start(lines)
    with lines.inside("for k in range(m, i):"):
        _reflection(lines)
        wide = "n0" if vectors else "i + 1"
        _apply(lines, f"range(k + thread, {wide}, threads)", lambda p, j: lines.t(j, p))
        lines.add("barrier()")
        first = "0" if vectors else "low"
        _apply(lines, f"range({first} + thread, least(k + 3, i) + 1, threads)", lines.t)
        if vectors:
            _apply(lines, "range(thread, n0, threads)", lambda p, j: lines.z(j, p))
        lines.add("barrier()")


def _shifts(lines: Writer) -> None:
    """The eigenvalues of the last two rows; of real ones that twice which is closer to the last number."""
    add, dtype, t = lines.add, lines.dtype, lambda i, j: lines.t(i, j).re
    first, second = (lines.real(x) for x in AWAY)
    for name, place in (("11", ("i - 1", "i - 1")), ("21", ("i", "i - 1")), ("12", ("i - 1", "i")), ("22", ("i", "i"))):
        add(f"h{name} = {t(*place)}")
    for when, near, above, far in (
        (f"rounds % {2 * EXCEPTIONAL} == 0", ("i", "i - 1"), ("i - 1", "i - 2"), ("i", "i")),
        (f"rounds % {2 * EXCEPTIONAL} == {EXCEPTIONAL}", ("low + 1", "low"), ("low + 2", "low + 1"), ("low", "low")),
    ):
        with lines.inside(f"if {when}:"):
            add(f"s = absolute_{dtype}({t(*near)}) + absolute_{dtype}({t(*above)})")
            add(f"h11 = {first} * s + {t(*far)}")
            add(f"h12 = {second} * s")
            add("h21 = s")
            add("h22 = h11")
    add("s = " + " + ".join(f"absolute_{dtype}({h})" for h in ("h11", "h12", "h21", "h22")))
    for name in ("shift1", "shift2", "turn"):
        add(f"{name} = {lines.real(0)}")
    with lines.inside("if s != 0:"):
        for name in ("h11", "h12", "h21", "h22"):
            add(f"{name} = {name} / s")
        add("middle = (h11 + h22) / 2")
        add("det = (h11 - middle) * (h22 - middle) - h12 * h21")
        add(f"apart = sqrt_{dtype}(absolute_{dtype}(det))")
        add(f"turn = select(det >= 0, apart * s, {lines.real(0)})")
        add("shift1 = middle + apart")
        add("shift2 = middle - apart")
        is_first = f"absolute_{dtype}(shift1 - h22) <= absolute_{dtype}(shift2 - h22)"
        add(f"shift1 = select(det >= 0, middle, select({is_first}, shift1, shift2)) * s")
        add("shift2 = shift1")


def _start(lines: Writer) -> None:
    """Where the step begins, ``m``, and the direction ``v0``, ``v1``, ``v2`` there: lower than ``low`` where two
    subdiagonal elements are small together."""
    add, dtype, t = lines.add, lines.dtype, lambda i, j: lines.t(i, j).re
    add("m = low")
    for name in ("v0", "v1", "v2"):
        add(f"{name} = {lines.real(0)}")
    with lines.inside("for back in range(low, i - 1):"):
        add("m = i - 2 - (back - low)")
        add(f"under = {t('m + 1', 'm')}")
        add(f"here = {t('m', 'm')}")
        add(f"next = {t('m + 1', 'm + 1')}")
        add(f"s = absolute_{dtype}(here - shift2) + absolute_{dtype}(turn) + absolute_{dtype}(under)")
        add("part = under / s")
        turning = "turn * (turn / s)"
        add(f"v0 = part * {t('m', 'm + 1')} + (here - shift1) * ((here - shift2) / s) + {turning}")
        add("v1 = part * (here + next - shift1 - shift2)")
        add(f"v2 = part * {t('m + 2', 'm + 1')}")
        add("s = " + " + ".join(f"absolute_{dtype}({v})" for v in ("v0", "v1", "v2")))
        for name in ("v0", "v1", "v2"):
            add(f"{name} = {name} / s")
        with lines.inside("if m == low:"):
            add("break")
        add(f"beside = absolute_{dtype}({t('m', 'm - 1')}) * (absolute_{dtype}(v1) + absolute_{dtype}(v2))")
        sizes = f"absolute_{dtype}({t('m - 1', 'm - 1')}) + absolute_{dtype}(here) + absolute_{dtype}(next)"
        with lines.inside(f"if beside <= {lines.real(PRECISION[dtype])} * absolute_{dtype}(v0) * ({sizes}):"):
            add("break")


def _reflection(lines: Writer) -> None:
    """``tau``, ``u1`` and ``u2``: 1 - tau (1, u1, u2)(1, u1, u2)' takes the vector to its first component, which then
    stands in the matrix."""
    add, dtype, t = lines.add, lines.dtype, lambda i, j: lines.t(i, j).re
    add("three = k + 2 <= i")
    with lines.inside("if k > m:"):
        add(f"v0 = {t('k', 'k - 1')}")
        add(f"v1 = {t('k + 1', 'k - 1')}")
        add("v2 = load_where(three, t, (k + 2) * n0 + k - 1)")
    add("beside = load_where(k > low, t, k * n0 + k - 1)")
    add(f"top = absolute_{dtype}(v0)")
    for name in ("v1", "v2"):
        lines.greater("top", f"absolute_{dtype}({name})")
    for name in ("tau", "u1", "u2"):
        add(f"{name} = {lines.real(0)}")
    add("beta = v0")
    with lines.inside("if v1 != 0 or v2 != 0:"):
        squares = " + ".join(f"({v} / top) * ({v} / top)" for v in ("v0", "v1", "v2"))
        add(f"beta = -copysign_{dtype}(top * sqrt_{dtype}({squares}), v0)")
        add("tau = (beta - v0) / beta")
        add("u1 = v1 / (v0 - beta)")
        add("u2 = v2 / (v0 - beta)")
    add("barrier()")
    with lines.inside("if thread == 0 and k > low:"):
        add(f"{t('k', 'k - 1')} = select(k > m, beta, beside * (1 - tau))")
        with lines.inside("if k > m:"):
            add(f"{t('k + 1', 'k - 1')} = {lines.real(0)}")
            with lines.inside("if three:"):
                add(f"{t('k + 2', 'k - 1')} = {lines.real(0)}")


def _apply(lines: Writer, span: str, element: Callable[[str, str], Number]) -> None:
    """To columns (or rows) k to k + 2 of what each thread has for itself."""
    add, places = lines.add, [element("p", j).re for j in ("k", "k + 1", "k + 2")]
    with lines.inside(f"for p in {span}:"):
        array, _, index = places[2].partition("[")
        add(f"x0 = {places[0]}")
        add(f"x1 = {places[1]}")
        add(f"x2 = load_where(three, {array}, {index[:-1]})")
        add("share = (x0 + u1 * x1 + u2 * x2) * tau")
        add(f"{places[0]} = x0 - share")
        add(f"{places[1]} = x1 - share * u1")
        with lines.inside("if three:"):
            add(f"{places[2]} = x2 - share * u2")


def print_split(lines: Writer, *, vectors: bool) -> None:
    """The eigenvalues of the last one or two rows: a block becomes triangular, or has equal diagonal elements."""
    add, t = lines.add, lambda i, j: lines.t(i, j).re
    with lines.inside("if low == i and thread == 0:"):
        add(f"w[2 * i] = {t('i', 'i')}")
        add(f"w[2 * i + 1] = {lines.real(0)}")
    with lines.inside("if low < i:"):
        for name, place in zip("abcd", (("low", "low"), ("low", "i"), ("i", "low"), ("i", "i")), strict=True):
            add(f"{name} = {t(*place)}")
        _rotation(lines)
        add("barrier()")
        with lines.inside("if thread == 0:"):
            for name, place in zip("abcd", (("low", "low"), ("low", "i"), ("i", "low"), ("i", "i")), strict=True):
                add(f"{t(*place)} = {name}")
            add(f"turn = sqrt_{lines.dtype}(absolute_{lines.dtype}(b)) * sqrt_{lines.dtype}(absolute_{lines.dtype}(c))")
            add("w[2 * low] = a")
            add("w[2 * i] = d")
            add("w[2 * low + 1] = turn")
            add("w[2 * i + 1] = -turn")
        if vectors:
            _turn(lines, "range(i + 1 + thread, n0, threads)", lambda p, j: lines.t(j, p))
            _turn(lines, "range(thread, low, threads)", lines.t)
            _turn(lines, "range(thread, n0, threads)", lambda p, j: lines.z(j, p))
    add("barrier()")


def _turn(lines: Writer, span: str, element: Callable[[str, str], Number]) -> None:
    one, other = (element("p", j).re for j in ("low", "i"))
    with lines.inside(f"for p in {span}:"):
        lines.add(f"x0 = {one}")
        lines.add(f"x1 = {other}")
        lines.add(f"{one} = cosine * x0 + sine * x1")
        lines.add(f"{other} = cosine * x1 - sine * x0")


def _rotation(lines: Writer) -> None:
    """``cosine`` and ``sine`` of what brings ((a, b), (c, d)) to that form, and the new a, b, c, d.

    The bound on ``gap`` is no relative one, as in LAPACK, so that real eigenvalues come in its order.
    """
    add, dtype, one, zero = lines.add, lines.dtype, lines.real(1), lines.real(0)
    add(f"cosine = {one}")
    add(f"sine = {zero}")
    with lines.inside("if c != 0 and b == 0:"):
        _assign(lines, cosine=zero, sine=one, b="-c", c=zero, x0="a", a="d", d="x0")
    with lines.inside("else:"), lines.inside("if c != 0 and not (a == d and (b > 0) != (c > 0)):"):
        _assign(lines, x0="a - d", half="x0 / 2")
        add(f"most = absolute_{dtype}(b)")
        lines.greater("most", f"absolute_{dtype}(c)")
        _assign(lines, s=f"absolute_{dtype}(half)")
        lines.greater("s", "most")
        add(f"x1 = absolute_{dtype}(b)")
        add(f"x1 = select(absolute_{dtype}(c) < x1, absolute_{dtype}(c), x1)")
        add("x1 = select((b > 0) != (c > 0), -x1, x1)")
        add("gap = (half / s) * half + (most / s) * x1")
        with lines.inside(f"if gap >= {lines.real(4 * PRECISION[dtype])}:"):
            add(f"gap = half + copysign_{dtype}(sqrt_{dtype}(s) * sqrt_{dtype}(gap), half)")
            _assign(lines, a="d + gap", d="d - most / gap * x1", turn=f"hypot_{dtype}(c, gap)", cosine="gap / turn")
            _assign(lines, sine="c / turn", b="b - c", c=zero)
        with lines.inside("else:"):
            _nearly_equal(lines)


def _nearly_equal(lines: Writer) -> None:
    """Complex eigenvalues, or real ones that are close together: equal diagonal elements first."""
    dtype, zero = lines.dtype, lines.real(0)
    _assign(lines, both="b + c", turn=f"hypot_{dtype}(both, x0)")
    _assign(lines, cosine=f"sqrt_{dtype}((1 + absolute_{dtype}(both) / turn) / 2)")
    _assign(lines, sine=f"-(x0 / 2 / (turn * cosine)) * copysign_{dtype}({lines.real(1)}, both)")
    _assign(lines, aa="a * cosine + b * sine", bb="b * cosine - a * sine")
    _assign(lines, cc="c * cosine + d * sine", dd="d * cosine - c * sine")
    _assign(lines, a="aa * cosine + cc * sine", b="bb * cosine + dd * sine")
    _assign(lines, c="cc * cosine - aa * sine", d="dd * cosine - bb * sine")
    _assign(lines, x0="(a + d) / 2", a="x0", d="x0")
    with lines.inside("if c != 0 and b == 0:"):
        _assign(lines, b="-c", c=zero, x1="cosine", cosine="-sine", sine="x1")
    with lines.inside("else:"), lines.inside("if c != 0 and (b > 0) == (c > 0):"):
        _assign(lines, one=f"sqrt_{dtype}(absolute_{dtype}(b))", other=f"sqrt_{dtype}(absolute_{dtype}(c))")
        _assign(lines, half=f"copysign_{dtype}(one * other, c)", turn=f"1 / sqrt_{dtype}(absolute_{dtype}(b + c))")
        _assign(lines, a="x0 + half", d="x0 - half", b="b - c", c=zero)
        _assign(lines, x1="cosine * (one * turn) - sine * (other * turn)")
        _assign(lines, sine="cosine * (other * turn) + sine * (one * turn)", cosine="x1")


def _assign(lines: Writer, **values: str) -> None:
    for name, value in values.items():
        lines.add(f"{name} = {value}")
