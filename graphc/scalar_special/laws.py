"""Distribution functions and their inverses in scipy.special, by the incomplete gamma and beta functions."""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.beta_function import log_beta
from graphc.scalar_special.beta_quantiles import beta_inverse
from graphc.scalar_special.gamma_quantiles import gammainccinv, gammaincinv
from graphc.scalar_special.incomplete_beta import beta_law, beta_tail
from graphc.scalar_special.incomplete_gamma import gammainc, gammaincc
from graphc.scalar_special.language import (
    epsilon,
    exp,
    floor,
    isinf,
    isnan,
    log,
    ndtr,
    number,
    sqrt,
    trunc,
)
from graphc.scalar_special.normal_kin import quantile

NAN, INF = math.nan, math.inf

# --- of counts: binomial, negative binomial, Poisson ------------------------------------------------------------------


def no_count(k: Any, n: Any, p: Any) -> Any:
    return isnan(k) or isinf(k) or isnan(n) or isinf(n) or not (p >= 0.0 and p <= 1.0)


def bdtr(k: Any, n: Any, p: Any) -> Any:
    k, n = floor(k), trunc(n)
    if no_count(k, n, p) or k < 0.0 or n < k:
        return number(NAN, p)
    return number(1, p) if k == n else beta_law(n - k, k + 1.0, 1.0 - p, p, -1.0)


def bdtrc(k: Any, n: Any, p: Any) -> Any:
    k, n = floor(k), trunc(n)
    if no_count(k, n, p) or n < k:
        return number(NAN, p)
    if k < 0.0:
        return number(1, p)
    return number(0, p) if k == n else beta_law(k + 1.0, n - k, p, 1.0 - p, -1.0)


def bdtri(k: Any, n: Any, y: Any) -> Any:
    k, n = floor(k), trunc(n)
    if no_count(k, n, y) or k < 0.0 or n <= k:
        return number(NAN, y)
    _x, p = beta_inverse(n - k, k + 1.0, y, 1.0 - y)
    return p


def nbdtr(k: Any, n: Any, p: Any) -> Any:
    k, n = trunc(k), trunc(n)
    if no_count(k, n, p) or k < 0.0 or n <= 0.0:
        return number(NAN, p)
    return beta_law(n, k + 1.0, p, 1.0 - p, -1.0)


def nbdtrc(k: Any, n: Any, p: Any) -> Any:
    k, n = trunc(k), trunc(n)
    if no_count(k, n, p) or k < 0.0 or n <= 0.0:
        return number(NAN, p)
    return beta_law(n, k + 1.0, p, 1.0 - p, 1.0)


def nbdtri(k: Any, n: Any, y: Any) -> Any:
    k, n = trunc(k), trunc(n)
    if no_count(k, n, y) or k < 0.0 or n <= 0.0:
        return number(NAN, y)
    p, _q = beta_inverse(n, k + 1.0, y, 1.0 - y)
    return p


def pdtr(k: Any, m: Any) -> Any:
    if isnan(k) or isnan(m) or k < 0.0 or m < 0.0:
        return number(NAN, m)
    return number(1, m) if m == 0.0 else gammaincc(floor(k) + 1.0, m)


def pdtrc(k: Any, m: Any) -> Any:
    if isnan(k) or isnan(m) or k < 0.0 or m < 0.0:
        return number(NAN, m)
    return number(0, m) if m == 0.0 else gammainc(floor(k) + 1.0, m)


def pdtri(k: Any, y: Any) -> Any:
    if isnan(k) or k < 0.0 or not (y >= 0.0 and y < 1.0):
        return number(NAN, y)
    return gammainccinv(trunc(k) + 1.0, y)


# --- of positive numbers: chi-square, gamma, Fisher's -----------------------------------------------------------------


def chdtr(v: Any, x: Any) -> Any:
    return gammainc(0.5 * v, 0.5 * x)


def chdtrc(v: Any, x: Any) -> Any:
    return gammaincc(0.5 * v, 0.5 * x)


def chdtri(v: Any, p: Any) -> Any:
    return 2.0 * gammainccinv(0.5 * v, p)


def gdtr(a: Any, b: Any, x: Any) -> Any:
    return number(NAN, x) if x < 0.0 else gammainc(b, a * x)


def gdtrc(a: Any, b: Any, x: Any) -> Any:
    return number(NAN, x) if x < 0.0 else gammaincc(b, a * x)


def gdtria(p: Any, b: Any, x: Any) -> Any:
    return gammaincinv(b, p) / x if x > 0.0 else number(NAN, x)


def gdtrix(a: Any, b: Any, p: Any) -> Any:
    return gammaincinv(b, p) / a


def no_ratio(n: Any, d: Any, x: Any) -> Any:
    return not (n > 0.0 and d > 0.0 and x >= 0.0) or isinf(n) or isinf(d)


def fdtr(n: Any, d: Any, x: Any) -> Any:
    return number(NAN, x) if no_ratio(n, d, x) else ratio_tail(n, d, x, number(-1, x))


def fdtrc(n: Any, d: Any, x: Any) -> Any:
    return number(NAN, x) if no_ratio(n, d, x) else ratio_tail(n, d, x, number(1, x))


def shares(ratio: Any) -> Any:
    """Numbers x and y = 1 - x with x/y the ratio; the larger one follows the smaller one's rounding."""
    if ratio < 1.0:
        small = ratio / (1.0 + ratio)
        return small, 1.0 - small
    small = 1.0 / (1.0 + ratio)
    return 1.0 - small, small


def ratio_tail(n: Any, d: Any, x: Any, upper: Any) -> Any:
    share = n * x / d
    if isinf(x):
        return number(0, x) if upper > 0.0 else number(1, x)
    below, above = number(1, x), d / n / x
    if not isinf(share):
        below, above = shares(share)
    return beta_law(0.5 * n, 0.5 * d, below, above, upper)


def fdtri(n: Any, d: Any, p: Any) -> Any:
    if no_ratio(n, d, p):
        return number(NAN, p)
    x, y = beta_inverse(0.5 * n, 0.5 * d, p, 1.0 - p)
    return d / n * x / y


# --- Student's --------------------------------------------------------------------------------------------------------


def student_tail(df: Any, t: Any) -> Any:
    """The probability beyond t >= 0, for finite df > 0."""
    ratio = t / sqrt(df)
    if ratio * ratio * epsilon(t) > 1.0:  # the first term of the power series; the square may overflow
        return exp(-df * log(ratio) - log_beta(0.5 * df, number(0, t) + 0.5)) / df
    square = ratio * ratio
    if square == 0.0:
        return number(0, t) + 0.5
    y, x = shares(square)
    return 0.5 * beta_tail(0.5 * df, number(0, t) + 0.5, x, y, -1.0)


def stdtr(df: Any, t: Any) -> Any:
    if isnan(df) or isnan(t) or df <= 0.0:
        return number(NAN, t)
    if isinf(df):
        return ndtr(t)
    if isinf(t):
        return number(0, t) if t < 0.0 else number(1, t)
    tail = student_tail(df, abs(t))
    return tail if t < 0.0 else 1.0 - tail


def stdtrit(df: Any, p: Any) -> Any:
    if isnan(df) or isnan(p) or df <= 0.0 or p < 0.0 or p > 1.0:
        return number(NAN, p)
    if isinf(df):
        return quantile(p)
    tail = min(p, 1.0 - p)
    if tail == 0.0:
        return number(-INF, p) if p == 0.0 else number(INF, p)
    x, y = beta_inverse(0.5 * df, number(0, p) + 0.5, 2.0 * tail, 1.0 - 2.0 * tail)
    t = sqrt(df * y / x)
    if x < epsilon(p):  # far out, where x may underflow: the first term of the power series
        t = sqrt(df) * exp(-(log(tail * df) + log_beta(0.5 * df, number(0, p) + 0.5)) / df)
    return -t if p < 0.5 else t
