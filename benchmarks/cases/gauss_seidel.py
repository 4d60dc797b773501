"""Gauss-Seidel sweeps of the Laplace equation, in place: each element needs the one before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import Work


def relaxed(start, sweeps):
    u = start.copy()
    n, m = u.shape
    for _ in range(sweeps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
    return np.sum(u * u)


def inputs(rng: np.random.Generator, n: int, sweeps: int) -> tuple[Any, ...]:
    return rng.standard_normal((n, n)), sweeps


def work(n: int, sweeps: int) -> Work:
    """Four operations an element there, eight back."""
    return Work("float64", moved=16 * n * n, operations=12 * sweeps * n * n)


def jax_version():
    """A scan over sweeps, in it one over rows, in it one over the elements of a row."""
    from jax import lax
    from jax import numpy as jnp

    def row(above, own_and_below):
        own, below = own_and_below

        def element(left, around):
            found = 0.25 * (left + around)
            return found, found

        _, inner = lax.scan(element, own[0], above[1:-1] + below[1:-1] + own[2:])
        fresh = jnp.concatenate([own[:1], inner, own[-1:]])
        return fresh, fresh

    def sweep(u, _):
        _, rows = lax.scan(row, u[0], (u[1:-1], u[2:]))
        return jnp.concatenate([u[:1], rows, u[-1:]]), None

    def relaxed(start, sweeps):
        u, _ = lax.scan(sweep, start, None, length=sweeps)
        return jnp.sum(u * u)

    return relaxed


def numba_primal_version():
    from numba import njit

    @njit
    def relaxed(start, sweeps):
        u = start.copy()
        n, m = u.shape
        for _ in range(sweeps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
        return np.sum(u * u)

    return relaxed


CASES = (
    Case(
        "gauss_seidel",
        "Gauss-Seidel, 400 x 400, 100 sweeps, f64",
        relaxed,
        inputs,
        {"n": 400, "sweeps": 100},
        {"n": 6, "sweeps": 3},
        {"jax": jax_version, "numba_primal": numba_primal_version},
        suite="loops",
        static=(1,),
        work=work,
    ),
)
