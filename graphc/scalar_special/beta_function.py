"""The beta function and its kin, without differences of large logarithms (Stirling's series, DLMF 5.11.1)."""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.gamma_parts import (
    HALF_LOG_2PI,
    ROOT_2PI,
    STIRLING_FROM,
    gamma_ratio_log,
    is_pole,
    log1p_less,
    stirling_rest,
)
from graphc.scalar_special.language import (
    copysign,
    exp,
    floor,
    gamma,
    gammaln,
    is_single,
    isinf,
    isnan,
    log,
    log1p,
    number,
    pow,
    sqrt,
)

NAN, INF = math.nan, math.inf


def smooth_beta(a: Any, b: Any) -> Any:
    """``gamma(1 + a) gamma(1 + b) / gamma(1 + a + b)`` for positive numbers below ``STIRLING_FROM``."""
    return gamma(1.0 + a) * gamma(1.0 + b) / gamma(1.0 + a + b)


def log_beta(a: Any, b: Any) -> Any:
    """Of positive finite numbers."""
    low, high = min(a, b), max(a, b)
    if high < STIRLING_FROM:
        return log(smooth_beta(low, high)) + log((1.0 + low / high) / low)
    if low < STIRLING_FROM:
        return gammaln(low) + gamma_ratio_log(low, high) - low * log(high)
    total = low + high
    rest = stirling_rest(low) + stirling_rest(high) - stirling_rest(total)
    return HALF_LOG_2PI - 0.5 * log(total) + (low - 0.5) * log(low / total) - (high - 0.5) * log1p(low / high) + rest


def positive_beta(a: Any, b: Any) -> Any:
    """Of positive finite numbers."""
    low, high = min(a, b), max(a, b)
    if high < STIRLING_FROM:
        return smooth_beta(low, high) * ((1.0 + low / high) / low)
    if low < STIRLING_FROM:
        return gamma(low) * exp(gamma_ratio_log(low, high)) * pow(high, -low)
    total = low + high
    rest = stirling_rest(low) + stirling_rest(high) - stirling_rest(total)
    # (high/total)**(high - 1/2), of which the exponent is about -low
    return ROOT_2PI / sqrt(total) * pow(low / total, low - 0.5) * exp(rest - (high - 0.5) * log1p(low / high))


def beta_kernel(a: Any, b: Any, x: Any, y: Any) -> Any:
    """``x**a y**b / beta(a, b)`` for positive numbers and y = 1 - x."""
    log_x, log_y = log(x) if x < 0.5 else log1p(-y), log(y) if y < 0.5 else log1p(-x)
    if a >= STIRLING_FROM and b >= STIRLING_FROM:
        return _large_kernel(a, b, x, y)
    if a < STIRLING_FROM and b < STIRLING_FROM:
        share = a / (a + b) * b
        return exp_power(x, y, a, log_x) * exp_power(y, x, b, log_y) * share / smooth_beta(a, b)
    if b >= STIRLING_FROM:
        return _mixed_kernel(a, b, x, log_y)
    return _mixed_kernel(b, a, y, log_x)


def exp_power(x: Any, rest: Any, a: Any, log_x: Any) -> Any:
    """``x**a``, where x rounds 1 - rest for small rest."""
    return pow(x, a) if x < 0.5 else exp(a * log_x)


def _mixed_kernel(a: Any, b: Any, x: Any, log_y: Any) -> Any:
    decay = b * log_y
    limit = number(-220, x) if is_single(x) else number(-1600, x)
    if decay < limit:
        return number(0, x)
    root = exp(0.5 * (decay - gamma_ratio_log(a, b)))  # whose square may underflow
    return pow(x * b, a) * root / gamma(a) * root


def _large_kernel(a: Any, b: Any, x: Any, y: Any) -> Any:
    off = x * b - y * a  # (a + b) times the distance from the mean
    first, second = off / a, -off / b
    inner = a * _log_less(first, x, 1.0 + b / a) + b * _log_less(second, y, 1.0 + a / b)
    rest = stirling_rest(a + b) - stirling_rest(a) - stirling_rest(b)
    return sqrt(a / (a + b) * b) / ROOT_2PI * exp(inner + rest)


def _log_less(u: Any, x: Any, over_mean: Any) -> Any:
    """``log(1 + u) - u``, where ``1 + u`` is ``x over_mean``."""
    return log(x * over_mean) - u if u < -0.5 else log1p_less(u)


def beta(a: Any, b: Any) -> Any:
    if isnan(a) or isnan(b):
        return number(NAN, a)
    if a > 0.0 and b > 0.0:
        if isinf(a) or isinf(b):
            return number(NAN, a) if isinf(a) and isinf(b) else number(0, a)
        return positive_beta(a, b)
    if is_pole(a):
        return _at_pole(a, b)
    if is_pole(b):
        return _at_pole(b, a)
    return gamma_sign(a) * gamma_sign(b) * gamma_sign(a + b) * exp(_reflected_log(a, b))


def betaln(a: Any, b: Any) -> Any:
    if isnan(a) or isnan(b):
        return number(NAN, a)
    if a > 0.0 and b > 0.0:
        if isinf(a) or isinf(b):
            return number(NAN, a) if isinf(a) and isinf(b) else number(-INF, a)
        return log_beta(a, b)
    if is_pole(a):
        return log(abs(_at_pole(a, b)))
    if is_pole(b):
        return log(abs(_at_pole(b, a)))
    return _reflected_log(a, b)


def _at_pole(a: Any, b: Any) -> Any:
    """The limit of beta at an integer a <= 0: finite where b is an integer from 1 to -a (SciPy's convention)."""
    if b == floor(b) and 1.0 - a - b > 0.0 and b > 0.0:
        value = positive_beta(1.0 - a - b, b)
        return value if b == 2.0 * floor(0.5 * b) else -value
    return number(INF, a)


def _reflected_log(a: Any, b: Any) -> Any:
    return gammaln(a) + gammaln(b) - gammaln(a + b)


def gamma_sign(x: Any) -> Any:
    """1 or -1, for no integer x <= 0."""
    if x > 0.0:
        return number(1, x)
    whole = floor(x)
    return number(1, x) if whole == 2.0 * floor(0.5 * whole) else number(-1.0, x)


def gammasgn(x: Any) -> Any:
    if isnan(x):
        return number(NAN, x)
    if x == 0.0:
        return copysign(number(1, x), x)
    if x < 0.0 and x == floor(x):
        return number(NAN, x)
    return gamma_sign(x)


def rgamma(x: Any) -> Any:
    if isinf(x) or (x <= 0.0 and x == floor(x)):
        return number(0, x)
    return 1.0 / gamma(x)
