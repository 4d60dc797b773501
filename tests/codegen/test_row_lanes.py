"""Kernels whose rows are vector lanes: batches of small problems, compiled, beside the interpreter."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override

RNG = np.random.default_rng(0)
CENTRES, WEIGHTS, FEW = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3)), RNG.normal(size=3)
PICKED = np.array([2, 0, 0, 1])


def mixture(x):
    return np.log(np.sum(np.exp(-0.5 * np.sum((x - CENTRES) ** 2, axis=1))))


def valley(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def softmax(x):
    z = np.exp(x - np.max(x))
    return np.log(np.sum(z)) * z / np.sum(z)


def pairs(x):
    return np.sum(np.sqrt(1.0 + (x[:, None] - x[None, :]) ** 2), axis=0) * x


FUNCTIONS = {
    "three levels": graphc.value_and_grad(mixture),
    "embedded slices": graphc.grad(valley),
    "named elements": graphc.value_and_grad(lambda x: np.sin(x[0]) * x[1] ** 2 + np.exp(x[2] * x[0])),
    "phases": softmax,
    "pairs": graphc.grad(lambda x: np.sum(pairs(x))),
    "gathers": graphc.value_and_grad(lambda x: np.sum(np.cumsum(x[PICKED]) * x[np.argmax(x)])),
    "layers": graphc.grad(lambda x: np.sum(np.tanh(WEIGHTS @ x) ** 2)),
    "pieces": lambda x: (np.concatenate([x[1:], np.exp(x[:1]), np.cos(x)]), x > 0.0, np.prod(x), np.any(x > 2.0)),
    "turned": lambda x: np.outer(x, np.cos(x)).T[::-1] + np.max(np.outer(x, x)),
    "writes": graphc.jacobian(lambda x: np.where(x > 0, x, 0.0)[::-1] * np.sum(x)),
}
SIZES = (130, 64, 2)


def same(found, expected, rtol):
    found, expected = (x if isinstance(x, tuple) else (x,) for x in (found, expected))
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=rtol, atol=rtol)
        assert mine.dtype == other.dtype


@pytest.mark.parametrize("name", FUNCTIONS)
def test_batches_of_small_problems(name):
    f = graphc.vmap(FUNCTIONS[name])
    for rows in SIZES:
        x = RNG.normal(size=(rows, 3))
        found = f(x)
        with override(disable_jit=True):
            same(found, graphc.vmap(FUNCTIONS[name])(x), 1e-13)
    assert f.cache_info()["programs"] == 1
    assert name in ("gathers", "layers") or "lane_loop()" in f.source()  # scans, and products by the library


def test_a_shared_argument_is_differentiated_across_the_batch():
    f = graphc.grad(lambda w, xs: np.sum(graphc.vmap(lambda x: np.sum(np.tanh(x * w) ** 2) * w[0])(xs)))
    x = RNG.normal(size=(1000, 3))
    found = f(FEW, x)
    with override(disable_jit=True):
        np.testing.assert_allclose(found, f(FEW, x), rtol=1e-12)
    with override(num_threads=1):
        np.testing.assert_array_equal(f(FEW, x), found)


def test_single_precision_and_larger_elements():
    f = graphc.vmap(graphc.value_and_grad(lambda x: np.sum(np.exp(-np.abs(x)) * x[0])))
    for width in (5, 40):  # rows of 40 are not small: another program, with vectors along the rows
        x = RNG.normal(size=(70, width)).astype(np.float32)
        found = f(x)
        assert ("lane_loop()" in f.source(x)) == (width == 5)
        with override(disable_jit=True):
            same(found, graphc.vmap(graphc.value_and_grad(lambda x: np.sum(np.exp(-np.abs(x)) * x[0])))(x), 1e-5)
    assert f.cache_info()["programs"] == 2


def test_columns_of_a_matrix_are_rows_that_lie_apart():
    f = graphc.vmap(graphc.grad(valley), in_axes=1, out_axes=1)
    x = RNG.normal(size=(4, 100))
    with override(disable_jit=True):
        expected = graphc.vmap(graphc.grad(valley), in_axes=1, out_axes=1)(x)
    np.testing.assert_allclose(f(x), expected, rtol=1e-13)


def test_rows_along_several_dimensions_keep_their_temporaries_apart():
    """The rows are one loop over all leading dimensions: a temporary's place must count all of them."""

    def shares(x):
        z = np.exp(x - np.max(x, axis=-1, keepdims=True))
        return z / np.sum(z, axis=-1, keepdims=True)

    f = graphc.jit(lambda x: shares(x.reshape(4, 2, 40, 5)))
    x = RNG.normal(size=(320, 5))
    np.testing.assert_allclose(f(x), shares(x).reshape(4, 2, 40, 5), rtol=1e-13)
    assert "lane_loop()" in f.source()
