"""``np.r_``, ``np.c_``, ``np.mgrid`` and ``np.ogrid`` of traced arrays and of sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.errors import UnsupportedError
from graphc.trace.location import user_location


def concatenated(maker: Any, key: Any) -> Any:
    """``np.r_[key]`` and ``np.c_[key]``: slices as ranges, numbers and arrays one after the other."""
    parts = list(key) if isinstance(key, tuple) else [key]
    axis, least, place = maker.axis, maker.ndmin, maker.trans1d
    if isinstance(parts[0], str):
        axis, least, place = _directive(parts.pop(0), axis, least, place)
    arrays = [_ranged(part) if isinstance(part, slice) else part for part in parts]
    dtype = np.result_type(*arrays)
    shaped = [_shaped(np.asarray(part).astype(dtype), least, place) for part in arrays]
    return np.concatenate(shaped, axis)


def _directive(text: str, axis: int, least: int, place: int) -> tuple[int, int, int]:
    """A first part such as ``"0,2"``: the axis, the least number of dimensions, where those of a vector stand."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        message = f"np.r_[{text!r}, ...] makes a matrix: write np.r_ or np.c_ without it"
        raise UnsupportedError(message, location=user_location()) from None
    return (*numbers, *(axis, least, place)[len(numbers) :])  # type: ignore[return-value]


def _shaped(part: Any, least: int, place: int) -> Any:
    missing = least - part.ndim
    if missing <= 0:
        return part
    scalar = part.ndim == 0
    part = part.reshape((*(1,) * missing, *part.shape))
    if place == -1 or scalar:
        return part
    first = place if place >= 0 else place + missing + 1
    axes = list(range(least))
    return np.transpose(part, [*axes[:first], *axes[missing:], *axes[first:missing]])


def _ranged(part: slice) -> Any:
    start = 0 if part.start is None else part.start
    if isinstance(part.step, complex):
        return np.linspace(start, part.stop, int(abs(part.step)))
    return np.arange(start, part.stop, 1 if part.step is None else part.step)


def grid(maker: Any, key: Any) -> Any:
    """``np.mgrid[key]`` and ``np.ogrid[key]``."""
    if not isinstance(key, tuple):
        return _ranged(key)
    lines = [_ranged(part) for part in key]
    dtype = np.result_type(*lines)
    lines = [line.astype(dtype) for line in lines]
    grids = np.meshgrid(*lines, indexing="ij", sparse=maker.sparse)
    return tuple(grids) if maker.sparse else np.stack(grids)


ITEMS: Mapping[Any, Any] = {type(np.r_).__getitem__: concatenated, type(np.mgrid).__getitem__: grid}
