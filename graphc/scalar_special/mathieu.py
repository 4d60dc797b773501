"""Mathieu's functions (DLMF 28): characteristic values, periodic functions, and modified ones as DLMF 28.20 names them.

The periodic ones are sums of cosines or sines (DLMF 28.4), whose coefficients grow towards one row from both sides; a
sum is kept in units of its last coefficient. Where a function does not oscillate it is far smaller than its terms:
there it is the even or odd solution of the equation, as large as the sum is where oscillation begins. Modified ones
are solutions of the same equation (``wave_equation``) in x, the hyperbolic sine.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.chain_eigenvalues import (
    EVEN,
    ODD,
    away_from_zero,
    beside,
    diagonal,
    eigenvalue,
    rows_after,
    turning_row,
)  # fmt: skip
from graphc.scalar_special.degrees import cosdg, sindg
from graphc.scalar_special.language import (
    arccos,
    arcsin,
    cosh,
    floor,
    fmod,
    integer,
    isinf,
    isnan,
    number,
    sinh,
    sqrt,
)
from graphc.scalar_special.wave_equation import both, continued, scale_of

INF, NAN = float("inf"), float("nan")
ROOT_HALF = 0.7071067811865476
PI = 3.141592653589793
HALF_TURN = 180.0


def first_degree(family: Any, m: Any) -> Any:
    """Of the series of the function of order m; NaN where there is none."""
    if (not m >= 0.0) | (not m < INF) | (floor(m) != m):
        return number(NAN, m)
    odd = m - 2.0 * floor(0.5 * m)
    if family == EVEN:
        return odd
    return 2.0 - odd if m > 0.0 else number(NAN, m)


def characteristic(family: Any, m: Any, q: Any) -> Any:
    first = first_degree(family, m)
    if isnan(first) | (not abs(q) < INF):
        return number(NAN, m)
    return eigenvalue(family, number(0, m), first, q, m)


def mathieu_a(m: Any, q: Any) -> Any:
    return characteristic(number(EVEN, m), m, q)


def mathieu_b(m: Any, q: Any) -> Any:
    return characteristic(number(ODD, m), m, q)


# --- periodic functions -----------------------------------------------------------------------------------------------


def wave(family: Any, degree: Any, cosine: Any, sine: Any) -> Any:
    """A term with coefficient 1, the cosine and sine of so many times the angle given, and its slope."""
    if family == ODD:
        return sine, degree * cosine
    return (ROOT_HALF * cosine if degree == 0.0 else cosine), -degree * sine


def mark(family: Any, first: Any, q: Any, j: Any) -> Any:
    """The term j of what is positive: value or slope at 0, or for positive q at a quarter turn, but for its sign."""
    degree = first + 2.0 * j
    whole = number(EVEN, q) if q < 0.0 else first  # of the family that has a value there
    size = number(1, q) if family == whole else degree
    if degree == 0.0:
        size = ROOT_HALF * size
    return -size if (q >= 0.0) & (j - 2.0 * floor(0.5 * j) != 0.0) else size


def before(family: Any, first: Any, q: Any, a: Any, row: Any, angle: Any) -> Any:
    """The sums of value, slope, mark and squares over the rows before the row, whose coefficient is 1."""
    value, slope, marked, squares = number(0, q), number(0, q), number(0, q), number(0, q)
    cosine, sine = cosdg(first * angle), sindg(first * angle)
    turn, rise = cosdg(2.0 * angle), sindg(2.0 * angle)
    pivot = diagonal(family, number(0, q), first, q) - a
    for j in range(integer(row)):
        degree = first + 2.0 * j
        element = beside(family, number(0, q), degree, q)
        ratio = -element / away_from_zero(pivot, element)
        more, steeper = wave(family, degree, cosine, sine)
        value, slope = (value + more) * ratio, (slope + steeper) * ratio
        marked = (marked + mark(family, first, q, number(j, q))) * ratio
        squares = (squares + 1.0) * ratio * ratio
        pivot = diagonal(family, number(0, q), degree + 2.0, q) - a + element * ratio
        cosine, sine = cosine * turn - sine * rise, sine * turn + cosine * rise
    return value, slope, marked, squares


def after(family: Any, first: Any, q: Any, a: Any, row: Any, angle: Any) -> Any:
    """The same sums over that row and those after it."""
    last = row + rows_after(family, q)
    degree = first + 2.0 * last
    value, slope, marked, squares = number(0, q), number(0, q), number(0, q), number(0, q)
    cosine, sine = cosdg(fmod(degree * angle, number(360, q))), sindg(fmod(degree * angle, number(360, q)))
    turn, rise = cosdg(2.0 * angle), sindg(2.0 * angle)
    pivot = diagonal(family, number(0, q), degree, q) - a
    for j in range(integer(last), integer(row), -1):
        degree = first + 2.0 * j
        element = beside(family, number(0, q), degree - 2.0, q)
        ratio = -element / away_from_zero(pivot, element)
        more, steeper = wave(family, degree, cosine, sine)
        value, slope = (value + more) * ratio, (slope + steeper) * ratio
        marked = (marked + mark(family, first, q, number(j, q))) * ratio
        squares = (squares + 1.0) * ratio * ratio
        pivot = diagonal(family, number(0, q), degree - 2.0, q) - a + element * ratio
        cosine, sine = cosine * turn + sine * rise, sine * turn - cosine * rise
    more, steeper = wave(family, first + 2.0 * row, cosine, sine)
    return value + more, slope + steeper, marked + mark(family, first, q, row), squares + 1.0


def summed(family: Any, m: Any, first: Any, q: Any, a: Any, angle: Any) -> Any:
    """The function and its slope as sums, at an angle in degrees."""
    row = turning_row(family, number(0, q), first, q, a)
    value, slope, marked, squares = before(family, first, q, a, row, angle)
    value_after, slope_after, marked_after, squares_after = after(family, first, q, a, row, angle)
    marked = marked + marked_after
    place = floor(0.5 * (m - first))
    if (q >= 0.0) & (place - 2.0 * floor(0.5 * place) != 0.0):
        marked = -marked
    norm = (-1.0 if marked < 0.0 else 1.0) / sqrt(squares + squares_after)
    return (value + value_after) * norm, (slope + slope_after) * norm


def periodic(family: Any, m: Any, q: Any, x: Any) -> Any:
    """The function of an angle in degrees, and its slope by the angle in radians."""
    first = first_degree(family, m)
    if (family == ODD) & (m == 0.0):
        return 0.0 * q * x, 0.0 * q * x
    a = characteristic(family, m, q)
    if isnan(a) | (not abs(x) < INF):
        return number(NAN, x), number(NAN, x)
    angle = fmod(x, number(360, x))
    size = abs(q)
    square = 0.5 - 0.25 * a / size  # of the sine or cosine where oscillation begins
    near, other = sindg(angle), cosdg(angle)
    near_odd, other_odd = family, first - family
    if q < 0.0:
        near, other = other, near
        near_odd, other_odd = other_odd, near_odd
    if (q == 0.0) | (not near * near < square):
        value, steepness = summed(family, m, first, q, a, angle)
        return value, steepness
    border = sqrt(square)
    start = (arccos(border) if q < 0.0 else arcsin(border)) * (HALF_TURN / PI)
    value, _slope = summed(family, m, first, q, a, start)
    sign, mu, strength, level = number(-1, x), number(0.5, x), -4.0 * size, a - 2.0 * size
    at = abs(near)
    y, slope, _ = continued(sign, mu, strength, level, number(0, x), at, 1.0 - near_odd, near_odd)
    reached, _, factors = continued(sign, mu, strength, level, at, border, y, slope)
    scale = value / reached * scale_of(-factors, at, number(0, x))
    direction = -other if q < 0.0 else other
    if near < 0.0:
        direction = -direction
        scale = -scale if near_odd != 0.0 else scale
    if (other < 0.0) & (other_odd != 0.0):
        scale = -scale
    return scale * y, scale * slope * direction


def mathieu_cem(m: Any, q: Any, x: Any) -> Any:
    y, slope = periodic(number(EVEN, x), m, q, x)
    return y, slope


def mathieu_sem(m: Any, q: Any, x: Any) -> Any:
    y, slope = periodic(number(ODD, x), m, q, x)
    return y, slope


# --- modified functions -----------------------------------------------------------------------------------------------


def modified(family: Any, m: Any, q: Any, z: Any) -> Any:
    """The functions of the first and second kind: the first one, its slope, the second one, its slope."""
    a = characteristic(family, m, q)
    zero, nothing = number(0, z), number(NAN, z)
    if isnan(a + z) | (q < 0.0):
        return nothing, nothing, nothing, nothing
    if isinf(z):
        return zero, nothing, zero, nothing
    if q == 0.0:  # limits
        return (1.0 + zero if m == 0.0 else zero), zero, zero - INF, zero + (2.0 / PI if m == 0.0 else INF)
    strength, x = 4.0 * q, sinh(z)
    level = a - 2.0 * q
    sign, mu = number(1, z), number(0.5, z)
    first, slope, second, steeper = both(sign, mu, strength, level, level / strength, family, 2.0 * m + 1.0, x)
    size = sqrt(1.0 / (PI * sqrt(q)))
    rise = size * cosh(z)
    return size * first, rise * slope, size * second, rise * steeper


def mathieu_modcem1(m: Any, q: Any, z: Any) -> Any:
    first, slope, _, _ = modified(number(EVEN, z), m, q, z)
    return first, slope


def mathieu_modcem2(m: Any, q: Any, z: Any) -> Any:
    _, _, second, slope = modified(number(EVEN, z), m, q, z)
    return second, slope


def mathieu_modsem1(m: Any, q: Any, z: Any) -> Any:
    first, slope, _, _ = modified(number(ODD, z), m, q, z)
    return first, slope


def mathieu_modsem2(m: Any, q: Any, z: Any) -> Any:
    _, _, second, slope = modified(number(ODD, z), m, q, z)
    return second, slope
