"""Arrays from outside that are not numeric or of other classes, and sparse matrices: every call reads them anew."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import graphc
from graphc.config import override, settings


@pytest.fixture(autouse=True)
def interpreted(monkeypatch):
    monkeypatch.setattr(settings, "disable_jit", True)


RECORDS = np.array([(1.0, 1, "a"), (2.0, 3, "b")], [("mass", float), ("count", int), ("name", "U1")])
NAMES, MIXED = np.array(["a", "b", "a"]), np.array([2.0, np.arange(3.0)], object)
MASKED, MATRIX = np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0]), np.matrix([[1.0, 2.0, 3.0]])
SPARSE = scipy.sparse.csr_array(np.diag([1.0, 2.0, 3.0]))

CHANGES = {  # what reads arrays that are not numeric, of other classes, or sparse; and how they change afterwards
    "records": (lambda x: RECORDS["count"].sum() * x[0] + sum(row["mass"] for row in RECORDS) * x[1],
                lambda: RECORDS.__setitem__(0, (5.0, 7, "c"))),
    "labels": (lambda x: np.sum(x[NAMES == "a"]), lambda: NAMES.__setitem__(1, "a")),
    "objects": (lambda x: np.sum(MIXED[1] * x) * MIXED[0], lambda: MIXED.__setitem__(slice(None), [3.0, np.ones(3)])),
    "masked": (lambda x: np.sum(x * MASKED.filled(0.0)) * MASKED.sum(), lambda: MASKED.__setitem__(2, 7.0)),
    "matrix": (lambda x: np.sum(np.asarray(MATRIX) * x), lambda: MATRIX.__setitem__((0, 1), 9.0)),
    "transposed": (lambda x: np.sum(SPARSE.T @ x), lambda: SPARSE.data.__setitem__(0, 8.0)),
    "products": (lambda x: np.sum((SPARSE.T @ SPARSE) @ x**2), lambda: SPARSE.data.__setitem__(1, 5.0)),
    "dense": (lambda x: np.sum(SPARSE.toarray() @ x), lambda: SPARSE.data.__setitem__(2, 5.0)),
    "block": (lambda x: np.sum(scipy.sparse.kron(SPARSE, np.eye(1)) @ x), lambda: SPARSE.data.__imul__(2.0)),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_arrays_of_other_kinds(what):
    function, change = CHANGES[what]
    x = np.array([0.5, -1.0, 2.0])
    compiled = graphc.value_and_grad(function)
    for _ in range(2):
        value, gradient = compiled(x)
        slopes = [(function(x + e) - function(x - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
        np.testing.assert_allclose(value, function(x), rtol=1e-12)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-8)
        change()
    assert compiled.cache_info()["programs"] == 1


@pytest.mark.parametrize("other", [MASKED, MATRIX], ids=["masked", "matrix"])
def test_arrays_of_other_classes_do_not_meet_traced_ones(other):
    for function in (lambda x: np.sum(x * other), lambda x: np.sum(np.add(x, other)), lambda x: np.dot(other, x)):
        with pytest.raises(graphc.GraphcError, match=r"np\.asarray"):
            graphc.grad(function)(np.ones(3))


def test_another_polynomial_is_noticed():
    for make in (np.poly1d, np.polynomial.Polynomial):
        polynomial = make([1.0, 2.0])
        gradient = graphc.grad(lambda x: 1.0 * (polynomial * polynomial)(x))  # noqa: B023
        for coefficients in ([1.0, 2.0], [3.0, 1.0]):
            polynomial = make(coefficients)
            slope = ((polynomial * polynomial)(1.0 + 1e-6) - (polynomial * polynomial)(1.0 - 1e-6)) / 2e-6
            np.testing.assert_allclose(gradient(1.0), slope, rtol=1e-6)


def test_what_is_made_of_a_polynomial_is_made_at_each_call():
    polynomial = np.polynomial.Polynomial([1.0, 2.0, 3.0])

    def f(x):
        moved = polynomial.convert(domain=[-1, 1]) + polynomial.integ(k=1.0)
        return polynomial.deriv()(x) * moved(x) + np.sum(polynomial.roots().real) * x

    with override(disable_jit=True):
        compiled = graphc.value_and_grad(f)
        for coefficient in (2.0, 5.0):
            polynomial.coef[1] = coefficient
            value, slope = compiled(0.5)
            np.testing.assert_allclose(value, f(0.5), rtol=1e-13)
            np.testing.assert_allclose(slope, (f(0.5 + 1e-6) - f(0.5 - 1e-6)) / 2e-6, rtol=1e-6)
