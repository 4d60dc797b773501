"""Whole programs on complex numbers and spectra, their gradients by other ways: filter design, option prices."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.testing import check_grads

# --- a filter whose spectrum is given ---------------------------------------------------------------------------------

POINTS, TAPS = 64, 9
FREQUENCIES = np.fft.rfftfreq(POINTS)
WANTED = (FREQUENCIES < 0.15).astype(float)
WEIGHT = np.where((FREQUENCIES > 0.12) & (FREQUENCIES < 0.2), 0.0, 1.0)


def misfit(taps, delay):
    """The weighted square distance of the filter's response from a band that passes, with a linear phase."""
    response = np.fft.rfft(taps, POINTS)
    wanted = WANTED * np.exp(-2j * np.pi * FREQUENCIES * delay)
    return np.sum(WEIGHT * np.abs(response - wanted) ** 2)


def slope_of_misfit(taps, delay):
    """The same derivative from the sums that the transform stands for, written with its matrix."""
    waves = np.exp(-2j * np.pi * np.outer(FREQUENCIES, np.arange(TAPS)))
    wanted = WANTED * np.exp(-2j * np.pi * FREQUENCIES * delay)
    rest = WEIGHT * (waves @ taps - wanted)
    by_delay = np.sum(2 * (np.conj(rest) * 2j * np.pi * FREQUENCIES * wanted).real)
    return 2 * (np.conj(waves).T @ rest).real, by_delay


def test_spectral_filter_design():
    taps = np.sinc(0.3 * (np.arange(TAPS) - 4.0)) * 0.2
    value_and_gradient = graphc.value_and_grad(misfit, argnums=(0, 1))
    value, found = value_and_gradient(taps, 4.2)
    assert value == pytest.approx(misfit(taps, 4.2), rel=1e-12)
    for gradient, expected in zip(found, slope_of_misfit(taps, 4.2), strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)
    for _ in range(200):
        taps = taps - 0.004 * value_and_gradient(taps, 4.0)[1][0]
    waves = np.exp(-2j * np.pi * np.outer(FREQUENCIES, np.arange(TAPS))) * np.sqrt(WEIGHT)[:, None]
    target = WANTED * np.exp(-2j * np.pi * FREQUENCIES * 4.0) * np.sqrt(WEIGHT)
    stacked = np.concatenate([waves.real, waves.imag]), np.concatenate([target.real, target.imag])
    best = np.linalg.lstsq(*stacked)[0]
    np.testing.assert_allclose(taps, best, atol=1e-4)


# --- prices by characteristic functions -------------------------------------------------------------------------------

NODES, WEIGHTS = np.polynomial.legendre.leggauss(128)
NODES, WEIGHTS = 40.0 * (NODES + 1), 40.0 * WEIGHTS


def price(spot, strike, time, rate, characteristic):
    """A call by Lewis's integral over the characteristic function of the logarithm of the forward's growth."""
    moneyness = np.log(spot / strike) + rate * time
    phase = np.exp(1j * NODES * moneyness) * characteristic(NODES - 0.5j)
    integral = np.sum(WEIGHTS * phase.real / (NODES**2 + 0.25))
    return spot - np.sqrt(spot * strike) * np.exp(-0.5 * rate * time) / np.pi * integral


def black_scholes(spot, volatility, strike, time, rate):
    def characteristic(u):
        return np.exp(-0.5 * volatility**2 * time * (u * u + 1j * u))

    return price(spot, strike, time, rate, characteristic)


def heston(spot, variance, speed, level, noise, correlation, strike, time, rate):  # noqa: PLR0917
    """S. L. Heston, "A closed-form solution for options with stochastic volatility" (1993), in the form that has no
    jumps of the logarithm (Albrecher and others, "The little Heston trap", 2007)."""

    def characteristic(u):
        drift = speed - 1j * correlation * noise * u
        root = np.sqrt(drift**2 + noise**2 * (u * u + 1j * u))
        ratio = (drift - root) / (drift + root)
        decay = np.exp(-root * time)
        logarithm = np.log((1 - ratio * decay) / (1 - ratio))
        mean = speed * level / noise**2 * ((drift - root) * time - 2 * logarithm)
        start = variance / noise**2 * (drift - root) * (1 - decay) / (1 - ratio * decay)
        return np.exp(mean + start)

    return price(spot, strike, time, rate, characteristic)


def closed_form(spot, volatility, strike, time, rate):
    width = volatility * mpmath.sqrt(time)
    first = (mpmath.log(spot / strike) + (rate + volatility**2 / 2) * time) / width
    return spot * mpmath.ncdf(first) - strike * mpmath.exp(-rate * time) * mpmath.ncdf(first - width)


def test_black_scholes_by_its_characteristic_function():
    arguments = (100.0, 0.25, 110.0, 0.7, 0.03)
    value, gradient = graphc.value_and_grad(black_scholes, argnums=(0, 1, 2, 3, 4))(*arguments)
    assert value == pytest.approx(float(closed_form(*map(mpmath.mpf, arguments))), rel=1e-10)
    for k, found in enumerate(gradient):
        expected = mpmath.diff(lambda x, k=k: closed_form(*arguments[:k], x, *arguments[k + 1 :]), arguments[k])
        assert found == pytest.approx(float(expected), rel=1e-8)


def heston_by_quadrature(*arguments):
    """The same integral in 20 digits, by quadrature that adapts."""
    spot, variance, speed, level, noise, correlation, strike, time, rate = map(mpmath.mpf, arguments)
    moneyness = mpmath.log(spot / strike) + rate * time

    def integrand(x):
        u = mpmath.mpc(x, -0.5)
        drift = speed - 1j * correlation * noise * u
        root = mpmath.sqrt(drift**2 + noise**2 * (u * u + 1j * u))
        ratio, decay = (drift - root) / (drift + root), mpmath.exp(-root * time)
        logarithm = mpmath.log((1 - ratio * decay) / (1 - ratio))
        mean = speed * level / noise**2 * ((drift - root) * time - 2 * logarithm)
        start = variance / noise**2 * (drift - root) * (1 - decay) / (1 - ratio * decay)
        return mpmath.re(mpmath.exp(1j * x * moneyness + mean + start)) / (x * x + 0.25)

    integral = mpmath.quad(integrand, [0, 5, 20, 80])
    return spot - mpmath.sqrt(spot * strike) * mpmath.exp(-rate * time / 2) / mpmath.pi * integral


def test_heston_by_its_characteristic_function():
    arguments = (100.0, 0.04, 1.5, 0.06, 0.5, -0.6, 105.0, 0.8, 0.02)
    value, gradient = graphc.value_and_grad(heston, argnums=tuple(range(9)))(*arguments)
    with mpmath.workdps(20):
        assert value == pytest.approx(float(heston_by_quadrature(*arguments)), rel=1e-9)
        for k in (1, 4, 5):
            step = mpmath.mpf(10) ** -6 * abs(arguments[k])
            ends = [heston_by_quadrature(*arguments[:k], arguments[k] + s, *arguments[k + 1 :]) for s in (step, -step)]
            assert gradient[k] == pytest.approx(float((ends[0] - ends[1]) / (2 * step)), rel=1e-7)
    with override(disable_jit=True):
        check_grads(heston, arguments, order=1)
