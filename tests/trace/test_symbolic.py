"""Sizes and int arguments stay symbols: arithmetic is exact, comparisons are guards, only numbers specialise."""

from __future__ import annotations

import math
import operator
import re

import numpy as np
import pytest

import graphc
from graphc.config import override, settings

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: jit is the plain function")

X = np.arange(1.0, 7.0)
ARITHMETIC = {
    "add": lambda n: n + 2, "radd": lambda n: 2 + n, "sub": lambda n: n - 1, "rsub": lambda n: 10 - n,
    "mul": lambda n: n * n * 3, "floordiv": lambda n: n // 4, "rfloordiv": lambda n: 100 // n, "mod": lambda n: n % 4,
    "rmod": lambda n: 100 % n, "neg": operator.neg, "pos": operator.pos, "abs": lambda n: abs(-n),
    "pow": lambda n: n**2, "divmod": lambda n: sum(divmod(n, 4)), "rdivmod": lambda n: sum(divmod(100, n)),
    "truediv": lambda n: n / 4, "rtruediv": lambda n: 1 / n, "float": lambda n: n * 1.5 - 2.5,
    "float division": lambda n: 7.5 // n + 7.5 % n + n // 1.5, "ufunc": lambda n: np.sqrt(n) + np.float64(2) * n,
    "negative power": lambda n: n**-2.0, "base": lambda n: 2.0**n,
    "math": lambda n: math.sqrt(n) + np.arange(1.0, n + 1),
    "product": lambda n: math.prod((n, n, 2)), "numpy product": lambda n: np.prod((n, 3)), "conversion": float,
}  # fmt: skip


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_serves_every_size(name):
    compute = ARITHMETIC[name]
    f = graphc.jit(lambda x: x * compute(x.shape[0]))
    for n in (6, 2, 13, 4):
        x = np.arange(1.0, n + 1)
        np.testing.assert_allclose(f(x), x * compute(n))
    assert f.cache_info()["programs"] == 1, f.explain()


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne])
def test_a_comparison_guards_the_answer_and_not_the_size(compare):
    f = graphc.jit(lambda x: x * 2 if compare(x.shape[0], 5) else x * 3)
    for n in (2, 3, 4, 5, 6, 7, 8, 5, 3):
        x = np.ones(n)
        np.testing.assert_array_equal(f(x), x * (2 if compare(n, 5) else 3))
    assert f.cache_info()["programs"] <= 3


@pytest.mark.parametrize(
    ("use", "program_count"),
    [
        (lambda n: len(range(n)), 3), (int, 3), (lambda n: [0] * n == [], 3), (lambda n: n == 2.5, 3),
        (lambda n: hash(n) >= 0, 3), (bool, 1), (lambda n: f"{n:03d}" == "", 3),
        (lambda n: str((n, n)) == "", 3),
    ],
)  # fmt: skip
def test_what_specialises(use, program_count):
    f = graphc.jit(lambda x: x + (1 if use(x.shape[0]) is None else 2))
    for n in (3, 4, 5, 3):
        np.testing.assert_array_equal(f(np.ones(n)), np.full(n, 3.0))
    assert f.cache_info()["programs"] == program_count
    assert ("specialised to" in f.explain()) == (program_count > 1)


def test_equal_sizes_unify():
    f = graphc.jit(lambda x, y: (x + y) * y.shape[0])
    np.testing.assert_array_equal(f(X, X), 12 * X)
    np.testing.assert_array_equal(f(np.ones(3), np.ones(3)), np.full(3, 6.0))
    assert f.cache_info()["programs"] == 1
    np.testing.assert_array_equal(f(X, np.ones(1)), X + 1)
    with pytest.raises(graphc.ShapeError):
        f(X, np.ones(3))


def test_shape_and_its_kin():
    def f(x):
        if not isinstance(x.shape, tuple) or x.ndim != 2 or x.shape != x.shape or x.itemsize != 8:
            raise ValueError(x.shape)  # an assert would be rewritten by pytest, and the function have no source
        return x.sum() / x.size + x.nbytes + len(x) + np.shape(x)[1] + np.size(x) + np.ndim(x)

    g = graphc.jit(f)
    for shape in ((3, 4), (5, 2)):
        x = np.ones(shape)
        np.testing.assert_allclose(g(x), f(x))
    assert g.cache_info()["programs"] == 1


def test_division_by_a_size_that_is_zero():
    f = graphc.jit(lambda x, n: x + 4 // n)
    np.testing.assert_array_equal(f(X, 2), X + 2)
    with pytest.raises(ZeroDivisionError):
        f(X, 0)


def test_huge_ints_are_static():
    f = graphc.jit(lambda x, n: x * (n > 2**64))
    np.testing.assert_array_equal(f(X, 2**70), X)
    np.testing.assert_array_equal(f(X, 3), X * 0)


@pytest.mark.parametrize(("over", "programs"), [(lambda x: x, 1), (graphc.unroll, 2)])
def test_iteration_over_rows_is_a_loop_unless_it_is_unrolled(over, programs):
    f = graphc.jit(lambda x: sum(row * i for i, row in enumerate(over(x))))
    for n in (2, 4):
        x = np.arange(n * 3.0).reshape(n, 3)
        np.testing.assert_array_equal(f(x), sum(row * i for i, row in enumerate(x)))
    assert f.cache_info()["programs"] == programs
    parts = graphc.jit(lambda x: [*x])(np.ones(3))
    assert len(parts) == 3


def test_a_symbol_kept_after_its_trace():
    holder = {}

    def f(x):
        object.__setattr__(namespace, "n", x.shape[0])  # a way that is not watched
        return x

    namespace = type("Namespace", (), {})()
    graphc.jit(f)(X)
    holder["n"] = namespace.n
    with pytest.raises(graphc.LeakedTracerError):
        holder["n"] + 1
    with pytest.raises(graphc.LeakedTracerError):
        int(holder["n"])


M = np.arange(24.0).reshape(2, 3, 4)
NUMBERS_OF_THE_PROGRAM = {
    "sum": (lambda n: np.sum(M * X[0], axis=n), 2), "method": (lambda n: (M * X[0]).mean(axis=n), 2),
    "axes": (lambda n: np.max(M * X[0], axis=(n, 0)), 2), "keepdims": (lambda n: np.sum(M * X[0], 1, keepdims=n), 0),
    "moved": (lambda n: np.moveaxis(M * X[0], n, 0), 2), "stack": (lambda n: np.stack([X, X], axis=n), 1),
    "step": (lambda n: X[::n], 2), "reshape": (lambda n: X.reshape(n, 6), -1),
    "order": (lambda n: np.linalg.norm(M * X[0], ord=n, axis=0), 3), "split": (lambda n: np.split(X, n)[0], 3),
    "differences": (lambda n: np.diff(X, n), 2), "decimals": (lambda n: np.round(X / 3, n), 2),
    "diagonal": (lambda n: np.diag(X, n), 1), "tensordot": (lambda n: np.tensordot(M[0], M[0].T, n), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS_OF_THE_PROGRAM)
def test_an_int_argument_that_shapes_the_program_specialises(name):
    use, number = NUMBERS_OF_THE_PROGRAM[name]
    f = graphc.jit(use)
    for n in (number, 1, number):
        np.testing.assert_allclose(f(n), use(n))
    assert f.cache_info()["programs"] == len({number, 1})
    assert name == "keepdims" or re.search(r"n == -?\d: (the program depends|Python needed)", f.explain(number))


def test_a_gradient_along_an_axis_given_as_an_argument():
    f = graphc.grad(lambda x, axis: (np.sum(x, axis=axis) ** 2).sum())
    np.testing.assert_allclose(f(M, 1), np.broadcast_to(2 * M.sum(1, keepdims=True), M.shape))
    np.testing.assert_allclose(f(M, -1), np.broadcast_to(2 * M.sum(-1, keepdims=True), M.shape))


def test_an_axis_that_turns_out_to_be_of_length_1_stretches():
    """``x[1:]`` of two elements fits everywhere; the call is guarded, so that other sizes are traced anew."""

    def fill(x, y):
        y = y.copy()
        y[...] = x[1:] * x[::5]
        return y, np.broadcast_to(x[1:], y.shape) * 2.0, np.squeeze(x[::7]) + y

    compiled = graphc.jit(fill)
    for x, y in [(np.array([3.0, 4.0]), np.zeros(3)), (np.array([3.0, 4.0, 5.0, 6.0]), np.zeros(3))]:
        for ours, theirs in zip(compiled(x, y), fill(x, y), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("f", [lambda x: x[::2] * x, lambda x: np.broadcast_to(x[: len(x) // 2], len(x)) + x**2])
def test_an_axis_of_some_rounded_length_stretches_and_its_gradient_is_summed(f):
    """``x[::2]`` of two elements is one: what stretches it must see that, and other sizes are traced anew."""
    with override(disable_jit=True):
        for x in (np.array([3.0, 4.0]), np.array([5.0, 2.0])):
            slope = graphc.jacobian(f)(x)
            np.testing.assert_allclose(slope @ x, (f(x + 1e-6 * x) - f(x - 1e-6 * x)) / 2e-6, rtol=1e-6)
