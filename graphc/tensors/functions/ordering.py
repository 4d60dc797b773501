"""Sorting along a dimension, and reading and writing at positions along one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, I64, ArrayType
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import as_value, floating
from graphc.tensors.functions.reductions import of_scalars
from graphc.tensors.functions.shaping import integers
from graphc.trace.functions import assignment, exponentials, rearranging, sorting
from graphc.trace.functions.arguments import axis_of
from graphc.trace.functions.indexing import take, take_along_axis


def order(F: Builder, x: Value, dim: int, descending: bool) -> Value:
    """The positions along the dimension in the order of the elements, equal ones as they stand; NaN is the largest."""
    axis = axis_of(F, "sort", dim, x.rank)
    if not descending:
        return sorting.argsort(F, x, axis, stable=True)
    last = F.sub(F.cast(F.value(x.dims[axis]), I64), 1)
    backwards = sorting.argsort(F, rearranging.flip(F, x, axis), axis, stable=True)
    return F.sub(last, rearranging.flip(F, backwards, axis))


def sort(F: Builder, x: Value, dim: int, descending: bool) -> tuple[Value, Value]:
    """The elements along the dimension in order, and where each stood."""
    places = order(F, x, dim, descending)
    return take_along_axis(F, x, places, axis_of(F, "sort", dim, x.rank)), places


def topk(F: Builder, x: Value, count: int, dim: int, largest: bool) -> tuple[Value, Value]:
    """The first so many in order."""
    axis = axis_of(F, "topk", dim, x.rank)
    first = take(F, order(F, x, axis, largest), F.iota(dims=(count,), axis=0), axis)
    return take_along_axis(F, x, first, axis), first


def median(F: Builder, x: Value, dim: int, keepdim: bool) -> tuple[Value, Value]:
    """The lower of the middle elements along the dimension, and where it stands; NaN where there is one."""
    axis = axis_of(F, "median", dim, x.rank)
    places = order(F, x, axis, False)
    size = F.cast(F.value(x.dims[axis]), I64)
    middle = _one_of(F, places, F.floor_divide(F.sub(size, 1), 2), axis)
    if x.type.is_float:
        last = _one_of(F, places, F.sub(size, 1), axis)
        middle = F.select(F.isnan(take_along_axis(F, x, last, axis)), last, middle)
    values = take_along_axis(F, x, middle, axis)
    return (values, middle) if keepdim else (F.squeeze(values, (axis,)), F.squeeze(middle, (axis,)))


def _one_of(F: Builder, x: Value, position: Value, axis: int) -> Value:
    return take(F, x, F.expand_dims(position, (0,)), axis)


def median_of_all(F: Builder, x: Value) -> Value:
    """The lower median of all elements; those that are equal to it share the gradient. Of nothing NaN."""
    if 0 in x.dims:
        return F.full(ArrayType(x.type.dtype, ()), math.nan if x.type.is_float else np.iinfo(x.type.dtype).min)
    found = median(F, F.reshape(x, (product(x.dims),)), 0, False)[0]
    if not x.type.is_float:
        return found
    same = F.logical_or(F.eq(x, F.stop_gradient(found)), F.isnan(found))
    return F.reduce("max", F.select(same, x, F.cast(F.value(-math.inf), x.type.dtype)), range(x.rank))


def mode(F: Builder, x: Value, dim: int, keepdim: bool) -> tuple[Value, Value]:
    """The element that stands most often along the dimension, the smallest of several, and its last place."""
    axis = axis_of(F, "mode", dim, x.rank)
    mine, others = F.expand_dims(x, (axis,)), F.expand_dims(x, (axis + 1,))
    counts = F.reduce("sum", F.cast(F.eq(mine, others), I64), (axis + 1,))
    is_most = F.eq(counts, F.reduce("max", counts, (axis,), keepdims=True))
    limit = _neutral("min", x.type.dtype)
    smallest = F.reduce("min", F.select(is_most, x, F.cast(F.value(limit), x.type.dtype)), (axis,), keepdims=True)
    places = F.iota(dims=tuple(d if a == axis else 1 for a, d in enumerate(x.dims)), axis=axis)
    last = F.reduce("max", F.select(F.eq(x, smallest), places, -1), (axis,), keepdims=True)
    values = take_along_axis(F, x, last, axis)
    return (values, last) if keepdim else (F.squeeze(values, (axis,)), F.squeeze(last, (axis,)))


def nanmedian(F: Builder, x: Value, dim: int, keepdim: bool) -> tuple[Value, Value]:
    """As ``median``, of the elements that are not NaN; NaN where all are."""
    axis = axis_of(F, "nanmedian", dim, x.rank)
    if not x.type.is_float:
        return median(F, x, dim, keepdim)
    places = order(F, x, axis, False)
    count = F.reduce("sum", F.cast(F.logical_not(F.isnan(x)), I64), (axis,), keepdims=True)
    middle = take_along_axis(F, places, F.maximum(F.floor_divide(F.sub(count, 1), 2), 0), axis)
    found = take_along_axis(F, x, middle, axis)
    return (found, middle) if keepdim else (F.squeeze(found, (axis,)), F.squeeze(middle, (axis,)))


def running(name: str) -> Callable[..., tuple[Value, Value]]:
    """The extreme elements so far along a dimension, and where the last of them stood; NaN from the first one on."""

    def fold(F: Builder, x: Value, dim: int) -> tuple[Value, Value]:
        axis = axis_of(F, f"cum{name}", dim, x.rank)
        if 0 in x.dims:
            return F.positive(x) if x.type.is_float else x, F.zeros(ArrayType(I64, x.dims))
        others = F.expand_dims(x, (axis,))
        n = x.dims[axis]
        rows = F.iota(dims=tuple(n if a == axis else 1 for a in range(x.rank + 1)), axis=axis)
        columns = F.iota(dims=tuple(n if a == axis + 1 else 1 for a in range(x.rank + 1)), axis=axis + 1)
        is_before = F.le(columns, rows)
        seen = F.select(is_before, others, F.cast(F.value(_neutral(name, x.type.dtype)), x.type.dtype))
        best = F.reduce(name, F.stop_gradient(seen) if x.type.is_float else seen, (axis + 1,), keepdims=True)
        is_best = F.eq(others, best)
        if x.type.is_float:
            is_best = F.logical_or(is_best, F.logical_and(F.isnan(others), F.isnan(best)))
        places = F.reduce("max", F.select(F.logical_and(is_before, is_best), columns, -1), (axis + 1,))
        return take_along_axis(F, x, places, axis), places

    return fold


def logcumsumexp(F: Builder, x: Value, dim: int) -> Value:
    """The logarithm of the running sum of exponentials."""
    axis = axis_of(F, "logcumsumexp", dim, x.rank)
    x = floating(F, x)
    n = x.dims[axis]
    rows = F.iota(dims=tuple(n if a == axis else 1 for a in range(x.rank + 1)), axis=axis)
    columns = F.iota(dims=tuple(n if a == axis + 1 else 1 for a in range(x.rank + 1)), axis=axis + 1)
    seen = F.select(F.le(columns, rows), F.expand_dims(x, (axis,)), F.cast(F.value(-math.inf), x.type.dtype))
    result = exponentials.logsumexp(F, seen, axis + 1)
    assert isinstance(result, Value)
    return result


# --- positions along a dimension --------------------------------------------------------------------------------------


def _places(F: Builder, x: Value, index: Value, axis: int) -> tuple[Value, ...]:
    """For each axis the positions that an index along one of them means: at the others, its own place."""
    if index.rank != x.rank:
        message = f"an index along a dimension must have as many dimensions as the tensor: {index.type} and {x.type}"
        raise ShapeError(message, location=F.location)
    return tuple(
        inside(F, index, x.dims[a], a)
        if a == axis
        else F.iota(dims=tuple(d if b == a else 1 for b, d in enumerate(index.dims)), axis=a)
        for a in range(index.rank)
    )


def inside(F: Builder, index: Value, size: Dim, axis: int) -> Value:
    """The positions, none of which counts from the end in PyTorch's functions of an index along a dimension."""
    return F.checked_index(integers(F, "an index along a dimension", index), axis=axis, size=size)


def _source(F: Builder, x: Value, index: Value, source: object) -> Value:
    """What is written: in x's dtype, and of a larger source the first elements along each axis."""
    value = F.cast(as_value(F, source), x.type.dtype)
    if not value.rank and index.rank:
        return F.broadcast_to(value, index.dims)
    if value.rank != index.rank:
        message = f"the source must have as many dimensions as the index: {value.type} and {index.type}"
        raise ShapeError(message, location=F.location)
    if all(map(F.facts.equal, value.dims, index.dims)):
        return value
    return F.slice(value, starts=(0,) * value.rank, steps=(1,) * value.rank, dims=index.dims)


def scatter(F: Builder, x: Value, index: Value, source: object, dim: int) -> Value:
    """x with ``source[i][j]`` at ``[index[i][j]][j]`` for dim 0."""
    if not x.rank:
        return F.reshape(
            scatter(F, F.reshape(x, (1,)), index if index.rank else F.reshape(index, (1,)), source, dim), ()
        )
    axis = axis_of(F, "scatter", dim, x.rank)
    return assignment.setitem(F, x, _places(F, x, index, axis), _source(F, x, index, source))


def scatter_add(F: Builder, x: Value, index: Value, source: object, dim: int) -> Value:
    """As ``scatter``, where what is there is added to."""
    if not x.rank:
        return F.reshape(
            scatter_add(F, F.reshape(x, (1,)), index if index.rank else F.reshape(index, (1,)), source, dim), ()
        )
    axis = axis_of(F, "scatter_add", dim, x.rank)
    return assignment.add_at(F, x, _places(F, x, index, axis), _source(F, x, index, source))


def _along(F: Builder, x: Value, index: Value, axis: int) -> tuple[object, ...]:
    places = inside(F, index if index.rank else F.reshape(index, (1,)), x.dims[axis], axis)
    return (*(slice(None),) * axis, places, *(slice(None),) * (x.rank - axis - 1))


def scatter_reduce(F: Builder, x: Value, index: Value, source: Value, dim: int, name: str, include_self: bool) -> Value:
    """x with what the source brings to each place of a dimension folded: a sum, product, mean or extreme."""
    axis = axis_of(F, "scatter_reduce", dim, x.rank)
    places, part = _places(F, x, index, axis), _source(F, x, index, source)
    ones = F.cast(F.broadcast_to(F.value(1), index.dims), x.type.dtype)
    zeros = F.zeros(ArrayType(x.type.dtype, x.dims))
    count = assignment.add_at(F, zeros, places, ones)
    if name in ("sum", "mean"):
        base = x if include_self else F.select(F.gt(count, 0), F.cast(F.value(0), x.type.dtype), x)
        total = assignment.add_at(F, base, places, part)
        if name == "sum":
            return total
        count = F.add(count, int(include_self))
        count = F.cast(F.maximum(count, 1), x.type.dtype)
        return F.div(total, count) if x.type.is_float else F.floor_divide(total, count)
    return _folded_at(F, x, (index, part), axis, name, include_self)


def _folded_at(F: Builder, x: Value, brought: tuple[Value, Value], axis: int, name: str, include_self: bool) -> Value:
    """A product or extreme of all that comes to each place: one comparison for each pair of a place and a source."""
    index, part = brought
    fold = {"prod": "prod", "amax": "max", "amin": "min"}[name]
    covered = tuple(d if a == axis else index.dims[a] for a, d in enumerate(x.dims))
    start = F.slice(x, starts=(0,) * x.rank, steps=(1,) * x.rank, dims=covered)
    turned = [a for a in range(x.rank) if a != axis] + [axis]
    index, part = (F.expand_dims(F.transpose(v, turned), (x.rank - 1,)) for v in (index, part))
    here = F.iota(dims=(*(1,) * (x.rank - 1), x.dims[axis], 1), axis=x.rank - 1)
    comes = F.eq(index, here)
    neutral = F.cast(F.value(_neutral(fold, x.type.dtype)), x.type.dtype)
    values = F.select(comes, part, neutral)
    own = F.expand_dims(F.transpose(start, turned), (x.rank,))
    touched = F.reduce("sum", F.cast(comes, I64), (x.rank,), keepdims=True)
    first = own if include_self else F.select(F.gt(touched, 0), neutral, own)
    result = F.reduce(fold, F.concat(first, values, axis=x.rank), (x.rank,))
    back = F.transpose(result, [turned.index(a) for a in range(x.rank)])
    key = tuple(slice(None) if a == axis else slice(0, index_dim) for a, index_dim in enumerate(covered))
    return back if all(map(F.facts.equal, covered, x.dims)) else assignment.setitem(F, x, key, back)


def _neutral(fold: str, dtype: np.dtype) -> Any:
    if fold == "prod":
        return 1
    if dtype == BOOL:
        return fold == "min"
    if dtype.kind == "f":
        return -math.inf if fold == "max" else math.inf
    return np.iinfo(dtype).min if fold == "max" else np.iinfo(dtype).max


def index_add(F: Builder, x: Value, index: Value, source: Value, dim: int) -> Value:
    """x with the source's entries added at these positions of the dimension."""
    if not x.rank:
        return F.reshape(index_add(F, F.reshape(x, (1,)), index, source, dim), ())
    axis = axis_of(F, "index_add", dim, x.rank)
    return assignment.add_at(F, x, _along(F, x, index, axis), F.cast(source, x.type.dtype))


def index_copy(F: Builder, x: Value, index: Value, source: object, dim: int) -> Value:
    """x with the source's entries, or a number, at these positions of the dimension."""
    if not x.rank:
        return F.reshape(index_copy(F, F.reshape(x, (1,)), index, source, dim), ())
    axis = axis_of(F, "index_copy", dim, x.rank)
    value = F.cast(as_value(F, source), x.type.dtype)
    return assignment.setitem(F, x, _along(F, x, index, axis), value)


def take_along_dim(F: Builder, x: Value, index: Value, dim: int | None) -> Value:
    """``np.take_along_axis``; without a dimension, of all elements in order."""
    if dim is not None:
        return take_along_axis(F, x, F.cast(index, I64), axis_of(F, "take_along_dim", dim, x.rank))
    flat = F.reshape(x, (product(x.dims),))
    return take_along_axis(F, flat, F.cast(F.reshape(index, (product(index.dims),)), I64), 0)


def searchsorted(F: Builder, edges: Value, x: Value, right: bool) -> Value:
    """Where each element would stand among the edges, which are in order."""
    dtype = np.result_type(edges.type.dtype, x.type.dtype)
    return sorting.searchsorted(F, F.cast(edges, dtype), F.cast(x, dtype), "right" if right else "left")


ORDERING = [
    Function("sort", of_scalars(sort), "places"),
    Function("argsort", of_scalars(order), "nothing", differentiable=False),
    Function("topk", of_scalars(topk), "places"),
    Function("median", median_of_all, "both"),
    Function("median_dim", of_scalars(median), "places"),
    Function("mode", of_scalars(mode), "places"),
    Function("nanmedian_dim", of_scalars(nanmedian), "places"),
    Function("cummax", of_scalars(running("max")), "places"),
    Function("cummin", of_scalars(running("min")), "places"),
    Function("logcumsumexp", of_scalars(logcumsumexp), "both"),
    Function("scatter_reduce", scatter_reduce),
    Function("scatter", scatter, "after first"),
    Function("scatter_add", scatter_add, "after first"),
    Function("index_add", index_add, "after first"),
    Function("index_copy", index_copy, "after first"),
    Function("take_along_dim", take_along_dim, "after first"),
    Function("searchsorted", searchsorted, "nothing", differentiable=False),
]
