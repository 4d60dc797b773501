"""The regularised incomplete beta function.

By its continued fraction for x below the mean (Didonato and Morris, "Significant digit computation of the incomplete
beta function ratios", ACM TOMS 18, 1992: the even part of DLMF 8.17.22), and by a power series where ``b x`` is small;
above the mean the roles of a, b and x, 1 - x are exchanged.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.beta_function import beta_kernel
from graphc.scalar_special.gamma_parts import STIRLING_FROM, gamma_ratio_log, log_gamma_1p
from graphc.scalar_special.language import epsilon, exp, expm1, isinf, isnan, log, log1p, number, tiny

NAN = math.nan
MOST_STEPS = 20000


def beta_fraction(a: Any, b: Any, x: Any, y: Any) -> Any:
    """I / beta_kernel for x below the mean, by Lentz's method."""
    off = a * y - b * x
    n = number(0, x)
    low = a + 1.0
    value = (a / low) * (off + 1.0)
    least = tiny(x) * 16.0
    c, d = value, number(0, x)
    for _ in range(MOST_STEPS):
        n = n + 1.0
        inner = a + 2.0 * n - 1.0
        top = ((a + n - 1.0) / inner * x) * ((a + b + n - 1.0) / inner) * (n * (b - n) * x)
        bottom = n + n * (b - n) * x / inner + (a + n) / (inner + 2.0) * (off + 1.0 + n * (1.0 + y))
        d = bottom + top * d
        c = bottom + top / c
        if abs(d) < least:
            d = number(0, x) + least
        if abs(c) < least:
            c = number(0, x) + least
        d = 1.0 / d
        change = c * d
        value = value * change
        if abs(change - 1.0) < epsilon(x) * 0.75:
            break
    return 1.0 / value


def beta_series(a: Any, b: Any, x: Any) -> Any:
    """The sum of ``(1 - b)_n x**n / (n! (a + n))`` from n = 1 on, for small b x (DLMF 8.17.7)."""
    n, term, total = number(0, x), number(1, x), number(0, x)
    for _ in range(MOST_STEPS):
        n = n + 1.0
        term = term * ((n - b) / n) * x
        total = total + term / (a + n)
        if abs(term) < epsilon(x) * 0.25 * abs(total) or term == 0.0:
            break
    return total


def log_scaled_beta(a: Any, b: Any) -> Any:
    """``log(a beta(a, b))`` for a < 2, exact for small a."""
    shifted, sums = b, number(0, a)
    for _ in range(10):
        if shifted >= STIRLING_FROM:
            break
        sums = sums + log1p(a / shifted)
        shifted = shifted + 1.0
    return log_gamma_1p(a) + (gamma_ratio_log(a, shifted) - a * log(shifted) + sums)


def lower_part(a: Any, b: Any, x: Any, y: Any, upper: Any) -> Any:
    """I (``upper`` is -1) or 1 - I (1) for x below the mean."""
    if x * b <= 2.0 and x <= 0.7 and (a < 1.0 or x * b <= 1.0):
        if a < 1.0:
            log_first = a * log(x) - log_scaled_beta(a, b)
            rest = exp(log_first) * a * beta_series(a, b, x)
            if upper > 0.0:
                return -expm1(log_first) - rest
            return exp(log_first) + rest
        small = beta_kernel(a, b, x, y) / exp(b * log1p(-x)) * (1.0 / a + beta_series(a, b, x))
    else:
        small = beta_kernel(a, b, x, y) * beta_fraction(a, b, x, y)
    return 1.0 - small if upper > 0.0 else small


def beta_tail(a: Any, b: Any, x: Any, y: Any, upper: Any) -> Any:
    """1 - I (``upper`` is 1) or I (-1) for positive finite numbers, y = 1 - x."""
    whole = a + b + 2.0
    is_below = x <= (a + 1.0) / whole if x < 0.5 else y >= (b + 1.0) / whole  # the mean; both may round to 1
    if is_below:
        return lower_part(a, b, x, y, upper)
    return lower_part(b, a, y, x, -upper)


def beta_law(a: Any, b: Any, x: Any, y: Any, upper: Any) -> Any:
    """As ``beta_tail``, for any numbers, as SciPy has them at the edges."""
    if isnan(a) or isnan(b) or isnan(x) or a < 0.0 or b < 0.0 or x < 0.0 or y < 0.0:
        return number(NAN, a)
    if (a == 0.0 and b == 0.0) or (isinf(a) and isinf(b)):
        return number(NAN, a)
    if x == 0.0 or y == 0.0:
        return number(1, a) if (x == 0.0 and upper > 0.0) or (y == 0.0 and upper < 0.0) else number(0, a)
    if a == 0.0 or isinf(b):
        return number(0, a) if upper > 0.0 else number(1, a)
    if b == 0.0 or isinf(a):
        return number(1, a) if upper > 0.0 else number(0, a)
    return beta_tail(a, b, x, y, upper)


def betainc(a: Any, b: Any, x: Any) -> Any:
    return beta_law(a, b, x, 1.0 - x, -1.0)


def betaincc(a: Any, b: Any, x: Any) -> Any:
    return beta_law(a, b, x, 1.0 - x, 1.0)
