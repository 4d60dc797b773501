"""The Rosenbrock function: at 10 entries the cost of a call, at a million a fused stencil."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import Work


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def inputs(rng: np.random.Generator, n: int) -> tuple[Any, ...]:
    return (rng.uniform(-1.5, 1.5, n),)


def work(n: int) -> Work:
    return Work("float64", moved=16 * n, operations=12 * n)


def autograd_version():
    import autograd.numpy as np

    def rosen(x):
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return rosen


def torch_version():
    def rosen(x):
        return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()

    return rosen


def jax_version():
    import jax.numpy as jnp

    def rosen(x):
        return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return rosen


def pytensor_version():
    import pytensor.tensor as pt

    def rosen(x):
        return pt.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return rosen


def numba_version():
    from numba import njit

    @njit(fastmath={"contract"})
    def gradient(x):
        n = x.shape[0]
        result = np.empty_like(x)
        below = 0.0
        for i in range(n - 1):
            residual = x[i + 1] - x[i] * x[i]
            result[i] = below - 400.0 * x[i] * residual - 2.0 * (1.0 - x[i])
            below = 200.0 * residual
        result[n - 1] = below
        return result

    return gradient


VERSIONS = {
    "autograd": autograd_version,
    "torch": torch_version,
    "jax": jax_version,
    "pytensor": pytensor_version,
    "numba": numba_version,
}

CASES = (
    Case("rosen_10", "Rosenbrock, 10 doubles", rosen, inputs, {"n": 10}, {"n": 10}, VERSIONS, main=True, work=work),
    Case("rosen_1e6", "Rosenbrock, 1e6 doubles", rosen, inputs, {"n": 10**6}, {"n": 50}, VERSIONS, work=work),
)
