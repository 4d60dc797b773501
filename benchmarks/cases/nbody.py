"""Potential energy of all pairs of bodies, by broadcasting: the n x n x 3 array of differences need never exist."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import DIVISION, Work

SOFTENING = 1e-2


def potential_energy(positions, masses):
    differences = positions[:, None, :] - positions[None, :, :]
    distances = np.sqrt(np.sum(differences**2, axis=2) + SOFTENING)
    return -0.5 * np.sum(masses[:, None] * masses[None, :] / distances)


def inputs(rng: np.random.Generator, bodies: int) -> tuple[Any, ...]:
    return rng.standard_normal((bodies, 3)), rng.uniform(0.5, 1.5, bodies)


def work(bodies: int) -> Work:
    """Each pair once: a root, a quotient, three coordinates there and back."""
    pairs = bodies * (bodies - 1) // 2
    return Work("float64", moved=56 * bodies, operations=pairs * (2 * DIVISION + 25))


def autograd_version():
    import autograd.numpy as np

    def potential_energy(positions, masses):
        differences = positions[:, None, :] - positions[None, :, :]
        distances = np.sqrt(np.sum(differences**2, axis=2) + SOFTENING)
        return -0.5 * np.sum(masses[:, None] * masses[None, :] / distances)

    return potential_energy


def torch_version():
    import torch

    def potential_energy(positions, masses):
        differences = positions[:, None, :] - positions[None, :, :]
        distances = torch.sqrt(differences.square().sum(dim=2) + SOFTENING)
        return -0.5 * (masses[:, None] * masses[None, :] / distances).sum()

    return potential_energy


def jax_version():
    import jax.numpy as jnp

    def potential_energy(positions, masses):
        differences = positions[:, None, :] - positions[None, :, :]
        distances = jnp.sqrt(jnp.sum(differences**2, axis=2) + SOFTENING)
        return -0.5 * jnp.sum(masses[:, None] * masses[None, :] / distances)

    return potential_energy


def pytensor_version():
    import pytensor.tensor as pt

    def potential_energy(positions, masses):
        differences = positions[:, None, :] - positions[None, :, :]
        distances = pt.sqrt(pt.sum(differences**2, axis=2) + SOFTENING)
        return -0.5 * pt.sum(masses[:, None] * masses[None, :] / distances)

    return potential_energy


def numba_version():
    from numba import njit, prange

    @njit(fastmath={"contract", "reassoc"}, parallel=True)
    def gradient(positions, masses):
        bodies = positions.shape[0]
        result = np.empty_like(positions)
        for i in prange(bodies):
            x = y = z = 0.0
            for j in range(bodies):
                dx = positions[i, 0] - positions[j, 0]
                dy = positions[i, 1] - positions[j, 1]
                dz = positions[i, 2] - positions[j, 2]
                squared = dx * dx + dy * dy + dz * dz + SOFTENING
                pull = masses[j] / (squared * np.sqrt(squared))
                x += pull * dx
                y += pull * dy
                z += pull * dz
            result[i, 0], result[i, 1], result[i, 2] = masses[i] * x, masses[i] * y, masses[i] * z
        return result

    return gradient


CASES = (
    Case(
        "nbody",
        "n-body energy, 1000 bodies, f64",
        potential_energy,
        inputs,
        {"bodies": 1000},
        {"bodies": 7},
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
