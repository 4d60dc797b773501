"""A physics-informed network for the viscous Burgers equation.

The network u(t, x) is to satisfy, at collocation points, initial points and boundary points,

    u_t + u u_x - nu u_xx = 0,   u(0, x) = -sin(pi x),   u(t, -1) = u(t, 1) = 0

and the loss is the sum of the mean squares of what is missing (Raissi, Perdikaris, Karniadakis, Physics-informed neural
networks, 2019, section 3.1). The derivatives in the loss are graphc's, of the network at one point, and the loss is
differentiated once more by the weights.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

import graphc
from tests.programs.frame import Program, check, check_hvp, thorough

VISCOSITY = 0.01 / np.pi


def network(layers, t, x):
    hidden = np.array([t, x])
    for weight, bias in layers[:-1]:
        hidden = np.tanh(weight @ hidden + bias)
    weight, bias = layers[-1]
    return (weight @ hidden + bias)[0]


def residual(layers, t, x):
    u_x = graphc.grad(network, argnums=2)
    u = network(layers, t, x)
    u_t = graphc.grad(network, argnums=1)(layers, t, x)
    return u_t + u * u_x(layers, t, x) - VISCOSITY * graphc.grad(u_x, argnums=2)(layers, t, x)


def loss(layers, inside, initial, walls):
    over_points = {"in_axes": (None, 0, 0)}
    equation = graphc.vmap(residual, **over_points)(layers, inside[:, 0], inside[:, 1])
    at_start = graphc.vmap(network, **over_points)(layers, np.zeros(len(initial)), initial)
    at_walls = [graphc.vmap(network, **over_points)(layers, walls, np.full(len(walls), side)) for side in (-1.0, 1.0)]
    total = np.mean(equation**2) + np.mean((at_start + np.sin(np.pi * initial)) ** 2)
    return total + sum(np.mean(u**2) for u in at_walls)


def loss_by_hand(layers, inside, initial, walls):
    """The same with the derivatives carried through the layers by hand: u, u_t, u_x and u_xx at all points."""

    def carried(t, x):
        value, by_t, by_x = (np.stack(pair) for pair in ((t, x), (t * 0 + 1, t * 0), (t * 0, t * 0 + 1)))
        twice = np.zeros_like(value)
        for k, (weight, bias) in enumerate(layers):
            value, by_t, by_x, twice = weight @ value + bias[:, None], weight @ by_t, weight @ by_x, weight @ twice
            if k < len(layers) - 1:
                value = np.tanh(value)
                slope = 1 - value**2
                twice = slope * twice - 2 * value * slope * by_x**2
                by_t, by_x = slope * by_t, slope * by_x
        return value[0], by_t[0], by_x[0], twice[0]

    u, u_t, u_x, u_xx = carried(inside[:, 0], inside[:, 1])
    total = np.mean((u_t + u * u_x - VISCOSITY * u_xx) ** 2)
    total += np.mean((carried(0 * initial, initial)[0] + np.sin(np.pi * initial)) ** 2)
    return total + sum(np.mean(carried(walls, 0 * walls + side)[0] ** 2) for side in (-1, 1))


def arguments(points, width):
    rng = np.random.default_rng(points)
    sizes = [2, width, width, 1]
    layers = [(rng.normal(size=(b, a)) / np.sqrt(a), 0.1 * rng.normal(size=b)) for a, b in pairwise(sizes)]
    inside = np.stack([rng.uniform(0, 1, points), rng.uniform(-1, 1, points)], axis=1)
    return layers, inside, rng.uniform(-1, 1, points // 2), rng.uniform(0, 1, points // 3)


PROGRAM = Program(loss, (arguments(12, 6), arguments(20, 9)), plain=loss_by_hand)


def test_loss():
    check(PROGRAM)


@thorough
def test_hessian_times_a_vector():
    check_hvp(PROGRAM)
