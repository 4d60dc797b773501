"""``scipy.signal``: recursive filters, as the loops over time that they are, and convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np


def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """``a[0] y[n] = sum_k b[k] x[n-k] - sum_k a[k] y[n-k]`` along the axis (direct form II transposed)."""
    b, a = np.atleast_1d(np.asarray(b)), np.atleast_1d(np.asarray(a))
    x = np.moveaxis(np.asarray(x), axis, -1)
    order = max(len(a), len(b)) - 1
    gain = a[0]
    b = np.concatenate([b, np.zeros(order + 1 - len(b))]) / gain
    a = np.concatenate([a, np.zeros(order + 1 - len(a))]) / gain
    dtype = np.result_type(b.dtype, a.dtype, x.dtype)
    y = np.zeros(x.shape, dtype)
    state = np.zeros((*x.shape[:-1], order + 1), dtype)  # its last entry stays 0
    if zi is not None:
        state[..., :order] = np.moveaxis(np.asarray(zi), axis, -1)
    for n in range(x.shape[-1]):
        now = b[0] * x[..., n] + state[..., 0]
        y[..., n] = now
        state[..., :-1] = state[..., 1:] + b[1:] * x[..., n, np.newaxis] - a[1:] * now[..., np.newaxis]
    y = np.moveaxis(y, -1, axis)
    return y if zi is None else (y, np.moveaxis(state[..., :order], -1, axis))


def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """Sections of second order, one after the other."""
    if zi is not None:
        raise ValueError("scipy.signal.sosfilt: zi= is not supported on traced arrays; filter by scipy.signal.lfilter")
    sos = np.asarray(sos)
    for section in range(sos.shape[0]):
        x = lfilter(sos[section, :3], sos[section, 3:], x, axis)
    return x


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """The discrete convolution of two vectors, or of two matrices, by its sum."""
    in1, in2 = np.asarray(in1), np.asarray(in2)
    if in1.ndim != in2.ndim or in1.ndim not in (1, 2):
        raise ValueError(
            f"scipy.signal.convolve: shapes {in1.shape} and {in2.shape} are not two vectors or two matrices"
        )
    full = np.convolve(in1, in2) if in1.ndim == 1 else _full(in1, in2)
    if mode == "full":
        return full
    if mode == "same":
        for axis in range(in1.ndim):
            first = (in2.shape[axis] - 1) // 2
            full = np.moveaxis(np.moveaxis(full, axis, 0)[first : first + in1.shape[axis]], 0, axis)
        return full
    if mode == "valid":
        for axis in range(in1.ndim):
            short, long = sorted([in1.shape[axis], in2.shape[axis]])
            full = np.moveaxis(np.moveaxis(full, axis, 0)[short - 1 : long], 0, axis)
        return full
    raise ValueError(f"scipy.signal.convolve: mode={mode!r} is none of 'full', 'same', 'valid'")


def _full(a: Any, b: Any) -> Any:
    rows, columns = a.shape
    found = np.zeros((rows + b.shape[0] - 1, columns + b.shape[1] - 1), np.result_type(a.dtype, b.dtype))
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            found[i : i + rows, j : j + columns] += b[i, j] * a
    return found


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """The same sum as ``convolve``."""
    if axes is not None:
        raise ValueError("scipy.signal.fftconvolve: axes= is not supported on traced arrays")
    return convolve(in1, in2, mode)


FUNCTIONS = {f"scipy.signal.{function.__name__}": function for function in (lfilter, sosfilt, convolve, fftconvolve)}
