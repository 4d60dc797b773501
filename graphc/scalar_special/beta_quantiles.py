"""Inverses of the incomplete beta function: Newton's steps on the logarithm of the smaller tail, within bounds.

The smaller one of x and 1 - x is looked for. The steps begin at the first term of the power series, or at the
approximation by Fisher's z (Abramowitz and Stegun, 26.5.22).
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.beta_function import beta_kernel, log_beta
from graphc.scalar_special.gamma_quantiles import log_of_ratio, normal_start
from graphc.scalar_special.incomplete_beta import beta_tail
from graphc.scalar_special.language import epsilon, exp, isinf, isnan, log, number, sqrt

NAN, INF = math.nan, math.inf
STEPS = 80


def fisher_start(a: Any, b: Any, p: Any, q: Any) -> Any:
    y = -normal_start(p) if p <= q else normal_start(q)
    first, second = 1.0 / (2.0 * a - 1.0), 1.0 / (2.0 * b - 1.0)
    bend, h = (y * y - 3.0) / 6.0, 2.0 / (first + second)
    if h + bend <= 0.0:
        return number(0, a)
    w = y * sqrt(h + bend) / h - (second - first) * (bend + 5.0 / 6.0 - 2.0 / (3.0 * h))
    return a / (a + b * exp(2.0 * w))


def smaller_quantile(a: Any, b: Any, p: Any, q: Any) -> Any:
    """Where I is p and 1 - I is q, which is known to be from 0 to 1/2."""
    half = number(0, a) + 0.5
    x = min(exp((log(p) + log(a) + log_beta(a, b)) / a), half)
    if a > 1.0 and b > 1.0:
        x = min(max(x, fisher_start(a, b, p, q)), half)
    lowest, highest = number(0, a), half
    side = -1.0 if p <= q else 1.0
    for _ in range(STEPS):
        if x == 0.0:
            break
        found = beta_tail(a, b, x, 1.0 - x, side)
        slope = beta_kernel(a, b, x, 1.0 - x) / (found * (1.0 - x))  # of the logarithm, by that of x
        gap = log_of_ratio(found, p) if p <= q else -log_of_ratio(found, q)
        if gap > 0.0:
            highest = x
        else:
            lowest = x
        moved = x * exp(-gap / slope)
        if not (moved >= lowest and moved <= highest):
            moved = x * 0.125 if lowest == 0.0 else sqrt(lowest) * sqrt(highest)
        change = abs(moved - x)
        x = moved
        if change <= 0.05 * sqrt(epsilon(a)) * x:
            break
    return x


def beta_quantile(a: Any, b: Any, p: Any, q: Any) -> Any:
    """x and 1 - x, for positive numbers of which p + q = 1."""
    half = number(0, a) + 0.5
    side = -1.0 if p <= q else 1.0
    middle = beta_tail(a, b, half, half, side)
    if (p <= q and middle >= p) or (p > q and middle <= q):
        x = smaller_quantile(a, b, p, q)
        return x, 1.0 - x
    y = smaller_quantile(b, a, q, p)
    return 1.0 - y, y


def is_no_law(a: Any, b: Any, p: Any) -> Any:
    return isnan(a) or isnan(b) or isnan(p) or a <= 0.0 or b <= 0.0 or p < 0.0 or p > 1.0


def beta_inverse(a: Any, b: Any, p: Any, q: Any) -> Any:
    """As ``beta_quantile``, for any numbers."""
    if is_no_law(a, b, p) or (isinf(a) and isinf(b)):
        return number(NAN, a), number(NAN, a)
    if p == 0.0 or (isinf(b) and p < 1.0):
        return number(0, a), number(1, a)
    if q == 0.0 or isinf(a) or isinf(b):
        return number(1, a), number(0, a)
    x, y = beta_quantile(a, b, p, q)
    return x, y


def betaincinv(a: Any, b: Any, p: Any) -> Any:
    x, _ = beta_inverse(a, b, p, 1.0 - p)
    return x


def betainccinv(a: Any, b: Any, q: Any) -> Any:
    x, _ = beta_inverse(a, b, 1.0 - q, q)
    return x
