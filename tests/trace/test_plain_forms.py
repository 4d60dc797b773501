"""Forms that people write and that look past arrays: ``statistics``, methods of the class, numbers with an axis; and
rarer arguments of NumPy's functions. Values beside the same code in NumPy, derivatives beside differences."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import scipy.optimize

import graphc
from graphc.errors import ConcretizationError, ShapeError, UnsupportedError
from graphc.testing import check_grads

X = np.array([0.3, 1.2, -0.7, 2.1, 0.9])
P = np.abs(X) + 0.5
M = np.random.default_rng(5).normal(size=(4, 5))
POINTS = np.arange(5.0)
WEIGHTS = np.arange(1.0, 6.0)


def linear(x):
    line = statistics.linear_regression(x, x**2)
    return line.slope + 2 * line.intercept


def sorted_by_the_class(x):
    y = 1.0 * x
    np.ndarray.sort(y)
    return y[0] + 2 * y[1]


def flat_filled(x):
    y = np.empty((2, 3))
    y.flat = np.concatenate([x**2, x[:1]])
    z = np.ones((2, 5)) * x
    z.flat = x * 3  # again from the start where it is too short
    w = x * 2
    w.flat = 3.0
    return np.sum(y[0] * y[1]) + np.sum(z[1] ** 2) + np.sum(w * x)


def required(x):
    y = np.require(x * 2, requirements=["C", "W"])
    return np.sum(y**2) + np.sum(np.require(x, np.float64) ** 3) + np.sum(np.require([x, x], None, "F")[1])


def with_covariance(x, scaled):
    p, c = np.polyfit(POINTS, x, 1, cov=scaled)
    return p[0] + np.sum(c * np.array([[1.0, 2.0], [3.0, 4.0]]))


def fully(x):
    p, rest, rank, values, cutoff = np.polyfit(POINTS, x, 2, full=True)
    return p[0] + rest[0] + values[0] + rank + cutoff


def of_columns(m):
    p, c = np.polyfit(np.arange(4.0), m, 1, cov=True)
    return np.sum(p) + np.sum(c * np.arange(20.0).reshape(2, 2, 5))


def taken(m):
    t = np.take(m, [0, 2], axis=1)
    t.ravel()[0] = 5.0
    u = np.take(m, [0, 7], axis=1, mode="wrap")
    u.reshape(-1)[1] = 4.0
    return np.sum(t**2) + np.sum(u**3)


def with_a_shape(x):
    y = 2 * x
    y.shape = (1, 5)
    return y


FORMS = {
    "mean": (lambda x: statistics.mean(x) * statistics.fmean(list(x)), X),
    "weighted mean": (lambda x: statistics.fmean(x, WEIGHTS), X),
    "mean of a generator": (lambda x: statistics.mean(v**2 for v in x), X),
    "mean of some": (lambda x: statistics.mean(x[x > 0]) + statistics.stdev(x[x < 1]) + statistics.median(x[x > 0]), X),
    "variance": (lambda x: statistics.variance(x) + statistics.pvariance([v * 2 for v in x]), X),
    "deviation": (lambda x: statistics.stdev(list(x)) * statistics.pstdev(x), X),
    "variance about": (lambda x: statistics.pvariance(x, 0.5) + statistics.variance(x, x[0]), X),
    "median": (lambda x: statistics.median(x) + statistics.median(list(x[:4])), X),
    "low and high": (lambda x: statistics.median_low(x[:4]) * 2 + statistics.median_high(x[:4]), X),
    "other means": (lambda x: statistics.geometric_mean(x) + statistics.harmonic_mean(list(x)), P),
    "correlation": (lambda x: statistics.correlation(x, x**2) + statistics.covariance(list(x), x**3), X),
    "regression": (linear, X),
    "methods of the class": (lambda x: np.ndarray.mean(x) * np.ndarray.dot(x, x) + np.ndarray.max(x), X),
    "operators of the class": (lambda x: np.sum(np.ndarray.__add__(x, 2 * x) * np.ndarray.__mul__(x, x)), X),
    "mapped methods": (lambda x: sum(map(np.ndarray.sum, [x, x**2])), X),
    "in place": (sorted_by_the_class, X),
    "numbers": (lambda x: np.sum(x[0], axis=0) * np.max(x[1], axis=-1) + x[2].sum(axis=0) + np.prod(x[3], axis=0), X),
    "flat": (flat_filled, X),
    "require": (required, X),
    "insert a slice": (lambda x: np.sum(np.insert(x, slice(0, 2), x[:2] ** 2) * np.arange(7)), X),
    "insert backwards": (lambda x: np.sum(np.insert(x, np.s_[3:0:-1], x[:3] ** 2) * np.arange(8)), X),
    "insert at the end": (lambda x: np.sum(np.insert(x, slice(-2, None), 1.0) * x[0] * np.arange(7)), X),
    "insert several before one": (lambda x: np.sum(np.insert(x, [1], [x[0] ** 2, x[1]]) * np.arange(7)), X),
    "insert columns": (
        lambda m: np.sum(np.insert(m, slice(0, 4, 2), m[:, :2] ** 2, axis=1) * np.arange(28).reshape(4, 7)), M
    ),
    "geomspace": (lambda x: np.sum(np.geomspace(x, 2 * x**2, 4) * np.arange(20).reshape(4, 5)), P),
    "geomspace along": (lambda x: np.sum(np.geomspace(x, 7.0, 4, axis=1) * np.arange(20).reshape(5, 4)), P),
    "geomspace open": (lambda x: np.sum(np.geomspace(1.0, x, 4, axis=-1, endpoint=False) ** 2), P),
    "geomspace below 0": (lambda x: np.sum(np.geomspace(-x, -x[0], 3) * np.arange(15).reshape(3, 5)), P),
    "fit and covariance": (lambda x: with_covariance(x, True), X),
    "fit and its inverse": (lambda x: with_covariance(x, "unscaled"), X),
    "full fit": (fully, X),
    "fit of columns": (of_columns, M),
    "weighted quantile": (lambda x: np.quantile(x, 0.3, weights=WEIGHTS, method="inverted_cdf"), X),
    "weighted percentiles": (
        lambda x: np.sum(np.percentile(x, [30, 60], weights=WEIGHTS, method="inverted_cdf") * [1.0, 2.0]), X
    ),
    "weighted quantiles of rows": (
        lambda m: np.sum(
            np.quantile(m, [0.2, 0.5], weights=WEIGHTS, axis=1, method="inverted_cdf") * np.arange(8).reshape(2, 4)
        ), M,
    ),
    "median of some": (lambda x: np.median(x[x > 0]) + np.percentile(x[x > -0.5], 30) * np.nanmedian(x[x < 1]), X),
    "take": (taken, M),
    "parts of a float": (lambda x: math.modf(x[1])[0] * math.ldexp(x[0], 3) + math.modf(x[2])[1] * x[3], X),
    "polynomials": (lambda x: np.polynomial.Polynomial(x)(0.2) + np.polynomial.Polynomial(x).deriv()(0.3), X),
    "their series": (lambda x: np.polynomial.Chebyshev(x)(0.3) * np.polynomial.Polynomial(x).integ()(0.5), X),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_values_and_derivatives(name):
    f, x = FORMS[name]
    np.testing.assert_allclose(graphc.jit(f)(x), f(x.copy()), rtol=1e-12)
    check_grads(f, (x,), order=2, modes=("fwd", "rev"))


def test_one_program_for_all_lengths_of_data():
    f = graphc.value_and_grad(lambda x: statistics.stdev(x) + statistics.median(x) + statistics.median_high(x))
    for size in (5, 8, 11):
        x = np.sin(np.arange(size) * 3.0)
        value, _ = f(x)
        np.testing.assert_allclose(value, statistics.stdev(x) + statistics.median(x) + statistics.median_high(x))
    assert f.cache_info()["calls_traced"] == 1


def test_results_of_statistics_are_numbers_of_python():
    """Their dtype gives way to that of an array."""
    x = X.astype(np.float32)
    assert graphc.jit(lambda x: x * statistics.mean([float(v) for v in x]))(x).dtype == np.float32
    assert graphc.jit(lambda x: x * statistics.mean([1.0, 2.0]))(x).dtype == np.float32


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.quantile(x, [0.0, 0.25, 0.5, 1.0], weights=[0, 1, 2, 0, 3], method="inverted_cdf"),
        lambda x: np.percentile(x, 45, weights=[1, 1, 0, 0, 3], method="inverted_cdf", keepdims=True),
        lambda x: np.quantile(np.where(x > 2, np.nan, x), 0.4, weights=WEIGHTS, method="inverted_cdf"),
        lambda x: np.quantile(x.astype(np.float32), 0.4, weights=WEIGHTS, method="inverted_cdf"),
        lambda x: np.ones(2, np.common_type(x.astype(np.float32), np.arange(3))),
        lambda x: [getattr(np, n)(x[0], axis=a) for n in ("min", "any", "all", "ptp", "nansum") for a in (0, -1)],
    ],
)
def test_values_as_numpy_gives_them(f):
    found, want = graphc.jit(f)(X), f(X)
    np.testing.assert_allclose(found, want)
    assert np.asarray(found).dtype == np.asarray(want).dtype


def test_the_median_of_what_a_mask_leaves_may_be_of_nothing():
    f = graphc.jit(lambda x: (np.median(x[x > 0]), np.quantile(x[x > 0], [0.1, 0.2, 0.5, 0.7, 0.9]), np.ptp(x)))
    assert np.isnan(f(-P)[0])
    assert np.isnan(f(-P)[1]).all()
    np.testing.assert_allclose(f(np.array([-1.0, 4.0]))[1], np.full(5, 4.0))
    np.testing.assert_array_equal(graphc.grad(lambda x: np.median(x[x > 0]))(-P), np.zeros(5))


@pytest.mark.parametrize(
    ("f", "error", "text"),
    [
        (lambda x: statistics.stdev(x[:1]), ShapeError, "at least 2"),
        (lambda x: statistics.correlation(x, x**2, method="ranked"), UnsupportedError, "ranks have no derivative"),
        (lambda x: np.quantile(x, 0.3, weights=WEIGHTS), UnsupportedError, "method='inverted_cdf'"),
        (lambda x: np.insert(x, slice(0, x.size), 1.0), UnsupportedError, "a slice of a known length"),
        (lambda x: np.require(x, None, "O"), UnsupportedError, "owns its memory"),
        (lambda x: np.polyfit(x[:2], x[:2], 1, cov=True), ShapeError, "more points than coefficients"),
        (np.emath.sqrt, UnsupportedError, "shows by the numbers"),
        (lambda x: scipy.optimize.lsq_linear(np.eye(5) * x, x), ConcretizationError, "np.linalg.lstsq"),
        (with_a_shape, UnsupportedError, "x.reshape(shape)"),
    ],
)
def test_what_is_refused_says_what_to_do(f, error, text):
    with pytest.raises(error) as raised:
        graphc.jit(f)(X)
    assert isinstance(raised.value, graphc.GraphcError)
    assert text in str(raised.value)
    assert "test_plain_forms.py" in str(raised.value)
