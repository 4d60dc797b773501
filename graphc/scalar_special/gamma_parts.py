"""What functions around the gamma function are made of: parts of its logarithm that do not cancel.

Stirling's series is DLMF 5.11.1. ``LOG_GAMMA_1P`` is ``log(gamma(1 + d)) / d`` for d from -1/2 to 1/2: Chebyshev's
interpolation of 40 digits (mpmath), written in powers of d.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.language import (
    epsilon,
    exp,
    floor,
    gamma,
    gammaln,
    is_single,
    log,
    log1p,
    number,
    pow,
    sqrt,
)
from graphc.scalar_special.series import polynomial

STIRLING_FROM = 10.0
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
ROOT_2PI = 2.5066282746310002
HALF_LOG_2PI = 0.9189385332046728
E = 2.718281828459045
LOG_GAMMA_1P = (
    -0.5772156649015329, 0.8224670334241132, -0.4006856343865406, 0.2705808084277935, -0.2073855510262953,
    0.16955717699509998, -0.14404989701106719, 0.1255096697597847, -0.1113342530365414, 0.10009944506030896,
    -0.09095442301348973, 0.08335423437020126, -0.07692423568567124, 0.07142491150665906, -0.06678275881746833,
    0.0626116167474043, -0.057737256640806416, 0.054501409023364235, -0.059850048562680856,
    0.057003000096539545, -0.014509338086091672, 0.01333577663873192, -0.14497971020532596, 0.14011729595820724,
    0.1528715168258553, -0.14857260899606312, -0.22471180158915516, 0.21762817640022097,
)  # fmt: skip


def is_pole(a: Any) -> Any:
    """Whether the gamma function is infinite there."""
    return a <= 0.0 and a == floor(a)


def log1p_less(u: Any) -> Any:
    """``log(1 + u) - u``: near 0 by the series of the inverse hyperbolic tangent of ``r = u/(2 + u)``."""
    if u < -0.5 or u > 1.0:
        return log1p(u) - u
    r = u / (u + 2.0)
    square = r * r
    term, total, k = square, number(0, u) + 1 / 3, 5.0
    while term > epsilon(u) * 0.1:
        total = total + term / k
        term = term * square
        k = k + 2.0
    return 2.0 * r * square * total - u * r


def stirling_rest(a: Any) -> Any:
    """What log(gamma(a)) has beside ``(a - 1/2) log(a) - a + log(2 pi)/2``, for a from ``STIRLING_FROM`` on."""
    inverse = 1.0 / a
    return inverse * polynomial(inverse * inverse, STIRLING)


def log_gamma_1p(a: Any) -> Any:
    """log(gamma(1 + a)), exact relative to it also near a = 0 and a = 1; from -1/2 on."""
    if a <= 0.5:
        return a * polynomial(a, LOG_GAMMA_1P)
    if a <= 1.5:
        return (a - 1.0) * polynomial(a - 1.0, LOG_GAMMA_1P) + log(a)
    return gammaln(a + 1.0)


def gamma_kernel(a: Any, x: Any) -> Any:
    """``x**a exp(-x) / gamma(a + 1)`` for positive numbers."""
    if a < STIRLING_FROM:
        limit = number(160, x) if is_single(x) else number(900, x)
        if x > limit:
            return number(0, x)
        decay = exp(-0.5 * x)  # whose square may underflow
        return pow(x, a) * decay / gamma(a + 1.0) * decay
    ratio = x / a
    moved = (x - a) / a
    inner = log(ratio) - moved if ratio < 0.5 else log1p_less(moved)
    return exp(a * inner - stirling_rest(a)) / (sqrt(a) * ROOT_2PI)


def gamma_ratio_log(a: Any, b: Any) -> Any:
    """``log(gamma(b) / gamma(a + b)) + a log(b)`` for positive a and b from ``STIRLING_FROM`` on, exact for small a."""
    quotient = a / b
    total = a + b
    bend = -(a - 0.5) * log1p(quotient) - b * log1p_less(quotient)
    first, second = 1.0 / b, 1.0 / total
    # (first**n - second**n) / (first - second) for odd n
    power, sums, rest = first, number(1, a), number(0, a)
    for k in range(len(STIRLING)):
        rest = rest + STIRLING[k] * sums
        sums = power + second * sums
        power = power * first
        sums = power + second * sums
        power = power * first
    return bend + rest * first * quotient / (1.0 + quotient)
