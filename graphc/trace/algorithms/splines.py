"""``scipy.interpolate``: cubic splines through traced values, and piecewise polynomials at traced points.

Source: C. de Boor, A Practical Guide to Splines (1978), chapter IV. A spline is kept as SciPy's ``PPoly`` keeps it:
``c[m, i]`` is the coefficient of ``(t - x[i])**(k - m)`` for t from ``x[i]`` to ``x[i + 1]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.values import lifted


class PiecewisePolynomial:
    """What can be called like SciPy's ``PPoly``, with its ``derivative``; ``c`` (k + 1, n, ...) and ``x`` (n + 1,)."""

    def __init__(self, c: Any, x: Any, extrapolate: Any = True, axis: int = 0):
        self.c, self.x, self.extrapolate, self.axis = c, x, extrapolate, axis

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        """The polynomial, or its derivative of order nu, at points of any shape; NaN outside unless it extrapolates."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        points = np.asarray(x) * 1.0
        shape = points.shape
        points = np.reshape(points, -1)
        first, last = self.x[0], self.x[-1]
        if isinstance(extrapolate, str):  # "periodic"
            points = first + np.mod(points - first, last - first)
        pieces = np.clip(np.searchsorted(self.x, points, side="right") - 1, 0, len(self.x) - 2)
        along = np.reshape(points - self.x[pieces], (-1,) + (1,) * (self.c.ndim - 2))
        degree = self.c.shape[0] - 1
        found = np.zeros_like(along) * self.c[0, pieces]
        for power in range(degree, nu - 1, -1):
            factor = 1.0
            for step in range(nu):
                factor *= power - step
            found = found * along + factor * self.c[degree - power, pieces]
        if not extrapolate:
            outside = (points < first) | (points > last)
            found = np.where(np.reshape(outside, along.shape), np.nan, found)
        found = np.reshape(found, (*shape, *self.c.shape[2:]))
        for _ in range(self.axis * len(shape)):  # the points' axes stand where the axis of the values was
            found = np.moveaxis(found, 0, self.axis + len(shape) - 1)
        return found

    def derivative(self, nu: int = 1) -> PiecewisePolynomial:
        c = self.c
        for _ in range(nu):
            powers = np.arange(c.shape[0] - 1, 0, -1)
            c = c[:-1] * np.reshape(powers, (-1,) + (1,) * (c.ndim - 1))
        return PiecewisePolynomial(c, self.x, self.extrapolate, self.axis)


def cubic_spline(x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None) -> Any:
    """``CubicSpline``: through y at x, with ends "not-a-knot", "natural", "clamped", or pairs (order, value)."""
    x, y = np.asarray(x) * 1.0, np.asarray(y) * 1.0
    axis = axis % y.ndim
    y = np.moveaxis(y, axis, 0)
    ends = (bc_type, bc_type) if isinstance(bc_type, str) else bc_type
    if len(x) < 4 or "periodic" in [end for end in ends if isinstance(end, str)]:
        raise ValueError(
            "scipy.interpolate.CubicSpline of traced values: at least 4 points, and no bc_type='periodic'; "
            f"it was given {len(x)} points and bc_type={bc_type!r}"
        )
    dx = np.reshape(np.diff(x), (-1,) + (1,) * (y.ndim - 1))
    secants = np.diff(y, axis=0) / dx
    s = _slopes(dx, secants, *ends)
    bend = (s[:-1] + s[1:] - 2 * secants) / dx
    c = np.stack([bend / dx, (secants - s[:-1]) / dx - bend, s[:-1], y[:-1]])
    return PiecewisePolynomial(c, x, True if extrapolate is None else extrapolate, axis)


def _slopes(dx: Any, secants: Any, start: Any, end: Any) -> Any:
    """The spline's slopes at the points: a tridiagonal system, solved by elimination."""
    first = _end_row(dx, secants, start, 1.0)
    last = _end_row(dx[::-1], secants[::-1], end, -1.0)  # the mirror image
    pivots = np.concatenate([first[0], 2 * (dx[:-1] + dx[1:]), last[0]])
    above = np.concatenate([first[1], dx[:-1]])
    below = np.concatenate([dx[1:], last[1]])
    s = np.concatenate([first[2], 3 * (dx[1:] * secants[:-1] + dx[:-1] * secants[1:]), last[2]])
    for i in range(1, len(s)):
        factor = below[i - 1] / pivots[i - 1]
        pivots[i] -= factor * above[i - 1]
        s[i] -= factor * s[i - 1]
    s[-1] = s[-1] / pivots[-1]
    for i in range(len(s) - 2, -1, -1):
        s[i] = (s[i] - above[i] * s[i + 1]) / pivots[i]
    return s


def _end_row(dx: Any, secants: Any, condition: Any, side: float) -> tuple[Any, Any, Any]:
    """The condition at the first point as a row of the system: on and beside the diagonal, and the right side."""
    span = dx[:1] + dx[1:2]
    if isinstance(condition, str) and condition == "not-a-knot":
        right = ((dx[:1] + 2 * span) * dx[1:2] * secants[:1] + dx[:1] ** 2 * secants[1:2]) / span
        return dx[1:2], span, right
    names = {"clamped": (1, 0.0), "natural": (2, 0.0)}
    if isinstance(condition, str) and condition not in names:
        raise ValueError(
            f"scipy.interpolate.CubicSpline: bc_type={condition!r} is none of not-a-knot, clamped, natural"
        )
    order, value = names[condition] if isinstance(condition, str) else condition
    if order == 1:
        return np.ones_like(span), np.zeros_like(span), value + 0.0 * secants[:1]
    return 2 * np.ones_like(span), np.ones_like(span), 3 * secants[:1] - 0.5 * side * value * dx[:1]


def piecewise(spline: Any) -> PiecewisePolynomial:
    """SciPy's spline object, made outside, as one that takes traced points."""
    from scipy.interpolate import PPoly

    known = spline if isinstance(spline, PPoly) else PPoly.from_spline(spline)
    axis = getattr(spline, "axis", 0)
    return PiecewisePolynomial(lifted(known.c), lifted(known.x), known.extrapolate, axis)


FUNCTIONS = {"scipy.interpolate.CubicSpline": cubic_spline}
