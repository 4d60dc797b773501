"""Weber's parabolic cylinder function W(a, x) with its derivative, for a of a size up to 100 (float32: 50).

It solves ``w'' = (a - x**2/4) w`` (DLMF 12.14): from its values at 0 (12.14.2, 12.14.3) by Taylor's series in steps,
far out by its asymptotic series (12.14.17). Where it falls towards the turning point, for positive a and x, the steps
go inwards from far out, the way in which it grows, and the value at 0 says by how much. The ratio of gamma functions
in that is the series of DLMF 5.11.17. NaN for larger a, and where too many steps were needed.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.complex_gamma import log_gamma_right
from graphc.scalar_special.language import (
    cos,
    epsilon,
    exp,
    fma,
    hypot,
    is_single,
    isinf,
    isnan,
    log,
    number,
    sin,
    sqrt,
)
from graphc.scalar_special.parabolic_cylinder import taylor

NAN, PI = math.nan, math.pi
AT_ZERO, SLOPE_AT_ZERO = 2.0**-0.75, -(2.0**-0.25)
RATIO = (
    1.0,
    1 / 64,
    -19 / 8192,
    631 / 524288,
    -174317 / 2**27,
    20491783 / 2**33,
    -7334801895 / 2**40,
    1858590154455 / 2**46,
)
RATIO_FROM = 10
LARGEST, LARGEST_SINGLE = 100.0, 50.0  # of the size of a
SERIES_FROM = 100.0  # the asymptotic series' least term is below 1e-17 where x**2 is above that and a**2
LEVEL = 0.5  # up to this a, falling is no loss
MOST_STEPS = 4000


def steps(a: Any, start: Any, end: Any, value: Any, slope: Any) -> Any:
    """A solution and its derivative at ``end`` from those at ``start``."""
    place = start
    for _ in range(MOST_STEPS):
        rest = end - place
        if rest == 0.0:
            break
        q = a - 0.25 * place * place
        step = (3.0 if q > 0.0 else 1.5) / sqrt(abs(q) + abs(place) + 1.0)
        if abs(rest) <= step:
            step = rest
        elif rest < 0.0:
            step = -step
        value, slope = taylor(q, -0.5 * place, number(-0.25, a), step, value, slope)
        place = end if step == rest else place + step
    if place != end:
        return number(NAN, a), number(NAN, a)
    return value, slope


def far(a: Any, x: Any) -> Any:
    """``sqrt(2/x) (s1 + i s2) exp(i omega)`` of DLMF 12.14.17, and its derivative: real and imaginary parts."""
    _size, turn = log_gamma_right(number(0.5, a), a)
    square = x * x
    rest = fma(x, x, -square)
    phase = 0.25 * square - a * log(x) + (0.25 * PI + 0.5 * turn)
    phase = phase + 0.25 * rest
    re, im = number(1, x), number(0, x)
    u, v = re, im
    p, q = -0.5 / x, 0.5 * x - a / x  # of a term's derivative over the term
    for k in range(60):
        c = (2 * k + 0.5) * (2 * k + 1.5) - a * a
        d = a * (4 * k + 2.0)
        scale = 1.0 / ((2 * k + 2) * square)
        re, im = (re * d + im * c) * scale, (im * d - re * c) * scale
        r, s = (-0.5 - (2 * k + 2)) / x, 0.5 * x - a / x
        u, v = u + re, v + im
        p, q = p + (re * r - im * s), q + (re * s + im * r)
        if abs(re) + abs(im) < 0.1 * epsilon(x):
            break
    c, s = sqrt(2.0 / x) * cos(phase), sqrt(2.0 / x) * sin(phase)
    return u * c - v * s, u * s + v * c, p * c - q * s, p * s + q * c


def gamma_ratio(y: Any) -> Any:
    """The size of ``gamma(3/4 + i y) / gamma(1/4 + i y)``."""
    x, product, square = number(0, y), number(1, y), y * y
    if abs(y) < RATIO_FROM:
        x = number(RATIO_FROM, y)
        for k in range(RATIO_FROM):
            product = product * (((k + 0.25) * (k + 0.25) + square) / ((k + 0.75) * (k + 0.75) + square))
    size = x * x + square
    p, q = (x - y) * (x + y) / size / size, -2.0 * x * y / size / size  # 1/z**2
    u, v = number(0, y), number(0, y)
    for k in range(len(RATIO) - 1, -1, -1):
        u, v = u * p - v * q + RATIO[k], u * q + v * p
    return sqrt(product * sqrt(size)) * hypot(u, v)


def falling(a: Any, x: Any, outside: Any, at_zero: Any) -> Any:
    """W and its derivative for a > 0 from the turning point inwards: as a solution that grows, to its value at 0."""
    w, _other, slope, _slope = far(a, outside)
    w, slope = steps(a, outside, x, w, slope)
    most, _slope = steps(a, x, number(0, x), w, slope)
    return at_zero / most * w, at_zero / most * slope


def pbwa(a: Any, x: Any) -> Any:
    """W(a, x) and its derivative."""
    if isnan(a) or isnan(x) or isinf(x) or abs(a) > (LARGEST_SINGLE if is_single(a) else LARGEST):
        return number(NAN, x), number(NAN, x)
    size = abs(x)
    outside = sqrt(SERIES_FROM + a * a)
    ratio = sqrt(gamma_ratio(0.5 * a))
    if x > 0.0 and a > LEVEL and 0.25 * x * x < a:
        w, slope = falling(a, x, outside, AT_ZERO / ratio)
        return w, slope
    if size <= outside and not (x > 0.0 and a > LEVEL):
        w, slope = steps(a, number(0, x), x, AT_ZERO / ratio, SLOPE_AT_ZERO * ratio)
        return w, slope
    fall = exp(-PI * abs(a))
    share = 1.0 / (sqrt(1.0 + fall * fall) + (number(1, a) if a > 0.0 else fall))  # k, for a > 0 over exp(-pi a)
    amplitude = sqrt(share) * (exp(-0.5 * PI * a) if a > 0.0 else number(1, a))
    w, other, slope, other_slope = far(a, max(size, outside))
    if x < 0.0:
        return other / amplitude, -other_slope / amplitude
    if size < outside:
        w, slope = steps(a, outside, size, w, slope)
    return amplitude * w, amplitude * slope
