"""Text of arithmetic with real and complex numbers: one printer for the matrices of either kind."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.codegen.text import Lines, literal

PRECISION = {"f64": 2.0**-52, "f32": 2.0**-23}
SMALLEST = {"f64": 2.0**-1022, "f32": 2.0**-126}  # normal number
LARGEST = {"f64": (2 - 2.0**-52) * 2.0**1023, "f32": (2 - 2.0**-23) * 2.0**127}


@dataclass(frozen=True)
class Number:
    """The texts of a number's parts: names, elements of arrays, or expressions; ``im`` is empty for a real one."""

    re: str
    im: str = ""

    def __add__(self, other: Number) -> Number:
        im = f"({self.im} + {other.im})" if self.im and other.im else self.im or other.im
        return Number(f"({self.re} + {other.re})", im)

    def __sub__(self, other: Number) -> Number:
        if other.im:
            return Number(f"({self.re} - {other.re})", f"({self.im} - {other.im})" if self.im else f"(-{other.im})")
        return Number(f"({self.re} - {other.re})", self.im)

    def __mul__(self, other: Number) -> Number:
        a, b = self, other
        if not (a.im and b.im):
            ims = [f"({x.im} * {y.re})" for x, y in ((a, b), (b, a)) if x.im]
            return Number(f"({a.re} * {b.re})", *ims)
        return Number(f"({a.re} * {b.re} - {a.im} * {b.im})", f"({a.re} * {b.im} + {a.im} * {b.re})")

    @property
    def conjugate(self) -> Number:
        return Number(self.re, f"(-{self.im})") if self.im else self

    @property
    def parts(self) -> list[str]:
        return [self.re, self.im] if self.im else [self.re]

    def over(self, real: str) -> Number:
        """Divided by a real number."""
        return Number(*(f"({part} / {real})" for part in self.parts))

    @property
    def squared(self) -> str:
        """Of its absolute value."""
        return " + ".join(f"{part} * {part}" for part in self.parts)


class Writer(Lines):
    """Lines of a kernel whose numbers have this dtype, with ``width`` of them in an element of a matrix, 1 or 2."""

    def __init__(self, dtype: str, width: int):
        super().__init__()
        self.dtype, self.width = dtype, width

    def real(self, value: float) -> str:
        """A constant."""
        return literal(self.dtype, repr(float(value)))

    def size(self, number: Number) -> str:
        """The sum of the parts' absolute values."""
        return "(" + " + ".join(f"absolute_{self.dtype}({part})" for part in number.parts) + ")"

    def named(self, name: str, *, is_complex: bool) -> Number:
        return Number(f"{name}_r", f"{name}_i") if is_complex else Number(f"{name}_r")

    def put(self, name: str, value: Number) -> Number:
        """Variables for a number. A complex ``value`` may not read the variables that it gets."""
        found = self.named(name, is_complex=bool(value.im))
        for variable, part in zip(found.parts, value.parts, strict=True):
            self.add(f"{variable} = {part}")
        return found

    def store(self, place: Number, value: Number) -> None:
        """``value``: of variables, as its parts are read one after the other."""
        for target, part in zip(place.parts, value.parts, strict=True):
            self.add(f"{target} = {part}")

    def element(self, array: str, row: str, column: str, width: int = 0) -> Number:
        """Of a matrix with ``n0`` columns."""
        place = f"({row}) * n0 + {column}"
        if (width or self.width) == 1:
            return Number(f"{array}[{place}]")
        return Number(f"{array}[({place}) * 2]", f"{array}[({place}) * 2 + 1]")

    def t(self, row: str, column: str) -> Number:
        """Of the matrix that becomes triangular."""
        return self.element("t", row, column)

    def z(self, row: str, column: str) -> Number:
        """Of the basis' transpose, whose elements take two numbers; of real matrices the second ones are not used."""
        return Number(*self.element("z", row, column, 2).parts[: self.width])

    def quotient(self, x: Number, y: Number) -> Number:
        """``x / y``; the parts of y are scaled first, so that no square leaves the range."""
        if not y.im:
            return x.over(y.re)
        self.add(f"size = {self.size(y)}")
        scaled = self.put("scaled", y.over("size"))
        self.add(f"length = {scaled.squared}")
        return (self.put("upper", x.over("size")) * scaled.conjugate).over("length")

    def greater(self, name: str, value: str) -> None:
        """``name = max(name, value)``."""
        self.add(f"{name} = select({value} > {name}, {value}, {name})")
