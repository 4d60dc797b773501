"""Basic indexing: integers, slices, ``...`` and ``None``. A key is parsed once into one ``Entry`` an item.

Bounds are normalised against symbolic dims by asking ``F.facts``, which guards what it decides by the sizes of the
call: ``x[1:-1]`` of ``f64[n]`` has length ``n-2`` and the guard ``n >= 2``, and serves every such n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

from graphc.errors import ConcretizationError, IndexRangeError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, ceildiv, evaluate, floordiv
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, I64, ArrayType
from graphc.ops.index import CUT_SHORT
from graphc.trace.extents import bound_size, dim_of_number, distance, number_in_call
from graphc.trace.functions.arguments import (
    as_array,
    larger,
    not_negative,
    require_equal,
    shape_text,
    smaller,
    specialised,
    unsupported,
)  # fmt: skip
from graphc.trace.session import current


@dataclass(frozen=True)
class NewAxis:
    """``None`` in a key."""


@dataclass(frozen=True)
class Span:
    """A slice of one axis: positions ``start + step * i`` for i below ``length``."""

    start: Dim
    step: int
    length: Dim


@dataclass(frozen=True)
class At:
    """One position of an axis, which leaves the result."""

    position: Dim


@dataclass(frozen=True)
class Positions:
    """An array of positions along one axis."""

    index: Value


@dataclass(frozen=True)
class Mask:
    """A bool array over as many axes as it has dimensions."""

    mask: Value


Basic = NewAxis | Span | At
Entry = Basic | Positions | Mask


def parse_key(F: Builder, dims: Sequence[Dim], key: Any) -> list[Entry]:
    """The key's entries against an array of these dims: every axis is covered, ``...`` is spelled out."""
    items = [_array_item(F, item) for item in (key if isinstance(key, tuple) else (key,))]
    used = sum(_axes_used(item) for item in items)
    if used > len(dims):
        message = f"too many indices: {used} for an array of shape {shape_text(dims)}"
        raise IndexRangeError(message, location=F.location)
    ellipses = [place for place, item in enumerate(items) if item is Ellipsis]
    if len(ellipses) > 1:
        raise IndexRangeError("an index can hold only one ellipsis ('...')", location=F.location)
    place = ellipses[0] if ellipses else len(items)
    items[place : place + 1] = [slice(None)] * (len(dims) - used)
    entries, axis = [], 0
    for item in items:
        entries.append(_entry(F, dims, axis, item))
        axis += _axes_used(item)
    return entries


def _array_item(F: Builder, item: Any) -> Any:
    """Lists of positions become arrays; the rest stays, lists of bools, whose count is known, too."""
    if isinstance(item, list | tuple) and not len(item):
        return F.iota(dims=(0,), axis=0)
    return as_array(F, item) if isinstance(item, list | tuple) and not _is_list_of_bools(item) else item


def _is_list_of_bools(item: Any) -> bool:
    return isinstance(item, list) and bool(item) and all(isinstance(part, bool) for part in item)


def _axes_used(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    return item.rank if isinstance(item, Value) and item.type.dtype == BOOL else 1


def _entry(F: Builder, dims: Sequence[Dim], axis: int, item: Any) -> Entry:
    match item:
        case None:
            return NewAxis()
        case bool():
            raise unsupported(F, "a bool as an index is not supported: write x[None] for True, x[:0] for False")
        case slice():
            return span_of(F, item, dims[axis])
        case list():
            require_equal(F, "a list of bools as an index", dims[axis], len(item), ((dims[axis],), (len(item),)))
            chosen = [position for position, is_chosen in enumerate(item) if is_chosen]
            return Positions(as_array(F, chosen) if chosen else F.zeros(ArrayType(I64, (0,))))
        case Value():
            if item.type.dtype == BOOL:
                return Mask(item)
            if item.type.dtype.kind in "iu":
                return Positions(item)
    if isinstance(item, Value | float):
        came = item.type if isinstance(item, Value) else repr(item)
        message = f"an index must be integers, bools or slices; got {came}"
        raise IndexRangeError(message, location=F.location)
    if F.facts.is_bound(dims[axis]):  # whether the position exists shows when the program runs
        return Positions(F.cast(F.value(_bound(F, item)), I64))
    return At(position_of(F, item, axis, dims))


def _bound(F: Builder, bound: Any) -> Dim:
    return bound if isinstance(bound, Expr) else index(bound)


def is_negative(F: Builder, dim: Dim) -> bool:
    return not F.facts.always_at_least(dim, 0)


def _clipped(F: Builder, bound: Dim, size: Dim, low: Dim, high: Dim) -> Dim:
    """The bound counted from the start and moved into ``[low, high]``."""
    if is_negative(F, bound):
        bound = bound + size
        return larger(F, bound, low)
    return smaller(F, bound, high)


def _in_this_call(F: Builder, dim: Dim) -> Dim:
    """The number that the dim is in the call being traced; the dim itself where there is none."""
    dim, hints = F.facts.resolve(dim), F.facts.hints
    return dim if isinstance(dim, int) or hints is None or F.facts.is_bound(dim) else evaluate(dim, hints)


def position_of(F: Builder, item: Any, axis: int, dims: Sequence[Dim]) -> Dim:
    """The position counted from the start; raises ``IndexRangeError`` (an ``IndexError``) outside the axis."""
    size, position = dims[axis], _bound(F, item)
    if is_negative(F, position):
        position = position + size
        inside = F.facts.at_least(position, 0)
    else:
        inside = F.facts.at_least(size - position, 1)
    if not inside:
        number, *here = [_in_this_call(F, dim) for dim in (_bound(F, item), *dims)]
        message = f"index {number} is out of bounds for axis {axis} with size {here[axis]} of shape {shape_text(here)}"
        raise IndexRangeError(message, location=F.location)
    return position


def span_of(F: Builder, item: slice, size: Dim) -> Span:
    """The positions that a slice selects along an axis of this size (``slice.indices`` for symbolic sizes)."""
    step = 1 if item.step is None else specialised(F, _step(F, item.step))
    if step == 0:
        raise IndexRangeError("a slice step cannot be zero", location=F.location)
    bounds = [_known(F, bound, size) for bound in (item.start, item.stop)]
    if any(isinstance(bound, Value) for bound in bounds):
        return _open_span(F, bounds, step, size)
    low, high = (0, size) if step > 0 else (-1, size - 1)
    start, stop = bounds
    start = (low if step > 0 else high) if start is None else _clipped(F, start, size, low, high)
    stop = (high if step > 0 else low) if stop is None else _clipped(F, stop, size, low, high)
    distance = stop - start if step > 0 else start - stop
    distance = not_negative(F, distance)
    if distance == 0:
        return Span(0, step, 0)
    return Span(start, step, floordiv(distance + (abs(step) - 1), abs(step)))


def _step(F: Builder, step: Any) -> Dim:
    known = number_in_call(step) if isinstance(step, Value) else None
    if isinstance(step, Value) and known is None:
        message = "the step of a slice is a traced value: take x[start + step * np.arange(count)] instead"
        raise ConcretizationError(message, location=F.location)
    return _bound(F, step if known is None else known)


def _known(F: Builder, bound: Any, size: Dim) -> Any:
    """A bound of a slice as a size, where it is one and its sign is known; else as a number of the program."""
    if bound is None:
        return None
    if isinstance(bound, Value):
        if bound.rank or bound.type.dtype.kind not in "iu":
            message = f"a slice bound must be an integer; got {bound.type}"
            raise IndexRangeError(message, location=F.location)
        dim = dim_of_number(bound)
        session = current()
        if dim is None and session is not None and session.whole_windows:
            dim = number_in_call(bound)
        if dim is None:
            return bound
    else:
        dim = _bound(F, bound)
    facts = F.facts
    if facts.is_bound(dim) and not (facts.always_at_least(dim, 0) or facts.always_at_least(-1, dim)):
        return F.value(dim)
    return dim


def _open_span(F: Builder, bounds: Sequence[Any], step: int, size: Dim) -> Span:
    """A slice whose place shows when the program runs: bounds are wrapped and clipped there, as NumPy does."""
    low, high = (0, size) if step > 0 else (-1, size - 1)
    ends = []
    for bound, default in zip(bounds, (low, high) if step > 0 else (high, low), strict=True):
        number = F.cast(F.value(default if bound is None else bound), I64)
        if bound is not None:
            wrapped = F.select(F.lt(number, 0), F.add(number, size), number)
            number = F.minimum(F.maximum(wrapped, low), high)
        ends.append(number)
    start, stop = ends
    between = F.maximum(F.sub(stop, start) if step > 0 else F.sub(start, stop), 0)
    count = between if abs(step) == 1 else F.floor_divide(F.add(between, abs(step) - 1), abs(step))
    whole = _whole_length(F, bounds, step)
    if whole is not None:
        place = F.checked_index(F.select(F.eq(count, whole), start, size), axis=CUT_SHORT, size=size)
        return Span(bound_size(F, place, size), step, whole)
    length = bound_size(F, count, ceildiv(size, abs(step)))
    return Span(bound_size(F, F.maximum(start, 0), size), step, length)


def _whole_length(F: Builder, bounds: Sequence[Any], step: int) -> Dim | None:
    """The length of ``x[i : i + 3]`` where it is not cut short, if the trace needs to know lengths."""
    session = current()
    if session is None or not session.whole_windows or step < 0 or None in bounds:
        return None
    far = distance(*(F.cast(F.value(bound), I64) for bound in bounds))
    if far is None or not F.facts.always_at_least(far, 1):
        return None
    return floordiv(far + (step - 1), step)


def take_spans(F: Builder, x: Value, spans: Sequence[Span]) -> Value:
    """One slice of every axis; the array itself where all is taken."""
    whole = zip(spans, x.dims, strict=True)
    if all(span.start == 0 and span.step == 1 and span.length == dim for span, dim in whole):
        return x
    starts, steps, dims = zip(*((s.start, s.step, s.length) for s in spans), strict=True)
    return F.slice(x, starts=starts, steps=steps, dims=dims)


def take_range(F: Builder, x: Value, axis: int, start: Dim, length: Dim, step: int = 1) -> Value:
    """``length`` positions of one axis; the caller knows that they exist."""
    spans = [Span(0, 1, dim) for dim in x.dims]
    spans[axis] = Span(start, step, length)
    return take_spans(F, x, spans)


def take_basic(F: Builder, x: Value, entries: Sequence[Basic]) -> Value:
    """Indexing by entries without arrays: one slice and one reshape."""
    spans = [Span(e.position, 1, 1) if isinstance(e, At) else e for e in entries if not isinstance(e, NewAxis)]
    taken = take_spans(F, x, spans)
    dims = tuple(1 if isinstance(e, NewAxis) else e.length for e in entries if not isinstance(e, At))
    return F.reshape(taken, dims)
