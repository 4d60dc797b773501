"""NumPy's functions that call a function of the user's, and others that are loops: written in NumPy, and traced so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphc.errors import ShapeError, UnsupportedError
from graphc.trace.location import user_location


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """The function of every line along the axis; what it gives stands in the axis' place."""
    lines = np.moveaxis(np.asarray(arr), axis, -1)
    outer = lines.shape[:-1]
    rows = lines.reshape((-1, lines.shape[-1]))
    if rows.shape[0] == 0:
        raise ShapeError("apply_along_axis: there is no line to call the function with", location=user_location())
    found = _each(lambda k: func1d(rows[k], *args, **kwargs), rows.shape[0])
    inner = found.shape[1:]
    lead, place = len(outer), axis % len(lines.shape)
    found = found.reshape((*outer, *inner))
    axes = list(range(lead))
    order = [*axes[:place], *range(lead, lead + len(inner)), *axes[place:]]
    return np.transpose(found, order)


def _each(function: Callable[[Any], Any], count: Any) -> Any:
    """The results for 0, 1, 2, ... one after the other."""
    first = np.asarray(function(0))
    found = np.zeros((count, *first.shape), first.dtype)
    found[0] = first
    for k in range(1, count):
        found[k] = function(k)
    return found


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    """The function along one axis after the other; axes that it folds stay with length 1."""
    value = np.asarray(a)
    for axis in np.atleast_1d(axes).tolist():
        along = axis + value.ndim if axis < 0 else axis
        found = func(value, along)
        value = found if np.ndim(found) == value.ndim else np.expand_dims(found, along)
    return value


def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """In each part of ``x`` another function, of the elements of that part as a vector; or a number."""
    x = np.asarray(x)
    alone = not isinstance(condlist, list | tuple) or (np.ndim(condlist[0]) == 0 and x.ndim != 0)
    conditions = [np.asarray(part, bool) for part in ([condlist] if alone else condlist)]
    if len(funclist) == len(conditions) + 1:
        covered = conditions[0]
        for condition in conditions[1:]:
            covered = covered | condition
        conditions.append(~covered)
    elif len(funclist) != len(conditions):
        message = f"piecewise: {len(conditions)} conditions need as many functions, or one more, not {len(funclist)}"
        raise ShapeError(message, location=user_location())
    result = np.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        result[condition] = function(x[condition], *args, **kw) if callable(function) else function
    return result


def fromfunction(function: Any, shape: Any, *, dtype: Any = float, like: Any = None, **kwargs: Any) -> Any:
    """The function of arrays of positions, one for each axis."""
    lengths = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    places = np.meshgrid(*[np.arange(n).astype(dtype) for n in lengths], indexing="ij")
    return function(*places, **kwargs)


def fromiter(iter: Any, dtype: Any, count: int = -1, *, like: Any = None) -> Any:
    """The first ``count`` elements of what is iterated over, or all."""
    elements = list(iter)
    return np.array(elements if count < 0 else elements[:count]).astype(dtype)


def vectorized(vectorize: Any, *args: Any, **kwargs: Any) -> Any:
    """What ``np.vectorize`` makes: a function of numbers, element by element of arrays that broadcast."""
    if kwargs or vectorize.excluded or vectorize.signature is not None:
        message = "np.vectorize with signature=, excluded= or keywords is not supported; use graphc.vmap"
        raise UnsupportedError(message, location=user_location())
    function, dtypes = vectorize.pyfunc, vectorize.otypes
    arrays = np.broadcast_arrays(*args)
    shape = arrays[0].shape
    columns = [array.reshape(-1) for array in arrays]
    count = columns[0].shape[0]
    if count == 0:
        raise ShapeError("vectorize: there is no element to call the function with", location=user_location())
    first = function(*[column[0] for column in columns])
    if not isinstance(first, tuple):
        found = _each(lambda k: function(*[column[k] for column in columns]), count).reshape(shape)
        return found if dtypes is None else found.astype(dtypes[0])
    parts = [_part(function, columns, part, count).reshape(shape) for part in range(len(first))]
    return tuple(parts) if dtypes is None else tuple(p.astype(d) for p, d in zip(parts, dtypes, strict=True))


def _part(function: Callable[..., Any], columns: Any, part: int, count: Any) -> Any:
    """One of the results of a function that gives several."""
    return _each(lambda k: function(*[column[k] for column in columns])[part], count)


def polynomial(poly1d: Any, val: Any) -> Any:
    """What ``np.poly1d`` makes."""
    return np.polyval(poly1d.coeffs, val)


CALLED_OBJECTS: Mapping[Any, Any] = {np.vectorize: vectorized, np.poly1d: polynomial}
# They call a function that may read traced values, whatever their arguments are.
CALLING = frozenset(["numpy.apply_along_axis", "numpy.apply_over_axes", "numpy.piecewise", "numpy.fromfunction",
                     "numpy.fromiter"])  # fmt: skip
FUNCTIONS = {
    "numpy.apply_along_axis": apply_along_axis,
    "numpy.apply_over_axes": apply_over_axes,
    "numpy.piecewise": piecewise,
    "numpy.fromfunction": fromfunction,
    "numpy.fromiter": fromiter,
}
