"""Jacobi iterations of the Laplace equation, element by element into a second array."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import Work


def relaxed(start, sweeps):
    u = start.copy()
    n, m = u.shape
    for _ in range(sweeps):
        new = u.copy()
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                new[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
        u = new
    return np.sum(u * u)


def inputs(rng: np.random.Generator, n: int, sweeps: int) -> tuple[Any, ...]:
    return rng.standard_normal((n, n)), sweeps


def work(n: int, sweeps: int) -> Work:
    """Four operations an element there, four back."""
    return Work("float64", moved=16 * n * n, operations=8 * sweeps * n * n)


def torch_version():
    def relaxed(start, sweeps):
        u = start
        for _ in range(sweeps):
            new = u.clone()
            new[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:])
            u = new
        return (u * u).sum()

    return relaxed


def jax_version():
    from jax import lax
    from jax import numpy as jnp

    def step(u, _):
        inner = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:])
        return u.at[1:-1, 1:-1].set(inner), None

    def relaxed(start, sweeps):
        u, _ = lax.scan(step, start, None, length=sweeps)
        return jnp.sum(u * u)

    return relaxed


def numba_primal_version():
    from numba import njit

    @njit
    def relaxed(start, sweeps):
        u, new = start.copy(), start.copy()
        n, m = u.shape
        for _ in range(sweeps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    new[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
            u, new = new, u
        return np.sum(u * u)

    return relaxed


CASES = (
    Case(
        "jacobi",
        "Jacobi, 400 x 400, 100 iterations, f64",
        relaxed,
        inputs,
        {"n": 400, "sweeps": 100},
        {"n": 6, "sweeps": 3},
        {"torch": torch_version, "jax": jax_version, "numba_primal": numba_primal_version},
        suite="loops",
        static=(1,),
        work=work,
    ),
)
