"""Folds over axes: ``sum prod max min any all argmax argmin ptp count_nonzero`` and running sums.

Every function has NumPy's parameters, takes ``where=`` as a mask of the elements that count, and ``initial=`` as a
first element. Integers and bools are added and multiplied in 64 bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.dims import product
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, I64, ArrayType
from graphc.ops.index import NOTHING
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dtype,
    axes_of,
    axis_of,
    mask_of,
    shape_error,
    shape_text,
    sum_dtype,
)


def masked(F: Builder, a: Value, mask: Value | None, neutral: float | bool | Value) -> Value:
    """The array with the neutral element where the mask is false."""
    if mask is None:
        return a
    dims = F.facts.broadcast([mask.dims, a.dims])
    if dims is None or len(dims) != a.rank or not all(map(F.facts.equal, dims, a.dims)):
        raise shape_error(F, f"where= of shape {shape_text(mask.dims)} does not fit into {shape_text(a.dims)}")
    return F.select(mask, a, neutral)


def sum_(
    F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
    initial: Any = None, where: Any = None,
) -> Value:  # fmt: skip
    """NumPy's ``sum``."""
    a = as_array(F, a)
    a = F.cast(a, sum_dtype(a.type.dtype) if dtype is None else as_dtype(F, "sum", dtype))
    a = masked(F, a, mask_of(F, where), False if a.type.dtype == BOOL else 0)
    result = F.reduce("sum", a, axes_of(F, "sum", axis, a.rank), keepdims)
    return result if initial is None else F.add(result, F.cast(as_array(F, initial), a.type.dtype))


def prod(
    F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
    initial: Any = None, where: Any = None,
) -> Value:  # fmt: skip
    """NumPy's ``prod``."""
    a = as_array(F, a)
    a = F.cast(a, sum_dtype(a.type.dtype) if dtype is None else as_dtype(F, "prod", dtype))
    a = masked(F, a, mask_of(F, where), a.type.dtype == BOOL or 1)
    result = F.reduce("prod", a, axes_of(F, "prod", axis, a.rank), keepdims)
    return result if initial is None else F.mul(result, F.cast(as_array(F, initial), a.type.dtype))


def require_elements(F: Builder, name: str, a: Value, axes: Sequence[int]) -> None:
    """A fold that has no neutral element needs at least one element (guarded where the size is symbolic)."""
    for axis in axes:
        if F.facts.is_bound(a.dims[axis]):  # known when the program runs: see ``of_something``
            continue
        if not F.facts.at_least(a.dims[axis], 1):
            raise shape_error(F, f"{name}: the array {a.type} has no elements along axis {axis}; give initial=")


def of_something(F: Builder, a: Value, axes: Sequence[int], fold: Callable[[], Value]) -> Value:
    """The result of a fold that needs an element: an error at run time where a mask has selected none.

    The result depends on the check, in a way that cannot matter, since otherwise nothing would ask for it.
    """
    counts = [a.dims[axis] for axis in axes if F.facts.is_bound(a.dims[axis])]
    if not counts:
        return fold()
    is_empty = F.eq(F.value(product(counts)), 0)
    failed = F.checked_index(F.cast(is_empty, I64), axis=NOTHING, size=1)
    result = fold()
    return F.select(F.gt(failed, 0), F.constant(0, ArrayType(result.type.dtype)), result)


def _extreme(F: Builder, name: str, a: Any, axis: Any, keepdims: bool, initial: Any, where: Any) -> Value:
    a = as_array(F, a)
    axes, mask = axes_of(F, name, axis, a.rank), mask_of(F, where)
    if initial is None:
        if mask is not None:
            raise shape_error(F, f"{name}: with where=, give initial= too: an empty selection has no {name}")
        require_elements(F, name, a, axes)
        return of_something(F, a, axes, lambda: F.reduce(name, a, axes, keepdims))
    first = F.cast(as_array(F, initial), a.type.dtype)
    if any(a.dims[i] == 0 for i in axes):
        return F.broadcast_to(
            first, tuple(1 if i in axes else d for i, d in enumerate(a.dims) if keepdims or i not in axes)
        )
    result = F.reduce(name, masked(F, a, mask, first), axes, keepdims)
    return F.maximum(result, first) if name == "max" else F.minimum(result, first)


def max_(
    F: Builder, a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
    where: Any = None,
) -> Value:  # fmt: skip
    """NumPy's ``max``; elements that tie share the gradient equally."""
    return _extreme(F, "max", a, axis, keepdims, initial, where)


def min_(
    F: Builder, a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
    where: Any = None,
) -> Value:  # fmt: skip
    """NumPy's ``min``; elements that tie share the gradient equally."""
    return _extreme(F, "min", a, axis, keepdims, initial, where)


def ptp(F: Builder, a: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Value:
    """Maximum minus minimum."""
    return F.sub(_extreme(F, "max", a, axis, keepdims, None, None), _extreme(F, "min", a, axis, keepdims, None, None))


def truth(F: Builder, a: Value) -> Value:
    """Which elements are not zero (NaN is not)."""
    return a if a.type.dtype == BOOL else F.ne(a, 0)


def any_(F: Builder, a: Any, axis: Any = None, out: None = None, keepdims: bool = False, *, where: Any = None) -> Value:
    """NumPy's ``any``."""
    a = masked(F, truth(F, as_array(F, a)), mask_of(F, where), False)
    return F.reduce("any", a, axes_of(F, "any", axis, a.rank), keepdims)


def all_(F: Builder, a: Any, axis: Any = None, out: None = None, keepdims: bool = False, *, where: Any = None) -> Value:
    """NumPy's ``all``."""
    a = masked(F, truth(F, as_array(F, a)), mask_of(F, where), True)
    return F.reduce("all", a, axes_of(F, "all", axis, a.rank), keepdims)


def _position(F: Builder, name: str, a: Any, axis: Any, keepdims: bool) -> Value:
    a = as_array(F, a)
    axes = axes_of(F, name, axis, a.rank)
    require_elements(F, name, a, axes)
    if axis is None or a.rank == 0:
        flat = F.reshape(a, (product(a.dims),))
        best = of_something(F, a, axes, lambda: F.reduce(name, flat, (0,)))
        return F.expand_dims(best, axes) if keepdims else best
    return of_something(F, a, axes, lambda: F.reduce(name, a, axes, keepdims))


def argmax(F: Builder, a: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Value:
    """The position of the first greatest element (int64); of the flattened array without an axis."""
    return _position(F, "argmax", a, axis, keepdims)


def argmin(F: Builder, a: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Value:
    """The position of the first smallest element (int64); of the flattened array without an axis."""
    return _position(F, "argmin", a, axis, keepdims)


def count_nonzero(F: Builder, a: Any, axis: Any = None, *, keepdims: bool = False) -> Value:
    """How many elements are not zero (int64)."""
    a = truth(F, as_array(F, a))
    return F.reduce("sum", F.cast(a, I64), axes_of(F, "count_nonzero", axis, a.rank), keepdims)


def _running(F: Builder, name: str, a: Any, axis: Any, dtype: np.dtype | None) -> Value:
    a = as_array(F, a)
    a = F.cast(a, sum_dtype(a.type.dtype) if dtype is None else as_dtype(F, name, dtype))
    if axis is None:
        a, axis = F.reshape(a, (product(a.dims),)), 0
    return F.apply(F.ops[name], (a,), {"axis": axis_of(F, name, axis, a.rank), "reverse": False, "exclusive": False})


def cumsum(F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Value:
    """Running sums along the axis; of the flattened array without one."""
    return _running(F, "cumsum", a, axis, dtype)


def cumprod(F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Value:
    """Running products along the axis; of the flattened array without one."""
    return _running(F, "cumprod", a, axis, dtype)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.sum": sum_, "numpy.prod": prod, "numpy.max": max_, "numpy.amax": max_, "numpy.min": min_,
    "numpy.amin": min_, "numpy.ptp": ptp, "numpy.any": any_, "numpy.all": all_, "numpy.argmax": argmax,
    "numpy.argmin": argmin, "numpy.count_nonzero": count_nonzero, "numpy.cumsum": cumsum, "numpy.cumprod": cumprod,
}  # fmt: skip
