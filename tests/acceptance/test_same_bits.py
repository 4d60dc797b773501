"""The same bits on every run and for every number of threads; under ``deterministic`` also where gemm is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

import graphc
from graphc import config
from graphc.runtime import threads

THREADS = (1, 2, 3, 5)


def stencil(x: np.ndarray) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def row_folds(x: np.ndarray) -> Any:
    return np.sum(np.tanh(logsumexp(x, axis=1)) * np.max(x, axis=1))


def column_folds(x: np.ndarray) -> Any:
    return np.sum(np.log(np.sum(np.exp(x), axis=0)) / np.std(x, axis=0))


def pairs(x: np.ndarray) -> Any:
    differences = x[:, None, :] - x[None, :, :]
    return np.sum(np.sqrt(np.sum(differences**2, axis=2) + 0.01))


def scans(x: np.ndarray) -> Any:
    return np.sum(np.cumsum(np.sin(x), axis=1)[:, -7:] ** 2)


def scattered(x: np.ndarray) -> Any:
    return np.sum(x[np.arange(200_000) % 977] ** 3) + np.sum(x[x > 0.5])


def products(x: np.ndarray) -> Any:
    return np.sum(np.tanh(x @ x.T) @ x)


OWN: dict[str, tuple[Callable[..., Any], tuple[int, ...], str]] = {
    "stencil": (stencil, (300_007,), "float64"),
    "stencil_f32": (stencil, (300_007,), "float32"),
    "row_folds": (row_folds, (1501, 203), "float32"),
    "column_folds": (column_folds, (1501, 203), "float64"),
    "pairs": (pairs, (401, 3), "float64"),
    "scans": (scans, (601, 307), "float64"),
    "scattered": (scattered, (1000,), "float64"),
}


def results(function: Callable[..., Any], x: np.ndarray) -> list[bytes]:
    """The bits of value and gradient for each number of threads, two runs each, each from a function of its own."""
    found = []
    for count in THREADS:
        with config.override(num_threads=count):
            compiled = graphc.value_and_grad(function)
            for _ in range(2):
                value, gradient = compiled(x)
                found.append(value.tobytes() + gradient.tobytes())
    return found


@pytest.mark.parametrize("name", OWN)
def test_own_kernels_do_not_depend_on_the_number_of_threads(name: str) -> None:
    function, shape, dtype = OWN[name]
    x = np.random.default_rng(1).uniform(0.1, 1.0, shape).astype(dtype)
    before = threads.regions_run()
    assert len(set(results(function, x))) == 1
    assert threads.regions_run() > before  # several threads were at work: sizes are above the threshold


def test_matrix_products_do_not_under_deterministic() -> None:
    x = np.random.default_rng(2).standard_normal((257, 129))
    with config.override(deterministic=True):
        assert len(set(results(products, x))) == 1
