"""NumPy's functions that call functions or are loops, and spellings of arguments that an adversary found wrong.

Values by the interpreter against NumPy; gradients against differences of NumPy's function. Some are compiled together.
"""

# ruff: noqa: PLW0108 - the lambdas are what is traced

from __future__ import annotations

import functools
import itertools
import warnings

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.signal
import scipy.special
import scipy.stats
from numpy.lib.stride_tricks import sliding_window_view

import graphc
from graphc.config import override
from graphc.errors import GraphcError, IndexRangeError, NumberError, ShapeError, UnsupportedError

rng = np.random.default_rng(4)
X, Y, T = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=(2, 3, 4))
V, W = rng.normal(size=5), np.sort(rng.normal(size=5))
S = np.array(0.7)
I = rng.integers(0, 5, (3, 4))  # noqa: E741
Z = X + 1j * Y
HOLES = np.where(X > 0.8, np.nan, X)

FORMS = {
    # functions of functions
    "apply_along_axis": (lambda x: np.apply_along_axis(lambda q: q * q.sum(), 1, x), X),
    "apply_along_axis_matrix": (lambda t: np.apply_along_axis(lambda q: np.outer(q, q), 1, t), T),
    "apply_along_axis_number": (lambda x: np.apply_along_axis(lambda q: q.max() if q[0] > 0 else q.min(), 0, x), X),
    "apply_over_axes": (lambda t: np.apply_over_axes(np.sum, t, [0, 2]), T),
    "piecewise": (lambda x: np.piecewise(x, [x < -1, x > 1], [-1.0, lambda q: q / q.sum(), lambda q: q * 3]), X),
    "piecewise_arguments": (lambda v: np.piecewise(v, [v < 0, v >= 0], [lambda q, a: q**a, 2.0], 2.0), V),
    "vectorize": (lambda x: np.vectorize(lambda a, c: a * c if a > 0 else -a)(x, x[0]), X),
    "vectorize_several": (lambda x: np.vectorize(lambda a: (a, a * a), otypes=[float, float])(x), X),
    "fromfunction": (lambda s: np.fromfunction(lambda a, c: a * s + c, (2, 3)), S),
    "fromfunction_sizes": (lambda x: np.fromfunction(lambda a, c: a - c, x.shape) * x, X),
    "sliding_window_view": (lambda x: sliding_window_view(x, 2, axis=1), X),
    "sliding_window_view_several": (lambda t: sliding_window_view(t, (2, 3), axis=(0, 2)), T),
    "bincount": (lambda v: np.bincount(np.array([0, 3, 3, 1, 0]), weights=v, minlength=6), V),
    "bincount_counts": (lambda i: np.bincount(i[0], minlength=6), I),
    # makers of arrays by an index
    "r_": (lambda v, s: np.r_[v, s, 1.0, 0:3], V, S),
    "r_directive": (lambda v, w: np.r_["0,2", v, w], V, W),
    "r_columns": (lambda v, w: np.r_["1,2,0", v, w], V, W),
    "r_float32": (lambda x: np.r_[x.astype(np.float32)[0], 1.0], X),
    "c_": (lambda x, y: np.c_[x[:, 0], y], X, Y),
    "mgrid": (lambda x: np.mgrid[0 : x.shape[0], 0 : x.shape[1]] * x, X),
    "ogrid": (lambda x: np.ogrid[: x.shape[0], 0:1:4j][1] * x, X),
    # ufuncs
    "maximum.accumulate": (lambda t: np.maximum.accumulate(t, axis=1), T),
    "minimum.accumulate": (np.minimum.accumulate, X),
    "logaddexp.reduce": (lambda x: np.logaddexp.reduce(x, axis=1, keepdims=True), X),
    "subtract.reduce": (lambda t: np.subtract.reduce(t, axis=1, initial=2.0), T),
    "add.reduceat": (lambda x: np.add.reduceat(x, [0, 2, 1], axis=1), X),
    "bitwise_or.reduce": (lambda i: np.bitwise_or.reduce(i, axis=0), I),
    "vecdot": (lambda x, y: np.vecdot(x, y, axis=0), X, Y),
    # polynomials
    "poly1d": (lambda x: np.poly1d([1.0, 2.0, 3.0])(x), X),
    "Polynomial": (lambda x: np.polynomial.Polynomial([1.0, 2.0, 3.0])(x), X),
    "Chebyshev": (lambda x: np.polynomial.Chebyshev([1.0, 0.5, 0.2], domain=[-5, 5])(x), X),
    "legval": (lambda x: np.polynomial.legendre.legval(x, [1.0, 2.0, 0.5]), X),
    "polynomial.polyval": (np.polynomial.polynomial.polyval, X, V),
    "polynomial.polyfit": (lambda v, w: np.polynomial.polynomial.polyfit(v, w, 2), V, W),
    "polyder_all": (lambda v: np.polyder(v, 7), V),
    # spellings
    "array_ndmin": (lambda x: np.array(x, ndmin=3), X),
    "array_list_ndmin": (lambda s: np.array([s, 1.0], float, ndmin=2), S),
    "unwrap_float32": (lambda x: np.unwrap(4 * x.astype(np.float32)), X),
    "linspace_axis": (lambda x, y: np.linspace(x, y, 3, axis=-1), X, Y),
    "interp_period": (lambda x, v, w: np.interp(x, v, w, period=2.5), X, V, W),
    "compress_short": (lambda x: np.compress([True, False, True], x, axis=1), X),
    "no_rows": (lambda x: x[[], :2], X),
    "rows_of_an_array": (lambda t: np.hstack(t) + np.vstack(t).sum(), T[:, :, :3]),
    "unstack": (lambda x: np.unstack(x, axis=1), X),
    "round_complex": (lambda z: np.round(z, 1), Z),
    "gradient_complex": (lambda z: np.gradient(z, axis=1), Z),
    "nansum_complex": (lambda h: np.nansum(h * (1 + 2j), axis=0), HOLES),
    "nanmean_complex": (lambda h: np.nanmean(h * 1j), HOLES),
    "integrate.trapezoid": (lambda x, v: scipy.integrate.trapezoid(x, v[:4]), X, V),
    "cumulative_trapezoid": (lambda x, y: scipy.integrate.cumulative_trapezoid(x, y, axis=0, initial=0), X, Y),
}
STEPS = {
    "round_complex",
    "bincount_counts",
    "bitwise_or.reduce",
    "no_rows",
    "polyder_all",
    "unwrap_float32",
    "r_float32",
}


def parts_of(result):
    return [part for each in result for part in parts_of(each)] if isinstance(result, tuple | list) else [result]


def same(found, expected):
    pairs = zip(map(np.asarray, parts_of(found)), map(np.asarray, parts_of(expected)), strict=True)
    for one, other in pairs:
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        tolerance = 1e-5 if other.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def total(function, *arrays):
    """A number that all results decide, real and imaginary parts."""
    found = 0.0
    for k, part in enumerate(parts_of(function(*arrays))):
        found = found + (1.0 + k) * np.sum(np.sin(np.real(part)) + np.cos(np.imag(part)))
    return found


def differences(function, arrays, k, direction):
    around = [[*arrays[:k], arrays[k] + step * direction, *arrays[k + 1 :]] for step in (1e-6, -1e-6)]
    return (total(function, *around[0]) - total(function, *around[1])) / 2e-6


@pytest.mark.parametrize("name", FORMS)
def test_value_and_gradient(name):
    function, *arrays = FORMS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy's polynomials about conditions
        expected = function(*arrays)
        with override(disable_jit=True):
            found, _ = graphc.vjp(function, *arrays)
            same(found, expected)
            if name in STEPS:
                return
            wanted = tuple(k for k, a in enumerate(arrays) if a.dtype.kind in "fc")
            gradients = graphc.grad(functools.partial(total, function), argnums=wanted)(*arrays)
        for k, gradient in zip(wanted, gradients, strict=True):
            direction = np.cos(np.arange(arrays[k].size).reshape(arrays[k].shape))
            along = np.real(np.sum(np.where(np.isnan(arrays[k]), 0.0, gradient * direction)))
            tolerance = 1e-3 if "several" in name else 1e-6
            np.testing.assert_allclose(along, differences(function, arrays, k, direction), rtol=tolerance, atol=1e-6)


def compiled_together(x, t, v, w):
    first, second = FORMS["apply_along_axis_number"][0], FORMS["piecewise"][0]
    third, fourth = FORMS["maximum.accumulate"][0], FORMS["bincount"][0]
    return first(x), second(x), third(t), fourth(v), np.vectorize(lambda a: a if a > 0 else -2 * a)(w)


def test_compiled():
    same(graphc.jit(compiled_together)(X, T, V, W), compiled_together(X, T, V, W))


FOLDED = ("hypot", "gcd", "divide", "copysign", "logical_xor", "logical_and", "left_shift", "maximum", "greater")


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("method", ["reduce", "accumulate", "reduceat"])
def test_folds_have_numpys_dtypes(method):
    """Integers that are divided are floats, also the first; ``hypot`` and ``gcd`` reduce a single one with 0."""
    numbers, positions = np.array([[-3, 2, 6], [4, 1, -2]]), ([0, 0],) * (method == "reduceat")
    for name, array in itertools.product(FOLDED, (numbers, numbers[:, :1], numbers * 0.5, numbers > 0)):
        fold = functools.partial(getattr(getattr(np, name), method), axis=1)
        try:
            expected = fold(array, *positions)
        except (TypeError, IndexError):
            continue
        with override(disable_jit=True):
            same(graphc.vjp(lambda a, fold=fold: fold(a, *positions), array)[0], expected)
    one = np.array([[-1.5, 2.0]])
    with override(disable_jit=True):
        same(graphc.vjp(np.hypot.reduce, one)[0], np.array([1.5, 2.0]))
        same(graphc.vjp(lambda a: np.maximum.reduce(a, dtype=np.float32), one)[0], one[0].astype("f4"))
        with pytest.raises(graphc.TraceTypeError, match=r"greater\.accumulate"):
            graphc.vjp(np.greater.accumulate, one)


SMALL = np.array([200, 100, 3], np.uint8)
TRUTHS = np.array([True, False, True])
DTYPES = {
    "average": (lambda a: np.average(a, weights=a), SMALL),
    "average_float32": (lambda a, w: np.average(a, weights=w), np.arange(3), SMALL.astype("f4")),
    "vdot": (np.vdot, TRUTHS, TRUTHS), "vecdot": (np.vecdot, TRUTHS, TRUTHS), "angle": (np.angle, SMALL.astype("i1")),
    "correlate": (np.correlate, TRUTHS, TRUTHS), "convolve": (np.convolve, SMALL.astype("f2"), SMALL.astype("u2")),
}  # fmt: skip


@pytest.mark.parametrize("name", DTYPES)
def test_small_numbers_and_truth_values_have_numpys_dtypes(name):
    function, *arrays = DTYPES[name]
    with override(disable_jit=True):
        same(graphc.vjp(function, *arrays)[0], function(*arrays))


def test_counts_beyond_the_given_length_are_an_error():
    with override(disable_jit=True):
        for bad in (6, -1):
            with pytest.raises(IndexRangeError):
                graphc.vjp(lambda i: np.bincount(i, minlength=6), np.array([0, bad]))


def test_known_numbers_say_how_long_their_counts_are():
    g, x = np.array([0, 2, 2, 1], np.uint8), np.array([3.0, 1.0, 2.0, 1.0])
    forms = [
        lambda x: np.bincount(g, weights=x),
        lambda x: np.bincount(g + 1, weights=x),
        lambda x: np.bincount(g[::-1], weights=x) + np.bincount(np.concatenate([g[:2], g[1:3]]), weights=x),
        lambda x: np.bincount(np.append(g, 5))[3:] * x[0],
        lambda x: np.bincount(np.reshape(g, (2, 2)).T.ravel(), weights=x),
        lambda x: np.bincount(np.repeat(g, 2)) * x[:3],
        lambda x: np.bincount(np.array([1, 0, 4, 1]), weights=x),
        lambda x: np.bincount([1, 0, 4, 1], weights=x),
        lambda x: np.bincount(np.ones(4, int), weights=x),
        lambda x: np.bincount(g) * x[1:],
        lambda x: np.bincount(np.zeros(0, int), weights=x[:0]),
    ]
    with override(disable_jit=True):
        for form in forms:
            same(graphc.vjp(form, x)[0], form(x))
        slopes = graphc.grad(lambda x: np.bincount(g, weights=x**2)[2])(x)
    np.testing.assert_array_equal(slopes, [0, 2, 4, 0])


def test_known_numbers_that_change_are_counted_anew_or_an_error():
    g, x = np.array([0, 2, 2, 1]), np.array([3.0, 1.0, 2.0, 1.0])
    counts = graphc.jit(lambda x: np.bincount(g, weights=x))
    assert len(counts(x)) == 3
    g[0] = 1  # the largest stays
    same(counts(x), np.array([0.0, 4.0, 3.0]))
    for other in (0, 5):
        g[1:3] = other
        with pytest.raises(NumberError, match="the largest number that bincount counts"):
            counts(x)
    g = np.array([0, 4, 0, 0])
    same(counts(x), np.array([6.0, 0, 0, 0, 1.0]))
    g = np.array([0, -4, 0, 0])
    with pytest.raises(NumberError, match="-4 cannot be counted"):
        counts(x)


@pytest.mark.parametrize(
    ("function", "error", "says"),
    [
        (lambda x: np.bincount(x.astype(int)[0]), UnsupportedError, "give minlength="),
        (lambda x: np.piecewise(x, [x > 0], []), ShapeError, "1 conditions need as many functions, or one more"),
        (lambda x: sliding_window_view(x, 9, axis=0), ShapeError, "a window of 9 is longer than the axis"),
        (lambda x: sliding_window_view(x, 2), ShapeError, "1 sizes for 2 axes"),
        (lambda x: np.vectorize(np.sum, signature="(n)->()")(x), UnsupportedError, "graphc.vmap"),
        (lambda x: np.r_["r", x], UnsupportedError, "makes a matrix"),
        (lambda x: np.compress([True] * 9, x, axis=0), ShapeError, "the condition has 9 elements"),
        (lambda x: np.subtract.reduce(x, axis=None), ShapeError, "the order of several axes"),
        (lambda x: np.einsum_path("ij,ij", x, x), UnsupportedError, "call it outside"),
    ],
)
def test_what_is_refused(function, error, says):
    with override(disable_jit=True), pytest.raises(error, match=says) as caught:
        graphc.vjp(function, X)
    assert caught.value.location.file == __file__


# A name that is missing, and what the error says of it.
MISSING = [
    (lambda x: np.sort_complex(x), "numpy.sort_complex .*np.lexsort"),
    (lambda x: np.savetxt("file", x), "numpy.savetxt .*computes no numbers"),
    (lambda x: np.lib.scimath.sqrt(x), "scimath.sqrt .*shows by the numbers"),
    (lambda x: x.cumsun(), "'cumsun'; the nearest supported one is cumsum"),
    (lambda x: x.tofile("file"), "'tofile'; write it with"),
    (lambda x: scipy.special.ellip_harm(1, 2, 1, 1, x), "scipy.special.*ellip_harm"),
    (lambda x: scipy.linalg.schur(x), "scipy.linalg.schur cannot be traced"),
    (lambda x: scipy.signal.deconvolve(x, x), "scipy.signal.deconvolve cannot be traced"),
    (
        lambda x: scipy.integrate.quad_vec(lambda q: q * x[0], 0, 1),
        "scipy.integrate.quad_vec is not .*quad of each component",
    ),
    (lambda x: scipy.stats.skewtest(x), "scipy.stats.skewtest cannot be traced"),
    (lambda x: scipy.stats.crystalball.logpdf(x, 1.0, 2.0), "scipy.stats.crystalball .*supported: norm"),
    (lambda x: scipy.stats.norm.moment(2, x[0, 0]), "scipy.stats.norm.moment .*supported: cdf"),
    (lambda x: np.random.default_rng(0).vonmises(x, 1.0), "graphc.random"),
    (lambda x: np.ma.masked_less(x, 0.5), "masked_less cannot be traced"),
]


@pytest.mark.parametrize(("function", "says"), MISSING)
def test_a_missing_name_is_said_with_the_nearest_one(function, says):
    with override(disable_jit=True), pytest.raises(GraphcError, match=says):
        graphc.vjp(function, X[:, :3])


@pytest.mark.parametrize(
    ("module", "name", "meant"),
    [(graphc, "jitt", "jit"), (graphc.numpy, "cumsun", "cumsum"), (graphc.random, "norml", "normal")],
)
def test_a_missing_name_of_graphc(module, name, meant):
    with pytest.raises(AttributeError, match=f"did you mean '{meant}'"):
        getattr(module, name)


def test_a_missing_name_of_graphc_in_a_traced_function():
    with override(disable_jit=True), pytest.raises(AttributeError, match="did you mean 'jit'"):
        graphc.vjp(lambda x: graphc.jitt(x), X)
