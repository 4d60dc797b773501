"""The second kernel for complex matrices: steps with one shift, down to single rows.

Source: Golub and Van Loan, "Matrix computations" (2013), section 7.5, with Wilkinson's shift. Subdiagonal elements are
complex, too.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.codegen.cuda_eigen.numbers import PRECISION, Number, Writer
from graphc.codegen.cuda_eigen.real_steps import AWAY, EXCEPTIONAL


def print_step(lines: Writer, *, vectors: bool) -> None:
    """One step over the rows ``low`` to ``i``, of two or more."""
    _shift(lines)
    _start(lines)
    tau, u = (lines.named(name, is_complex=True) for name in ("tau", "u"))
    with lines.inside("for k in range(m, i):"):
        _reflection(lines)
        wide = "n0" if vectors else "i + 1"
        _apply(lines, f"range(k + thread, {wide}, threads)", lambda p, j: lines.t(j, p), tau.conjugate, u.conjugate, u)
        lines.add("barrier()")
        first = "0" if vectors else "low"
        _apply(lines, f"range({first} + thread, least(k + 2, i) + 1, threads)", lines.t, tau, u, u.conjugate)
        if vectors:
            _apply(lines, "range(thread, n0, threads)", lambda p, j: lines.z(j, p), tau, u, u.conjugate)
        lines.add("barrier()")


def _shift(lines: Writer) -> None:
    """That eigenvalue of the last two rows which is closer to the last number."""
    add, dtype, t = lines.add, lines.dtype, lines.t
    shift = lines.put("shift", t("i", "i"))
    for when, near, far in (
        (f"rounds % {2 * EXCEPTIONAL} == 0", ("i", "i - 1"), ("i", "i")),
        (f"rounds % {2 * EXCEPTIONAL} == {EXCEPTIONAL}", ("low + 1", "low"), ("low", "low")),
    ):
        with lines.inside(f"if {when}:"):
            away = Number(f"({lines.real(AWAY[0])} * {lines.size(t(*near))})")
            lines.store(shift, lines.put("x", t(*far) + away))
    with lines.inside(f"if rounds % {EXCEPTIONAL} != 0:"):
        above, under = lines.put("above", t("i - 1", "i")), lines.put("under", t("i", "i - 1"))
        half = lines.put("half", (t("i - 1", "i - 1") - shift).over("2"))
        add(f"s = sqrt_{dtype}({lines.size(above)}) * sqrt_{dtype}({lines.size(under)})")
        with lines.inside("if s != 0:"):
            lines.greater("s", lines.size(half))
            x = lines.put("x", half.over("s"))
            both = lines.put("both", above.over("s") * under.over("s"))
            square = lines.put("square", x * x + both)
            root = _root(lines, square)
            add(f"turned = half_r * {root.re} + half_i * {root.im} < 0")
            parts = [f"select(turned, -{part}, {part})" for part in root.parts]
            down = lines.put("down", x + lines.put("y", Number(*parts)))
            lines.store(shift, lines.put("x", shift - lines.quotient(both, down) * Number("s")))


def _root(lines: Writer, square: Number) -> Number:
    """The square root whose real part is not negative."""
    dtype, add = lines.dtype, lines.add
    add(f"length = hypot_{dtype}({square.re}, {square.im})")
    add(f"long = sqrt_{dtype}((length + absolute_{dtype}({square.re})) / 2)")
    add(f"short = select(long > 0, {square.im} / (2 * long), {lines.real(0)})")
    add(f"root_r = select({square.re} >= 0, long, absolute_{dtype}(short))")
    add(f"root_i = select({square.re} >= 0, short, copysign_{dtype}(long, {square.im}))")
    return Number("root_r", "root_i")


def _start(lines: Writer) -> None:
    """Where the step begins, ``m``, and the direction ``v``, ``o`` there: lower than ``low`` where two subdiagonal
    elements are small together."""
    add, dtype, t = lines.add, lines.dtype, lines.t
    add("m = low")
    zero = Number(lines.real(0), lines.real(0))
    v, o, shift = lines.put("v", zero), lines.put("o", zero), lines.named("shift", is_complex=True)
    with lines.inside("for back in range(low, i):"):
        add("m = i - 1 - (back - low)")
        here = lines.put("x", t("m", "m") - shift)
        under = lines.put("y", t("m + 1", "m"))
        add(f"s = {lines.size(here)} + {lines.size(under)}")
        lines.store(v, here.over("s"))
        lines.store(o, under.over("s"))
        with lines.inside("if m == low:"):
            add("break")
        beside = f"{lines.size(t('m', 'm - 1'))} * {lines.size(o)}"
        sizes = f"{lines.size(v)} * ({lines.size(t('m', 'm'))} + {lines.size(t('m + 1', 'm + 1'))})"
        with lines.inside(f"if {beside} <= {lines.real(PRECISION[dtype])} * {sizes}:"):
            add("break")


def _reflection(lines: Writer) -> None:
    """``tau`` and ``u``: 1 - conj(tau) (1, u)(1, u)* takes the vector to its first component, which then stands in the
    matrix."""
    add, dtype, t = lines.add, lines.dtype, lines.t
    v, o = lines.named("v", is_complex=True), lines.named("o", is_complex=True)
    zero = Number(lines.real(0), lines.real(0))
    with lines.inside("if k > m:"):
        lines.store(v, t("k", "k - 1"))
        lines.store(o, t("k + 1", "k - 1"))
    place = "(k * n0 + k - 1) * 2"
    beside = lines.put("beside", Number(*(f"load_where(k > low, t, {place} + {part})" for part in (0, 1))))
    tau, u, beta = lines.put("tau", zero), lines.put("u", zero), lines.put("beta", v)
    with lines.inside("if o_r != 0 or o_i != 0:"):
        add(f"top = {lines.size(v)} + {lines.size(o)}")
        scaled, other = lines.put("x", v.over("top")), lines.put("y", o.over("top"))
        add(f"beta_r = -copysign_{dtype}(top * sqrt_{dtype}({scaled.squared} + {other.squared}), v_r)")
        add(f"beta_i = {zero.im}")
        lines.store(tau, Number("((beta_r - v_r) / beta_r)", "(-v_i / beta_r)"))
        lines.store(u, lines.put("x", lines.quotient(o, lines.put("down", v - beta))))
    add("barrier()")
    with lines.inside("if thread == 0 and k > low:"):
        kept = lines.put("x", beside - beside * tau.conjugate)
        lines.store(
            t("k", "k - 1"), Number(*(f"select(k > m, {b}, {x})" for b, x in zip(beta.parts, kept.parts, strict=True)))
        )
        with lines.inside("if k > m:"):
            lines.store(t("k + 1", "k - 1"), zero)


def _apply(
    lines: Writer, span: str, element: Callable[[str, str], Number], tau: Number, given: Number, taken: Number
) -> None:
    """To columns (or rows) k and k + 1 of what each thread has for itself."""
    with lines.inside(f"for p in {span}:"):
        x, y = lines.put("x", element("p", "k")), lines.put("y", element("p", "k + 1"))
        share = lines.put("share", (x + given * y) * tau)
        lines.store(element("p", "k"), x - share)
        lines.store(element("p", "k + 1"), y - share * taken)


def print_split(lines: Writer, *, vectors: bool) -> None:
    """The eigenvalue of the last row."""
    with lines.inside("if thread == 0:"):
        lines.store(Number("w[2 * i]", "w[2 * i + 1]"), lines.t("i", "i"))
    lines.add("barrier()")
