"""The integral of ``x**p J_v(2 a x)`` over x from 0 to 1, and what its power series continues it to.

By the power series (of DLMF 10.2.2, term by term) while its terms fall; by a series of Bessel functions of the orders
``v + 1, v + 3, ...`` (Abramowitz and Stegun, 11.1.1), which come from the recurrence downwards (Miller's algorithm,
DLMF 3.6); far out by Lommel's functions (Watson, "Theory of Bessel functions", 10.74; DLMF 11.9.9).
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.bessel_plain import jv
from graphc.scalar_special.beta_function import rgamma
from graphc.scalar_special.language import (
    cbrt,
    epsilon,
    exp,
    floor,
    gamma,
    gammaln,
    integer,
    is_single,
    isinf,
    isnan,
    log,
    number,
    pow,
)

NAN, INF = math.nan, math.inf
MOST_TERMS = 1000
MOST_ORDERS = 210000.0
HUGE = 1e15


def power_series(a: Any, p: Any, v: Any) -> Any:
    first = pow(a, v) * rgamma(v + 1.0) if v < 30.0 else exp(v * log(a) - gammaln(v + 1.0))
    square, term, total, k = a * a, number(1, a), number(0, a), number(0, a)
    for _ in range(MOST_TERMS):
        part = term / (p + v + 2.0 * k + 1.0)
        total = total + part
        if abs(part) <= abs(total) * epsilon(a) * 0.1 and k > -v:
            break
        k = k + 1.0
        term = -term * (square / (k * (v + k)))
    return first * total


def orders_above(z: Any, v: Any) -> Any:
    """How many orders, a multiple of two, lead from v + 1 to where Bessel functions of z are negligible."""
    top = max(z, abs(v)) + 16.0 * cbrt(z) + 30.0
    return 2.0 * floor(0.5 * (top - v))


def by_orders(z: Any, p: Any, v: Any) -> Any:
    count = orders_above(z, v)
    if count > MOST_ORDERS:
        return number(NAN, z)
    # the coefficient of the highest order that counts: (v + 2k + 1) (first)_k / (second)_(k+1)
    first, second = 0.5 * (v - p + 1.0), 0.5 * (v + p + 1.0)
    quotient, largest, k = 1.0 / second, abs(1.0 / second), number(0, z)
    for _ in range(integer(count)):
        following = quotient * ((first + k) / (second + k + 1.0))
        if k >= 0.5 * count or abs(following) <= largest * epsilon(z) * epsilon(z):
            break
        k = k + 1.0
        quotient = following
        largest = max(largest, abs(quotient))
    above, here, total, steps = number(0, z), number(1, z) / HUGE, number(0, z), integer(count)
    for j in range(steps, -1, -1):
        order = v + 1.0 + j
        if j % 2 == 0 and j <= 2.0 * k:
            total = total + quotient * order * here
            if j > 0:
                quotient = quotient * ((second + 0.5 * j) / (first + 0.5 * j - 1.0))
        if j > 0:
            below = 2.0 * order / z * here - above
            above = here
            here = below
        if abs(here) > HUGE:
            above = above / HUGE
            here = here / HUGE
            total = total / HUGE
    scale = jv(v + 1.0, z) / here if abs(here) > abs(above) else jv(v + 2.0, z) / above
    return total * scale / z


def lommel_sum(p: Any, v: Any, z: Any) -> Any:
    """``z**(1 - p)`` times Lommel's function S of p and v."""
    term, total, odd = number(1, z), number(1, z), number(1, z)
    for _ in range(MOST_TERMS):
        side = odd - p
        term = -term * ((side - v) / z) * ((side + v) / z)
        total = total + term
        if abs(term) <= epsilon(z) * 0.1:
            break
        odd = odd + 2.0
    return total


def far_out(z: Any, p: Any, v: Any) -> Any:
    whole = pow(2.0 / z, p) / z * gamma(0.5 * (v + p + 1.0)) * rgamma(0.5 * (v - p + 1.0))
    rest = (p + v - 1.0) / z * jv(v, z) * lommel_sum(p - 1.0, v - 1.0, z) - jv(v - 1.0, z) * lommel_sum(p, v, z)
    return whole + rest / z


def is_far_out(z: Any, p: Any, v: Any) -> Any:
    size = abs(p) + abs(v)
    most = number(20, z) if is_single(z) else number(100, z)
    return size <= most and z >= 40.0 + 2.0 * size


def moment(a: Any, p: Any, v: Any) -> Any:
    """For finite a > 0, v that is no negative integer, and p that is at no pole."""
    if a * a <= max(v, number(0, a)) + 1.0:
        return power_series(a, p, v)
    z = 2.0 * a
    return far_out(z, p, v) if is_far_out(z, p, v) else by_orders(z, p, v)


def at_origin(p: Any, v: Any) -> Any:
    """The limit for small a, for v that is no negative integer."""
    if v > 0.0:
        return number(0, v)
    return 1.0 / (p + 1.0) if v == 0.0 else rgamma(v + 1.0) / (p + v + 1.0) * INF


def besselpoly(a: Any, p: Any, v: Any) -> Any:
    if not (a >= 0.0) or isnan(p) or isnan(v) or isinf(a) or p == -INF or v == -INF:
        return number(NAN, a)
    if isinf(p) or isinf(v):
        return number(0, a)
    sign = number(1, a)
    if v == floor(v) and v < 0.0:
        v = -v
        sign = sign if 2.0 * floor(0.5 * v) == v else -sign
    if a == 0.0:
        return at_origin(p, v)
    pole = -0.5 * (p + v + 1.0)
    if pole >= 0.0 and pole == floor(pole):
        return sign * INF if pole == 0.0 else number(NAN, a)
    return sign * moment(a, p, v)
