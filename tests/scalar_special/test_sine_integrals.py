"""Sine, cosine, hyperbolic and Fresnel integrals, and functions of degrees, beside mpmath and SciPy."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.special

from tests.scalar_special.support import errors, exactly, values

BOTH = pytest.mark.parametrize("dtype", [np.float64, np.float32])
X = np.concatenate([10 ** np.linspace(-3, 3, 25), [2.49, 2.5, 7.99, 8.0, 19.9, 20.1, 39.9, 40.1, 1e-30, 0.6165]])
EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, -45.0])
PARTS = {
    "sici": (mp.si, mp.ci), "shichi": (mp.shi, mp.chi), "fresnel": (mp.fresnels, mp.fresnelc),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("name", PARTS)
def test_integrals(name, dtype):
    x = X if name != "shichi" else X[X < (700 if dtype == np.float64 else 80)]
    found = values(name, [x], dtype)
    for k, function in enumerate(PARTS[name]):
        limit = 25 if (name, k) == ("sici", 1) else 6  # Ci is a difference before 8
        assert np.max(errors(found[:, k], exactly(function), [x], dtype)) < limit
    if dtype == np.float64:
        expected = np.transpose(getattr(scipy.special, name)(EDGES))
        np.testing.assert_allclose(values(name, [EDGES]), expected, rtol=1e-13)


@BOTH
@pytest.mark.parametrize("name", ["sindg", "cosdg", "tandg", "cotdg"])
def test_degrees(name, dtype):
    x = np.concatenate([np.linspace(-720, 720, 49), np.linspace(-7, 1000, 17), EDGES, [1e15]])
    reference = getattr(scipy.special, name)
    assert np.max(errors(values(name, [x], dtype), reference, [x], dtype)) < 20  # SciPy's own, near 0
    exact = np.array([0.0, 30.0, 45.0, 60.0, 90.0, 180.0, 270.0])
    np.testing.assert_allclose(values(name, [exact], dtype), reference(exact), rtol=4 * np.finfo(dtype).eps, atol=0)


def test_radian():
    arguments = [[1.0, -20.0, np.inf], [2.0, 0.5, 1.0], [3.0, 59.0, 1.0]]
    np.testing.assert_allclose(values("radian", arguments), scipy.special.radian(*arguments), rtol=1e-15)
