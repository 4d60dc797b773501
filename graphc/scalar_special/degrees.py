"""Trigonometric functions of angles in degrees, exact at multiples of 30 and 45."""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.language import copysign, cos, fmod, number, rint, sin, tan

INF = float("inf")
DEGREE = 0.017453292519943295
SECOND = 4.84813681109536e-06  # of an arc
FARTHEST = 1e14  # beyond, SciPy's functions are 0


def quarter_and_rest(x: Any) -> Any:
    """The nearest multiple of 90 degrees as its number from 0 to 3, whether that is odd, and the degrees left."""
    rest = fmod(x, number(360, x))
    quarter = rint(rest / 90.0)
    rest = rest - 90.0 * quarter
    quarter = fmod(quarter + 4.0, number(4, x))
    return quarter, fmod(quarter, number(2, x)), rest


def near_sine(rest: Any) -> Any:
    """The sine of up to 45 degrees."""
    return copysign(number(0.5, rest), rest) if abs(rest) == 30.0 else sin(DEGREE * rest)


def near_tangent(rest: Any) -> Any:
    return copysign(number(1, rest), rest) if abs(rest) == 45.0 else tan(DEGREE * rest)


def sindg(x: Any) -> Any:
    if abs(x) > FARTHEST:
        return number(0, x)
    quarter, odd, rest = quarter_and_rest(x)
    found = near_sine(rest) if odd == 0.0 else cos(DEGREE * rest)
    return found if quarter < 2.0 else 0.0 - found


def cosdg(x: Any) -> Any:
    if abs(x) > FARTHEST:
        return number(0, x)
    quarter, odd, rest = quarter_and_rest(x)
    found = cos(DEGREE * rest) if odd == 0.0 else near_sine(rest)
    return 0.0 - found if abs(quarter - 1.5) < 1.0 else found


def tandg(x: Any) -> Any:
    if abs(x) > FARTHEST:
        return number(0, x)
    _quarter, odd, rest = quarter_and_rest(x)
    found = near_tangent(rest)
    if odd == 0.0:
        return found
    return number(INF, x) if rest == 0.0 else -1.0 / found


def cotdg(x: Any) -> Any:
    if abs(x) > FARTHEST:
        return number(0, x)
    _quarter, odd, rest = quarter_and_rest(x)
    found = near_tangent(rest)
    if odd == 1.0:
        return 0.0 - found
    return number(INF, x) if rest == 0.0 else 1.0 / found


def radian(d: Any, m: Any, s: Any) -> Any:
    """The angle of degrees, minutes and seconds."""
    return ((60.0 * d + m) * 60.0 + s) * SECOND
