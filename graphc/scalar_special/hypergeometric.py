"""Gauss's hypergeometric function of real numbers.

Where the power series would cancel or converge slowly, the function and its derivative are carried on by Taylor's
series of the differential equation (DLMF 15.10.1), each step within half of the distance to the next singular point:
the function grows from its power series at 0 as fast as any other solution. Negative arguments by Pfaff's
transformation (DLMF 15.8.1), denominators below 0 by recurrence where the series cancels (DLMF 15.5.18).
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.beta_function import gamma_sign
from graphc.scalar_special.gamma_parts import is_pole
from graphc.scalar_special.language import (
    epsilon,
    floor,
    is_single,
    isfinite,
    isnan,
    number,
    pow,
    sqrt,
)
from graphc.scalar_special.rising_factorials import poch

NAN, INF = math.nan, math.inf
MOST_TERMS, MOST_STEPS = 4000, 2000
MOST_LOST_64, MOST_LOST_32 = 3e4, 300.0  # what terms may be larger than their sum, which is NaN beyond


def most_lost(z: Any) -> Any:
    return number(MOST_LOST_32, z) if is_single(z) else number(MOST_LOST_64, z)


# --- Gauss's ----------------------------------------------------------------------------------------------------------


def hypergeometric_series(a: Any, b: Any, c: Any, z: Any, of_two: Any, first: Any) -> Any:
    """The power series with (a)_n (b)_n (``of_two`` is 1) or (a)_n alone (0) over (c)_n n!, times its first term.

    It ends by itself where a or b is an integer <= 0. NaN where too many digits are lost, below the poles in c, and
    where it takes too long.
    """
    term, total, n = first, first, number(0, z)
    largest, ended = first, number(0, z)
    for _ in range(MOST_TERMS):
        second = b + n if of_two > 0.0 else number(1, z)
        ratio = ((a + n) / (c + n)) * (second / (n + 1.0)) * z
        term = term * ratio
        total = total + term
        n = n + 1.0
        largest = max(largest, abs(term))
        small = abs(term) <= abs(total) * epsilon(z) * 0.125
        if term == 0.0 or (small and (c > 0.0 or (n > -c and abs(ratio) < 0.99))):  # terms grow again beyond -c
            ended = number(1, z)
            break
    return number(NAN, z) if ended == 0.0 or (c < 0.0 and largest > abs(total) * most_lost(z)) else total


def gauss_series(a: Any, b: Any, c: Any, z: Any) -> Any:
    return hypergeometric_series(a, b, c, z, number(1, z), number(1, z))


def gauss_sum(a: Any, b: Any, c: Any, z: Any) -> Any:
    """The series that ends with ``z**(-a)``, and the sum of the sizes of its terms."""
    term, total, n = number(1, z), number(1, z), number(0, z)
    sizes = number(1, z)
    while n < -a:
        term = term * ((a + n) / (c + n)) * ((b + n) / (n + 1.0)) * z
        total = total + term
        sizes = sizes + abs(term)
        n = n + 1.0
    return total, sizes


def poch_ratio(a: Any, b: Any, count: Any) -> Any:
    """``(a)_count / (b)_count``, each of which may be beyond all numbers."""
    found, n = number(1, a), number(0, a)
    while n < count:
        found = found * ((a + n) / (b + n))
        n = n + 1.0
    return found


def gauss_polynomial(a: Any, b: Any, c: Any, z: Any, y: Any) -> Any:
    """For an integer a <= 0, y = 1 - z: in powers of z, or of y (DLMF 15.8.7), or as any other function."""
    found, sizes = gauss_sum(a, b, c, z)
    if sizes <= 64.0 * abs(found):
        return found
    other = b - c + a + 1.0
    if other > 0.0 or other != floor(other):
        mirrored, sizes = gauss_sum(a, b, other, y)
        if sizes <= 64.0 * abs(mirrored):
            return mirrored * poch_ratio(c - b, c, -a)
    return gauss_function(a, b, c, z, y) if z > 0.0 and y > 0.0 else found


def gauss_step(a: Any, b: Any, c: Any, z: Any, y: Any, h: Any, value: Any, slope: Any) -> Any:
    """The solution and its derivative at z + h from those at z = 1 - y."""
    u, v = value, slope * h  # the terms of degrees n and n + 1
    total, sloped, n = value + v, v, number(0, z)
    share, drift = h / (z * y), c - (a + b + 1.0) * z
    for _ in range(MOST_TERMS):
        w = (h * (n + a) * (n + b) * u / (n + 1.0) - ((y - z) * n + drift) * v) * share / (n + 2.0)
        u = v
        v = w
        n = n + 1.0
        total = total + v
        sloped = sloped + (n + 1.0) * v
        if abs(u) + abs(v) <= (abs(total) + abs(sloped)) * epsilon(z) * 0.125 / (n + 1.0):
            break
    return total, sloped / h


def gauss_inside(a: Any, b: Any, c: Any, z: Any, y: Any) -> Any:
    """For 0 < z < 1, y = 1 - z."""
    if is_pole(a) and a > -MOST_TERMS:
        return gauss_polynomial(a, b, c, z, y)
    if is_pole(b) and b > -MOST_TERMS:
        return gauss_polynomial(b, a, c, z, y)
    return gauss_function(a, b, c, z, y)


def gauss_function(a: Any, b: Any, c: Any, z: Any, y: Any) -> Any:
    found = gauss_steps(a, b, c, z, y)
    return gauss_below(a, b, c, z, y) if c < 0.0 and isnan(found) else found


def gauss_below(a: Any, b: Any, c: Any, z: Any, y: Any) -> Any:
    """For c < 0 from c + n > 0 down (DLMF 15.5.18); NaN where too many digits are lost."""
    steps = 1.0 - floor(c)
    if steps > MOST_STEPS:
        return number(NAN, z)
    c = c + steps
    found, above = gauss_steps(a, b, c, z, y), gauss_steps(a, b, c + 1.0, z, y)
    lost, lost_above = abs(found), abs(above)
    while steps > 0.0:
        middle = (c - 1.0 - (2.0 * c - a - b - 1.0) * z) / ((c - 1.0) * y)
        far = (c - a) * (c - b) * z / (c * (c - 1.0) * y)
        below = middle * found + far * above
        lost_below = abs(middle) * lost + abs(far) * lost_above
        above, lost_above = found, lost
        found, lost = below, lost_below
        c = c - 1.0
        steps = steps - 1.0
    return number(NAN, z) if lost > abs(found) * most_lost(z) else found


def gauss_start(a: Any, b: Any, c: Any, z: Any) -> Any:
    """How far the power series goes: over all of 0 to z where its terms are positive, or none is above the first."""
    whole = min(z, number(0, z) + 0.95)
    if c < 0.0 or (a > 0.0 and b > 0.0 and whole * (a + b) - c < 0.1 * MOST_TERMS * (1.0 - whole)):
        return whole
    if (abs(a) + 1.0) * (abs(b) + 1.0) <= c:
        return z if c - a - b > 30.0 else whole
    if max(abs(a), abs(b)) <= 1.1 * c:
        return min(z, number(0, z) + 0.5, 1.0 / (1.0 + min(abs(a), abs(b))))
    return min(z, 4.0 / (1.0 + abs(a * b / c) + abs(a) + abs(b)), number(0, z) + 0.5)


def gauss_steps(a: Any, b: Any, c: Any, z: Any, y: Any) -> Any:
    """By the power series up to where its terms are moderate, and steps from there on."""
    x = gauss_start(a, b, c, z)
    value = gauss_series(a, b, c, x)
    if x == z:
        return value
    slope = a * b / c * gauss_series(a + 1.0, b + 1.0, c + 1.0, x)
    rest = 1.0 - x
    for _ in range(MOST_STEPS):
        gap = rest - y
        if gap <= 0.0 or x >= z or not isfinite(value):
            return value
        speed = sqrt(abs(a * b) / (x * rest)) + abs(c - (a + b + 1.0) * x) / (x * rest)
        h = min(gap, 4.0 / (1.0 + speed), 0.5 * min(x, rest))
        value, slope = gauss_step(a, b, c, x, rest, h, value, slope)
        x = x + h
        rest = rest - h
    return number(NAN, z)


def at_one(a: Any, b: Any, c: Any) -> Any:
    """Gauss's sum gamma(c) gamma(c - a - b) / (gamma(c - a) gamma(c - b)) (DLMF 15.4.20)."""
    excess = c - a - b
    if is_pole(b) and -b <= MOST_TERMS:
        return poch_ratio(c - a, c, -b)
    if is_pole(a) and -a <= MOST_TERMS:
        return poch_ratio(c - b, c, -a)
    if excess <= 0.0:
        return gamma_sign(a) * gamma_sign(b) * gamma_sign(c) * number(INF, c)
    return poch(c - b, b) / poch(excess, b)


def hyp2f1(a: Any, b: Any, c: Any, z: Any) -> Any:
    if isnan(a) or isnan(b) or isnan(c) or not isfinite(z):
        return number(NAN, z)
    ends = (is_pole(a) and not (is_pole(c) and a < c)) or (is_pole(b) and not (is_pole(c) and b < c))
    if z == 0.0 or a == 0.0 or b == 0.0:
        return number(1, z)
    if is_pole(c) and not ends:
        return number(INF, z)
    if is_pole(c):
        return gauss_series(a, b, c, z)
    if z == 1.0:
        return at_one(a, b, c)
    if z > 1.0:
        return gauss_inside(a, b, c, z, 1.0 - z) if ends else beyond_one(a, b, c, z)
    if z > 0.0:
        return gauss_inside(a, b, c, z, 1.0 - z)
    few = z > -0.25 and abs(a * b / c * z) < 1.0 and abs(a) + abs(b) < 8.0
    if few or (z > -0.95 and (abs(a) + 1.0) * (abs(b) + 1.0) <= c):
        return gauss_series(a, b, c, z)
    # Pfaff's transformation by the parameter that leaves the smaller numbers; the other where too many digits are lost
    shorter = is_pole(c - a) and (not is_pole(c - b) or a < b)  # of two polynomials
    smaller = shorter if is_pole(c - a) or is_pole(c - b) else abs(b) < abs(a)
    if (is_pole(b) or smaller) and not is_pole(a):
        found = pow(1.0 - z, -b) * beyond(b, c - a, c, z)
        return pow(1.0 - z, -a) * beyond(a, c - b, c, z) if isnan(found) else found
    found = pow(1.0 - z, -a) * beyond(a, c - b, c, z)
    return pow(1.0 - z, -b) * beyond(b, c - a, c, z) if isnan(found) else found


def beyond_one(a: Any, b: Any, c: Any, z: Any) -> Any:
    """At z > 1 a polynomial times a power of 1 - z (DLMF 15.8.1), where that is a real number; else infinite."""
    excess = c - a - b
    if excess != floor(excess) or not (is_pole(c - a) or is_pole(c - b)):
        return number(INF, z)
    return pow(1.0 - z, excess) * gauss_inside(c - a, c - b, c, z, 1.0 - z)


def beyond(a: Any, b: Any, c: Any, z: Any) -> Any:
    """At ``z/(z - 1)`` for z < 0."""
    return number(1, z) if a == 0.0 or b == 0.0 else gauss_inside(a, b, c, z / (z - 1.0), 1.0 / (1.0 - z))
