"""Spheroidal wave functions (DLMF 30): characteristic values, angular functions in Flammer's norm, radial ones.

All solve one equation (``wave_equation``). An angular function is known at 0, where it is Legendre's, and is small
towards 1 from the last point on where it oscillates: there it is that solution which is regular at 1.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.chain_eigenvalues import SPHEROIDAL, eigenvalue
from graphc.scalar_special.language import floor, integer, isinf, isnan, number, sqrt
from graphc.scalar_special.wave_equation import both, continued, leading, scale_of, step_length

INF, NAN = float("inf"), float("nan")
MOST = 198.0  # of n - m
INFINITE_FROM = 200.0  # orders m whose functions are beyond all floats at 0
HALF_WAY = 0.5  # the square of x where both angular solutions meet, if nothing speaks against it


def is_odd(k: Any) -> Any:
    """1 or 0."""
    return k - 2.0 * floor(0.5 * k)


def are_orders(m: Any, n: Any) -> Any:
    """1 or 0."""
    holds = (m >= 0.0) & (n >= m) & (n - m <= MOST) & (floor(m) == m) & (floor(n) == n)
    return number(1 if holds else 0, m)


def level_of(shape: Any, m: Any, n: Any, c: Any) -> Any:
    """The characteristic value less m (m + 1); shape: 1 for prolate functions, -1 for oblate ones."""
    if (are_orders(m, n) == 0.0) | (not abs(c) < INF):
        return number(NAN, m)
    return eigenvalue(number(SPHEROIDAL, m), m, is_odd(n - m), shape * c * c, n - m)


def pro_cv(m: Any, n: Any, c: Any) -> Any:
    return level_of(number(1, m), m, n, c) + m * (m + 1.0)


def obl_cv(m: Any, n: Any, c: Any) -> Any:
    return level_of(number(-1, m), m, n, c) + m * (m + 1.0)


def at_zero(m: Any, n: Any) -> Any:
    """Legendre's function at 0, or its slope if that is 0 (DLMF 14.5.1, 14.5.2, without the sign of (-1)**m)."""
    found = number(1, m)
    for k in range(1, integer(min(m, number(INFINITE_FROM, m))) + 1):
        found = found * (2.0 * k - 1.0)
    odd = is_odd(n - m)
    for k in range(integer(0.5 * (n - m - odd))):
        found = -found * (2.0 * m + 2.0 * k + 1.0 + 2.0 * odd) / (2.0 * k + 2.0)
    return found * (2.0 * m + 1.0) if odd != 0.0 else found


def meeting_place(strength: Any, m: Any, level: Any) -> Any:
    """An x up to which the solution from 0 is right and from which on that from 1 is."""
    value = level + m * (m + 1.0)
    middle = value + strength
    gap = value - m * m
    root = sqrt(max(middle * middle - 4.0 * strength * gap, number(0, m)))
    square = number(HALF_WAY, m)
    if strength < 0.0:
        inner = (0.5 * (middle + root) / strength) if middle > 0.0 else 2.0 * gap / (middle - root)
        square = max(square, inner)
    outer = 2.0 * gap / (middle + root) if middle > 0.0 else 0.5 * (middle - root) / strength
    return sqrt(max(min(square, outer), number(0, m)))


def angular(shape: Any, m: Any, n: Any, c: Any, level: Any, x: Any) -> Any:
    """The angular function of the first kind and its slope."""
    if (are_orders(m, n) == 0.0) | (not abs(c) < INF) | (not abs(x) < 1.0) | isnan(level):
        return number(NAN, x), number(NAN, x)
    sign, mu, strength = number(-1, x), m + 1.0, shape * c * c
    odd, place = is_odd(n - m), abs(x)
    y = 1.0 - odd
    meeting = meeting_place(strength, m, level)
    scale = at_zero(m, n)
    zero = number(0, x)
    if place <= meeting:
        y, slope, factors = continued(sign, mu, strength, level, zero, place, y, odd)
    else:
        inner, inner_slope, growth = continued(sign, mu, strength, level, zero, meeting, y, odd)
        y, slope, _ = continued(sign, mu, strength, level, 1.0 + zero, place, 1.0 + zero, zero)
        outer, outer_slope, others = continued(sign, mu, strength, level, place, meeting, y, slope)
        length = step_length(sign, mu, strength, level, meeting)
        top = inner * outer + inner_slope * outer_slope * length * length
        scale = scale * top / (outer * outer + outer_slope * outer_slope * length * length)
        factors = growth - others
    rest = (1.0 - place) * (1.0 + place)
    scale = scale * scale_of(factors, sqrt(rest), m)
    slope = scale * (slope - m * place / rest * y)
    y = scale * y
    if x < 0.0:
        return (-y if odd != 0.0 else y), (slope if odd != 0.0 else -slope)
    return y, slope


def radial(shape: Any, m: Any, n: Any, c: Any, level: Any, x: Any) -> Any:
    """Both radial functions with their slopes: the first one, its slope, the second one, its slope."""
    nothing, zero = number(NAN, x), number(0, x)
    inside = (x <= 1.0) & (shape > 0.0)
    if inside | (x < 0.0) | isnan(x + level) | (are_orders(m, n) == 0.0) | (not abs(c) < INF):
        return nothing, nothing, nothing, nothing
    if isinf(x):
        return zero, zero, zero, zero
    if c == 0.0:  # limits
        return (1.0 + zero if n == 0.0 else zero), zero, zero - INF, zero + INF
    sign, mu, strength = -shape, m + 1.0, c * c
    value = level + m * (m + 1.0)
    middle = value - sign * strength
    square = middle * middle + 4.0 * strength * sign * (value - m * m)
    turning = 0.5 * (middle + sqrt(square)) / strength if square > 0.0 else zero
    turning = max(turning, 0.5 * (shape + 1.0))
    odd = is_odd(n - m) if shape < 0.0 else zero
    a, a_slope, b, b_slope = both(sign, mu, strength, level, turning, odd, 2.0 * (n + 1.0), x)
    rise = m * x / leading(sign, x)
    mirrored = c < 0.0  # as spherical Bessel functions are
    size = 1.0 / abs(c)
    first = -size if mirrored & (is_odd(n) != 0.0) else size
    second = -size if mirrored & (is_odd(n) == 0.0) else size
    steeper = b_slope if isinf(b) else b_slope + rise * b
    return first * a, first * (a_slope + rise * a), second * b, second * steeper


def pro_ang1(m: Any, n: Any, c: Any, x: Any) -> Any:
    shape = number(1, x)
    y, slope = angular(shape, m, n, c, level_of(shape, m, n, c), x)
    return y, slope


def pro_ang1_cv(m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    shape = number(1, x)
    y, slope = angular(shape, m, n, c, cv - m * (m + 1.0), x)
    return y, slope


def pro_rad1(m: Any, n: Any, c: Any, x: Any) -> Any:
    shape = number(1, x)
    first, slope, _, _ = radial(shape, m, n, c, level_of(shape, m, n, c), x)
    return first, slope


def pro_rad1_cv(m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    shape = number(1, x)
    first, slope, _, _ = radial(shape, m, n, c, cv - m * (m + 1.0), x)
    return first, slope


def pro_rad2(m: Any, n: Any, c: Any, x: Any) -> Any:
    shape = number(1, x)
    _, _, second, slope = radial(shape, m, n, c, level_of(shape, m, n, c), x)
    return second, slope


def pro_rad2_cv(m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    shape = number(1, x)
    _, _, second, slope = radial(shape, m, n, c, cv - m * (m + 1.0), x)
    return second, slope


def obl_ang1(m: Any, n: Any, c: Any, x: Any) -> Any:
    shape = number(-1, x)
    y, slope = angular(shape, m, n, c, level_of(shape, m, n, c), x)
    return y, slope


def obl_ang1_cv(m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    shape = number(-1, x)
    y, slope = angular(shape, m, n, c, cv - m * (m + 1.0), x)
    return y, slope


def obl_rad1(m: Any, n: Any, c: Any, x: Any) -> Any:
    shape = number(-1, x)
    first, slope, _, _ = radial(shape, m, n, c, level_of(shape, m, n, c), x)
    return first, slope


def obl_rad1_cv(m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    shape = number(-1, x)
    first, slope, _, _ = radial(shape, m, n, c, cv - m * (m + 1.0), x)
    return first, slope


def obl_rad2(m: Any, n: Any, c: Any, x: Any) -> Any:
    shape = number(-1, x)
    _, _, second, slope = radial(shape, m, n, c, level_of(shape, m, n, c), x)
    return second, slope


def obl_rad2_cv(m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    shape = number(-1, x)
    _, _, second, slope = radial(shape, m, n, c, cv - m * (m + 1.0), x)
    return second, slope
