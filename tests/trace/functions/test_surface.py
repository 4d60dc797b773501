"""The rest of NumPy's functions: values through the interpreter for every form, a few compiled together."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import settings
from graphc.errors import ShapeError, UnsupportedError
from graphc.trace.functions import NUMPY_FUNCTIONS
from graphc.trace.functions.indexing import getitem
from tests.trace.functions.support import check, trace
from tests.trace.functions.test_gradients import check_orders, slope

rng = np.random.default_rng(21)
X, Y, M = rng.normal(size=7), rng.normal(size=4), rng.normal(size=(3, 5))
C = rng.normal(size=(2, 3, 4))
F32 = rng.normal(size=6).astype(np.float32)
HOLES = np.where(rng.random((3, 5)) < 0.3, np.nan, M)
INTS, SMALL = np.array([3, 1, 3, 0, -2, 1]), np.array([[0, 1, 2], [2, 0, 1]])
WHOLE = np.array([3, 0, 5, 3, 3, 0, 6])
ASCENDING, EDGES = np.sort(X), np.array([-1.0, -0.25, 0.5, 1.5])
# Second derivatives by positions that are near each other are too large for differences to check.
APART = ASCENDING + np.arange(len(ASCENDING))
EMPTY, ONE = np.zeros((0, 3)), np.ones((1, 1))
MASK = X > 0

# (name, arguments, keywords, sets of arrays); ``...`` takes an array
VALUES = [
    ("partition", (..., 2), {}, (X,)),
    ("lexsort", ([..., ...],), {}, (np.array([1, 1, 0, 2]), np.array([2, 1, 2, 1]))),
    ("sort", (...,), {"axis": None}, (M,), (HOLES,), (INTS,), (EMPTY,)),
    ("argsort", (...,), {"axis": 0, "kind": "stable"}, (M,), (INTS[:, None],)),
    ("searchsorted", (..., ...), {}, (ASCENDING, Y), (ASCENDING, C), (INTS[:2], X)),
    ("searchsorted", (..., ...), {"side": "right"}, (ASCENDING, ASCENDING)),
    ("digitize", (..., ...), {}, (X, EDGES), (X, EDGES[::-1].copy()), (EDGES, EDGES)),
    ("digitize", (..., ..., True), {}, (EDGES, EDGES), (EDGES, EDGES[::-1].copy())),
    ("median", (...,), {}, (M,), (X,), (HOLES,), (INTS,), (F32,)),
    ("median", (...,), {"axis": (0, 2), "keepdims": True}, (C,)),
    ("nanmedian", (...,), {"axis": 1}, (HOLES,)),
    *[("quantile", (..., 0.3), {"axis": 0, "method": m}, (M,), (HOLES,)) for m in (
        "linear", "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased", "normal_unbiased",
        "inverted_cdf", "averaged_inverted_cdf", "closest_observation")],
    *[("percentile", (..., [0, 25, 57, 100]), {"method": m}, (np.sin(np.arange(n)),))
        for m in ("higher", "averaged_inverted_cdf", "closest_observation") for n in (100, 101)],
    ("quantile", (..., ...), {"axis": -1, "keepdims": True}, (C, np.array([0.1, 0.5, 1.0]))),
    ("nanquantile", (..., [0.25, 0.75]), {"axis": 1}, (HOLES,)),
    ("percentile", (..., 40), {}, (X,), (M,)),
    ("nanpercentile", (..., 90.0), {"axis": 0}, (HOLES,)),
    ("nonzero", (...,), {}, (INTS,), (SMALL,), (C > 0,)),
    ("flatnonzero", (...,), {}, (SMALL,)),
    ("argwhere", (...,), {}, (SMALL,), (INTS,)),
    ("where", (...,), {}, (SMALL,)),
    ("unravel_index", (..., (2, 3, 4)), {}, (np.array([0, 5, 23]),)),
    ("unravel_index", (..., (2, 3)), {"order": "F"}, (np.array([[0, 5]]),)),
    ("ravel_multi_index", ([..., ...], (3, 4)), {}, (np.array([0, 2]), np.array([3, 1]))),
    ("ravel_multi_index", ([..., ...], (3, 4)), {"mode": "clip"}, (np.array([0, 5]), np.array([-3, 9]))),
    ("ravel_multi_index", ([..., ...], (3, 4)), {"mode": "wrap", "order": "F"}, (np.array([0, 5]), np.array([-3, 9]))),
    ("ix_", (..., ...), {}, (INTS, np.array([True, False, True]))),
    ("diag_indices_from", (...,), {}, (np.zeros((3, 3)),)),
    ("tril_indices_from", (..., -1), {}, (np.zeros((3, 4)),)),
    ("triu_indices_from", (..., 1), {}, (np.zeros((3, 4)),)),
    ("unique", (...,), {}, (INTS,), (SMALL,), (np.array([1.0, np.nan, np.nan, 1.0]),), (np.zeros(0),)),
    ("unique", (...,), {"return_index": True, "return_inverse": True, "return_counts": True}, (INTS,), (SMALL,)),
    ("unique_all", (...,), {}, (SMALL,)), ("unique_counts", (...,), {}, (INTS,)),
    ("unique_inverse", (...,), {}, (SMALL,)), ("unique_values", (...,), {}, (INTS,)),
    ("isin", (..., ...), {}, (SMALL, INTS), (X, X[::2]), (SMALL, np.zeros(0))),
    ("isin", (..., ...), {"invert": True}, (SMALL, INTS)),
    *[(name, (..., ...), {}, (INTS, SMALL), (X, np.append(X[::2], 3.0)))
      for name in ("union1d", "intersect1d", "setdiff1d", "setxor1d")],
    ("nancumsum", (...,), {"axis": 1}, (HOLES,)), ("nancumprod", (...,), {}, (HOLES,), (INTS,)),
    ("cumulative_sum", (...,), {"axis": 1, "include_initial": True}, (M,)),
    ("cumulative_prod", (...,), {}, (X,), (INTS,)),
    ("gradient", (...,), {}, (X,), (M,), (F32,), (INTS,)),
    ("gradient", (..., 0.5), {"axis": 1, "edge_order": 2}, (M,)),
    ("gradient", (..., ...), {}, (X, ASCENDING)), ("gradient", (..., ...), {"edge_order": 2}, (X, ASCENDING)),
    ("gradient", (..., 2.0, ...), {}, (M, np.array([0.0, 1.0, 3.0, 3.5, 6.0]))),
    ("trapezoid", (...,), {}, (X,), (M,), (INTS,)), ("trapezoid", (..., ...), {"axis": 0}, (M, np.array([0.0, 1, 3]))),
    ("trapezoid", (...,), {"dx": 0.1, "axis": 0}, (M,)), ("trapezoid", (..., ...), {}, (M, np.cumsum(M**2, 1))),
    ("unwrap", (...,), {}, (4 * np.cumsum(X),), (5 * M,)), ("unwrap", (...,), {"period": 4, "axis": 0}, (5 * M,)),
    ("unwrap", (...,), {"discont": 4.0}, (5 * M,)),
    *[("convolve", (..., ..., mode), {}, (X, Y), (Y, X), (X, X), (INTS, INTS[:2]), (X, ONE[0]), (X, Y[:3]))
      for mode in ("full", "same", "valid")],
    *[("correlate", (..., ..., mode), {}, (X, Y), (Y, X), (X, X), (INTS, INTS[:2]), (X, Y[:3]), (Y[:3], X))
      for mode in ("full", "same", "valid")],
    ("interp", (..., ..., ...), {}, (Y, ASCENDING, X), (ASCENDING, ASCENDING, X), (M, ASCENDING, X), (Y, X[:1], X[:1])),
    ("interp", (..., ..., ...), {"left": -5.0, "right": 7.0}, (10 * Y, ASCENDING, X)),
    ("polyval", (..., ...), {}, (Y, X), (Y, M), (INTS, INTS), (ONE[0], X)),
    ("polyval", ([1.0, -2.0, 3.0], ...), {}, (X,)),
    *[(name, (..., ...), {}, (X, Y), (Y, X), (INTS, Y)) for name in ("polyadd", "polysub", "polymul")],
    ("polyder", (...,), {}, (X,), (INTS,)), ("polyder", (..., 2), {}, (X,)),
    ("polyint", (...,), {}, (X,), (INTS,)), ("polyint", (..., 2, [1.0, 2.0]), {}, (X,)),
    ("poly", ([..., ..., ...],), {}, (np.float64(1.0), np.float64(2.0), np.float64(-3.0))),
    ("polydiv", ([..., ..., ...], [..., ...]), {}, tuple(map(np.float64, (1.0, 2.0, 5.0, 2.0, 1.0)))),
    ("polyfit", (..., ..., 2), {}, (X, X**3), (X, np.stack([X, X**2], 1))),
    ("polyfit", (..., ..., 1), {"w": ...}, (X, X**3, X**2)),
    ("vander", (...,), {}, (Y,), (INTS,)), ("vander", (..., 3, True), {}, (Y,)),
    ("bincount", (...,), {"minlength": 9}, (WHOLE,)), ("bincount", (..., ...), {"minlength": 7}, (WHOLE, X)),
    ("histogram", (...,), {}, (X,), (M,), (INTS,)), ("histogram", (..., ...), {}, (X, EDGES)),
    ("histogram", (..., 4, (-1.0, 1.0)), {"density": True}, (X,)), ("histogram", (..., 3), {"weights": ...}, (X, X**2)),
    ("histogram_bin_edges", (..., 5), {}, (X,), (np.ones(3),)),
    ("histogram2d", (..., ...), {"bins": 3}, (X, X**2)),
    ("histogramdd", ([..., ...], [2, 3]), {"weights": ...}, (X, X**2, X)),
    ("fix", (...,), {}, (3 * X,)),
    ("sinc", (...,), {}, (X,), (np.array([0.0, 1.0, 1e-3, 0.15, 0.16]),), (INTS,), (F32,)),
    ("angle", (...,), {}, (X,), (np.array([0.0, -0.0, np.nan]),)), ("angle", (..., True), {}, (INTS,)),
    *[(name, (...,), {},
        (np.array([np.inf, -np.inf, np.nan, 0.0]),)) for name in ("isposinf", "isneginf", "iscomplex")],
    ("packbits", (...,), {}, (MASK,), (rng.random((2, 11)) > 0.5,)),
    ("packbits", (...,), {"axis": 1, "bitorder": "little"}, (rng.random((2, 11)) > 0.5,)),
    ("unpackbits", (...,), {}, (np.arange(5, dtype=np.uint8),)),
    ("unpackbits", (...,), {"axis": 0, "count": 11, "bitorder": "little"},
        (np.arange(6, dtype=np.uint8).reshape(2, 3),)),
    ("cov", (...,), {}, (M,), (X,), (INTS,)), ("cov", (..., ...), {"bias": True}, (X, X**2)),
    ("cov", (...,), {"rowvar": False, "ddof": 2}, (M,)),
    ("cov", (...,), {"aweights": ..., "fweights": ...}, (M, np.arange(1.0, 6), np.arange(1, 6))),
    ("corrcoef", (...,), {}, (M,), (X,)), ("corrcoef", (..., ...), {"rowvar": False}, (M, M**2)),
    ("nanargmax", (...,), {"axis": 1}, (HOLES,)), ("nanargmin", (...,), {}, (HOLES,), (INTS,)),
    ("block", ([[..., ...], [..., ...]],), {}, (np.ones((2, 2)), M[:2], M[:1, :2], M[:1])),
    ("block", ([..., 5.0, ...],), {}, (X, Y)),
    ("delete", (..., 1), {"axis": 1}, (M,)), ("delete", (..., slice(1, None, 2)), {"axis": 0}, (M,)),
    ("delete", (..., [0, -1]), {}, (X,)), ("delete", (..., np.s_[1:3]), {}, (M,)),
    ("delete", (..., ...), {}, (X, MASK)),
    ("insert", (..., 2, 9.0), {}, (X,), (M,)), ("insert", (..., -1, ...), {"axis": 1}, (M, Y[:3])),
    ("insert", (..., 1, ...), {"axis": 0}, (M, X[:5])), ("insert", (..., [3, 1], [7.0, 8.0]), {}, (X,)),
    ("resize", (..., (2, 5)), {}, (X,), (M,)), ("trim_zeros", (...,), {}, (np.array([0.0, 0, 1, 0, 2, 0]),)),
    ("trim_zeros", (..., "f"), {}, (np.array([0, 1, 0]),)),
    ("choose", (..., [..., ..., ...]), {}, (SMALL, SMALL * 10, SMALL + 0.5, np.arange(3))),
    ("choose", (..., [..., ...]), {"mode": "wrap"}, (SMALL, X[:3], Y[:3])),
    ("real_if_close", (...,), {}, (X,)),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(VALUES)), ids=lambda k: f"{VALUES[k][0]}-{k}")
def test_values(k):
    name, args, kwargs, *sets = VALUES[k]

    def call(function, values, *lead):
        given = iter(values)
        first = filled(args, given)
        return function(*lead, *first, **{key: filled(value, given) for key, value in kwargs.items()})

    for arrays in sets:
        check(
            lambda F, *values: plain(call(NUMPY_FUNCTIONS[f"numpy.{name}"], values, F)),
            lambda *values: plain(call(getattr(np, name), values)),
            *arrays,
        )


def filled(template, given):
    """The template with arrays in place of its ellipses, in order."""
    if template is Ellipsis:
        return next(given)
    return type(template)(filled(part, given) for part in template) if type(template) in (list, tuple) else template


def plain(found):
    if isinstance(found, tuple | list):
        return [part for one in found for part in (plain(one) if isinstance(one, tuple | list) else [one])]
    return found


def call(name, *args, **kwargs):
    return lambda F, *arrays: plain(NUMPY_FUNCTIONS[f"numpy.{name}"](F, *arrays, *args, **kwargs))


GRADIENTS = {
    "sort": (call("sort", axis=0), M), "median": (call("median", axis=1), M), "quantile": (call("quantile", 0.3), X),
    "nanquantile": (lambda F, x: F.square(NUMPY_FUNCTIONS["numpy.nanquantile"](F, x, [0.2, 0.7])), X),
    "unique": (lambda F, x: F.square(NUMPY_FUNCTIONS["numpy.unique"](F, x)), X),
    "nancumsum": (call("nancumsum"), X), "cumulative_prod": (call("cumulative_prod", include_initial=True), X),
    "gradient": (call("gradient", 0.5, edge_order=2), M), "uneven": (call("gradient", edge_order=2), X, APART),
    "trapezoid": (call("trapezoid"), X, ASCENDING), "unwrap": (call("unwrap"), 4 * np.cumsum(X)),
    "convolve": (call("convolve"), X, Y), "correlate": (call("correlate", "same"), X, Y),
    "interp": (call("interp"), Y, ASCENDING, X), "outside": (call("interp"), 10 * Y, ASCENDING, X),
    "polyval": (call("polyval"), Y, X), "polymul": (call("polymul"), Y, X), "polyint": (call("polyint", 2), X),
    "polyder": (call("polyder"), X), "vander": (call("vander", 4), X), "polyfit": (call("polyfit", 2), X, np.sin(X)),
    "poly": (lambda F, a, b, c: NUMPY_FUNCTIONS["numpy.poly"](F, [a, b, c]), *map(np.asarray, (1.0, 2.0, -3.0))),
    "weights": (lambda F, x, w: call("histogram", 4, None, None, w)(F, F.stop_gradient(x))[0], X, X**2),
    "sinc": (call("sinc"), np.array([0.0, 0.1, 0.155, 0.165, 1.0, -2.3])), "cov": (call("cov"), M),
    "corrcoef": (lambda F, x: getitem(F, NUMPY_FUNCTIONS["numpy.corrcoef"](F, x), (0, 1)), M),
    "delete": (call("delete", 1, axis=1), M),
    "insert": (lambda F, x, v: NUMPY_FUNCTIONS["numpy.insert"](F, x, 1, v, 1), M, X[:3]),
    "block": (lambda F, a, b: NUMPY_FUNCTIONS["numpy.block"](F, [a, b]), X, Y), "resize": (call("resize", (3, 4)), X),
    "trim_zeros": (lambda F, x: F.square(NUMPY_FUNCTIONS["numpy.trim_zeros"](F, x)), X),
    "choose": (lambda F, i, a, b: NUMPY_FUNCTIONS["numpy.choose"](F, i, [a, b]), SMALL % 2, M[:2, :3], X[:3]),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(GRADIENTS))
def test_gradients(name):
    function, *arrays = GRADIENTS[name]
    check_orders(function, *arrays, tolerance=1e-5)


def test_equal_elements_keep_their_places():
    """Ties: each element has the gradient of its own place, in the order in which they stand."""
    weights = np.array([1.0, 2.0, 3.0])
    (found,) = slope(lambda F, x, w: F.mul(NUMPY_FUNCTIONS["numpy.sort"](F, x), w), np.array([2.0, 1.0, 1.0]), weights)[
        :1
    ]
    np.testing.assert_array_equal(found, [3.0, 1.0, 2.0])


def test_sinc_is_smooth_at_its_middle():
    (found,) = slope(call("sinc"), np.array([0.0, 1e-9]))
    np.testing.assert_allclose(found, [0.0, -(np.pi**2) * 1e-9 / 3], rtol=1e-12)


REFUSED = [
    ("quantile", (X, 0.5), {"method": "nearest_rank"}, UnsupportedError, "method='nearest_rank'"),
    ("median", (np.zeros(0),), {}, ShapeError, "no elements"),
    ("searchsorted", (M, X), {}, ShapeError, "one dimension"),
    ("gradient", (X[:1],), {}, ShapeError, "needs 2 elements"),
    ("interp", (X, X, Y), {}, ShapeError, "interp: shapes"),
    ("polydiv", (X, Y), {}, UnsupportedError, "write them as lists"),
    ("histogram", (X, "auto"), {}, UnsupportedError, "depend on data"),
    ("bincount", (WHOLE,), {}, UnsupportedError, "give minlength="),
    ("delete", (X, INTS), {}, UnsupportedError, "use a mask"),
    ("convolve", (M, X), {}, ShapeError, "more than one dimension"),
    ("block", ([X, [Y]],), {}, ShapeError, "equally deep"),
    ("unique", (M,), {"axis": 0}, UnsupportedError, "axis="),
]


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_refusals(k):
    name, args, kwargs, kind, says = REFUSED[k]
    arrays = [a for a in args if isinstance(a, np.ndarray)]
    template = [... if isinstance(a, np.ndarray) else a for a in args]
    if name == "block":
        arrays, template = [X, Y], [[..., [...]]]
    with pytest.raises(kind, match=says):
        trace(lambda F, *v: NUMPY_FUNCTIONS[f"numpy.{name}"](F, *filled(template, iter(v)), **kwargs), *arrays)


# --- compiled ---------------------------------------------------------------------------------------------------------


def together(x, y, m):
    """Numbers of several functions, for one compiled program."""
    parts = [
        np.median(m, axis=0), np.interp(y, np.sort(x), x), np.convolve(x, y, "same"), np.unwrap(4 * x),
        np.unique(x), np.insert(x, 2, 0.5), x[np.flatnonzero(x > 0)],
    ]  # fmt: skip
    return sum(np.sum(np.sin(part)) for part in parts)


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: jit is the plain function")
def test_compiled():
    f = graphc.value_and_grad(together, argnums=(0, 1, 2))
    for n in (7, 12):
        arrays = rng.normal(size=n), rng.normal(size=4), rng.normal(size=(3, n))
        value, slopes = f(*arrays)
        np.testing.assert_allclose(value, together(*arrays), rtol=1e-12)
        direction, step = [rng.normal(size=a.shape) for a in arrays], 1e-6
        ends = [together(*(a + sign * step * d for a, d in zip(arrays, direction, strict=True))) for sign in (1, -1)]
        along = sum(np.sum(s * d) for s, d in zip(slopes, direction, strict=True))
        np.testing.assert_allclose(along, (ends[0] - ends[1]) / (2 * step), rtol=1e-6)
    assert f.cache_info()["programs"] == 1
