"""Gradients of small functions at a hundred thousand points: ``vmap(grad(f))``, beside the loop written for Numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import DIVISION, FUNCTION, Work

# --- a valley: neighbours, no function ----------------------------------------------------------------------------


def valley(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def valley_inputs(rng: np.random.Generator, points: int, width: int) -> tuple[Any, ...]:
    return (rng.standard_normal((points, width)),)


def valley_work(points: int, width: int) -> Work:
    return Work("float64", 16 * points * width, 12 * points * width)


def valley_torch():
    return lambda x: (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def valley_jax():
    import jax.numpy as jnp

    return lambda x: jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def valley_numba():
    from numba import njit, prange

    @njit(parallel=True)
    def gradients(x):
        slopes = np.zeros_like(x)
        for i in prange(x.shape[0]):
            for k in range(x.shape[1] - 1):
                gap = x[i, k + 1] - x[i, k] ** 2
                slopes[i, k + 1] += 200.0 * gap
                slopes[i, k] -= 400.0 * gap * x[i, k] + 2.0 * (1.0 - x[i, k])
        return slopes

    return gradients


# --- an energy of three named coordinates -------------------------------------------------------------------------


def energy(x):
    return np.sin(x[0]) * x[1] ** 2 + np.exp(x[2] * x[0])


def energy_inputs(rng: np.random.Generator, points: int) -> tuple[Any, ...]:
    return (rng.standard_normal((points, 3)),)


def energy_work(points: int) -> Work:
    return Work("float64", 48 * points, points * (3 * FUNCTION + 8))


def energy_torch():
    import torch

    return lambda x: torch.sin(x[0]) * x[1] ** 2 + torch.exp(x[2] * x[0])


def energy_jax():
    import jax.numpy as jnp

    return lambda x: jnp.sin(x[0]) * x[1] ** 2 + jnp.exp(x[2] * x[0])


def energy_numba():
    from numba import njit, prange

    @njit(parallel=True)
    def gradients(x):
        slopes = np.empty_like(x)
        for i in prange(x.shape[0]):
            a, b, c = x[i, 0], x[i, 1], x[i, 2]
            e = np.exp(c * a)
            slopes[i, 0] = np.cos(a) * b * b + c * e
            slopes[i, 1] = 2.0 * b * np.sin(a)
            slopes[i, 2] = a * e
        return slopes

    return gradients


# --- the log density of a mixture of Gaussians ----------------------------------------------------------------------


def mixture(x, centres, widths):
    return np.log(np.sum(np.exp(-0.5 * np.sum((x - centres) ** 2, axis=1) / widths**2)))


def mixture_inputs(rng: np.random.Generator, points: int, parts: int, width: int) -> tuple[Any, ...]:
    return rng.standard_normal((points, width)), rng.standard_normal((parts, width)), rng.uniform(0.5, 1.0, parts)


def mixture_work(points: int, parts: int, width: int) -> Work:
    return Work("float64", 16 * points * width, points * (parts * (FUNCTION + 6 * width + 3) + DIVISION))


def mixture_torch():
    return lambda x, centres, widths: (
        (-0.5 * ((x - centres) ** 2).sum(1) / widths**2).exp().sum().log()
    )  # fmt: skip


def mixture_jax():
    import jax.numpy as jnp

    return lambda x, centres, widths: jnp.log(
        jnp.sum(jnp.exp(-0.5 * jnp.sum((x - centres) ** 2, axis=1) / widths**2))
    )  # fmt: skip


def mixture_numba():
    from numba import njit, prange

    @njit(parallel=True)
    def gradients(x, centres, widths):
        slopes = np.zeros_like(x)
        for i in prange(x.shape[0]):
            total = 0.0
            for k in range(centres.shape[0]):
                distance = 0.0
                for j in range(x.shape[1]):
                    distance += (x[i, j] - centres[k, j]) ** 2
                share = np.exp(-0.5 * distance / widths[k] ** 2)
                total += share
                for j in range(x.shape[1]):
                    slopes[i, j] -= share * (x[i, j] - centres[k, j]) / widths[k] ** 2
            for j in range(x.shape[1]):
                slopes[i, j] /= total
        return slopes

    return gradients


# --- a logistic loss of few rows ------------------------------------------------------------------------------------


def fit(weights, features, signs):
    return np.mean(np.log1p(np.exp(-signs * (features @ weights))))


def fit_inputs(rng: np.random.Generator, points: int, rows: int, width: int) -> tuple[Any, ...]:
    features = rng.standard_normal((rows, width))
    return rng.standard_normal((points, width)), features, np.sign(rng.standard_normal(rows))


def fit_work(points: int, rows: int, width: int) -> Work:
    return Work("float64", 16 * points * width, points * rows * (4 * width + FUNCTION + DIVISION))


def fit_torch():
    return lambda weights, features, signs: (-signs * (features @ weights)).exp().log1p().mean()


def fit_jax():
    import jax.numpy as jnp

    return lambda weights, features, signs: jnp.mean(jnp.log1p(jnp.exp(-signs * (features @ weights))))


def fit_numba():
    from numba import njit, prange

    @njit(parallel=True)
    def gradients(weights, features, signs):
        slopes = np.zeros_like(weights)
        rows, width = features.shape
        for i in prange(weights.shape[0]):
            for r in range(rows):
                margin = 0.0
                for j in range(width):
                    margin += features[r, j] * weights[i, j]
                share = -signs[r] / (1.0 + np.exp(signs[r] * margin)) / rows
                for j in range(width):
                    slopes[i, j] += share * features[r, j]
        return slopes

    return gradients


def case(name: str, what: str, function: Any, sizes: dict[str, int], **rest: Any) -> Case:
    """A case of this file: its functions are named after that of NumPy."""
    own = {part: globals()[f"{function.__name__}_{part}"] for part in ("inputs", "work", "torch", "jax", "numba")}
    return Case(
        f"batch_{name}",
        f"{what}, gradients at {sizes['points']:.0e} points, f64".replace("e+0", "e"),
        function,
        own["inputs"],
        sizes,
        {**sizes, "points": 4},
        {peer: own[peer] for peer in ("torch", "jax", "numba")},
        suite="derivatives",
        derivative="batch",
        work=own["work"],
        modes=("grad",),
        **rest,
    )


CASES = (
    case("rosen", "Rosenbrock's function of 8", valley, {"points": 10**5, "width": 8}),
    case("energy", "an energy of 3 coordinates", energy, {"points": 10**5}),
    case("mixture", "a mixture of 5 Gaussians in 3 dimensions", mixture, {"points": 10**5, "parts": 5, "width": 3}),
    case("logistic", "a logistic loss, 10 x 3", fit, {"points": 10**5, "rows": 10, "width": 3}),
)
