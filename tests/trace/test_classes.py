"""A function that decides by the class of what it gets decides as in plain NumPy."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import numpy as np
import pytest

import graphc

CLASSES = [
    np.ndarray, float, int, bool, (list, np.ndarray), (list, (tuple, (float,))), np.generic, np.number, np.floating,
    np.integer, np.bool_, np.float64, np.float32, numbers.Number, numbers.Real, Sequence, object, list | np.ndarray,
]  # fmt: skip
ARGUMENTS = [
    2.0, 3, True, np.float64(2), np.float32(2), np.int32(3), np.bool_(True), np.array(2.0), np.array(3),
    np.ones(3), np.ones((2, 3), np.float32), np.arange(3), np.array([True]),
]  # fmt: skip
scale, steps, table = 2.0, 3, np.ones(3)


def answers(x):
    named = [type(x) is float, type(x) is int, type(x) is np.ndarray, type(x) is np.float64, type(type(x)) is type]
    return [isinstance(x, c) for c in CLASSES], named, type(x).__name__, np.isscalar(x)


def of_arguments(x):
    return answers(x), [answers(size) for size in np.shape(x)]


def of_results(x):
    return answers(x * 2), answers(x * 2.0), answers(np.sin(x * 1.0)), answers(np.sum(np.ones(3) * x))


def of_outside_values(x):
    return answers(scale), answers(steps), answers(table), answers(scale * 2), answers(table.sum())


@pytest.mark.parametrize("function", [of_arguments, of_results, of_outside_values])
@pytest.mark.parametrize("x", ARGUMENTS, ids=lambda x: f"{type(x).__name__}-{np.ndim(x)}-{np.asarray(x).dtype}")
def test_classes_are_those_of_numpy(function, x):
    assert graphc.jit(function)(x) == function(x)


def test_the_branch_by_class_is_numpys():
    def f(x):
        if isinstance(x, np.ndarray):
            return (x * x).sum()
        return x * 3.0

    g = graphc.grad(f)
    assert g(2.0) == 3.0
    np.testing.assert_array_equal(g(np.ones(2)), [2.0, 2.0])
    assert g(np.array(2.0)) == 4.0
    assert graphc.grad(lambda x: graphc.grad(f)(x) * x)(np.array(2.0)) == 8.0


def test_a_wrong_class_is_pythons_error():
    with pytest.raises(TypeError, match="must be"):
        graphc.jit(lambda x: isinstance(x, 3))(np.ones(2))
