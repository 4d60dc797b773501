"""An LSTM layer over time, and the square of its last state: products of matrices in each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import FUNCTION, Work


def loss(weights, recurrent, bias, inputs):
    steps, batch, _ = inputs.shape
    width = recurrent.shape[0]
    h, c = np.zeros((batch, width)), np.zeros((batch, width))
    for t in range(steps):
        gates = inputs[t] @ weights + h @ recurrent + bias
        keep = 1.0 / (1.0 + np.exp(-gates[:, :width]))
        write = 1.0 / (1.0 + np.exp(-gates[:, width : 2 * width]))
        show = 1.0 / (1.0 + np.exp(-gates[:, 2 * width : 3 * width]))
        c = keep * c + write * np.tanh(gates[:, 3 * width :])
        h = show * np.tanh(c)
    return np.sum(h**2)


def inputs(rng: np.random.Generator, steps: int, width: int, batch: int) -> tuple[Any, ...]:
    scale = 1.0 / np.sqrt(width)
    weights, recurrent = (scale * rng.standard_normal((width, 4 * width)) for _ in range(2))
    return weights, recurrent, np.zeros(4 * width), rng.standard_normal((steps, batch, width))


def work(steps: int, width: int, batch: int) -> Work:
    """Two products a step, three back: the inputs need no gradient."""
    products = 5 * 2 * batch * width * 4 * width
    return Work(
        "float64", moved=8 * steps * batch * width, operations=steps * (products + 5 * batch * width * FUNCTION)
    )


def torch_version():
    import torch

    def loss(weights, recurrent, bias, inputs):
        steps, batch, _ = inputs.shape
        width = recurrent.shape[0]
        h = c = torch.zeros((batch, width), dtype=inputs.dtype)
        given = inputs @ weights + bias
        for t in range(steps):
            keep, write, show, fresh = (given[t] + h @ recurrent).chunk(4, dim=1)
            c = torch.sigmoid(keep) * c + torch.sigmoid(write) * torch.tanh(fresh)
            h = torch.sigmoid(show) * torch.tanh(c)
        return (h**2).sum()

    return loss


def jax_version():
    import jax
    from jax import lax
    from jax import numpy as jnp

    def loss(weights, recurrent, bias, inputs):
        _, batch, _ = inputs.shape
        start = jnp.zeros((batch, recurrent.shape[0]), inputs.dtype)

        def step(state, given):
            h, c = state
            keep, write, show, fresh = jnp.split(given + h @ recurrent, 4, axis=1)
            c = jax.nn.sigmoid(keep) * c + jax.nn.sigmoid(write) * jnp.tanh(fresh)
            return (jax.nn.sigmoid(show) * jnp.tanh(c), c), None

        (h, _), _ = lax.scan(step, (start, start), inputs @ weights + bias)
        return jnp.sum(h**2)

    return loss


def numba_primal_version():
    from numba import njit

    @njit
    def loss(weights, recurrent, bias, inputs):
        steps, batch, _ = inputs.shape
        width = recurrent.shape[0]
        h, c = np.zeros((batch, width)), np.zeros((batch, width))
        for t in range(steps):
            gates = inputs[t] @ weights + h @ recurrent
            for b in range(batch):
                for k in range(width):
                    keep = 1.0 / (1.0 + np.exp(-(gates[b, k] + bias[k])))
                    write = 1.0 / (1.0 + np.exp(-(gates[b, width + k] + bias[width + k])))
                    show = 1.0 / (1.0 + np.exp(-(gates[b, 2 * width + k] + bias[2 * width + k])))
                    c[b, k] = keep * c[b, k] + write * np.tanh(gates[b, 3 * width + k] + bias[3 * width + k])
                    h[b, k] = show * np.tanh(c[b, k])
        return np.sum(h**2)

    return loss


CASES = (
    Case(
        "lstm",
        "LSTM, 100 steps, width 64, batch 16, f64",
        loss,
        inputs,
        {"steps": 100, "width": 64, "batch": 16},
        {"steps": 3, "width": 4, "batch": 2},
        {"torch": torch_version, "jax": jax_version, "numba_primal": numba_primal_version},
        argnums=(0, 1, 2),
        suite="loops",
        work=work,
    ),
)
