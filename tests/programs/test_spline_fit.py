"""A penalised fit of a natural cubic spline whose knots move, by Thomas's algorithm; and one with SciPy's spline.

The second derivatives m at the knots solve, with steps h and slopes d of the values,

    h[i-1] m[i-1] + 2 (h[i-1] + h[i]) m[i] + h[i] m[i+1] = 6 (d[i] - d[i-1]),    m[0] = m[n-1] = 0

(de Boor, A Practical Guide to Splines, 1978, chapter IV). The penalty is the integral of the squared second derivative,
which is linear between knots: h/3 (a^2 + a b + b^2) on each piece.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from tests.programs.frame import Program, check


def second_derivatives(x, y):
    n = len(x)
    h = np.diff(x)
    slope = np.diff(y) / h
    upper, right = np.zeros(n), np.zeros(n)
    for i in range(1, n - 1):
        pivot = 2 * (h[i - 1] + h[i]) - h[i - 1] * upper[i - 1]
        upper[i] = h[i] / pivot
        right[i] = (6 * (slope[i] - slope[i - 1]) - h[i - 1] * right[i - 1]) / pivot
    m = np.zeros(n)
    for i in range(n - 2, 0, -1):
        m[i] = right[i] - upper[i] * m[i + 1]
    return m


def evaluate(x, y, m, t):
    i = np.clip(np.searchsorted(x, t) - 1, 0, len(x) - 2)
    h = x[i + 1] - x[i]
    a, b = (x[i + 1] - t) / h, (t - x[i]) / h
    return a * y[i] + b * y[i + 1] + ((a**3 - a) * m[i] + (b**3 - b) * m[i + 1]) * h**2 / 6


def moving_knots(model, t, data, smoothness):
    steps = np.exp(model["log_steps"])
    knots = np.concatenate([[0.0], np.cumsum(steps) / np.sum(steps)])
    m = second_derivatives(knots, model["values"])
    residual = evaluate(knots, model["values"], m, t) - data
    bending = np.sum(np.diff(knots) * (m[:-1] ** 2 + m[:-1] * m[1:] + m[1:] ** 2) / 3)
    return np.mean(residual**2) + smoothness * bending


def fixed_knots(values, knots, t, data):
    """The bending by the trapezium rule on a grid of its own."""
    spline = CubicSpline(knots, values, bc_type="natural")
    grid = np.linspace(knots[0], knots[-1], 50)
    return np.mean((spline(t) - data) ** 2) + 1e-4 * np.trapezoid(spline(grid, 2) ** 2, grid)


def samples(count):
    rng = np.random.default_rng(count)
    t = np.sort(rng.uniform(0, 1, count))
    return t, np.sin(6 * t) + 0.1 * rng.normal(size=count)


def model(n):
    rng = np.random.default_rng(n)
    return {"log_steps": 0.1 * rng.normal(size=n - 1), "values": rng.normal(size=n)}


def test_knots_that_move():
    calls = ((model(6), *samples(30), 1e-5), (model(9), *samples(50), 1e-5))
    check(Program(moving_knots, calls))
    knots, values = np.linspace(0, 1, 8), model(8)["values"]
    theirs = CubicSpline(knots, values, bc_type="natural")(samples(20)[0])
    ours = evaluate(knots, values, second_derivatives(knots, values), samples(20)[0])
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_spline_of_scipy():
    calls = tuple((model(n)["values"], np.linspace(0, 1, n), *samples(count)) for n, count in ((6, 30), (9, 50)))
    check(Program(fixed_knots, calls), dear=True)
