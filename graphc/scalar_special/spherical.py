"""Spherical Bessel functions of whole degree: those of order n + 1/2 (DLMF 10.47), and k by its recurrence."""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.bessel_modified import upper_i
from graphc.scalar_special.bessel_plain import plain_jy
from graphc.scalar_special.language import copysign, exp, floor, integer, isinf, isnan, number, sqrt, trunc

INF, NAN = float("inf"), float("nan")
HALF_PI = 1.5707963267948966


def parity(n: Any) -> Any:
    """-1.0 for odd numbers, else 1.0."""
    return number(1, n) if n == 2.0 * floor(0.5 * n) else number(-1, n)


def spherical_jn(n: Any, x: Any) -> Any:
    n = trunc(n)
    if isnan(x) or not n >= 0.0:
        return number(NAN, x)
    if x == 0.0 or isinf(x):
        return number(1, x) if x == 0.0 and n == 0.0 else number(0, x)
    j, _y = plain_jy(n + 0.5, abs(x))
    return (parity(n) if x < 0.0 else number(1, x)) * (sqrt(HALF_PI / abs(x)) * j)


def spherical_yn(n: Any, x: Any) -> Any:
    n = trunc(n)
    if isnan(x) or not n >= 0.0:
        return number(NAN, x)
    if x == 0.0 or isinf(x):
        return number(-INF, x) if x == 0.0 else number(0, x)
    _j, y = plain_jy(n + 0.5, abs(x))
    return (-parity(n) if x < 0.0 else number(1, x)) * (sqrt(HALF_PI / abs(x)) * y)


def spherical_in(n: Any, x: Any) -> Any:
    n = trunc(n)
    if isnan(x) or not n >= 0.0:
        return number(NAN, x)
    if x == 0.0:
        return number(1, x) if n == 0.0 else number(0, x)
    sign = parity(n) if x < 0.0 else number(1, x)
    if isinf(x):
        return sign * abs(x)
    half = exp(0.5 * abs(x))
    return sign * (half * (sqrt(HALF_PI / abs(x)) * upper_i(n + 0.5, abs(x), number(1, x))) * half)


def spherical_kn(n: Any, x: Any) -> Any:
    n = trunc(n)
    if isnan(x) or not n >= 0.0:
        return number(NAN, x)
    if x == 0.0 or isinf(x):
        return number(0, x) if x > 0.0 else copysign(number(INF, x), x if x < 0.0 else number(1, x))
    before = HALF_PI * exp(-x) / x
    found = before  # of the degree -1, too
    for k in range(integer(n)):
        before, found = found, before + (2 * k + 1) / x * found
        if isinf(found):
            break
    return found
