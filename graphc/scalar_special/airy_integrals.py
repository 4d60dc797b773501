"""Integrals of the Airy functions Ai and Bi from 0 to x and from -x to 0.

Up to 1.5 by their power series (DLMF 9.4), that of Bi to the right everywhere, as its terms are positive. Beyond, what
lies above x, of K and of Hankel's function of order 1/3 (DLMF 9.6.2, 9.6.6), whose integrals over the argument are
those of ``cosh(t/3)/cosh(t)`` under the same exponential: by the trapezoidal rule, for Hankel's along the path of
steepest descent on which ``bessel_plain`` has it. Both converge exponentially.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.airy import AI_0, MINUS_AI_1, ROOT_3
from graphc.scalar_special.language import (
    arctan,
    cos,
    cosh,
    epsilon,
    exp,
    is_single,
    isinf,
    isnan,
    number,
    sin,
    sinh,
    sqrt,
)

INF, NAN = float("inf"), float("nan")
PI = 3.141592653589793
TWO_THIRDS = 2.0 / 3.0
NEAR = 1.5


def power_series(x: Any) -> Any:
    """The integrals of Ai(0) f and of -Ai'(0) g from 0 to x."""
    cube = x * x * x
    f, g = AI_0 * x, 0.5 * MINUS_AI_1 * x * x
    total_f, total_g = f, g
    for k in range(1, 1200):
        f = f * (cube * (3 * k - 2) / (number(3 * k - 1, x) * (3 * k) * (3 * k + 1)))
        g = g * (cube * (3 * k - 1) / (number(3 * k, x) * (3 * k + 1) * (3 * k + 2)))
        total_f, total_g = total_f + f, total_g + g
        if abs(f) + abs(g) < 0.1 * epsilon(x) * abs(total_g) or isinf(total_f):
            break
    return total_f, total_g


def of_ai_above(x: Any) -> Any:
    """The integral of Ai from x on."""
    z = TWO_THIRDS * x * sqrt(x)
    step = (1.0 if is_single(x) else 0.6) / sqrt(z + 6.0)
    reach = 19.0 if is_single(x) else 40.0
    total = number(0.5, x)
    for k in range(1, 200):
        u = step * k
        height = cosh(u)
        fall = z * (height - 1.0)
        total = total + exp(-fall) * cosh(u / 3.0) / height
        if fall > reach:
            break
    return exp(-z) * step * total / (PI * ROOT_3)


def beyond_left(x: Any) -> Any:
    """The integrals of Ai(-t) and of -Bi(-t) from x on."""
    z = TWO_THIRDS * x * sqrt(x)
    step = (0.6 if is_single(x) else 0.35) / sqrt(z + 8.0)
    reach = 20.0 if is_single(x) else 42.0
    real, imaginary = number(0.5, x), number(0.5, x)
    for k in range(1, 300):
        u = step * k
        rise, slope = sinh(u), 1.0 / cosh(u)
        lift = rise * (rise * slope)  # cosh(t) = 1 + i lift
        third = arctan(rise) / 3.0
        a, b = cosh(u / 3.0) * cos(third), sinh(u / 3.0) * sin(third)  # cosh(t/3)
        weight = exp(-z * lift) / (1.0 + lift * lift)
        a, b = (a + b * lift) * weight, (b - a * lift) * weight
        real, imaginary = real + (a - b * slope), imaginary + (b + a * slope)  # dt = (1 + i slope) du
        if z * lift > reach:
            break
    scale = 2.0 / (PI * ROOT_3) * step
    c, s = scale * cos(z), scale * sin(z)
    return c * real - s * imaginary, c * imaginary + s * real


def right_and_left(x: Any) -> Any:
    """The integrals of Ai and Bi to the right and to the left, for x >= 0."""
    if x <= NEAR:
        f, g = power_series(x)
        f_left, g_left = power_series(-x)
        return f - g, ROOT_3 * (f + g), g_left - f_left, -ROOT_3 * (f_left + g_left)
    if isinf(x):
        return number(1.0 / 3.0, x), x, number(TWO_THIRDS, x), number(0, x)
    f, g = power_series(x)
    ai, bi = beyond_left(x)
    return 1.0 / 3.0 - of_ai_above(x), ROOT_3 * (f + g), TWO_THIRDS - ai, bi


def itairy(x: Any) -> Any:
    if isnan(x):
        return x, x, x, x
    ai, bi, ai_left, bi_left = right_and_left(abs(x))
    if x < 0.0:
        return -ai_left, -bi_left, -ai, -bi
    return ai, bi, ai_left, bi_left
