"""A chain of atoms in a periodic box: Lennard-Jones with a cutoff, bonds, angles and dihedrals; forces.

    E = sum_{i<j, r<rc} 4 eps ((s/r)^12 - (s/r)^6) - shift  +  k_b/2 sum (b - b0)^2  +  k_a/2 sum (a - a0)^2
        + sum 1 + cos 3 phi

over nearest images (Allen and Tildesley, Computer Simulation of Liquids, 2017, chapters 1 and 2). Pair forces are
written out beside it. The energy does not change when the chain moves or turns: forces add up to nothing, and so
does their torque when nothing crosses the box.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import graphc
from tests.programs.frame import Program, check, check_hvp, check_vmap, thorough


@dataclass
class ForceField:
    sigma: float = 1.0
    epsilon: float = 1.0
    cutoff: float = 2.5
    bond: float = 50.0
    angle: float = 5.0

    def pair(self, r2):
        s6 = (self.sigma**2 / r2) ** 3
        return 4 * self.epsilon * (s6**2 - s6)


def nonbonded(positions, box, field):
    shift = field.pair(field.cutoff**2)
    energy = 0.0
    for i in range(len(positions)):
        for j in range(i + 1, len(positions)):
            d = positions[i] - positions[j]
            d -= box * np.round(d / box)
            r2 = np.dot(d, d)
            if r2 < field.cutoff**2:
                energy += field.pair(r2) - shift
    return energy


def bonded(positions, field):
    b = np.diff(positions, axis=0)
    length = np.linalg.norm(b, axis=1)
    energy = 0.5 * field.bond * np.sum((length - 1.1) ** 2)
    cosine = -np.sum(b[:-1] * b[1:], axis=1) / (length[:-1] * length[1:])
    energy += 0.5 * field.angle * np.sum((np.arccos(np.clip(cosine, -1, 1)) - 1.9) ** 2)
    first, second = np.cross(b[:-2], b[1:-1]), np.cross(b[1:-1], b[2:])
    across = np.cross(first, b[1:-1] / length[1:-1, None])
    phi = np.arctan2(np.sum(across * second, axis=1), np.sum(first * second, axis=1))
    return energy + np.sum(1 + np.cos(3 * phi))


def energy(positions, box, field):
    return nonbonded(positions, box, field) + bonded(positions, field)


def pair_forces(positions, box, field):
    forces = np.zeros_like(positions)
    for i, j in zip(*np.triu_indices(len(positions), 1), strict=True):
        d = positions[i] - positions[j]
        d -= box * np.round(d / box)
        r2 = d @ d
        if r2 < field.cutoff**2:
            s6 = (field.sigma**2 / r2) ** 3
            push = 24 * field.epsilon * (2 * s6**2 - s6) / r2 * d
            forces[i] += push
            forces[j] -= push
    return forces


def arguments(n):
    zigzag = np.array([[0.9, 0.5 * (-1) ** i, 0.4 * (-1) ** (i // 2)] for i in range(n)])
    positions = np.cumsum(zigzag + 0.05 * np.random.default_rng(n).normal(size=(n, 3)), axis=0)
    return positions, np.array([8.3, 7.1, 6.2]), ForceField()


PROGRAM = Program(energy, (arguments(5), arguments(7)))


def test_forces():
    value_and_gradient = check(PROGRAM, dear=True)
    for call in PROGRAM.calls:
        _, gradient = value_and_gradient(*call)
        np.testing.assert_allclose(np.sum(gradient, axis=0), 0.0, atol=1e-10)
    positions, _, field = PROGRAM.calls[0]
    _, gradient = value_and_gradient(positions, np.full(3, 1e3), field)
    np.testing.assert_allclose(np.sum(np.cross(positions, gradient), axis=0), 0.0, atol=1e-9)


def test_pair_forces_written_out():
    with graphc.config.override(disable_jit=True):
        for call in PROGRAM.calls:
            np.testing.assert_allclose(-graphc.grad(nonbonded)(*call), pair_forces(*call), rtol=1e-11, atol=1e-12)


@thorough
def test_hessian_times_a_vector():
    check_hvp(PROGRAM)


@thorough
def test_batch():
    check_vmap(PROGRAM)
