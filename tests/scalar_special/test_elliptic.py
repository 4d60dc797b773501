"""Elliptic integrals and functions of devices, beside mpmath, and at the edges SciPy's values."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest
import scipy.special

from tests.nightly import NIGHTLY
from tests.scalar_special.support import errors, exactly, values

BOTH = pytest.mark.parametrize("dtype", [np.float64, np.float32])
COUNT = 300 if NIGHTLY else 5
EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 2.5, 0.3]


def sizes(count, low=-4.0, high=4.0):
    random = np.random.default_rng(8)
    return [10 ** random.uniform(low, high, COUNT) for _ in range(count)]


def parameters():
    """From far below 0 up to 1, also near to it."""
    random = np.random.default_rng(9)
    near = 1 - 10 ** random.uniform(-15, 0, COUNT)
    return np.concatenate([random.uniform(0, 1, COUNT), near, -(10 ** random.uniform(-3, 6, COUNT)), [0.0, 0.5, 1.0]])


def angles(count):
    return np.random.default_rng(10).uniform(-8, 8, count)


EXACT = {
    "elliprc": (mp.elliprc, sizes(2)), "elliprf": (mp.elliprf, sizes(3)), "elliprg": (mp.elliprg, sizes(3)),
    "elliprd": (mp.elliprd, sizes(3)), "elliprj": (mp.elliprj, sizes(4)), "agm": (mp.agm, sizes(2, -30, 30)),
    "ellipk": (mp.ellipk, [parameters()]), "ellipe": (mp.ellipe, [parameters()]),
    "ellipkm1": (lambda p: mp.ellipk(1 - p), sizes(1, -12, 6)),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("name", EXACT)
def test_values(name, dtype):
    reference, arguments = EXACT[name]
    assert np.max(errors(values(name, arguments, dtype), exactly(reference), arguments, dtype)) < 6


@BOTH
@pytest.mark.parametrize("name", ["ellipkinc", "ellipeinc"])
def test_incomplete(name, dtype):
    m = parameters()
    arguments = [np.append(angles(len(m) - 1), 2.0), m]  # at m = 1 SciPy's first kind is positive for all large angles
    reference = getattr(scipy.special, name)
    assert np.max(errors(values(name, arguments, dtype), reference, arguments, dtype)) < 8


def test_principal_values():
    x, y, z, p = sizes(4)
    arguments = [x, y, z, -p]
    assert np.max(errors(values("elliprj", arguments), scipy.special.elliprj, arguments)) < 200  # a difference
    assert np.max(errors(values("elliprc", [x, -p]), scipy.special.elliprc, [x, -p])) < 8


@BOTH
def test_jacobi(dtype):
    m = np.concatenate([np.abs(np.clip(parameters(), 0, 1)), 10 ** np.linspace(-15, -1, COUNT)])
    u = angles(len(m))
    found = values("ellipj", [u, m], dtype)
    for k, name in enumerate(["sn", "cn", "dn"]):
        reference = exactly(lambda u, m, name=name: mp.ellipfun(name, u, m=m))
        assert np.max(errors(found[:, k], reference, [u, m], dtype)) < 10
    if dtype == np.float64:
        assert np.max(errors(found[:, 3], lambda u, m: scipy.special.ellipj(u, m)[3], [u, m])) < 20
    assert np.all(np.isnan(values("ellipj", [[0.3, np.inf, 0.3, np.nan], [1.5, 0.2, -0.5, 0.2]], dtype)))


@pytest.mark.parametrize(
    "name", ["ellipk", "ellipkm1", "ellipe", "ellipkinc", "ellipeinc", "agm", "elliprf", "elliprg"]
)
def test_edges_are_scipys(name):
    function = getattr(scipy.special, name)
    arguments = list(np.array(list(itertools.product(EDGES, repeat=function.nin))).T)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(values(name, arguments), function(*arguments), rtol=1e-12)


def test_edges_of_carlsons_others():
    np.testing.assert_array_equal(
        values("elliprc", [[0, 1, -1, np.inf, 1], [0, 0, 1, 1, np.inf]]), [np.nan] * 3 + [0, 0]
    )
    found = values("elliprd", [[0, 1, 1, np.inf, -1, 0], [0, 1, 1, 1, 1, 1], [1, 0, np.inf, 1, 1, 1]])
    np.testing.assert_array_equal(found[:-1], [np.inf, np.inf, 0, 0, np.nan])
    np.testing.assert_allclose(found[-1], scipy.special.elliprd(0, 1, 1), rtol=1e-15)
