"""Confluent hypergeometric functions of real numbers: Kummer's M (1F1), and 0F1.

Where the power series would cancel, the function and its derivative are carried on by Taylor's series of the
differential equation (DLMF 13.2.1). Negative arguments by Kummer's transformation (DLMF 13.2.39), polynomials by
recurrence (DLMF 13.3.1), denominators below 0, too, where the series cancels (13.3.2), large arguments by DLMF 13.7.1.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.bessel_plain import jv
from graphc.scalar_special.beta_function import gamma_sign
from graphc.scalar_special.gamma_parts import is_pole
from graphc.scalar_special.hypergeometric import MOST_STEPS, MOST_TERMS, hypergeometric_series, most_lost
from graphc.scalar_special.language import (
    copysign,
    epsilon,
    exp,
    floor,
    gamma,
    isfinite,
    isinf,
    isnan,
    number,
    pow,
    sqrt,
)
from graphc.scalar_special.rising_factorials import poch

NAN, INF = math.nan, math.inf
MOST_DEGREE = 1e5  # of polynomials that are reached step by step


def kummer_polynomial(count: Any, b: Any, z: Any) -> Any:
    """M(-count, b, z)."""
    before, found, n = number(1, z), 1.0 - z / b, number(1, z)
    if count == 0.0:
        return before
    while n < count:
        following = ((b + 2.0 * n - z) * found - n * before) / (b + n)
        before = found
        found = following
        n = n + 1.0
    return found


def kummer_series(a: Any, b: Any, z: Any, first: Any) -> Any:
    return hypergeometric_series(a, number(0, z), b, z, number(0, z), first)


def kummer_far(a: Any, b: Any, z: Any, share: Any) -> Any:
    """``exp(-share z) M`` for large z; NaN where the series has too few digits, or its factors are no numbers."""
    term, total, n = number(1, z), number(1, z), number(0, z)
    largest = number(1, z)
    for _ in range(200):
        following = term * ((1.0 - a + n) * (b - a + n) / (n + 1.0) / z)
        largest = max(largest, abs(following))
        if (abs(following) > abs(term) and n > abs(a) + abs(b)) or largest > 64.0 * (1.0 + abs(total)):
            return number(NAN, z)
        term = following
        total = total + term
        n = n + 1.0
        if abs(term) <= abs(total) * epsilon(z) * 0.125:
            ratio = 1.0 / poch(b, a - b)  # gamma(b) / gamma(a)
            root = pow(z, 0.5 * (a - b)) * exp(0.5 * (1.0 - share) * z)
            beyond = ratio == 0.0 or isinf(ratio) or root == 0.0 or isinf(root)
            return number(NAN, z) if beyond or largest > 64.0 * abs(total) else root * (total * ratio) * root
    return number(NAN, z)


def kummer_step(a: Any, b: Any, z: Any, h: Any, value: Any, slope: Any) -> Any:
    u, v = value, slope * h
    total, sloped, n = value + v, v, number(0, z)
    share = h / z
    for _ in range(MOST_TERMS):
        w = (h * (n + a) * u / (n + 1.0) - (n + b - z) * v) * share / (n + 2.0)
        u = v
        v = w
        n = n + 1.0
        total = total + v
        sloped = sloped + (n + 1.0) * v
        if abs(u) + abs(v) <= (abs(total) + abs(sloped)) * epsilon(z) * 0.125 / (n + 1.0):
            break
    return total, sloped / h


def kummer_inside(a: Any, b: Any, z: Any, first: Any) -> Any:
    """For z > 0, where the terms of the series have several signs; times a factor."""
    x = min(z, max(4.0 / (1.0 + abs(a / b) + abs(a)), b / (1.0 + abs(a))))  # where no term is large
    value, slope = kummer_series(a, b, x, first), a / b * kummer_series(a + 1.0, b + 1.0, x, first)
    for _ in range(MOST_STEPS):
        if x >= z or not isfinite(value):
            return value
        speed = sqrt(abs(a) / x) + abs(b - x) / x + 0.25
        h = min(0.5 * x, 4.0 / speed)
        h = min(h, z - x)
        value, slope = kummer_step(a, b, x, h, value, slope)
        x = z if h == z - x else x + h
    return number(NAN, z)


def above_zero(a: Any, b: Any, z: Any, share: Any) -> Any:
    """``exp(-share z) M(a, b, z)`` for b > 0 and z > 0; a and b - a are no integers <= 0."""
    found = kummer_far(a, b, z, share) if z > 50.0 else number(NAN, z)
    if isnan(found):
        root = exp(-0.5 * share * z)
        found = root * (kummer_series(a, b, z, root) if a > 0.0 else kummer_inside(a, b, z, root))
        return number(NAN, z) if root == 0.0 else found
    return found


def kummer_below(a: Any, b: Any, z: Any, share: Any) -> Any:
    """``exp(-share z) M`` for b < 0 and z > 0, from b + n > 0 down (DLMF 13.3.2); NaN where many digits are lost."""
    steps = 1.0 - floor(b)
    if steps > MOST_STEPS:
        return number(NAN, z)
    b = b + steps
    found, above = above_zero(a, b, z, share), above_zero(a, b + 1.0, z, share)
    lost, lost_above = abs(found), abs(above)
    while steps > 0.0:
        middle, far = (b - 1.0 + z) / (b - 1.0), z * (b - a) / (b * (b - 1.0))
        below = middle * found - far * above
        lost_below = abs(middle) * lost + abs(far) * lost_above
        above, lost_above = found, lost
        found, lost = below, lost_below
        b = b - 1.0
        steps = steps - 1.0
    return number(NAN, z) if lost > abs(found) * most_lost(z) else found


def kummer(a: Any, b: Any, z: Any, share: Any) -> Any:
    """``exp(-share z) M(a, b, z)`` for z > 0, share 0 or 1; a and b - a are no integers <= 0."""
    if b > 0.0:
        return above_zero(a, b, z, share)
    found = kummer_far(a, b, z, share) if z > 50.0 else number(NAN, z)
    if isnan(found):  # other solutions grow faster: no steps
        grown = exp(0.5 * (1.0 - share) * z)
        found = grown * kummer_series(b - a, b, -z, grown)
    if isnan(found):
        root = exp(-0.5 * share * z)
        found = root * kummer_series(a, b, z, root) if root > 0.0 else number(NAN, z)
    return kummer_below(a, b, z, share) if isnan(found) else found


def kummer_at_infinity(a: Any, b: Any, z: Any) -> Any:
    """The limit: of a polynomial's leading term, or by DLMF 13.7.1 and 13.2.39."""
    endless = number(INF, z)
    if is_pole(a):
        endless = copysign(endless, poch(b, -a))
        return endless if z < 0.0 or a == 2.0 * floor(0.5 * a) else -endless
    if z < 0.0 and (a > 0.0 or is_pole(b - a)):
        return number(0, z)
    return gamma_sign(b) * gamma_sign(a if z > 0.0 else b - a) * endless


def hyp1f1(a: Any, b: Any, z: Any) -> Any:
    if isnan(a) or isnan(b) or isnan(z) or isinf(a) or isinf(b):
        return number(NAN, z)
    if is_pole(b) and not (is_pole(a) and a >= b):
        return number(INF, z)
    if a == 0.0 or z == 0.0:
        return number(1, z)
    if isinf(z):
        return kummer_at_infinity(a, b, z)
    if (is_pole(a) and a < -MOST_DEGREE) or (is_pole(b - a) and b - a < -MOST_DEGREE):
        return number(NAN, z)
    if is_pole(a):
        return kummer_series(a, b, z, number(1, z)) if is_pole(b) or z < 0.0 else kummer_polynomial(-a, b, z)
    if is_pole(b - a):
        found = kummer_series(b - a, b, -z, number(1, z)) if z > 0.0 else kummer_polynomial(a - b, b, -z)
        return exp(z) * found
    return kummer(b - a, b, -z, number(1, z)) if z < 0.0 else kummer(a, b, z, number(0, z))


# --- 0F1 --------------------------------------------------------------------------------------------------------------


def hyp0f1(v: Any, z: Any) -> Any:
    if isnan(v) or not isfinite(z) or is_pole(v):
        return number(NAN, z)
    if z >= 0.0 or abs(z) < 0.5 * abs(v):
        term, total, n = number(1, z), number(1, z), number(0, z)
        for _ in range(MOST_TERMS):
            term = term * (z / ((v + n) * (n + 1.0)))
            total = total + term
            n = n + 1.0
            if abs(term) <= abs(total) * epsilon(z) * 0.125:
                break
        return total
    root = sqrt(-z)
    return gamma(v) * pow(root, 1.0 - v) * jv(v - 1.0, 2.0 * root)
