"""Sparse matrices of SciPy, kept outside, times traced arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import graphc
from graphc.config import override

rng = np.random.default_rng(5)
MATRIX = scipy.sparse.random_array((6, 5), density=0.4, format="csr", rng=rng)
RIGHT, LEFT = rng.normal(size=(5, 3)), rng.normal(size=(3, 6))
WEIGHTS = {(6,): rng.normal(size=6), (6, 3): rng.normal(size=(6, 3)), (5,): rng.normal(size=5),
           (3, 5): rng.normal(size=(3, 5))}  # fmt: skip

PRODUCTS: list[tuple[Callable[[Any, Any], Any], Any]] = [
    (lambda A, x: A @ x, RIGHT), (lambda A, x: A @ x, RIGHT[:, 0]), (lambda A, x: x @ A, LEFT),
    (lambda A, x: x @ A, LEFT[0]), (lambda A, x: A.dot(x), RIGHT), (lambda A, x: A.T @ x, LEFT[0]),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize(("product", "x"), PRODUCTS)
def test_products(product: Callable[[Any, Any], Any], x: Any, kind: str) -> None:
    A = MATRIX.asformat(kind)
    want = product(MATRIX.toarray(), x)
    weights = WEIGHTS[want.shape]
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(lambda x: np.sum(product(A, x) * weights))(x)
        dense = graphc.grad(lambda x, D: np.sum(product(D, x) * weights))(x, MATRIX.toarray())
    np.testing.assert_allclose(value, np.sum(want * weights), rtol=1e-13)
    np.testing.assert_allclose(gradient, dense, rtol=1e-13)


def test_compiled_and_read_at_each_call() -> None:
    A = MATRIX.copy()
    compiled = graphc.value_and_grad(lambda x: np.sum((A @ x) ** 2))
    x = RIGHT[:, 0]
    for factor in (1.0, 3.0):
        A.data *= factor
        value, gradient = compiled(x)
        np.testing.assert_allclose(value, np.sum((A @ x) ** 2), rtol=1e-13)
        np.testing.assert_allclose(gradient, 2 * A.T @ (A @ x), rtol=1e-13)
    A = scipy.sparse.csr_array(np.eye(5))  # another matrix under the same name
    np.testing.assert_allclose(compiled(x)[1], 2 * x)
    A[0, 3] = 2.0  # an entry that was not stored
    np.testing.assert_allclose(compiled(x)[1], 2 * A.T @ (A @ x), rtol=1e-13)


@pytest.mark.parametrize(
    ("matrix", "x", "text"),
    [(MATRIX.tocoo(), RIGHT, r"COO format.*tocsr\(\)"), (MATRIX, LEFT, r"5 columns times an array of shape")],
)
def test_errors(matrix: Any, x: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        graphc.jit(lambda x: matrix @ x)(x)
