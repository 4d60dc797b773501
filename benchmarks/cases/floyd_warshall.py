"""Shortest paths between all pairs, in place: a minimum at each step, whose gradient follows the shorter way."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import Work


def path_lengths(lengths):
    d = lengths.copy()
    n = d.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                around = d[i, k] + d[k, j]
                if around < d[i, j]:  # noqa: PLR1730 (as Numba users write it)
                    d[i, j] = around
    return np.sum(d)


def inputs(rng: np.random.Generator, n: int) -> tuple[Any, ...]:
    return (rng.uniform(0.1, 1.0, (n, n)),)


def work(n: int) -> Work:
    """An addition and a comparison there, a comparison and two additions back."""
    return Work("float64", moved=16 * n * n, operations=5 * n**3)


def torch_version():
    import torch

    def path_lengths(lengths):
        d = lengths
        for k in range(d.shape[0]):
            d = torch.minimum(d, d[:, k, None] + d[None, k])
        return d.sum()

    return path_lengths


def jax_version():
    from jax import lax
    from jax import numpy as jnp

    def path_lengths(lengths):
        def step(d, k):
            return jnp.minimum(d, d[:, k, None] + d[None, k]), None

        d, _ = lax.scan(step, lengths, jnp.arange(lengths.shape[0]))
        return jnp.sum(d)

    return path_lengths


def numba_primal_version():
    from numba import njit

    @njit
    def path_lengths(lengths):
        d = lengths.copy()
        n = d.shape[0]
        for k in range(n):
            for i in range(n):
                for j in range(n):
                    d[i, j] = min(d[i, j], d[i, k] + d[k, j])
        return np.sum(d)

    return path_lengths


CASES = (
    Case(
        "floyd_warshall",
        "Floyd-Warshall, 200 nodes, f64",
        path_lengths,
        inputs,
        {"n": 200},
        {"n": 5},
        {"torch": torch_version, "jax": jax_version, "numba_primal": numba_primal_version},
        suite="loops",
        work=work,
    ),
)
