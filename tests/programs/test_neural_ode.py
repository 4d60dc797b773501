"""A neural ordinary differential equation: a network is the right-hand side, and is fitted to what is observed.

    dy/dt = W2 tanh(W1 y + b1) + b2,   loss = mean_k |y(t_k) - observed_k|^2

(Chen, Rubanova, Bettencourt, Duvenaud, Neural Ordinary Differential Equations, 2018), with the classical Runge-Kutta
method in steps of one's own, and with SciPy's adaptive ``solve_ivp``.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from tests.programs.frame import Program, check, check_hvp, check_vmap, thorough


def velocity(parameters, t, y):
    hidden = np.tanh(parameters["w1"] @ y + parameters["b1"] + t * parameters["drift"])
    return parameters["w2"] @ hidden + parameters["b2"]


def runge_kutta(right_side, y0, times, substeps):
    path = np.empty((len(times), len(y0)))
    path[0] = y = y0
    for k in range(len(times) - 1):
        h = (times[k + 1] - times[k]) / substeps
        t = times[k]
        for _ in range(substeps):
            k1 = right_side(t, y)
            k2 = right_side(t + h / 2, y + h / 2 * k1)
            k3 = right_side(t + h / 2, y + h / 2 * k2)
            k4 = right_side(t + h, y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            t += h
        path[k + 1] = y
    return path


def loss_of_own_steps(parameters, times, observed):
    path = runge_kutta(lambda t, y: velocity(parameters, t, y), parameters["y0"], times, substeps=3)
    return np.mean((path - observed) ** 2) + 1e-3 * sum(np.sum(parameters[name] ** 2) for name in ("w1", "w2"))


def loss_of_solve_ivp(parameters, times, observed):
    found = solve_ivp(
        lambda t, y: velocity(parameters, t, y),
        (times[0], times[-1]),
        parameters["y0"],
        t_eval=times,
        rtol=1e-8,
        atol=1e-10,
    )
    return np.mean((found.y.T - observed) ** 2)


def arguments(count, size, hidden):
    rng = np.random.default_rng(count)
    parameters = {
        "w1": rng.normal(size=(hidden, size)),
        "b1": 0.1 * rng.normal(size=hidden),
        "drift": 0.1 * rng.normal(size=hidden),
        "w2": rng.normal(size=(size, hidden)) / hidden,
        "b2": 0.1 * rng.normal(size=size),
        "y0": rng.normal(size=size),
    }
    times = np.linspace(0.0, 2.0, count)
    return parameters, times, rng.normal(size=(count, size))


OWN = Program(loss_of_own_steps, (arguments(6, 2, 5), arguments(9, 3, 8)))


def test_own_steps():
    check(OWN)


@thorough
def test_batch_of_networks():
    check_vmap(OWN)


@thorough
def test_hessian_times_a_vector():
    check_hvp(OWN)


@thorough
def test_solve_ivp():
    """The gradient is that of the steps taken; differences see their sizes move as well, within the tolerance asked."""
    check(Program(loss_of_solve_ivp, (arguments(6, 2, 5), arguments(9, 3, 8)), rtol=1e-5))
