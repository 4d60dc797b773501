"""The likelihood of a hidden Markov model by the forward algorithm, scaled at each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import DIVISION, FUNCTION, Work

SYMBOLS = 16


def surprise(transition, emission, start, observed):
    alpha = start * emission[:, observed[0]]
    total = 0.0
    for t in range(1, observed.shape[0]):
        alpha = (alpha @ transition) * emission[:, observed[t]]
        scale = np.sum(alpha)
        alpha = alpha / scale
        total -= np.log(scale)
    return total


def inputs(rng: np.random.Generator, states: int, steps: int) -> tuple[Any, ...]:
    transition, emission = rng.uniform(0.1, 1.0, (states, states)), rng.uniform(0.1, 1.0, (states, SYMBOLS))
    transition /= transition.sum(axis=1, keepdims=True)
    emission /= emission.sum(axis=1, keepdims=True)
    return transition, emission, np.full(states, 1.0 / states), rng.integers(0, SYMBOLS, steps)


def work(states: int, steps: int) -> Work:
    """A product of a matrix and a vector there; one, and one of two vectors, back."""
    return Work("float64", moved=8 * steps, operations=steps * (6 * states**2 + 10 * states + FUNCTION + 2 * DIVISION))


def torch_version():
    import torch

    def surprise(transition, emission, start, observed):
        alpha = start * emission[:, observed[0]]
        total = torch.zeros((), dtype=start.dtype)
        for t in range(1, observed.shape[0]):
            alpha = (alpha @ transition) * emission[:, observed[t]]
            scale = alpha.sum()
            alpha = alpha / scale
            total = total - torch.log(scale)
        return total

    return surprise


def jax_version():
    from jax import lax
    from jax import numpy as jnp

    def surprise(transition, emission, start, observed):
        def step(state, symbol):
            alpha, total = state
            alpha = (alpha @ transition) * emission[:, symbol]
            scale = jnp.sum(alpha)
            return (alpha / scale, total - jnp.log(scale)), None

        (_, total), _ = lax.scan(step, (start * emission[:, observed[0]], 0.0), observed[1:])
        return total

    return surprise


def numba_primal_version():
    from numba import njit

    @njit
    def surprise(transition, emission, start, observed):
        n = start.shape[0]
        alpha, fresh = start * emission[:, observed[0]], np.empty(n)
        total = 0.0
        for t in range(1, observed.shape[0]):
            symbol = observed[t]
            fresh[:] = 0.0
            for i in range(n):
                for j in range(n):
                    fresh[j] += alpha[i] * transition[i, j]
            scale = 0.0
            for j in range(n):
                fresh[j] *= emission[j, symbol]
                scale += fresh[j]
            for j in range(n):
                alpha[j] = fresh[j] / scale
            total -= np.log(scale)
        return total

    return surprise


CASES = (
    Case(
        "hmm",
        "HMM forward algorithm, 32 states, 1e4 steps, f64",
        surprise,
        inputs,
        {"states": 32, "steps": 10_000},
        {"states": 3, "steps": 5},
        {"torch": torch_version, "jax": jax_version, "numba_primal": numba_primal_version},
        argnums=(0, 1),
        suite="loops",
        work=work,
    ),
)
