"""The k-means objective by the centres: the least of many distances, in gemm form or fused."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import Work


def distortion(centres, points):
    squared_distances = np.sum((points[:, None, :] - centres[None, :, :]) ** 2, axis=2)
    return np.sum(np.min(squared_distances, axis=1))


def inputs(rng: np.random.Generator, points: int, dimensions: int, centres: int) -> tuple[Any, ...]:
    return rng.standard_normal((centres, dimensions)), rng.standard_normal((points, dimensions))


def work(points: int, dimensions: int, centres: int) -> Work:
    """Distances in the form of a matrix product, a minimum, and for each point its nearest centre's gradient."""
    operations = points * (centres * (2 * dimensions + 2) + 2 * dimensions)
    return Work("float64", 8 * dimensions * (points + 2 * centres), operations)


def autograd_version():
    import autograd.numpy as np

    def distortion(centres, points):
        squared_distances = np.sum((points[:, None, :] - centres[None, :, :]) ** 2, axis=2)
        return np.sum(np.min(squared_distances, axis=1))

    return distortion


def torch_version():
    def distortion(centres, points):
        norms = centres.square().sum(dim=1) - 2.0 * points @ centres.T
        return points.square().sum() + norms.amin(dim=1).sum()

    return distortion


def jax_version():
    import jax.numpy as jnp

    def distortion(centres, points):
        norms = jnp.sum(centres**2, axis=1) - 2.0 * points @ centres.T
        return jnp.sum(points**2) + jnp.sum(jnp.min(norms, axis=1))

    return distortion


def pytensor_version():
    import pytensor.tensor as pt

    def distortion(centres, points):
        norms = pt.sum(centres**2, axis=1) - 2.0 * points @ centres.T
        return pt.sum(points**2) + pt.sum(pt.min(norms, axis=1))

    return distortion


def numba_version():
    from numba import njit

    @njit(fastmath={"contract", "reassoc"})
    def gradient(centres, points):
        result = np.zeros_like(centres)
        for i in range(points.shape[0]):
            nearest, least = 0, np.inf
            for c in range(centres.shape[0]):
                squared = 0.0
                for d in range(points.shape[1]):
                    squared += (points[i, d] - centres[c, d]) ** 2
                if squared < least:
                    nearest, least = c, squared
            for d in range(points.shape[1]):
                result[nearest, d] += 2.0 * (centres[nearest, d] - points[i, d])
        return result

    return gradient


CASES = (
    Case(
        "kmeans",
        "k-means objective, 1e4 points, 10 dims, 50 centres, f64",
        distortion,
        inputs,
        {"points": 10**4, "dimensions": 10, "centres": 50},
        {"points": 20, "dimensions": 3, "centres": 4},
        {
            "autograd": autograd_version,
            "torch": torch_version,
            "jax": jax_version,
            "pytensor": pytensor_version,
            "numba": numba_version,
        },
        work=work,
    ),
)
