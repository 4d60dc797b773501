"""Tricomi's U: its integral (DLMF 13.4.4) over the logarithm by the trapezoidal rule, which converges exponentially.

Of a below 0 by Kummer's transformation (DLMF 13.2.40) where that makes a positive, else by Taylor's series of the
differential equation, from its asymptotic series (DLMF 13.7.3) inwards, the way in which U grows faster than M.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.confluent import kummer_step
from graphc.scalar_special.language import (
    epsilon,
    exp,
    floor,
    gammaln,
    isfinite,
    isinf,
    isnan,
    log,
    log1p,
    number,
    pow,
    sqrt,
)
from graphc.scalar_special.rising_factorials import poch

NAN, INF = math.nan, math.inf
MOST_TERMS = 2000


def outward(a: Any, c: Any, x: Any, middle: Any, step: Any) -> Any:
    """The sum of the integrand over its largest value, from the middle on, which is not counted, by steps."""
    place = exp(middle)
    most = a * middle - x * place + c * log1p(place)
    total, u = number(0, x), middle
    for _ in range(MOST_TERMS):
        u = u + step
        t = exp(u)
        term = exp(a * u - x * t + c * log1p(t) - most)
        total = total + term
        if term < epsilon(x) * 0.001:
            break
    return total


def integral(a: Any, b: Any, x: Any, log_factor: Any) -> Any:
    """U for a >= 1 and x > 0, times a factor."""
    c = b - a - 1.0
    excess = b - 1.0 - x
    size = sqrt(excess * excess + 4.0 * a * x)
    place = (excess + size) / (2.0 * x) if excess > 0.0 else 2.0 * a / (size - excess)
    middle, step = log(place), 0.5 / sqrt(4.0 + a + abs(b))
    total = 1.0 + outward(a, c, x, middle, step) + outward(a, c, x, middle, -step)
    return exp(a * middle - x * place + c * log1p(place) - gammaln(a) + log_factor) * total * step


def positive(a: Any, b: Any, x: Any, log_factor: Any) -> Any:
    """U for a > 0, times a factor."""
    if a >= 1.0:
        return integral(a, b, x, log_factor)
    if a < 0.1 and b > 1.0 and b < MOST_TERMS:
        return hardly_positive(a, b, x, log_factor)
    return from_above(a, b, x, log_factor)


def from_above(a: Any, b: Any, x: Any, log_factor: Any) -> Any:
    """U for 0 < a < 1, times a factor, by its recurrence in a (DLMF 13.3.7)."""
    first, second = integral(a + 1.0, b, x, log_factor), integral(a + 2.0, b, x, log_factor)
    return first if isinf(first) else (2.0 * a + 2.0 + x - b) * first - (a + 1.0) * (a - b + 2.0) * second


def hardly_positive(a: Any, b: Any, x: Any, log_factor: Any) -> Any:
    """The same for b > 1, where a small a would cancel: sums of what is positive (DLMF 13.3.9, upwards by 13.3.8)."""
    steps = floor(b)
    b = b - steps
    found = from_above(a, b, x, log_factor)
    first, second = integral(a + 1.0, b, x, log_factor), integral(a + 1.0, b + 1.0, x, log_factor)
    while steps > 0.0 and not isinf(found):
        found = found + a * second
        b = b + 1.0
        following = ((b - 1.0 + x) * second - (b - a - 2.0) * first) / x
        first = second
        second = following
        steps = steps - 1.0
    return found


def asymptotic(a: Any, b: Any, x: Any) -> Any:
    """``x**a U`` for large x."""
    term, total, n = number(1, x), number(1, x), number(0, x)
    for _ in range(MOST_TERMS):
        term = -term * ((a + n) * (a - b + 1.0 + n) / ((n + 1.0) * x))
        total = total + term
        n = n + 1.0
        if abs(term) <= abs(total) * epsilon(x) * 0.125:
            break
    return total


def inward(a: Any, b: Any, x: Any) -> Any:
    """U for a <= 0 and a - b + 1 <= 0."""
    place = max(x, 30.0 + 2.0 * (1.0 - a) * (b - a))
    root, used = pow(place, -0.125 * a), number(0, x)  # eight times a factor, when there is room
    value, slope = asymptotic(a, b, place), -a * asymptotic(a + 1.0, b + 1.0, place) / place
    for _ in range(20000):
        if place <= x or not isfinite(value):
            break
        speed = sqrt(abs(a) / place) + abs(b - place) / place + 0.25
        h = min(0.5 * place, 4.0 / speed)
        h = min(h, place - x)
        value, slope = kummer_step(a, b, place, -h, value, slope)
        place = x if h == place - x else place - h
        if used < 8.0 and (abs(value) + abs(slope)) * root < 1.0:
            value = value * root
            slope = slope * root
            used = used + 1.0
    while used < 8.0:
        value = value * root
        used = used + 1.0
    return value


def hyperu(a: Any, b: Any, x: Any) -> Any:
    if isnan(a) or isnan(b) or not isfinite(x) or x < 0.0:
        return number(NAN, x)
    if a == 0.0:
        return number(1, x)
    if x == 0.0:
        return number(INF, x) if b >= 1.0 else 1.0 / poch(1.0 - b, a)
    if a > 0.0:
        return positive(a, b, x, number(0, x))
    if a - b + 1.0 > 0.0:
        log_power = (1.0 - b) * log(x)
        if abs(log_power) > 60.0:  # may not be a number by itself
            return positive(a - b + 1.0, 2.0 - b, x, log_power)
        return pow(x, 1.0 - b) * positive(a - b + 1.0, 2.0 - b, x, number(0, x))
    return inward(a, b, x)
