"""scipy.ndimage and scipy.signal: images at other points by splines, and ranks of neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage as nd
from scipy import signal

import graphc
from graphc.config import override
from graphc.trace.algorithms.resampling import MODES
from tests.nightly import NIGHTLY, part
from tests.trace.scipy_cases import Case, case, check

rng = np.random.default_rng(8)
M, T, V = rng.normal(size=(22, 21)), rng.normal(size=(6, 3, 5)), rng.normal(size=25)
AT = rng.uniform(-40, 60, (2, 4, 3))
LINEAR = np.array([[0.9137, 0.3171], [-0.2313, 1.0719]])
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
STEPS = np.array([1.31791, -2.71357])


def bent(o: Any, a: Any) -> Any:
    return o[0] * 0.9 + a * o[1], np.sin(0.3 * o[0]) + o[1]


SPLINES = [
    *(case("ndimage.map_coordinates", M, AT, order=order, mode=mode, cval=0.7, prefilter=prefilter, rtol=1e-10)
      for mode in MODES for order in range(6) for prefilter in (True, False)),
    *(case("ndimage.spline_filter", M, order=order, mode=mode) for mode in MODES for order in (2, 3, 5)),
    case("ndimage.spline_filter1d", M, order=4, axis=0),
    *(case(f"ndimage.{name}", *given, order=order, mode=mode, cval=-0.4, rtol=1e-10)
      for mode in MODES for order in (0, 1, 3, 4) for name, given in
      (("shift", (M, STEPS)), ("affine_transform", (M, LINEAR, STEPS)), ("affine_transform", (M, STEPS)))),
    *(case("ndimage.zoom", M, zoom=factor, mode=mode, grid_mode=grid, rtol=1e-10)
      for mode in MODES for grid in (False, True) for factor in (1.7, (0.6, 2))),
    *(case("ndimage.rotate", M, 33.0, mode=mode, order=order, reshape=False, rtol=1e-10)
      for mode in MODES for order in (1, 3)),
    case("ndimage.rotate", M, angle=-70.0), case("ndimage.rotate", T, angle=25.0, axes=(0, 2), order=2),
    case("ndimage.map_coordinates", T[:, :1], np.stack([AT[0] % 5, 0 * AT[0], AT[1] % 4]), mode="mirror"),
    case("ndimage.affine_transform", M, np.hstack([LINEAR, STEPS[:, None]])),
    case("ndimage.affine_transform", T, T[1, :, :4], call=lambda x, m: nd.affine_transform(
        x, np.concatenate([np.eye(3, 4) + 0.1 * m, np.eye(4)[3:]]))),
    case("ndimage.affine_transform", M, LINEAR, output_shape=(7, 30)),
    case("ndimage.geometric_transform", M[:6, :5], 0.2, call=lambda x, a: nd.geometric_transform(
        x, lambda o: bent(o, a), output_shape=(3, 4))),
]  # fmt: skip
RANKS = [
    *(case(f"ndimage.{name}_filter", M[:7, :6], **options) for name in ("maximum", "minimum", "median") for options in
      ({"size": 3}, {"size": (2, 4)}, {"footprint": CROSS, "mode": "wrap"}, {"size": 5, "axes": 1, "origin": 1})),
    *(case("ndimage.rank_filter", M[:7, :6], rank=rank, size=(3, 2)) for rank in (0, 2, -2)),
    *(case("ndimage.percentile_filter", M[:7, :6], percentile=p, footprint=CROSS) for p in (0, 35, -20, 100)),
    case("signal.medfilt", V), case("signal.medfilt", M[:7, :6], kernel_size=(3, 5)),
    case("signal.medfilt2d", M[:7, :6], kernel_size=5),
    case("signal.wiener", M[:7, :6]), case("signal.wiener", V, mysize=5, noise=0.4),
]  # fmt: skip
CASES = [*SPLINES, *RANKS]


@pytest.mark.parametrize("tested", part(CASES, 1, 17), ids=lambda tested: tested.label)
def test_values_and_derivatives(tested: Case) -> None:
    check(tested)


@pytest.mark.parametrize(
    "given", [M.astype(np.float32), M * (1 + 2j), (M * (1 - 1j)).astype(np.complex64), np.arange(6.0)[::2], M[:1]]
)
def test_dtypes_and_lengths(given: Any) -> None:
    for call in (lambda x: nd.zoom(x, 2), lambda x: nd.shift(x, 0.3, mode="mirror", order=5)):
        with override(disable_jit=True):
            found = graphc.jvp(call, (given,), (given,))[0]
        assert found.dtype == given.dtype
        np.testing.assert_allclose(found, call(given), rtol=1e-5 if given.dtype.char in "fF" else 1e-12, atol=1e-13)


def test_points_of_single_precision_are_computed_in_double() -> None:
    points = np.float32([[-2.3, 0.6, 11.2], [-7.1, 1.2, 5.4]])
    for mode in ("mirror", "grid-wrap"):
        with override(disable_jit=True):
            found = graphc.vjp(lambda at, mode=mode: nd.map_coordinates(M, at, order=1, mode=mode), points)[0]
        np.testing.assert_allclose(found, nd.map_coordinates(M, points, order=1, mode=mode), rtol=1e-12)


def test_an_angle_has_a_derivative() -> None:
    """Compiled in the night, with all that splines are made of."""

    def turned(x: Any, angle: Any) -> Any:
        return np.sum(nd.rotate(x, angle, reshape=False, order=3, mode="nearest") * np.cos(x))

    with override(disable_jit=not NIGHTLY):
        value, (by_x, by_angle) = graphc.value_and_grad(turned, argnums=(0, 1))(M, 21.3)
    assert value == pytest.approx(turned(M, 21.3), rel=1e-11)
    assert by_angle == pytest.approx((turned(M, 21.3 + 1e-5) - turned(M, 21.3 - 1e-5)) / 2e-5, rel=1e-6)
    move = np.sin(M)
    assert np.sum(by_x * move) == pytest.approx(
        (turned(M + 1e-6 * move, 21.3) - turned(M - 1e-6 * move, 21.3)) / 2e-6, rel=1e-6
    )


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: nd.zoom(x, 2, order=6), RuntimeError, "0 to 5, not 6"),
        (lambda x: nd.zoom(x, 2, mode="ring"), graphc.UnsupportedError, "mode='ring'.*'grid-wrap'"),
        (lambda x: nd.zoom(x, x[0, 0]), graphc.UnsupportedError, "a traced factor would make the shape"),
        (lambda x: nd.rotate(x, x[0, 0]), graphc.UnsupportedError, "give reshape=False"),
        (lambda x: nd.map_coordinates(x, x[:3]), graphc.ShapeError, r"\(3, 21\) for an array of 2 axes"),
        (lambda x: nd.affine_transform(x, np.eye(4)), graphc.ShapeError, r"a matrix of shape \(4, 4\)"),
        (lambda x: nd.shift((9 * x).astype(int), 1), graphc.UnsupportedError, r"x.astype\(float\)"),
        (lambda x: nd.shift(x, 1.0, output=x), graphc.UnsupportedError, "output= is not supported"),
        (nd.median_filter, RuntimeError, "no size= and no footprint="),
        (lambda x: nd.median_filter(x, footprint=np.ones(3)), graphc.ShapeError, "1 axes for 2 axes"),
        (lambda x: signal.medfilt(x, 4), ValueError, "must be odd"),
        (lambda x: signal.medfilt2d(x[0]), graphc.ShapeError, "no matrix; use medfilt"),
    ],
)
def test_what_is_not_there_is_refused_by_name(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        graphc.jit(call)(M)
