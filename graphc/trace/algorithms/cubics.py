"""``scipy.interpolate``: cubic splines through traced values, by their slopes at the points.

Sources: C. de Boor, A Practical Guide to Splines (1978), chapter IV; F. N. Fritsch, J. Butland, SIAM J. Sci. Stat.
Comput. 5 (1984) for slopes that keep monotony; H. Akima, J. ACM 17 (1970).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import one_of, refuse, refuse_shape
from graphc.trace.algorithms.splines import PiecewisePolynomial


def _points(name: str, x: Any, y: Any, axis: int) -> tuple[Any, Any, Any, int]:
    """The points, the values with their axis in front, the gaps in a shape that fits them, and the axis."""
    x, y = np.asarray(x) * 1.0, np.asarray(y) * 1.0
    axis = axis % y.ndim
    y = np.moveaxis(y, axis, 0)
    if x.ndim != 1 or x.shape[0] != y.shape[0] or x.shape[0] < 2:
        refuse_shape(f"scipy.interpolate.{name}: points of shape {x.shape} for values of {y.shape[0]} along the axis")
    return x, y, np.reshape(np.diff(x), (-1,) + (1,) * (y.ndim - 1)), axis


def _of_slopes(x: Any, y: Any, dx: Any, s: Any, extrapolate: Any, axis: int) -> PiecewisePolynomial:
    secants = np.diff(y, axis=0) / dx
    bend = (s[:-1] + s[1:] - 2 * secants) / dx
    c = np.stack([bend / dx, (secants - s[:-1]) / dx - bend, s[:-1], y[:-1]])
    return PiecewisePolynomial(c, x, True if extrapolate is None else extrapolate, axis)


def hermite(x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None) -> PiecewisePolynomial:
    """``CubicHermiteSpline``: with given slopes."""
    x, y, dx, axis = _points("CubicHermiteSpline", x, y, axis)
    return _of_slopes(x, y, dx, np.moveaxis(np.asarray(dydx) * 1.0, axis, 0), extrapolate, axis)


# --- two continuous derivatives ---------------------------------------------------------------------------------------


def cubic_spline(x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None) -> Any:
    """``CubicSpline``: with ends "not-a-knot", "natural", "clamped", "periodic", or pairs (order, value)."""
    x, y, dx, axis = _points("CubicSpline", x, y, axis)
    secants = np.diff(y, axis=0) / dx
    ends = (bc_type, bc_type) if isinstance(bc_type, str) else bc_type
    if "periodic" in [end for end in ends if isinstance(end, str)]:
        extrapolate = "periodic" if extrapolate is None else extrapolate
        return _of_slopes(x, y, dx, _periodic_slopes(dx, secants), extrapolate, axis)
    return _of_slopes(x, y, dx, _slopes(dx, secants, *ends), extrapolate, axis)


def _slopes(dx: Any, secants: Any, start: Any, end: Any) -> Any:
    """The spline's slopes at the points: a tridiagonal system."""
    first = _end_row(dx, secants, start, end, 1.0)
    last = _end_row(dx[::-1], secants[::-1], end, start, -1.0)  # the mirror image
    pivots = np.concatenate([first[0], 2 * (dx[:-1] + dx[1:]), last[0]])
    above = np.concatenate([first[1], dx[:-1]])
    below = np.concatenate([dx[1:], last[1]])
    right = np.concatenate([first[2], 3 * (dx[1:] * secants[:-1] + dx[:-1] * secants[1:]), last[2]])
    return _tridiagonal(below, pivots, above, right)


def _tridiagonal(below: Any, pivots: Any, above: Any, right: Any) -> Any:
    """The solution, by elimination."""
    pivots, s = np.copy(pivots), np.copy(right)
    for i in range(1, len(s)):
        factor = below[i - 1] / pivots[i - 1]
        pivots[i] -= factor * above[i - 1]
        s[i] -= factor * s[i - 1]
    s[-1] = s[-1] / pivots[-1]
    for i in range(len(s) - 2, -1, -1):
        s[i] = (s[i] - above[i] * s[i + 1]) / pivots[i]
    return s


def _end_row(dx: Any, secants: Any, condition: Any, other: Any, side: float) -> tuple[Any, Any, Any]:
    """The condition at the first point as a row of the system: on and beside the diagonal, and the right side."""
    one, none = np.ones_like(dx[:1]), np.zeros_like(dx[:1])
    if isinstance(condition, str) and condition == "not-a-knot":
        if dx.shape[0] == 1:
            return one, none, secants[:1]
        if dx.shape[0] == 2 and isinstance(other, str) and other == "not-a-knot":  # the parabola through three points
            return one, one, 2 * secants[:1]
        span = dx[:1] + dx[1:2]
        right = ((dx[:1] + 2 * span) * dx[1:2] * secants[:1] + dx[:1] ** 2 * secants[1:2]) / span
        return dx[1:2], span, right
    names = {"clamped": (1, 0.0), "natural": (2, 0.0)}
    if isinstance(condition, str):
        one_of("scipy.interpolate.CubicSpline", "bc_type", condition, ["not-a-knot", "periodic", *names])
    order, value = names[condition] if isinstance(condition, str) else condition
    if order == 1:
        return one, none, value + 0.0 * secants[:1]
    return 2 * one, one, 3 * secants[:1] - 0.5 * side * value * dx[:1]


def _periodic_slopes(dx: Any, secants: Any) -> Any:
    """The system goes round: a tridiagonal one and a correction of rank 1, by Sherman and Morrison."""
    if dx.shape[0] < 3:
        refuse("scipy.interpolate.CubicSpline of traced values: bc_type='periodic' takes at least 4 points")
    before, secants_before = np.roll(dx, 1, axis=0), np.roll(secants, 1, axis=0)
    pivots = 2 * (before + dx)
    right = 3 * (dx * secants_before + before * secants)
    gamma = -pivots[:1]
    top, bottom = dx[:1], before[-1:]  # the corners, above and below
    changed = np.concatenate([pivots[:1] - gamma, pivots[1:-1], pivots[-1:] - top * bottom / gamma])
    plain = _tridiagonal(dx[1:], changed, before[:-1], right)
    column = np.concatenate([gamma, 0.0 * pivots[1:-1], bottom])
    moved = _tridiagonal(dx[1:], changed, before[:-1], column)
    share = (plain[:1] + top / gamma * plain[-1:]) / (1 + moved[:1] + top / gamma * moved[-1:])
    s = plain - share * moved
    return np.concatenate([s, s[:1]])


# --- one continuous derivative ----------------------------------------------------------------------------------------


def pchip(x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> PiecewisePolynomial:
    """``PchipInterpolator``: monotone where the values are."""
    x, y, dx, axis = _points("PchipInterpolator", x, y, axis)
    secants = np.diff(y, axis=0) / dx
    if dx.shape[0] == 1:
        return _of_slopes(x, y, dx, np.concatenate([secants, secants]), extrapolate, axis)
    left, right = secants[:-1], secants[1:]
    turns = left * right <= 0
    turns = turns | (np.sign(left) != np.sign(right))
    w1, w2 = 2 * dx[1:] + dx[:-1], dx[1:] + 2 * dx[:-1]
    mean = (w1 + w2) / (w1 / np.where(turns, 1.0, left) + w2 / np.where(turns, 1.0, right))
    first = _end_slope(dx[:1], dx[1:2], secants[:1], secants[1:2])
    last = _end_slope(dx[-1:], dx[-2:-1], secants[-1:], secants[-2:-1])
    s = np.concatenate([first, np.where(turns, 0.0, mean), last])
    return _of_slopes(x, y, dx, s, extrapolate, axis)


def _end_slope(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    """That of the parabola through three points, cut so that it keeps the shape."""
    slope = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    steep = (np.sign(m0) != np.sign(m1)) & (np.abs(slope) > 3 * np.abs(m0))
    return np.where(np.sign(slope) != np.sign(m0), 0.0, np.where(steep, 3 * m0, slope))


def akima(x: Any, y: Any, axis: int = 0, *, method: Any = "akima", extrapolate: Any = None) -> PiecewisePolynomial:
    """``Akima1DInterpolator``: a slope of four secants, weighted by how the others bend."""
    one_of("scipy.interpolate.Akima1DInterpolator", "method", method, ["akima", "makima"])
    x, y, dx, axis = _points("Akima1DInterpolator", x, y, axis)
    extrapolate = False if extrapolate is None else extrapolate
    m = np.diff(y, axis=0) / dx
    if dx.shape[0] == 1:
        return _of_slopes(x, y, dx, np.concatenate([m, m]), extrapolate, axis)
    before, after = 2 * m[:1] - m[1:2], 2 * m[-1:] - m[-2:-1]
    m = np.concatenate([2 * before - m[:1], before, m, after, 2 * after - m[-1:]])
    bends = np.abs(np.diff(m, axis=0))
    if method == "makima":
        bends = bends + 0.5 * np.abs(m[1:] + m[:-1])
    near, far = bends[:-2], bends[2:]
    total = near + far
    flat = total <= 1e-9 * np.max(total)
    weighted = m[1:-2] + near / np.where(flat, 1.0, total) * (m[2:-1] - m[1:-2])
    return _of_slopes(x, y, dx, np.where(flat, 0.5 * (m[3:] + m[:-3]), weighted), extrapolate, axis)


def pchip_interpolate(xi: Any, yi: Any, x: Any, der: int = 0, axis: int = 0) -> Any:
    return pchip(xi, yi, axis)(x, der)


FUNCTIONS = {
    "scipy.interpolate.CubicSpline": cubic_spline,
    "scipy.interpolate.CubicHermiteSpline": hermite,
    "scipy.interpolate.PchipInterpolator": pchip,
    "scipy.interpolate.Akima1DInterpolator": akima,
    "scipy.interpolate.pchip_interpolate": pchip_interpolate,
}
