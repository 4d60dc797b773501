"""Integrals of Bessel functions of order 0 from 0 on, and of these over their argument.

Of J and Y by Struve functions (DLMF 10.22.2), from 8 on by amplitudes; of I by its power series, whose terms are
positive; of K by its series up to 2, and from there on as pi/2 less what is beyond x, by the trapezoidal rule over
``exp(-x cosh(t)) / cosh(t)``. The second ones, of ``(1 - J)/t`` and ``(I - 1)/t`` from 0 and of ``Y/t`` and ``K/t``
from x on, by Chebyshev series, near 0 beside logarithms (integrals of the power series, DLMF 10.8.2 and 10.31.2).
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.bessel_01 import j0, j1, y0, y1
from graphc.scalar_special.bessel_integral_tables import (
    INTEGRAL_P,
    INTEGRAL_Q,
    SHARE_J,
    SHARE_K_FAR,
    SHARE_K_NEAR,
    SHARE_P,
    SHARE_Q,
    SHARE_Y_MIDDLE,
    SHARE_Y_NEAR,
)
from graphc.scalar_special.language import (
    cos,
    cosh,
    epsilon,
    exp,
    is_single,
    isinf,
    isnan,
    log,
    number,
    sin,
    sqrt,
)
from graphc.scalar_special.series import chebyshev
from graphc.scalar_special.struve_functions import struve

INF, NAN = float("inf"), float("nan")
PI, HALF_PI = 3.141592653589793, 1.5707963267948966
EULER = 0.5772156649015329
ROOT_PI = 1.772453850905516
NEAR = 2.0
LOW, HIGH = 3.0, 8.0  # where series for the integral of Y/t meet


def beyond(x: Any, p: Any, q: Any) -> Any:
    """The integrals of J and Y from x on, x >= 8, with these amplitudes."""
    plus, minus = sin(x) + cos(x), sin(x) - cos(x)
    scale = 1.0 / (sqrt(x) * ROOT_PI)
    return -scale * (p * minus + q * plus), scale * (p * plus - q * minus)


def integrals_beyond(x: Any) -> Any:
    """Of J and Y from x on, for x >= 8."""
    t = 128.0 / (x * x) - 1.0
    j, y = beyond(x, chebyshev(t, INTEGRAL_P), 8.0 / x * chebyshev(t, INTEGRAL_Q))
    return j, y


def shares_beyond(x: Any) -> Any:
    """Of J/t and Y/t from x on, for x >= 8."""
    t = 128.0 / (x * x) - 1.0
    j, y = beyond(x, chebyshev(t, SHARE_P), 8.0 / x * chebyshev(t, SHARE_Q))
    return j / x, y / x


def itj0y0(x: Any) -> Any:
    """The integrals of J and of Y, that of Y for x >= 0."""
    size = abs(x)
    if size == 0.0:
        return number(0, x), number(0, x)
    if size >= HIGH:
        j, y = integrals_beyond(size)
        if isinf(x):
            j, y = number(0, x), number(0, x)
        return (1.0 - j if x > 0.0 else j - 1.0), -y if x > 0.0 else number(NAN, x)
    first, second = struve(number(0, x), size), struve(number(1, x), size)
    j, y = j0(size), y0(size)
    by_j = size * (j + HALF_PI * (j1(size) * first - j * second))
    by_y = size * (y + HALF_PI * (y1(size) * first - y * second))
    return by_j if x > 0.0 else -by_j, by_y if x > 0.0 else number(NAN, x)


def iti0k0(x: Any) -> Any:
    """The integrals of I and of K, that of K for x >= 0."""
    quarter = 0.25 * x * x
    if isnan(x) or isinf(x):
        return x, number(NAN, x) if isnan(x) or x < 0.0 else number(HALF_PI, x)
    term = number(1, x)
    total = term
    for k in range(1, 1000):
        term = term * quarter / (number(k, x) * k)
        total = total + term / (2 * k + 1)
        if term < 0.25 * epsilon(x) * total or isinf(total):
            break
    return x * total, integral_of_k(x)


def integral_of_k(x: Any) -> Any:
    if not x > 0.0:
        return number(0, x) if x == 0.0 else number(NAN, x)
    if x > NEAR:
        return HALF_PI - rest_of_k(x)
    other = -EULER - log(0.5 * x)  # digamma(k + 1) less log(x/2)
    term = number(1, x)
    total = other + 1.0
    for k in range(1, 30):
        term = term * (0.25 * x * x) / (number(k, x) * k)
        other = other + 1.0 / k
        share = 1.0 / (2 * k + 1)
        total = total + term * share * (other + share)
        if term < 0.1 * epsilon(x):
            break
    return x * total


def rest_of_k(x: Any) -> Any:
    """The integral of K from x on."""
    step = (1.0 if is_single(x) else 0.7) / sqrt(x + 6.0)
    reach = 19.0 if is_single(x) else 40.0
    total = number(0.5, x)
    for k in range(1, 100):
        height = cosh(step * k)
        fall = x * (height - 1.0)
        total = total + exp(-fall) / height
        if fall > reach:
            break
    return exp(-x) * (step * total)


def share_of_j(x: Any) -> Any:
    """The integral of (1 - J)/t up to x, for 0 <= x < 8."""
    return x * x * chebyshev(x * x * 0.03125 - 1.0, SHARE_J)


def share_of_y(x: Any) -> Any:
    """The integral of Y/t from x on, for x > 0."""
    if x >= HIGH:
        _j, y = shares_beyond(x)
        return y
    if x >= LOW:
        return chebyshev((x - 0.5 * (LOW + HIGH)) * (2.0 / (HIGH - LOW)), SHARE_Y_MIDDLE)
    level = log(0.5 * x) + EULER
    entire = chebyshev(x * x * (2.0 / (LOW * LOW)) - 1.0, SHARE_Y_NEAR)
    return entire + level / HALF_PI * (share_of_j(x) - 0.5 * level)


def it2j0y0(x: Any) -> Any:
    """That of Y/t for x >= 0: from minus infinity at 0."""
    size = abs(x)
    if isnan(x) or isinf(x):
        return size, number(0, x) if x > 0.0 else number(NAN, x)
    if size >= HIGH:
        j, _y = shares_beyond(size)
        found = j + (log(0.5 * size) + EULER)
    else:
        found = share_of_j(size)
    return found, share_of_y(x) if x > 0.0 else number(-INF if x == 0.0 else NAN, x)


def share_of_i(x: Any) -> Any:
    """The integral of (I - 1)/t up to x."""
    quarter = 0.25 * x * x
    term = number(1, x)
    total = number(0, x)
    for k in range(1, 1000):
        term = term * quarter / (number(k, x) * k)
        total = total + term / (2 * k)
        if term <= 0.25 * epsilon(x) * total or isinf(total):
            break
    return total


def it2i0k0(x: Any) -> Any:
    """That of K/t for x >= 0: from infinity at 0."""
    if isnan(x) or isinf(x):
        return abs(x), number(0, x) if x > 0.0 else number(NAN, x)
    first = share_of_i(x)
    if not x > 0.0:
        return first, number(INF if x == 0.0 else NAN, x)
    if x > NEAR:
        half = exp(-0.5 * x)  # whose square may underflow before it is divided
        return first, half * (chebyshev(4.0 / x - 1.0, SHARE_K_FAR) / (x * sqrt(x))) * half
    level = log(0.5 * x) + EULER
    return first, chebyshev(0.5 * x * x - 1.0, SHARE_K_NEAR) + level * (0.5 * level + first)
