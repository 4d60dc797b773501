"""Binomial coefficients and Pochhammer's symbol of real numbers: by the beta function and reflection (DLMF 5.5.3)."""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.beta_function import positive_beta
from graphc.scalar_special.gamma_parts import STIRLING_FROM, gamma_ratio_log, is_pole
from graphc.scalar_special.half_turns import sin_pi
from graphc.scalar_special.language import exp, floor, gamma, isinf, isnan, number, pow, rint

PI, NAN, INF = math.pi, math.nan, math.inf
FEW = 20.0  # factors that are multiplied one by one


def sin_pi_ratio(x: Any, y: Any) -> Any:
    """sin(pi x) / sin(pi y), exact where x - y is an integer."""
    apart = x - y
    if apart == rint(apart):
        return number(1, x) if apart == 2.0 * rint(0.5 * apart) else number(-1, x)
    return sin_pi(x) / sin_pi(y)


def falling_product(n: Any, k: Any) -> Any:
    """``n (n - 1) ... (n - k + 1) / k!`` for a small integer k."""
    found, i = number(1, n), number(1, n)
    while i <= k:
        found = found * ((n - k + i) / i)
        i = i + 1.0
    return found


def binom(n: Any, k: Any) -> Any:
    if isinf(k) and k < 0.0 and n > -1.0:
        return number(0, n)
    if isnan(n) or isnan(k) or isinf(k) or (n < 0.0 and n == floor(n)):
        return number(NAN, n)
    if k == floor(k):
        fewer = n - k if n == floor(n) and n - k < k else k
        if fewer < 0.0:
            return number(0, n)
        if fewer < FEW:
            return falling_product(n, fewer)
    if isinf(n):
        return number(NAN, n)
    if k <= -1.0 and n - k > -1.0:
        k = n - k
    if n > -1.0:
        if k < n + 1.0:
            return 1.0 / ((n + 1.0) * positive_beta(1.0 + n - k, 1.0 + k))
        return positive_beta(n + 1.0, k - n) * sin_pi(n - k + 1.0) / PI
    if k > -1.0:
        return sin_pi_ratio(n - k + 1.0, n + 1.0) / ((k - n) * positive_beta(-n, k + 1.0))
    return positive_beta(-k, k - n) * sin_pi(k + 1.0) * sin_pi_ratio(n - k + 1.0, n + 1.0) / PI


def positive_poch(a: Any, m: Any) -> Any:
    """gamma(a + m) / gamma(a) for positive numbers."""
    found = number(1, a)
    while a < STIRLING_FROM and m >= 1.0:
        found = found * a
        a = a + 1.0
        m = m - 1.0
    if m == 0.0:
        return found
    if a < STIRLING_FROM:
        return found * (gamma(a + m) / gamma(a))
    return found * (pow(a, m) * exp(-gamma_ratio_log(m, a)))


def signed_poch(a: Any, m: Any) -> Any:
    """gamma(a + m) / gamma(a) for positive a and a + m."""
    return positive_poch(a, m) if m >= 0.0 else 1.0 / positive_poch(a + m, -m)


def poch(a: Any, m: Any) -> Any:
    total = a + m
    if isnan(total):
        return number(NAN, a)
    if m == 0.0:
        return number(1, a)
    if is_pole(a) and not is_pole(total):
        return number(0, a)
    if isinf(a) or isinf(m):
        return number(NAN, a) if total < 0.0 else (number(INF, a) if m > 0.0 else number(0, a))
    if is_pole(total) and not is_pole(a):
        return number(INF, a)
    if a > 0.0 and total > 0.0:
        return signed_poch(a, m)
    if m > 0.0 and m <= FEW and m == floor(m):
        return falling_product(total - 1.0, m) * gamma(m + 1.0)
    if total < 1.0 and a < 1.0:
        return sin_pi_ratio(a, total) * signed_poch(1.0 - total, m)
    if a <= 0.0:
        return positive_beta(total, 1.0 - a) * gamma(1.0 + m) * sin_pi(a) / PI
    return PI / (positive_beta(a, 1.0 - total) * gamma(1.0 - m) * sin_pi(total))
