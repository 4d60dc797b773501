"""Van der Pol's oscillator by a Runge-Kutta pair whose steps follow the error, fitted to a track.

Bogacki and Shampine's method of order 3 has one of order 2 inside; their difference is the error, and the next step is
0.9 err^(-1/3) times as long, within limits (1989). Steps that are too wrong are taken back. The steps depend on the
parameters, and the gradient goes through them: beside it stand differences of SciPy's solution at a small tolerance.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from tests.programs.frame import Program, check, differences


def slope(y, mu):
    return np.array([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])


def integrate(y, start, end, mu, rtol=1e-9, atol=1e-11):
    """The state at the end; the number of steps taken, and of those taken back."""
    t, h = start, 0.01
    k1 = slope(y, mu)
    taken = rejected = 0
    while t < end:
        if t + h > end:
            h = end - t
        k2 = slope(y + h / 2 * k1, mu)
        k3 = slope(y + 3 * h / 4 * k2, mu)
        new = y + h / 9 * (2 * k1 + 3 * k2 + 4 * k3)
        k4 = slope(new, mu)
        error = h * (-5 * k1 / 72 + k2 / 12 + k3 / 9 - k4 / 8)
        scale = atol + rtol * np.maximum(np.abs(y), np.abs(new))
        norm = np.sqrt(np.mean((error / scale) ** 2))
        if norm <= 1:
            t, y, k1 = t + h, new, k4
            taken += 1
        else:
            rejected += 1
        h *= min(5.0, max(0.2, 0.9 * norm ** (-1 / 3)))
    return y, taken, rejected


def misfit(parameters, times, track):
    y, t, total = parameters["start"], 0.0, 0.0
    for k in range(len(times)):
        y, _, _ = integrate(y, t, times[k], parameters["mu"])
        t = times[k]
        total += np.sum((y - track[k]) ** 2)
    return total


def by_scipy(parameters, times, track):
    options = {"t_eval": times, "rtol": 1e-12, "atol": 1e-13, "method": "DOP853"}
    mu = parameters["mu"]
    found = solve_ivp(lambda t, y: slope(y, mu), (0.0, times[-1]), parameters["start"], **options)
    return np.sum((found.y.T - track) ** 2)


def arguments(n):
    track = np.random.default_rng(n).normal(size=(n, 2))
    return {"start": np.array([1.5, 0.3]), "mu": 1.3}, np.linspace(0.3, 0.3 * n, n), track


def test_misfit():
    check(Program(misfit, (arguments(5), arguments(7)), derivative=differences(by_scipy, 1e-3), rtol=1e-6))
