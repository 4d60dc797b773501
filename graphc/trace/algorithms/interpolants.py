"""``scipy.interpolate``: ``interp1d``, grids of any dimension, polynomials through points, radial functions.

Sources: J.-P. Berrut, L. N. Trefethen, SIAM Review 46 (2004); G. E. Fasshauer, Meshfree Approximation Methods (2007).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import Substitute, one_of, refuse, refuse_shape
from graphc.trace.algorithms.bsplines import Spline, make_interp_spline
from graphc.trace.algorithms.distances import euclidean
from graphc.trace.algorithms.splines import in_place
from graphc.trace.values import held, lifted

# --- between points of a line -----------------------------------------------------------------------------------------

_DEGREES: Mapping[str, int] = {"zero": 0, "slinear": 1, "quadratic": 2, "cubic": 3}
_KINDS = ("linear", "nearest", "nearest-up", "previous", "next", *_DEGREES)


class Interpolant(Substitute):
    """What can be called like SciPy's ``interp1d``: ``x`` (n,), and ``y`` (n, ...) with its axis in front."""

    def __init__(self, x: Any, y: Any, kind: Any, axis: int, checks: bool, fill: Any, spline: Any):
        self.x, self.y, self.axis = x, y, axis
        self._kind, self._checks, self._fill, self._spline = kind, checks, fill, spline

    def __call__(self, x: Any) -> Any:
        points = np.asarray(x) * 1.0
        shape = points.shape
        points = np.reshape(points, -1)
        outside = (points < self.x[0]) | (points > self.x[-1])
        extrapolates = isinstance(self._fill, str)
        if self._checks and np.any(outside):
            raise ValueError("scipy.interpolate.interp1d: a point lies outside of the interpolation range")
        found = self._spline(points) if self._spline is not None else self._between(points)
        wide = (-1,) + (1,) * (self.y.ndim - 1)
        if extrapolates and self._kind in ("previous", "next"):  # there is no point before the first, after the last
            nothing = points < self.x[0] if self._kind == "previous" else points > self.x[-1]
            found = np.where(np.reshape(nothing, wide), np.nan, found)
        if not extrapolates:
            below, above = self._fill if isinstance(self._fill, tuple) else (self._fill, self._fill)
            found = np.where(np.reshape(points < self.x[0], wide), below, found)
            found = np.where(np.reshape(points > self.x[-1], wide), above, found)
        return in_place(np.reshape(found, (*shape, *self.y.shape[1:])), self.axis, len(shape))

    def _between(self, points: Any) -> Any:
        count, kind = self.x.shape[0], self._kind
        if kind == "linear":
            low = np.clip(np.searchsorted(self.x, points) - 1, 0, count - 2)
            share = (points - self.x[low]) / (self.x[low + 1] - self.x[low])
            share = np.reshape(share, (-1,) + (1,) * (self.y.ndim - 1))
            return self.y[low] + share * (self.y[low + 1] - self.y[low])
        if kind in ("nearest", "nearest-up"):
            middles = (self.x[1:] + self.x[:-1]) / 2
            place = np.searchsorted(middles, points, side="left" if kind == "nearest" else "right")
        elif kind == "next":
            place = np.searchsorted(self.x, points, side="left")
        else:  # previous, zero
            place = np.searchsorted(self.x, points, side="right") - 1
        return self.y[np.clip(place, 0, count - 1)]


def interp1d(x: Any, y: Any, kind: Any = "linear", axis: int = -1, copy: bool = True, bounds_error: Any = None,
             fill_value: Any = np.nan, assume_sorted: bool = False) -> Interpolant:  # fmt: skip
    """Through values along the axis, by kinds and ends as SciPy's; a point outside is an error at run time."""
    if isinstance(kind, str):
        one_of("scipy.interpolate.interp1d", "kind", kind, _KINDS)
    x, y = np.asarray(x) * 1.0, np.asarray(y) * 1.0
    axis = axis % y.ndim
    y = np.moveaxis(y, axis, 0)
    if x.ndim != 1 or x.shape[0] != y.shape[0]:
        refuse_shape(f"scipy.interpolate.interp1d: points of shape {x.shape} for {y.shape[0]} values along the axis")
    if not assume_sorted:
        order = np.argsort(x)
        x, y = x[order], y[order]
    unset = isinstance(fill_value, float) and fill_value != fill_value
    checks = (unset if bounds_error is None else bounds_error) and not isinstance(fill_value, str)
    degree = _DEGREES.get(kind) if isinstance(kind, str) else kind
    spline = None if degree is None or degree == 0 else make_interp_spline(x, y, degree)
    return Interpolant(x, y, kind, axis, checks, fill_value, spline)


def line(made: Any) -> Interpolant:
    """``interp1d`` made outside."""
    values = np.moveaxis(made.y, made.axis, 0)
    spline = None
    if made._kind == "spline":
        t, c, k = made._spline.tck
        spline = Spline(lifted(t), lifted(np.reshape(c, values.shape)), k)
    fill = made.fill_value if isinstance(made.fill_value, str | tuple) else float(made.fill_value)
    axis = made.axis % made.y.ndim
    return Interpolant(lifted(made.x), lifted(values), made._kind, axis, made.bounds_error, fill, spline)


# --- on grids ---------------------------------------------------------------------------------------------------------

_TENSOR: Mapping[str, int] = {"slinear": 1, "cubic": 3, "quintic": 5}


class Grid(Substitute):
    """What can be called like SciPy's ``RegularGridInterpolator``."""

    def __init__(self, grid: Any, values: Any, method: str, checks: Any, fill: Any):
        self.grid, self.values, self.method, self._checks, self._fill = grid, values, method, checks, fill

    def __call__(self, xi: Any, method: Any = None) -> Any:
        """At points (..., d), or at a tuple of d arrays."""
        method = _method("RegularGridInterpolator", self.method if method is None else method)
        rank = len(self.grid)
        if isinstance(xi, tuple):
            xi = np.stack(np.broadcast_arrays(*xi), axis=-1)
        xi = np.asarray(xi) * 1.0
        if xi.shape[-1] != rank and rank != 1:
            refuse_shape(f"scipy.interpolate.RegularGridInterpolator: points of shape {xi.shape} in {rank} dimensions")
        if rank > 1 and xi.ndim == 1:
            xi = xi[np.newaxis]
        shape = xi.shape if rank == 1 and xi.ndim == 1 else xi.shape[:-1]
        columns = list(np.reshape(xi, (-1, rank)).T)
        outside = columns[0] != columns[0]
        for column, axis in zip(columns, self.grid, strict=True):
            outside = outside | (column < axis[0]) | (column > axis[-1])
        if self._checks and np.any(outside):
            raise ValueError("scipy.interpolate.RegularGridInterpolator: a point lies outside of the grid")
        found = self._at(columns, method)
        if not self._checks and self._fill is not None:
            found = np.where(np.reshape(outside, (-1,) + (1,) * (found.ndim - 1)), self._fill, found)
        return np.reshape(found, (*shape, *self.values.shape[rank:]))

    def _at(self, columns: list[Any], method: str) -> Any:
        if method in _TENSOR:
            return _tensor(self.grid, self.values, columns, _TENSOR[method])
        low, share = [], []
        for column, axis in zip(columns, self.grid, strict=True):
            place = np.clip(np.searchsorted(axis, column, side="right") - 1, 0, axis.shape[0] - 2)
            low.append(place)
            share.append((column - axis[place]) / (axis[place + 1] - axis[place]))
        if method == "nearest":
            found = self.values[tuple(np.where(s <= 0.5, i, i + 1) for i, s in zip(low, share, strict=True))]
            unknown = np.any(np.isnan(np.stack(columns)), axis=0)
            return np.where(np.reshape(unknown, (-1,) + (1,) * (found.ndim - 1)), np.nan, found)
        total = 0.0
        wide = (-1,) + (1,) * (self.values.ndim - len(low))
        for corner in itertools.product((0, 1), repeat=len(low)):
            weight = 1.0
            for side, part in zip(corner, share, strict=True):
                weight = weight * (part if side == 1 else 1 - part)
            at = tuple(place + side for place, side in zip(low, corner, strict=True))
            total = total + np.reshape(weight, wide) * self.values[at]
        return total


def _tensor(grid: Any, values: Any, columns: list[Any], degree: int) -> Any:
    """The spline of that degree along each axis."""
    coefficients, bases = values, []
    for axis, (points, column) in enumerate(zip(grid, columns, strict=True)):
        along = make_interp_spline(points, np.moveaxis(coefficients, axis, 0), degree)
        coefficients = np.moveaxis(along.c, 0, axis)
        bases.append(Spline(along.t, np.eye(int(along.c.shape[0])), degree)(column))
    found = np.tensordot(bases[0], coefficients, 1)
    for basis in bases[1:]:
        found = np.sum(np.reshape(basis, (*basis.shape, *(1,) * (found.ndim - 2))) * found, axis=1)
    return found


def _method(name: str, method: Any) -> str:
    return str(one_of(f"scipy.interpolate.{name}", "method", method, ["linear", "nearest", *_TENSOR]))


def regular_grid(points: Any, values: Any, method: Any = "linear", bounds_error: Any = True, fill_value: Any = np.nan,
                 *, solver: Any = None, solver_args: Any = None) -> Grid:  # fmt: skip
    """``RegularGridInterpolator``: rising points along each axis; others, and a point outside, are errors at run time.
    Splines are found by direct solution, whatever the solver."""
    grid = tuple(np.asarray(axis) * 1.0 for axis in points)
    for axis in grid:
        if np.any(axis[1:] <= axis[:-1]):
            raise ValueError("scipy.interpolate.RegularGridInterpolator: the points of an axis must rise; flip them")
    return Grid(grid, np.asarray(values) * 1.0, _method("RegularGridInterpolator", method), bounds_error, fill_value)


def interpn(points: Any, values: Any, xi: Any, method: Any = "linear", bounds_error: Any = True,
            fill_value: Any = np.nan) -> Any:  # fmt: skip
    return regular_grid(points, values, method, bounds_error, fill_value)(xi)


def grid(made: Any) -> Grid:
    """``RegularGridInterpolator`` made outside."""
    axes = tuple(lifted(axis) for axis in made.grid)
    fill = None if made.fill_value is None else float(made.fill_value)
    return Grid(axes, lifted(made.values), made.method, made.bounds_error, fill)


# --- polynomials ------------------------------------------------------------------------------------------------------


class Polynomial(Substitute):
    """What can be called like SciPy's ``BarycentricInterpolator``."""

    def __init__(self, xi: Any, yi: Any, wi: Any, axis: int):
        self.xi, self.yi, self.wi, self.axis = xi, yi, wi, axis

    def __call__(self, x: Any) -> Any:
        points = np.asarray(x) * 1.0
        shape = points.shape
        gaps = np.reshape(points, -1)[:, np.newaxis] - self.xi
        hit = gaps == 0
        some = np.any(hit, axis=1, keepdims=True)
        terms = self.wi / np.where(hit, 1.0, gaps)
        flat = np.reshape(self.yi, (self.yi.shape[0], -1))
        found = (terms @ flat) / np.sum(terms, axis=1, keepdims=True)
        found = np.where(some, _through(self.xi, self.wi, flat, gaps, hit), found)
        return in_place(np.reshape(found, (*shape, *self.yi.shape[1:])), self.axis, len(shape))


def _through(xi: Any, wi: Any, values: Any, gaps: Any, hit: Any) -> Any:
    """At a point k of the polynomial its value there, and what rises from it with the polynomial's slope,
    ``sum_j w[j]/w[k] (y[j] - y[k]) / (x[k] - x[j])``."""
    place = np.argmax(hit, axis=1)
    between = np.where(hit, 1.0, held(gaps))
    own = np.take(values, place, axis=0)
    rates = np.where(hit, 0.0, wi / between) / wi[place][:, np.newaxis]
    slope = rates @ values - np.sum(rates, axis=1, keepdims=True) * own
    return own + slope * np.take_along_axis(gaps, place[:, np.newaxis], axis=1)


def barycentric(xi: Any, yi: Any = None, axis: int = 0, *, wi: Any = None) -> Polynomial:
    """``BarycentricInterpolator``: the polynomial through all points."""
    if yi is None:
        refuse("scipy.interpolate.BarycentricInterpolator of traced values needs yi=")
    xi, yi = np.asarray(xi) * 1.0, np.asarray(yi) * 1.0
    axis = axis % yi.ndim
    if wi is None:
        span = (np.max(xi) - np.min(xi)) / 4  # so that the products neither vanish nor grow
        gaps = (xi[:, np.newaxis] - xi) / span + np.eye(int(xi.shape[0]))
        wi = 1.0 / np.prod(gaps, axis=1)
    return Polynomial(xi, np.moveaxis(yi, axis, 0), np.asarray(wi), axis)


def barycentric_interpolate(xi: Any, yi: Any, x: Any, axis: int = 0) -> Any:
    return barycentric(xi, yi, axis)(x)


def polynomial(made: Any) -> Polynomial:
    """``BarycentricInterpolator`` made outside."""
    values = np.reshape(made.yi, (made.n, *made._y_extra_shape))
    return Polynomial(lifted(made.xi), lifted(values), lifted(made.wi), made._y_axis)


# --- radial functions -------------------------------------------------------------------------------------------------


def _thin_plate(r: Any) -> Any:
    return np.where(r == 0, 0.0, r * r * np.log(np.where(r == 0, 1.0, r)))


_KERNELS: Mapping[str, tuple[Callable[[Any], Any], int]] = {  # and the least degree of the polynomial beside it
    "linear": (lambda r: -r, 0), "thin_plate_spline": (_thin_plate, 1), "cubic": (lambda r: r**3, 1),
    "quintic": (lambda r: -(r**5), 2), "multiquadric": (lambda r: -np.sqrt(r * r + 1), 0),
    "inverse_multiquadric": (lambda r: 1 / np.sqrt(r * r + 1), -1),
    "inverse_quadratic": (lambda r: 1 / (r * r + 1), -1), "gaussian": (lambda r: np.exp(-r * r), -1),
}  # fmt: skip


class Radial(Substitute):
    """What can be called like SciPy's ``RBFInterpolator``, at points (m, d)."""

    def __init__(self, centers: Any, values: Any, smoothing: Any, kernel: str, epsilon: Any, degree: int):
        self._centers, self._kernel, self._epsilon = centers, kernel, epsilon
        low, high = np.min(centers, axis=0), np.max(centers, axis=0)
        self._shift, self._scale = (low + high) / 2, np.where(high == low, 1.0, (high - low) / 2)
        self._powers = [
            p for p in itertools.product(range(degree + 1), repeat=int(centers.shape[1])) if sum(p) <= degree
        ]
        count = centers.shape[0]
        matrix = self._radial(centers) + np.eye(int(count)) * smoothing
        flat = np.reshape(values, (count, -1))
        if self._powers:
            beside = self._polynomials(centers)
            size = len(self._powers)
            matrix = np.block([[matrix, beside], [beside.T, np.zeros((size, size))]])
            flat = np.concatenate([flat, np.zeros((size, int(flat.shape[1])))])
        self._shape = values.shape[1:]
        self._coefficients = np.linalg.solve(matrix, flat)

    def _radial(self, x: Any) -> Any:
        epsilon = self._epsilon
        return _KERNELS[self._kernel][0](euclidean(x[:, np.newaxis] * epsilon, self._centers[np.newaxis] * epsilon))

    def _polynomials(self, x: Any) -> Any:
        x = (x - self._shift) / self._scale
        columns = []
        for powers in self._powers:
            column = np.ones_like(x[:, 0])
            for axis, power in enumerate(powers):
                column = column * x[:, axis] ** power if power else column
            columns.append(column)
        return np.stack(columns, axis=1)

    def __call__(self, x: Any) -> Any:
        x = np.asarray(x) * 1.0
        basis = self._radial(x)
        if self._powers:
            basis = np.concatenate([basis, self._polynomials(x)], axis=1)
        return np.reshape(basis @ self._coefficients, (x.shape[0], *self._shape))


def radial(y: Any, d: Any, neighbors: Any = None, smoothing: Any = 0.0, kernel: Any = "thin_plate_spline",
           epsilon: Any = None, degree: Any = None) -> Radial:  # fmt: skip
    """``RBFInterpolator``: through values d (n, ...) at points y (n, d), by one dense linear system."""
    one_of("scipy.interpolate.RBFInterpolator", "kernel", kernel, list(_KERNELS))
    if neighbors is not None:
        refuse("scipy.interpolate.RBFInterpolator: of traced values without neighbors=")
    if epsilon is None and kernel not in ("linear", "thin_plate_spline", "cubic", "quintic"):
        refuse(f"scipy.interpolate.RBFInterpolator: kernel={kernel!r} needs epsilon=")
    lowest = _KERNELS[kernel][1]
    given = max(lowest, 0) if degree is None else degree
    return Radial(
        np.asarray(y) * 1.0, np.asarray(d) * 1.0, smoothing, kernel, 1.0 if epsilon is None else epsilon, given
    )


def radial_outside(made: Any) -> Radial:
    """``RBFInterpolator`` made outside."""
    if made.neighbors is not None:
        refuse("scipy.interpolate.RBFInterpolator at traced points: without neighbors=")
    degree = int(np.max(np.sum(made.powers, axis=1), initial=-1))
    values = np.reshape(made.d, (made.d.shape[0], *made.d_shape))
    return Radial(lifted(made.y), lifted(values), lifted(made.smoothing), made.kernel, float(made.epsilon), degree)


FUNCTIONS = {
    "scipy.interpolate.interp1d": interp1d,
    "scipy.interpolate.RegularGridInterpolator": regular_grid,
    "scipy.interpolate.interpn": interpn,
    "scipy.interpolate.BarycentricInterpolator": barycentric,
    "scipy.interpolate.barycentric_interpolate": barycentric_interpolate,
    "scipy.interpolate.RBFInterpolator": radial,
}
