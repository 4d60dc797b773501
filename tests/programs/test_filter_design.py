"""Filters designed and learned in the frequency domain.

A symmetric filter of taps h has the response H(w) = sum_k h_k e^(-iwk), by a zero-padded FFT. What is asked of it is 1
in the pass band, 0 in the stop band, and nothing between; the weighted mean of |error|^p is smooth and near the largest
error for large p (Parks and McClellan's problem, 1972, in a differentiable form). Its minimum-phase version has the
phase that the logarithm of the magnitude gives, by folding the cepstrum (Oppenheim and Schafer, 2010, section 13.2).

The learned filter is a gain for each band of frequencies, applied to noisy signals by rfft and irfft, so that they come
closest to the clean ones, with a penalty on the gain's roughness (Wiener's filter is the limit).
"""

from __future__ import annotations

import numpy as np

from tests.programs.frame import Program, check, check_hvp, check_vmap, differences, thorough


def response(half, points):
    """Of the taps [half reversed, half]."""
    taps = np.concatenate([half[::-1], half]) * np.hamming(2 * len(half))
    return np.fft.rfft(taps, n=points)


def ripple(half, points, edges, power=8.0):
    h = response(half, points)
    w = 2 * np.pi * np.fft.rfftfreq(points)
    in_phase = h * np.exp(1j * w * (len(half) - 0.5))
    passed, stopped = w < edges[0], w > edges[1]
    error = np.abs(in_phase.real - 1)[passed].sum() * 0.01
    error += np.mean(np.abs(in_phase[passed] - 1) ** power) ** (1 / power)
    error += 10 * np.mean(np.abs(in_phase[stopped]) ** power) ** (1 / power)
    return error


def delay_of_minimum_phase(half, points):
    """The mean delay, weighted by the squared impulse response, of the filter of least phase with this magnitude."""
    magnitude = np.abs(np.fft.fft(np.concatenate([half[::-1], half]), n=points)) + 1e-3
    cepstrum = np.fft.ifft(np.log(magnitude)).real
    fold = np.zeros(points)
    fold[0] = fold[points // 2] = 1.0
    fold[1 : points // 2] = 2.0
    impulse = np.fft.ifft(np.exp(np.fft.fft(fold * cepstrum))).real
    return np.arange(points) @ impulse**2 / np.sum(impulse**2)


def denoising_loss(parameters, noisy, clean, bands):
    n = noisy.shape[-1]
    gain = 1 / (1 + np.exp(-parameters["gain"]))
    per_frequency = np.interp(np.fft.rfftfreq(n), bands, gain)
    spectrum = np.fft.rfft(noisy * np.hanning(n), axis=-1)
    spectrum *= per_frequency * np.exp(-2j * np.pi * np.fft.rfftfreq(n) * parameters["shift"])
    found = np.fft.irfft(spectrum, n=n)
    roughness = np.sum(np.diff(parameters["gain"], n=2) ** 2)
    return np.mean((found - clean) ** 2) + 1e-3 * roughness


def taps(n):
    k = np.arange(n) + 0.5
    return np.sin(0.5 * np.pi * k) / (np.pi * k) + 0.01 * np.random.default_rng(n).normal(size=n)


def signals(count, length, bands):
    rng = np.random.default_rng(length)
    clean = np.sin(2 * np.pi * rng.uniform(2, 5, size=(count, 1)) * np.linspace(0, 1, length))
    parameters = {"gain": rng.normal(size=bands), "shift": 0.3}
    return parameters, clean + 0.4 * rng.normal(size=clean.shape), clean, np.linspace(0, 0.5, bands)


EDGES = (0.4 * np.pi, 0.6 * np.pi)
RIPPLE = Program(ripple, ((taps(6), 64, EDGES), (taps(9), 100, EDGES)))
DELAY = Program(
    delay_of_minimum_phase, ((taps(6), 64), (taps(9), 100)), derivative=differences(delay_of_minimum_phase, step=2e-5)
)
DENOISING = Program(denoising_loss, (signals(3, 32, 5), signals(2, 50, 7)))


def test_ripple():
    check(RIPPLE)


def test_minimum_phase():
    check(DELAY)


def test_denoising():
    check(DENOISING)


@thorough
def test_hessian_times_a_vector():
    check_hvp(DENOISING)


@thorough
def test_batch_of_filters():
    check_vmap(DENOISING)
