"""``scipy.signal``: recursive filters, as the loops over time that they are, and both ways over extended signals.

The states at the start are those of F. Gustafsson, IEEE Trans. Signal Processing 44 (1996), as SciPy takes them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import one_of, refuse


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


def lfilter_zi(b: Any, a: Any) -> Any:
    """The state in which a step of height 1 gives a step at once. ``a`` does not begin with zeros."""
    b, a = np.atleast_1d(np.asarray(b)), np.atleast_1d(np.asarray(a))
    order = max(len(a), len(b)) - 1
    b = np.concatenate([b, np.zeros(order + 1 - len(b))]) / a[0]
    a = np.concatenate([a, np.zeros(order + 1 - len(a))]) / a[0]
    step = b[1:] - a[1:] * b[0]
    first = np.sum(step) / np.sum(a)
    return np.cumsum(a)[:-1] * first - np.concatenate([np.zeros(1), np.cumsum(step)[:-1]])


def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """Sections of second order, one after the other; states (sections, ..., 2) where ``zi`` is given."""
    sos = np.asarray(sos)
    if zi is None:
        for section in range(sos.shape[0]):
            x = lfilter(sos[section, :3], sos[section, 3:], x, axis)
        return x
    states = []
    for section in range(int(sos.shape[0])):
        x, state = lfilter(sos[section, :3], sos[section, 3:], x, axis, np.asarray(zi)[section])
        states.append(state)
    return x, np.stack(states)


def sosfilt_zi(sos: Any) -> Any:
    """``lfilter_zi`` of each section, by what the sections before make of the step."""
    sos = np.asarray(sos)
    height, states = 1.0, []
    for section in range(int(sos.shape[0])):
        b, a = sos[section, :3], sos[section, 3:]
        states.append(height * lfilter_zi(b, a))
        height = height * np.sum(b) / np.sum(a)
    return np.stack(states)


# --- forwards and backwards -------------------------------------------------------------------------------------------


def filtfilt(b: Any, a: Any, x: Any, axis: int = -1, padtype: Any = "odd", padlen: Any = None, method: Any = "pad",
             irlen: Any = None) -> Any:  # fmt: skip
    """The filter forwards and backwards, without a shift in time."""
    if method != "pad":
        refuse(f"scipy.signal.filtfilt: method={method!r} is not supported on traced arrays; there is method='pad'")
    b, a = np.atleast_1d(np.asarray(b)), np.atleast_1d(np.asarray(a))
    edge = 0 if padtype is None else 3 * max(len(a), len(b)) if padlen is None else padlen
    x = np.moveaxis(np.asarray(x), axis, -1)
    zi = lfilter_zi(b, a)
    y = _extended("filtfilt", x, padtype, edge, edge)
    for _ in range(2):
        y = lfilter(b, a, y, -1, zi * y[..., :1])[0][..., ::-1]
    return np.moveaxis(y[..., edge : edge + x.shape[-1]], -1, axis)


def sosfiltfilt(sos: Any, x: Any, axis: int = -1, padtype: Any = "odd", padlen: Any = None) -> Any:
    """``filtfilt`` by sections of second order. How far the signal is extended depends on how many of them have zeros
    at their ends: room is for the most there can be, and beyond its ends the signal stands still, as the states do."""
    sos = np.asarray(sos)
    room = 3 * (2 * sos.shape[0] + 1) if padlen is None else padlen
    ends = np.minimum(np.sum(sos[:, 2] == 0), np.sum(sos[:, 5] == 0)) if padlen is None else 0
    room, edge = (0, 0) if padtype is None else (room, room - 3 * ends)
    x = np.moveaxis(np.asarray(x), axis, -1)
    zi = sosfilt_zi(sos)
    zi = np.reshape(zi, (zi.shape[0],) + (1,) * (x.ndim - 1) + (2,))
    y = _extended("sosfiltfilt", x, padtype, edge, room)
    count = y.shape[-1]
    for _ in range(2):
        y = sosfilt(sos, y, -1, zi * y[np.newaxis, ..., :1])[0]
        y = y[..., np.clip(np.arange(count), 0, count - 1 - room + edge)][..., ::-1]
    return np.moveaxis(y[..., room : room + x.shape[-1]], -1, axis)


def _extended(name: str, x: Any, padtype: Any, edge: Any, room: Any) -> Any:
    """The signal with ``room`` samples more at each end, of which the outer ones from ``edge`` on are equal."""
    if padtype is None:
        return x
    one_of(f"scipy.signal.{name}", "padtype", padtype, ["odd", "even", "constant"])
    count = x.shape[-1]
    if count <= edge:
        raise ValueError(f"scipy.signal.{name}: the signal must be longer than padlen, by which it is extended")
    places = np.clip(np.arange(count + 2 * room) - room, -edge, count - 1 + edge)
    if padtype == "constant":
        return x[..., np.clip(places, 0, count - 1)]
    last = count - 1
    mirrored = x[..., np.clip(last - np.abs(last - np.abs(places)), 0, last)]
    if padtype == "even":
        return mirrored
    return np.where(places < 0, 2 * x[..., :1] - mirrored,
                    np.where(places > last, 2 * x[..., -1:] - mirrored, mirrored))  # fmt: skip


_ALL = (lfilter, lfilter_zi, sosfilt, sosfilt_zi, filtfilt, sosfiltfilt)
FUNCTIONS = {f"scipy.signal.{function.__name__}": function for function in _ALL}
