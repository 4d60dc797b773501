"""Functions of scipy.special of complex numbers, composed of SciPy's and elementary ones.

Error functions are the Faddeeva function w times an exponential (DLMF 7.5.1, 7.2.3), near 0 a power series. The gamma
function is Stirling's series (5.11.1, 5.11.2) eight steps up, left of 1/2 reflected (5.5.3, 5.5.4) in forms that
neither overflow nor leave the branch. Values are SciPy's to some units in the last place of their size, and of what
one of the argument makes of it; where one of a value's parts is infinite, the other may be NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.abi import SCIPY_PART
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.trace.functions.arguments import as_array

FAR_UP, FAR_UP_SINGLE = 26.0, 9.0
NEAR, TERMS = 0.5, 13  # up to this size so many terms of the error function's power series
SHIFT, FAR = 8, 50.0  # steps up to where Stirling's series has all digits, which it has by itself from FAR on
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
ROOT_PI = math.sqrt(math.pi)

Form = Callable[..., Value]


def times_i(F: Builder, z: Value) -> Value:
    return F.complex(F.neg(F.imag(z)), F.real(z))


def over_i(F: Builder, z: Value) -> Value:
    return F.complex(F.imag(z), F.neg(F.real(z)))


def scaled(F: Builder, z: Value, factor: float) -> Value:
    """Each part times a real number: as complex numbers, infinite ones would be NaN."""
    return F.complex(F.mul(F.real(z), factor), F.mul(F.imag(z), factor))


def where_negative(F: Builder, negative: Value, z: Value) -> Value:
    return F.select(negative, F.neg(z), z)


def of_parts(F: Builder, name: str, x: Value, y: Value) -> Value:
    return F.complex(*(F.apply(F.ops[f"{name}{SCIPY_PART}{k}"], (x, y), {}) for k in (0, 1)))


def faddeeva(F: Builder, x: Value, y: Value) -> Value:
    return of_parts(F, "wofz", x, y)


def gauss(F: Builder, z: Value) -> Value:
    """``exp(-z**2)``."""
    x, y = F.real(z), F.imag(z)
    return F.exp(F.complex(F.mul(F.sub(y, x), F.add(y, x)), F.mul(F.mul(x, y), -2.0)))


def erfcx(F: Builder, z: Any) -> Value:
    z = as_array(F, z)
    return faddeeva(F, F.neg(F.imag(z)), F.real(z))


def right_erfc(F: Builder, z: Value) -> tuple[Value, Value]:
    """Where the real part is negative, and erfc of z or of -z, whose real part is not."""
    left = F.lt(F.real(z), 0.0)
    right = where_negative(F, left, z)
    return left, F.mul(gauss(F, right), erfcx(F, right))


def ends(F: Builder, z: Value) -> tuple[Value, Value, Value]:
    """Where the real part is infinite; where z is so far up the imaginary axis that ``exp(-z**2)`` may be; z elsewhere.

    There inf times 0 would be NaN.
    """
    x, y = F.real(z), F.imag(z)
    settled = F.logical_and(F.isinf(x), F.isfinite(y))
    axis = F.logical_and(F.eq(x, 0.0), F.gt(F.abs(y), FAR_UP_SINGLE if z.type.dtype == np.complex64 else FAR_UP))
    return settled, axis, F.select(F.logical_or(settled, axis), 1.0, z)


def erf_on_axis(F: Builder, axis: Value, z: Value) -> Value:
    """erf(i y), beside which a real part x has its derivative, though no larger than numbers are."""
    x, y = F.select(axis, F.real(z), 0.0), F.select(axis, F.imag(z), 1.0)
    slope = below_infinity(F, F.add(F.square(y), math.log(2 / ROOT_PI)))
    return F.complex(F.mul(x, slope), F.erfi(y))


def below_infinity(F: Builder, exponent: Value) -> Value:
    """The exponential, or the largest number."""
    return F.exp(F.minimum(exponent, math.log(float(np.finfo(exponent.type.dtype).max)) - 1e-4))


def erfc(F: Builder, z: Any) -> Value:
    z = as_array(F, z)
    settled, axis, rest = ends(F, z)
    left, tail = right_erfc(F, rest)
    found = F.select(left, F.sub(2.0, tail), tail)
    limit = F.select(F.lt(F.real(z), 0.0), 2.0, 0.0)
    return F.select(settled, limit, F.select(axis, F.sub(1.0, erf_on_axis(F, axis, z)), found))


def series(F: Builder, z: Value, sign: float) -> Value:
    """The sum of ``(sign z**2)**n z / (n! (2n + 1))``."""
    square = F.square(z)
    total = F.mul(square, 0.0)
    for n in range(TERMS - 1, -1, -1):
        total = F.add(F.mul(total, square), sign**n / (math.factorial(n) * (2 * n + 1)))
    return F.mul(total, z)


def split(F: Builder, z: Value) -> tuple[Value, Value, Value]:
    """Where z is near 0, the argument for a series there, and that for what holds elsewhere."""
    near = F.lt(F.abs(z), NEAR)
    return near, F.select(near, z, 0.0), F.select(near, 1.0, z)


def erf(F: Builder, z: Any) -> Value:
    z = as_array(F, z)
    settled, axis, rest = ends(F, z)
    near, inner, outer = split(F, rest)
    left, tail = right_erfc(F, outer)
    found = where_negative(F, left, F.sub(1.0, tail))
    found = F.select(near, F.mul(series(F, inner, -1.0), 2 / ROOT_PI), found)
    limit = F.select(F.lt(F.real(z), 0.0), -1.0, 1.0)
    return F.select(settled, limit, F.select(axis, erf_on_axis(F, axis, z), found))


def erfi(F: Builder, z: Any) -> Value:
    return over_i(F, erf(F, times_i(F, as_array(F, z))))


def dawsn(F: Builder, z: Any) -> Value:
    """``i sqrt(pi)/2 (exp(-z**2) - w(z))`` of z or of -z, whichever lies above the real axis."""
    z = as_array(F, z)
    settled, axis, rest = ends(F, z)
    near, inner, outer = split(F, rest)
    below = F.lt(F.imag(outer), 0.0)
    upper = where_negative(F, below, outer)
    gap = F.sub(gauss(F, upper), faddeeva(F, F.real(upper), F.imag(upper)))
    found = where_negative(F, below, F.mul(times_i(F, gap), 0.5 * ROOT_PI))
    found = F.select(near, F.mul(series(F, inner, 1.0), gauss(F, inner)), found)
    found = F.select(axis, dawson_on_axis(F, axis, z), found)
    return F.select(settled, F.copysign(0.0, F.real(z)), found)


def dawson_on_axis(F: Builder, axis: Value, z: Value) -> Value:
    """As ``erf_on_axis``: far up, ``sqrt(pi)/2 exp(y**2)`` along the axis."""
    x, y = F.select(axis, F.real(z), 0.0), F.select(axis, F.imag(z), 1.0)
    size = F.mul(F.exp(F.square(y)), 0.5 * ROOT_PI)
    slope = below_infinity(F, F.add(F.square(y), F.log(F.mul(F.abs(y), ROOT_PI))))
    return F.complex(F.mul(x, slope), F.copysign(size, y))


def ndtr(F: Builder, z: Any) -> Value:
    return scaled(F, erfc(F, scaled(F, as_array(F, z), -math.sqrt(0.5))), 0.5)


def exp1(F: Builder, z: Any) -> Value:
    z = as_array(F, z)
    return of_parts(F, "exp1_z", F.real(z), F.imag(z))


def expi(F: Builder, z: Any) -> Value:
    """``pi i - E1(-z)`` above the real axis, real on it, below its conjugate (DLMF 6.2.6)."""
    z = as_array(F, z)
    found, y = exp1(F, F.neg(z)), F.imag(z)
    above = F.sub(F.copysign(math.pi, y), F.imag(found))
    return F.complex(F.neg(F.real(found)), F.select(F.eq(y, 0.0), 0.0, above))


def xlogy(F: Builder, x: Any, y: Any) -> Value:
    return times_log(F, as_array(F, x), as_array(F, y), F.log)


def xlog1py(F: Builder, x: Any, y: Any) -> Value:
    return times_log(F, as_array(F, x), as_array(F, y), F.log1p)


def times_log(F: Builder, x: Value, y: Value, log: Callable[[Value], Value]) -> Value:
    """The product, which is 0 for x = 0 whatever the logarithm of a number is."""
    nothing = F.logical_and(F.eq(x, 0.0), F.logical_not(F.isnan(y)))
    return F.select(nothing, 0.0, F.mul(x, log(F.select(nothing, 1.0, y))))


# --- the gamma function -----------------------------------------------------------------------------------------------


def polynomial(F: Builder, z: Value, coefficients: Any) -> Value:
    total = F.mul(z, 0.0)
    for coefficient in reversed(coefficients):
        total = F.add(F.mul(total, z), coefficient)
    return total


def to_the_right(F: Builder, z: Value) -> tuple[Value, Value, Value, Value, Value]:
    """Where z was conjugated to lie above the real axis, and reflected; z so, and its image right of 1/2, also above.

    The last one: ``exp(2 pi i z) - 1`` for that z.
    """
    below = F.signbit(F.imag(z))
    upper = F.select(below, F.conj(z), z)
    left = F.lt(F.real(upper), 0.5)
    image = F.select(left, F.conj(F.sub(1.0, upper)), upper)
    x, y = F.real(upper), F.imag(upper)
    turn = F.mul(F.sub(x, F.rint(x)), 2 * math.pi)
    gap = F.expm1(F.complex(F.mul(F.select(left, y, 1.0), -2 * math.pi), F.select(left, turn, 1.0)))
    return below, left, upper, image, gap


def stirling(F: Builder, z: Value) -> tuple[Value, Value, Value]:
    """Where z is far from 0; z there, and else ``SHIFT`` steps up; its logarithm."""
    far = F.gt(F.abs(z), FAR)
    high = F.select(far, z, F.add(z, float(SHIFT)))
    return far, high, F.log(high)


def right_loggamma(F: Builder, z: Value) -> Value:
    """For z above the real axis and right of 1/2: four of the factors together turn less than once."""
    far, high, log_high = stirling(F, z)
    inverse = F.div(1.0, high)
    rest = F.mul(polynomial(F, F.square(inverse), STIRLING), inverse)
    found = F.add(F.sub(F.mul(F.sub(high, 0.5), log_high), high), F.add(rest, HALF_LOG_2PI))
    near = F.select(far, 1.0, z)
    for start in range(0, SHIFT, 4):
        product = F.add(near, float(start))
        for k in range(start + 1, start + 4):
            product = F.mul(product, F.add(near, float(k)))
        turned = F.log(product)
        angle = F.imag(turned)
        angle = F.select(F.lt(angle, 0.0), F.add(angle, 2 * math.pi), angle)
        found = F.sub(found, F.select(far, 0.0, F.complex(F.real(turned), angle)))
    return found


def any_loggamma(F: Builder, z: Any) -> tuple[Value, Value]:
    """The branch that is real for positive numbers, cut along the negative ones; and where it is infinite."""
    below, left, upper, image, gap = to_the_right(F, as_array(F, z))
    found = right_loggamma(F, image)
    x, y = F.real(upper), F.imag(upper)
    line = F.complex(F.sub(math.log(2 * math.pi), F.mul(y, math.pi)), F.mul(F.sub(x, 0.5), math.pi))
    reflected = F.sub(F.sub(line, F.log(F.neg(gap))), F.conj(found))
    found = F.select(left, reflected, found)
    return F.select(below, F.conj(found), found), F.logical_and(left, F.eq(gap, 0.0))


def loggamma(F: Builder, z: Any) -> Value:
    found, is_pole = any_loggamma(F, z)
    return F.select(is_pole, math.nan, found)


def gamma(F: Builder, z: Any) -> Value:
    return F.exp(loggamma(F, z))


def rgamma(F: Builder, z: Any) -> Value:
    found, is_pole = any_loggamma(F, z)
    return F.select(is_pole, 0.0, F.exp(F.neg(F.select(is_pole, 0.0, found))))


def digamma(F: Builder, z: Any) -> Value:
    below, left, _upper, image, gap = to_the_right(F, as_array(F, z))
    far, high, log_high = stirling(F, image)
    inverse = F.div(1.0, high)
    square = F.square(inverse)
    coefficients = [c * (2 * k + 1) for k, c in enumerate(STIRLING)]
    found = F.sub(F.sub(log_high, F.mul(inverse, 0.5)), F.mul(polynomial(F, square, coefficients), square))
    near = F.select(far, 1.0, image)
    for k in range(SHIFT):
        found = F.sub(found, F.select(far, 0.0, F.div(1.0, F.add(near, float(k)))))
    safe = F.select(left, gap, 1.0)
    cotangent = times_i(F, F.add(F.div(2.0, safe), 1.0))
    found = F.select(left, F.sub(F.conj(found), F.mul(cotangent, math.pi)), found)
    return F.select(below, F.conj(found), found)


COMPLEX_FORMS: dict[str, Form] = {
    "erf": erf, "erfc": erfc, "erfcx": erfcx, "erfi": erfi, "dawsn": dawsn, "ndtr": ndtr, "loggamma": loggamma,
    "gamma": gamma, "rgamma": rgamma, "psi": digamma, "exp1": exp1, "expi": expi, "xlogy": xlogy, "xlog1py": xlog1py,
}  # fmt: skip
