"""Arrays with parts put in or taken out: ``block insert delete resize trim_zeros row_stack``; and ``choose``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any

from graphc.errors import IndexRangeError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, ceildiv, product
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, I64, ArrayType
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dims,
    axis_of,
    promoted,
    shape_error,
    shape_text,
    specialised,
    unsupported,
)
from graphc.trace.functions.indexing import true_positions
from graphc.trace.functions.joining import arrays_of, join, vstack
from graphc.trace.functions.reductions import truth
from graphc.trace.functions.slicing import position_of, span_of, take_range


def block(F: Builder, arrays: Any) -> Value:
    """Nested lists of arrays, put together: the innermost along the last axis."""
    depth = _depth(arrays)
    rank = max(depth, *(v.rank for v in _leaves(F, arrays)))
    return _joined(F, arrays, depth, rank)


def _depth(arrays: Any) -> int:
    return 1 + _depth(arrays[0]) if isinstance(arrays, list) and arrays else 0


def _leaves(F: Builder, arrays: Any) -> list[Value]:
    if isinstance(arrays, list):
        if not arrays:
            raise shape_error(F, "block: a list is empty")
        return [leaf for part in arrays for leaf in _leaves(F, part)]
    return [as_array(F, arrays)]


def _joined(F: Builder, arrays: Any, depth: int, rank: int) -> Value:
    if isinstance(arrays, list) != (depth > 0):
        raise shape_error(F, "block: the lists are not nested equally deep")
    if not depth:
        value = as_array(F, arrays)
        return F.expand_dims(value, range(rank - value.rank)) if value.rank < rank else value
    return join(F, "block", [_joined(F, part, depth - 1, rank) for part in arrays], rank - depth)


# --- in and out -------------------------------------------------------------------------------------------------------


def _flat_or_along(F: Builder, name: str, arr: Any, axis: Any) -> tuple[Value, int]:
    value = as_array(F, arr)
    if axis is None:
        return F.reshape(value, (product(value.dims),)), 0
    return value, axis_of(F, name, axis, value.rank)


def delete(F: Builder, arr: Any, obj: Any, axis: Any = None) -> Value:
    """Without the elements at a position, in a slice, at a list of known positions, or where a mask is true."""
    value, along = _flat_or_along(F, "delete", arr, axis)
    size = value.dims[along]
    if isinstance(obj, slice):
        span = span_of(F, obj, size)
        if abs(span.step) != 1:
            return _kept(F, value, along, _in_span(F, size, span))
        start = span.start if span.step > 0 else span.start - span.length + 1
        return _without(F, value, along, start, span.length)
    if isinstance(obj, Value) and obj.type.dtype == BOOL:
        return _kept(F, value, along, F.logical_not(obj))
    places = obj if isinstance(obj, list | tuple) else [obj]
    known = [specialised(F, place) for place in places]
    if any(isinstance(place, Value) for place in known):
        raise unsupported(F, "delete: positions that are traced make the length depend on data; use a mask: a[mask]")
    if len(known) == 1:
        return _without(F, value, along, position_of(F, known[0], along, value.dims), 1)
    mask = F.full(ArrayType(BOOL, (size,)), True)
    rank = F.iota(dims=(size,), axis=0)
    for place in known:
        mask = F.logical_and(mask, F.ne(rank, position_of(F, place, along, value.dims)))
    return _kept(F, value, along, mask)


def _in_span(F: Builder, size: Any, span: Any) -> Value:
    rank = F.sub(F.iota(dims=(size,), axis=0), span.start)
    inside = F.logical_and(F.eq(F.remainder(rank, span.step), 0), F.lt(F.floor_divide(rank, span.step), span.length))
    return F.logical_not(F.logical_and(inside, F.ge(F.floor_divide(rank, span.step), 0)))


def _without(F: Builder, a: Value, axis: int, start: Any, count: Any) -> Value:
    after = start + count
    parts = take_range(F, a, axis, 0, start), take_range(F, a, axis, after, a.dims[axis] - after)
    return F.concat(*parts, axis=axis)


def _kept(F: Builder, a: Value, axis: int, mask: Value) -> Value:
    return F.gather(a, true_positions(F, mask, (a.dims[axis],)), axes=(axis,), checked=False)


def insert(F: Builder, arr: Any, obj: Any, values: Any, axis: Any = None) -> Value:
    """With values put in before a known position, or before each of several, or of those in a slice."""
    value, along = _flat_or_along(F, "insert", arr, axis)
    given = as_array(F, values)
    given = F.cast(given, value.type.dtype)
    size = value.dims[along]
    places = _places(F, obj, size, along)
    many, is_listed = len(places) != 1, isinstance(obj, list | tuple | slice)
    if not many and given.rank:
        given = F.expand_dims(given, range(value.rank - given.rank)) if given.rank < value.rank else given
        if axis is not None and not is_listed:  # as NumPy: x[:, k] = values, their first axis is the inserted one
            given = F.transpose(given, _first_to(given.rank, along))
        count = given.dims[along]
    else:
        count = len(places)
    dims = tuple(count if i == along else dim for i, dim in enumerate(value.dims))
    joined = F.facts.broadcast([given.dims, dims])
    if joined is None or len(joined) > len(dims) or not all(map(F.facts.equal, joined, dims)):
        raise shape_error(F, f"insert: values of shape {shape_text(given.dims)} do not fit into {shape_text(dims)}")
    given = F.broadcast_to(given, dims)
    parts: list[Value] = []
    before: Dim = 0
    for place, k in places:
        parts.append(take_range(F, value, along, before, place - before))
        parts.append(take_range(F, given, along, k, 1) if many else given)
        before = place
    parts.append(take_range(F, value, along, before, size - before))
    return F.concat(*parts, axis=along)


def _places(F: Builder, obj: Any, size: Dim, axis: int) -> list[tuple[Any, int]]:
    """The positions before which something is put in, in their order, each with the number of what is put there."""
    if isinstance(obj, slice):
        span = span_of(F, obj, size)
        if isinstance(span.length, int):
            numbered = [(span.start + k * span.step, k) for k in range(span.length)]
            return numbered if span.step > 0 else numbered[::-1]
    known = [specialised(F, place) for place in (obj if isinstance(obj, list | tuple) else [obj])]
    if any(isinstance(place, Value | slice) for place in known):
        message = "insert: positions must be Python ints, or a slice of a known length; join the parts with"
        raise unsupported(F, f"{message} np.concatenate")
    places = [_inside(F, place, size, axis) for place in known]
    return [(places[k], k) for k in _in_order(F, places)]


def _inside(F: Builder, place: Any, size: Dim, axis: int) -> Dim:
    """The position, counted from the front. Raises ``IndexRangeError`` where the axis has none such."""
    found = place + size if isinstance(place, int) and place < 0 else place
    if not F.facts.at_least(found, 0) or not F.facts.at_least(size, found):
        message = f"insert: position {place} is out of bounds for axis {axis} of size {size}"
        raise IndexRangeError(message, location=F.location)
    return found


def _in_order(F: Builder, places: Sequence[Dim]) -> list[int]:
    """The numbers of the positions from the front to the back; equal ones stay in order."""

    def compare(one: int, other: int) -> int:
        if F.facts.equal(places[one], places[other]):
            return one - other
        return 1 if F.facts.at_least(places[one], places[other]) else -1

    return sorted(range(len(places)), key=cmp_to_key(compare))


def _first_to(rank: int, axis: int) -> list[int]:
    rest = list(range(1, rank))
    return [*rest[:axis], 0, *rest[axis:]]


def resize(F: Builder, a: Any, new_shape: Any) -> Value:
    """The elements in another shape, repeated where there are too few and cut off where there are too many."""
    flat = as_array(F, a)
    flat = F.reshape(flat, (product(flat.dims),))
    dims = as_dims(F, "resize", new_shape)
    total, size = product(dims), flat.dims[0]
    if not F.facts.at_least(size, 1):
        return F.zeros(ArrayType(flat.type.dtype, dims))
    times = ceildiv(total, size)
    laid = F.reshape(F.broadcast_to(F.expand_dims(flat, (0,)), (times, size)), (times * size,))
    return F.reshape(take_range(F, laid, 0, 0, total), dims)


def trim_zeros(F: Builder, filt: Any, trim: str = "fb", axis: Any = None) -> Value:
    """Without the zeros at the ends of a vector; how many there are shows when the program runs."""
    value = as_array(F, filt)
    if value.rank != 1:
        raise unsupported(F, f"trim_zeros: {value.type} must have one dimension")
    mask = F.cast(truth(F, value), I64)
    scan = {"axis": 0, "exclusive": False}
    keep = F.full(ArrayType(BOOL, value.dims), True)
    if "f" in trim.lower():
        keep = F.logical_and(keep, F.gt(F.cumsum(mask, reverse=False, **scan), 0))
    if "b" in trim.lower():
        keep = F.logical_and(keep, F.gt(F.cumsum(mask, reverse=True, **scan), 0))
    return _kept(F, value, 0, keep)


# --- by number --------------------------------------------------------------------------------------------------------


def choose(F: Builder, a: Any, choices: Any, out: None = None, mode: str = "raise") -> Value:
    """For each element the choice of that number, all broadcast together."""
    parts = promoted(F, arrays_of(F, "choose", choices))
    index = F.cast(as_array(F, a), I64)
    count = len(parts)
    if mode == "wrap":
        index = F.remainder(index, count)
    elif mode == "clip":
        index = F.minimum(F.maximum(index, 0), count - 1)
    else:
        index = F.checked_index(index, axis=0, size=count)
    result = parts[-1]
    for k in reversed(range(count - 1)):
        result = F.select(F.eq(index, k), parts[k], result)
    return F.broadcast_to(result, F.facts.broadcast([index.dims, result.dims]) or result.dims)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.block": block, "numpy.delete": delete, "numpy.insert": insert, "numpy.resize": resize,
    "numpy.trim_zeros": trim_zeros, "numpy.row_stack": vstack, "numpy.choose": choose,
}  # fmt: skip
