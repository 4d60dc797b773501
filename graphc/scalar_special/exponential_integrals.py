"""Exponential integrals (DLMF 6.6, 6.12, 8.19.8, 8.19.17): power series, continued fraction, asymptotic series."""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.incomplete_gamma import upper_fraction
from graphc.scalar_special.language import (
    arctan2,
    copysign,
    cos,
    digamma,
    epsilon,
    exp,
    hypot,
    isinf,
    isnan,
    log,
    number,
    sin,
    trunc,
)

NAN, INF, PI = math.nan, math.inf, math.pi
EULER = 0.5772156649015329
FAR = 40.0  # from which on the terms of the asymptotic series fall below 2**-54
MOST_TERMS = 500
ZERO, ZERO_REST = (
    0.3725074231624603,
    -1.2381093692686445e-08,
)  # whose sum is the zero of Ei; the first is a float32


def entire_part(x: Any) -> Any:
    """The sum of ``x**k / (k k!)`` from k = 1 on."""
    term, total, k = x, x, number(1, x)
    for _ in range(MOST_TERMS):
        k = k + 1.0
        term = term * (x / k)
        total = total + term / k
        if abs(term) < abs(total) * epsilon(x) * 0.25:
            break
    return total


def exp1(x: Any) -> Any:
    if isnan(x) or x < 0.0:
        return number(NAN, x)
    if x == 0.0:
        return number(INF, x)
    if x < 1.0:
        return -EULER - log(x) - entire_part(-x)
    return number(0, x) if isinf(x) else exp(-x) * upper_fraction(number(0, x), x)


def near_zero(x: Any) -> Any:
    """Ei around its zero, by powers of the distance: Ei' = exp(x)/x has Taylor's coefficients by a recurrence."""
    d = x - ZERO - ZERO_REST
    place = number(ZERO, x) + ZERO_REST
    scale = exp(place) / place
    # exp(x)/x is scale times the sum of c_n d**n, c_n = 1/n! - c_(n-1)/place
    factorial, c, power, total, n = number(1, x), number(1, x), d, d, number(0, x)
    for _ in range(60):
        n = n + 1.0
        factorial = factorial / n
        c = factorial - c / place
        power = power * d
        term = c * power / (n + 1.0)
        total = total + term
        if abs(term) < abs(total) * epsilon(x) * 0.25:
            break
    return scale * total


def expi(x: Any) -> Any:
    if isnan(x):
        return number(NAN, x)
    if x <= 0.0:
        return number(-INF, x) if x == 0.0 else -exp1(-x)
    if isinf(x):
        return x
    if abs(x - ZERO) < 0.15:
        return near_zero(x)
    if x < FAR:
        return EULER + log(x) + entire_part(x)
    term, total, k = number(1, x), number(1, x), number(0, x)
    for _ in range(MOST_TERMS):
        k = k + 1.0
        following = term * (k / x)
        if following > term or following < epsilon(x) * 0.25:
            break
        term = following
        total = total + term
    root = exp(0.5 * x)  # whose square may overflow
    return root / x * total * root


def expn(n: Any, x: Any) -> Any:
    n = trunc(n)
    if isnan(n) or isnan(x) or isinf(n) or n < 0.0 or x < 0.0:
        return number(NAN, x)
    if isinf(x):
        return number(0, x)
    if x == 0.0:
        return 1.0 / (n - 1.0) if n > 1.0 else number(INF, x)
    if n == 0.0:
        return exp(-x) / x
    if n == 1.0:
        return exp1(x)
    if x >= 1.0 or n > 20.0:
        return exp(-x) * upper_fraction(1.0 - n, x)
    term, total, m = number(1, x), -1.0 / (1.0 - n), number(0, x)
    for _ in range(MOST_TERMS):
        m = m + 1.0
        term = -term * (x / m)
        if m != n - 1.0:
            total = total - term / (m - n + 1.0)
            if m > n and abs(term) < abs(total) * epsilon(x) * 0.25:
                break
        else:
            total = total + term * (digamma(n) - log(x))
    return total


def complex_fraction(x: Any, y: Any) -> Any:
    """``exp(z) E1(z)`` by the even part of its continued fraction (DLMF 6.9.1), where abs(z) + x >= 2."""
    a, b = x + 1.0, y  # of z + 2 k + 1
    size = a * a + b * b
    d, e = a / size, -b / size
    real, imaginary = d, e
    p, q = d, e
    for k in range(1, 100):
        share = number(k, x) * k
        a = x + (2 * k + 1)
        u, v = a - share * d, y - share * e
        size = u * u + v * v
        d, e = u / size, -v / size
        u, v = a * d - y * e - 1.0, a * e + y * d
        p, q = p * u - q * v, p * v + q * u
        real, imaginary = real + p, imaginary + q
        if abs(p) + abs(q) < 0.1 * epsilon(x) * (abs(real) + abs(imaginary)):
            break
    return real, imaginary


def complex_series(x: Any, y: Any) -> Any:
    """The sum of ``z**k / (k k!)`` from k = 1 on."""
    p, q = x, y
    real, imaginary = x, y
    for k in range(2, MOST_TERMS):
        p, q = (p * x - q * y) / k, (p * y + q * x) / k
        real, imaginary = real + p / k, imaginary + q / k
        if abs(p) + abs(q) < 0.1 * epsilon(x) * (abs(real) + abs(imaginary)):
            break
    return real, imaginary


def complex_asymptotic(x: Any, y: Any) -> Any:
    """``exp(z) E1(z)`` for abs(z) >= 40 near the negative axis."""
    size = hypot(x, y)
    a, b = x / size / size, -y / size / size  # 1/z
    p, q = a, b
    real, imaginary = p, q
    for k in range(1, 60):
        p, q = -k * (p * a - q * b), -k * (p * b + q * a)
        real, imaginary = real + p, imaginary + q
        if abs(p) + abs(q) < 0.1 * epsilon(x) * (abs(real) + abs(imaginary)):
            break
    return real, imaginary


def exp1_z(x: Any, y: Any) -> Any:
    """E1 of x + i y, cut along the negative axis, where the sign of y = 0 says on which side."""
    if isnan(x) or isnan(y) or (isinf(x) and x < 0.0) or isinf(y):
        return number(NAN, x), number(NAN, x)
    if isinf(x):
        return number(0, x), number(0, x)
    size = hypot(x, y)
    if size == 0.0:
        return number(INF, x), number(0, x)
    if size + x < 2.0 and size < FAR:
        real, imaginary = complex_series(-x, -y)
        return -EULER - log(size) - real, -arctan2(y, x) - imaginary
    if size + x < 2.0:
        real, imaginary = complex_asymptotic(x, y)
    else:
        real, imaginary = complex_fraction(x, y)
    half, cosine, sine = exp(-0.5 * x), cos(y), sin(y)
    found, other = half * (real * cosine + imaginary * sine) * half, half * (imaginary * cosine - real * sine) * half
    if size + x < 2.0:  # what the series does not see
        other = other - copysign(number(PI, x), y)
    return found, other
