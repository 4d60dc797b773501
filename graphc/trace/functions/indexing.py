"""``x[key]`` for keys of every kind, and reading by arrays of positions: ``take take_along_axis compress extract``.

A mask is its true positions in the flattened axes that it covers, so that every read by arrays is one ``gather``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, I64, ArrayType
from graphc.trace.extents import same_value, settle_position
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dims,
    axis_of,
    broadcast_dims,
    require_equal,
    shape_error,
    unsupported,
)
from graphc.trace.functions.slicing import (
    At,
    Entry,
    Mask,
    NewAxis,
    Positions,
    Span,
    parse_key,
    take_basic,
    take_range,
    take_spans,
)
from graphc.trace.memory_order import in_order

NOT_NEGATIVE = ("iota", "mask_indices", "argmax", "argmin", "checked_index")  # ops that make positions from the start


def getitem(F: Builder, x: Any, key: Any) -> Value:
    """``x[key]`` as NumPy defines it; raises ``IndexRangeError`` (an ``IndexError``) for positions outside."""
    a = as_array(F, x)
    entries = parse_key(F, a.dims, key)
    basic = [e for e in entries if isinstance(e, NewAxis | Span | At)]
    return take_basic(F, a, basic) if len(basic) == len(entries) else _take_advanced(F, a, entries)


def _take_advanced(F: Builder, a: Value, entries: Sequence[Entry]) -> Value:
    """Slices and integers first, then one gather; NumPy's rule says where the dims of the index arrays go."""
    spans, dims, indices = selection(F, a.dims, entries)
    a = F.reshape(take_spans(F, a, spans), dims)
    checked = any(isinstance(e, Positions) for e in entries)  # an index may lie outside its axis
    axes = tuple(axis for axis, index in enumerate(indices) if index is not None)
    found = F.gather(a, *(index for index in indices if index is not None), axes=axes, checked=checked)
    own = found.rank - (a.rank - len(axes))
    inner = list(found.dims[axes[0] : axes[0] + own])
    places = [place for place, e in enumerate(entries) if isinstance(e, At | Positions | Mask)]
    together = places == list(range(places[0], places[-1] + 1))
    if not together:
        found = F.transpose(found, [*range(axes[0], axes[0] + own), *range(axes[0]), *range(axes[0] + own, found.rank)])
    first = places[0] if together else 0
    before, after = (_kept_dims(part) for part in (entries[:first], entries[first:]))
    return F.reshape(found, (*before, *inner, *after))


def _kept_dims(entries: Sequence[Entry]) -> list[Dim]:
    """The dims that slices and new axes have in the result."""
    return [1 if isinstance(e, NewAxis) else e.length for e in entries if isinstance(e, NewAxis | Span)]


def selection(
    F: Builder, dims: Sequence[Dim], entries: Sequence[Entry]
) -> tuple[list[Span], tuple[Dim, ...], list[Value | None]]:
    """What the entries take from an array of these dims: a slice of each axis; the dims then, without the axes at one
    position and with masked axes in one; an index or None for each of these.
    """
    spans: list[Span] = []
    left: list[Dim] = []
    indices: list[Value | None] = []
    for entry in entries:
        axis = len(spans)
        match entry:
            case Span():
                spans.append(entry)
                left.append(entry.length)
                indices.append(None)
            case At():
                spans.append(Span(entry.position, 1, 1))
            case Positions():
                spans.append(Span(0, 1, dims[axis]))
                left.append(dims[axis])
                indices.append(wrapped(F, entry.index, dims[axis]))
            case Mask():
                covered = dims[axis : axis + entry.mask.rank]
                spans.extend(Span(0, 1, dim) for dim in covered)
                left.append(product(covered))
                indices.append(true_positions(F, entry.mask, covered))
    return spans, tuple(left), indices


def wrapped(F: Builder, index: Value, size: Dim) -> Value:
    """int64 positions where negative ones count from the end."""
    settle_position(index, size)
    position = F.cast(index, I64)
    if index.type.dtype.kind == "u" or _is_count(index):
        return position
    return F.select(F.lt(position, 0), F.add(position, size), position)


def _is_count(index: Value) -> bool:
    """Whether the values are known to be positions from the start."""
    return index.node is not None and index.node.op.name in NOT_NEGATIVE


# --- masks ------------------------------------------------------------------------------------------------------------


def true_positions(F: Builder, mask: Value, covered: Sequence[Dim]) -> Value:
    """Where a mask over axes of these dims is true, in the flattened axes: i64[count], count bound at run time.

    The same condition gives the same count, so that ``x[x > 0] * y[x > 0]`` fits.
    """
    if not mask.rank:
        raise unsupported(F, "a 0-d bool as an index makes the size depend on data: use np.where(condition, x, 0)")
    for ours, theirs in zip(mask.dims, covered, strict=True):
        require_equal(F, "a mask as an index", ours, theirs, (mask.dims, covered))
    flat = F.reshape(mask, (product(map(F.facts.resolve, mask.dims)),))  # as equal masks have it by now
    for node in F.nodes:
        if node.op.name == "mask_indices" and same_value(node.inputs[0], flat):
            return node.output
    return F.mask_indices(flat, symbol=str(F.facts.bound_symbol("count")))


# --- reading by positions ---------------------------------------------------------------------------------------------


def _positions(F: Builder, name: str, indices: Any) -> Value:
    index = as_array(F, indices)
    if index.type.dtype.kind not in "iu":
        raise shape_error(F, f"{name}: indices must be integers, got {index.type}")
    return index


def take(F: Builder, a: Any, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise") -> Value:
    """The elements at these positions along the axis, or of the flattened array."""
    a, index = as_array(F, a), _positions(F, "take", indices)
    if axis is None:
        a, axis = F.reshape(a, (product(a.dims),)), 0
    along = axis_of(F, "take", axis, a.rank)
    size = a.dims[along]
    if mode == "raise":
        return in_order(F, F.gather(a, wrapped(F, index, size), axes=(along,), checked=True), "C")
    if mode not in ("clip", "wrap"):
        raise shape_error(F, f"take: mode={mode!r} is none of 'raise', 'clip', 'wrap'")
    if not F.facts.is_bound(size) and not F.facts.at_least(size, 1):
        raise shape_error(F, f"take: cannot take from the empty axis {along} of {a.type}")
    index = F.cast(index, I64)
    inside = F.remainder(index, size) if mode == "wrap" else F.minimum(F.maximum(index, 0), F.sub(size, 1))
    return in_order(F, F.gather(a, inside, axes=(along,), checked=False), "C")


def take_along_axis(F: Builder, arr: Any, indices: Any, axis: int | None = -1) -> Value:
    """For each place of ``indices`` the element of ``arr`` at that position along the axis."""
    a, index = as_array(F, arr), _positions(F, "take_along_axis", indices)
    if axis is None:
        a, axis = F.reshape(a, (product(a.dims),)), 0
    along = axis_of(F, "take_along_axis", axis, a.rank)
    return F.gather(a, *along_axis(F, "take_along_axis", a, index, along), axes=tuple(range(a.rank)), checked=True)


def along_axis(F: Builder, name: str, a: Value, index: Value, along: int) -> list[Value]:
    """Positions along every axis of a: the index along one, and its own place along the others."""
    if index.rank != a.rank:
        raise shape_error(F, f"{name}: {index.type} and {a.type} differ in their number of dimensions")
    rest = [tuple(1 if i == along else dim for i, dim in enumerate(v.dims)) for v in (a, index)]
    common = broadcast_dims(F, name, rest)
    parts = []
    for i in range(a.rank):
        if i == along:
            parts.append(wrapped(F, index, a.dims[i]))
        else:  # where arr itself is broadcast its only position is 0
            own = tuple(common[i] if j == i else 1 for j in range(a.rank))
            stretched = a.dims[i] == 1 and common[i] != 1
            parts.append(F.zeros(ArrayType(I64, own)) if stretched else F.iota(dims=own, axis=i))
    return parts


def sliding_window_view(
    F: Builder, x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Value:
    """All windows of that shape, along new axes at the end."""
    name, x = "sliding_window_view", as_array(F, x)
    if writeable:
        raise unsupported(F, f"{name}: windows cannot be written through; write into the array itself")
    sizes = as_dims(F, name, window_shape)
    axes = range(x.rank) if axis is None else [axis_of(F, name, a, x.rank) for a in np.atleast_1d(axis)]
    if len(sizes) != len(axes):
        raise shape_error(F, f"{name}: {len(sizes)} sizes for {len(axes)} axes")
    for size, along in zip(sizes, axes, strict=True):
        count = x.dims[along] - size + 1
        if not F.facts.at_least(count, 1):
            raise shape_error(F, f"{name}: a window of {size} is longer than the axis of {x.dims[along]}")
        places = F.add(F.iota(dims=(count, 1), axis=0), F.iota(dims=(1, size), axis=1))
        windows = F.gather(x, places, axes=(along,), checked=False)
        x = F.transpose(windows, [a for a in range(windows.rank) if a != along + 1] + [along + 1])
    return x


def compress(F: Builder, condition: Any, a: Any, axis: int | None = None, out: None = None) -> Value:
    """The parts along the axis, or of the flattened array, where the condition is true."""
    a, mask = as_array(F, a), as_array(F, condition)
    if mask.rank != 1:
        raise shape_error(F, f"compress: the condition must have one dimension, got {mask.type}")
    if axis is None:
        a, axis = F.reshape(a, (product(a.dims),)), 0
    along = axis_of(F, "compress", axis, a.rank)
    rest = a.dims[along] - mask.dims[0]
    if not F.facts.equal(rest, 0):
        if not F.facts.at_least(rest, 0):
            raise shape_error(F, f"compress: the condition has {mask.dims[0]} elements, the axis {a.dims[along]}")
        a = take_range(F, a, along, 0, mask.dims[0])  # beyond a short condition nothing is taken
    mask = mask if mask.type.dtype == BOOL else F.ne(mask, 0)
    return F.gather(a, true_positions(F, mask, (a.dims[along],)), axes=(along,), checked=False)


def extract(F: Builder, condition: Any, arr: Any) -> Value:
    """The elements of the flattened array where the flattened condition is true."""
    mask = as_array(F, condition)
    return compress(F, F.reshape(mask, (product(mask.dims),)), arr)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.take": take, "numpy.take_along_axis": take_along_axis, "numpy.compress": compress,
    "numpy.extract": extract, "numpy.lib.stride_tricks.sliding_window_view": sliding_window_view,
}  # fmt: skip
