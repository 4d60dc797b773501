"""A planar truss: its stiffness matrix added up bar by bar, and an objective of compliance, weight and stress.

A bar of area A, length L and direction c has the block (E A / L) c c^T; displacements solve K u = f at the free nodes
(Bendsoe and Sigmund, Topology Optimization, 2003, chapter 4). The slope of the compliance f^T u by a design variable is
-u^T dK u: the load is its own adjoint.
"""

from __future__ import annotations

import numpy as np

from tests.programs.frame import Program, along, check, thorough

YOUNG, LIMIT = 100.0, 2.0


class Truss:
    """Bays with crossing diagonals, held on the left, loaded at the lower right."""

    def __init__(self, bays):
        n = bays + 1
        self.nodes = np.array([(float(i), y) for y in (0.0, 1.0) for i in range(n)])
        bars = [(row + i, row + i + 1) for i in range(bays) for row in (0, n)]
        bars += [(i, n + i + 1) for i in range(bays)] + [(n + i, i + 1) for i in range(bays)]
        bars += [(i + 1, n + i + 1) for i in range(bays)]
        self.bars = np.array(bars)
        self.free = np.setdiff1d(np.arange(4 * n), [0, 1, 2 * n, 2 * n + 1])
        self.load = np.zeros(4 * n)
        self.load[2 * bays + 1] = -1.0


def stiffness(areas, nodes, bars):
    K = np.zeros((nodes.size, nodes.size))
    for e in range(len(bars)):
        i, j = bars[e]
        d = nodes[j] - nodes[i]
        length = np.sqrt(d @ d)
        c = d / length
        block = np.outer(c, c) * (YOUNG * areas[e] / length)
        K[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] += block
        K[2 * j : 2 * j + 2, 2 * j : 2 * j + 2] += block
        K[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] -= block
        K[2 * j : 2 * j + 2, 2 * i : 2 * i + 2] -= block
    return K


def displacements(areas, nodes, truss):
    K = stiffness(areas, nodes, truss.bars)
    u = np.zeros(len(truss.load))
    u[truss.free] = np.linalg.solve(K[np.ix_(truss.free, truss.free)], truss.load[truss.free])
    return u


def objective(design, truss):
    areas = np.exp(design["log_areas"])
    nodes = truss.nodes + design["shift"]
    u = displacements(areas, nodes, truss)
    d = nodes[truss.bars[:, 1]] - nodes[truss.bars[:, 0]]
    w = u.reshape(-1, 2)
    lengths = np.linalg.norm(d, axis=1)
    stress = YOUNG * np.sum(d * (w[truss.bars[:, 1]] - w[truss.bars[:, 0]]), axis=1) / lengths**2
    over = np.maximum(np.abs(stress) - LIMIT, 0.0)
    return truss.load @ u + 0.05 * areas @ lengths + np.sum(over**2)


def arguments(bays):
    truss, rng = Truss(bays), np.random.default_rng(bays)
    shift = 0.05 * rng.normal(size=truss.nodes.shape)
    return {"log_areas": 0.2 * rng.normal(size=len(truss.bars)), "shift": shift}, truss


PROGRAM = Program(objective, (arguments(2), arguments(3)))


def test_design():
    check(PROGRAM, dear=True)


@thorough
def test_steps_make_it_better():
    value_and_gradient = check(PROGRAM)
    design, truss = arguments(4)
    start = objective(design, truss)
    for _ in range(200):
        gradient = value_and_gradient(design, truss)[1]
        design = {"log_areas": design["log_areas"] - 0.1 * gradient["log_areas"], "shift": 0 * design["shift"]}
    assert objective(design, truss) < 0.8 * start


def test_compliance_by_its_adjoint():
    """The two halves of the objective that have slopes on paper."""
    design, truss = arguments(2)
    areas, nodes = np.exp(design["log_areas"]), truss.nodes
    u = displacements(areas, nodes, truss)
    direction = np.random.default_rng(1).normal(size=len(areas))
    expected = -u @ stiffness(direction, nodes, truss.bars) @ u
    found = along(lambda a: truss.load @ displacements(a, nodes, truss), areas, direction)
    np.testing.assert_allclose(found, expected, rtol=1e-7)
