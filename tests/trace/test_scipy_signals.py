"""scipy.signal and scipy.ndimage: filters, convolutions, spectra, smoothing, images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
from scipy import signal

import graphc
from graphc.config import override
from graphc.trace.algorithms.convolutions import _fast_length
from tests.nightly import part
from tests.trace.scipy_cases import Case, case, check

rng = np.random.default_rng(5)
X = rng.normal(size=(3, 40))
V, M, K = X[0], rng.normal(size=(6, 5)), rng.normal(size=(3, 2))
T, TAPS = rng.normal(size=(4, 3, 5)), rng.normal(size=4)
B, A = signal.butter(3, 0.3)
SECTIONS, ODD = signal.butter(4, 0.3, output="sos"), signal.butter(3, 0.3, output="sos")
FULL = ("full", "same", "valid")
ENDS = ("reflect", "mirror", "nearest", "wrap", "constant", "grid-wrap")

FILTERS = [
    case("signal.lfilter_zi", B, A), case("signal.filtfilt", B, A, V, rtol=1e-9),
    *(case("signal.filtfilt", X, call=lambda x, **options: signal.filtfilt(B, A, x, **options), rtol=1e-9, **options)
      for options in ({"padtype": "constant"}, {"padtype": None}, {"padtype": "even", "padlen": 5})),
    *(case("signal.sosfiltfilt", V, call=lambda x, sos: signal.sosfiltfilt(sos, x), sos=sos, rtol=1e-9)
      for sos in (SECTIONS, ODD)),
    case("signal.sosfilt", X, np.ones((2, 3, 2)), call=lambda x, z: signal.sosfilt(SECTIONS, x, zi=z)),
    case("signal.sosfilt_zi", SECTIONS),
]  # fmt: skip
CONVOLUTIONS = [
    *(case(f"signal.{name}", *given, mode=mode) for mode in FULL for name, given in [
        ("convolve", (V, TAPS)), ("convolve", (M, K)), ("convolve", (T, T[:2, :2, :3])), ("correlate", (V, TAPS)),
        ("correlate", (TAPS, V)), ("oaconvolve", (V, TAPS)), ("fftconvolve", (TAPS, V))]),
    case("signal.correlate", np.sin(np.arange(250.0)), np.cos(np.arange(240.0)), mode="same"),
    *(case("signal.fftconvolve", X, X[:, :4], mode=mode, axes=1) for mode in FULL),
    *(case(f"signal.{name}2d", M, K, mode=mode, boundary=boundary, fillvalue=fill)
      for name in ("convolve", "correlate") for mode in FULL
      for boundary, fill in [("fill", 0), ("fill", 1.5), ("wrap", 0), ("symm", 0)]),
    *(case("signal.resample", x, num=num, axis=-1)
      for x, num in [(V, 30), (X, 60), (X, 25), (V[:39], 55), (V[:39], 38)]),
    case("signal.upfirdn", TAPS, X, up=3, down=2), case("signal.resample_poly", V, up=3, down=2),
    case("signal.resample_poly", X, up=4, down=6, axis=1),
    case("signal.resample_poly", V, up=2, down=5, window=np.ones(7) / 7),
    case("signal.decimate", X, q=2, rtol=1e-8), case("signal.decimate", X, q=3, ftype="fir"),
]  # fmt: skip
SPECTRA = [
    case("signal.detrend", X), case("signal.detrend", X, type="constant"),
    case("signal.detrend", X.T, axis=0, bp=[10, 25]),
    case("signal.welch", X, nperseg=16),
    case("signal.welch", X.T, fs=10.0, window="hamming", nperseg=15, noverlap=5, nfft=20, detrend="linear",
         scaling="spectrum", axis=0),
    case("signal.welch", V, detrend=False, return_onesided=False, nperseg=40),
    case("signal.periodogram", V), case("signal.periodogram", X, window="hann", nfft=64),
    case("signal.csd", V, X[1], nperseg=16), case("signal.coherence", V, X[1], nperseg=16),
    case("signal.spectrogram", X, nperseg=16), case("signal.spectrogram", X.T, nperseg=16, axis=0),
    case("signal.stft", X, nperseg=16), case("signal.stft", X, nperseg=15, boundary="even"),
    case("signal.stft", V, nperseg=16, boundary=None, padded=False, noverlap=10, scaling="psd", fs=3.0),
    case("signal.istft", V, call=lambda x: signal.istft(signal.stft(x, nperseg=16)[2])),
    case("signal.istft", V, call=lambda x: signal.istft(
        signal.stft(x, nperseg=16, noverlap=12, scaling="psd")[2], noverlap=12, scaling="psd", nperseg=16)),
    case("signal.hilbert", X), case("signal.hilbert", X.T, N=45, axis=0),
    case("signal.freqz", B, A, worN=20), case("signal.freqz", B, A, worN=20, whole=True),
    case("signal.freqz", B, V[:5] ** 2, call=lambda b, w: signal.freqz(b, worN=w, fs=3.0)),
    case("signal.freqz_sos", SECTIONS[:, :3],
         call=lambda b: signal.freqz_sos(np.concatenate([b, SECTIONS[:, 3:]], axis=1), worN=20)),
    case("signal.savgol_filter", X, window_length=7, polyorder=2, rtol=1e-10),
    case("signal.savgol_filter", X.T, window_length=7, polyorder=3, deriv=1, delta=0.5, axis=0, rtol=1e-10),
    case("signal.savgol_filter", X, window_length=6, polyorder=2, rtol=1e-10),
    *(case("signal.savgol_filter", X, window_length=7, polyorder=2, mode=mode, cval=1.0, rtol=1e-10)
      for mode in ("mirror", "constant", "nearest", "wrap")),
]  # fmt: skip
IMAGES = [
    *(case("ndimage.correlate1d", M, TAPS, mode=mode, cval=0.5) for mode in ENDS),
    *(case("ndimage.convolve", M, K, mode=mode, cval=0.5) for mode in ENDS),
    *(case("ndimage.correlate", M, K, mode=mode, cval=0.5, origin=(1, 0)) for mode in ENDS),
    *(case("ndimage.gaussian_filter", X[:, :9], sigma=0.6, mode=mode) for mode in ENDS),
    case("ndimage.convolve1d", M, TAPS, axis=0, origin=1), case("ndimage.convolve1d", M, TAPS[:3], axis=0, origin=-1),
    *(case("ndimage.gaussian_filter1d", V, 1.3, call=lambda x, s, order: scipy.ndimage.gaussian_filter1d(
        x, s, order=order, radius=5), order=order) for order in (0, 1, 2, 3)),
    case("ndimage.gaussian_filter", M, sigma=(1.0, 0.5), order=(1, 0), truncate=3.0),
    case("ndimage.gaussian_laplace", M, sigma=1.0), case("ndimage.gaussian_gradient_magnitude", M, sigma=1.0),
    case("ndimage.uniform_filter", M, size=3), case("ndimage.uniform_filter", M, size=(2, 4)),
    case("ndimage.uniform_filter1d", M, size=4, origin=1),
    case("ndimage.sobel", M), case("ndimage.sobel", M, axis=0, mode="nearest"), case("ndimage.prewitt", M),
    case("ndimage.laplace", M),
]  # fmt: skip
CASES = [*FILTERS, *CONVOLUTIONS, *SPECTRA, *IMAGES]


@pytest.mark.parametrize("tested", part(CASES, 2, 31), ids=lambda tested: tested.label)
def test_values_and_derivatives(tested: Case) -> None:
    check(tested)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: signal.freqz(x, worN=np.int64(16))[1],
        lambda x: scipy.ndimage.gaussian_filter(x[:6].reshape(2, 3), np.array([1.0, 2.0])),
    ],
)
def test_numbers_of_numpy_are_options(call: Any) -> None:
    with override(disable_jit=True):
        found, _ = graphc.vjp(call, V)
    np.testing.assert_allclose(found, call(V), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: signal.filtfilt(B, A, x, method="gust"), "method='gust'.*method='pad'"),
        (lambda x: signal.convolve(x, x[None]), "shapes .* as many dimensions"),
        (lambda x: signal.convolve(x, x, "some"), "'full', 'same', 'valid'"),
        (lambda x: signal.welch(x, nperseg=8, average="median")[1], "average='median'"),
        (lambda x: signal.find_peaks(x)[0], "scipy.signal.find_peaks cannot be traced"),
        (lambda x: scipy.ndimage.gaussian_filter1d(x, x[0] ** 2), "needs radius="),
        (lambda x: scipy.ndimage.sobel(x, mode="ring"), "mode='ring'.*'reflect'"),
        (lambda x: signal.filtfilt(B, A, x[:8]), "longer than padlen"),
        (lambda x: signal.csd(x, x[:9])[1], "signals of 40 and 9 samples; np.pad"),
        (lambda x: signal.freqz(x[:, None])[1], r"shape \(40, 1\) are no vector"),
        (lambda x: signal.savgol_filter(x[:5], 7, 2), "window_length=7 > 5 samples"),
        (lambda x: signal.detrend(x, bp=[40]), "must lie within the 40 samples"),
        (lambda x: signal.convolve(x[:6].reshape(2, 3), x[:6].reshape(3, 2), "valid"), "neither fits into the other"),
        (lambda x: scipy.ndimage.laplace((9 * x).astype(int)), r"int64 are cut to integers.*x.astype\(float\)"),
        (lambda x: scipy.ndimage.uniform_filter(x, (3, 3)), "2 numbers for 1 axes"),
    ],
)
def test_what_is_not_there_is_refused_by_name(call: Any, text: str) -> None:
    with pytest.raises((graphc.GraphcError, ValueError), match=text):
        graphc.jit(call)(V)


def test_long_signals_are_convolved_by_transforms_in_one_program() -> None:
    """``auto`` asks whether there are many products: a guard between two programs."""
    f = graphc.jit(signal.correlate)
    used = []
    for n, m in [(9, 4), (30, 7), (250, 240), (300, 200), (20, 20)]:
        x, y = np.sin(np.arange(n) ** 2.0), np.cos(np.arange(m) ** 2.0)
        np.testing.assert_allclose(f(x, y), signal.correlate(x, y), rtol=1e-11, atol=1e-12)
        ops = {node.op.name for node in f.graph("traced", x, y).nodes}
        assert "select" not in ops  # the sums have zeros around the longer one, no masks
        used.append("irfft" in ops)
    assert used == [False, False, True, True, False]
    assert f.cache_info()["programs"] == 2


def test_transforms_are_of_fast_lengths() -> None:
    for size in [*range(1, 2000), 20_011, 999_983, 2**27 + 1]:
        length = odd = _fast_length(size)
        assert size <= length <= size * 1.25
        for factor in (2, 3, 5, 7, 11, 13):
            while odd % factor == 0:
                odd //= factor
        assert odd == 1


def test_integers_stay_exact_and_those_named_after_transforms_give_floats() -> None:
    whole = np.arange(12).reshape(2, 3, 2)
    with override(disable_jit=True):
        for call in (
            lambda x: signal.convolve(x[0], x[1, :2]),
            lambda x: signal.convolve(x, x),
            lambda x: signal.convolve(x, x[:1], method="fft"),
            lambda x: signal.fftconvolve(x, x),
        ):
            found, _ = graphc.jvp(lambda t, x, call=call: (t, call(x)), (1.0, whole), (1.0, None))
            assert found[1].dtype == call(whole).dtype
            np.testing.assert_allclose(found[1], call(whole), rtol=1e-13, atol=1e-12)
