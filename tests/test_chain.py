"""Calls of a few kinds that alternate are all served natively: the entries of programs stand behind each other."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import graphc
from graphc import function as function_module
from graphc.config import override, settings

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is native")
X = np.arange(1.0, 5.0)


@pytest.fixture
def natively(monkeypatch):
    """From its first call on, calls that take the slow path fail."""

    def start():
        def fail(*args, **kwargs):
            raise AssertionError("the slow path was taken")

        monkeypatch.setattr(function_module.pytree, "flatten", fail)

    return start


def calls():
    return [(X,), (X.astype(np.float32),), (2.0,), (np.ones((2, 3)),), ({"a": X},), ({"a": X, "b": 1.0},), (X[:1],)]


def total(x):
    return sum(np.sum(v**2) for v in x.values()) if isinstance(x, dict) else np.sum(x**2)


def test_calls_that_alternate(natively):
    f = graphc.jit(total)
    expected = [f(*args) for args in calls()]
    natively()
    for _ in range(2):
        for args, right in zip(calls(), expected, strict=True):
            assert f(*args) == right
            assert f.cache_info()["calls_traced"] == len(expected)


def test_more_kinds_than_are_chained():
    f = graphc.jit(lambda n, x: x * n.count("a"))
    for _ in range(2):
        for count in range(2 * function_module.MAX_CHAINED):
            np.testing.assert_array_equal(f("a" * count, X), count * X)
    assert f.cache_info() == {"calls_traced": 16, "programs": 16}


def test_settings_end_a_chain():
    """A program of other settings must not serve, wherever it stands."""
    f = graphc.jit(lambda x, y: x * x + y)
    x, y = np.full(4, 1.0 + 2.0**-30), np.full(4, -1.0)
    fused = f(x, y)
    with override(contract=False):
        np.testing.assert_array_equal(f(x, y), x * x + y)
        f(x.astype(np.float32), y)
        np.testing.assert_array_equal(f(x, y), x * x + y)
    f(x, y.astype(np.float32))
    np.testing.assert_array_equal(f(x, y), fused)
    assert (fused != x * x + y).any(), "the test needs a difference to see"


def test_an_error_of_the_first_program_is_not_asked_of_the_next():
    f = graphc.jit(lambda x, i: x[i])
    f(X, 1)
    f(X.astype(np.float32), 1)
    for x in (X, X.astype(np.float32)):
        with pytest.raises(IndexError):
            f(x, np.int64(9))


TABLE = np.ones(4)
doubled = graphc.jit(lambda t: t * 2)


def test_a_native_function_that_is_called_in_a_trace_is_recorded():
    """With arguments that are no traced values it could run, and its result would stay what it was."""
    outer = graphc.jit(lambda x: x + doubled(TABLE))
    doubled(TABLE)
    doubled(TABLE)
    try:
        np.testing.assert_array_equal(outer(X), X + 2)
        TABLE[:] = 3.0
        np.testing.assert_array_equal(outer(X), X + 6)
    finally:
        TABLE[:] = 1.0


def test_after_a_trace_calls_are_native_again(natively):
    f = graphc.jit(lambda x: x + 1)
    f(X)
    graphc.jit(lambda x: x - 1)(X)
    f(X)
    natively()
    np.testing.assert_array_equal(f(X), X + 1)
    assert type(f.__call__) is type(len)


def test_a_compiled_function_is_a_callable_object():
    @graphc.jit
    def add_one(x):
        """Adds one."""
        return x + 1

    assert callable(add_one)
    assert add_one.__doc__ == "Adds one."
    assert str(inspect.signature(add_one)) == "(x)"
    np.testing.assert_array_equal(list(map(add_one, [X, X]))[1], X + 1)
    np.testing.assert_array_equal(add_one.__call__(X), X + 1)
    with pytest.raises(TypeError, match="argument"):
        add_one()
    with pytest.raises(TypeError, match="argument"):
        add_one(X, X)
