"""``scipy.signal``: convolutions and correlations, by their sums or by Fourier transforms, and changes of rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import one_of, refuse, refuse_shape
from graphc.trace.algorithms.filters import sosfiltfilt

_MODES = ("full", "same", "valid")
_PRODUCTS = (
    100  # measured, of vectors: as fast at 20000 by 100, slower at 1000 by 100, three times as fast at 300 by 300
)
_UNITS = tuple(4**k for k in range(12))


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """The discrete convolution, by its sum or by Fourier transforms (``auto``: what takes less time)."""
    return _convolved("convolve", np.asarray(in1), np.asarray(in2), mode, method)


def _convolved(name: str, a: Any, b: Any, mode: str, method: str) -> Any:
    one_of(f"scipy.signal.{name}", "mode", mode, _MODES)
    one_of(f"scipy.signal.{name}", "method", method, ["auto", "direct", "fft"])
    if a.ndim != b.ndim or a.ndim == 0:
        refuse_shape(f"scipy.signal.{name}: shapes {a.shape} and {b.shape} must have as many dimensions, at least one")
    whole = a.dtype.kind in "iub" and b.dtype.kind in "iub"
    if method == "fft" or (method == "auto" and (a.ndim > 2 or (not whole and _is_faster_by_transform(a, b)))):
        full = _by_transform(a, b, tuple(range(a.ndim)))
        full = np.rint(full).astype(np.result_type(a.dtype, b.dtype)) if whole else full
    else:
        full = np.convolve(a, b) if a.ndim == 1 else _full(a, b)
    return _part(full, a.shape, b.shape, mode, range(a.ndim))


def _is_faster_by_transform(a: Any, b: Any) -> Any:
    """Whether the products of all pairs cost more than three transforms: a guard, so at most two programs.

    A point of the transforms costs as much as about ``_PRODUCTS`` products. That it grows with the logarithm of their
    number matters less than the machine does.
    """
    return a.size * b.size > _PRODUCTS * math.prod([n + m - 1 for n, m in zip(a.shape, b.shape, strict=True)])


def _part(full: Any, first: Any, second: Any, mode: str, axes: Any) -> Any:
    """What the mode keeps of the full convolution of arrays of these shapes."""
    if mode == "full":
        return full
    if mode == "valid" and any(first[k] > second[k] for k in axes) and any(first[k] < second[k] for k in axes):
        refuse_shape(f"scipy.signal: mode='valid' of shapes {first} and {second}: neither fits into the other")
    pairs = [(axis, first[axis], second[axis]) for axis in axes]
    if mode == "same":
        return _cut(full, [(axis, (m - 1) // 2, (m - 1) // 2 + n) for axis, n, m in pairs])
    return _cut(full, [(axis, min(n, m) - 1, max(n, m)) for axis, n, m in pairs])


def _full(a: Any, b: Any) -> Any:
    rows, columns = a.shape
    found = np.zeros((rows + b.shape[0] - 1, columns + b.shape[1] - 1), np.result_type(a.dtype, b.dtype))
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            found[i : i + rows, j : j + columns] += b[i, j] * a
    return found


def _by_transform(a: Any, b: Any, axes: tuple[int, ...]) -> Any:
    """Along these axes; along others the arrays broadcast."""
    if 0 in (*a.shape, *b.shape):
        refuse_shape(f"scipy.signal: of arrays of shapes {a.shape} and {b.shape} one is empty")
    sizes = [a.shape[axis] + b.shape[axis] - 1 for axis in axes]
    points = [_fast_length(size) for size in sizes]
    a, b = _widened(a, axes, points), _widened(b, axes, points)
    if a.dtype.kind == "c" or b.dtype.kind == "c":
        full: Any = np.fft.ifftn(np.fft.fftn(a, None, axes) * np.fft.fftn(b, None, axes), None, axes)
    else:
        full = np.fft.irfftn(np.fft.rfftn(a * 1.0, None, axes) * np.fft.rfftn(b * 1.0, None, axes), points, axes)
    return _cut(full, [(axis, 0, size) for axis, size in zip(axes, sizes, strict=True)])


def _cut(full: Any, ranges: list[tuple[int, Any, Any]]) -> Any:
    """From start to stop along each axis."""
    for axis, start, stop in ranges:
        full = np.moveaxis(np.moveaxis(full, axis, 0)[start:stop], 0, axis)
    return full


def _fast_length(size: Any) -> Any:
    """A length from ``size`` on of which transforms are fast: a power of four times a number up to 16.

    An expression of the size, not a search: one program is for all sizes. Of large primes transforms take up to twenty
    times as long. The step is 4 to the power of how many of 16, 64, ... are less than the size.
    """
    step = 1 + sum([3 * unit * (1 - 1 // (1 + (size - 1) // (16 * unit))) for unit in _UNITS])
    return size + -size % step


def _widened(a: Any, axes: tuple[int, ...], points: list[Any]) -> Any:
    """With zeros behind, so that the axes have these lengths."""
    widths = [(0, 0)] * a.ndim
    for axis, count in zip(axes, points, strict=True):
        widths[axis] = (0, count - a.shape[axis])
    return np.pad(a, widths)


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """``convolve``, along the axes if they are given, with the others broadcast."""
    one_of("scipy.signal.fftconvolve", "mode", mode, _MODES)
    a, b = np.asarray(in1), np.asarray(in2)
    if a.ndim != b.ndim or a.ndim == 0:
        refuse_shape(f"scipy.signal.fftconvolve: shapes {a.shape} and {b.shape} must have as many dimensions")
    if axes is None:
        along = tuple(range(a.ndim))
    else:
        along = tuple(axis % a.ndim for axis in (axes if isinstance(axes, list | tuple) else [axes]))
    return _part(_by_transform(a, b, along), a.shape, b.shape, mode, along)


def oaconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """The same sums as ``fftconvolve``."""
    return fftconvolve(in1, in2, mode, axes)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """``convolve`` with the second array reversed and conjugated."""
    a, b = np.asarray(in1), np.asarray(in2)
    return _convolved("correlate", a, np.conj(np.flip(b)), mode, method)


def convolve2d(in1: Any, in2: Any, mode: str = "full", boundary: Any = "fill", fillvalue: Any = 0) -> Any:
    """Of matrices, beyond whose ends there are numbers, the mirror image or the matrix again."""
    a, b = np.asarray(in1), np.asarray(in2)
    if a.ndim != 2 or b.ndim != 2:
        refuse_shape(f"scipy.signal.convolve2d: shapes {a.shape} and {b.shape} are not those of two matrices")
    one_of("scipy.signal.convolve2d", "mode", mode, _MODES)
    one_of("scipy.signal.convolve2d", "boundary", boundary, ["fill", "wrap", "symm"])
    if mode == "valid" or (boundary == "fill" and isinstance(fillvalue, int | float) and fillvalue == 0):
        return _convolved("convolve2d", a, b, mode, "direct")
    sides = [(m - 1, m - 1) for m in b.shape]
    if boundary == "fill":
        wide = np.pad(a, sides, constant_values=fillvalue)
    else:
        wide = np.pad(a, sides, mode="symmetric" if boundary == "symm" else "wrap")
    full = _part(_full(wide, b), wide.shape, b.shape, "valid", (0, 1))
    return _part(full, a.shape, b.shape, mode, (0, 1))


def correlate2d(in1: Any, in2: Any, mode: str = "full", boundary: Any = "fill", fillvalue: Any = 0) -> Any:
    """``convolve2d`` with the second matrix reversed and conjugated."""
    a, b = np.asarray(in1), np.asarray(in2)
    if mode != "same":
        return convolve2d(a, np.conj(b[::-1, ::-1]), mode, boundary, fillvalue)
    full = convolve2d(a, np.conj(b[::-1, ::-1]), "full", boundary, fillvalue)  # the middle of an even kernel differs
    first = [m // 2 for m in b.shape]
    return full[first[0] : first[0] + a.shape[0], first[1] : first[1] + a.shape[1]]


# --- changes of rate --------------------------------------------------------------------------------------------------


def upfirdn(h: Any, x: Any, up: int = 1, down: int = 1, axis: int = -1, mode: Any = "constant", cval: Any = 0) -> Any:
    """Zeros between the samples, a filter, and every ``down``-th of what comes out."""
    if mode != "constant" or cval != 0:
        refuse("scipy.signal.upfirdn: of traced values mode='constant' and cval=0; extend the signal by np.pad before")
    h, x = np.asarray(h), np.moveaxis(np.asarray(x), axis, -1)
    count = (x.shape[-1] - 1) * up + 1
    dtype = np.result_type(h.dtype, x.dtype)
    stuffed = np.zeros((*x.shape[:-1], count), dtype)
    stuffed[..., ::up] = x
    wide = np.pad(stuffed, [(0, 0)] * (x.ndim - 1) + [(h.shape[0] - 1, h.shape[0] - 1)])
    places = np.arange(0, count + h.shape[0] - 1, down)[:, np.newaxis] + np.arange(h.shape[0])
    return np.moveaxis(np.sum(wide[..., places] * h[::-1], axis=-1), -1, axis)


def resample_poly(x: Any, up: int, down: int, axis: int = 0, window: Any = None, padtype: Any = "constant",
                  cval: Any = None) -> Any:  # fmt: skip
    """Another rate, by a low-pass filter between; a window that is an array is the filter."""
    from scipy.signal import firwin

    if padtype != "constant" or cval is not None:
        refuse("scipy.signal.resample_poly: of traced values padtype='constant'; take away a line before")
    common = math.gcd(up, down)
    up, down = up // common, down // common
    x = np.asarray(x)
    if up == down == 1:
        return x * 1.0
    count = x.shape[axis]
    wanted = count * up // down + (1 if count * up % down != 0 else 0)
    if window is None or isinstance(window, tuple | str):
        window = ("kaiser", 5.0) if window is None else window
        half = 10 * max(up, down)
        h = firwin(2 * half + 1, 1.0 / max(up, down), window=window) * up
    else:
        h = np.asarray(window) * up
        half = (h.shape[0] - 1) // 2
    before = down - half % down
    skipped = (half + before) // down
    length = ((count - 1) * up + h.shape[0] + before - 1) // down + 1
    missing = max(wanted + skipped - length, 0)
    h = np.concatenate([np.zeros(before), h, np.zeros((missing + 1) * down if missing > 0 else 0)])
    y = np.moveaxis(upfirdn(h, x, up, down, axis), axis, 0)
    return np.moveaxis(y[skipped : skipped + wanted], 0, axis)


def decimate(x: Any, q: int, n: Any = None, ftype: Any = "iir", axis: int = -1, zero_phase: bool = True) -> Any:
    """Every q-th sample, after an anti-aliasing filter."""
    from scipy.signal import cheby1, firwin

    one_of("scipy.signal.decimate", "ftype", ftype, ["iir", "fir"])
    if not zero_phase:
        refuse("scipy.signal.decimate: of traced values zero_phase=True; filter by lfilter and take every q-th")
    x = np.asarray(x)
    if ftype == "fir":
        half = 10 * q
        taps = 2 * half if n is None else n
        return resample_poly(x, 1, q, axis, firwin(taps + 1, 1.0 / q, window="hamming"))
    y = sosfiltfilt(cheby1(8 if n is None else n, 0.05, 0.8 / q, output="sos"), x, axis)
    return np.moveaxis(np.moveaxis(y, axis, 0)[::q], 0, axis)


def resample(x: Any, num: int, t: Any = None, axis: int = 0, window: Any = None, domain: Any = "time") -> Any:
    """``num`` samples of the periodic signal, by its Fourier series."""
    if t is not None or window is not None or domain != "time":
        refuse("scipy.signal.resample: of traced values without t=, window= and domain=")
    x = np.moveaxis(np.asarray(x) * 1.0, axis, -1)
    count = x.shape[-1]
    if x.dtype.kind == "c":
        refuse("scipy.signal.resample: of traced complex values it is not there; resample real and imaginary part")
    series = np.fft.rfft(x)
    few = min(num, count)
    kept = series[..., : few // 2 + 1]
    if few % 2 == 0 and num != count:  # the highest wave stands for two
        factor = np.concatenate([np.ones(few // 2), np.array([2.0 if num < count else 0.5])])
        kept = kept * factor
    return np.moveaxis(np.fft.irfft(kept, num) * (num / count), -1, axis)


_ALL = (
    convolve, fftconvolve, oaconvolve, correlate, convolve2d, correlate2d, upfirdn, resample_poly, decimate, resample,
)  # fmt: skip
FUNCTIONS = {f"scipy.signal.{function.__name__}": function for function in _ALL}
