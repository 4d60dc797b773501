"""What the tests of higher derivatives and batches share: numbers, functions, differences."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(5)
X = RNG.normal(size=(5, 3))
W, V = RNG.normal(size=3), RNG.normal(size=3)
POINT = np.array([0.7, -1.1, 0.3])
CLOSE = {"rtol": 1e-11, "atol": 1e-11}


def loss(w, x=X):
    return np.sum(np.tanh(x @ w) ** 2) + np.prod(w)


def curve(w):
    return np.concatenate([np.sin(X @ w), w[:2] ** 3])


def columns(function, x, eps=1e-6):
    """The Jacobian of a plain function by central differences."""
    x = np.asarray(x, float)
    rows = []
    for k in range(x.size):
        step = np.zeros(x.size)
        step[k] = eps
        ends = [np.asarray(function(x + sign * step.reshape(x.shape))) for sign in (1, -1)]
        rows.append((ends[0] - ends[1]) / (2 * eps))
    return np.moveaxis(np.array(rows), 0, -1).reshape(rows[0].shape + x.shape)
