"""Riemann's zeta function less 1, and Spence's.

Zeta by Euler and Maclaurin's summation (DLMF 25.2.10) and by reflection (DLMF 25.4.1); the dilogarithm by a series in
the logarithm with Bernoulli's numbers (DLMF 24.2.1 integrated) and its functional equations (DLMF 25.12.4 to 25.12.6).
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.half_turns import sin_pi
from graphc.scalar_special.language import exp, gammaln, isinf, isnan, log, log1p, number, pow
from graphc.scalar_special.series import polynomial

NAN, INF = math.nan, math.inf
SUMMED = 8.0  # terms before Euler and Maclaurin's series
LOG_2PI = math.log(2 * math.pi)
# Bernoulli numbers B(2j) / (2j)!
BERNOULLI = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000, 43867 / 5109094217170944000, -174611 / 802857662698291200000,
)  # fmt: skip
# B(2j) / (2j + 1)!
DEBYE = (
    1 / 36, -1 / 3600, 1 / 211680, -1 / 10886400, 1 / 526901760, -691 / 16999766784000, 1 / 1120863744000,
    -3617 / 181400588328960000, 43867 / 97072790126247936000,
)  # fmt: skip
SIXTH_PI_SQUARED = math.pi**2 / 6


def summed_zetac(s: Any) -> Any:
    """zeta(s) - 1 for s > -1, s not 1."""
    n, total = number(2, s), number(0, s)
    while n < SUMMED:
        total = total + pow(n, -s)
        n = n + 1.0
    rest, factor = SUMMED / (s - 1.0) + 0.5, s / SUMMED
    for j in range(len(BERNOULLI)):
        rest = rest + BERNOULLI[j] * factor
        step = 2.0 * j + 1.0
        factor = factor * ((s + step) / SUMMED) * ((s + (step + 1.0)) / SUMMED)
    return total + pow(number(0, s) + SUMMED, -s) * rest


def zetac(s: Any) -> Any:
    if isnan(s) or (isinf(s) and s < 0.0):
        return number(NAN, s)
    if s > 1100.0:
        return number(0, s)
    if s == 1.0:
        return number(INF, s)
    if s >= -0.5:
        return summed_zetac(s)
    mirrored = 1.0 - s
    size = exp(gammaln(mirrored) - mirrored * LOG_2PI)
    return 2.0 * size * sin_pi(0.5 * s) * (1.0 + summed_zetac(mirrored)) - 1.0


def near_one(log_x: Any) -> Any:
    """Spence's function of x from 1/2 to 2."""
    square = log_x * log_x
    return -log_x * (1.0 + square * polynomial(square, DEBYE)) - 0.25 * square


def near_zero(x: Any) -> Any:
    return SIXTH_PI_SQUARED - log(x) * log1p(-x) - near_one(log1p(-x))


def spence(x: Any) -> Any:
    if isnan(x) or isinf(x) or x < 0.0:
        return number(NAN, x)
    if x == 0.0:
        return number(SIXTH_PI_SQUARED, x)
    if x < 0.5:
        return near_zero(x)
    logarithm = log(x)
    if x <= 2.0:
        return near_one(logarithm)
    return -0.5 * logarithm * logarithm - near_zero(1.0 / x)
