"""Elementary functions of complex numbers, by functions of their parts.

Inverse functions are those of W. Kahan, "Branch cuts for complex elementary functions" (1987): they lie on the side of
a branch cut that the sign of a zero says. Where e**x overflows, so do the products with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F32, F64
from graphc.passes.complex_parts.parts import (
    Parts,
    choose,
    imaginary,
    is_zero,
    mul,
    number,
    over_i,
    scale,
    square,
    times_i,
)

FLAT = 20.0  # beyond it tanh is 1 in double precision, but for a term in exp(-2x)
AT_POLE = {F64: 1e-140, F32: 1e-15}  # nearer than this, a square has lost its digits
MOST_FACTORS = 100  # powers up to here are products, as NumPy's are


def pair(F: Builder, z: Parts) -> tuple[Value, Value]:
    return z.re, imaginary(F, z)


def size(F: Builder, z: Parts) -> Value:
    return F.abs(z.re) if z.im is None else F.hypot(z.re, z.im)


def exp(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    grown = F.exp(x)
    return Parts(F.guarded_mul(F.cos(y), grown), F.guarded_mul(F.sin(y), grown))


def expm1(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    half = F.sin(F.mul(y, 0.5))
    re = F.sub(F.mul(F.expm1(x), F.cos(y)), F.mul(F.square(half), 2.0))
    return Parts(re, F.guarded_mul(F.sin(y), F.exp(x)))


def log_of_size(F: Builder, x: Value, y: Value) -> Value:
    """log(hypot(x, y)), by log1p where that is near 0."""
    far, near = F.maximum(F.abs(x), F.abs(y)), F.minimum(F.abs(x), F.abs(y))
    excess = F.add(F.mul(F.sub(far, 1.0), F.add(far, 1.0)), F.square(near))
    is_near = F.lt(F.abs(excess), 0.5)
    by_excess = F.mul(F.log1p(F.select(is_near, excess, 0.0)), 0.5)
    return F.select(is_near, by_excess, F.log(F.hypot(x, y)))


def log(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    return Parts(log_of_size(F, x, y), F.arctan2(y, x))


def log1p(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    excess = F.add(F.mul(x, F.add(x, 2.0)), F.square(y))
    is_near = F.lt(F.abs(excess), 0.5)
    by_excess = F.mul(F.log1p(F.select(is_near, excess, 0.0)), 0.5)
    moved = F.add(x, 1.0)
    return Parts(F.select(is_near, by_excess, F.log(F.hypot(moved, y))), F.arctan2(y, moved))


def sqrt(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    half = F.sqrt(F.add(F.mul(F.abs(x), 0.5), F.mul(F.hypot(x, y), 0.5)))
    at_zero = F.eq(half, 0.0)
    other = F.select(F.logical_or(at_zero, F.isinf(y)), y, F.div(F.mul(y, 0.5), F.select(at_zero, 1.0, half)))
    right = F.ge(x, 0.0)
    return Parts(F.select(right, half, F.abs(other)), F.select(right, other, F.copysign(half, y)))


def steep(F: Builder, g: Value, p: Value) -> Value:
    """g p, with 0 where g is 0 and p has overflowed."""
    return F.mul(g, F.select(F.eq(g, 0.0), F.copysign(number(F, p, 1.0), p), p))


def sin(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    return Parts(steep(F, F.sin(x), F.cosh(y)), F.mul(F.cos(x), F.sinh(y)))


def cos(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    return Parts(F.mul(F.cos(x), F.cosh(y)), F.neg(steep(F, F.sin(x), F.sinh(y))))


def sinh(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    return Parts(F.mul(F.sinh(x), F.cos(y)), steep(F, F.sin(y), F.cosh(x)))


def cosh(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    return Parts(F.mul(F.cosh(x), F.cos(y)), steep(F, F.sin(y), F.sinh(x)))


def tanh(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    flat = F.gt(F.abs(x), FLAT)
    slope = F.tan(y)
    steep = F.add(F.square(slope), 1.0)
    rise = F.sinh(F.select(flat, 0.0, x))
    below = F.add(F.mul(steep, F.square(rise)), 1.0)
    re = F.div(F.mul(F.mul(steep, F.cosh(F.select(flat, 0.0, x))), rise), below)
    tail = F.mul(F.mul(F.sin(y), F.cos(y)), F.mul(F.exp(F.mul(F.abs(x), -2.0)), 4.0))
    return Parts(F.select(flat, F.sign(x), re), F.select(flat, tail, F.div(slope, below)))


def tan(F: Builder, z: Parts) -> Parts:
    return over_i(F, tanh(F, times_i(F, z)))


def one_more(F: Builder, z: Parts) -> Parts:
    return Parts(F.add(z.re, 1.0), z.im)


def one_less(F: Builder, z: Parts) -> Parts:
    """1 - z."""
    return Parts(F.sub(1.0, z.re), F.neg(imaginary(F, z)))


def far_away(F: Builder, z: Parts) -> Value:
    return F.logical_or(F.isinf(z.re), F.isinf(imaginary(F, z)))


def direction(F: Builder, z: Parts) -> tuple[Value, Value]:
    """Of an infinite number: which of its parts are infinite, 1, and which not, 0, with their signs."""

    def of(x: Value) -> Value:
        return F.copysign(F.cast(F.isinf(x), x.type.dtype), x)

    return of(z.re), of(imaginary(F, z))


def arcsin(F: Builder, z: Parts) -> Parts:
    less, more = sqrt(F, one_less(F, z)), sqrt(F, one_more(F, z))
    (a, b), (c, d), (x, y) = pair(F, less), pair(F, more), direction(F, z)
    real = F.arctan2(z.re, F.sub(F.mul(a, c), F.mul(b, d)))
    imag = F.arcsinh(F.sub(F.mul(a, d), F.mul(b, c)))
    end = Parts(F.arctan2(x, F.abs(y)), F.copysign(number(F, y, math.inf), y))
    return choose(F, far_away(F, z), end, Parts(real, imag))


def arccos(F: Builder, z: Parts) -> Parts:
    less, more = sqrt(F, one_less(F, z)), sqrt(F, one_more(F, z))
    (a, b), (c, d), (x, y) = pair(F, less), pair(F, more), direction(F, z)
    found = Parts(F.mul(F.arctan2(a, c), 2.0), F.arcsinh(F.sub(F.mul(c, b), F.mul(d, a))))
    end = Parts(F.arctan2(F.abs(y), x), F.neg(F.copysign(number(F, y, math.inf), y)))
    return choose(F, far_away(F, z), end, found)


def arccosh(F: Builder, z: Parts) -> Parts:
    less, more = sqrt(F, Parts(F.sub(z.re, 1.0), z.im)), sqrt(F, one_more(F, z))
    (a, b), (c, d), (x, y) = pair(F, less), pair(F, more), direction(F, z)
    found = Parts(F.arcsinh(F.add(F.mul(a, c), F.mul(b, d))), F.mul(F.arctan2(b, c), 2.0))
    return choose(F, far_away(F, z), Parts(number(F, x, math.inf), F.arctan2(y, x)), found)


def arcsinh(F: Builder, z: Parts) -> Parts:
    return over_i(F, arcsin(F, times_i(F, z)))


def arctanh(F: Builder, z: Parts) -> Parts:
    x, y = pair(F, z)
    far = F.abs(x)  # it is odd: near the pole at -1 as near that at 1
    apart = F.hypot(F.sub(1.0, far), y)  # its square would overflow far away
    at_pole = F.lt(apart, AT_POLE[x.type.dtype])
    close = F.mul(F.sub(F.mul(F.log(apart), -1.0), -math.log(2.0)), 0.5)
    safe = F.select(at_pole, 1.0, apart)
    ratio = F.mul(F.div(far, safe), F.div(4.0, safe))
    end, (_, side) = far_away(F, z), direction(F, z)
    size = F.select(end, 0.0, F.select(at_pole, close, F.mul(F.log1p(ratio), 0.25)))
    turned = F.sub(F.mul(F.sub(1.0, x), F.add(x, 1.0)), F.square(y))
    angle = F.select(end, F.copysign(number(F, y, math.pi / 2), side), F.mul(F.arctan2(y, F.mul(turned, 0.5)), 0.5))
    return Parts(F.copysign(size, x), angle)


def arctan(F: Builder, z: Parts) -> Parts:
    return over_i(F, arctanh(F, times_i(F, z)))


def scaled_log(by: float) -> Callable[[Builder, Parts], Parts]:
    return lambda F, z: scale(F, log(F, z), 1.0 / math.log(by))


def exp2(F: Builder, z: Parts) -> Parts:
    return exp(F, scale(F, z, math.log(2.0)))


def reciprocal(F: Builder, z: Parts) -> Parts:
    """As NumPy's, whose zeros are not those of 1 / z."""
    x, y = pair(F, z)
    wide = F.le(F.abs(y), F.abs(x))
    large, small = F.select(wide, x, y), F.select(wide, y, x)
    ratio = F.div(small, large)
    below = F.add(large, F.mul(small, ratio))
    whole, part = F.div(1.0, below), F.div(ratio, below)
    return Parts(F.select(wide, whole, part), F.neg(F.select(wide, part, whole)))


# --- powers -----------------------------------------------------------------------------------------------------------


def whole_power(F: Builder, z: Parts, exponent: int) -> Parts:
    """By repeated squaring."""
    result: Parts | None = None
    power, left = z, abs(exponent)
    while left:
        if left % 2:
            result = power if result is None else mul(F, result, power)
        left //= 2
        power = square(F, power) if left else power
    if result is None:
        return Parts(F.full(z.re.type, 1.0), None)
    return reciprocal(F, result) if exponent < 0 else result


def power(F: Builder, a: Parts, b: Parts, known: complex | None) -> Parts:
    """exp(b log a); 0**0 is 1, and 0 to what has a positive real part is 0. ``known``: the exponent, if a constant."""
    if known is not None and known.imag == 0 and known.real.is_integer() and abs(known.real) <= MOST_FACTORS:
        return whole_power(F, a, int(known.real))
    if known == 0.5:
        return sqrt(F, a)
    at_zero = is_zero(F, a)
    safe = choose(F, at_zero, Parts(number(F, a.re, 1.0), None), a)
    found = exp(F, mul(F, b, log(F, safe)))
    at_origin = choose(
        F,
        is_zero(F, b),
        Parts(number(F, a.re, 1.0), None),
        choose(
            F,
            F.gt(b.re, 0.0),
            Parts(number(F, a.re, 0.0), None),
            Parts(number(F, a.re, math.nan), number(F, a.re, math.nan)),
        ),
    )
    return choose(F, at_zero, at_origin, found)


FUNCTIONS: dict[str, Callable[[Builder, Parts], Parts]] = {
    "exp": exp, "exp2": exp2, "expm1": expm1, "log": log, "log2": scaled_log(2.0), "log10": scaled_log(10.0),
    "log1p": log1p, "sqrt": sqrt, "sin": sin, "cos": cos, "tan": tan, "sinh": sinh, "cosh": cosh, "tanh": tanh,
    "arcsin": arcsin, "arccos": arccos, "arctan": arctan, "arcsinh": arcsinh, "arccosh": arccosh,
    "arctanh": arctanh, "square": square, "reciprocal": reciprocal,
}  # fmt: skip
