"""``scipy.signal``: spectra of signals, smoothing, trends; windows are constants.

Sources: P. D. Welch, IEEE Trans. Audio Electroacoustics 15 (1967); A. Savitzky, M. Golay, Analytical Chemistry 36
(1964).
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import one_of, refuse, refuse_shape


def _known(size: Any) -> int:
    """The size as an integer, for what is made of it while tracing."""
    return operator.index(size)


def _window(window: Any, nperseg: int) -> Any:
    from scipy.signal import get_window

    return get_window(window, nperseg) if isinstance(window, str | tuple) else np.asarray(window)


# --- trends -----------------------------------------------------------------------------------------------------------


def detrend(data: Any, axis: int = -1, type: Any = "linear", bp: Any = 0) -> Any:
    """Less the mean, or the lines of least squares between the break points."""
    one_of("scipy.signal.detrend", "type", type, ["linear", "constant", "l", "c"])
    data = np.moveaxis(np.asarray(data) * 1.0, axis, -1)
    if type in ("constant", "c"):
        return np.moveaxis(data - np.mean(data, axis=-1, keepdims=True), -1, axis)
    bounds = sorted({0, *np.atleast_1d(bp).tolist()})
    if bounds[0] < 0 or data.shape[-1] <= bounds[-1]:
        refuse_shape(f"scipy.signal.detrend: bp={bp!r} must lie within the {data.shape[-1]} samples")
    parts = []
    for start, stop in zip(bounds, [*bounds[1:], data.shape[-1]], strict=True):
        part = data[..., start:stop]
        along = np.arange(part.shape[-1]) * 1.0
        along = along - np.mean(along)
        slope = np.sum(part * along, axis=-1, keepdims=True) / np.maximum(np.sum(along * along), 1e-300)
        parts.append(part - np.mean(part, axis=-1, keepdims=True) - slope * along)
    return np.moveaxis(np.concatenate(parts, axis=-1), -1, axis)


def _without_trend(segments: Any, kind: Any) -> Any:
    if kind is False or kind is None:
        return segments
    return detrend(segments, -1, kind) if isinstance(kind, str) else kind(segments)


# --- spectra ----------------------------------------------------------------------------------------------------------


def _segments(x: Any, nperseg: int, step: int) -> Any:
    count = (x.shape[-1] - nperseg) // step + 1
    return x[..., (np.arange(count) * step)[:, np.newaxis] + np.arange(nperseg)]


def _sizes(name: str, x: Any, window: Any, nperseg: Any, noverlap: Any, nfft: Any) -> tuple[Any, int, int, int]:
    """The window, the length of a segment, that of a step and of a transform."""
    count = _known(x.shape[-1])
    if not isinstance(window, str | tuple):
        window = np.asarray(window)
        nperseg = window.shape[0] if nperseg is None else nperseg
    nperseg = min(256 if nperseg is None else int(nperseg), count)
    nfft = nperseg if nfft is None else int(nfft)
    noverlap = nperseg // 2 if noverlap is None else int(noverlap)
    if noverlap >= nperseg or nfft < nperseg:
        refuse(f"scipy.signal.{name}: noverlap={noverlap} < nperseg={nperseg} <= nfft={nfft} is asked for")
    return _window(window, nperseg), nperseg, nperseg - noverlap, nfft


def _transformed(x: Any, window: Any, nperseg: int, step: int, nfft: int, trend: Any, onesided: bool) -> Any:
    """Of each segment: the shape is (..., segments, frequencies)."""
    segments = _without_trend(_segments(x, nperseg, step), trend) * window
    return np.fft.rfft(segments, nfft) if onesided else np.fft.fft(segments, nfft)


def _scale(window: Any, fs: Any, scaling: Any, name: str) -> Any:
    one_of(f"scipy.signal.{name}", "scaling", scaling, ["density", "spectrum"])
    return 1.0 / (fs * np.sum(window * window)) if scaling == "density" else 1.0 / np.sum(window) ** 2


def _is_onesided(name: str, onesided: Any, *signals: Any) -> bool:
    is_complex = any(x.dtype.kind == "c" for x in signals)
    return bool(onesided) and not is_complex


def _frequencies(nfft: int, fs: Any, onesided: bool) -> Any:
    return np.fft.rfftfreq(nfft) * fs if onesided else np.fft.fftfreq(nfft) * fs


def _folded(power: Any, nfft: int, onesided: bool) -> Any:
    """Each frequency of a one-sided spectrum stands for its negative, too, but 0 and the highest of an even number."""
    if not onesided:
        return power
    factor = np.full(nfft // 2 + 1, 2.0)
    factor[0] = 1.0
    if nfft % 2 == 0:
        factor[-1] = 1.0
    return power * factor


def _cross(name: str, x: Any, y: Any, fs: Any, window: Any, nperseg: Any, noverlap: Any, nfft: Any, trend: Any,
           onesided: Any, scaling: Any) -> tuple[Any, Any]:  # fmt: skip
    """Frequencies, and for each segment the product of the two spectra."""
    window, nperseg, step, nfft = _sizes(name, x, window, nperseg, noverlap, nfft)
    one = _is_onesided(name, onesided, x, y)
    first = _transformed(x, window, nperseg, step, nfft, trend, one)
    if y is x:
        product = np.real(first) ** 2 + np.imag(first) ** 2
    else:
        product = np.conj(first) * _transformed(y, window, nperseg, step, nfft, trend, one)
    return _frequencies(nfft, fs, one), _folded(product * _scale(window, fs, scaling, name), nfft, one)


def _averaged(name: str, products: Any, average: Any) -> Any:
    one_of(f"scipy.signal.{name}", "average", average, ["mean"])
    return np.mean(products, axis=-2)


def welch(x: Any, fs: Any = 1.0, window: Any = "hann", nperseg: Any = None, noverlap: Any = None, nfft: Any = None,
          detrend: Any = "constant", return_onesided: Any = True, scaling: Any = "density", axis: int = -1,
          average: Any = "mean") -> Any:  # fmt: skip
    """Frequencies, and the power in them as a mean over segments."""
    x = np.moveaxis(np.asarray(x), axis, -1)
    f, products = _cross("welch", x, x, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling)
    return f, np.moveaxis(_averaged("welch", products, average), -1, axis)


def csd(x: Any, y: Any, fs: Any = 1.0, window: Any = "hann", nperseg: Any = None, noverlap: Any = None,
        nfft: Any = None, detrend: Any = "constant", return_onesided: Any = True, scaling: Any = "density",
        axis: int = -1, average: Any = "mean") -> Any:  # fmt: skip
    """The cross power of two signals of the same length."""
    x, y = np.moveaxis(np.asarray(x), axis, -1), np.moveaxis(np.asarray(y), axis, -1)
    if x.shape[-1] != y.shape[-1]:
        refuse_shape(f"scipy.signal.csd: signals of {x.shape[-1]} and {y.shape[-1]} samples; np.pad the shorter one")
    f, products = _cross("csd", x, y, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling)
    return f, np.moveaxis(_averaged("csd", products, average), -1, axis)


def coherence(x: Any, y: Any, fs: Any = 1.0, window: Any = "hann", nperseg: Any = None, noverlap: Any = None,
              nfft: Any = None, detrend: Any = "constant", axis: int = -1) -> Any:  # fmt: skip
    """The squared cross power over the product of the powers."""
    f, xx = welch(x, fs, window, nperseg, noverlap, nfft, detrend, axis=axis)
    _, yy = welch(y, fs, window, nperseg, noverlap, nfft, detrend, axis=axis)
    _, xy = csd(x, y, fs, window, nperseg, noverlap, nfft, detrend, axis=axis)
    return f, (np.real(xy) ** 2 + np.imag(xy) ** 2) / xx / yy


def periodogram(x: Any, fs: Any = 1.0, window: Any = "boxcar", nfft: Any = None, detrend: Any = "constant",
                return_onesided: Any = True, scaling: Any = "density", axis: int = -1) -> Any:  # fmt: skip
    """The power in the frequencies of the whole signal."""
    x = np.moveaxis(np.asarray(x), axis, -1)
    count = _known(x.shape[-1])
    kind = "boxcar" if window is None else window
    f, products = _cross("periodogram", x, x, fs, kind, count, 0, nfft, detrend, return_onesided, scaling)
    return f, np.moveaxis(products[..., 0, :], -1, axis)


def spectrogram(x: Any, fs: Any = 1.0, window: Any = None, nperseg: Any = None, noverlap: Any = None,
                nfft: Any = None, detrend: Any = "constant", return_onesided: Any = True, scaling: Any = "density",
                axis: int = -1, mode: Any = "psd") -> Any:  # fmt: skip
    """Frequencies, times, and the power of each segment: segments stand along a new last axis."""
    one_of("scipy.signal.spectrogram", "mode", mode, ["psd"])
    x = np.moveaxis(np.asarray(x), axis, -1)
    given = ("tukey", 0.25) if window is None else window
    given, nperseg, _, _ = _sizes("spectrogram", x, given, nperseg, 0, None)
    noverlap = nperseg // 8 if noverlap is None else noverlap
    f, products = _cross("spectrogram", x, x, fs, given, nperseg, noverlap, nfft, detrend, return_onesided, scaling)
    times = (np.arange(products.shape[-2]) * (nperseg - noverlap) + nperseg / 2) / fs
    return f, times, np.moveaxis(np.swapaxes(products, -1, -2), -2, axis - 1 if axis < 0 else axis)


def stft(x: Any, fs: Any = 1.0, window: Any = "hann", nperseg: Any = 256, noverlap: Any = None, nfft: Any = None,
         detrend: Any = False, return_onesided: Any = True, boundary: Any = "zeros", padded: Any = True,
         axis: int = -1, scaling: Any = "spectrum") -> Any:  # fmt: skip
    """Frequencies, times, and the spectrum of each segment: segments stand along a new last axis."""
    one_of("scipy.signal.stft", "scaling", scaling, ["spectrum", "psd"])
    x = np.moveaxis(np.asarray(x), axis, -1)
    window, nperseg, step, nfft = _sizes("stft", x, window, nperseg, noverlap, nfft)
    kinds = {"zeros": "constant", "even": "reflect", "constant": "edge"}
    if boundary is not None:
        one_of("scipy.signal.stft", "boundary", boundary, list(kinds))
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(nperseg // 2, nperseg // 2)], mode=kinds[boundary])  # type: ignore[call-overload]
    if padded:
        missing = -(_known(x.shape[-1]) - nperseg) % step % nperseg
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)])
    one = _is_onesided("stft", return_onesided, x)
    found = _transformed(x, window, nperseg, step, nfft, detrend, one)
    found = found * np.sqrt(_scale(window, fs, "spectrum" if scaling == "spectrum" else "density", "stft"))
    times = (np.arange(found.shape[-2]) * step + nperseg / 2 - (0 if boundary is None else nperseg / 2)) / fs
    return (
        _frequencies(nfft, fs, one),
        times,
        np.moveaxis(np.swapaxes(found, -1, -2), -2, axis - 1 if axis < 0 else axis),
    )


def istft(Zxx: Any, fs: Any = 1.0, window: Any = "hann", nperseg: Any = None, noverlap: Any = None, nfft: Any = None,
          input_onesided: Any = True, boundary: Any = True, time_axis: int = -1, freq_axis: int = -2,
          scaling: Any = "spectrum") -> Any:  # fmt: skip
    """Times, and the signal of which these are the spectra, by least squares."""
    one_of("scipy.signal.istft", "scaling", scaling, ["spectrum", "psd"])
    spectra = np.moveaxis(np.asarray(Zxx), (time_axis, freq_axis), (-2, -1))
    full = 2 * (_known(spectra.shape[-1]) - 1) if input_onesided else _known(spectra.shape[-1])
    nperseg = full if nperseg is None else int(nperseg)
    nfft = (full + 1 if input_onesided and nperseg == full + 1 else full) if nfft is None else int(nfft)
    step = nperseg - (nperseg // 2 if noverlap is None else int(noverlap))
    window = _window(window, nperseg)
    parts = np.fft.irfft(spectra, nfft) if input_onesided else np.fft.ifft(spectra, nfft)
    parts = parts[..., :nperseg]
    size = np.sum(window) if scaling == "spectrum" else np.sqrt(fs * np.sum(window**2))
    count = _known(spectra.shape[-2])
    length = nperseg + (count - 1) * step
    signal = np.zeros((*parts.shape[:-2], length), parts.dtype)
    weight = np.zeros(length)
    for k in range(count):
        signal[..., k * step : k * step + nperseg] += parts[..., k, :] * window * size
        weight[k * step : k * step + nperseg] += window * window
    if boundary:
        signal, weight = signal[..., nperseg // 2 : length - nperseg // 2], weight[nperseg // 2 : length - nperseg // 2]
    signal = signal / np.where(weight > 1e-10, weight, 1.0)
    return np.arange(signal.shape[-1]) / fs, signal


def hilbert(x: Any, N: Any = None, axis: int = -1) -> Any:
    """The analytic signal, whose imaginary part is the Hilbert transform of the real signal x."""
    x = np.asarray(x)
    if x.dtype.kind == "c":
        refuse("scipy.signal.hilbert: x must be real")
    count = _known(x.shape[axis] if N is None else N)
    keep = np.zeros(count)
    keep[0] = 1.0
    keep[1 : (count + 1) // 2] = 2.0
    if count % 2 == 0:
        keep[count // 2] = 1.0
    return np.moveaxis(np.fft.ifft(np.fft.fft(np.moveaxis(x, axis, -1), count) * keep), -1, axis)


# --- responses of filters ---------------------------------------------------------------------------------------------


def freqz(b: Any, a: Any = 1, worN: Any = 512, whole: bool = False, fs: Any = 2 * np.pi,
          include_nyquist: bool = False) -> Any:  # fmt: skip
    """Angular frequencies (or others, by ``fs``), and the filter's complex response."""
    w = _grid(worN, whole, fs, include_nyquist)
    z = np.exp(-2j * np.pi * np.asarray(w) / fs)
    above, below = (_at(np.atleast_1d(np.asarray(c)), z) for c in (b, a))
    return w, above / below


def freqz_sos(sos: Any, worN: Any = 512, whole: bool = False, fs: Any = 2 * np.pi) -> Any:
    """The response of sections of second order."""
    sos = np.asarray(sos)
    w = _grid(worN, whole, fs, False)
    z = np.exp(-2j * np.pi * np.asarray(w) / fs)
    found = 1.0 + 0.0 * z
    for section in range(sos.shape[0]):
        found = found * _at(sos[section, :3], z) / _at(sos[section, 3:], z)
    return w, found


def _grid(worN: Any, whole: bool, fs: Any, include_nyquist: bool) -> Any:
    if worN is None or isinstance(worN, int | np.integer):
        count = 512 if worN is None else worN
        return np.linspace(0, fs if whole else fs / 2, count, endpoint=include_nyquist and not whole)
    return np.asarray(worN)


def _at(coefficients: Any, z: Any) -> Any:
    """``sum c[k] z**k``."""
    if coefficients.ndim != 1:
        refuse_shape(f"scipy.signal.freqz: coefficients of shape {coefficients.shape} are no vector; call it for each")
    powers = z[..., np.newaxis] ** np.arange(coefficients.shape[0])
    return np.sum(powers * coefficients, axis=-1)


# --- smoothing --------------------------------------------------------------------------------------------------------


def savgol_filter(x: Any, window_length: int, polyorder: int, deriv: int = 0, delta: Any = 1.0, axis: int = -1,
                  mode: Any = "interp", cval: Any = 0.0) -> Any:  # fmt: skip
    """The polynomial of least squares through each window, or its derivative, at its middle."""
    from scipy.signal import savgol_coeffs

    from graphc.trace.algorithms.images import PADDINGS

    one_of("scipy.signal.savgol_filter", "mode", mode, ["interp", *PADDINGS])
    x = np.moveaxis(np.asarray(x) * 1.0, axis, -1)
    weights = savgol_coeffs(window_length, polyorder, deriv=deriv, use="dot") / delta**deriv
    if mode == "interp" and x.shape[-1] < window_length:
        refuse_shape(f"scipy.signal.savgol_filter: window_length={window_length} > {x.shape[-1]} samples; shorten it")
    half, middle = window_length // 2, (window_length - 1) // 2
    sides = [(0, 0)] * (x.ndim - 1) + [(middle, half)]
    if mode == "interp":
        wide = x
    elif mode == "constant":
        wide = np.pad(x, sides, constant_values=cval)
    else:
        wide = np.pad(x, sides, mode=PADDINGS[mode])  # type: ignore[call-overload]
    count = wide.shape[-1] - window_length + 1
    inner = np.sum(wide[..., np.arange(count)[:, np.newaxis] + np.arange(window_length)] * weights, axis=-1)
    if mode == "interp":
        inner = np.concatenate([
            _fitted(x[..., :window_length], np.arange(half), polyorder, deriv, delta), inner[..., half - middle :],
            _fitted(x[..., -window_length:], np.arange(window_length - half, window_length), polyorder, deriv, delta),
        ], axis=-1)  # fmt: skip
    return np.moveaxis(inner, -1, axis)


def _fitted(window: Any, at: Any, polyorder: int, deriv: int, delta: Any) -> Any:
    """The polynomial through the window, or its derivative, at positions in it: constant weights of its samples."""
    size = window.shape[-1]
    middle = (size - 1) / 2
    design = np.vander(np.arange(size) - middle, polyorder + 1, increasing=True)
    rows = np.zeros((len(at), polyorder + 1))
    for power in range(deriv, polyorder + 1):
        factor = 1.0
        for step in range(deriv):
            factor *= power - step
        rows[:, power] = factor * (at - middle) ** (power - deriv)
    return window @ (rows @ np.linalg.pinv(design)).T / delta**deriv


_ALL = (
    detrend, welch, csd, coherence, periodogram, spectrogram, stft, istft, hilbert, freqz, freqz_sos, savgol_filter,
)  # fmt: skip
FUNCTIONS = {f"scipy.signal.{function.__name__}": function for function in _ALL}
