"""The Sinkhorn distance of two weighted clouds of points, and its divergence.

The entropic transport plan P_ij = a_i b_j e^((f_i + g_j - C_ij) / eps) has the given marginals a and b where

    f_i = -eps log sum_j b_j e^((g_j - C_ij) / eps),   alternating with the same for g

(Cuturi, 2013; Peyre and Cuturi, Computational Optimal Transport, 2019, section 4.4), here in the domain of logarithms.
At convergence the distance's gradient by the points is that of sum_ij P_ij C_ij with P held fixed (the envelope
theorem). The divergence S(a, b) - S(a, a) / 2 - S(b, b) / 2 takes off what blurring adds (Feydy et al., 2019).
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from tests.programs.frame import Program, check, check_hvp, thorough


def cost_matrix(x, y):
    return np.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=-1)


def potentials(cost, log_a, log_b, blur, tolerance=1e-12, iterations=2000):
    f, g = np.zeros_like(log_a), np.zeros_like(log_b)
    for _ in range(iterations):
        before = f
        f = -blur * logsumexp((g - cost) / blur + log_b, axis=1)
        g = -blur * logsumexp((f[:, None] - cost) / blur + log_a[:, None], axis=0)
        if np.abs(f - before).max() < tolerance:
            break
    return f, g


def sinkhorn(x, y, a, b, blur):
    cost, log_a, log_b = cost_matrix(x, y), np.log(a), np.log(b)
    f, g = potentials(cost, log_a, log_b, blur)
    return f @ a + g @ b


def divergence(x, y, a, b, blur):
    return sinkhorn(x, y, a, b, blur) - 0.5 * sinkhorn(x, x, a, a, blur) - 0.5 * sinkhorn(y, y, b, b, blur)


def by_the_plan(arguments, direction):
    """The envelope theorem's derivative by the points."""
    x, y, a, b, blur = arguments
    cost = cost_matrix(x, y)
    f, g = potentials(cost, np.log(a), np.log(b), blur)
    plan = a[:, None] * b * np.exp((f[:, None] + g - cost) / blur)
    np.testing.assert_allclose(plan.sum(axis=0), b, rtol=1e-10)
    return 2 * np.sum(plan[:, :, None] * (x[:, None] - y) * direction[:, None])


def arguments(m, n, dimension):
    rng = np.random.default_rng(m)
    a, b = rng.uniform(0.5, 1.5, m), rng.uniform(0.5, 1.5, n)
    return rng.normal(size=(m, dimension)), rng.normal(size=(n, dimension)) + 0.5, a / a.sum(), b / b.sum(), 2.0


CALLS = (arguments(6, 5, 2), arguments(9, 12, 3))
DISTANCE = Program(sinkhorn, CALLS, derivative=by_the_plan)


def test_distance():
    check(DISTANCE)


@thorough
def test_divergence():
    check(Program(divergence, CALLS))


@thorough
def test_hessian_times_a_vector():
    check_hvp(DISTANCE)
