"""Loopy belief propagation on an Ising grid: fields and couplings, messages until they settle, Bethe's free energy.

With spins +-1 and weights exp(sum h_i s_i + sum J_ij s_i s_j), a message is the field that i puts on j,

    u_{i->j} = atanh(tanh(J_ij) tanh(h_i + sum_{k != j} u_{k->i}))

(Mezard and Montanari, Information, Physics, and Computation, 2009, chapter 14). The free energy is stationary in
the messages, so its slope by a field is minus the belief's mean spin, tanh(h_i + sum_k u_{k->i}), and by a coupling
minus the mean of the pair's product. On a tree all of it is exact.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from tests.programs.frame import Program, check


def settle(parameters, edges, damping=0.5, most=500):
    """Messages along the edges and back, and the fields that they add up to."""
    field, coupling = parameters["field"], parameters["coupling"]
    m = len(edges)
    source = np.concatenate([edges[:, 0], edges[:, 1]])
    target = np.concatenate([edges[:, 1], edges[:, 0]])
    reverse = np.concatenate([np.arange(m, 2 * m), np.arange(m)])
    t = np.tanh(np.concatenate([coupling, coupling]))
    u = np.zeros(2 * m)
    change, rounds = 1.0, 0
    while change > 1e-13 and rounds < most:
        total = field.copy()
        np.add.at(total, target, u)
        new = np.arctanh(t * np.tanh(total[source] - u[reverse]))
        change = np.max(np.abs(new - u))
        u = damping * u + (1 - damping) * new
        rounds += 1
    total = field + np.bincount(target, weights=u, minlength=len(field))
    return total, total[source] - u[reverse]


def free_energy(parameters, edges):
    coupling = parameters["coupling"]
    total, cavity = settle(parameters, edges)
    a, b = cavity[: len(edges)], cavity[len(edges) :]
    nodes = np.sum(np.log(2 * np.cosh(total)))
    pairs = np.log(2 * (np.exp(coupling) * np.cosh(a + b) + np.exp(-coupling) * np.cosh(a - b)))
    ends = np.log(2 * np.cosh(total))[edges]
    return -(nodes + np.sum(pairs) - np.sum(ends))


def grid(h, w):
    right = [(i * w + j, i * w + j + 1) for i in range(h) for j in range(w - 1)]
    down = [(i * w + j, (i + 1) * w + j) for i in range(h - 1) for j in range(w)]
    return np.array(right + down)


def arguments(edges):
    rng = np.random.default_rng(len(edges))
    fields, couplings = rng.normal(0, 0.3, np.max(edges) + 1), rng.normal(0, 0.3, len(edges))
    return {"field": fields, "coupling": couplings}, edges


def by_beliefs(arguments, direction):
    parameters, edges = arguments
    total, cavity = settle(parameters, edges)
    a, b = cavity[: len(edges)], cavity[len(edges) :]
    same, other = (np.exp(s * parameters["coupling"]) * np.cosh(a + s * b) for s in (1, -1))
    by_coupling = (same - other) / (same + other)
    return -(np.tanh(total) @ direction["field"] + by_coupling @ direction["coupling"])


def test_free_energy():
    check(
        Program(free_energy, (arguments(grid(3, 3)), arguments(grid(4, 5))), derivative=by_beliefs, rtol=1e-8),
        dear=True,
    )


def test_a_tree_is_exact():
    parameters, edges = arguments(np.array([[0, 1], [1, 2], [1, 3], [3, 4]]))
    states = np.array(list(product([-1, 1], repeat=5)))
    weights = states @ parameters["field"] + (states[:, edges[:, 0]] * states[:, edges[:, 1]]) @ parameters["coupling"]
    np.testing.assert_allclose(free_energy(parameters, edges), -np.log(np.sum(np.exp(weights))), rtol=1e-12)
