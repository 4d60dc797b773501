"""Derivatives of special functions over their whole range, against mpmath: where formulas cancel, and at edges.

A derivative must be as exact as the rounding of its argument allows: ``rtol`` times one plus the condition number.
``GRAPHC_TEST_DENSE=1`` samples a hundred times as densely; a nightly run sets it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from graphc.autodiff.requires_grad import mark
from tests.ops.one_op import gradients, one_op

DENSE = bool(int(os.environ.get("GRAPHC_TEST_DENSE", "0")))
COUNT = 400 if DENSE else 7
DIGITS = 40


def both(low: float, high: float) -> list[float]:
    """Points of all sizes between the two and of both signs, and 0."""
    sizes = np.geomspace(low, high, COUNT)
    return [*-sizes[::-1], 0.0, *sizes]


def positive(low: float, high: float) -> list[float]:
    return list(np.geomspace(low, high, COUNT))


def inside(low: float, high: float) -> list[float]:
    return list(low + (high - low) * (np.arange(COUNT) + 0.37) / COUNT)


# name -> (points, the derivative, what stands before the variable)
RANGES: dict[str, tuple[list[float], Callable[[mpmath.mpf], mpmath.mpf], tuple[float, ...]]] = {
    "erf": (both(1e-8, 6.0), lambda x: mpmath.diff(mpmath.erf, x), ()),
    "erfcx": (positive(1e-3, 1e6), lambda x: 2 * x * erfcx(x) - 2 / mpmath.sqrt(mpmath.pi), ()),
    "dawsn": (both(1e-3, 1e7), lambda x: 1 - 2 * x * dawson(x), ()),
    "log_ndtr": (both(1e-3, 30.0), lambda x: mpmath.npdf(x) / mpmath.ncdf(x), ()),
    "gammaln": (positive(1e-3, 1e8), mpmath.digamma, ()),
    "digamma": (positive(1e-3, 1e8), lambda x: mpmath.psi(1, x), ()),
    "rgamma": (inside(-3.0, 9.0), lambda x: -mpmath.rgamma(x) * mpmath.digamma(x), ()),
    "spence": (positive(1e-3, 1e4), lambda x: -mpmath.log(x) / (x - 1) if x != 1 else mpmath.mpf(-1), ()),
    "exprel": (both(1e-6, 50.0), lambda x: (mpmath.exp(x) * (x - 1) + 1) / x**2 if x else mpmath.mpf(0.5), ()),
    "ellipk": (inside(-5.0, 1.0), lambda m: (mpmath.ellipe(m) - (1 - m) * mpmath.ellipk(m)) / (2 * m * (1 - m)), ()),
    "ellipe": (inside(-5.0, 1.0), lambda m: (mpmath.ellipe(m) - mpmath.ellipk(m)) / (2 * m), ()),
    "i0e": (both(1e-3, 1e8), lambda x: mpmath.sign(x) * scaled(0, abs(x), mpmath.besseli, -1), ()),
    "i1e": (both(1e-3, 1e8), lambda x: scaled(1, abs(x), mpmath.besseli, -1) if x else mpmath.mpf(0.5), ()),
    "k0e": (positive(1e-3, 1e8), lambda x: scaled(0, x, mpmath.besselk, 1), ()),
    "k1e": (positive(1e-3, 1e8), lambda x: scaled(1, x, mpmath.besselk, 1), ()),
    "ive": (positive(1e-2, 1e8), lambda x: scaled(mpmath.mpf(2.5), x, mpmath.besseli, -1), (2.5,)),
    "kve": (positive(1e-2, 1e8), lambda x: scaled(mpmath.mpf(2.5), x, mpmath.besselk, 1), (2.5,)),
    "zetac": (inside(-6.0, 12.0), lambda x: mpmath.zeta(x, derivative=1), ()),
    "agm": (positive(1e-12, 1e12), lambda b: mean_slope(mpmath.mpf(2.5), b), (2.5,)),
    "boxcox": (both(1e-9, 3.0), lambda p: box(mpmath.log(mpmath.mpf(1.7)), p), (1.7,)),
}  # fmt: skip
STEP = mpmath.mpf(10) ** -15


def mean_slope(a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
    return mpmath.diff(lambda t: mpmath.agm(a, t), b, h=b * STEP)


def erfcx(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.exp(x * x) * mpmath.erfc(x)


def dawson(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x)


def scaled(v: float, x: mpmath.mpf, bessel: Callable, sign: int) -> mpmath.mpf:
    """Of exp(sign x) times a modified Bessel function."""
    near = (bessel(v - 1, x) + bessel(v + 1, x)) / 2 * (1 if sign < 0 else -1)
    return mpmath.exp(sign * x) * (near + sign * bessel(v, x))


def box(log_x: mpmath.mpf, p: mpmath.mpf) -> mpmath.mpf:
    u = p * log_x
    return log_x**2 * ((mpmath.exp(u) * (u - 1) + 1) / u**2 if u else mpmath.mpf(0.5))


def slopes(name: str, points: list[float], before: tuple[float, ...], dtype: type = np.float64) -> np.ndarray:
    arrays = [*(np.full(len(points), b, dtype) for b in before), np.array(points, dtype)]
    graph = one_op(name, arrays)
    graph = mark(graph, [False] * len(before) + [True])
    with np.errstate(all="ignore"):
        (found,) = gradients(graph, arrays, [np.ones(len(points), dtype)])
    return found


SCALED = [name for name in RANGES if name[:2] in ("i0", "i1", "k0", "k1", "iv", "kv")]  # the others: test_exact.py


@pytest.mark.parametrize("name", RANGES if DENSE else SCALED)
def test_derivatives_over_the_range(name):
    points, derivative, before = RANGES[name]
    found = slopes(name, points, before)
    with mpmath.workdps(DIGITS + 30):
        for point, value in zip(points, found, strict=True):
            x = mpmath.mpf(point)
            exact = derivative(x)
            moved = derivative(x + STEP * max(abs(x), STEP)) if x else exact
            condition = float(abs((moved - exact) / (STEP * exact))) if exact and x else 0.0
            assert abs(value - exact) <= 4e-14 * (1 + condition) * abs(exact) + 1e-300, (point, value, float(exact))


@pytest.mark.parametrize(
    ("name", "rows", "k", "wanted"),
    [
        ("rgamma", ([0.0, -1.0, -2.0, -3.0],), 0, [1.0, -1.0, 2.0, -6.0]),
        ("binom", ([2.0, 2.0, 3.0], [3.0, 4.0, -1.0]), 1, [-1 / 3, 1 / 12, 1 / 4]),
        ("binom", ([2.0, 2.0], [3.0, 4.0]), 0, [1 / 3, -1 / 12]),
        ("beta", ([2.5], [np.inf]), 1, [0.0]),
        ("agm", ([2.5, 0.0], [0.0, 2.5]), 1, [np.inf, np.pi * 0.0]),
        ("fdtr", ([2.5], [2.0], [np.inf]), 2, [0.0]),
        ("chndtr", ([np.inf], [2.0], [1.0]), 0, [0.0]),
        ("gammainc", ([2.0, 1.0], [np.inf, 0.0]), 1, [0.0, 1.0]),
        ("dawsn", ([np.inf, -np.inf, 0.0],), 0, [0.0, 0.0, 1.0]),
        ("i0e", ([0.0, np.inf, -np.inf],), 0, [0.0, 0.0, 0.0]),
        ("sici__0", ([0.0, np.inf],), 0, [1.0, 0.0]),
        ("sici__1", ([np.inf],), 0, [0.0]),
        ("kolmogorov", ([0.0, 1e-300, np.inf],), 0, [0.0, 0.0, 0.0]),
        ("zetac", ([-1e-8, 0.0, np.inf],), 0, [-0.9189385131411081, -0.9189385332046727, 0.0]),
    ],
)
def test_edges(name, rows, k, wanted):
    arrays = [np.array(row) for row in rows]
    graph = mark(one_op(name, arrays), [j == k for j in range(len(arrays))])
    with np.errstate(all="ignore"):
        (found,) = gradients(graph, arrays, [np.ones(len(wanted))])
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("name", ["dawsn", "i0e", "k1e", "spence", "exprel", "digamma", "agm"])
def test_float32_is_right_to_its_own_precision(name):
    points, _, before = RANGES[name]
    points = [float(np.float32(p)) for p in points]
    single, double = slopes(name, points, before, np.float32), slopes(name, points, before)
    np.testing.assert_allclose(single, double, rtol=3e-5, atol=1e-37)
