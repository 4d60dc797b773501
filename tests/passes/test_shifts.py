"""Whether the gradient of a maximum is cut where it cancels out, and only there."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc import config
from graphc.testing import check_grads


def softmax(x, axis=-1):
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def log_sum_exp(x):
    largest = np.max(x, axis=1)
    return largest + np.log(np.sum(np.exp(x - largest[:, None]), axis=1))


def weighted_mean(x):
    """The weights are products of powers of the same shift."""
    powers = np.exp(2.0 * (x - np.max(x)) / 3.0)
    return np.sum(powers * powers * x) / np.sum(np.exp((x - np.max(x)) * (4.0 / 3.0)))


CANCELS = {
    "softmax": lambda x: np.sum(softmax(x) * np.sin(x)),
    "along the first axis": lambda x: np.sum(softmax(x, 0) ** 2),
    "of all": lambda x: np.sum(softmax(x, (0, 1)) ** 3),
    "scaled": lambda x: np.sum(softmax(x / 4.0) * np.cos(x)),
    "turned": lambda x: np.sum(softmax(x.T).T * np.cos(x)),
    "log of a sum": lambda x: np.sum(log_sum_exp(x) ** 2),
    "log of the shares": lambda x: np.sum((x - log_sum_exp(x)[:, None]) ** 2),
    "by the least": lambda x: np.sum(np.exp(np.min(x) - x) / np.sum(np.exp(-(x - np.min(x))))),
    "powers": weighted_mean,
}

STAYS = {
    "another row's maximum": lambda x: np.sum(
        np.exp(x - np.max(x, axis=0)) / np.sum(np.exp(x - np.max(x)), axis=1)[:, None]
    ),
    "the powers alone": lambda x: np.sum(np.exp(x - np.max(x, axis=1, keepdims=True))),
    "sums over what the shift runs along": lambda x: np.sum(
        np.exp(x - np.max(x, axis=1, keepdims=True)) / np.sum(np.exp(x - np.max(x, axis=1, keepdims=True)))
    ),
    "one more": lambda x: np.sum(np.log(1.0 + np.sum(np.exp(x - np.max(x)))) + np.max(x)),
    "twice the shift": lambda x: np.sum(np.log(np.sum(np.exp(x - 2.0 * np.max(x)))) + np.max(x)),
    "the maximum of the powers": lambda x: np.max(np.exp(x - np.min(x))),
    "a result of its own": lambda x: np.sum(softmax(x)) + np.sum(np.max(x, axis=-1)),
}
X = np.random.default_rng(4).standard_normal((3, 4))


def cut(function):
    """Whether the final graph of the gradient has a stopped value."""
    with config.override(disable_jit=True):
        graph = graphc.grad(function).graph("final", X)
    return any(node.op.name == "stop_gradient" for node in graph.nodes)


@pytest.mark.parametrize("name", CANCELS)
def test_a_maximum_that_cancels_out_is_cut(name):
    with config.override(disable_jit=True):
        assert cut(CANCELS[name])
        check_grads(CANCELS[name], (X,), order=2)


@pytest.mark.parametrize("name", STAYS)
def test_any_other_maximum_is_not(name):
    with config.override(disable_jit=True):
        assert not cut(STAYS[name])
        check_grads(STAYS[name], (X,), order=2)


def test_equal_elements_share_as_they_did():
    x = np.array([[1.0, 1.0, 0.5]])
    gradient = graphc.grad(lambda x: softmax(x)[0, 0])(x)
    shares = softmax(x)[0]
    np.testing.assert_allclose(gradient[0], shares[0] * (np.array([1.0, 0.0, 0.0]) - shares), rtol=1e-14)


def test_no_position_of_the_maximum_is_looked_for():
    with config.override(disable_jit=True):
        graph = graphc.grad(CANCELS["softmax"]).graph("final", X)
    assert not any(node.op.name == "eq" for node in graph.nodes)


def test_explain_says_why():
    gradient = graphc.grad(CANCELS["softmax"])
    gradient(X)
    report = gradient.explain()
    assert "cancels out" in report
    assert "stop_gradient" not in report
