"""The checker accepts right derivatives and finds a planted wrong rule in each mode and order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import graphc
from graphc.ir.opdef import Partials
from graphc.ops.table import OPS
from graphc.testing import check_grads

X = np.array([0.3, -1.2, 2.0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_right_derivatives_pass(dtype):
    check_grads(lambda x: np.sin(x) * x, (X.astype(dtype),), order=2)
    check_grads(
        lambda p, k, n: {"a": p["w"] ** 2 * k * n, "b": p["w"].sum()}, ({"w": X.astype(dtype)}, 2.0, 3), order=2
    )


def test_third_order():
    check_grads(lambda x: (np.exp(x) * x).sum(), (X,), order=3, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_a_planted_wrong_rule_is_found(mode, monkeypatch):
    wrong = dataclasses.replace(OPS["sin"], derivative=Partials(lambda F, y, x: (F.mul(F.cos(x), 1.001),), finite=True))
    monkeypatch.setitem(OPS, "sin", wrong)
    with pytest.raises(AssertionError, match=f"{mode}, order 1"):
        check_grads(lambda x: np.sin(x) * 3.0, (X,), order=1, modes=(mode,))


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_a_wrong_second_derivative_is_found(mode, monkeypatch):
    """The rule's value is right, and what it is made of hides its dependence on x."""
    hidden = Partials(lambda F, y, x: (F.stop_gradient(F.cos(x)),), finite=True)
    monkeypatch.setitem(OPS, "sin", dataclasses.replace(OPS["sin"], derivative=hidden))
    check_grads(lambda x: np.sin(x) * 2.0 + 0.0, (X,), order=1, modes=(mode,))
    with pytest.raises(AssertionError, match=f"{mode}, order 2"):
        check_grads(lambda x: np.sin(x) * 2.0, (X,), order=2, modes=(mode,))


def test_a_cut_gradient_is_found():
    with pytest.raises(AssertionError):
        check_grads(lambda x: graphc.stop_gradient(x) * x, (X,), order=1)


def test_arguments_of_the_checker():
    with pytest.raises(ValueError, match="modes"):
        check_grads(np.sin, (X,), modes=("forward",))
    with pytest.raises(ValueError, match="order"):
        check_grads(np.sin, (X,), order=0)
