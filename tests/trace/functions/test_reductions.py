"""Folds over axes against NumPy: every form of axis, keepdims, where, initial, ddof and dtype."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import IndexRangeError, ShapeError, UnsupportedError
from tests.trace.functions.support import check, numpy_call, trace

rng = np.random.default_rng(0)
CUBE = rng.normal(size=(3, 4, 5))
OTHER_CUBE = rng.normal(size=(2, 7, 3))
COUNTS = rng.integers(-3, 4, size=(3, 4)).astype(np.int32)
FLAGS = rng.integers(0, 2, size=(3, 4)).astype(bool)
MASK = rng.integers(0, 2, size=(3, 4, 5)).astype(bool)
AXES = [None, 0, -1, (0, 2), (-1, 0, 1), ()]
FOLDS = ["sum", "prod", "max", "min", "mean", "var", "std", "any", "all", "count_nonzero", "amax", "amin"]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", FOLDS)
def test_axes(name, axis, keepdims):
    ours, theirs = numpy_call(f"numpy.{name}", ..., axis=axis, keepdims=keepdims)
    check(ours, theirs, CUBE, again=[(OTHER_CUBE,)])


@pytest.mark.parametrize(
    "array", [CUBE[0].astype(np.float32), COUNTS, COUNTS.astype(np.uint8), FLAGS], ids=lambda a: a.dtype.name
)
@pytest.mark.parametrize(
    "name", [*FOLDS, "ptp", "argmax", "argmin", "cumsum", "cumprod", "nansum", "nanmax", "nanmean"]
)
def test_dtypes(name, array):
    if name == "ptp" and array.dtype == bool:
        pytest.skip("NumPy does not subtract bools")
    ours, theirs = numpy_call(f"numpy.{name}", ..., axis=1)
    check(ours, theirs, array)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("name", ["argmax", "argmin", "cumsum", "cumprod", "ptp"])
def test_one_axis(name, axis):
    ours, theirs = numpy_call(f"numpy.{name}", ..., axis=axis)
    check(ours, theirs, CUBE, again=[(OTHER_CUBE,)])


@pytest.mark.parametrize("axis", [None, 1])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions_keep_dims(name, axis):
    ours, theirs = numpy_call(f"numpy.{name}", ..., axis=axis, keepdims=True)
    check(ours, theirs, CUBE)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "any", "all", "nansum", "nanmean"])
def test_where(name):
    ours = lambda F, a, m: numpy_call(f"numpy.{name}", ..., axis=1, where=m)[0](F, a)  # noqa: E731
    theirs = lambda a, m: numpy_call(f"numpy.{name}", ..., axis=1, where=m)[1](a)  # noqa: E731
    check(ours, theirs, CUBE, MASK)
    check(ours, theirs, CUBE.astype(np.float32), MASK)
    check(ours, theirs, CUBE, MASK[:, :, :1])
    check(ours, theirs, CUBE, MASK[0])


def test_where_of_an_extreme_needs_initial():
    ours = lambda F, a, m: numpy_call("numpy.max", ..., axis=0, where=m, initial=-9.0)[0](F, a)  # noqa: E731
    check(ours, lambda a, m: np.max(a, axis=0, where=m, initial=-9.0), CUBE, MASK)
    with pytest.raises(ShapeError, match="initial"):
        trace(lambda F, a, m: numpy_call("numpy.max", ..., where=m)[0](F, a), CUBE, MASK)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
@pytest.mark.parametrize("initial", [2, -1.5])
def test_initial(name, initial):
    check(*numpy_call(f"numpy.{name}", ..., axis=1, initial=initial), CUBE)
    check(*numpy_call(f"numpy.{name}", ..., axis=1, initial=2), COUNTS)


@pytest.mark.parametrize("name", ["var", "std", "nanvar", "nanstd"])
@pytest.mark.parametrize(
    "form", [{"ddof": 1}, {"ddof": 1, "axis": 0}, {"ddof": 0.5}, {"ddof": 9, "axis": 0}, {"correction": 1}]
)
def test_degrees_of_freedom(name, form):
    check(*numpy_call(f"numpy.{name}", ..., **form), CUBE, again=[(OTHER_CUBE,)])


def test_variance_about_a_given_mean():
    ours = lambda F, a, m: numpy_call("numpy.var", ..., axis=1, mean=m)[0](F, a)  # noqa: E731
    check(ours, lambda a, m: np.var(a, axis=1, mean=m), CUBE, CUBE.mean(1, keepdims=True))


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var"])
def test_dtype_argument(name):
    check(*numpy_call(f"numpy.{name}", ..., axis=0, dtype=np.float64), CUBE.astype(np.float32))
    check(*numpy_call(f"numpy.{name}", ..., axis=0, dtype="f4"), COUNTS)


@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_folds_without_nan(name, axis):
    holes = np.where(MASK, CUBE, np.nan)
    holes[:, :, 0] = np.nan
    check(*numpy_call(f"numpy.{name}", ..., axis=axis), holes)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
@pytest.mark.parametrize("name", ["sum", "prod", "any", "all", "cumsum"])
def test_empty(name, shape):
    check(*numpy_call(f"numpy.{name}", ..., axis=0), np.zeros(shape))


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_empty_has_no_extreme(name):
    with pytest.raises(ShapeError, match=f"{name}.*no elements"):
        trace(numpy_call(f"numpy.{name}", ..., axis=0)[0], np.zeros((0, 3)))


@pytest.mark.parametrize("name", [*FOLDS, "argmax", "cumsum"])
def test_scalar(name):
    check(*numpy_call(f"numpy.{name}", ...), np.array(1.5))


def test_average():
    w, v = rng.random(size=(3, 4, 5)), rng.random(size=4)
    check(
        lambda F, a, w: numpy_call("numpy.average", ..., weights=w, axis=1)[0](F, a),
        lambda a, w: np.average(a, 1, w),
        CUBE,
        w,
    )
    check(
        lambda F, a, w: numpy_call("numpy.average", ..., weights=w, axis=1)[0](F, a),
        lambda a, w: np.average(a, 1, w),
        CUBE,
        v,
    )
    ours = lambda F, a, w: numpy_call("numpy.average", ..., weights=w, axis=1, returned=True)[0](F, a)  # noqa: E731
    check(ours, lambda a, w: np.average(a, 1, w, returned=True), CUBE.astype(np.float32), v)
    check(ours, lambda a, w: np.average(a, 1, w, returned=True), COUNTS, np.arange(1, 5))
    check(*numpy_call("numpy.average", ..., axis=(0, 2), keepdims=True), CUBE)
    check(*numpy_call("numpy.average", ..., returned=True), CUBE)
    pair = lambda F, a, w: numpy_call("numpy.average", ..., weights=w, axis=(2, 0))[0](F, a)  # noqa: E731
    check(pair, lambda a, w: np.average(a, (2, 0), w), CUBE, w[:, 0, :].T.copy())


def test_wrong_axis_names_the_function():
    with pytest.raises(IndexRangeError, match="sum: axis 3"):
        trace(numpy_call("numpy.sum", ..., axis=3)[0], CUBE)
    with pytest.raises(ShapeError, match="twice"):
        trace(numpy_call("numpy.sum", ..., axis=(0, 0))[0], CUBE)


@pytest.mark.parametrize("form", [{"dtype": object}, {"dtype": np.clongdouble}, {"out": CUBE}, {"bogus": 1}])
def test_unsupported_forms_are_named(form):
    with pytest.raises(UnsupportedError, match="sum") as caught:
        trace(numpy_call("numpy.sum", ..., **form)[0], CUBE)
    assert next(iter(form)) in str(caught.value)


def test_sizes_stay_symbolic():
    graph, _ = trace(numpy_call("numpy.mean", ..., axis=1)[0], CUBE)
    assert str(graph.outputs[0].type) == "f64[d0_0,d0_2]"
    assert graph.guards == trace(lambda F, a: a, CUBE)[0].guards


def test_variance_without_degrees_left_guards_nothing():
    graph, _ = trace(numpy_call("numpy.var", ..., axis=0, ddof=1)[0], CUBE)
    assert graph.guards == trace(lambda F, a: a, CUBE)[0].guards
