"""An inverse problem for -div(k grad u) + u^3 = f: the solution by Gauss and Seidel, its derivative by the adjoint.

The residual r(u, p) = 0 holds at the solution however that was found, so that the slope of g(u) by p is -w^T dr/dp
with (dr/du)^T w = dg/du (Griewank and Walther, Evaluating Derivatives, 2008, chapter 15): ``graphc.implicit_root``.
The sweeps take Newton's step for one unknown at a time until none changes.
"""

from __future__ import annotations

import numpy as np

import graphc
from tests.programs.frame import Program, check


def faces(k):
    """The conductivity on the faces of the inner cells: east, west, north, south."""
    inner = k[1:-1, 1:-1]
    return tuple(0.5 * (inner + other) for other in (k[1:-1, 2:], k[1:-1, :-2], k[2:, 1:-1], k[:-2, 1:-1]))


def residual(u, log_k, f):
    h = 1.0 / (len(u) + 1)
    w = np.pad(u, 1)
    east, west, north, south = faces(np.exp(log_k))
    flow = east * (w[1:-1, 2:] - u) + west * (w[1:-1, :-2] - u) + north * (w[2:, 1:-1] - u) + south * (w[:-2, 1:-1] - u)
    return -flow / h**2 + u**3 - f


def sweeps(start, log_k, f):
    n = len(start)
    h = 1.0 / (n + 1)
    east, west, north, south = faces(np.exp(log_k))
    u = np.zeros((n + 2, n + 2))
    u[1:-1, 1:-1] = start
    change, count = 1.0, 0
    while change > 1e-14 and count < 1000:
        change = 0.0
        for i in range(n):
            for j in range(n):
                inflow = east[i, j] * u[i + 1, j + 2] + west[i, j] * u[i + 1, j]
                inflow += north[i, j] * u[i + 2, j + 1] + south[i, j] * u[i, j + 1]
                all_faces = east[i, j] + west[i, j] + north[i, j] + south[i, j]
                old = u[i + 1, j + 1]
                r = (all_faces * old - inflow) / h**2 + old**3 - f[i, j]
                u[i + 1, j + 1] = old - r / (all_faces / h**2 + 3 * old**2)
                change = max(change, abs(u[i + 1, j + 1] - old))
        count += 1
    return u[1:-1, 1:-1]


solution = graphc.implicit_root(residual, sweeps)


def misfit_of(u, log_k, target):
    rough = np.sum(np.diff(log_k, axis=0) ** 2) + np.sum(np.diff(log_k, axis=1) ** 2)
    return np.sum((u - target) ** 2) + 1e-3 * rough


def misfit(log_k, f, target):
    return misfit_of(solution(np.zeros_like(f), log_k, f), log_k, target)


def misfit_in_numpy(log_k, f, target):
    return misfit_of(sweeps(np.zeros_like(f), log_k, f), log_k, target)


def arguments(n):
    rng = np.random.default_rng(n)
    return 0.3 * rng.normal(size=(n + 2, n + 2)), 10 + rng.uniform(size=(n, n)), np.full((n, n), 0.5)


def test_misfit():
    check(Program(misfit, (arguments(2), arguments(3)), plain=misfit_in_numpy), dear=True)
