"""The noncentral chi-square and F laws: gamma and beta laws mixed by Poisson's weights.

(Johnson, Kotz and Balakrishnan, "Continuous univariate distributions 2", chapters 29 and 30.) Summed downwards from
where the weights end, as the laws' values then grow by positive terms (DLMF 8.8.5, 8.17.20).
"""

from __future__ import annotations

import math
from typing import Any

from graphc.codegen.device_special.beta_function import beta_kernel
from graphc.codegen.device_special.gamma_parts import gamma_kernel
from graphc.codegen.device_special.incomplete_beta import beta_tail
from graphc.codegen.device_special.incomplete_gamma import gamma_tail, gammainc
from graphc.codegen.device_special.language import epsilon, floor, isinf, isnan, number, sqrt
from graphc.codegen.device_special.laws import fdtr, shares

NAN = math.nan
MOST_TERMS = 100000


def mixture(shape: Any, rate: Any, x: Any) -> Any:
    """The sum of Poisson's weights of the rate times P(shape + j, x)."""
    middle = floor(sqrt(rate * x) if x < rate else rate)
    j = middle + floor(10.0 * sqrt(max(rate, x)) + 40.0)
    law, total = gamma_tail(shape + j, x, number(-1, x)), number(0, x)
    for _ in range(MOST_TERMS):
        term = gamma_kernel(j, rate) * law
        total = total + term
        if j < 1.0 or (j < middle and term < total * epsilon(x) * 0.01):
            break
        law = law + gamma_kernel(shape + j - 1.0, x)
        j = j - 1.0
    return total


def chndtr(x: Any, df: Any, nc: Any) -> Any:
    if isnan(x) or isnan(df) or isnan(nc) or x < 0.0 or df <= 0.0 or nc < 0.0 or isinf(df) or isinf(nc):
        return number(NAN, x)
    if x == 0.0 or isinf(x):
        return number(0, x) if x == 0.0 else number(1, x)
    return gammainc(0.5 * df, 0.5 * x) if nc == 0.0 else min(mixture(0.5 * df, 0.5 * nc, 0.5 * x), number(1, x))


def beta_mixture(shape: Any, other: Any, rate: Any, x: Any, y: Any) -> Any:
    """The sum of Poisson's weights of the rate times I_x(shape + j, other), y = 1 - x."""
    middle = floor(rate * x)
    j = floor(rate) + floor(10.0 * sqrt(rate) + 40.0)
    law, total = beta_tail(shape + j, other, x, y, number(-1, x)), number(0, x)
    for _ in range(MOST_TERMS):
        term = gamma_kernel(j, rate) * law
        total = total + term
        if j < 1.0 or (j < middle and term < total * epsilon(x) * 0.01):
            break
        below = shape + j - 1.0
        law = law + beta_kernel(below, other, x, y) / below
        j = j - 1.0
    return total


def ncfdtr(n: Any, d: Any, nc: Any, x: Any) -> Any:
    if not (n > 0.0 and d > 0.0 and nc >= 0.0 and x >= 0.0) or isinf(n) or isinf(d) or isinf(nc):
        return number(NAN, x)
    if x == 0.0:
        return number(0, x)
    if nc == 0.0 or isinf(x):
        return fdtr(n, d, x)
    share, rest = shares(n * x / d)
    return min(beta_mixture(0.5 * n, 0.5 * d, 0.5 * nc, share, rest), number(1, x))
