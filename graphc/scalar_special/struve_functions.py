"""Struve functions.

H by its power series where that does not cancel, else as Y and an integral without oscillation (DLMF 11.2.1, 11.5.2),
computed by the trapezoidal rule in s for ``t = exp(s - exp(-s))`` (Takahasi and Mori, Publ. RIMS 9, 1974). L by its
power series, whose terms are positive for orders from -3/2 on, and far out as I of the opposite order, beside which the
rest is ``exp(-x)`` (DLMF 11.2.2, 11.6.2). NaN where too many digits are lost.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.bessel_modified import iv
from graphc.scalar_special.bessel_plain import jv, yv
from graphc.scalar_special.language import (
    epsilon,
    exp,
    floor,
    gamma,
    gammaln,
    is_single,
    isinf,
    isnan,
    log,
    log1p,
    number,
    pow,
)

INF, NAN = float("inf"), float("nan")
ROOT_PI = 1.772453850905516
NEAR = 4.0  # up to this argument the series of H loses no digits
HIGHEST = 20.0  # order up to which powers and gamma do not overflow
LOST = 1e4  # the largest term of a series, beside its sum


def over_gamma(x: Any, power: Any, argument: Any) -> Any:
    """``x**power / gamma(argument)``."""
    if argument <= HIGHEST:
        if argument <= 0.0 and argument == floor(argument):
            return number(0, x)
        return pow(x, power) / gamma(argument)
    return exp(power * log(x) - gammaln(argument))


def struve_series(v: Any, x: Any, sign: Any) -> Any:
    """The power series of H (sign -1) and L (1); NaN where it cancels."""
    square = sign * 0.25 * x * x
    term = number(1, x)
    total = term
    largest = term
    for k in range(1, 1000):
        term = term * square / ((k + 0.5) * (v + k + 0.5))
        total = total + term
        largest = max(largest, abs(term))
        if abs(term) < 0.25 * epsilon(x) * abs(total) and v + k > 0.0:
            break
    if not largest <= LOST * abs(total):
        return number(NAN, x)
    return 2.0 / ROOT_PI * over_gamma(0.5 * x, v + 1.0, v + 1.5) * total


def struve_less_y(v: Any, x: Any) -> Any:
    """``H - Y`` for x > 4."""
    step = number(0.16, x) if is_single(x) else number(0.08, x)
    reach = -20.0 if is_single(x) else -42.0
    total = number(0, x)
    for k in range(200):
        s = step * k - 3.9
        inner = exp(-s)
        t = exp(s - inner)
        exponent = (v - 0.5) * log1p(t * t) - x * t
        total = total + exp(exponent) * ((1.0 + inner) * t)
        if exponent < reach:
            break
    return 2.0 / ROOT_PI * over_gamma(0.5 * x, v, v + 0.5) * (step * total)


def struve(v: Any, x: Any) -> Any:
    if isnan(x) or isnan(v) or isinf(v) or isinf(x) or (x < 0.0 and v != floor(v)):
        return number(NAN, x)
    if x == 0.0:
        return at_zero(v, x)
    size = abs(x)
    sign = number(-1 if x < 0.0 and v == 2.0 * floor(0.5 * v) else 1, x)  # even orders are odd functions
    if v < 0.0 and v + 0.5 == floor(v + 0.5):  # DLMF 11.4.3
        n = -v - 0.5
        return jv(-v, x) if n == 2.0 * floor(0.5 * n) else -jv(-v, x)
    if size <= NEAR or size * size <= 8.0 * (v + 1.5) or v > size:
        return sign * struve_series(v, size, number(-1, x))
    return sign * (yv(v, size) + struve_less_y(v, size))


def modstruve(v: Any, x: Any) -> Any:
    if isnan(x) or isnan(v) or isinf(v) or (x < 0.0 and v != floor(v)):
        return number(NAN, x)
    if x == 0.0:
        return at_zero(v, x)
    size = abs(x)
    sign = number(-1 if x < 0.0 and v == 2.0 * floor(0.5 * v) else 1, x)
    if size > 40.0 + 4.0 * abs(v):
        return sign * iv(-v, size)
    if v < 0.0 and v + 0.5 == floor(v + 0.5):  # DLMF 11.4.4
        return iv(-v, x)
    return sign * struve_series(v, size, number(1, x))


def at_zero(v: Any, x: Any) -> Any:
    if v > -1.0:
        return number(0, x)
    if v == -1.0:
        return number(2.0 / ROOT_PI / ROOT_PI, x)
    if v + 0.5 == floor(v + 0.5):
        return number(0, x)
    return number(INF if gamma(v + 1.5) > 0.0 else -INF, x)
