"""The corpus: values as plain Python's, gradients as finite differences', and as those of the unrolled program's."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc import pytree
from graphc.config import override
from graphc.trace import control
from tests.control.corpus import PROGRAMS
from tests.nightly import part


def differences(function, arguments):
    """Central differences along each element of the first argument."""
    leaves, spec = pytree.flatten(arguments[0])

    def at(place, element, step):
        moved = [np.array(leaf, float) for leaf in leaves]
        moved[place].flat[element] += step
        return function(pytree.unflatten(spec, moved), *arguments[1:])

    return [
        np.reshape([(at(k, e, 1e-6) - at(k, e, -1e-6)) / 2e-6 for e in range(leaf.size)], leaf.shape)
        for k, leaf in enumerate(leaves)
    ]


def assert_right(name):
    function, arguments = PROGRAMS[name]
    value, gradient = graphc.value_and_grad(function)(*arguments)
    np.testing.assert_allclose(value, function(*arguments), rtol=1e-12)
    for found, expected in zip(pytree.flatten(gradient)[0], differences(function, arguments), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_interpreted(name):
    with override(disable_jit=True):
        assert_right(name)


@pytest.mark.parametrize("name", part(PROGRAMS, 2, 7))
def test_linear_map_of_the_gradients_direction(name):
    """The derivative along the gradient is its square: of a program whose value is computed in a part of its own."""
    function, (first, *rest) = PROGRAMS[name]
    with override(disable_jit=True):
        value, linear_map = graphc.linearize(lambda w: function(w, *rest), first)
        gradient = graphc.grad(function)(first, *rest)
        np.testing.assert_allclose(value, function(first, *rest), rtol=1e-12)
        squares = sum(float(np.sum(g**2)) for g in pytree.flatten(gradient)[0])
        np.testing.assert_allclose(linear_map(gradient), squares, rtol=1e-9)
        np.testing.assert_allclose(linear_map(pytree.tree_map(lambda g: 2 * g, gradient)), 2 * squares, rtol=1e-9)


@pytest.mark.parametrize("name", part(PROGRAMS, 1, 8))
def test_compiled(name):
    assert_right(name)


@pytest.mark.parametrize("name", part(PROGRAMS, 4, 9))
def test_unrolled(name, monkeypatch):
    function, arguments = PROGRAMS[name]
    with override(disable_jit=True):
        staged = graphc.grad(function)(*arguments)
        monkeypatch.setattr(control, "UNROLLED", 1000)
        unrolled = graphc.grad(function)(*arguments)
    for a, b in zip(pytree.flatten(staged)[0], pytree.flatten(unrolled)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_the_corpus_is_large():
    assert len(PROGRAMS) >= 60
