"""Wright's omega function of complex numbers, by which W of Lambert is computed.

``w + log(w) = z`` by the steps of Fritsch, Shafer and Crowley (CACM 16, 1973) from approximations for each region, of
the upper half plane: after Corless and Jeffrey, "The Wright omega function" (2002). Near the branch point ``-1 + pi i``
it is a series in ``p = sqrt(2 (z + 1 - pi i))``, whose two signs are the values on either side of the cut.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.language import arctan2, cos, exp, hypot, is_single, isfinite, log, number, sin, sqrt

NAN = math.nan
PI_HIGH, PI_REST_64, PI_REST_32 = math.pi, 1.2246467991473532e-16, -8.742277657347586e-08


def above_pi(y: Any) -> Any:
    """y - pi, whose sign says on which side of the cut a number is."""
    rest = number(PI_REST_32, y) if is_single(y) else number(PI_REST_64, y)
    return (y - PI_HIGH) - rest


def quotient(a: Any, b: Any, c: Any, d: Any) -> Any:
    """``(a + b i) / (c + d i)``."""
    size = c * c + d * d
    return (a * c + b * d) / size, (b * c - a * d) / size


def root(a: Any, b: Any) -> Any:
    """The square root of a + b i with a real part that is not negative."""
    size = hypot(a, b)
    if a >= 0.0:
        real = sqrt(0.5 * (size + a))
        return real, 0.5 * b / real if real > 0.0 else number(0, a)
    imaginary = sqrt(0.5 * (size - a))
    if b < 0.0:
        imaginary = -imaginary
    return 0.5 * b / imaginary, imaginary


def far(x: Any, y: Any, log_real: Any, log_imaginary: Any) -> Any:
    """``z - l + l/z`` for the logarithm l."""
    real, imaginary = quotient(log_real, log_imaginary, x, y)
    return x - log_real + real, y - log_imaginary + imaginary


def start(x: Any, y: Any) -> Any:
    over = above_pi(y)
    if x <= -2.0 and over <= 0.0:
        size = exp(x)
        real, imaginary = size * cos(y), size * sin(y)
        return real - real * real + imaginary * imaginary, imaginary - 2.0 * real * imaginary
    if x > -2.0 and x <= 1.0 and y < 1.0:
        a = x - 1.0
        return 1.0 + 0.5 * a + (a - y) * (a + y) * 0.0625, 0.5 * y + a * y * 0.125
    if x > -2.0 and x <= 1.0 and y < 2.0 * PI_HIGH:
        p, q = root(2.0 * (x + 1.0), 2.0 * over)
        return -1.0 - q + 2.0 * (x + 1.0) / 3.0, p + 2.0 * over / 3.0
    if x <= -2.0 and y < 2.0 * PI_HIGH:
        real, imaginary = far(x, over, log(hypot(x, over)), arctan2(-over, -x))
        return real, imaginary
    real, imaginary = far(x, y, log(hypot(x, y)), arctan2(y, x))
    return real, imaginary


def upper(x: Any, y: Any) -> Any:
    """For finite numbers and y >= 0, where the imaginary part of omega is not negative."""
    u, v = start(x, y)
    if x < -40.0 and above_pi(y) <= 0.0:
        return u, v
    for _ in range(4):
        v = max(v, number(0, y))
        a, b = x - u - log(hypot(u, v)), y - v - arctan2(v, u)  # the residual
        c = u + 1.0
        e, f = c + 2.0 / 3.0 * a, v + 2.0 / 3.0 * b
        lead_real, lead_imaginary = 2.0 * (c * e - v * f), 2.0 * (c * f + v * e)
        g, h = quotient(lead_real - a, lead_imaginary - b, lead_real - 2.0 * a, lead_imaginary - 2.0 * b)
        p, q = quotient(a, b, c, v)
        s, t = p * g - q * h, p * h + q * g
        if not isfinite(s) or not isfinite(t):
            break
        u, v = u + (u * s - v * t), v + (u * t + v * s)
    return u, v


def wrightomega_z(x: Any, y: Any) -> Any:
    if not isfinite(x) or not isfinite(y):
        if x > 0.0 and isfinite(y):
            return x, y
        return (number(0, x) if x < 0.0 and isfinite(y) else number(NAN, x)), number(0, x) * y
    u, v = upper(x, abs(y))
    return u, -v if y < 0.0 else v
