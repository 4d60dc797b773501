"""Bessel functions by Debye's expansions, which hold for large orders and, as Hankel's, for large arguments.

With ``s = sqrt(abs(x**2 - v**2))``, or ``sqrt(x**2 + v**2)`` for I and K, all are sums of ``U_k(p) / v**k`` for ``p
= v/s`` or ``i v/s`` (DLMF 10.19.3, 10.19.6, 10.41.3, 10.41.4). That is a polynomial in ``p**2`` over ``s**k``, so v may
be 0. Fourteen terms have 53 bits from s = 40 on, and ten 24 bits from 12 on, where x is not too close to v.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.bessel_tables import DEBYE
from graphc.scalar_special.language import arccos, cos, epsilon, exp, is_single, log1p, number, sin, sqrt

PI = 3.141592653589793
LEAST, LEAST_SINGLE = 40.0, 12.0
APART, APART_SINGLE = 37.0, 9.5  # half of how far the two saddles' exponents are apart, which is what terms go by


def is_debye(v: Any, x: Any) -> Any:
    """Whether J and Y have their expansions there: 1.0 or 0.0."""
    s = sqrt(abs(x - v)) * sqrt(x + v)
    apart = v * log_sum(v, x, s) - s if v > x else s - v * arccos(v / x)
    if is_single(x):
        return number(1, x) if s >= LEAST_SINGLE and apart >= APART_SINGLE else number(0, x)
    return number(1, x) if s >= LEAST and apart >= APART else number(0, x)


def debye_sums(s: Any, square: Any, turn: Any) -> Any:
    """The sums of the even and of the odd terms; ``square`` is ``p**2``; the terms 2k and 2k + 1 times ``turn**k``."""
    even = number(1, s)
    odd = number(0, s)
    factor = number(1, s)
    place = 1
    for k in range(1, 10 if is_single(s) else 14):
        polynomial = DEBYE[place + k] * square + DEBYE[place + k - 1]
        for j in range(k - 2, -1, -1):
            polynomial = polynomial * square + DEBYE[place + j]
        place = place + k + 1
        factor = factor / s
        if k % 2 == 0:
            factor = factor * turn
            even = even + polynomial * factor
        else:
            odd = odd + polynomial * factor
        if abs(polynomial * factor) < 0.125 * epsilon(s) * even:
            break
    return even, odd


def debye_jy(v: Any, x: Any) -> Any:
    """J and Y of an order v >= 0, where ``is_debye``."""
    s = sqrt(abs(x - v)) * sqrt(x + v)
    square = v / s * (v / s)
    if v > x:
        even, odd = debye_sums(s, square, number(1, x))
        exponent = v * log_sum(v, x, s) - s
        scale = 1.0 / sqrt(PI * s)
        falling = sqrt(number(0.5, x)) * scale * exp(-exponent)
        return falling * (even + odd), -2.0 * sqrt(number(0.5, x)) * scale * exp(exponent) * (even - odd)
    even, odd = debye_sums(s, -square, number(-1, x))
    phase = s - v * arccos(v / x)
    c, d = cos(phase), sin(phase)
    scale = 1.0 / sqrt(PI * s)
    cosine, sine = c + d, d - c  # of the phase less pi/4, times the root of 2
    return scale * (cosine * even + sine * odd), scale * (sine * even - cosine * odd)


def log_sum(v: Any, x: Any, s: Any) -> Any:
    """``log((v + s) / x)`` for ``v**2 = s**2 + x**2``, also where that is nearly 1."""
    return log1p((s + (v - x)) / x)


def debye_ik(v: Any, x: Any, s: Any, scaled: Any) -> Any:
    """I and K of an order v >= 0 for ``s = hypot(v, x)`` from 40 on (12 for float32); scaled: times ``exp(-+ x)``."""
    even, odd = debye_sums(s, v / s * (v / s), number(1, s))
    shift = v * (v / (s + x))  # s - x
    exponent = v * log1p((v + shift) / x) - (shift if scaled > 0.0 else s)
    scale = 1.0 / sqrt(s)
    return (
        0.3989422804014327 * scale * exp(-exponent) * (even + odd),
        1.2533141373155003 * scale * exp(exponent) * (even - odd),
    )
