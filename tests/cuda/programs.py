"""Programs for CUDA tests: each a plain NumPy function and its arguments, and what it stresses."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(7)
X, W = RNG.normal(size=(23, 11)), RNG.normal(size=11)
LABELS = RNG.integers(0, 11, size=23)


def cross_entropy(x, labels):
    shifted = x - np.max(x, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(shifted), axis=1)) - shifted[np.arange(len(x)), labels])


def stencil(x):
    return np.sum((x[1:, 1:] - x[:-1, :-1]) ** 2 * np.sin(x[1:, :-1]))


def layer(x, w):
    return np.sum(np.tanh(x @ np.outer(w, w) + w) ** 2)


def best_of_each(x):
    return np.sum(np.max(x, axis=1) * np.min(x, axis=1)) + x[np.argmax(x[:, 0]), np.argmin(x[3])]


def running(x):
    return np.sum(np.cumsum(x, axis=1) ** 2 * np.cumsum(np.sin(x), axis=0))


def columns(x):
    return np.sum(np.std(x, axis=0) * np.mean(x, axis=0)) + np.prod(x[0])


def scattered(x, labels):
    sums = np.zeros(11)
    np.add.at(sums, labels, np.sum(x, axis=1))
    return np.sum(sums**2)


def above(x):
    return np.sum(x[x > 0.3] ** 2)


def steps(x, w):
    for k in range(3):
        w = w + 0.1 * np.tanh(x[k] * w)
    while np.sum(w * w) < 50:
        w = w * 1.5
    return np.sum(w)


def driven(x, forces):
    """Lanes that never meet: each row of the forces moves every x, and a single number tells the time."""
    time, path = 0.0, np.zeros_like(forces)
    for k in range(len(forces)):
        x = x + 0.1 * (np.cos(time) - x) * forces[k]
        path[k] = x * x
        time = time + 0.1 * np.sin(time + 1)
    return np.sum(path) * time + np.sum(x)


def table(w):
    """Dynamic time warping: nested loops over a table whose sizes are sums."""
    size = len(w)
    cost = np.full((size + 1, size + 1), np.inf)
    cost[0, 0] = 0
    for i in range(1, size + 1):
        for j in range(1, size + 1):
            cost[i, j] = (w[i - 1] - w[size - j] * 1.1) ** 2 + min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
    return cost[size, size]


PROGRAMS = {
    "rows": (cross_entropy, (X, LABELS)), "stencil": (stencil, (X,)), "products": (layer, (X, W)),
    "best": (best_of_each, (X,)), "scans": (running, (X,)), "columns": (columns, (X,)),
    "scatter": (scattered, (X, LABELS)), "masks": (above, (X,)),
    "nested loops": (table, (W[:4],)), "lanes": (driven, (W, X)),
    "single precision": (layer, (X.astype("f4"), W.astype("f4"))),
}  # fmt: skip
