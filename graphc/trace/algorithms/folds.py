"""``reduce``, ``accumulate`` and ``reduceat`` of any ufunc of two numbers, as the loops that they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.trace.location import user_location

_OF_ANY_ORDER = {
    "add", "multiply", "maximum", "minimum", "fmax", "fmin", "logical_and", "logical_or", "logical_xor", "bitwise_and",
    "bitwise_or", "bitwise_xor", "logaddexp", "logaddexp2", "hypot", "gcd", "lcm",
}  # fmt: skip


def accumulate(ufunc: Any, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """What ``reduce`` gives for ever more of the elements."""
    rows = np.moveaxis(np.asarray(array), axis, 0)
    rows = rows if dtype is None else rows.astype(dtype)
    state = rows[0]
    found = np.zeros(rows.shape, rows.dtype)
    found[0] = state
    for k in range(1, rows.shape[0]):
        state = ufunc(state, rows[k])
        found[k] = state
    return np.moveaxis(found, 0, axis)


def reduce(
    ufunc: Any, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """The elements along the axis, joined from the first to the last."""
    value = np.asarray(array)
    value = value if dtype is None else value.astype(dtype)
    given = tuple(range(value.ndim)) if axis is None else tuple(axis) if isinstance(axis, tuple) else (axis,)
    axes = sorted([a % value.ndim for a in given], reverse=True)
    if len(axes) > 1 and ufunc.__name__ not in _OF_ANY_ORDER:
        message = f"{ufunc.__name__}.reduce: the order of several axes would matter: give one, or reduce one by one"
        raise ShapeError(message, location=user_location())
    for along in axes:
        rows = np.moveaxis(value, along, 0)
        if rows.shape[0] == 0:
            raise ShapeError(f"{ufunc.__name__}.reduce: there are no elements", location=user_location())
        state = rows[0] if initial is None else ufunc(initial, rows[0])
        initial = None
        for k in range(1, rows.shape[0]):
            state = ufunc(state, rows[k])
        value = state
    return np.expand_dims(value, tuple(sorted(axes))) if keepdims else value


def reduceat(ufunc: Any, array: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """``reduce`` of the part from each index to the next one; of the element itself where that is not larger."""
    rows = np.moveaxis(np.asarray(array), axis, 0)
    rows = rows if dtype is None else rows.astype(dtype)
    starts = [int(k) for k in indices]
    ends = [*starts[1:], None]
    parts = []
    for start, end in zip(starts, ends, strict=True):
        alone = end is not None and end <= start
        parts.append(rows[start] if alone else ufunc.reduce(rows[start:end], axis=0))
    return np.moveaxis(np.stack(parts), 0, axis)


FOLDS: Mapping[str, Any] = {"accumulate": accumulate, "reduce": reduce, "reduceat": reduceat}
