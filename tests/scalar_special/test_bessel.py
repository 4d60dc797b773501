"""Bessel functions of devices over the whole domain, beside mpmath or SciPy, and at the edges SciPy's values."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest
import scipy.special

from tests.nightly import NIGHTLY
from tests.scalar_special.support import errors, exactly, values

BOTH = pytest.mark.parametrize("dtype", [np.float64, np.float32])
EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.5])
POINTS = np.concatenate([np.linspace(0.05, 33, 25), [8.0, 2.0, 1e-300, 1e-9, 1e3, 12345.6, 1e8], EDGES])


@BOTH
@pytest.mark.parametrize("name", ["i0", "i0e", "i1", "i1e", "j0", "j1", "k0", "k0e", "k1", "k1e", "y0", "y1"])
def test_orders_0_and_1(name, dtype):
    def reference(x):
        found = getattr(scipy.special, name)(x)
        return np.where(np.isinf(x), x**2 if name == "i0" else x, found) if name in ("i0", "i1") else found  # not NaN

    assert np.max(errors(values(name, [POINTS], dtype), reference, [POINTS], dtype)) < 8


def orders(count):
    """Pairs of all sizes, some of them of nearly equal numbers."""
    random = np.random.default_rng(4)
    v, x = 10 ** random.uniform(-2, 2.5, count), 10 ** random.uniform(-2, 2.5, count)
    near = 10 ** random.uniform(1, 2.5, count // 2)
    beside = near + random.uniform(-15, 15, count // 2) * np.cbrt(near)
    special = [(0.0, 0.3), (0.0, 5.0), (0.5, 1.0), (1.0, 7.0), (3.0, 39.9), (2.0, 0.7), (1 / 3, 80.0), (300.0, 3e4)]
    v, x = np.concatenate([v, near]), np.concatenate([x, np.abs(beside)])
    return np.concatenate([np.transpose(special), [v, x]], axis=1)


REFERENCES = {
    "jv": mp.besselj, "yv": mp.bessely, "iv": mp.besseli, "kv": mp.besselk,
    "ive": lambda v, x: mp.besseli(v, x) * mp.exp(-x), "kve": lambda v, x: mp.besselk(v, x) * mp.exp(x),
}  # fmt: skip


@pytest.mark.parametrize("name", REFERENCES)
def test_real_orders(name):
    arguments = orders(200) if NIGHTLY else orders(4)[:, :11]
    if name.endswith("e") and not NIGHTLY:  # mpmath takes long: beside the one that is not scaled
        v, x = arguments
        v, x = v[x < 600], x[x < 600]  # whose exponential is a number
        plain = values(name[:2], [v, x]) * np.exp(x if name == "kve" else -x)
        found, seen = values(name, [v, x]), plain > 1e-290
        np.testing.assert_allclose(found[seen], plain[seen], rtol=3e-14)
        return
    assert np.nanmax(errors(values(name, arguments), exactly(REFERENCES[name]), arguments)) < 30


@pytest.mark.parametrize("name", REFERENCES)
def test_real_orders_in_single_precision(name):
    """Beside float64, which is tested above. The orders near x are gone through one by one."""
    v, x = orders(12)
    fine = values(name, [v.astype("f4"), x.astype("f4")])
    kept = (np.abs(fine) < 3e38) & (np.abs(fine) > 1e-30)
    arguments = [v[kept], x[kept]]
    assert np.max(errors(values(name, arguments, np.float32), lambda *a: values(name, a), arguments, np.float32)) < 60


@pytest.mark.parametrize("name", REFERENCES)
def test_negative_orders_and_arguments(name):
    reference = getattr(scipy.special, name)
    v, x = np.array(list(itertools.product([-0.25, -2.0, -3.0, -7.5, -0.5, 3.0, 2.5, -20.0], [-6.0, 0.4, 3.5, 45.0]))).T
    assert np.nanmax(errors(values(name, [v, x]), reference, [v, x], fixed=(0,))) < 300  # SciPy's own are as large


@pytest.mark.parametrize("name", REFERENCES)
def test_edges_of_real_orders(name):
    """SciPy's, but for infinite arguments of I and K, where SciPy's has no limit, and orders below 0 at 0."""
    v, x = np.array(list(itertools.product([0.0, 1.0, 2.5, -2.0, -3.0, np.nan], [0.0, *EDGES, 1e-40, 3.0]))).T
    finite = np.isfinite(x) | (name[0] in "jy")
    with np.errstate(all="ignore"):
        expected = getattr(scipy.special, name)(v, x)[finite]
    found = values(name, [v, x])[finite]
    same = np.isclose(found, expected, rtol=1e-13, atol=0) | (np.isnan(found) & np.isnan(expected))
    same |= np.isnan(v[finite]) & np.isnan(found)
    assert np.all(same), (v[finite][~same], x[finite][~same], found[~same], expected[~same])


@BOTH
@pytest.mark.parametrize("kind", ["jn", "yn", "in", "kn"])
def test_spherical(kind, dtype):
    x = np.concatenate([10 ** np.linspace(-2, 2.2, 12), -(10 ** np.linspace(-1, 1, 4)), EDGES])
    for n in (0, 1, 2, 5, 12):

        def reference(n, x):
            found = getattr(scipy.special, f"spherical_{kind}")(n.astype(int), x)
            return np.where(np.abs(found) > np.finfo(dtype).max, np.copysign(np.inf, found), found)

        arguments = [np.full(len(x), n), x]
        found = values(f"spherical_{kind}", arguments, dtype)
        kept = (x > 0) | (kind != "kn")  # a difference of large numbers
        assert np.max(errors(found, reference, arguments, dtype, fixed=(0,))[kept]) < 60


@BOTH
def test_airy(dtype):
    x = np.array([-60.0, -17.3, -6.1, -2.34, -1.1, -0.9, -0.1, 0.0, 0.3, 0.99, 1.01, 1.7, 4.0, 11.0, 14.0])
    found, scaled = values("airy", [x], dtype), values("airye", [x], dtype)
    functions = [lambda x, k=k: (mp.airyai, mp.airybi)[k // 2](x, derivative=k % 2) for k in range(4)]
    for k, function in enumerate(functions):
        assert np.max(errors(found[:, k], exactly(function), [x], dtype)) < 8
        sign = 1 if k < 2 else -1

        def without(x, function=function, sign=sign):
            return function(x) * mp.exp(sign * mp.re(x**1.5) * 2 / 3)

        above = x >= 0
        assert np.max(errors(scaled[above, k], exactly(without), [x[above]], dtype)) < 20
    np.testing.assert_array_equal(np.isnan(scaled), np.stack([x < 0, x < 0, x < -99, x < -99], axis=1))
    assert np.all(np.isnan(values("airy", [[np.nan, -np.inf]], dtype)))
    np.testing.assert_array_equal(values("airy", [np.inf], dtype), [0, 0, np.inf, np.inf])


@BOTH
def test_struve(dtype):
    v = np.array([0.0, 0.0, 1.0, 0.0, 1.0, 2.5, -1.2, 11.0, -0.5, -1.5, 30.0, -2.4])
    x = np.array([0.1, 3.9, 4.1, 50.0, 200.0, 8.0, 13.0, 2.0, 3.0, 5.0, 40.0, 80.0])
    for name, reference, limit in (("struve", mp.struveh, 200.0), ("modstruve", mp.struvel, 80.0)):
        arguments = [v, np.minimum(x, limit)]
        assert np.max(errors(values(name, arguments, dtype), exactly(reference), arguments, dtype)) < 8
        found = values(name, [[0.0, 1.0, 2.0, 0.5, -1.0, -2.0], [-2.0, -2.0, -3.0, -1.0, 0.0, 0.0]])
        np.testing.assert_allclose(found, getattr(scipy.special, name)([0, 1, 2, 0.5, -1, -2], [-2, -2, -3, -1, 0, 0]))
    assert np.isnan(values("struve", [300.0, 130.0]))  # digits are lost


@BOTH
def test_orders_of_yn_and_kn_are_whole(dtype):
    n, x = np.array([0.77, 9.6, 8.5, -2.7]), np.array([11.8, 4.0, 0.9, 2.3])
    for name, of_real in (("yn", "yv"), ("kn", "kv")):
        np.testing.assert_array_equal(values(name, [n, x], dtype), values(of_real, [np.trunc(n), x], dtype))


@BOTH
def test_y_of_negative_orders_at_0(dtype):
    """The sign is that of ``-cos(pi v)``; half-odd orders have J's value, 0 (DLMF 10.4.6)."""
    v = np.array([0.0, 2.5, -1.0, -2.0, -1.27, -3.2, -0.3, -2.5])
    inf = np.inf
    assert values("yv", [v, 0.0], dtype).tolist() == [-inf, -inf, inf, -inf, inf, inf, -inf, 0.0]
