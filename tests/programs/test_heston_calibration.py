"""Calibration of Heston's model: prices of all strikes by one transform, implied volatilities by Newton's method.

With the characteristic function phi of the logarithm of the forward's growth, damped calls of log strike k are

    c(k) = e^{-alpha k} / pi  Re int_0^inf e^{-i v k} phi(v - (alpha + 1) i) / D(v) dv,
    D(v) = alpha^2 + alpha - v^2 + i (2 alpha + 1) v

which Simpson's rule turns into a discrete Fourier transform (Carr and Madan, 1999). phi is in the form without
jumps of the logarithm (Albrecher and others, The little Heston trap, 2007). ``tests/test_spectra.py`` has prices by
quadrature.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from tests.programs.frame import Program, check


def characteristic(u, model, time):
    kappa, theta, xi, rho = model["kappa"], model["theta"], model["xi"], model["rho"]
    drift = kappa - 1j * rho * xi * u
    d = np.sqrt(drift**2 + xi**2 * (1j * u + u**2))
    g = (drift - d) / (drift + d)
    decay = np.exp(-d * time)
    mean = kappa * theta / xi**2 * ((drift - d) * time - 2 * np.log((1 - g * decay) / (1 - g)))
    return np.exp(mean + model["v0"] * (drift - d) / xi**2 * (1 - decay) / (1 - g * decay))


def calls_by_transform(model, time, points=128, eta=0.25, alpha=1.5):
    v = eta * np.arange(points)
    step = 2 * np.pi / (points * eta)
    k = step * (np.arange(points) - points // 2)
    damped = characteristic(v - (alpha + 1) * 1j, model, time)
    damped = damped / (alpha**2 + alpha - v**2 + 1j * (2 * alpha + 1) * v)
    simpson = (3 - (-1.0) ** np.arange(points)) / 3
    simpson[0] = 1 / 3
    sums = np.fft.fft(np.exp(-1j * k[0] * v) * damped * eta * simpson)
    return k, np.exp(-alpha * k) / np.pi * sums.real


def implied_volatility(price, k, time):
    width = 0.3 * np.sqrt(time) * np.ones(len(price))
    for _ in range(8):
        d = 0.5 * width - k / width
        call = norm.cdf(d) - np.exp(k) * norm.cdf(d - width)
        width -= (call - price) / norm.pdf(d)
    return width / np.sqrt(time)


def misfit(model, maturities, strikes, quotes):
    total = 0.0
    for i, time in enumerate(maturities):
        k, calls = calls_by_transform(model, time)
        prices = np.interp(np.log(strikes), k, calls)
        total += np.sum((implied_volatility(prices, np.log(strikes), time) - quotes[i]) ** 2)
    return total


MODEL = {"kappa": 1.5, "theta": 0.06, "xi": 0.5, "rho": -0.6, "v0": 0.05}


def arguments(maturities, strikes):
    quotes = 0.25 + 0.02 * np.random.default_rng(strikes).uniform(size=(maturities, strikes))
    return MODEL, np.linspace(0.5, 1.5, maturities), np.linspace(0.9, 1.1, strikes), quotes


def test_misfit():
    check(Program(misfit, (arguments(5, 4), arguments(6, 7))), dear=True)


def test_prices_by_quadrature():
    """Lewis's integral for the same calls."""
    k, calls = calls_by_transform(MODEL, 1.0, points=512)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    u, w = 50 * (nodes + 1), 50 * weights
    near = np.abs(k) < 0.3
    for strike, call in zip(k[near], calls[near], strict=True):
        integrand = (np.exp(-1j * u * strike) * characteristic(u - 0.5j, MODEL, 1.0)).real / (u**2 + 0.25)
        np.testing.assert_allclose(call, 1 - np.exp(strike / 2) / np.pi * (w @ integrand), rtol=1e-6)
