"""The cases of ``benchmarks.gpu``: those of ``benchmarks.cases`` at a GPU's sizes, and some of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import erf

from benchmarks.case import find_case

EPSILON = 1e-5


@dataclass(frozen=True)
class GpuCase:
    """One piece of work for a device.

    ``function``   the plain NumPy function; ``torch`` builds PyTorch's, with the same arguments
    ``inputs``     ``inputs(rng, **sizes)``; ``small`` are the sizes at which values are checked
    ``argnums``    the arguments to differentiate; None: the function itself is what is timed
    ``moved``      ``moved(**sizes)``: bytes that any program has to read and write, where bandwidth binds
    ``group``      ``bandwidth``, ``products`` or ``calls``: which target holds for it
    """

    name: str
    what: str
    function: Callable[..., Any]
    torch: Callable[[], Callable[..., Any]]
    inputs: Callable[..., tuple[Any, ...]]
    sizes: Mapping[str, Any]
    small: Mapping[str, Any]
    argnums: tuple[int, ...] | None
    group: str
    moved: Callable[..., int] | None = None
    rtol: float = field(default=1e-4)


# --- layer norm and GELU ----------------------------------------------------------------------------------------------


def norm_gelu(x, scale, shift):
    centred = x - np.mean(x, axis=-1, keepdims=True)
    normed = centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + EPSILON) * scale + shift
    return np.sum((0.5 * normed * (1.0 + erf(normed / math.sqrt(2.0)))) ** 2)


def norm_gelu_torch():
    import torch.nn.functional as F

    return lambda x, scale, shift: (F.gelu(F.layer_norm(x, (x.shape[-1],), scale, shift, EPSILON)) ** 2).sum()


def norm_gelu_inputs(rng: np.random.Generator, rows: int, width: int) -> tuple[Any, ...]:
    x = rng.standard_normal((rows, width), dtype=np.float32)
    return x, 1 + 0.1 * rng.standard_normal(width, dtype=np.float32), rng.standard_normal(width, dtype=np.float32)


# --- Adam -------------------------------------------------------------------------------------------------------------


def adam(parameters, gradient, mean, square, correction):
    mean = 0.9 * mean + 0.1 * gradient
    square = 0.999 * square + 0.001 * gradient**2
    return parameters - 1e-3 * correction * mean / (np.sqrt(square) + 1e-8), mean, square


def adam_torch():
    import torch

    def step(parameters, gradient, mean, square, correction):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        return parameters - 1e-3 * correction * mean / (torch.sqrt(square) + 1e-8), mean, square

    return step


def adam_inputs(rng: np.random.Generator, n: int) -> tuple[Any, ...]:
    arrays = [rng.standard_normal(n, dtype=np.float32) for _ in range(3)]
    return *arrays, np.abs(rng.standard_normal(n, dtype=np.float32)), 1.25


# --- n-body in single precision ---------------------------------------------------------------------------------------


def bodies_inputs(rng: np.random.Generator, bodies: int) -> tuple[Any, ...]:
    masses = rng.uniform(0.5, 1.5, bodies).astype(np.float32)
    return rng.standard_normal((bodies, 3), dtype=np.float32), masses


# --- the list ---------------------------------------------------------------------------------------------------------


def _of_the_cpu(name: str, case: str, what: str, sizes: Mapping[str, Any], **others: Any) -> GpuCase:
    known = find_case(case)
    settings = {"inputs": known.inputs, "small": known.small_sizes, "argnums": known.argnums} | others
    return GpuCase(name, what, known.function, known.peers["torch"], sizes=sizes, **settings)


def gpu_cases() -> list[GpuCase]:
    """Every case, in the order of the table."""
    float_bytes = 4
    mlp = {name: dict(find_case(f"mlp_{name}").sizes) | {"dtype": "float32"} for name in ("small", "middle", "large")}
    return [
        _of_the_cpu(
            "black_scholes", "black_scholes_f32", "Black-Scholes, 1e7 options", {"n": 10**7, "dtype": "float32"},
            group="bandwidth", moved=lambda n, dtype: 4 * float_bytes * n,
        ),
        _of_the_cpu(
            "xent", "xent", "softmax cross-entropy, 16384 x 4096", {"rows": 16384, "classes": 4096},
            group="bandwidth", moved=lambda rows, classes: 2 * float_bytes * rows * classes,
        ),
        GpuCase(
            "norm_gelu", "layer norm and GELU, 16384 x 2048", norm_gelu, norm_gelu_torch, norm_gelu_inputs,
            {"rows": 16384, "width": 2048}, {"rows": 9, "width": 40}, (0, 1, 2), "bandwidth",
            lambda rows, width: 2 * float_bytes * rows * width,
        ),
        _of_the_cpu(
            "nbody", "nbody", "n-body energy, 16384 bodies", {"bodies": 16384}, inputs=bodies_inputs,
            small={"bodies": 70}, group="arithmetic",
        ),
        GpuCase(
            "adam", "Adam's update, 1e8 parameters", adam, adam_torch, adam_inputs, {"n": 10**8}, {"n": 1000}, None,
            "bandwidth", lambda n: 7 * float_bytes * n,
        ),
        _of_the_cpu(
            "mlp_small", "mlp_small", "MLP 10-32-32-1, batch 32: a step's cost", mlp["small"],
            small=mlp["small"], group="calls",
        ),
        _of_the_cpu("mlp_middle", "mlp_middle", "MLP 784-256-256-10, batch 128", mlp["middle"], group="products"),
        _of_the_cpu("mlp_large", "mlp_large", "MLP 1024 wide, batch 1024", mlp["large"], group="products"),
        _of_the_cpu(
            "attention", "attention", "transformer layer, batch 32, 512 tokens, width 512",
            {"batch": 32, "tokens": 512, "width": 512}, group="products",
        ),
    ]  # fmt: skip
