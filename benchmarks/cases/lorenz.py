"""The Lorenz system by the classical Runge-Kutta method: a state of three numbers, many steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import Work

STEP = 1e-4  # short enough that the chaotic system does not make noise of rounding in 1e5 steps


def flow(state, parameters):
    x, y, z = state
    sigma, rho, beta = parameters
    return np.array([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])


def end(parameters, start, steps):
    state = start
    for _ in range(steps):
        k1 = flow(state, parameters)
        k2 = flow(state + 0.5 * STEP * k1, parameters)
        k3 = flow(state + 0.5 * STEP * k2, parameters)
        k4 = flow(state + STEP * k3, parameters)
        state = state + STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return np.sum(state**2)


def inputs(rng: np.random.Generator, steps: int) -> tuple[Any, ...]:
    return np.array([10.0, 28.0, 8.0 / 3.0]), rng.standard_normal(3), steps


def work(steps: int) -> Work:
    """Some 70 operations a step, and twice as many back."""
    return Work("float64", moved=72, operations=210 * steps)


def torch_version():
    import torch

    def flow(state, parameters):
        x, y, z = state
        sigma, rho, beta = parameters
        return torch.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])

    def end(parameters, start, steps):
        state = start
        for _ in range(steps):
            k1 = flow(state, parameters)
            k2 = flow(state + 0.5 * STEP * k1, parameters)
            k3 = flow(state + 0.5 * STEP * k2, parameters)
            k4 = flow(state + STEP * k3, parameters)
            state = state + STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        return (state**2).sum()

    return end


def jax_version():
    from jax import lax
    from jax import numpy as jnp

    def flow(state, parameters):
        x, y, z = state
        sigma, rho, beta = parameters
        return sigma * (y - x), x * (rho - z) - y, x * y - beta * z

    def moved(state, step, k):
        return tuple(s + step * d for s, d in zip(state, k, strict=True))

    def end(parameters, start, steps):
        constants = tuple(parameters)

        def one(state, _):
            k1 = flow(state, constants)
            k2 = flow(moved(state, 0.5 * STEP, k1), constants)
            k3 = flow(moved(state, 0.5 * STEP, k2), constants)
            k4 = flow(moved(state, STEP, k3), constants)
            mean = tuple(a + 2.0 * b + 2.0 * c + d for a, b, c, d in zip(k1, k2, k3, k4, strict=True))
            return moved(state, STEP / 6.0, mean), None

        state, _ = lax.scan(one, tuple(start), None, length=steps)
        return jnp.sum(jnp.stack(state) ** 2)

    return end


def numba_primal_version():
    from numba import njit

    @njit
    def flow(x, y, z, sigma, rho, beta):
        return sigma * (y - x), x * (rho - z) - y, x * y - beta * z

    @njit
    def end(parameters, start, steps):
        sigma, rho, beta = parameters
        x, y, z = start
        half, sixth = 0.5 * STEP, STEP / 6.0
        for _ in range(steps):
            a1, b1, c1 = flow(x, y, z, sigma, rho, beta)
            a2, b2, c2 = flow(x + half * a1, y + half * b1, z + half * c1, sigma, rho, beta)
            a3, b3, c3 = flow(x + half * a2, y + half * b2, z + half * c2, sigma, rho, beta)
            a4, b4, c4 = flow(x + STEP * a3, y + STEP * b3, z + STEP * c3, sigma, rho, beta)
            x += sixth * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
            y += sixth * (b1 + 2.0 * b2 + 2.0 * b3 + b4)
            z += sixth * (c1 + 2.0 * c2 + 2.0 * c3 + c4)
        return x * x + y * y + z * z

    return end


CASES = (
    Case(
        "lorenz",
        "Lorenz, Runge-Kutta of order 4, 1e5 steps, f64",
        end,
        inputs,
        {"steps": 100_000},
        {"steps": 5},
        {"torch": torch_version, "jax": jax_version, "numba_primal": numba_primal_version},
        suite="loops",
        static=(2,),
        work=work,
    ),
)
