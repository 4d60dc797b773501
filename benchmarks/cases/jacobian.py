"""Jacobians of maps from 200 numbers to 200: two layers, and a map whose parts are coupled by sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import FUNCTION, Work


def layers(x, inner, outer):
    return np.tanh(outer @ np.tanh(inner @ x))


def layers_inputs(rng: np.random.Generator, width: int) -> tuple[Any, ...]:
    inner, outer = rng.standard_normal((2, width, width)) / np.sqrt(width)
    return rng.standard_normal(width), inner, outer


def layers_work(width: int) -> Work:
    """One product of the two matrices, with the slopes between them."""
    return Work("float64", 8 * 3 * width**2, 2 * width**3 + 4 * width**2)


def coupled(x):
    return np.sin(x) * np.sum(x**2) + np.cumsum(np.exp(-x))


def coupled_inputs(rng: np.random.Generator, width: int) -> tuple[Any, ...]:
    return (rng.standard_normal(width),)


def coupled_work(width: int) -> Work:
    """An outer product, a triangle and a diagonal."""
    return Work("float64", 8 * width**2, 2 * width**2 + 3 * FUNCTION * width)


def autograd_layers():
    import autograd.numpy as np

    return lambda x, inner, outer: np.tanh(outer @ np.tanh(inner @ x))


def torch_layers():
    import torch

    return lambda x, inner, outer: torch.tanh(outer @ torch.tanh(inner @ x))


def jax_layers():
    import jax.numpy as jnp

    return lambda x, inner, outer: jnp.tanh(outer @ jnp.tanh(inner @ x))


def autograd_coupled():
    import autograd.numpy as np

    return lambda x: np.sin(x) * np.sum(x**2) + np.cumsum(np.exp(-x))


def torch_coupled():
    import torch

    return lambda x: torch.sin(x) * torch.sum(x**2) + torch.cumsum(torch.exp(-x), 0)


def jax_coupled():
    import jax.numpy as jnp

    return lambda x: jnp.sin(x) * jnp.sum(x**2) + jnp.cumsum(jnp.exp(-x))


CASES = (
    Case(
        "jacobian_layers",
        "Jacobian of two layers, 200 to 200, f64",
        layers,
        layers_inputs,
        {"width": 200},
        {"width": 5},
        {"autograd": autograd_layers, "torch": torch_layers, "jax": jax_layers},
        suite="derivatives",
        derivative="jacobian",
        work=layers_work,
        modes=("grad",),
    ),
    Case(
        "jacobian_coupled",
        "Jacobian of a map coupled by sums, 200 to 200, f64",
        coupled,
        coupled_inputs,
        {"width": 200},
        {"width": 5},
        {"autograd": autograd_coupled, "torch": torch_coupled, "jax": jax_coupled},
        suite="derivatives",
        derivative="jacobian",
        work=coupled_work,
        modes=("grad",),
    ),
)
