"""Black-Scholes: delta and vega of a million options at once; fused transcendental functions and threads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import erf

from benchmarks.case import Case
from benchmarks.roofline import DIVISION, FUNCTION, Work

STRIKE, RATE, YEARS = 100.0, 0.05, 1.0


def total_price(spot, volatility):
    spread = volatility * math.sqrt(YEARS)
    d1 = (np.log(spot / STRIKE) + (RATE + 0.5 * volatility**2) * YEARS) / spread
    d2 = d1 - spread
    above, below = 0.5 * (1.0 + erf(d1 / math.sqrt(2.0))), 0.5 * (1.0 + erf(d2 / math.sqrt(2.0)))
    return np.sum(spot * above - STRIKE * math.exp(-RATE * YEARS) * below)


def inputs(rng: np.random.Generator, n: int, dtype: str) -> tuple[Any, ...]:
    return rng.uniform(50.0, 150.0, n).astype(dtype), rng.uniform(0.1, 0.6, n).astype(dtype)


def work(n: int, dtype: str) -> Work:
    """A logarithm, two error functions and the two exponentials of their derivatives, two quotients."""
    return Work(dtype, moved=4 * n * np.dtype(dtype).itemsize, operations=n * (5 * FUNCTION + 2 * DIVISION + 30))


def autograd_version():
    import autograd.numpy as np
    from autograd.scipy.special import erf

    def total_price(spot, volatility):
        spread = volatility * math.sqrt(YEARS)
        d1 = (np.log(spot / STRIKE) + (RATE + 0.5 * volatility**2) * YEARS) / spread
        d2 = d1 - spread
        above, below = 0.5 * (1.0 + erf(d1 / math.sqrt(2.0))), 0.5 * (1.0 + erf(d2 / math.sqrt(2.0)))
        return np.sum(spot * above - STRIKE * math.exp(-RATE * YEARS) * below)

    return total_price


def torch_version():
    import torch

    def total_price(spot, volatility):
        spread = volatility * math.sqrt(YEARS)
        d1 = (torch.log(spot / STRIKE) + (RATE + 0.5 * volatility**2) * YEARS) / spread
        d2 = d1 - spread
        above, below = torch.special.ndtr(d1), torch.special.ndtr(d2)
        return torch.sum(spot * above - STRIKE * math.exp(-RATE * YEARS) * below)

    return total_price


def jax_version():
    import jax.numpy as jnp
    from jax.scipy.special import erf

    def total_price(spot, volatility):
        spread = volatility * math.sqrt(YEARS)
        d1 = (jnp.log(spot / STRIKE) + (RATE + 0.5 * volatility**2) * YEARS) / spread
        d2 = d1 - spread
        above, below = 0.5 * (1.0 + erf(d1 / math.sqrt(2.0))), 0.5 * (1.0 + erf(d2 / math.sqrt(2.0)))
        return jnp.sum(spot * above - STRIKE * math.exp(-RATE * YEARS) * below)

    return total_price


def pytensor_version():
    import pytensor.tensor as pt

    def total_price(spot, volatility):
        spread = volatility * math.sqrt(YEARS)
        d1 = (pt.log(spot / STRIKE) + (RATE + 0.5 * volatility**2) * YEARS) / spread
        d2 = d1 - spread
        above, below = 0.5 * (1.0 + pt.erf(d1 / math.sqrt(2.0))), 0.5 * (1.0 + pt.erf(d2 / math.sqrt(2.0)))
        return pt.sum(spot * above - STRIKE * math.exp(-RATE * YEARS) * below)

    return total_price


def numba_version():
    from numba import njit, prange

    @njit(fastmath={"contract"}, parallel=True)
    def gradient(spot, volatility):
        delta, vega = np.empty_like(spot), np.empty_like(spot)
        for i in prange(spot.shape[0]):
            spread = volatility[i] * math.sqrt(YEARS)
            d1 = (math.log(spot[i] / STRIKE) + (RATE + 0.5 * volatility[i] ** 2) * YEARS) / spread
            delta[i] = 0.5 * (1.0 + math.erf(d1 / math.sqrt(2.0)))
            vega[i] = spot[i] * math.sqrt(YEARS) * math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
        return delta, vega

    return gradient


VERSIONS = {
    "autograd": autograd_version,
    "torch": torch_version,
    "jax": jax_version,
    "pytensor": pytensor_version,
    "numba": numba_version,
}


def case(name: str, what: str, dtype: str, rtol: float, *, main: bool = False) -> Case:
    sizes, small_sizes = {"n": 10**6, "dtype": dtype}, {"n": 40, "dtype": dtype}
    return Case(
        name, what, total_price, inputs, sizes, small_sizes, VERSIONS, argnums=(0, 1), rtol=rtol, main=main, work=work
    )


CASES = (
    case("black_scholes", "Black-Scholes, 1e6 options, 2 inputs, f64", "float64", 1e-9, main=True),
    case("black_scholes_f32", "Black-Scholes, 1e6 options, 2 inputs, f32", "float32", 1e-4),
)
