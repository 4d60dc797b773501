"""Functions of sizes alone: positions in triangles, windows, grids. The size is that of a traced array."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc import testing
from graphc.config import override

WINDOWS = [np.hanning, np.hamming, np.blackman, np.bartlett]


def traced(function, *arrays):
    """What the function gives of traced arrays."""
    with override(disable_jit=True):
        keep = graphc.value_and_grad(lambda first, *rest: (np.sum(first), function(first, *rest)), has_aux=True)
        return keep(*arrays)[0][1]


@pytest.mark.parametrize("k", [-3, -1, 0, 1, 2])
@pytest.mark.parametrize("triangle", [np.tril_indices, np.triu_indices])
def test_positions_in_triangles(triangle, k):
    from_array = getattr(np, f"{triangle.__name__}_from")
    for n, m in ((1, 1), (3, 3), (2, 4), (4, 2), (0, 2)):
        expected = triangle(n, k, m)
        for found in (
            traced(lambda x: triangle(x.shape[0], k, x.shape[1]), np.zeros((n, m))),
            traced(lambda x: from_array(x, k), np.zeros((n, m))),
        ):
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_triangle_filled_by_a_vector_of_its_length():
    """One program: how many elements there are is known from the size."""

    def energy(entries, x):
        lower = np.zeros((len(x), len(x)))
        lower[np.tril_indices(len(x))] = entries
        return np.sum((lower @ x) ** 2)

    compiled = graphc.value_and_grad(energy)
    for n in (3, 4, 7):
        entries, x = np.linspace(-1, 2, n * (n + 1) // 2), np.linspace(1, 2, n)
        value, gradient = compiled(entries, x)
        lower = np.zeros((n, n))
        lower[np.tril_indices(n)] = entries
        np.testing.assert_allclose(value, energy(entries, x), rtol=1e-14)
        np.testing.assert_allclose(gradient, np.outer(2 * lower @ x, x)[np.tril_indices(n)], rtol=1e-14)
    assert compiled.cache_info()["programs"] == 1


@pytest.mark.parametrize("window", WINDOWS)
def test_windows(window):
    for n in (0, 1, 2, 5, 8):
        np.testing.assert_allclose(traced(lambda x: window(len(x)), np.zeros(n)), window(n), rtol=1e-14, atol=1e-16)


def test_kaiser():
    for n in (0, 1, 2, 7):
        found = traced(lambda beta, x: np.kaiser(len(x), beta), 3.5, np.zeros(n))
        np.testing.assert_allclose(found, np.kaiser(n, 3.5), rtol=1e-14)
    with override(disable_jit=True):
        testing.check_grads(lambda beta: np.sum(np.kaiser(6, beta) ** 3), (3.5,), order=2)


def test_grids_in_a_ratio():
    for n in (0, 1, 2, 6):
        x = np.zeros(n)
        np.testing.assert_allclose(traced(lambda x: np.logspace(-1, 2, len(x)), x), np.logspace(-1, 2, n), rtol=1e-14)
        for ends in ((0.5, 8.0), (-3.0, -0.2)):
            found = traced(lambda x, ends=ends: np.geomspace(*ends, len(x)), x)
            np.testing.assert_allclose(found, np.geomspace(*ends, n), rtol=1e-14)
    with override(disable_jit=True):
        weights = np.arange(5.0)
        testing.check_grads(lambda a, b: weights @ np.geomspace(a, b, 5), (0.5, 8.0))
        testing.check_grads(lambda a, b: weights @ np.logspace(a, b, 5, base=a), (1.5, 2.0))


def test_indices():
    x = np.zeros((2, 3))
    np.testing.assert_array_equal(traced(lambda x: np.indices(x.shape), x), np.indices((2, 3)))
    for a, b in zip(
        traced(lambda x: np.indices(x.shape, sparse=True), x), np.indices((2, 3), sparse=True), strict=True
    ):
        np.testing.assert_array_equal(a, b)
