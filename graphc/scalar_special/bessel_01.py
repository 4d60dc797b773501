"""Bessel functions of orders 0 and 1: Chebyshev series, from 8 (K: 2) on of amplitudes or without the exponential.

The logarithmic and singular parts of Y and K are DLMF 10.8.1, 10.8.2 and 10.31.1; amplitudes as in DLMF 10.17.3.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.bessel_01_tables import (
    I0_FAR,
    I0_LEFT,
    I0_NEAR,
    I1_FAR,
    I1_LEFT,
    I1_NEAR,
    J0_NEAR,
    J1_NEAR,
    K0_FAR,
    K0_NEAR,
    K1_FAR,
    K1_NEAR,
    P0,
    P1,
    Q0,
    Q1,
    Y0_NEAR,
    Y1_NEAR,
)
from graphc.scalar_special.language import copysign, cos, exp, isinf, log, number, sin, sqrt
from graphc.scalar_special.series import chebyshev

INF, NAN = float("inf"), float("nan")
TWO_OVER_PI = 0.6366197723675814
ROOT_PI = 1.772453850905516


def far_0(x: Any) -> Any:
    """J0 and Y0 from 8 on."""
    t = 128.0 / (x * x) - 1.0
    p, q = chebyshev(t, P0), 8.0 / x * chebyshev(t, Q0)
    plus, minus = sin(x) + cos(x), sin(x) - cos(x)
    scale = 1.0 / (sqrt(x) * ROOT_PI)
    return scale * (p * plus - q * minus), scale * (p * minus + q * plus)


def far_1(x: Any) -> Any:
    """J1 and Y1 from 8 on."""
    t = 128.0 / (x * x) - 1.0
    p, q = chebyshev(t, P1), 8.0 / x * chebyshev(t, Q1)
    plus, minus = sin(x) + cos(x), sin(x) - cos(x)
    scale = 1.0 / (sqrt(x) * ROOT_PI)
    return scale * (p * minus + q * plus), scale * (q * minus - p * plus)


def j0(x: Any) -> Any:
    x = abs(x)
    if x < 8.0:
        return chebyshev(x * x * 0.03125 - 1.0, J0_NEAR)
    j, _y = far_0(x)
    return j


def j1(x: Any) -> Any:
    if abs(x) < 8.0:
        return x * chebyshev(x * x * 0.03125 - 1.0, J1_NEAR)
    j, _y = far_1(abs(x))
    return j if x > 0.0 else -j


def y0(x: Any) -> Any:
    if not x > 0.0:
        return number(-INF, x) if x == 0.0 else number(NAN, x)
    if x < 8.0:
        t = x * x * 0.03125 - 1.0
        return chebyshev(t, Y0_NEAR) + TWO_OVER_PI * log(x) * chebyshev(t, J0_NEAR)
    _j, y = far_0(x)
    return y


def y1(x: Any) -> Any:
    if not x > 0.0:
        return number(-INF, x) if x == 0.0 else number(NAN, x)
    if x < 8.0:
        t = x * x * 0.03125 - 1.0
        return x * (chebyshev(t, Y1_NEAR) + TWO_OVER_PI * log(x) * chebyshev(t, J1_NEAR)) - TWO_OVER_PI / x
    _j, y = far_1(x)
    return y


def k0(x: Any) -> Any:
    if not x > 2.0:
        return near_0(x)
    return exp(-x) * (chebyshev(4.0 / x - 1.0, K0_FAR) / sqrt(x))


def k0e(x: Any) -> Any:
    if not x > 2.0:
        return exp(x) * near_0(x)
    return chebyshev(4.0 / x - 1.0, K0_FAR) / sqrt(x)


def near_0(x: Any) -> Any:
    """K0 up to 2."""
    if not x > 0.0:
        return number(INF, x) if x == 0.0 else number(NAN, x)
    t = x * x * 0.5 - 1.0
    return chebyshev(t, K0_NEAR) - log(0.5 * x) * chebyshev(t, I0_NEAR)


def k1(x: Any) -> Any:
    if not x > 2.0:
        return near_1(x)
    return exp(-x) * (chebyshev(4.0 / x - 1.0, K1_FAR) / sqrt(x))


def k1e(x: Any) -> Any:
    if not x > 2.0:
        return exp(x) * near_1(x)
    return chebyshev(4.0 / x - 1.0, K1_FAR) / sqrt(x)


def near_1(x: Any) -> Any:
    """K1 up to 2."""
    if not x > 0.0:
        return number(INF, x) if x == 0.0 else number(NAN, x)
    t = x * x * 0.5 - 1.0
    return x * (chebyshev(t, K1_NEAR) + log(0.5 * x) * chebyshev(t, I1_NEAR)) + 1.0 / x


def i0e(x: Any) -> Any:
    x = abs(x)
    if x <= 8.0:
        return chebyshev(0.25 * x - 1.0, I0_LEFT)
    return chebyshev(16.0 / x - 1.0, I0_FAR) / sqrt(x)


def i0(x: Any) -> Any:
    half = exp(0.5 * abs(x))
    return half * i0e(x) * half if not isinf(x) else abs(x)


def i1e(x: Any) -> Any:
    size = abs(x)
    if size <= 8.0:
        return x * chebyshev(0.25 * size - 1.0, I1_LEFT)
    return copysign(chebyshev(16.0 / size - 1.0, I1_FAR) / sqrt(size), x)


def i1(x: Any) -> Any:
    half = exp(0.5 * abs(x))
    return half * i1e(x) * half if not isinf(x) else x
