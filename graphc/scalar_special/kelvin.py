"""Kelvin functions: the modified Bessel functions of orders 0 and 1 at ``z = x exp(i pi/4)`` (DLMF 10.61).

Up to 2 by their power series; then by the trapezoidal rule, for I over ``exp(z cos(t))`` in a half turn and for K over
``exp(-z cosh(t))`` (DLMF 10.32.3, 10.32.9), which gains digits exponentially with the nodes; from 40 on by Hankel's
series (DLMF 10.40), of which that of I is without what is ``exp(-2 z)`` beside it.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.language import cos, cosh, epsilon, exp, integer, isinf, log, number, sin, sqrt

INF, NAN = float("inf"), float("nan")
PI = 3.141592653589793
EULER = 0.5772156649015329
ROOT_HALF = 0.7071067811865476
EIGHTH_SINE, EIGHTH_COSINE = 0.3826834323650898, 0.9238795325112867  # of pi/8
NEAR, FAR = 2.0, 40.0


def near_i(x: Any) -> Any:
    """ber, bei and their derivatives."""
    quarter = 0.25 * x * x
    share = number(1, x)  # quarter**(k - 1) / k!**2, with signs
    real, imaginary, real_slope, imaginary_slope = number(0, x), share, number(0, x), share
    for k in range(2, 40, 2):
        share = -share * quarter / (k * k)
        real, real_slope = real + share, real_slope + k * share
        share = share * quarter / ((k + 1) * (k + 1))
        imaginary, imaginary_slope = imaginary + share, imaginary_slope + (k + 1) * share
        if abs(share) < 0.01 * epsilon(x):
            break
    return 1.0 + quarter * real, quarter * imaginary, 0.5 * x * real_slope, 0.5 * x * imaginary_slope


def near_k(x: Any) -> Any:
    """ker, kei and their derivatives, for x > 0."""
    quarter = 0.25 * x * x
    first = -EULER - log(0.5 * x)
    share, other = number(1, x), first + 1.0  # digamma(k + 1) - log(x/2)
    real, imaginary, real_slope, imaginary_slope = number(0, x), other, number(0, x), other - 0.5
    for k in range(2, 40, 2):
        share = -share * quarter / (k * k)
        other = other + 1.0 / k
        real, real_slope = real + share * other, real_slope + share * (k * other - 0.5)
        share = share * quarter / ((k + 1) * (k + 1))
        other = other + 1.0 / (k + 1)
        imaginary, imaginary_slope = imaginary + share * other, imaginary_slope + share * ((k + 1) * other - 0.5)
        if abs(share) < 0.01 * epsilon(x):
            break
    b, bi, db, dbi = near_i(x)
    turn = 0.25 * PI
    return (
        first + quarter * real + turn * bi,
        quarter * imaginary - turn * b,
        0.5 * x * real_slope - 1.0 / x + turn * dbi,
        0.5 * x * imaginary_slope - turn * db,
    )


def middle_i(x: Any) -> Any:
    """I of the orders 0 and 1, real and imaginary parts."""
    count = integer(10.0 + 0.75 * x)
    size = ROOT_HALF * x
    a, b, c, d = number(0, x), number(0, x), number(0, x), number(0, x)
    for k in range(count + 1):
        cosine = cos(number(PI, x) * k / count)
        is_end = (k == 0) | (k == count)
        weight = exp(size * cosine) * (0.5 if is_end else 1.0)
        real, imaginary = weight * cos(size * cosine), weight * sin(size * cosine)
        a, b = a + real, b + imaginary
        c, d = c + cosine * real, d + cosine * imaginary
    return a / count, b / count, c / count, d / count


def middle_k(x: Any) -> Any:
    """K of the orders 0 and 1, real and imaginary parts."""
    size = ROOT_HALF * x
    real, imaginary = 0.5 * cos(size), -0.5 * sin(size)
    a, b, c, d = real, imaginary, real, imaginary
    step = 0.6 / sqrt(x + 30.0)
    for k in range(1, 80):
        height = cosh(step * k)
        fall = size * (height - 1.0)
        weight = exp(-fall)
        real, imaginary = weight * cos(size * height), -weight * sin(size * height)
        a, b = a + real, b + imaginary
        c, d = c + height * real, d + height * imaginary
        if fall > 42.0:
            break
    scale = step * exp(-size)
    return scale * a, scale * b, scale * c, scale * d


def hankel(square: Any, x: Any, sign: Any) -> Any:
    """``1 + sign (4 v**2 - 1)/(8 z) + ...`` for ``square = 4 v**2``."""
    real, imaginary = number(1, x), number(0, x)
    a, b = real, imaginary
    for k in range(1, 16):
        odd = number(2 * k - 1, x)
        factor = sign * (square - odd * odd) / (8.0 * k * x) * ROOT_HALF
        real, imaginary = factor * (real + imaginary), factor * (imaginary - real)  # over exp(i pi/4)
        a, b = a + real, b + imaginary
        if abs(real) + abs(imaginary) < 0.1 * epsilon(x):
            break
    return a, b


def turned(a: Any, b: Any, phase: Any, scale: Any) -> Any:
    """``scale exp(i phase - i pi/8) (a + i b)``."""
    c, s = cos(phase), sin(phase)
    p, q = scale * (c * EIGHTH_COSINE + s * EIGHTH_SINE), scale * (s * EIGHTH_COSINE - c * EIGHTH_SINE)
    return a * p - b * q, a * q + b * p


def far_i(x: Any) -> Any:
    """I of the orders 0 and 1, divided by ``exp(x / sqrt(8))``, as the whole may overflow."""
    size = ROOT_HALF * x
    scale = exp(0.5 * size) / sqrt(2.0 * PI * x)
    p, q = hankel(number(0, x), x, number(-1, x))
    a, b = turned(p, q, size, scale)
    p, q = hankel(number(4, x), x, number(-1, x))
    c, d = turned(p, q, size, scale)
    return a, b, c, d


def far_k(x: Any) -> Any:
    size = ROOT_HALF * x
    scale = exp(-size) * sqrt(0.5 * PI / x)
    p, q = hankel(number(0, x), x, number(1, x))
    a, b = turned(p, q, -size, scale)
    p, q = hankel(number(4, x), x, number(1, x))
    c, d = turned(p, q, -size, scale)
    return a, b, c, d


def kelvin_b(x: Any) -> Any:
    """ber, bei and their derivatives, for x >= 0."""
    if not x > NEAR:
        b, bi, db, dbi = near_i(x)
        return b, bi, db, dbi
    if x < FAR:
        a, b, c, d = middle_i(x)
        return a, b, ROOT_HALF * (c - d), ROOT_HALF * (c + d)
    a, b, c, d = far_i(x)
    growth = exp(0.5 * ROOT_HALF * x)
    return growth * a, growth * b, growth * (ROOT_HALF * (c - d)), growth * (ROOT_HALF * (c + d))


def kelvin_k(x: Any) -> Any:
    """ker, kei and their derivatives, for x > 0."""
    if not x > NEAR:
        k, ki, dk, dki = near_k(x)
        return k, ki, dk, dki
    if x < FAR:
        a, b, c, d = middle_k(x)
    else:
        a, b, c, d = far_k(x)
    return a, b, ROOT_HALF * (d - c), -ROOT_HALF * (c + d)


def ber(x: Any) -> Any:
    found, _bi, _db, _dbi = kelvin_b(abs(x))
    return found if not isinf(x) else number(NAN, x)


def bei(x: Any) -> Any:
    _b, found, _db, _dbi = kelvin_b(abs(x))
    return found if not isinf(x) else number(NAN, x)


def berp(x: Any) -> Any:
    _b, _bi, found, _dbi = kelvin_b(abs(x))
    return (found if x > 0.0 else -found) if not isinf(x) else number(NAN, x)


def beip(x: Any) -> Any:
    _b, _bi, _db, found = kelvin_b(abs(x))
    return (found if x > 0.0 else -found) if not isinf(x) else number(NAN, x)


def ker(x: Any) -> Any:
    found, _ki, _dk, _dki = kelvin_k(x)
    return found if x > 0.0 and not isinf(x) else number(INF if x == 0.0 else NAN, x)


def kei(x: Any) -> Any:
    _k, found, _dk, _dki = kelvin_k(x)
    return found if x > 0.0 and not isinf(x) else number(-0.25 * PI if x == 0.0 else NAN, x)


def kerp(x: Any) -> Any:
    _k, _ki, found, _dki = kelvin_k(x)
    return found if x > 0.0 and not isinf(x) else number(-INF if x == 0.0 else NAN, x)


def keip(x: Any) -> Any:
    _k, _ki, _dk, found = kelvin_k(x)
    return found if x > 0.0 and not isinf(x) else number(0.0 if x == 0.0 else NAN, x)
