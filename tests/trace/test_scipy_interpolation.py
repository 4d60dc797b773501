"""scipy.interpolate: splines and others through traced values, and those made outside at traced points."""

# ruff: noqa: PLW0108 - the lambdas are what is traced

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.interpolate as ip
import scipy.sparse.linalg

import graphc
from graphc.config import override
from tests.nightly import part
from tests.trace.scipy_cases import Case, case, check

rng = np.random.default_rng(1)
X = np.sort(rng.uniform(0, 5, 8))
Y = rng.normal(size=(3, 8))
V = Y[0]
POINTS = rng.uniform(-0.5, 5.5, (2, 3))
INNER = rng.uniform(X[0], X[-1], (2, 3))
KNOTS = np.concatenate([[0.0] * 4, [1.0, 2.0, 3.0], [5.0] * 4])
C = rng.normal(size=7)
GRID = tuple(np.sort(rng.uniform(0, 1, n)) for n in (7, 8, 6))
BLOCK = rng.normal(size=(7, 8, 6))
PLACES = np.stack([rng.uniform(a[0], a[-1], 5) for a in GRID], axis=1)
CENTERS, HEIGHTS, AT = rng.normal(size=(9, 2)), rng.normal(size=9), rng.normal(size=(4, 2))
ENDS: list[Any] = ["not-a-knot", "natural", "clamped", ((1, 0.3), (2, -0.7)), ((2, 0.4), "not-a-knot")]
KINDS = ("linear", "nearest", "nearest-up", "previous", "next", "zero", "slinear", "quadratic", "cubic", 5)
KERNELS = ("linear", "thin_plate_spline", "cubic", "quintic", "multiquadric", "inverse_multiquadric",
           "inverse_quadratic", "gaussian")  # fmt: skip


def asked(name: str, *given: Any, smooth: bool = True, **options: Any) -> Case:
    """The spline at points, its derivative in two ways, and its integral."""

    def call(*some: Any) -> Any:
        *data, points = some
        spline = getattr(ip, name)(*data, **options)
        return spline(points), spline(points, 1), spline.derivative()(points), spline.integrate(points[0, 0], 3.0)

    return case(f"interpolate.{name}", *given, call=call, rtol=1e-9, smooth=smooth)


def at(name: str, *given: Any, nu: int | None = None, rtol: float = 1e-9, smooth: bool = True, **options: Any) -> Case:
    """The object made of all but the last of what is given, at that."""

    def call(*some: Any) -> Any:
        made = getattr(ip, name)(*some[:-1], **options)
        return made(some[-1]) if nu is None else made(some[-1], nu)

    return case(f"interpolate.{name}", *given, call=call, rtol=rtol, smooth=smooth)


def closed(x: Any, y: Any, points: Any) -> Any:
    spline = ip.CubicSpline(x, np.concatenate([y, y[:1]]), bc_type="periodic")
    return spline(points), spline(points, 2), spline.integrate(-3.0, points[0, 0]), spline.derivative()(points)


def direct(method: str) -> dict[str, Any]:
    """SciPy's own tensor splines are found by iteration, unless it is told another solver."""
    return {"method": method, "solver": scipy.sparse.linalg.spsolve} if method in ("cubic", "quintic") else {
        "method": method
    }  # fmt: skip


SPLINES = [
    *(asked("CubicSpline", X, V, POINTS, bc_type=ends) for ends in ENDS),
    *(asked("CubicSpline", X[:n], V[:n], POINTS, bc_type=ends) for n in (2, 3) for ends in (*ENDS[:3], ENDS[4])),
    *(case("interpolate.CubicSpline", X[:n], V[: n - 1], POINTS, call=closed, rtol=1e-9) for n in (4, 8)),
    *(at("CubicSpline", X, values, POINTS, axis=axis) for axis, values in ((0, Y.T), (1, Y))),
    case("interpolate.CubicSpline", V, POINTS, call=lambda y, q: ip.CubicSpline(X, y).antiderivative(2)(q)),
    asked("PchipInterpolator", X, V, POINTS), at("PchipInterpolator", X[:2], V[:2], POINTS),
    at("PchipInterpolator", X, Y, INNER, axis=1, extrapolate=False),
    case("interpolate.pchip_interpolate", X, V, POINTS, der=1),
    asked("Akima1DInterpolator", X, V, INNER),
    at("Akima1DInterpolator", X, V, POINTS, method="makima", extrapolate=True),
    at("Akima1DInterpolator", X, np.array([0.0, 0, 0, 1, 1, 1, 1, 2]), INNER, smooth=False),
    at("CubicHermiteSpline", X, V, Y[1], POINTS),
    asked("BSpline", KNOTS, C, 3, INNER, smooth=False),
    at("BSpline", KNOTS[1:-1], Y, 2, POINTS, nu=1, axis=1, smooth=False),
    case("interpolate.BSpline", KNOTS[4:7], C, POINTS, call=lambda t, c, q: ip.BSpline(
        np.concatenate([KNOTS[:4], t, KNOTS[7:]]), c, 3)(q)),
    case("interpolate.BSpline", C, 3.3, call=lambda c, b:
         ip.BSpline(KNOTS, c, 3, extrapolate=False).integrate(-1.0, b)),
    case("interpolate.BSpline", C, POINTS, call=lambda c, q: ip.BSpline(KNOTS, c, 3, extrapolate="periodic")(q)),
    *(at("make_interp_spline", X, V, k, INNER, smooth=k > 0) for k in range(6)),
    at("make_interp_spline", X, V, POINTS, bc_type="natural"), at("make_interp_spline", X, Y, POINTS, axis=1),
    at("make_interp_spline", X, V, POINTS, nu=1, bc_type=([(1, 0.5)], [(2, 0.2)])),
    case("interpolate.make_lsq_spline", rng.normal(size=30), POINTS, rtol=1e-9,
         call=lambda y, q: ip.make_lsq_spline(np.linspace(0, 5, 30), y, KNOTS)(q)),
    case("interpolate.splrep", X, V, POINTS, call=lambda x, y, q: ip.splev(q, ip.splrep(x, y)), rtol=1e-9),
    case("interpolate.splev", POINTS, ip.splrep(X, V), der=1, rtol=1e-9),
]  # fmt: skip
OTHERS = [
    *(at("interp1d", X, V, INNER, kind=kind) for kind in KINDS),
    at("interp1d", X, V, POINTS, fill_value="extrapolate"), at("interp1d", X[::-1].copy(), V, INNER),
    at("interp1d", X, V, POINTS, fill_value=(1.0, 2.0), bounds_error=False),
    at("interp1d", X, Y.T, POINTS, bounds_error=False, axis=0, smooth=False),
    *(at("RegularGridInterpolator", GRID, BLOCK, PLACES, **direct(m))
      for m in ("linear", "nearest", "cubic", "quintic")),
    *(case("interpolate.RegularGridInterpolator", *GRID[:2], BLOCK, PLACES[:, :2], rtol=1e-9, call=lambda a, b, v, p, m:
           ip.RegularGridInterpolator((a, b), v, **direct(m))(p), m=m) for m in ("linear", "cubic")),
    at("RegularGridInterpolator", GRID, BLOCK, PLACES * 2, bounds_error=False, fill_value=None),
    at("RegularGridInterpolator", GRID, BLOCK, PLACES * 2, bounds_error=False, fill_value=3.0),
    case("interpolate.interpn", GRID, BLOCK, PLACES),
    at("BarycentricInterpolator", X, V, INNER), at("BarycentricInterpolator", X, V, X),
    case("interpolate.barycentric_interpolate", X, Y.T, INNER, rtol=1e-9),
    *(at("RBFInterpolator", CENTERS, HEIGHTS, AT, rtol=1e-8, kernel=kernel, epsilon=1.3, smoothing=0.1)
      for kernel in KERNELS),
]  # fmt: skip

SURFACE = rng.normal(size=(8, 6))


def fitted(x: Any, y: Any, points: Any, kind: str, **options: Any) -> Any:
    f = getattr(ip, kind)(x, y, **options)
    whole = f.integral(points[0, 0], 3.0)
    return f(points), f(points, 1), f.derivative()(points), whole, f.get_coeffs(), f.get_knots()


def surface(x: Any, z: Any, points: Any, kx: int, ky: int) -> Any:
    f = ip.RectBivariateSpline(x, np.arange(6.0), z, kx=kx, ky=ky)
    ordered = np.sort(points, axis=1)
    return f.ev(points, points[::-1]), f(ordered[0], ordered[1], dx=1), f.ev(points + 5.0, points - 9.0)


FITPACK = [
    *(case(f"interpolate.{kind}", X, V, POINTS, rtol=1e-8, call=fitted, kind=kind, k=k, **more) for kind, more in (
        ("InterpolatedUnivariateSpline", {}), ("UnivariateSpline", {"s": 0})) for k in (1, 2, 3, 4)),
    *(case("interpolate.LSQUnivariateSpline", V, POINTS, rtol=1e-8, w=w, call=lambda y, q, w: ip.LSQUnivariateSpline(
        X, y, X[3:5] + 0.01, w=w)(q)) for w in (None, 1 + np.arange(8.0))),
    *(case("interpolate.RectBivariateSpline", X, SURFACE, INNER, rtol=1e-8, call=surface, kx=kx, ky=ky)
      for kx, ky in ((3, 3), (2, 4))),
]  # fmt: skip
LINE, FLAT = ip.UnivariateSpline(X, V, s=0.5), ip.RectBivariateSpline(X, np.arange(6.0), rng.normal(size=(8, 6)))


def outside(made: Any, *points: Any, rtol: float = 1e-9) -> Case:
    return case(f"interpolate.{type(made).__name__}", *points, call=lambda *some: made(*some), rtol=rtol)


MADE_OUTSIDE = [
    *(outside(ip.CubicSpline(X, values, axis=axis), POINTS) for axis, values in ((0, Y.T), (1, Y))),
    outside(ip.PchipInterpolator(X, V), POINTS), outside(ip.CubicSpline(X, V).derivative(), POINTS),
    outside(ip.CubicSpline(X, [*V[:-1], V[0]], bc_type="periodic"), 1.7),
    outside(ip.make_interp_spline(X, V, k=3), POINTS),
    outside(ip.CubicSpline(X, V, extrapolate=False), INNER), outside(ip.BSpline(np.arange(8.0), V[:4], 3), POINTS),
    *(outside(ip.interp1d(X, Y, kind=kind), INNER) for kind in KINDS),
    outside(ip.RegularGridInterpolator(GRID, BLOCK), PLACES),
    outside(ip.RegularGridInterpolator(GRID, BLOCK), PLACES[0]),
    outside(ip.BarycentricInterpolator(X, Y, axis=1), INNER), outside(LINE, POINTS),
    outside(ip.RBFInterpolator(CENTERS, np.stack([HEIGHTS, HEIGHTS**2], axis=1)), AT, rtol=1e-8),
    case("interpolate.RectBivariateSpline", INNER, INNER[::-1].copy(), rtol=1e-9,
         call=lambda a, b: (FLAT.ev(a, b), FLAT(a, b, grid=False), FLAT.ev(a, b, dx=1))),
    outside(FLAT, np.sort(INNER[0]), np.sort(INNER[1])),
]  # fmt: skip
CASES = [*SPLINES, *OTHERS, *FITPACK]


@pytest.mark.parametrize("tested", part([*CASES, *MADE_OUTSIDE], 0, 23), ids=lambda tested: tested.label)
def test_values_and_derivatives(tested: Case) -> None:
    check(tested)


def test_gradients_by_points_knots_and_values() -> None:
    def loss(x: Any, y: Any, points: Any) -> Any:
        return np.sum(ip.CubicSpline(x, y)(points) ** 2)

    given = (X, V, POINTS)
    gradients = graphc.grad(loss, argnums=(0, 1, 2))(*given)
    directions = [rng.normal(size=a.shape) for a in given]
    ends = [loss(*[a + s * 1e-6 * d for a, d in zip(given, directions, strict=True)]) for s in (1, -1)]
    slope = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda y: ip.interp1d(X, y, kind="previous", fill_value="extrapolate")(np.array([-1.0, 2.0, 9.0])),
        lambda y: ip.interp1d(X, y, kind="next", fill_value="extrapolate")(np.array([-1.0, 2.0, 9.0])),
        lambda y: ip.RegularGridInterpolator((X,), y, "nearest", False, None)(np.array([np.nan, 2.0])),
        lambda y: np.stack(ip.splev(INNER[0], (KNOTS, [y[:7], y[1:]], 3))),
    ],
)
def test_edges_are_scipys(call: Any) -> None:
    with override(disable_jit=True):
        found, _ = graphc.vjp(call, V)
    np.testing.assert_allclose(found, call(V), rtol=1e-12, strict=True)


def test_a_polynomial_has_its_slope_at_its_own_points() -> None:
    with override(disable_jit=True):
        found = graphc.grad(lambda q: ip.BarycentricInterpolator(X, V)(q))(X[3])
    h = 1e-6
    ends = [ip.BarycentricInterpolator(X, V)(X[3] + s * h) for s in (1, -1)]
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / (2 * h), rtol=1e-7)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda y: ip.CubicSpline(X, y, bc_type="open")(1.0), "bc_type='open'.*'clamped'"),
        (lambda y: ip.CubicSpline(X[:3], y[:3] * 0, bc_type="periodic")(1.0), "at least 4 points"),
        (lambda y: ip.CubicSpline(X, y).roots(), "roots is not there of traced values; there are.*derivative"),
        (
            lambda y: ip.griddata(CENTERS, y[:9], AT),
            "griddata cannot be traced: it makes a triangulation.*RBFInterpolator",
        ),
        (lambda y: ip.splrep(X, y, s=1.0), "splrep: of traced values s=0.*make_lsq_spline"),
        (lambda y: ip.interp1d(X, y, kind="cube")(1.0), "kind='cube'.*'cubic'"),
        (lambda y: ip.interp1d(X, y)(9.0), "outside of the interpolation range"),
        (lambda y: ip.RegularGridInterpolator((X,), y)(np.array([9.0])), "outside of the grid"),
        (lambda y: ip.RegularGridInterpolator((X[::-1],), y)(INNER[0]), "points of an axis must rise; flip them"),
        (lambda y: ip.RBFInterpolator(X[:, None], y, neighbors=3)(X[:, None]), "without neighbors="),
    ],
)
def test_what_cannot_be_traced_is_refused(call: Any, text: str) -> None:
    with override(disable_jit=True), pytest.raises((graphc.GraphcError, AttributeError, ValueError), match=text):
        graphc.grad(lambda y: np.sum(call(y)))(V)
