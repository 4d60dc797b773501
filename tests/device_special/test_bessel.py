"""Bessel functions of devices: SciPy's values over the whole domain and at its edges."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from tests.device_special.support import errors, values

EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, -1.5]
POINTS = np.concatenate([np.linspace(0.05, 33, 60), [8.0, 2.0, 1e-300, 1e-9, 1e3, 12345.6, 1e8], EDGES])
ONES = ("j0", "j1", "y0", "y1", "k0", "k0e", "k1", "k1e")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ONES)
def test_orders_0_and_1(name, dtype):
    reference = getattr(scipy.special, name)
    assert np.max(errors(values(name, [POINTS], dtype), reference, [POINTS], dtype)) < 8
