"""``reduce``, ``accumulate``, ``reduceat`` and ``at`` of any ufunc, as the loops that they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.errors import ShapeError, TraceTypeError
from graphc.trace.location import user_location
from graphc.trace.values import lifted

_OF_ANY_ORDER = {
    "add", "multiply", "maximum", "minimum", "fmax", "fmin", "logical_and", "logical_or", "logical_xor", "bitwise_and",
    "bitwise_or", "bitwise_xor", "logaddexp", "logaddexp2", "hypot", "gcd", "lcm",
}  # fmt: skip
_SIZES = {"hypot", "gcd"}  # reduced, a single element is joined with 0, too, which makes it positive


def loop_dtypes(ufunc: Any, method: str, found: Any, dtype: Any) -> tuple[Any, Any]:
    """The dtypes that NumPy computes in: of what is joined so far, which is the result's, and of the elements."""
    wanted = {} if dtype is None else {"signature": (np.dtype(dtype), None, None), "casting": "unsafe"}
    try:
        state, element, _ = ufunc.resolve_dtypes((None, found, None), reduction=True, **wanted)
    except TypeError as error:
        message = f"{ufunc.__name__}.{method}: NumPy has none for {found}: {error}"
        raise TraceTypeError(message, location=user_location()) from None
    return state, element


def accumulate(ufunc: Any, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """What ``reduce`` gives for ever more of the elements."""
    rows = np.moveaxis(np.asarray(array), axis, 0)
    result, element = loop_dtypes(ufunc, "accumulate", rows.dtype, dtype)
    found = np.zeros(rows.shape, result)
    if rows.shape[0] == 0:
        return np.moveaxis(found, 0, axis)
    state = rows[0].astype(result)
    rows = rows.astype(element)
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
    given = tuple(range(value.ndim)) if axis is None else tuple(axis) if isinstance(axis, tuple) else (axis,)
    axes = sorted([a % value.ndim for a in given], reverse=True)
    if len(axes) > 1 and ufunc.__name__ not in _OF_ANY_ORDER:
        message = f"{ufunc.__name__}.reduce: the order of several axes would matter: give one, or reduce one by one"
        raise ShapeError(message, location=user_location())
    for along in axes:
        rows = np.moveaxis(value, along, 0)
        if rows.shape[0] == 0:
            raise ShapeError(f"{ufunc.__name__}.reduce: there are no elements", location=user_location())
        result, element = loop_dtypes(ufunc, "reduce", rows.dtype, dtype)
        state, rows = rows[0].astype(result), rows.astype(element)
        if initial is not None:
            state = ufunc(initial, state)
        elif ufunc.__name__ in _SIZES:
            state = np.abs(state)
        initial = None
        for k in range(1, rows.shape[0]):
            state = ufunc(state, rows[k])
        value = state
    return np.expand_dims(value, tuple(sorted(axes))) if keepdims else value


def reduceat(ufunc: Any, array: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """``reduce`` of the part from each index to the next one; of the element itself where that is not larger."""
    rows = np.moveaxis(np.asarray(array), axis, 0)
    result, _ = loop_dtypes(ufunc, "reduceat", rows.dtype, dtype)
    starts = [int(k) for k in indices]
    ends = [*starts[1:], rows.shape[0]]
    parts = []
    for start, end in zip(starts, ends, strict=True):
        alone = end <= start + 1
        parts.append(rows[start].astype(result) if alone else ufunc.reduce(rows[start:end], axis=0, dtype=dtype))
    return np.moveaxis(np.stack(parts), 0, axis)


def write_at(ufunc: Any, array: Any, key: Any, *operands: Any) -> None:
    """``ufunc.at`` for arrays of positions, in which one may stand twice: one after the other."""
    given = [lifted(np.asarray(part)) for part in (key if isinstance(key, tuple) else (key,))]
    places = [place.reshape(-1) for place in np.broadcast_arrays(*given)]
    count, rest = places[0].shape[0], array.shape[len(places) :]
    values = [np.asarray(operand) for operand in operands]
    try:
        ufunc.resolve_dtypes((array.dtype, *(v.dtype for v in values), array.dtype), casting="same_kind")
    except TypeError as error:
        raise TraceTypeError(f"{ufunc.__name__}.at: {error}", location=user_location()) from None
    shape = (*np.broadcast_shapes(*(place.shape for place in given)), *rest)
    parts = [np.broadcast_to(v, shape).reshape((count, *rest)) for v in values]
    for k in range(count):
        at = tuple([place[k] for place in places])
        array[at] = ufunc(array[at], *(part[k] for part in parts))


FOLDS: Mapping[str, Any] = {"accumulate": accumulate, "reduce": reduce, "reduceat": reduceat, "at": write_at}
