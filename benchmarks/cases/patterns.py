"""Patterns of array programs that a compiler can easily run element by element, or through copies that nobody needs.

The text of a case is the same for NumPy, autograd and JAX, whose modules have the same names; PyTorch has its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import FUNCTION, Work


def periodic(np):
    """A reaction with diffusion, on a torus."""

    def residual(u):
        around = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1)
        return np.sum((0.1 * (around - 4.0 * u) + u * (1.0 - u) * (u - 0.3)) ** 2)

    return residual


def length_scales(np):
    """A squared exponential kernel with a length for each coordinate."""

    def total(points, lengths):
        scaled = points / lengths
        distances = np.sum((scaled[:, None, :] - scaled[None, :, :]) ** 2, axis=2)
        return np.sum(np.exp(-0.5 * distances))

    return total


def instance_norm(np):
    """Images normalised one by one; the gradient is by the weights of the channels alone."""

    def total(weight, bias, images):
        centred = images - np.mean(images, axis=(2, 3), keepdims=True)
        spread = np.sqrt(np.mean(centred**2, axis=(2, 3), keepdims=True) + 1e-5)
        return np.sum(np.tanh(centred / spread * weight[:, None, None] + bias[:, None, None]))

    return total


def transposed(np):
    """A function of a matrix beside its transpose."""

    def total(x):
        return np.sum(np.sin(x) * x.T)

    return total


def running(np):
    """A function of running sums, whose adjoint runs back."""

    def total(x):
        return np.sum(np.tanh(np.cumsum(x, axis=1)))

    return total


def looked_up(np):
    """A function of columns that are looked up: its gradient is added where they came from."""

    def total(x, columns):
        return np.sum(np.tanh(x[:, columns]))

    return total


def torch_periodic():
    import torch

    def residual(u):
        around = torch.roll(u, 1, 0) + torch.roll(u, -1, 0) + torch.roll(u, 1, 1) + torch.roll(u, -1, 1)
        return ((0.1 * (around - 4.0 * u) + u * (1.0 - u) * (u - 0.3)) ** 2).sum()

    return residual


def torch_length_scales():
    import torch

    def total(points, lengths):
        scaled = points / lengths
        distances = (scaled[:, None, :] - scaled[None, :, :]).square().sum(dim=2)
        return torch.exp(-0.5 * distances).sum()

    return total


def torch_instance_norm():
    import torch

    def total(weight, bias, images):
        centred = images - images.mean(dim=(2, 3), keepdim=True)
        spread = torch.sqrt(centred.square().mean(dim=(2, 3), keepdim=True) + 1e-5)
        return torch.tanh(centred / spread * weight[:, None, None] + bias[:, None, None]).sum()

    return total


def torch_transposed():
    return lambda x: (x.sin() * x.T).sum()


def torch_running():
    return lambda x: x.cumsum(dim=1).tanh().sum()


def torch_looked_up():
    return lambda x, columns: x[:, columns].tanh().sum()


def versions(make: Callable[[Any], Callable[..., Any]], torch_version: Callable[[], Callable[..., Any]]) -> dict:
    def autograd_version():
        import autograd.numpy

        return make(autograd.numpy)

    def jax_version():
        import jax.numpy

        return make(jax.numpy)

    return {"autograd": autograd_version, "torch": torch_version, "jax": jax_version}


def pattern(name, what, make, torch_version, inputs, sizes, small_sizes, work, **more) -> Case:
    peers = versions(make, torch_version)
    return Case(name, what, make(np), inputs, sizes, small_sizes, peers, suite="patterns", work=work, **more)


def square(rng: np.random.Generator, n: int) -> tuple[Any, ...]:
    return (rng.standard_normal((n, n)),)


def images(rng: np.random.Generator, n: int) -> tuple[Any, ...]:
    """Of so many images, with twice as many channels of 32 by 32, after the weight and the bias."""
    return rng.standard_normal(2 * n), rng.standard_normal(2 * n), rng.standard_normal((n, 2 * n, 32, 32))


CASES = (
    pattern(
        "patterns_periodic", "reaction and diffusion on a torus, 512 x 512, f64", periodic, torch_periodic, square,
        {"n": 512}, {"n": 5}, lambda n: Work("float64", moved=16 * n * n, operations=30 * n * n),
    ),
    pattern(
        "patterns_length_scales", "a kernel with a length for each of 5 coordinates, 400 points, f64", length_scales,
        torch_length_scales, lambda rng, n: (rng.standard_normal((n, 5)), rng.uniform(0.5, 2.0, 5)),
        {"n": 400}, {"n": 6}, lambda n: Work("float64", moved=16 * 5 * n, operations=n * n * (FUNCTION + 30)),
        argnums=(0, 1),
    ),
    pattern(
        "patterns_instance_norm", "images normalised one by one, by the channels' weights, 16 x 32 x 32 x 32, f64",
        instance_norm, torch_instance_norm,
        images,
        {"n": 16}, {"n": 2},
        lambda n: Work("float64", moved=8 * 2048 * n * n, operations=2048 * n * n * (FUNCTION + 12)), argnums=(0, 1),
    ),
    pattern(
        "patterns_transposed", "sin(x) * x.T, 1000 x 1000, f64", transposed, torch_transposed, square,
        {"n": 1000}, {"n": 5}, lambda n: Work("float64", moved=16 * n * n, operations=n * n * (2 * FUNCTION + 2)),
    ),
    pattern(
        "patterns_running", "tanh(cumsum(x, axis=1)), 700 x 700, f64", running, torch_running, square,
        {"n": 700}, {"n": 5}, lambda n: Work("float64", moved=16 * n * n, operations=n * n * (FUNCTION + 4)),
    ),
    pattern(
        "patterns_looked_up", "tanh(x[:, columns]), 700 x 700, f64", looked_up, torch_looked_up,
        lambda rng, n: (rng.standard_normal((n, n)), rng.integers(0, n, n)),
        {"n": 700}, {"n": 5}, lambda n: Work("float64", moved=16 * n * n, operations=n * n * (FUNCTION + 4)),
    ),
)  # fmt: skip
