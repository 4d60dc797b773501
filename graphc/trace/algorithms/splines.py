"""``scipy.interpolate``: piecewise polynomials, of traced numbers or made outside, at traced points.

They are kept as SciPy's ``PPoly`` keeps them: ``c[m, i]`` is the coefficient of ``(t - x[i])**(k - m)`` for t from
``x[i]`` to ``x[i + 1]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import Substitute
from graphc.trace.values import lifted


class PiecewisePolynomial(Substitute):
    """What can be called like SciPy's ``PPoly``; ``c`` (k + 1, n, ...) and ``x`` (n + 1,)."""

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
        return in_place(np.reshape(found, (*shape, *self.c.shape[2:])), self.axis, len(shape))

    def derivative(self, nu: int = 1) -> PiecewisePolynomial:
        c = self.c
        for _ in range(nu):
            powers = np.arange(c.shape[0] - 1, 0, -1)
            c = c[:-1] * np.reshape(powers, (-1,) + (1,) * (c.ndim - 1))
        return PiecewisePolynomial(c, self.x, self.extrapolate, self.axis)

    def antiderivative(self, nu: int = 1) -> PiecewisePolynomial:
        """The integral from the first point on, nu times."""
        c = self.c
        for _ in range(nu):
            powers = np.arange(c.shape[0], 0, -1)
            c = c / np.reshape(powers, (-1,) + (1,) * (c.ndim - 1))
            dx = np.reshape(np.diff(self.x), (-1,) + (1,) * (c.ndim - 2))
            pieces = 0.0 * c[0]
            for row in range(c.shape[0]):
                pieces = (pieces + c[row]) * dx
            starts = np.concatenate([0.0 * pieces[:1], np.cumsum(pieces, axis=0)[:-1]])
            c = np.concatenate([c, starts[np.newaxis]])
        extrapolate = False if isinstance(self.extrapolate, str) else self.extrapolate  # its ends do not meet
        return PiecewisePolynomial(c, self.x, extrapolate, self.axis)

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        """The integral from a to b."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        whole = self.antiderivative()
        if not isinstance(extrapolate, str):
            return whole(b, 0, extrapolate) - whole(a, 0, extrapolate)
        first, last = self.x[0], self.x[-1]
        ends = []
        for end in (a, b):
            periods = np.floor((end - first) / (last - first))
            ends.append(periods * whole(last) + whole(end - periods * (last - first), 0, True))
        return ends[1] - ends[0]


def in_place(found: Any, axis: int, rank: int) -> Any:
    """The values with the axes of the points where the axis of the data was, ``rank`` of them from the front."""
    for _ in range(axis * rank):
        found = np.moveaxis(found, 0, axis + rank - 1)
    return found


def piecewise(spline: Any) -> PiecewisePolynomial:
    """SciPy's spline object, made outside, as one that takes traced points."""
    from scipy.interpolate import PPoly

    known = spline if isinstance(spline, PPoly) else PPoly.from_spline(spline)
    axis = getattr(spline, "axis", 0)
    return PiecewisePolynomial(lifted(known.c), lifted(known.x), known.extrapolate, axis)
