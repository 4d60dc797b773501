"""Parabolic cylinder functions D and V of real order, with their derivatives.

D_v is U and V_v is V of DLMF 12.2 at ``a = -v - 1/2``. For v <= -3, D is its integral (DLMF 12.5.1), whose integrand
is positive, over the logarithm by the trapezoidal rule, which converges exponentially; orders above come by the
recurrence (DLMF 12.8.1), which is stable upwards where x >= 0. V, which grows, comes by Taylor's series of the
differential equation from 0 on, in steps (Gil, Segura and Temme, ACM TOMS 32, 2006, compare such ways), far out by
its asymptotic series (DLMF 12.9.2). Arguments below 0 by the connection of the two (DLMF 12.2.15 to 12.2.18).

Both may be far beyond the range of floats before factors meet: such numbers have the logarithm of a scale beside them.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.half_turns import cos_pi, sin_pi
from graphc.scalar_special.language import (
    epsilon,
    exp,
    expm1,
    floor,
    gamma,
    gammaln,
    integer,
    is_single,
    isnan,
    log,
    number,
    sqrt,
)

NAN, PI, LOG_2 = math.nan, math.pi, math.log(2.0)
ROOT_2, ROOT_2_OVER_PI = math.sqrt(2.0), math.sqrt(2.0 / math.pi)
LOWEST = -3.0  # up to this order D is its integral
HIGHEST = 20000.0  # of the order; D is no float there but where it is 0
MODERATE = 30.0  # up to this argument gamma is a number in either precision
FARTHEST = 1e8  # everything is 0 or infinite long before
MANY, MANY_LOG = 2.0**50, 50 * LOG_2
MOST_STEPS = 3000
SERIES_FROM = 120.0  # the asymptotic series' least term is below 1e-17 where x**2 is above that and v**2
BEYOND = 2000.0  # V is infinite with that exponent, as it grows from there on


def scaled(value: Any, exponent: Any) -> Any:
    """``value exp(exponent)``, also where the exponential alone overflows."""
    if value == 0.0:
        return value
    root = exp(0.5 * exponent)
    return value * root * root


def of_integral(b: Any, x: Any) -> Any:
    """D of the order -b, b >= 3, and b times that of the order below, and the logarithm of their scale."""
    root = sqrt(x * x + 4.0 * b)
    place = 2.0 * b / (x + root) if x > 0.0 else 0.5 * (root - x)
    step = (1.2 if is_single(x) else 0.6) / sqrt(25.0 + place * root)
    total = number(1, x)
    moment = total
    for side in range(2):
        s = number(0, x)
        for _ in range(1000):
            s = s + (step if side == 0 else -step)
            rise = expm1(s)
            term = exp(b * s - place * rise * (place + 0.5 * place * rise + x))
            total = total + term
            moment = moment + term * (1.0 + rise)
            if term < 0.01 * epsilon(x):
                break
    exponent = b * log(place) - 0.5 * b - 0.25 * x * root
    if b <= MODERATE:
        return step * total / gamma(b), step * place * moment / gamma(b), exponent
    return step * total, step * place * moment, exponent - gammaln(b)


def recessive(v: Any, x: Any) -> Any:
    """D and its derivative for x >= 0, or v <= -3, and the logarithm of their scale."""
    if v <= LOWEST:
        value, moment, exponent = of_integral(-v, x)
        return value, -0.5 * x * value - moment, exponent
    count = integer(-floor(LOWEST - v))
    low = v - count
    value, moment, exponent = of_integral(-low, x)
    before = -moment / low
    for k in range(count):
        w = v - (count - k)
        value, before = x * value - w * before, value
        if abs(value) + abs(before) > MANY:
            value = value / MANY
            before = before / MANY
            exponent = exponent + MANY_LOG
    return value, v * before - 0.5 * x * value, exponent


def taylor(q: Any, tilt: Any, bend: Any, h: Any, value: Any, slope: Any) -> Any:
    """A solution of ``w'' = (q + tilt h + bend h**2) w`` at h and its derivative there, from those at 0."""
    first, second, third = q * h * h, tilt * h * h * h, bend * h * h * h * h
    found, slopes = value + slope * h, slope * h
    a, b, c, d = slopes, value, number(0, h), number(0, h)  # the last terms, the newest first
    for n in range(2, 200):
        a, b, c, d = (first * b + second * c + third * d) / (n * (n - 1)), a, b, c
        found = found + a
        slopes = slopes + n * a
        if abs(a) + abs(b) + abs(c) < 0.05 * epsilon(h) * (abs(found) + abs(slopes)):
            break
    return found, slopes / h


def at_zero(v: Any) -> Any:
    """V and its derivative at 0 and the logarithm of their scale (DLMF 12.2.8, 12.2.9, by reflection)."""
    sine, cosine = sin_pi(0.5 * v), cos_pi(0.5 * v)
    exponent = -0.5 * LOG_2 * v
    y = -0.5 * v if v <= -0.5 else 0.5 * v + 0.5
    if y > MODERATE:
        low = gammaln(y)
        first, second = number(1, v), exp(gammaln(y + 0.5) - low)
    else:
        low = number(0, v)
        first, second = gamma(y), gamma(y + 0.5)
    if v <= -0.5:
        return first * sine * sine / PI, ROOT_2 * second * cosine * cosine / PI, exponent + low
    return -sine / second, ROOT_2 * cosine / first, exponent - low


def far_dominant(v: Any, x: Any) -> Any:
    """V and its derivative by the asymptotic series, and the logarithm of their scale."""
    term = number(1, x)
    total, slopes = term, 0.5 * x - (v + 1.0) / x
    for k in range(200):
        term = term * ((v + 1.0 + 2 * k) / x * ((v + 2.0 + 2 * k) / x) / (2 * k + 2))
        total = total + term
        slopes = slopes + term * (0.5 * x - (v + 3.0 + 2 * k) / x)
        if abs(term) < 0.1 * epsilon(x) * abs(total):
            break
    return ROOT_2_OVER_PI * total, ROOT_2_OVER_PI * slopes, 0.25 * x * x - (v + 1.0) * log(x)


def dominant(v: Any, x: Any) -> Any:
    """V and its derivative for x >= 0, and the logarithm of their scale."""
    if x * x > SERIES_FROM + v * v:
        value, slope, exponent = far_dominant(v, x)
        return value, slope, exponent
    a = -v - 0.5
    value, slope, exponent = at_zero(v)
    place = number(0, x)
    for _ in range(MOST_STEPS):
        if place >= x or exponent > BEYOND:
            break
        q = 0.25 * place * place + a
        step = (4.0 if a >= 0.0 else 1.5) / sqrt(abs(q) + place + 1.0)
        step = min(step, x - place)
        value, slope = taylor(q, 0.5 * place, number(0.25, x), step, value, slope)
        place = place + step
        if abs(value) + abs(slope) > MANY:
            value = value / MANY
            slope = slope / MANY
            exponent = exponent + MANY_LOG
    if place < x and exponent <= BEYOND:
        return number(NAN, x), number(NAN, x), exponent
    return value, slope, exponent


def pbdv(v: Any, x: Any) -> Any:
    """D_v and its derivative."""
    if isnan(v) or isnan(x) or abs(v) > HIGHEST:
        return number(NAN, x), number(NAN, x)
    size = min(abs(x), number(FARTHEST, x))
    if x >= 0.0 or v <= LOWEST:
        value, slope, exponent = recessive(v, size if x >= 0.0 else -size)
        return scaled(value, exponent), scaled(slope, exponent)
    value, slope, exponent = recessive(v, size)
    cosine, sine = cos_pi(v), sin_pi(v)
    found, found_slope = scaled(cosine * value, exponent), scaled(-cosine * slope, exponent)
    share = sine if v >= 0.0 else PI / gamma(-v)
    if share == 0.0:
        return found, found_slope
    value, slope, exponent = dominant(v, size)
    if v > MODERATE:
        exponent = exponent + gammaln(v + 1.0)
    if v >= 0.0:
        share = -sine * (gamma(v + 1.0) if v <= MODERATE else number(1, x))
    return found + scaled(share * value, exponent), found_slope - scaled(share * slope, exponent)


def pbvv(v: Any, x: Any) -> Any:
    """V_v and its derivative."""
    if isnan(v) or isnan(x) or abs(v) > HIGHEST:
        return number(NAN, x), number(NAN, x)
    size = min(abs(x), number(FARTHEST, x))
    value, slope, exponent = dominant(v, size)
    if x >= 0.0:
        return scaled(value, exponent), scaled(slope, exponent)
    cosine, sine = cos_pi(v), sin_pi(v)
    found, found_slope = scaled(-cosine * value, exponent), scaled(cosine * slope, exponent)
    if sine == 0.0:
        return found, found_slope
    value, slope, exponent = recessive(v, size)
    if v >= 0.0:
        share = -sine
        exponent = exponent - gammaln(v + 1.0)
    else:
        share = sine * sine / PI
        exponent = exponent + gammaln(-v)
    return found + scaled(share * value, exponent), found_slope - scaled(share * slope, exponent)
