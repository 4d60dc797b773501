"""Rays through a system of spherical lenses, and the spot that they make on a screen.

A ray p + s d meets a sphere of curvature c whose vertex is at z = v where, with q = p - (0, 0, v),

    c |q + s d|^2 = 2 (q + s d)_z,   s = (c |q|^2 - 2 q_z) / (g + sqrt(g^2 - c (c |q|^2 - 2 q_z))),   g = d_z - c q.d

and is refracted by Snell's law in vector form: with the normal n, r = n1 / n2 and cos a = -n.d,

    d' = r d + (r cos a - sqrt(1 - r^2 (1 - cos^2 a))) n

(Welford, Aberrations of Optical Systems, 1986, chapter 4). Rays that miss a surface, hit its rim or are reflected as a
whole are lost. The merit is the mean square size of the spot of those that arrive, for several angles of incidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.programs.frame import Program, check, check_hvp, thorough


@dataclass
class Lens:
    """Surfaces from left to right; ``index``: of what comes behind each of them."""

    curvature: np.ndarray
    thickness: np.ndarray
    index: np.ndarray
    aperture: float


def intersect(position, direction, vertex, curvature):
    q = position.copy()
    q[:, 2] -= vertex
    f = curvature * np.sum(q * q, axis=1) - 2 * q[:, 2]
    g = direction[:, 2] - curvature * np.sum(q * direction, axis=1)
    under_root = g**2 - curvature * f
    hit = under_root > 0
    distance = np.where(hit, f / (g + np.sqrt(np.where(hit, under_root, 1.0))), 0.0)
    return position + distance[:, None] * direction, hit


def refract(direction, normal, ratio):
    cosine = -np.einsum("ij,ij->i", direction, normal)
    under_root = 1 - ratio**2 * (1 - cosine**2)
    passes = under_root > 0
    root = np.sqrt(np.where(passes, under_root, 1.0))
    bent = ratio * direction + (ratio * cosine - root)[:, None] * normal
    return bent, passes


def trace(lens, position, direction):
    alive = np.ones(len(position), dtype=bool)
    vertex, index = 0.0, 1.0
    for c, t, behind in zip(lens.curvature, lens.thickness, lens.index, strict=True):
        position, hit = intersect(position, direction, vertex, c)
        alive &= hit & (np.hypot(position[:, 0], position[:, 1]) < lens.aperture)
        normal = c * position
        normal[:, 2] = c * (position[:, 2] - vertex) - 1
        direction, passes = refract(direction, normal, index / behind)
        alive &= passes
        vertex, index = vertex + t, behind
    distance = (vertex - position[:, 2]) / direction[:, 2]
    return position + distance[:, None] * direction, alive


def merit(lens, pupil, angles):
    """``pupil``: where the rays cross the first vertex plane, (rays, 2)."""
    total = 0.0
    for angle in angles:
        start = np.column_stack([pupil, np.full(len(pupil), -5.0)])
        direction = np.zeros_like(start)
        direction[:, 0], direction[:, 2] = np.sin(angle), np.cos(angle)
        start[:, 0] -= 5.0 * np.tan(angle)
        screen, alive = trace(lens, start, direction)
        spot = screen[alive][:, :2]
        total += np.mean(np.sum((spot - spot.mean(axis=0)) ** 2, axis=1))
    return total / len(angles)


def arguments(rays, surfaces, fields):
    """Doublets of a crown and a flint glass, one behind the other, as bright as to lose some of the rays."""
    rng = np.random.default_rng(rays)
    curvature = np.resize([0.016, -0.022, -0.004], surfaces)
    index = np.resize([1.517, 1.649, 1.0], surfaces)
    thickness = np.resize([6.0, 2.5, 1.5], surfaces).astype(float)
    thickness[-1] = 90.0
    pupil = rng.uniform(-14, 14, size=(rays, 2))
    return Lens(curvature, thickness, index, aperture=16.0), pupil, np.linspace(0.0, 0.04, fields)


PROGRAM = Program(merit, (arguments(15, 3, 2), arguments(40, 6, 3)))


def test_spot():
    check(PROGRAM)


@thorough
def test_hessian_times_a_vector():
    check_hvp(PROGRAM)
