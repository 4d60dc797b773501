"""``x[key] = v`` as a function from the old array to the new one, for keys of every kind.

Slices and positions are a block (``update``), also where a position is a traced number; arrays of positions are a
``scatter_update``; a mask is a ``select`` unless the values to write are one for each true element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import TraceTypeError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product, symbols_of
from graphc.ir.graph import Value
from graphc.ir.opdef import Pointwise
from graphc.trace.extents import same_value
from graphc.trace.functions.arguments import as_array, shape_error, shape_text
from graphc.trace.functions.indexing import selection, wrapped
from graphc.trace.functions.slicing import At, Entry, Mask, NewAxis, Positions, Span, parse_key, take_spans

MOST_UNMASKED = 30  # operations of what is written along a mask that are computed everywhere instead

Write = Callable[[Builder, Value, Value, Sequence[Value], Sequence[int]], Value]


def setitem(F: Builder, x: Value, key: Any, v: Any) -> Value:
    """The array after ``x[key] = v``; raises ``IndexRangeError`` and ``ShapeError`` where NumPy refuses."""
    entries = parse_key(F, x.dims, key)
    if all(is_basic(e) for e in entries):
        return write_block(F, x, entries, assigned(F, x, v))
    if any(isinstance(e, Mask) for e in entries):
        chosen = _set_masked(F, x, entries, assigned(F, x, v))
        if chosen is not None:
            return chosen
    return scattered(F, x, entries, assigned(F, x, v), _overwrite)


def assigned(F: Builder, x: Value, v: Any) -> Value:
    """The values in the array's dtype, whatever they are: ``x[i] = v`` casts as ``astype`` does."""
    return F.cast(as_array(F, v), x.type.dtype)


def _overwrite(F: Builder, x: Value, v: Value, indices: Sequence[Value], axes: Sequence[int]) -> Value:
    written: Value = F.scatter_update(x, v, *indices, axes=tuple(axes))
    return written


def fitted(F: Builder, v: Value, dims: Sequence[Dim]) -> Value:
    """The values broadcast to the dims of what they are written to; leading axes of length 1 too many are dropped."""
    while v.rank > len(dims) and v.dims[0] == 1:
        v = F.squeeze(v, (0,))
    joined = F.facts.broadcast([v.dims, tuple(dims)]) if v.rank <= len(dims) else None
    if joined is None or any(not F.facts.equal(a, b) for a, b in zip(joined, dims, strict=True)):
        text = f"values of shape {shape_text(v.dims)} do not fit into {shape_text(dims)}"
        raise shape_error(F, f"x[key] = v: {text}")
    return F.broadcast_to(v, tuple(dims))


# --- blocks -----------------------------------------------------------------------------------------------------------


def is_basic(entry: Entry) -> bool:
    """Whether the entry takes a block of its axis: a slice, a position, also one that is a traced number."""
    return not isinstance(entry, Mask) and (not isinstance(entry, Positions) or not entry.index.rank)


def write_block(F: Builder, x: Value, entries: Sequence[Entry], v: Value) -> Value:
    """The array with the values in the block that the entries select."""
    dims = [1 if isinstance(e, NewAxis) else e.length for e in entries if isinstance(e, NewAxis | Span)]
    value = fitted(F, v, dims)
    if 0 in value.dims:
        return x
    axes = [e for e in entries if not isinstance(e, NewAxis)]
    block = F.reshape(value, tuple(e.length if isinstance(e, Span) else 1 for e in axes))
    starts = [_start(F, e, axis, x.dims[axis]) for axis, e in enumerate(axes)]
    return update_block(F, x, block, starts, tuple(e.step if isinstance(e, Span) else 1 for e in axes))


def _start(F: Builder, entry: Entry, axis: int, size: Dim) -> Dim | Value:
    match entry:
        case Span(start=start):
            return start
        case At(position=position):
            return position
        case Positions(index=index):
            return inside(F, wrapped(F, index, size), axis, size)
    raise AssertionError(f"{entry} in a block")


def inside(F: Builder, index: Value, axis: int, size: Dim) -> Value:
    """The index, checked when the program runs, once, unless it counts the positions of the axis, or fewer."""
    node = index.node
    if node is not None and node.op.name == "checked_index" and node.attrs["size"] == size:
        return index
    if (
        node is not None
        and node.op.name == "iota"
        and F.facts.proves_at_least(size - node.output.dims[node.attrs["axis"]], 0)
    ):
        return index
    checked: Value = F.checked_index(index, axis=axis, size=size)
    return checked


def update_block(F: Builder, x: Value, block: Value, starts: Sequence[Dim | Value], steps: Sequence[int]) -> Value:
    """The array with the block in it; the block itself where it covers everything."""
    whole = zip(starts, steps, block.dims, x.dims, strict=True)
    if all(not isinstance(start, Value) and start == 0 and step == 1 and a == b for start, step, a, b in whole):
        return block
    written: Value = F.update(x, block, *map(F.value, starts), steps=tuple(steps))
    return written


# --- masks ------------------------------------------------------------------------------------------------------------


def _set_masked(F: Builder, x: Value, entries: Sequence[Entry], v: Value) -> Value | None:
    """Through a select, where what is written does not run along the mask; None where it does."""
    advanced = [e for e in entries if isinstance(e, At | Positions | Mask)]
    if len(advanced) > 1 or any(isinstance(e, NewAxis) for e in entries):
        return None
    place = entries.index(advanced[0])
    spans = [e for e in entries if isinstance(e, Span)]
    after = [e.length for e in spans[place:]]
    (entry,) = advanced
    assert isinstance(entry, Mask)
    mask = entry.mask
    covered = x.dims[place : place + mask.rank]
    if v.rank > len(after) and any(dim != 1 for dim in v.dims[: v.rank - len(after)]):
        everywhere = None if place else unmasked(F, v, mask, covered)
        if everywhere is None:
            return None
        old = F.reshape(x, (*covered, *after))
        new = F.select(F.reshape(mask, (*covered, *(1,) * len(after))), everywhere, old)
        return write_block(F, x, [Span(0, 1, dim) for dim in x.dims], new)
    every = [*spans[:place], *(Span(0, 1, dim) for dim in covered), *spans[place:]]
    old = take_spans(F, x, every)
    while v.rank > len(after):
        v = F.squeeze(v, (0,))
    values = fitted(F, v, after) if v.rank else v
    flag = F.reshape(_over(F, mask, covered), (*covered, *(1,) * len(after)))
    new = F.select(flag, values, old)
    return write_block(F, x, every, F.reshape(new, old.dims))


def unmasked(F: Builder, v: Value, mask: Value, covered: Sequence[Dim]) -> Value | None:
    """What is computed of selected elements, computed of all; None where it is not elementwise.

    Of ``x[m] = np.sin(x[m]) * y[m]`` every element of the right side is made of those at its own place, so that a
    select has the same result, with a shape that is known.
    """
    count = v.dims[:1]
    positions = _positions_of(F, mask)
    if positions is None or count != positions.dims:
        return None
    known: dict[Value, Value | None] = {}

    def whole(value: Value) -> Value | None:
        if value not in known:
            known[value] = make(value)
        return known[value]

    def make(value: Value) -> Value | None:
        if not any(symbols_of(dim) & symbols_of(count[0]) for dim in value.dims):
            return value if value.rank < v.rank or value.dims[0] == 1 else None
        node = value.node
        if node is None or value.dims[:1] != count or value.rank != v.rank:
            return None
        if node.op.name == "gather" and node.inputs[1:] == (positions,) and node.attrs["axes"] == (0,):
            return F.reshape(node.inputs[0], (*covered, *value.dims[1:]))
        if not isinstance(node.op.kind, Pointwise) or len(known) > MOST_UNMASKED:
            return None
        parts = [whole(operand) for operand in node.inputs]
        return None if None in parts else F.apply(node.op, [part for part in parts if part is not None], node.attrs)

    return whole(v)


def _positions_of(F: Builder, mask: Value) -> Value | None:
    """Where the mask is true, if that has been asked."""
    flat = mask if mask.rank == 1 else F.reshape(mask, (product(mask.dims),))
    for node in reversed(F.nodes):
        if node.op.name == "mask_indices" and same_value(node.inputs[0], flat):
            return node.output
    return None


def _over(F: Builder, mask: Value, covered: Sequence[Dim]) -> Value:
    if not all(map(F.facts.equal, mask.dims, covered)):
        text = f"{shape_text(mask.dims)} and {shape_text(covered)}"
        raise shape_error(F, f"a mask as an index: shapes {text} do not fit")
    return mask


# --- arrays of positions ----------------------------------------------------------------------------------------------


def scattered(F: Builder, x: Value, entries: Sequence[Entry], v: Value, write: Write) -> Value:
    """The array with ``write`` done at the places that the entries select, slices and arrays of positions."""
    spans, dims, indices = selection(F, x.dims, entries)
    old = F.reshape(take_spans(F, x, spans), dims)
    positions = iter(e for e in entries if isinstance(e, Positions | Mask))
    axes, given = [], []
    for axis, index in enumerate(indices):
        if index is not None:
            axes.append(axis)
            checked = isinstance(next(positions), Positions) and not counts_along(index, dims[axis])
            given.append(inside(F, index, axis, dims[axis]) if checked else index)
    laid = _as_gathered(F, old, entries, fitted(F, v, _selected_dims(F, entries, given)), axes, given)
    if 0 in laid.dims:
        return x
    new = F.reshape(write(F, old, laid, given, axes), tuple(span.length for span in spans))
    return write_block(F, x, spans, new)


def counts_along(index: Value, size: Dim) -> bool:
    """Whether the index is 0, 1, ..., size - 1."""
    return index.node is not None and index.node.op.name == "iota" and index.dims == (size,)


def _own_dims(F: Builder, indices: Sequence[Value]) -> tuple[Dim, ...]:
    dims = F.facts.broadcast([i.dims for i in indices])
    if dims is None:
        shapes = " and ".join(shape_text(i.dims) for i in indices)
        raise shape_error(F, f"index arrays of shapes {shapes} do not broadcast together")
    return dims


def _first_place(entries: Sequence[Entry]) -> int | None:
    """The entry before which the dims of the index arrays stand in the result; None: they stand in front of all."""
    places = [place for place, e in enumerate(entries) if isinstance(e, At | Positions | Mask)]
    return places[0] if places == list(range(places[0], places[-1] + 1)) else None


def _selected_dims(F: Builder, entries: Sequence[Entry], indices: Sequence[Value]) -> list[Dim]:
    """The shape of ``x[key]``."""
    first = _first_place(entries) or 0
    before, after = (
        [1 if isinstance(e, NewAxis) else e.length for e in part if isinstance(e, NewAxis | Span)]
        for part in (entries[:first], entries[first:])
    )
    return [*before, *_own_dims(F, indices), *after]


def _as_gathered(
    F: Builder, old: Value, entries: Sequence[Entry], v: Value, axes: Sequence[int], indices: Sequence[Value]
) -> Value:
    """Values of the shape of ``x[key]`` in the shape that a gather from ``old`` has."""
    own = _own_dims(F, indices)
    rest = [dim for axis, dim in enumerate(old.dims) if axis not in axes]
    if _first_place(entries) is not None:
        return F.reshape(v, (*rest[: axes[0]], *own, *rest[axes[0] :]))
    flat = F.reshape(v, (*own, *rest))
    back = [*range(len(own), len(own) + axes[0]), *range(len(own)), *range(len(own) + axes[0], flat.rank)]
    return F.transpose(flat, back)


# --- adding -----------------------------------------------------------------------------------------------------------


def add_at(F: Builder, x: Value, key: Any, v: Value) -> Value:
    """``np.add.at``: values that go to one place are all added."""
    entries = parse_key(F, x.dims, key)

    def accumulate(F: Builder, old: Value, values: Value, indices: Sequence[Value], axes: Sequence[int]) -> Value:
        added: Value = F.scatter_accumulate(old, values, *indices, axes=tuple(axes))
        return added

    return scattered(F, x, entries, v, accumulate)


def distinct(F: Builder, x: Value, key: Any) -> bool:
    """Whether the key takes no place twice."""
    entries = parse_key(F, x.dims, key)
    arrays = [e for e in entries if isinstance(e, Positions) and e.index.rank]
    return not arrays


# --- casting ----------------------------------------------------------------------------------------------------------


def same_kind(F: Builder, v: Value, dtype: np.dtype, what: str) -> Value:
    """The value in the dtype of the array that it is written into; raises ``TraceTypeError`` where a ufunc refuses."""
    if not v.type.weak and not np.can_cast(v.type.dtype, dtype, "same_kind"):
        message = f"{what}: cannot cast {v.type.dtype} to {dtype} with casting rule 'same_kind'; convert with astype"
        raise TraceTypeError(message, location=F.location)
    if v.type.weak and np.result_type(dtype, _PYTHON[v.type.dtype.kind](1)) != dtype:
        raise TraceTypeError(f"{what}: cannot write a Python {v.type.dtype.name} into {dtype}", location=F.location)
    return F.cast(v, dtype)


_PYTHON: dict[str, type] = {"f": float, "c": complex, "i": int, "b": bool, "u": int}
