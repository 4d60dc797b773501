"""``scipy.interpolate``: FITPACK's splines of one variable and of two, made outside or of traced values.

Of traced values they go through all of them, or have knots of the user's: how many knots a smoothing spline has the
numbers would tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import Substitute, refuse, require_plain
from graphc.trace.algorithms.bsplines import Spline, make_interp_spline, make_lsq_spline
from graphc.trace.values import lifted


class Fitpack(Spline):
    """What can be called like SciPy's ``UnivariateSpline`` with ``ext=0``."""

    def __call__(self, x: Any, nu: int = 0, ext: Any = None) -> Any:
        _require_extrapolation(ext)
        return Spline(*self.tck)(x, nu)

    def derivative(self, n: int = 1) -> Fitpack:
        return Fitpack(*Spline(*self.tck).derivative(n).tck)

    def antiderivative(self, n: int = 1) -> Fitpack:
        return Fitpack(*Spline(*self.tck).antiderivative(n).tck)

    def integral(self, a: Any, b: Any) -> Any:
        """From a to b; the spline is 0 outside."""
        return Spline(*self.tck).integrate(a, b, False)

    def get_coeffs(self) -> Any:
        return self.c

    def get_knots(self) -> Any:
        return self.t[self.k : self.c.shape[0] + 1]


def _require_extrapolation(ext: Any) -> None:
    if ext not in (None, 0, "extrapolate"):
        refuse("scipy.interpolate.UnivariateSpline at traced points: ext=0; np.clip the points, or choose by np.where")


def _require_own_ends(name: str, bbox: Any) -> None:
    if bbox is not None and any(end is not None for end in bbox):
        refuse(f"scipy.interpolate.{name} of traced values: bbox= is not there; leave it out")


def through_all(x: Any, y: Any, w: Any = None, bbox: Any = None, k: int = 3, ext: Any = 0,
                check_finite: bool = False) -> Fitpack:  # fmt: skip
    """``InterpolatedUnivariateSpline``: through all points; weights have no part in that."""
    _require_own_ends("InterpolatedUnivariateSpline", bbox)
    _require_extrapolation(ext)
    return Fitpack(*make_interp_spline(x, y, k).tck)


def smoothing(x: Any, y: Any, w: Any = None, bbox: Any = None, k: int = 3, s: Any = None, ext: Any = 0,
              check_finite: bool = False) -> Fitpack:  # fmt: skip
    """``UnivariateSpline`` with ``s=0``."""
    if not isinstance(s, int | float) or s != 0:
        refuse(
            "scipy.interpolate.UnivariateSpline: of traced values s=0; others choose knots by the numbers: "
            "LSQUnivariateSpline and make_lsq_spline take knots of yours"
        )
    return through_all(x, y, None, bbox, k, ext)


def with_knots(x: Any, y: Any, t: Any, w: Any = None, bbox: Any = None, k: int = 3, ext: Any = 0,
               check_finite: bool = False) -> Fitpack:  # fmt: skip
    """``LSQUnivariateSpline``: of least squares, with the inner knots t."""
    _require_own_ends("LSQUnivariateSpline", bbox)
    _require_extrapolation(ext)
    x = np.asarray(x) * 1.0
    knots = np.concatenate([np.repeat(x[:1], k + 1), np.asarray(t) * 1.0, np.repeat(x[-1:], k + 1)])
    squares = None if w is None else np.asarray(w) * 1.0
    return Fitpack(*make_lsq_spline(x, y, knots, k, squares).tck)


def univariate(spline: Any) -> Fitpack:
    """``UnivariateSpline`` and its kinds, made outside."""
    t, c, k = spline._eval_args
    _require_extrapolation(spline.ext)
    return Fitpack(lifted(t), lifted(c[: len(t) - k - 1]), k)


class Surface(Substitute):
    """``RectBivariateSpline``: at points (``ev``, ``grid=False``) or on a grid."""

    def __init__(self, tx: Any, ty: Any, c: Any, kx: int, ky: int):
        self._tx, self._ty, self._c, self._kx, self._ky = tx, ty, c, kx, ky

    def ev(self, xi: Any, yi: Any, dx: int = 0, dy: int = 0) -> Any:
        """Beyond the ends what is at them, as FITPACK has it."""
        xi, yi = np.broadcast_arrays(_into(self._tx, xi), _into(self._ty, yi))
        along = Spline(self._tx, self._c, self._kx)(xi, dx)
        return np.sum(along * Spline(self._ty, np.eye(int(self._c.shape[1])), self._ky)(yi, dy), axis=-1)

    def __call__(self, x: Any, y: Any, dx: int = 0, dy: int = 0, grid: bool = True) -> Any:
        if grid:
            return self.ev(np.asarray(x)[:, np.newaxis], np.asarray(y)[np.newaxis, :], dx, dy)
        return self.ev(x, y, dx, dy)


def _into(knots: Any, x: Any) -> Any:
    return np.clip(np.asarray(x) * 1.0, knots[0], knots[-1])


def through_grid(x: Any, y: Any, z: Any, bbox: Any = None, kx: int = 3, ky: int = 3, s: Any = 0,
                 maxit: int = 20) -> Surface:  # fmt: skip
    """``RectBivariateSpline`` with ``s=0``: through all of z (n, m)."""
    _require_own_ends("RectBivariateSpline", bbox)
    require_plain("scipy.interpolate.RectBivariateSpline", s=None if isinstance(s, int | float) and s == 0 else s)
    first = make_interp_spline(x, z, kx)
    second = make_interp_spline(y, first.c, ky, axis=1)
    return Surface(first.t, second.t, second.c.T, kx, ky)


def surface(spline: Any) -> Surface:
    """SciPy's object as one that takes traced points."""
    (tx, ty, c), (kx, ky) = spline.tck, spline.degrees
    coefficients = np.reshape(c, (len(tx) - kx - 1, len(ty) - ky - 1))
    return Surface(lifted(tx), lifted(ty), lifted(coefficients), kx, ky)


FUNCTIONS = {
    "scipy.interpolate.UnivariateSpline": smoothing,
    "scipy.interpolate.InterpolatedUnivariateSpline": through_all,
    "scipy.interpolate.LSQUnivariateSpline": with_knots,
    "scipy.interpolate.RectBivariateSpline": through_grid,
}
