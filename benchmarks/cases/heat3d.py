"""Explicit steps of the heat equation in three dimensions, two arrays in turn."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import Work


def heat(start, rate, steps):
    u = start.copy()
    for _ in range(steps):
        new = u.copy()
        new[1:-1, 1:-1, 1:-1] = u[1:-1, 1:-1, 1:-1] + rate * (
            u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1]
            + u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1]
            + u[1:-1, 1:-1, 2:] + u[1:-1, 1:-1, :-2]
            - 6.0 * u[1:-1, 1:-1, 1:-1]
        )  # fmt: skip
        u = new
    return np.sum(u * u)


def inputs(rng: np.random.Generator, n: int, steps: int) -> tuple[Any, ...]:
    return rng.standard_normal((n, n, n)), 0.1, steps


def work(n: int, steps: int) -> Work:
    """Nine operations an element there, nine back."""
    return Work("float64", moved=16 * n**3, operations=18 * steps * n**3)


def torch_version():
    def heat(start, rate, steps):
        u = start
        for _ in range(steps):
            new = u.clone()
            new[1:-1, 1:-1, 1:-1] += rate * (
                u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1]
                + u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1]
                + u[1:-1, 1:-1, 2:] + u[1:-1, 1:-1, :-2]
                - 6.0 * u[1:-1, 1:-1, 1:-1]
            )  # fmt: skip
            u = new
        return (u * u).sum()

    return heat


def jax_version():
    from functools import partial

    from jax import lax
    from jax import numpy as jnp

    def step(rate, u, _):
        change = rate * (
            u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1]
            + u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1]
            + u[1:-1, 1:-1, 2:] + u[1:-1, 1:-1, :-2]
            - 6.0 * u[1:-1, 1:-1, 1:-1]
        )  # fmt: skip
        return u.at[1:-1, 1:-1, 1:-1].add(change), None

    def heat(start, rate, steps):
        u, _ = lax.scan(partial(step, rate), start, None, length=steps)
        return jnp.sum(u * u)

    return heat


def numba_primal_version():
    from numba import njit

    @njit
    def heat(start, rate, steps):
        u, new = start.copy(), start.copy()
        n, m, p = u.shape
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    for k in range(1, p - 1):
                        around = (
                            u[i + 1, j, k] + u[i - 1, j, k]
                            + u[i, j + 1, k] + u[i, j - 1, k]
                            + u[i, j, k + 1] + u[i, j, k - 1]
                        )  # fmt: skip
                        new[i, j, k] = u[i, j, k] + rate * (around - 6.0 * u[i, j, k])
            u, new = new, u
        return np.sum(u * u)

    return heat


CASES = (
    Case(
        "heat3d",
        "heat equation, 64 x 64 x 64, 50 steps, f64",
        heat,
        inputs,
        {"n": 64, "steps": 50},
        {"n": 5, "steps": 3},
        {"torch": torch_version, "jax": jax_version, "numba_primal": numba_primal_version},
        suite="loops",
        static=(2,),
        work=work,
    ),
)
