"""t-SNE: points of a plane whose neighbours are those of points in more dimensions.

p_{j|i} is a Gaussian in the distances from i whose width gives each point the same perplexity, found by bisection;
p = (p_{j|i} + p_{i|j}) / 2n, and q_ij ~ 1 / (1 + |y_i - y_j|^2). The loss is sum p log(p / q), its gradient

    dL/dy_i = 4 sum_j (p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2)

(van der Maaten and Hinton, 2008, equations 1 to 5 and appendix A).
"""

from __future__ import annotations

import numpy as np

from tests.programs.frame import Program, check, check_hvp, thorough


def conditional(distances, i, perplexity):
    """The neighbours' shares of point i."""
    low, high, beta = 0.0, np.inf, 1.0
    for _ in range(50):
        w = np.exp(-distances * beta)
        w[i] = 0.0
        entropy = np.log(np.sum(w)) + beta * np.sum(distances * w) / np.sum(w)
        if entropy > np.log(perplexity):
            low = beta
            beta = beta * 2 if np.isinf(high) else (beta + high) / 2
        else:
            high = beta
            beta = (beta + low) / 2
    return w / np.sum(w)


def affinities(x, perplexity):
    distances = np.sum((x[:, None] - x[None]) ** 2, axis=-1)
    p = np.array([conditional(row, i, perplexity) for i, row in enumerate(distances)])
    return np.maximum((p + p.T) / (2 * len(x)), 1e-12)


def similarities(y):
    square = np.sum(y**2, axis=1)
    near = 1 / (1 + square[:, None] + square[None, :] - 2 * y @ y.T)
    near[np.arange(len(y)), np.arange(len(y))] = 0.0
    return near


def divergence(y, p):
    near = similarities(y)
    q = np.maximum(near / np.sum(near), 1e-12)
    return np.sum(p * np.log(p / q))


def on_paper(arguments, direction):
    y, p = arguments
    near = similarities(y)
    weights = (p - near / np.sum(near) * np.sum(p)) * near
    np.fill_diagonal(weights, 0.0)
    return 4 * np.sum((np.sum(weights, axis=1)[:, None] * y - weights @ y) * direction)


def arguments(n):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 4)) + 3 * (np.arange(n) % 2)[:, None]
    return rng.normal(size=(n, 2)), affinities(x, 4.0)


PROGRAM = Program(divergence, (arguments(10), arguments(17)), derivative=on_paper, rtol=1e-9)


def test_divergence():
    value_and_gradient = check(PROGRAM)
    y, p = PROGRAM.calls[1]
    start = divergence(y, p)
    for _ in range(300):
        y = y - 5.0 * value_and_gradient(y, p)[1]
    assert divergence(y, p) < 0.2 * start


@thorough
def test_hessian_times_a_vector():
    check_hvp(PROGRAM)
