"""Kelvin functions beside mpmath, and at the edges SciPy's values."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.special

from tests.nightly import NIGHTLY
from tests.scalar_special.support import errors, exactly, values


def turn():
    """The square root of i."""
    return mp.expjpi(0.25)


EXACT = {
    "ber": lambda x: mp.besseli(0, turn() * x), "bei": lambda x: mp.im(mp.besseli(0, turn() * x)),
    "berp": lambda x: turn() * mp.besseli(1, turn() * x), "beip": lambda x: mp.im(turn() * mp.besseli(1, turn() * x)),
    "ker": lambda x: mp.besselk(0, turn() * x), "kei": lambda x: mp.im(mp.besselk(0, turn() * x)),
    "kerp": lambda x: -turn() * mp.besselk(1, turn() * x), "keip": lambda x: -mp.im(turn() * mp.besselk(1, turn() * x)),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_values(name):
    x = np.array([0.1, 1.3, 8.3, 39.9, 60.0] if NIGHTLY else [0.1, 8.3])
    assert np.max(errors(values(name, [x]), exactly(EXACT[name]), [x])) < 10
    x = np.array([0.1, 1.3, 2.01, 8.3, 15.0, 39.9, 60.0])  # beside float64 with so many more points
    assert np.max(errors(values(name, [x], np.float32), lambda x: values(name, [x]), [x], np.float32)) < 10


@pytest.mark.parametrize("name", EXACT)
def test_edges_are_scipys(name):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 1e-200, 800.0, 1200.0, -1200.0])
    expected = getattr(scipy.special, name)(x)
    if name == "keip":
        expected[6] = values(name, [1e-200])  # SciPy's is off by 5e-4 there
    np.testing.assert_allclose(values(name, [x]), expected, rtol=1e-11)
