"""Parabolic cylinder functions of devices beside mpmath, and at the edges their limits.

SciPy's are no reference: ``pbdv`` of orders that are no integers and negative arguments, ``pbvv`` of most negative
arguments and of large orders are wrong by any factor, and ``pbwa`` is NaN beyond 5.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.special

from tests.nightly import NIGHTLY
from tests.scalar_special.support import errors, values

RANDOM = np.random.default_rng(7)
DENSE, COARSE = 400, 8


def exact(function, digits=50):
    def over(*arguments):
        with mp.workdps(digits):
            points = zip(*(np.ravel(a) for a in np.broadcast_arrays(*arguments)), strict=True)
            found = [float(mp.re(function(*map(mp.mpf, map(float, point))))) for point in points]
        return np.reshape(found, np.broadcast(*arguments).shape)

    return over


def second(v, x):
    return mp.pcfv(-v - mp.mpf(0.5), x)


def weber(k):
    """W of DLMF 12.14.2 to 12.14.5 or its derivative, with as many digits as its two parts cancel."""

    def function(a, x):
        with mp.workdps(40 + int(3 * abs(a) + x * x / 4)):
            ratio = mp.sqrt(abs(mp.gamma(0.75 + 0.5j * a) / mp.gamma(0.25 + 0.5j * a)))

            def whole(x):
                factor = mp.expj(-x * x / 4)
                even = mp.re(factor * mp.hyp1f1(0.25 - 0.5j * a, 0.5, 0.5j * x * x))
                odd = x * mp.re(factor * mp.hyp1f1(0.75 - 0.5j * a, 1.5, 0.5j * x * x))
                return mp.mpf(2) ** -0.75 / ratio * even - mp.mpf(2) ** -0.25 * ratio * odd

            return whole(x) if k == 0 else mp.diff(whole, x)

    return function


# name -> its two results, and the largest order
FUNCTIONS = {
    "pbdv": ((mp.pcfd, lambda v, x: x / 2 * mp.pcfd(v, x) - mp.pcfd(v + 1, x)), 250.0),
    "pbvv": ((second, lambda v, x: x / 2 * second(v, x) - (v + 1) * second(v + 1, x)), 250.0),
    "pbwa": ((weber(0), weber(1)), 90.0),
}


def points(most, count):
    """Orders of all sizes, whole ones and nearly whole ones, and arguments of either sign."""
    kinds = RANDOM.integers(0, 4, count)
    whole = RANDOM.integers(-8, 30, count)
    v = np.select(
        [kinds == 0, kinds == 1, kinds == 2],
        [RANDOM.uniform(-6, 6, count), RANDOM.uniform(-most, most, count), whole.astype(float)],
        whole + 10 ** RANDOM.uniform(-10, -1, count),
    )
    return v, RANDOM.choice([-1, 1], count) * 10 ** RANDOM.uniform(-2, 1.6, count)


def check(name, k, reference, arguments, dtype):
    gaps = errors(values(name, arguments, dtype)[..., k], reference, arguments, dtype)
    right = np.abs(reference(*(a.astype(dtype).astype(float) for a in arguments)))
    gaps[(right > np.finfo(dtype).max) | (right < np.finfo(dtype).tiny)] = 0.0
    worst = np.argmax(gaps)
    assert gaps[worst] < 60, [a[worst] for a in arguments] + [right[worst], gaps[worst]]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name):
    results, most = FUNCTIONS[name]
    v, x = points(most, COARSE if not NIGHTLY else DENSE // 8 if name == "pbwa" else DENSE)
    if name == "pbwa" and not NIGHTLY:
        results = results[:1]  # the other one by Wronski's determinant
        v, x = v / 8, np.clip(x, -12, 12)
    for k, result in enumerate(results):
        check(name, k, exact(result), [v, x], np.float64)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_in_single_precision(name):
    arguments = points(45.0, DENSE if NIGHTLY else COARSE)
    for k in (0, 1):
        check(name, k, lambda *a, k=k: values(name, a)[..., k], arguments, np.float32)


def test_where_the_asymptotic_series_begins():
    """One relation between both functions on either side (DLMF 12.2.19), and no step of W there."""
    v = np.repeat([-5.3, -0.4, 2.8, 6.1, 11.7], 6)
    x = np.sqrt(120 + v * v) * np.tile([0.86, 0.93, 0.999, 1.001, 1.06, 1.12], 5)
    (d, slope), (dominant, other) = values("pbdv", [v, x]).T, values("pbvv", [v, x]).T
    np.testing.assert_allclose(d * other - slope * dominant, np.sqrt(2 / np.pi), rtol=3e-13)
    a = np.linspace(-9, 9, 7)
    ends = np.sqrt(100 + a * a) * np.array([[-1 - 1e-9], [-1 + 1e-9], [1 - 1e-9], [1 + 1e-9]])
    w = values("pbwa", [np.broadcast_to(a, ends.shape), ends])
    step = w[1::2] - w[::2] - (w[1::2, :, 1] * np.diff(ends, axis=0)[::2])[..., None] * [1, 0]
    assert np.max(np.abs(step[..., 0]) / np.hypot(w[::2, :, 0], w[::2, :, 1] / 5)) < 1e-12


def test_wronskian_of_w():
    """DLMF 12.14.1: of W(a, x) and W(a, -x)."""
    a, x = points(90.0, 20)
    (first, slope), (second, other) = values("pbwa", [a, x]).T, values("pbwa", [a, -x]).T
    gap = -first * other - slope * second - 1.0
    assert np.all(np.abs(gap) < 1e-13 * (1 + a * a + x * x))


def test_scipys_where_it_has_them():
    """Orders from -2 to 0 and positive arguments, and the small square of W."""
    v, x = np.meshgrid([-1.7, -1.0, -0.3, 0.0], [0.0, 0.5, 3.0, 7.0])
    for name in ("pbdv", "pbvv"):
        expected = np.stack(getattr(scipy.special, name)(v, x), axis=-1)
        np.testing.assert_allclose(values(name, [v, x]), expected, rtol=1e-6, atol=1e-15)
    a, x = np.meshgrid([-4.5, -1.0, 0.0, 1.5], [-4.5, -0.5, 0.0, 2.0, 4.5])
    np.testing.assert_allclose(values("pbwa", [a, x]), np.stack(scipy.special.pbwa(a, x), axis=-1), rtol=1e-8)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_edges(dtype):
    inf, nan = np.inf, np.nan
    v, x = np.array([(0.0, inf), (0.5, inf), (-2.0, -inf), (0.5, -inf), (1.5, -inf), (3.0, -inf), (500.0, 0.0)]).T
    assert values("pbdv", [v, x], dtype)[:, 0].tolist() == [0.0, 0.0, inf, -inf, inf, 0.0, inf]
    assert values("pbdv", [[500.0], [0.0]], dtype)[0, 1] == 0.0
    assert values("pbvv", [v, x], dtype)[:, 0].tolist() == [inf, inf, -inf, 0.0, 0.0, inf, 0.0]
    for name in ("pbdv", "pbvv", "pbwa"):
        assert np.all(np.isnan(values(name, [[nan, 1.0, nan, 3e38, inf], [1.0, nan, nan, 1.0, 1.0]], dtype)))
    assert np.all(np.isnan(values("pbwa", [[101.0, -101.0, 0.5, 0.5], [1.0, 1.0, inf, -inf]], dtype)))
