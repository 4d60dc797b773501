"""Division by a constant is a multiplication and two fused ones: it must round as the division does."""

from __future__ import annotations

import numpy as np
import pytest

import graphc

DIVISORS = (3.0, 0.1, 49.0, 1.4142135623730951, -255.0)


@pytest.fixture(scope="module")
def divided():
    @graphc.jit
    def divide(x):
        return x / 3.0, x / 0.1, x / 49.0, x / 1.4142135623730951, x / -255.0

    return divide


def test_every_eighth_float32_mantissa(divided):
    mantissas = (np.arange(0, 2**23, 8, dtype=np.uint32) | np.uint32(0x3F800000)).view(np.float32)
    for scale in (np.float32(1.0), np.float32(-(2.0**60)), np.float32(2.0**-60)):
        x = mantissas * scale
        for divisor, found in zip(DIVISORS, divided(x), strict=True):
            np.testing.assert_array_equal(found, x / np.float32(divisor))


def test_random_doubles_and_multiples(divided):
    rng = np.random.default_rng(0)
    scaled = rng.normal(size=200_000) * 2.0 ** rng.integers(-800, 800, 200_000)
    for divisor, found in zip(DIVISORS, divided(scaled), strict=True):
        np.testing.assert_array_equal(found, scaled / divisor)
    for k, divisor in enumerate(DIVISORS):
        multiples = np.arange(20_000) * divisor
        np.testing.assert_array_equal(divided(multiples)[k], multiples / divisor)


def test_ends_of_the_range_are_within_an_ulp(divided):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1e308, -1.7e308])
    for divisor, found in zip(DIVISORS, divided(x), strict=True):
        with np.errstate(over="ignore"):
            exact = x / divisor
        np.testing.assert_array_equal(np.signbit(found), np.signbit(exact))
        np.testing.assert_array_max_ulp(found[np.isfinite(exact)], exact[np.isfinite(exact)], 1)
        np.testing.assert_array_equal(found[~np.isfinite(exact)], exact[~np.isfinite(exact)])


def test_the_kernel_has_no_division(divided):
    divided(np.ones(3))
    assert "divide_by_f64" in divided.source()
    assert " / " not in divided.source().partition("def kernel")[2]
