"""``scipy.interpolate``: splines as sums of B-splines, of traced coefficients, knots and points.

Source: C. de Boor, A Practical Guide to Splines (1978), chapters X and XIII. A spline through values is found by one
dense linear system: for some hundred points.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import Substitute, one_of, refuse, refuse_shape
from graphc.trace.algorithms.splines import in_place


class Spline(Substitute):
    """What can be called like SciPy's ``BSpline``: knots ``t`` (n + k + 1,), coefficients ``c`` (n, ...), degree k."""

    def __init__(self, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0):
        self.t, self.c, self.k, self.extrapolate, self.axis = t, c, k, extrapolate, axis

    @property
    def tck(self) -> tuple[Any, Any, int]:
        return self.t, self.c, self.k

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        """The spline, or its derivative of order nu, at points of any shape."""
        if nu > 0:
            return self.derivative(nu)(x, 0, extrapolate)
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        points = np.asarray(x) * 1.0
        shape = points.shape
        points = np.reshape(points, -1)
        t, k = self.t, self.k
        count = self.c.shape[0]
        first, last = t[k], t[count]
        if isinstance(extrapolate, str):  # "periodic"
            points = first + np.mod(points - first, last - first)
        piece = k + np.clip(np.searchsorted(t[k + 1 : count], points, side="right"), 0, count - k - 1)
        wide = (-1,) + (1,) * (self.c.ndim - 1)
        parts = [self.c[piece - k + j] for j in range(k + 1)]
        for level in [*range(1, k + 1)]:  # written out
            shares = [
                np.reshape((points - t[piece - k + j]) / (t[piece + 1 + j - level] - t[piece - k + j]), wide)
                for j in range(level, k + 1)
            ]
            parts = [
                (1 - share) * low + share * high for share, low, high in zip(shares, parts[:-1], parts[1:], strict=True)
            ]
        found = parts[0]
        if not extrapolate:
            outside = (points < first) | (points > last)
            found = np.where(np.reshape(outside, wide), np.nan, found)
        return in_place(np.reshape(found, (*shape, *self.c.shape[1:])), self.axis, len(shape))

    def derivative(self, nu: int = 1) -> Spline:
        t, c, k = self.t, self.c, self.k
        for _ in range(nu):
            if k == 0:
                return Spline(t, 0.0 * c, 0, self.extrapolate, self.axis)
            gaps = t[k + 1 : -1] - t[1 : -k - 1]
            gaps = np.reshape(np.where(gaps == 0, 1.0, gaps), (-1,) + (1,) * (c.ndim - 1))
            c, t, k = k * (c[1:] - c[:-1]) / gaps, t[1:-1], k - 1
        return Spline(t, c, k, self.extrapolate, self.axis)

    def antiderivative(self, nu: int = 1) -> Spline:
        t, c, k = self.t, self.c, self.k
        for _ in range(nu):
            gaps = np.reshape(t[k + 1 :] - t[: -k - 1], (-1,) + (1,) * (c.ndim - 1))
            sums = np.cumsum(c * gaps, axis=0) / (k + 1)
            c = np.concatenate([0.0 * sums[:1], sums])
            t, k = np.concatenate([t[:1], t, t[-1:]]), k + 1
        return Spline(t, c, k, False if isinstance(self.extrapolate, str) else self.extrapolate, self.axis)

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        """The integral from a to b; the spline is 0 outside, unless it extrapolates."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        if isinstance(extrapolate, str):
            refuse("BSpline.integrate of a periodic spline is not there of traced values; use CubicSpline's")
        whole = self.antiderivative()
        if not extrapolate:
            low, high = self.t[self.k], self.t[self.c.shape[0]]
            a, b = np.clip(a, low, high), np.clip(b, low, high)
        return whole(b, 0, True) - whole(a, 0, True)


def bspline(t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0) -> Spline:
    """``BSpline``, of knots, coefficients and a degree."""
    c = np.asarray(c) * 1.0
    axis = axis % c.ndim
    c, t = np.moveaxis(c, axis, 0), np.asarray(t) * 1.0
    return Spline(t, c[: t.shape[0] - k - 1], k, extrapolate, axis)  # FITPACK's have zeros more


# --- through values ---------------------------------------------------------------------------------------------------


def make_interp_spline(x: Any, y: Any, k: int = 3, t: Any = None, bc_type: Any = None, axis: int = 0) -> Spline:
    """The spline through y at x; its ends as ``CubicSpline``'s: "not-a-knot", "natural", "clamped", derivatives."""
    x, y = np.asarray(x) * 1.0, np.asarray(y) * 1.0
    axis = axis % y.ndim
    y = np.moveaxis(y, axis, 0)
    if x.ndim != 1 or x.shape[0] != y.shape[0] or x.shape[0] <= k:
        refuse_shape(
            f"scipy.interpolate.make_interp_spline: degree {k} for points of shape {x.shape}, {y.shape} values"
        )
    start, end = _end_conditions(bc_type, k)
    if k == 0:
        return Spline(np.concatenate([x, x[-1:]]), y, 0, True, axis)
    if k == 1 and t is None:
        return Spline(np.concatenate([x[:1], x, x[-1:]]), y, 1, True, axis)
    if t is None:
        t = _knots(x, k) if not start and not end else _all_knots(x, k)
    t = np.asarray(t) * 1.0
    count = t.shape[0] - k - 1
    basis = Spline(t, np.eye(int(count)), k)
    rows, sides = [basis(x)], [y]
    for at, conditions in ((x[:1], start), (x[-1:], end)):
        for order, value in conditions:
            rows.append(basis(at, order))
            sides.append(value + 0.0 * y[:1])
    matrix, right = np.concatenate(rows), np.concatenate(sides)
    if matrix.shape[0] != matrix.shape[1]:
        refuse_shape(f"scipy.interpolate.make_interp_spline: {matrix.shape[0]} conditions for {count} coefficients")
    solved = np.linalg.solve(matrix, np.reshape(right, (right.shape[0], -1)))
    return Spline(t, np.reshape(solved, right.shape), k, True, axis)


def _knots(x: Any, k: int) -> Any:
    """The points as knots, less those by the ends, or the middles between them where the degree is even."""
    inner = x[(k + 1) // 2 : -((k + 1) // 2)] if k % 2 == 1 else ((x[1:] + x[:-1]) / 2)[k // 2 : -(k // 2)]
    return np.concatenate([np.repeat(x[:1], k + 1), inner, np.repeat(x[-1:], k + 1)])


def _all_knots(x: Any, k: int) -> Any:
    return np.concatenate([np.repeat(x[:1], k), x, np.repeat(x[-1:], k)])


def _end_conditions(bc_type: Any, k: int) -> tuple[list[Any], list[Any]]:
    """The derivatives (order, value) that are given at the first and the last point."""
    ends = (bc_type, bc_type) if bc_type is None or isinstance(bc_type, str) else bc_type
    found = []
    for end in ends:
        if isinstance(end, str):
            one_of("scipy.interpolate.make_interp_spline", "bc_type", end, ["not-a-knot", "natural", "clamped"])
        names: dict[Any, Any] = {"not-a-knot": [], "natural": [(2, 0.0)], "clamped": [(1, 0.0)], None: []}
        found.append(names[end] if end is None or isinstance(end, str) else list(end))
    if k != 3 and isinstance(bc_type, str) and bc_type != "not-a-knot":
        refuse(f"scipy.interpolate.make_interp_spline: bc_type={bc_type!r} is for k=3; give pairs (order, value)")
    return found[0], found[1]


def make_lsq_spline(x: Any, y: Any, t: Any, k: int = 3, w: Any = None, axis: int = 0) -> Spline:
    """The spline of least squares with the knots t."""
    x, y, t = np.asarray(x) * 1.0, np.asarray(y) * 1.0, np.asarray(t) * 1.0
    axis = axis % y.ndim
    y = np.moveaxis(y, axis, 0)
    basis = Spline(t, np.eye(int(t.shape[0] - k - 1)), k)(x)
    weights = np.ones_like(x) if w is None else np.asarray(w) * 1.0
    basis = basis * weights[:, np.newaxis]
    right = np.reshape(y, (y.shape[0], -1)) * weights[:, np.newaxis]
    solved = np.linalg.solve(basis.T @ basis, basis.T @ right)
    return Spline(t, np.reshape(solved, (solved.shape[0], *y.shape[1:])), k, True, axis)


def splrep(x: Any, y: Any, k: int = 3, s: Any = None) -> tuple[Any, Any, int]:
    """Knots, coefficients and degree of the spline through the values, for ``splev``."""
    if s is not None and not (isinstance(s, int | float) and s == 0):
        refuse(
            "scipy.interpolate.splrep: of traced values s=0; a smoothing spline with knots of yours: make_lsq_spline"
        )
    return make_interp_spline(x, y, k).tck


def splev(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
    """The spline of ``splrep``, or its derivative, at points; the coordinates of a curve of ``splprep`` as a list."""
    if ext != 0:
        refuse("scipy.interpolate.splev: of traced values ext=0; np.clip the points, or choose by np.where")
    t, c, k = tck if isinstance(tck, tuple | list) else (tck.t, tck.c, tck.k)
    if isinstance(c, list | tuple):
        return [bspline(t, coordinate, k)(x, der) for coordinate in c]
    return bspline(t, c, k)(x, der)


FUNCTIONS = {
    "scipy.interpolate.BSpline": bspline,
    "scipy.interpolate.make_interp_spline": make_interp_spline,
    "scipy.interpolate.make_lsq_spline": make_lsq_spline,
    "scipy.interpolate.splrep": splrep,
    "scipy.interpolate.splev": splev,
}
