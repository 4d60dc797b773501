"""The third kernel: eigenvectors of the triangular form, and of the matrix.

Of each eigenvalue one thread solves (T - w) x = 0 upwards from the row of the eigenvalue. What it finds stands below
the diagonal of T, in the row of the eigenvalue, where nothing is read any more; of two conjugate ones the real part in
the first row, the imaginary part in the second. Then Z X takes Z's place, from the last column on.

Source: Golub and Van Loan, "Matrix computations" (2013), section 7.6.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.codegen.cuda_eigen.numbers import PRECISION, SMALLEST, Number, Writer

TALLEST = {"f64": 2.0**256, "f32": 2.0**32}  # a component beyond it scales the whole vector down


class Solving(Writer):
    """Lines of the thread that has eigenvalue k. ``kind``: ``real``, ``pair`` (of a real matrix) or ``complex``."""

    def __init__(self, lines: Writer, kind: str):
        super().__init__(lines.dtype, lines.width)
        self.lines, self.indent, self.kind = lines.lines, lines.indent, kind

    @property
    def is_complex(self) -> bool:
        """Whether components are."""
        return self.kind != "real"

    def component(self, m: str) -> Number:
        """Of the vector, above the eigenvalue's rows."""
        return Number(self.t("k", m).re, self.t("k + 1", m).re) if self.kind == "pair" else self.t("k", m)

    def heads(self) -> list[tuple[str, Number]]:
        """Columns of the eigenvalue's own rows, and their components."""
        return [("k", Number("head")), *([("k + 1", Number("", "head1"))] if self.kind == "pair" else [])]

    def total(self, name: str, row: str, first: str) -> Number:
        """Of T's row, what the components from ``first`` on give."""
        zero = self.real(0)
        begun = [self.t(row, "k") * Number("head")]
        parts = [*begun[0].parts, zero][: 1 + self.is_complex]
        if self.kind == "pair":
            parts[1] = f"({self.t(row, 'k + 1').re} * head1)"
        found = self.put(name, Number(*parts))
        with self.inside(f"for q in range({first}, k):"):
            self.store(found, self.put("x", found + self.t(row, "q") * self.component("q")))
        return found

    def divided(self, name: str, upper: Number, lower: Number, first: str, others: Sequence[Number]) -> Number:
        """``upper / lower``; where it would be too large, all that was found is scaled down first, ``others`` too."""
        add = self.add
        zero = Number(*[self.real(0)] * len(lower.parts))
        down = self.put("down", lower)
        add(f"size = {self.size(lower)}")
        with self.inside("if size < least_size:"):
            add("size = least_size")
            self.store(down, Number("least_size", *zero.parts[1:]))
        self.store(down, self.put("x", down.over("size")))
        add(f"top = {self.size(upper)}")
        add("unit = size")
        with self.inside(f"if top > {self.real(TALLEST[self.dtype])} * size:"):
            add("shrink = size / top")
            with self.inside(f"for q in range({first}, k):"):
                place = self.component("q")
                self.store(place, self.put("x", place * Number("shrink")))
            for part in [part for _, head in self.heads() for part in head.parts if part]:
                add(f"{part} = {part} * shrink")
            for other in others:
                self.store(other, self.put("x", other * Number("shrink")))
            add("unit = top")
        found = upper.over("unit")
        if not down.im:
            return self.put(name, found.over(down.re))
        add(f"length = {down.squared}")
        return self.put(name, (self.put("x", found) * down.conjugate).over("length"))


def print_vectors(lines: Writer) -> None:
    """``w``: eigenvalues of T, then those of the matrix; ``z``: the basis' transpose, then the vectors as rows."""
    add = lines.add
    add("heads = at(small, 1 + 3 * n0)")
    least = f"cast_{lines.dtype}(n0) * {lines.real(SMALLEST[lines.dtype] / PRECISION[lines.dtype])}"
    with lines.inside("for k in range(thread, n0, threads):"):
        add(f"least_size = {lines.real(PRECISION[lines.dtype])} * {lines.size(Number('w[2 * k]', 'w[2 * k + 1]'))}")
        lines.greater("least_size", least)
        if lines.width == 2:
            _solve(Solving(lines, "complex"))
        else:
            with lines.inside("if w[2 * k + 1] == 0:"):
                _solve(Solving(lines, "real"))
            with lines.inside("if w[2 * k + 1] > 0:"):
                _solve(Solving(lines, "pair"))
    add("barrier()")
    _product(lines)
    add("barrier()")
    with lines.inside("for k in range(thread, n0, threads):"):
        if lines.width == 2:
            _normalise(lines)
        else:
            with lines.inside("if w[2 * k + 1] >= 0:"):
                _normalise(lines)


def _solve(lines: Solving) -> None:
    add = lines.add
    _begin(lines)
    w = Number("w[2 * k]", "w[2 * k + 1]") if lines.is_complex else Number("w[2 * k]")
    add("j = k - 1")
    with lines.inside("while j >= 0:"):
        total = lines.total("total", "j", "j + 1")
        lower = lines.put("lower", lines.t("j", "j") - w)
        if lines.width == 2:
            _single(lines, total, lower)
        else:
            with lines.inside("if w[2 * j + 1] == 0:"):
                _single(lines, total, lower)
            with lines.inside("else:"):
                _double(lines, total, lower, w)
    for place, head in lines.heads():
        add(f"heads[{place}] = {head.im or head.re}")


def _begin(lines: Solving) -> None:
    """The components of the eigenvalue's own rows: real, and where it is complex a real and an imaginary one."""
    add, one = lines.add, lines.real(1)
    add(f"head = {one}")
    if lines.kind == "pair":
        above, under = lines.t("k", "k + 1").re, lines.t("k + 1", "k").re
        add(f"head1 = {one}")
        with lines.inside(f"if absolute_{lines.dtype}({above}) >= absolute_{lines.dtype}({under}):"):
            add(f"head1 = w[2 * k + 1] / {above}")
        with lines.inside("else:"):
            add(f"head = -w[2 * k + 1] / {under}")


def _negative(number: Number) -> Number:
    return Number(*(f"(-{part})" for part in number.parts))


def _single(lines: Solving, total: Number, lower: Number) -> None:
    found = lines.divided("found", lines.put("upper", _negative(total)), lower, "j + 1", [])
    lines.store(lines.component("j"), found)
    lines.add("j = j - 1")


def _double(lines: Solving, total: Number, lower: Number, w: Number) -> None:
    """Rows j - 1 and j, which are a block: by elimination with the larger element of the first column."""
    before = lines.total("before", "j - 1", "j + 1")
    corner = lines.put("corner", lines.t("j - 1", "j - 1") - w)
    lines.add(f"swapped = absolute_{lines.dtype}({lines.t('j', 'j - 1').re}) > {lines.size(corner)}")
    zeros = [lines.real(0)] * (len(w.parts) - 1)
    beside, under = (Number(lines.t(*place).re, *zeros) for place in (("j - 1", "j"), ("j", "j - 1")))
    first = [lines.put("first", _either(under, corner)), lines.put("right", _either(lower, beside))]
    second = [lines.put("second", _either(corner, under)), lines.put("last", _either(beside, lower))]
    of_first = lines.put("one", _negative(_either(total, before)))
    of_second = lines.put("other", _negative(_either(before, total)))
    ratio = lines.put("ratio", lines.quotient(second[0], first[0]))
    upper = lines.put("upper", of_second - ratio * of_first)
    pivot = lines.put("pivot", second[1] - ratio * first[1])
    low = lines.divided("found", upper, pivot, "j + 1", [of_first])
    upper = lines.put("upper", of_first - first[1] * low)
    high = lines.divided("high", upper, first[0], "j + 1", [low])
    lines.store(lines.component("j"), low)
    lines.store(lines.component("j - 1"), high)
    lines.add("j = j - 2")


def _either(yes: Number, no: Number) -> Number:
    return Number(*(f"select(swapped, {y}, {n})" for y, n in zip(yes.parts, no.parts, strict=True)))


def _product(lines: Writer) -> None:
    """Z X, a row of Z at a time; component k needs those up to k, and its own place is written last."""
    add = lines.add
    with lines.inside("for p in range(thread, n0, threads):"), lines.inside("for back in range(n0):"):
        add("k = n0 - 1 - back")
        if lines.width == 2:
            found = lines.put("found", lines.z("k", "p") * Number("heads[k]"))
            with lines.inside("for q in range(k):"):
                lines.store(found, lines.put("x", found + lines.t("k", "q") * lines.z("q", "p")))
            lines.store(lines.z("k", "p"), found)
            return
        with lines.inside("if w[2 * k + 1] == 0:"):
            _sum(lines, "k", [lines.z("k", "p") * Number("heads[k]")], lambda q: [lines.t("k", q)])
            lines.store(lines.element("z", "k", "p", 2), Number("found0_r", lines.real(0)))
        with lines.inside("if w[2 * k + 1] < 0:"):
            begun = [lines.z(row, "p") * Number(f"heads[{row}]") for row in ("k - 1", "k")]
            _sum(lines, "k - 1", begun, lambda q: [lines.t("k - 1", q), lines.t("k", q)])
            for row, sign in (("k - 1", ""), ("k", "-")):
                lines.store(lines.element("z", row, "p", 2), Number("found0_r", f"{sign}found1_r"))


def _sum(lines: Writer, stop: str, begun: list[Number], factors: Callable[[str], list[Number]]) -> None:
    found = [lines.put(f"found{k}", value) for k, value in enumerate(begun)]
    with lines.inside(f"for q in range({stop}):"):
        for total, factor in zip(found, factors("q"), strict=True):
            lines.store(total, total + factor * lines.z("q", "p"))


def _normalise(lines: Writer) -> None:
    """To length 1; the largest component of a complex vector is real, and conjugate values have conjugate vectors."""
    add, dtype, place = lines.add, lines.dtype, lines.element("z", "k", "p", 2)
    add(f"top = {lines.real(0)}")
    with lines.inside("for p in range(n0):"):
        add(f"size = {lines.size(place)}")
        lines.greater("top", "size")
    with lines.inside("if top > 0:"):
        for line in (f"total = {lines.real(0)}", f"most = {lines.real(-1)}", "best = 0"):
            add(line)
        with lines.inside("for p in range(n0):"):
            add(f"square = {lines.put('x', place.over('top')).squared}")
            add("total = total + square")
            add("best = select(square > most, p, best)")
            lines.greater("most", "square")
        fixed = lines.element("z", "k", "best", 2)
        add(f"most = hypot_{dtype}({fixed.re}, {fixed.im})")
        if lines.width == 1:  # of a real matrix the component keeps its real part's sign, and a real vector its own
            add(f"most = select({fixed.re} < 0, -most, most)")
            add(f"most = select(w[2 * k + 1] == 0, {fixed.re}, most)")
        add(f"turn_r = {fixed.re} / most")
        add(f"turn_i = -{fixed.im} / most")
        add(f"total = sqrt_{dtype}(total)")
        with lines.inside("for p in range(n0):"):
            x = lines.put("y", lines.put("x", place.over("top")).over("total") * Number("turn_r", "turn_i"))
            lines.store(place, Number(x.re, f"select(p == best, {lines.real(0)}, {x.im})"))
            if lines.width == 1:
                with lines.inside("if w[2 * k + 1] > 0:"):
                    lines.store(lines.element("z", "k + 1", "p", 2), Number(place.re, f"-{place.im}"))
