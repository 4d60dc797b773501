"""Traced arrays stand where NumPy arrays do: operators, ufuncs, functions, methods, library functions."""

from __future__ import annotations

import functools
import operator

import numpy as np
import pytest
import scipy.special

import graphc
from graphc.config import override, settings
from graphc.trace.functions import NUMPY_FUNCTIONS, UFUNC_FUNCTIONS, UFUNCS

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: jit is the plain function")

X = np.linspace(0.2, 0.9, 6).reshape(2, 3)
Y = np.linspace(1.0, 2.0, 3)
I = np.arange(6).reshape(2, 3)  # noqa: E741


def same(f, *args):
    """The compiled function gives NumPy's values and dtypes."""
    expected, actual = f(*args), graphc.jit(f)(*args)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)
    assert np.asarray(actual).dtype == np.asarray(expected).dtype


BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
]  # fmt: skip


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_operators_with_everything_that_numpy_takes(op):
    others = (Y, 2, 2.5, True, np.float64(1.5), np.float32(1.5), np.int64(3), [1.0, 2.0, 3.0], np.array(2.0))

    def f(x):
        return [r for o in others for r in (op(x, o), op(o, x) if not isinstance(o, list) else x)]

    for actual, expected in zip(graphc.jit(f)(X), f(X), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-12)
        assert actual.dtype == expected.dtype


def test_ufuncs_of_lists_of_traced_values():
    def f(x):
        a, b = x
        at = np.zeros(3)
        np.add.at(at, ([0, 0, 2],), [a[0], 2.0, b[1]])
        stacked = (
            np.maximum.reduce([a, b, 0.5 * x[0]]),
            np.add.reduce((a, b), axis=1),
            np.hypot([a[0], 1.0], [b[1], 2.0]),
        )
        return *stacked, np.logical_and.reduce([a > 0.3, b < 0.8]), scipy.special.expit([a[1], b[1]]), at

    with override(disable_jit=True):
        (_, given), _ = graphc.value_and_grad(lambda x: (np.sum(x), f(x)), has_aux=True)(X)
    for actual, expected in zip(given, f(X), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-15)
        assert actual.dtype == expected.dtype


@pytest.mark.parametrize("op", [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift])
def test_integer_operators(op):
    same(lambda i: op(i, 3) + op(5, i) + op(i, i), I)


def test_unary_operators():
    same(lambda x: -x + +x + abs(x - 0.5), X)
    same(lambda i: ~i + (~(i > 2)).astype(int) + ~(i > 2), I)
    same(lambda x: np.add(*divmod(x, 0.3)) + divmod(2.0, x)[1], X)
    same(lambda x: x @ Y + Y @ x.T + x[0] @ Y + np.dot(x, Y), X)


def test_a_strange_operand_is_pythons_type_error():
    for f in (lambda x: x + "a", lambda x: None * x, lambda x: x @ object()):
        with pytest.raises(TypeError):
            graphc.jit(f)(X)
    assert graphc.jit(lambda x: x.sum() * (x == None))(X) == 0.0  # noqa: E711


def test_another_class_may_answer():
    class Other:
        def __radd__(self, x):
            return x * 2

        __array_ufunc__ = None

    np.testing.assert_array_equal(graphc.jit(lambda x: x + Other())(X), X * 2)


def test_ufunc_methods_and_arguments():
    same(lambda x: np.add.reduce(x) + np.maximum.reduce(x, axis=0) + np.add.accumulate(x, axis=1), X)
    same(lambda x: np.multiply.outer(Y, x).sum(0) + np.add.outer(x, Y).sum(-1), X)
    same(lambda x: np.add(x, 1.0, dtype=np.float32, casting="same_kind"), X)


def test_library_functions_that_do_not_dispatch():
    same(lambda x: np.zeros(x.shape[1]) + np.ones((x.shape[0], 3)) * np.full(x.shape, 2.0) + np.eye(x.shape[0], 3), X)
    same(lambda x: np.arange(x.shape[1]) * x + np.linspace(0, 1, x.shape[1]), X)
    same(lambda x: np.array([[x[0, 0], 2.0], [1, x.sum()]]), X)
    same(lambda x: np.asarray(x) + np.asarray([x[0], x[1]]) + np.array(x, dtype=np.float32), X)
    same(lambda x: np.float32(x) + np.float64(x[0, 0]), X)
    same(lambda x: scipy.special.logsumexp(x, axis=1) + scipy.special.softmax(x, axis=0).sum(1), X)
    same(lambda x: scipy.special.expit(x) + scipy.special.erf(x) + scipy.special.xlogy(x, 2.0), X)
    same(lambda x: functools.reduce(lambda a, b: a * b, list(x)) + sum(x) + max([x[0], x[1]], key=lambda r: r.ndim), X)


def test_methods_and_properties():
    same(lambda x: x.T.reshape(-1).sum() + x.mean(axis=0, keepdims=True).max() + x.astype(np.float32).std(), X)
    same(lambda x: x[:, None, ::-1][..., 0] + x[[0, 1], 1].sum() + x[x > 0.5].sum() + x.copy()[-1:, 0], X)
    assert graphc.jit(lambda x: (x.shape, x.ndim, x.size, len(x)))(X) == ((2, 3), 2, 6, 2)


def test_every_name_in_the_tables_is_a_public_one():
    for name in NUMPY_FUNCTIONS:
        module, _, last = name.rpartition(".")
        assert hasattr(__import__(module, fromlist=["_"]), last), name
    for name in (*UFUNCS, *UFUNC_FUNCTIONS):
        assert hasattr(np, name) or hasattr(scipy.special, name), name
