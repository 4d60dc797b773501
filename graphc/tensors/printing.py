"""How tensors print: numbers as PyTorch prints them, with four digits, or as whole numbers where all are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from graphc.ir.types import is_real_float

EDGE, LIMIT, WIDTH, DIGITS = 3, 1000, 80, 4


def text_of(array: np.ndarray, indent: int) -> str:
    """The elements in brackets, in lines of at most 80 characters; of more than a thousand the first and last three.

    >>> print(text_of(np.array([1.0, 0.5, 20.0]), 0))
    [ 1.0000,  0.5000, 20.0000]
    """
    if not array.size:
        return "[]"
    is_long = array.size > LIMIT
    style = _style(_ends(array) if is_long else array)
    if not array.ndim:
        return style(array.item())
    return _rows(array, style, indent, is_long)


def _ends(array: np.ndarray) -> np.ndarray:
    """The elements that are shown of a long array."""
    for axis, size in enumerate(array.shape):
        if size > 2 * EDGE:
            array = array.take([*range(EDGE), *range(size - EDGE, size)], axis)
    return array


def _style(array: np.ndarray) -> Callable[[Any], str]:
    """What makes text of each element, all as wide as the widest that is finite and not 0."""
    if not is_real_float(array.dtype):
        width = max(len(str(value)) for value in array.ravel().tolist())
        return lambda value: f"{value!s:>{width}}"
    values = array.astype(np.float64).ravel()
    seen = values[np.isfinite(values) & (values != 0)]
    spell = _spelling(np.abs(seen)) if seen.size else _whole
    width = max((len(spell(value)) for value in seen.tolist()), default=1)
    return lambda value: f"{spell(value) if math.isfinite(value) else str(value):>{width}}"


def _spelling(sizes: np.ndarray) -> Callable[[float], str]:
    """How numbers of these sizes are written: in one way, which shows the smallest and the largest."""
    smallest, largest = sizes.min(), sizes.max()
    if largest / smallest > 1000.0 or largest > 1e8 or smallest < 1e-4:
        return _scientific
    return _whole if np.all(sizes == np.ceil(sizes)) else _fixed


def _whole(value: float) -> str:
    return f"{value:.0f}."


def _fixed(value: float) -> str:
    return f"{value:.{DIGITS}f}"


def _scientific(value: float) -> str:
    return f"{value:.{DIGITS}e}"


def _rows(array: np.ndarray, style: Callable[[Any], str], indent: int, is_long: bool) -> str:
    if array.ndim == 1:
        words = [" ..." if i is None else style(array[i].item()) for i in _shown(len(array), is_long)]
        width = max(len(word) for word in words)
        count = max(1, (WIDTH - indent) // (width + 2))
        lines = [", ".join(words[k : k + count]) for k in range(0, len(words), count)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    parts = ["..." if i is None else _rows(array[i], style, indent + 1, is_long) for i in _shown(len(array), is_long)]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _shown(size: int, is_long: bool) -> Iterator[int | None]:
    """The positions that are shown; None for those left out."""
    if not is_long or size <= 2 * EDGE:
        yield from range(size)
        return
    yield from range(EDGE)
    yield None
    yield from range(size - EDGE, size)


def with_remarks(text: str, remarks: Sequence[str], indent: int) -> str:
    """The text with remarks behind it, each on a new line where the last one has no room for it."""
    room = WIDTH - (len(text) - text.rfind("\n") - 1)
    for remark in remarks:
        room -= len(remark) + 2
        text += f", {remark}" if room >= 0 else f",\n{' ' * indent}{remark}"
        room = room if room >= 0 else WIDTH - indent - len(remark)
    return text
