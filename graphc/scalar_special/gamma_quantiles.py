"""Inverses of the incomplete gamma functions: Newton's steps on the logarithm of the smaller tail, within bounds.

They begin at Wilson and Hilferty's cube (1931) with Hastings' normal quantile (Abramowitz and Stegun, 26.2.23), or at
the first term of a series at either end.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.gamma_parts import gamma_kernel, log_gamma_1p
from graphc.scalar_special.incomplete_gamma import gamma_tail
from graphc.scalar_special.language import epsilon, exp, isinf, isnan, log, log1p, number, sqrt

NAN, INF = math.nan, math.inf
STEPS = 60


def normal_start(p: Any) -> Any:
    """Where the normal distribution is p <= 1/2, with an error below 5e-4."""
    t = sqrt(-2.0 * log(p))
    above = (0.010328 * t + 0.802853) * t + 2.515517
    below = ((0.001308 * t + 0.189269) * t + 1.432788) * t + 1.0
    return above / below - t


def gamma_start(a: Any, p: Any, q: Any) -> Any:
    least = exp((log(p) + log_gamma_1p(a)) / a)  # P is less than the first term of its series
    if a < 1.0:
        level = -log(q) - log_gamma_1p(a) + log(a)
        if p <= q or level < 1.0:
            return least
        return max(level + (a - 1.0) * log(level), number(0, a) + 0.5)
    z = normal_start(p) if p <= q else -normal_start(q)
    root = 1.0 - 1.0 / (9.0 * a) + z / (3.0 * sqrt(a))
    return max(a * root * root * root, least)


def log_of_ratio(found: Any, wanted: Any) -> Any:
    """The logarithm of the ratio, also where the two are nearly the same."""
    ratio = found / wanted
    if ratio > 0.5 and ratio < 2.0:
        return log1p((found - wanted) / wanted)
    return log(ratio)


def gamma_quantile(a: Any, p: Any, q: Any) -> Any:
    """Where P is p, and Q is q, of which the smaller one counts."""
    x = gamma_start(a, p, q)
    lowest, highest = number(0, a), number(0, a) + INF
    side = -1.0 if p <= q else 1.0
    for _ in range(STEPS):
        if x == 0.0 or isinf(x):
            break
        found = gamma_tail(a, x, side)
        slope = a * gamma_kernel(a, x) / found  # of the logarithm, by that of x
        gap = log_of_ratio(found, p) if p <= q else -log_of_ratio(found, q)
        if gap > 0.0:
            highest = x
        else:
            lowest = x
        moved = x * exp(-gap / slope) if p <= q else x - gap / slope * x
        if not (moved >= lowest and moved <= highest):
            moved = 2.0 * x if isinf(highest) else 0.5 * (lowest + highest)
        change = abs(moved - x)
        x = moved
        if change <= 0.05 * sqrt(epsilon(a)) * x:
            break
    return x


def gammaincinv(a: Any, p: Any) -> Any:
    if isnan(a) or isnan(p) or a < 0.0 or p < 0.0 or p > 1.0:
        return number(NAN, a)
    if p == 0.0:
        return number(0, a)
    if p == 1.0:
        return number(INF, a)
    if a == 0.0 or isinf(a):
        return number(NAN, a)
    return gamma_quantile(a, p, 1.0 - p)


def gammainccinv(a: Any, q: Any) -> Any:
    if isnan(a) or isnan(q) or a < 0.0 or q < 0.0 or q > 1.0:
        return number(NAN, a)
    if q == 0.0:
        return number(INF, a)
    if q == 1.0:
        return number(0, a)
    if a == 0.0 or isinf(a):
        return number(NAN, a)
    return gamma_quantile(a, 1.0 - q, q)
