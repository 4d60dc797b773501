"""A double star: its Keplerian orbit from positions on the sky.

The mean anomaly M = 2 pi (t - t0) / P gives the eccentric one by Kepler's equation E - e sin E = M, solved by Newton's
method until a step is small; Thiele and Innes' constants turn the orbit's plane (Green, Spherical Astronomy, 1985,
chapters 6 and 19). Differentiating the iteration gives what differentiating the equation does: dE = (dM + sin E de) /
(1 - e cos E).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from tests.programs.frame import Program, check, check_vmap, thorough


def eccentric_anomaly(mean, e, tolerance=1e-13):
    mean = np.mod(mean, 2 * np.pi)
    E = mean if e < 0.8 else np.pi
    while True:
        step = (E - e * np.sin(E) - mean) / (1 - e * np.cos(E))
        E = E - step
        if abs(step) < tolerance:
            break
    return E


def position(orbit, t):
    e = orbit["e"]
    E = eccentric_anomaly(2 * np.pi * (t - orbit["t0"]) / orbit["period"], e)
    x, y = np.cos(E) - e, np.sqrt(1 - e**2) * np.sin(E)
    cw, sw = np.cos(orbit["argument"]), np.sin(orbit["argument"])
    cn, sn, ci = np.cos(orbit["node"]), np.sin(orbit["node"]), np.cos(orbit["inclination"])
    A, B = cw * cn - sw * sn * ci, cw * sn + sw * cn * ci
    F, G = -sw * cn - cw * sn * ci, -sw * sn + cw * cn * ci
    return orbit["a"] * (A * x + F * y), orbit["a"] * (B * x + G * y)


def misfit(orbit, times, north, east, sigma):
    total = 0.0
    for k in range(len(times)):
        x, y = position(orbit, times[k])
        total += ((north[k] - x) / sigma[k]) ** 2 + ((east[k] - y) / sigma[k]) ** 2
    return 0.5 * total


ORBIT = {"a": 1.2, "e": 0.4, "t0": 0.3, "period": 3.1, "argument": 0.7, "node": 1.1, "inclination": 0.6}


def arguments(n):
    rng = np.random.default_rng(n)
    times = np.sort(rng.uniform(0, 10, n))
    north, east = np.transpose([position(ORBIT, t) for t in times]) + 0.02 * rng.normal(size=(2, n))
    return {key: value * 1.01 for key, value in ORBIT.items()}, times, north, east, np.full(n, 0.02)


PROGRAM = Program(misfit, (arguments(9), arguments(20)))


def test_fit():
    value_and_gradient = check(PROGRAM)
    start, *data = PROGRAM.calls[1]

    def flat(numbers):
        value, gradient = value_and_gradient(dict(zip(start, numbers, strict=True)), *data)
        return value, np.array(list(gradient.values()))

    found = minimize(flat, list(start.values()), jac=True, method="BFGS")
    assert found.fun < 40  # chi^2 / 2 of 40 numbers
    np.testing.assert_allclose(found.x[:4], [ORBIT[key] for key in list(start)[:4]], rtol=0.05)


@thorough
def test_batch():
    check_vmap(PROGRAM, spread=0.01)
