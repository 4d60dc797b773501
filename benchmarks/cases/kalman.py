"""The negative log-likelihood of a linear Gaussian model, by the Kalman filter: small matrices, many steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import DIVISION, FUNCTION, Work

STATES = 4


def surprise(transition, process_noise, readout, noise, observed):
    n = transition.shape[0]
    mean, spread = np.zeros(n), np.eye(n)
    total = 0.0
    for t in range(observed.shape[0]):
        mean = transition @ mean
        spread = transition @ spread @ transition.T + process_noise
        gain = spread @ readout
        variance = readout @ gain + noise
        error = observed[t] - readout @ mean
        total += 0.5 * (np.log(2.0 * np.pi * variance) + error**2 / variance)
        mean = mean + gain * (error / variance)
        spread = spread - np.outer(gain, gain) / variance
    return total


def inputs(rng: np.random.Generator, steps: int) -> tuple[Any, ...]:
    transition = np.array([[1.0, 0.1, 0.0, 0.0], [-0.1, 0.95, 0.1, 0.0], [0.0, 0.0, 1.0, 0.1], [0.1, 0.0, -0.1, 0.9]])
    noise = 0.1 * rng.standard_normal((STATES, STATES))
    readout = np.array([1.0, 0.0, 0.5, 0.0])
    return transition, noise @ noise.T + 0.1 * np.eye(STATES), readout, 0.5, rng.standard_normal(steps)


def work(steps: int) -> Work:
    """Two products of matrices a step, four back, and the little beside them."""
    products = 6 * 2 * STATES**3
    return Work("float64", moved=8 * steps, operations=steps * (products + 20 * STATES**2 + 3 * DIVISION + FUNCTION))


def torch_version():
    import torch

    def surprise(transition, process_noise, readout, noise, observed):
        n = transition.shape[0]
        mean, spread = torch.zeros(n, dtype=observed.dtype), torch.eye(n, dtype=observed.dtype)
        total = torch.zeros((), dtype=observed.dtype)
        for t in range(observed.shape[0]):
            mean = transition @ mean
            spread = transition @ spread @ transition.T + process_noise
            gain = spread @ readout
            variance = readout @ gain + noise
            error = observed[t] - readout @ mean
            total = total + 0.5 * (torch.log(2.0 * np.pi * variance) + error**2 / variance)
            mean = mean + gain * (error / variance)
            spread = spread - torch.outer(gain, gain) / variance
        return total

    return surprise


def jax_version():
    from jax import lax
    from jax import numpy as jnp

    def surprise(transition, process_noise, readout, noise, observed):
        n = transition.shape[0]

        def step(state, seen):
            mean, spread, total = state
            mean = transition @ mean
            spread = transition @ spread @ transition.T + process_noise
            gain = spread @ readout
            variance = readout @ gain + noise
            error = seen - readout @ mean
            total = total + 0.5 * (jnp.log(2.0 * np.pi * variance) + error**2 / variance)
            mean = mean + gain * (error / variance)
            return (mean, spread - jnp.outer(gain, gain) / variance, total), None

        (_, _, total), _ = lax.scan(step, (jnp.zeros(n), jnp.eye(n), 0.0), observed)
        return total

    return surprise


def numba_primal_version():
    from numba import njit

    return njit(surprise)


CASES = (
    Case(
        "kalman",
        "Kalman filter, 4 states, 1e4 steps, f64",
        surprise,
        inputs,
        {"steps": 10_000},
        {"steps": 4},
        {"torch": torch_version, "jax": jax_version, "numba_primal": numba_primal_version},
        argnums=(0, 1, 2),
        suite="loops",
        work=work,
    ),
)
