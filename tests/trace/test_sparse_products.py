"""Sparse matrices of SciPy, kept outside, times traced arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse import linalg

import graphc
from graphc.config import override
from tests.nightly import part

rng = np.random.default_rng(5)
MATRIX = scipy.sparse.random_array((6, 5), density=0.4, format="csr", rng=rng)
RIGHT, LEFT = rng.normal(size=(5, 3)), rng.normal(size=(3, 6))
WEIGHTS = {(6,): rng.normal(size=6), (6, 3): rng.normal(size=(6, 3)), (5,): rng.normal(size=5),
           (3, 5): rng.normal(size=(3, 5))}  # fmt: skip

PRODUCTS: list[tuple[Callable[[Any, Any], Any], Any]] = [
    (lambda A, x: A @ x, RIGHT), (lambda A, x: A @ x, RIGHT[:, 0]), (lambda A, x: x @ A, LEFT),
    (lambda A, x: x @ A, LEFT[0]), (lambda A, x: A.dot(x), RIGHT), (lambda A, x: A.T @ x, LEFT[0]),
]  # fmt: skip


FORMATS = [(kind, *form) for kind in ("csr", "csc", "coo", "dia", "bsr") for form in PRODUCTS]


@pytest.mark.parametrize(("kind", "product", "x"), part(FORMATS, 1, 5))
def test_products(product: Callable[[Any, Any], Any], x: Any, kind: str) -> None:
    A = MATRIX.asformat(kind)
    want = product(MATRIX.toarray(), x)
    weights = WEIGHTS[want.shape]
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(lambda x: np.sum(product(A, x) * weights))(x)
        dense = graphc.grad(lambda x, D: np.sum(product(D, x) * weights))(x, MATRIX.toarray())
    np.testing.assert_allclose(value, np.sum(want * weights), rtol=1e-13)
    np.testing.assert_allclose(gradient, dense, rtol=1e-13)


SQUARE = scipy.sparse.random_array((6, 6), density=0.4, format="csr", rng=rng) + 3 * scipy.sparse.eye_array(6)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_equations(kind: str) -> None:
    A = SQUARE.asformat(kind)
    weights = np.arange(6.0)
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(lambda b: np.sum(linalg.spsolve(A, b) * weights))(LEFT[0])
        (found, info), _ = graphc.jvp(lambda b: linalg.cg(A, b), (LEFT[0],), (LEFT[0],))
    want = np.linalg.solve(SQUARE.toarray(), LEFT[0])
    np.testing.assert_allclose(value, want @ weights, rtol=1e-12)
    np.testing.assert_allclose(gradient, np.linalg.solve(SQUARE.toarray().T, weights), rtol=1e-12)
    np.testing.assert_allclose(found, want, rtol=1e-12)
    assert info == 0


@pytest.mark.parametrize(("trans", "x"), part([("T", LEFT[0]), ("N", LEFT.T), ("N", LEFT[0]), ("H", LEFT.T)], 1, 2))
def test_factorisations(trans: str, x: Any) -> None:
    A = (SQUARE + 0.5j * MATRIX @ MATRIX.T).tocsc()
    dense = {"N": A, "T": A.T, "H": A.conj().T}[trans].toarray()
    factors = linalg.splu(A)
    with override(disable_jit=True):
        found = graphc.value_and_grad(lambda b: np.sum(np.abs(factors.solve(b, trans)) ** 2))(x)
        want = graphc.value_and_grad(lambda b: np.sum(np.abs(np.linalg.solve(dense, b)) ** 2))(x)
    np.testing.assert_allclose(found[0], want[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], want[1], rtol=1e-12)


def test_factorisations_are_read_at_each_call() -> None:
    A, weights = SQUARE.tocsc(), np.arange(1.0, 7.0)
    solve = linalg.factorized(A)

    def f(b: Any) -> Any:
        here = linalg.splu(A).solve(np.ones(6)) + linalg.factorized(A)(weights)
        return here @ (scipy.sparse.diags_array(weights) @ solve(b))

    with override(disable_jit=True):
        compiled = graphc.value_and_grad(f)
        for _ in range(2):
            value, gradient = compiled(LEFT[0])
            np.testing.assert_allclose(value, f(LEFT[0]), rtol=1e-12)
            np.testing.assert_allclose(np.sum(gradient * LEFT[0]), value, rtol=1e-12)
            weights *= 2.0
            A.data *= 3.0
            solve = linalg.factorized(A)
    assert compiled.cache_info()["programs"] == 1


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
    [(MATRIX.tolil(), RIGHT, r"LIL format.*tocsr\(\)"), (MATRIX, LEFT, r"5 columns times an array of shape")],
)
def test_errors(matrix: Any, x: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        graphc.jit(lambda x: matrix @ x)(x)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda b: SQUARE.multiply(2 * b), r"csr_array.multiply is not supported.*its result is sparse; write A @ x"),
        (
            lambda b: linalg.cg(linalg.aslinearoperator(SQUARE), b)[0],
            "cg: of traced values A is a matrix.*implicit_root",
        ),
        (lambda b: linalg.spsolve(MATRIX, b), "is not square"),
        (lambda b: scipy.sparse.diags_array(2 * b) @ b, "sparse.diags_array is not supported.*holds no traced numbers"),
    ],
)
def test_what_is_not_there_is_refused(call: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(graphc.GraphcError, match=text):
        graphc.jit(call)(LEFT[0])
