"""Heat in a plate with an unknown conductivity: linear triangles, implicit Euler, conjugate gradients.

A triangle with edges e_i opposite its corners and area A has the stiffness k e_i . e_j / 4A and the mass A (1 +
d_ij) / 12 (Strang and Fix, 1973, chapter 1). Products with the whole matrix are made element by element. Steps end
when the residual has become small, so the program's gradient is that of an iteration; a dense solve gives the same
numbers.
"""

from __future__ import annotations

import numpy as np

from tests.programs.frame import Program, check, differences


class Mesh:
    """The unit square in n by n corners; the rim is kept at 0."""

    def __init__(self, n):
        x, y = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n))
        self.points = np.column_stack([x.ravel(), y.ravel()])
        corners = [i * n + j for i in range(n - 1) for j in range(n - 1)]
        self.triangles = np.array([t for a in corners for t in ((a, a + 1, a + n), (a + 1, a + n + 1, a + n))])
        self.inner = np.zeros(n * n)
        self.inner.reshape(n, n)[1:-1, 1:-1] = 1.0


def element_matrices(mesh, log_conductivity):
    p = mesh.points[mesh.triangles]
    e = np.stack([p[:, 2] - p[:, 1], p[:, 0] - p[:, 2], p[:, 1] - p[:, 0]], axis=1)
    area = 0.5 * np.abs(e[:, 0, 0] * e[:, 1, 1] - e[:, 0, 1] * e[:, 1, 0])
    k = np.exp(log_conductivity)[mesh.triangles].mean(axis=1)
    stiffness = np.einsum("eid,ejd->eij", e, e) * (k / (4 * area))[:, None, None]
    mass = area[:, None, None] / 12 * (np.ones((3, 3)) + np.eye(3))
    return stiffness, mass


def product(elements, triangles, u):
    out = np.zeros_like(u)
    np.add.at(out, triangles, np.einsum("eij,ej->ei", elements, u[triangles]))
    return out


def conjugate_gradients(A, b, tolerance=1e-24, most=200):
    x = np.zeros_like(b)
    r = b.copy()
    p = r.copy()
    square = first = r @ r
    count = 0
    while square > tolerance * first and count < most:
        Ap = A(p)
        alpha = square / (p @ Ap)
        x += alpha * p
        r -= alpha * Ap
        new = r @ r
        p = r + (new / square) * p
        square = new
        count += 1
    return x


def misfit(log_conductivity, mesh, start, observed, dt):
    stiffness, mass = element_matrices(mesh, log_conductivity)

    def system(v):
        return mesh.inner * product(mass + dt * stiffness, mesh.triangles, mesh.inner * v)

    u, total = start, 0.0
    for seen in observed:
        u = conjugate_gradients(system, mesh.inner * product(mass, mesh.triangles, u))
        total += np.sum((u - seen) ** 2)
    return total + 1e-4 * np.sum(log_conductivity**2)


def by_dense_matrices(log_conductivity, mesh, start, observed, dt):
    stiffness, mass = element_matrices(mesh, log_conductivity)
    inside = np.flatnonzero(mesh.inner)
    K, M = np.zeros((2, len(start), len(start)))
    for triangle, k, m in zip(mesh.triangles, stiffness, mass, strict=True):
        K[np.ix_(triangle, triangle)] += k
        M[np.ix_(triangle, triangle)] += m
    u, total = start, 0.0
    for seen in observed:
        new = np.zeros_like(u)
        new[inside] = np.linalg.solve((M + dt * K)[np.ix_(inside, inside)], (M @ u)[inside])
        u, total = new, total + np.sum((new - seen) ** 2)
    return total + 1e-4 * np.sum(log_conductivity**2)


def arguments(n, steps=5):
    mesh, rng = Mesh(n), np.random.default_rng(n)
    return 0.2 * rng.normal(size=n * n), mesh, mesh.inner.copy(), 0.5 * rng.uniform(size=(steps, n * n)), 0.02


def test_misfit():
    check(Program(misfit, (arguments(4), arguments(6)), derivative=differences(by_dense_matrices)), dear=True)
