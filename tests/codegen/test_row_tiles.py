"""Kernels whose rows run together: values at every edge, and for which programs it is so."""

import numpy as np
import pytest
from scipy.special import expit

import graphc
from graphc import config

MOST_ROWS, IN_CACHE = 32, 8192


def logistic(w, x, y):
    """A product of each row, functions of that, a sum over the rows, and back into each row."""
    margins = y * (x @ w)
    return np.sum(np.logaddexp(0.0, -margins))


def scaled(x, y):
    """A function before the loops over a row, one after the first, which uses that again, and stores of both levels."""
    weight = np.exp(-y)
    total = np.sum(x * weight[:, None], axis=1)
    score = np.tanh(total) + weight
    return x * score[:, None], score, total > 0.5


@pytest.fixture(scope="module")
def gradient():
    return graphc.value_and_grad(logistic)


@pytest.fixture(scope="module")
def forward():
    return graphc.jit(scaled)


def data(rows, columns, dtype):
    rng = np.random.default_rng(rows + columns)
    return (rng.standard_normal(shape).astype(dtype) for shape in (columns, (rows, columns), rows))


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("rows", [0, 2, 31, 32, 33, 200])
@pytest.mark.parametrize("columns", [0, 3, 100, IN_CACHE // 3])
def test_values(gradient, forward, rows, columns, dtype):
    w, x, y = data(rows, columns, dtype)
    tolerance = 1e-12 if dtype == "f8" else 2e-4
    margins = (y * (x @ w)).astype("f8")
    value, slope = gradient(w, x, y)
    np.testing.assert_allclose(value, np.logaddexp(0, -margins).sum(), rtol=tolerance)
    expected = -(y * expit(-margins)) @ x.astype("f8")
    np.testing.assert_allclose(slope, expected, rtol=tolerance, atol=tolerance * max(rows, 1))
    for result, wanted in zip(forward(x, y), scaled(x, y), strict=True):
        if result.dtype == bool:
            assert (result == wanted).mean() > 0.99 if rows else result.shape == wanted.shape
        else:
            np.testing.assert_allclose(result, wanted, rtol=tolerance, atol=tolerance)


def test_rows_do_not_touch_each_other(forward):
    _, x, y = data(70, 5, "f8")
    clean = forward(x, y)
    x[33, 2], y[69] = np.nan, -np.inf
    spoiled = forward(x, y)
    others = np.setdiff1d(np.arange(70), [33, 69])
    for before, after in zip(clean, spoiled, strict=True):
        np.testing.assert_array_equal(before[others], after[others])
    assert np.isnan(spoiled[0][33]).all()
    assert np.isnan(spoiled[1][33])
    assert not np.isfinite(spoiled[1][69])


def test_the_bits_do_not_depend_on_threads(gradient, forward):
    w, x, y = data(5000, 40, "f8")
    results = []
    for count in (1, 2, 3):
        with config.override(num_threads=count):
            value, slope = gradient(w, x, y)
            results.append((value, slope, *forward(x, y)))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_views(gradient):
    """Rows that lie apart, backwards, and column by column."""
    w, x, y = data(40, 8, "f8")
    value, slope = gradient(w, x, y)
    for view in (np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x[::-1][::-1]):
        again = gradient(w, view, y)
        np.testing.assert_allclose(again[0], value, rtol=1e-13)
        np.testing.assert_allclose(again[1], slope, rtol=1e-12)


def test_what_a_row_computes_once_stands_in_one_loop_over_rows(gradient, forward):
    """Each function is printed once, between the loops, and what loops read of it comes from slots."""
    w, x, y = data(40, 8, "f8")
    source = gradient.source(w, x, y)
    assert source.count("expit_f64(") == source.count("logaddexp_f64(") == 1
    assert source.count("for i0 in range(tile, tile_end):") == 3
    assert source.count("row_slots_f64(") == 2
    source = forward.source(x, y)
    assert source.count("exp_f64(") == source.count("tanh_f64(") == 1


def test_where_elements_have_functions_too_rows_run_one_by_one():
    def softmax_loss(x):
        return np.sum(np.log(np.sum(np.exp(x), axis=1)))

    assert "row_slots" not in graphc.grad(softmax_loss).source(np.ones((3, 4)))
    assert "row_slots" not in graphc.jit(lambda x: np.sqrt(np.sum(x * x, axis=1))).source(np.ones((3, 4)))


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_blocks_are_added_for_many_results_side_by_side(dtype):
    """Fewer results than a vector, several vectors and a rest; what is not finite stays in its column."""
    column_sums = graphc.jit(lambda x: np.sum(x, axis=0))
    for columns in (2, 8, 17, 100):
        x = np.random.default_rng(columns).standard_normal((3000, columns)).astype(dtype)
        x[3, 0], x[4, 1] = np.inf, np.nan
        sums = column_sums(x)
        assert sums[0] == np.inf
        assert np.isnan(sums[1])
        tolerance = 1e-12 if dtype == "f8" else 1e-4
        np.testing.assert_allclose(sums[2:], x.astype("f8").sum(axis=0)[2:], rtol=tolerance, atol=tolerance)


def test_what_a_row_keeps_of_its_elements_is_its_own():
    """Later loops read the first one's differences from memory with room for one row: rows run one by one."""

    def spread(u, v):
        deviations = np.sqrt(np.var(np.outer(v, np.log1p(np.abs(u))), axis=1) + 0.1)
        return np.sum(np.arctan(deviations) * 0.29)

    u, v = np.array([0.3, -1.2, 0.7]), np.array([0.5, 2.0], np.float32)
    value, gradient = graphc.value_and_grad(spread)(u, v)
    steps = 1e-6 * np.eye(3)
    slopes = [(spread(u + e, v) - spread(u - e, v)) / 2e-6 for e in steps]
    np.testing.assert_allclose(value, spread(u, v), rtol=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6)
