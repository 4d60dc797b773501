"""``scipy.integrate``: integrals of samples."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The area under the polygon through the samples."""
    return np.trapezoid(y, x, dx, axis)


def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    """The area up to each sample but the first; up to the first too, where it is 0, with ``initial=0``."""
    heights = np.moveaxis(np.asarray(y), axis, -1)
    if x is None:
        steps = dx
    elif np.ndim(x) == 1:
        steps = np.diff(x)
    else:
        steps = np.diff(np.moveaxis(np.asarray(x), axis, -1))
    areas = np.cumsum(steps * (heights[..., 1:] + heights[..., :-1]) / 2.0, axis=-1)
    if initial is not None:
        first = np.zeros_like(areas[..., :1]) + initial
        areas = np.concatenate([first, areas], axis=-1)
    return np.moveaxis(areas, -1, axis)


def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    """The area under the parabolas through three samples each; of an even number, Cartwright's last piece beside."""
    heights, steps = _steps(y, x, dx, axis)
    count = heights.shape[-1]
    if count < 3:
        return np.sum(steps * (heights[..., 1:] + heights[..., :-1]) / 2.0, axis=-1)
    pairs = (count - 1) // 2
    stop = 2 * pairs
    whole = _pieces(heights[..., 0:stop:2], heights[..., 1:stop:2], heights[..., 2 : stop + 1 : 2],
                    steps[..., 0:stop:2], steps[..., 1:stop:2])  # fmt: skip
    found = np.sum(whole[0] + whole[1], axis=-1)
    if count % 2 == 0:
        last = _pieces(heights[..., -3], heights[..., -2], heights[..., -1], steps[..., -2], steps[..., -1])
        found = found + last[1]
    return found


def cumulative_simpson(y: Any, *, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    """The area up to each sample but the first, by the parabola through it and its neighbours."""
    heights, steps = _steps(y, x, dx, axis)
    if heights.shape[-1] < 3:
        areas = steps * (heights[..., 1:] + heights[..., :-1]) / 2.0
    else:
        left, right = _pieces(heights[..., :-2], heights[..., 1:-1], heights[..., 2:], steps[..., :-1], steps[..., 1:])
        count = heights.shape[-1] - 1  # pieces: the first of every second parabola, and the second of it
        even = np.arange(count) % 2 == 0
        first = np.concatenate([left, right[..., -1:]], axis=-1)
        second = np.concatenate([left[..., :1], right], axis=-1)
        areas = np.where(even, first, second)
    sums = np.cumsum(areas, axis=-1)
    if initial is not None:
        start = np.zeros_like(sums[..., :1]) + initial
        sums = np.concatenate([start, sums + start], axis=-1)
    return np.moveaxis(sums, -1, axis)


def _steps(y: Any, x: Any, dx: Any, axis: int) -> tuple[Any, Any]:
    """The samples with their axis last, and the gaps between them in that shape."""
    heights = np.moveaxis(np.asarray(y) * 1.0, axis, -1)
    if x is None:
        steps = np.ones_like(heights[..., 1:]) * dx
    elif np.ndim(x) == 1:
        steps = np.diff(x) * np.ones_like(heights[..., 1:])
    else:
        steps = np.diff(np.moveaxis(np.asarray(x), axis, -1))
    return heights, steps


def _pieces(a: Any, b: Any, c: Any, h: Any, k: Any) -> tuple[Any, Any]:
    """The integrals of the parabola through a, b, c over its two gaps h and k."""
    bend = ((c - b) / k - (b - a) / h) / (h + k)
    return h * (a + b) / 2 - bend * h**3 / 6, k * (b + c) / 2 - bend * k**3 / 6


def romb(y: Any, dx: Any = 1.0, axis: int = -1) -> Any:
    """Romberg's method, of 2**k + 1 samples."""
    heights = np.moveaxis(np.asarray(y) * 1.0, axis, -1)
    intervals = int(heights.shape[-1]) - 1
    levels = intervals.bit_length() - 1
    if intervals < 1 or intervals != 1 << levels:
        raise ValueError(f"scipy.integrate.romb: {intervals + 1} samples are not 2**k + 1")
    row = [
        np.trapezoid(heights[..., :: 1 << (levels - level)], dx=dx * (1 << (levels - level)), axis=-1)
        for level in [*range(levels + 1)]
    ]
    for order in [*range(1, levels + 1)]:
        row = [fine + (fine - rough) / (4.0**order - 1) for rough, fine in itertools.pairwise(row)]
    return row[0]


def fixed_quad(func: Any, a: Any, b: Any, args: Any = (), n: int = 5) -> Any:
    """Gauss' rule with n points, and None as SciPy's second result."""
    from scipy.special import roots_legendre

    nodes, weights = roots_legendre(n)
    at = (b - a) * (nodes + 1) / 2.0 + a
    return (b - a) / 2.0 * np.sum(weights * np.asarray(func(at, *args)), axis=-1), None


FUNCTIONS = {
    f"scipy.integrate.{function.__name__}": function
    for function in (trapezoid, cumulative_trapezoid, simpson, cumulative_simpson, romb, fixed_quad)
}
