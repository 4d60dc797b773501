"""What stays behind: after a trace, after an error, after ten thousand calls."""

import gc

import numpy as np
import pytest

import graphc
from graphc.trace.session import Session

X = np.arange(4.0)


def sessions():
    gc.collect()
    return sum(issubclass(type(obj), Session) for obj in gc.get_objects())  # not isinstance: it asks dead proxies


def test_a_trace_is_forgotten_whether_it_succeeds_or_fails():
    before = sessions()
    for factor in range(5):
        graphc.jit(lambda a, k=factor: (a * k).sum())(X)
        with pytest.raises(TypeError):
            graphc.grad(lambda a: (a * a).sum() + "x")(X)
    assert sessions() <= before


def test_a_refusal_that_the_function_catches_is_raised_all_the_same():
    def f(a):
        try:
            return a.sum() * [2.0, 3.0][a.sum()]
        except TypeError:
            return a.sum() * 0

    with pytest.raises(graphc.ConcretizationError, match="an index"):
        graphc.grad(f)(X)


def test_a_result_that_runs_once_only_is_refused():
    def f(a):
        yield a.sum()

    with pytest.raises(TypeError, match="generator"):
        graphc.jit(f)(X)


def test_arguments_of_the_transformation():
    with pytest.raises(TypeError, match="argnames"):
        graphc.grad(lambda a: a.sum(), argnums="a")
    with pytest.raises(graphc.GradientError, match="an array or number alone"):
        graphc.grad(lambda a: a.sum(), has_aux=True)(X)
