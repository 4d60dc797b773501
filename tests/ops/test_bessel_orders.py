"""Bessel functions by their order, against differences of many digits; ``GRAPHC_TEST_DENSE=1`` samples more densely."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from graphc.autodiff.requires_grad import mark
from tests.nightly import NIGHTLY
from tests.ops.one_op import check_orders, gradients, one_op
from tests.ops.test_special_ranges import DENSE

STEP = mpmath.mpf(10) ** -20
ORDERS = (-2.5, 0.0, 0.02, 1.0, 7.5, 55.5)
PLACES = (2e-3, 0.7, 1.0, 7.5, 60.0)
EXACT = {
    "jv": mpmath.besselj,
    "yv": mpmath.bessely,
    "iv": mpmath.besseli,
    "kv": mpmath.besselk,
    "ive": lambda v, x: mpmath.besseli(v, x) * mpmath.exp(-x),
    "kve": lambda v, x: mpmath.besselk(v, x) * mpmath.exp(x),
}

SECOND = {"jv": "yv", "iv": "kv", "ive": "kv"}


def points() -> list[tuple[float, float]]:
    if not DENSE:
        return [(v, x) for k, v in enumerate(ORDERS) for j, x in enumerate(PLACES) if (k + 2 * j) % 3 == 0]
    rng = np.random.default_rng(0)
    orders = rng.choice([-1, 1, 1], 400) * 10 ** rng.uniform(-2, 2.3, 400)
    return [*((v, x) for v in ORDERS for x in PLACES), *zip(orders, 10 ** rng.uniform(-4, 2.5, 400), strict=True)]


def slope(name: str, v: float, x: float) -> mpmath.mpf:
    return (EXACT[name](v + STEP, mpmath.mpf(x)) - EXACT[name](v - STEP, mpmath.mpf(x))) / (2 * STEP)


@pytest.mark.parametrize("name", EXACT)
def test_by_order(name):
    """Of ``J`` and ``Y`` beyond their order the error is that of the oscillation, whose size both together have.

    That of ``I`` is a rounding of ``I`` itself, too, beside which its derivative by a small order is ``exp(-2 x)``.
    """
    arrays = [np.array(row) for row in zip(*points(), strict=True)]
    graph = mark(one_op(name, arrays), [True, False])
    with np.errstate(all="ignore"):
        (found,) = gradients(graph, arrays, [np.ones(len(arrays[0]))])
    other = {"jv": "yv", "yv": "jv"}.get(name)
    with mpmath.workdps(70):
        for v, x, value in zip(*arrays, found, strict=True):
            exact = slope(name, mpmath.mpf(v), x)
            size = abs(exact) if other is None or (v > x) else mpmath.hypot(exact, slope(other, mpmath.mpf(v), x))
            if v < 0:  # two functions are added, of which the second one is large
                size += abs(v) * abs(EXACT[SECOND.get(name, name)](-mpmath.mpf(v), mpmath.mpf(x)))
            if name in ("iv", "ive"):
                size += abs(EXACT[name](mpmath.mpf(v), mpmath.mpf(x))) / 1000
            if 1e-290 < abs(exact) < 1e290:
                assert abs(value - exact) <= 2e-12 * size, (v, x, value, float(exact))


@pytest.mark.skipif(not NIGHTLY, reason="run with TEST_PROGRAMS=2000")
@pytest.mark.parametrize(("name", "v", "x"), [("jv", 1.7, 0.9), ("yv", 0.6, 2.1), ("ive", 0.8, 1.3)])
def test_second_derivatives(name, v, x):
    arrays = [np.array([v]), np.array([x])]
    check_orders(one_op(name, arrays), arrays, [True, True])


def test_where_there_is_no_derivative():
    arrays = [np.array([1.5, 0.0, 2.0, 1.5]), np.array([0.0, 0.0, -1.0, np.nan])]
    graph = mark(one_op("jv", arrays), [True, False])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(gradients(graph, arrays, [np.ones(4)])[0], [0.0, np.nan, np.nan, np.nan])
