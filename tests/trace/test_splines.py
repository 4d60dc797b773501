"""Cubic splines through traced values, and SciPy's splines at traced points: SciPy's values, and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.interpolate import BSpline, CubicSpline, PchipInterpolator, make_interp_spline

import graphc
from graphc.config import override

rng = np.random.default_rng(1)
X = np.sort(rng.uniform(0, 5, 8))
Y = rng.normal(size=(3, 8))
POINTS = rng.uniform(-0.5, 5.5, (2, 3))
ENDS: list[Any] = ["not-a-knot", "natural", "clamped", ((1, 0.3), (2, -0.7)), ((2, 0.4), "not-a-knot")]


def traced(function: Any, *given: Any) -> Any:
    """The value by the traced program; without jit ``graphc.jit`` would run SciPy's own."""
    with override(disable_jit=True):
        return graphc.jvp(function, given, tuple(np.zeros_like(a) for a in given))[0]


@pytest.mark.parametrize("ends", ENDS)
def test_splines_through_traced_values(ends: Any) -> None:
    def spline(y: Any, points: Any) -> Any:
        made = CubicSpline(X, y, bc_type=ends)
        return made(points) + made(points, 1) * made(points, 3)

    np.testing.assert_allclose(traced(spline, Y[0], POINTS), spline(Y[0], POINTS), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("axis", [0, 1])
def test_axes_stay_where_they_are(axis: int) -> None:
    values = Y if axis else Y.T

    def spline(y: Any, points: Any) -> Any:
        return CubicSpline(X, y, axis=axis)(points)

    found, want = traced(spline, values, POINTS), spline(values, POINTS)
    assert found.shape == want.shape
    np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-10)


PERIODIC = CubicSpline(X, np.append(Y[0, :-1], Y[0, 0]), bc_type="periodic")


@pytest.mark.parametrize(
    "spline",
    [
        CubicSpline(X, Y.T), CubicSpline(X, Y, axis=1), PchipInterpolator(X, Y[0]), PERIODIC,
        CubicSpline(X, Y[0], extrapolate=False), CubicSpline(X, Y[0]).derivative(), make_interp_spline(X, Y[0], k=3),
        BSpline(np.arange(8.0), Y[0, :4], 3),
    ],
)  # fmt: skip
def test_splines_made_outside(spline: Any) -> None:
    for points in (POINTS, np.float64(1.7)):
        found, want = traced(lambda t: 1.0 * spline(t), points), spline(points)
        assert np.shape(found) == np.shape(want)
        np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-10)


def test_gradients_by_points_knots_and_values() -> None:
    def loss(x: Any, y: Any, points: Any) -> Any:
        return np.sum(CubicSpline(x, y)(points) ** 2)

    given = (X, Y[0], POINTS)
    gradients = graphc.grad(loss, argnums=(0, 1, 2))(*given)
    directions = [rng.normal(size=a.shape) for a in given]
    ends = [loss(*[a + s * 1e-6 * d for a, d in zip(given, directions, strict=True)]) for s in (1, -1)]
    slope = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("count", "ends", "text"), [(3, "natural", "at least 4 points"), (8, "periodic", "periodic"), (8, "open", "'open'")]
)
def test_what_cannot_be_traced_is_refused(count: int, ends: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        graphc.jit(lambda y: CubicSpline(X[:count], y, bc_type=ends)(1.0))(Y[0, :count])
