"""Rearranging elements, joining, reading and writing at positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import IndexRangeError, ShapeError, TraceTypeError
from graphc.ir.builder import Builder
from graphc.ir.dims import product
from graphc.ir.graph import Value
from graphc.ir.types import I64
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import as_value, promoted, result_dtype
from graphc.trace.functions import assignment, indexing, products, rearranging
from graphc.trace.functions import shaping as numpy_shaping
from graphc.trace.functions.arguments import axis_of

Key = tuple[Any, ...]


def reshape(F: Builder, x: Value, shape: tuple[int, ...]) -> Value:
    return numpy_shaping.reshape(F, x, shape)


def permute(F: Builder, x: Value, dims: tuple[int, ...]) -> Value:
    return numpy_shaping.transpose(F, x, dims)


def transpose(F: Builder, x: Value, a: int, b: int) -> Value:
    return numpy_shaping.swapaxes(F, x, a, b) if x.rank else x


def t(F: Builder, x: Value) -> Value:
    if x.rank > 2:
        raise ShapeError(f"t() needs at most 2 dimensions, the tensor has {x.rank}: use transpose", location=F.location)
    return F.transpose(x, (1, 0)) if x.rank == 2 else x


def flatten(F: Builder, x: Value, start: int, end: int) -> Value:
    if not x.rank:
        return F.reshape(x, (1,))
    first, last = axis_of(F, "flatten", start, x.rank), axis_of(F, "flatten", end, x.rank)
    if first > last:
        message = f"flatten: start_dim {start} stands after end_dim {end} in a tensor of {x.rank} dimensions"
        raise ShapeError(message, location=F.location)
    return F.reshape(x, (*x.dims[:first], product(x.dims[first : last + 1]), *x.dims[last + 1 :]))


def unsqueeze(F: Builder, x: Value, dim: int) -> Value:
    return numpy_shaping.expand_dims(F, x, dim)


def squeeze(F: Builder, x: Value, dims: tuple[int, ...] | None) -> Value:
    """Without these dimensions (all, where None) where they have length 1."""
    axes = range(x.rank) if dims is None else [axis_of(F, "squeeze", d, max(x.rank, 1)) for d in dims]
    if not x.rank:
        return x
    return F.squeeze(x, [a for a in axes if F.facts.equal(x.dims[a], 1)])


def expand(F: Builder, x: Value, shape: tuple[int, ...]) -> Value:
    """Broadcast to the shape, -1 for a dimension that stays."""
    extra = len(shape) - x.rank
    dims = tuple(x.dims[i - extra] if size == -1 and i >= extra else size for i, size in enumerate(shape))
    return numpy_shaping.broadcast_to(F, x, dims)


def cat(F: Builder, *parts: Any) -> Value:
    """``cat(F, a, b, ..., dim)``; one-dimensional tensors without elements are left out, as PyTorch does."""
    *tensors, dim = parts
    dtype = result_dtype(tensors)
    rank = max(v.rank for v in tensors)
    if not all(v.rank for v in tensors):
        raise ShapeError("cat: a tensor without dimensions cannot be joined to others: use stack", location=F.location)
    kept = [F.cast(v, dtype) for v in tensors if v.rank == rank or v.dims != (0,)] or tensors[:1]
    axis = axis_of(F, "cat", dim, rank)
    for value in kept[1:]:
        fits = value.rank == rank and all(
            i == axis or F.facts.equal(a, b) for i, (a, b) in enumerate(zip(value.dims, kept[0].dims, strict=True))
        )
        if not fits:
            message = f"cat along dimension {axis}: {kept[0].type} and {value.type} differ elsewhere"
            raise ShapeError(message, location=F.location)
    return F.concat(*kept, axis=axis)


def stack(F: Builder, *parts: Any) -> Value:
    *tensors, dim = parts
    for value in tensors[1:]:
        if value.rank != tensors[0].rank or not all(map(F.facts.equal, value.dims, tensors[0].dims)):
            message = f"stack: the tensors must have one shape, {tensors[0].type} and {value.type} differ"
            raise ShapeError(message, location=F.location)
    axis = axis_of(F, "stack", dim, tensors[0].rank + 1)
    return F.concat(*(F.expand_dims(v, (axis,)) for v in promoted(F, tensors)), axis=axis)


def flip(F: Builder, x: Value, dims: tuple[int, ...]) -> Value:
    if not x.rank:
        return F.reshape(rearranging.flip(F, F.reshape(x, (1,)), dims), ())
    return rearranging.flip(F, x, dims)


def roll(F: Builder, x: Value, shifts: Any, dims: Any) -> Value:
    return rearranging.roll(F, x, shifts, dims)


def narrow(F: Builder, x: Value, dim: int, start: int, length: int) -> Value:
    axis = axis_of(F, "narrow", dim, x.rank)
    first: Any = start + x.dims[axis] if start < 0 else start
    key = [slice(None)] * x.rank
    key[axis] = slice(first, first + length)
    return indexing.getitem(F, x, tuple(key))


def triangle(F: Builder, x: Value, diagonal: int, lower: bool) -> Value:
    rows, columns = F.iota(dims=(x.dims[-2], 1), axis=0), F.iota(dims=(1, x.dims[-1]), axis=1)
    distance = F.sub(columns, rows)
    keep = F.le(distance, diagonal) if lower else F.ge(distance, diagonal)
    return F.select(keep, x, F.cast(as_value(F, 0), x.type.dtype))


# --- positions --------------------------------------------------------------------------------------------------------


def whole_key(key: Key, arrays: list[Value]) -> Any:
    """The key of NumPy: ``("slice", a, b, c)`` is a slice, ``("array",)`` the next of the arrays."""
    rest = iter(arrays)
    parts = [_part(part, rest) for part in key]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _part(part: Any, arrays: Any) -> Any:
    if isinstance(part, tuple):
        return next(arrays) if part == ("array",) else slice(*part[1:])
    return part


def getitem(F: Builder, x: Value, *arrays_and_key: Any) -> Value:
    *arrays, key = arrays_and_key
    return indexing.getitem(F, x, whole_key(key, arrays))


def setitem(F: Builder, x: Value, value: Any, *arrays_and_key: Any) -> Value:
    """x with the value at the key, in x's dtype."""
    *arrays, key = arrays_and_key
    return assignment.setitem(F, x, whole_key(key, arrays), F.cast(as_value(F, value), x.type.dtype))


def added(F: Builder, x: Value, value: Any, *arrays_and_key: Any) -> Value:
    """x with the value added at the key, as often as a place stands there."""
    *arrays, key = arrays_and_key
    return assignment.add_at(F, x, whole_key(key, arrays), F.cast(as_value(F, value), x.type.dtype))


def integers(F: Builder, name: str, index: Value) -> Value:
    """Positions. Raises ``TraceTypeError`` where they are no integers."""
    if index.type.dtype.kind not in "iu":
        message = f"{name}: an index must be of integers, it is {index.type}: convert it, index.long()"
        raise TraceTypeError(message, location=F.location)
    return F.cast(index, I64)


def gather(F: Builder, x: Value, index: Value, dim: int) -> Value:
    """``result[i][j] = x[index[i][j]][j]`` for dim 0; the index may be shorter than x along the other dimensions."""
    if not x.rank:
        return gather(F, F.reshape(x, (1,)), index if index.rank else F.reshape(index, (1,)), dim)
    axis = axis_of(F, "gather", dim, x.rank)
    if index.rank != x.rank:
        message = f"gather: the index must have as many dimensions as the tensor: {index.type} and {x.type}"
        raise ShapeError(message, location=F.location)
    places = [
        integers(F, "gather", index)
        if a == axis
        else F.iota(dims=tuple(d if b == a else 1 for b, d in enumerate(index.dims)), axis=a)
        for a in range(x.rank)
    ]
    return F.gather(x, *places, axes=tuple(range(x.rank)), checked=True)


def index_select(F: Builder, x: Value, index: Value, dim: int) -> Value:
    if not x.rank:
        found = index_select(F, F.reshape(x, (1,)), index, dim)
        if not F.facts.equal(found.dims[0], 1):
            message = f"index_select of a tensor without dimensions takes one position, not {index.type}"
            raise ShapeError(message, location=F.location)
        return F.reshape(found, ())
    if index.rank > 1:
        message = f"index_select: the index must have at most one dimension, it is {index.type}"
        raise IndexRangeError(message, location=F.location)
    places = integers(F, "index_select", index if index.rank else F.reshape(index, (1,)))
    return F.gather(x, places, axes=(axis_of(F, "index_select", dim, x.rank),), checked=True)


def one_hot(F: Builder, x: Value, classes: int) -> Value:
    hot = F.eq(F.expand_dims(x, (x.rank,)), F.iota(dims=(classes,), axis=0))
    return F.cast(hot, I64)


def matmul(F: Builder, a: Value, b: Value) -> Value:
    x, y = promoted(F, (a, b))
    return products.matmul(F, x, y)


def dot(F: Builder, a: Value, b: Value) -> Value:
    x, y = promoted(F, (a, b))
    if x.rank != 1 or y.rank != 1:
        raise ShapeError(f"dot needs two vectors, got {x.type} and {y.type}: use matmul", location=F.location)
    return products.dot(F, x, y)


def linear(F: Builder, x: Value, weight: Value, bias: Value | None) -> Value:
    """``x @ weight.T + bias``."""
    x, weight = promoted(F, (x, weight))
    result = products.matmul(F, x, F.transpose(weight, (1, 0)) if weight.rank == 2 else weight)
    return result if bias is None else F.add(result, bias)


def embedding(F: Builder, index: Value, weight: Value, padding: int | None) -> Value:
    """The rows of the weight at these positions; that of the padding gets no gradient."""
    rows = F.gather(weight, integers(F, "embedding", index), axes=(0,), checked=True)
    if padding is None:
        return rows
    return F.select(F.expand_dims(F.eq(index, padding), (index.rank,)), F.stop_gradient(rows), rows)


def full_like(F: Builder, x: Value, number: Any, dtype: np.dtype) -> Value:
    return F.broadcast_to(F.cast(as_value(F, number), dtype), x.dims)


SHAPING = [
    Function("reshape", reshape, "nothing"),
    Function("view", reshape, "nothing"),
    Function("permute", permute, "nothing"),
    Function("transpose", transpose, "nothing"),
    Function("t", t, "nothing"),
    Function("flatten", flatten, "nothing"),
    Function("unsqueeze", unsqueeze, "nothing"),
    Function("squeeze", squeeze, "nothing"),
    Function("expand", expand, "nothing"),
    Function("cat", cat, "nothing"),
    Function("stack", stack, "nothing"),
    Function("flip", flip, "nothing"),
    Function("roll", roll, "nothing"),
    Function("narrow", narrow, "nothing"),
    Function("triangle", triangle, "nothing"),
    Function("select", getitem, "nothing"),
    Function("index", getitem, "after first"),
    Function("index_put", setitem, "after second"),
    Function("index_put_added", added, "after second"),
    Function("gather", gather, "after first"),
    Function("index_select", index_select, "after first"),
    Function("one_hot", one_hot, "nothing", differentiable=False),
    Function("matmul", matmul, "others"),
    Function("dot", dot, "others"),
    Function("linear", linear),
    Function("embedding", embedding, "first"),
    Function("full_like", full_like, "nothing", differentiable=False),
]
