"""A network of three dense layers: small matrices at call cost, middle ones, and large ones bound by gemm."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import FUNCTION, Work


def mlp_loss(params, x, y):
    hidden = np.tanh(x @ params["w1"] + params["b1"])
    hidden = np.tanh(hidden @ params["w2"] + params["b2"])
    output = hidden @ params["w3"] + params["b3"]
    return np.mean((output - y) ** 2)


def inputs(rng: np.random.Generator, widths: tuple[int, ...], batch: int, dtype: str) -> tuple[Any, ...]:
    params = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
        params[f"w{layer}"] = (rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)).astype(dtype)
        params[f"b{layer}"] = (0.1 * rng.standard_normal(fan_out)).astype(dtype)
    x = rng.standard_normal((batch, widths[0])).astype(dtype)
    y = rng.standard_normal((batch, widths[-1])).astype(dtype)
    return params, x, y


def work(widths: tuple[int, ...], batch: int, dtype: str) -> Work:
    """Three products a layer, and for the first layer two; a tanh for each hidden unit."""
    layers = list(pairwise(widths))
    products = [6 * batch * fan_in * fan_out for fan_in, fan_out in layers]
    products[0] = products[0] * 2 // 3
    entries = 2 * sum((fan_in + 1) * fan_out for fan_in, fan_out in layers) + batch * (widths[0] + widths[-1])
    functions = batch * sum(widths[1:-1]) * (FUNCTION + 4)
    return Work(dtype, np.dtype(dtype).itemsize * entries, sum(products) + functions)


def autograd_version():
    import autograd.numpy as np

    def mlp_loss(params, x, y):
        hidden = np.tanh(x @ params["w1"] + params["b1"])
        hidden = np.tanh(hidden @ params["w2"] + params["b2"])
        output = hidden @ params["w3"] + params["b3"]
        return np.mean((output - y) ** 2)

    return mlp_loss


def torch_version():
    import torch
    import torch.nn.functional as F

    def mlp_loss(params, x, y):
        hidden = torch.tanh(torch.addmm(params["b1"], x, params["w1"]))
        hidden = torch.tanh(torch.addmm(params["b2"], hidden, params["w2"]))
        return F.mse_loss(torch.addmm(params["b3"], hidden, params["w3"]), y)

    return mlp_loss


def jax_version():
    import jax.numpy as jnp

    def mlp_loss(params, x, y):
        hidden = jnp.tanh(x @ params["w1"] + params["b1"])
        hidden = jnp.tanh(hidden @ params["w2"] + params["b2"])
        output = hidden @ params["w3"] + params["b3"]
        return jnp.mean((output - y) ** 2)

    return mlp_loss


def pytensor_version():
    import pytensor.tensor as pt

    def mlp_loss(params, x, y):
        hidden = pt.tanh(x @ params["w1"] + params["b1"])
        hidden = pt.tanh(hidden @ params["w2"] + params["b2"])
        output = hidden @ params["w3"] + params["b3"]
        return pt.mean((output - y) ** 2)

    return mlp_loss


def numba_version():
    from numba import njit

    @njit(fastmath={"contract"})
    def backward(x, y, w1, b1, w2, b2, w3, b3):
        first = np.tanh(np.dot(x, w1) + b1)
        second = np.tanh(np.dot(first, w2) + b2)
        d_output = (np.dot(second, w3) + b3 - y) * x.dtype.type(2.0 / y.size)
        d_second = np.dot(d_output, w3.T) * (1 - second * second)
        d_first = np.dot(d_second, w2.T) * (1 - first * first)
        return (
            np.dot(x.T, d_first),
            d_first.sum(axis=0),
            np.dot(first.T, d_second),
            d_second.sum(axis=0),
            np.dot(second.T, d_output),
            d_output.sum(axis=0),
        )

    def gradient(params, x, y):
        arrays = [params[name] for name in ("w1", "b1", "w2", "b2", "w3", "b3")]
        return dict(zip(("w1", "b1", "w2", "b2", "w3", "b3"), backward(x, y, *arrays), strict=True))

    return gradient


VERSIONS = {
    "autograd": autograd_version,
    "torch": torch_version,
    "jax": jax_version,
    "pytensor": pytensor_version,
    "numba": numba_version,
}
SMALL = {"widths": (10, 32, 32, 1), "batch": 32, "dtype": "float64"}
MIDDLE = {"widths": (784, 256, 256, 10), "batch": 128, "dtype": "float32"}
LARGE = {"widths": (1024, 1024, 1024, 1024), "batch": 1024, "dtype": "float32"}

CASES = (
    Case("mlp_small", "MLP 10-32-32-1, batch 32, f64", mlp_loss, inputs, SMALL, SMALL, VERSIONS, main=True, work=work),
    Case(
        "mlp_middle",
        "MLP 784-256-256-10, batch 128, f32",
        mlp_loss,
        inputs,
        MIDDLE,
        {"widths": (12, 8, 8, 3), "batch": 6, "dtype": "float32"},
        VERSIONS,
        rtol=1e-4,
        work=work,
        main=True,
    ),
    Case(
        "mlp_large",
        "MLP 1024 wide, batch 1024, f32",
        mlp_loss,
        inputs,
        LARGE,
        {"widths": (16, 16, 16, 16), "batch": 16, "dtype": "float32"},
        VERSIONS,
        rtol=1e-4,
        work=work,
    ),
)
