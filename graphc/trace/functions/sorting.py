"""Order along an axis: ``sort argsort partition argpartition lexsort searchsorted digitize``."""

from __future__ import annotations

from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import product
from graphc.ir.graph import Value
from graphc.ir.types import I64
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_flag,
    axis_of,
    promoted,
    require_same_dims,
    shape_error,
)
from graphc.trace.functions.indexing import take
from graphc.trace.functions.joining import arrays_of
from graphc.trace.functions.rearranging import flip


def last_axis(F: Builder, name: str, a: Any, axis: Any) -> tuple[Value, int]:
    """The array with the axis moved to the end, and where it stood; flattened without one."""
    value = as_array(F, a)
    if axis is None:
        return F.reshape(value, (product(value.dims),)), 0
    along = axis_of(F, name, axis, value.rank)
    return to_end(F, value, along), along


def to_end(F: Builder, a: Value, axis: int) -> Value:
    return F.transpose(a, [*(i for i in range(a.rank) if i != axis), axis])


def from_end(F: Builder, a: Value, axis: int) -> Value:
    rest = list(range(a.rank - 1))
    return F.transpose(a, [*rest[:axis], a.rank - 1, *rest[axis:]])


# NumPy's names of its algorithms; only their first letters count.
KINDS = ("q", "h", "m", "s")


def _check_kind(F: Builder, name: str, kind: Any, stable: Any) -> None:
    if kind is not None and stable is not None:
        raise shape_error(F, f"{name}: kind= and stable= say the same: give one of them")
    if kind is not None and not (isinstance(kind, str) and kind.lower().startswith(KINDS)):
        raise shape_error(F, f"{name}: kind={kind!r} is none of 'quicksort', 'heapsort', 'mergesort' and 'stable'")


def sort(F: Builder, a: Any, axis: Any = -1, kind: Any = None, order: None = None, *, stable: Any = None) -> Value:
    """Sorted along the axis, NaN last; equal elements keep their order, whatever ``kind`` says."""
    _check_kind(F, "sort", kind, stable)
    value, along = last_axis(F, "sort", a, axis)
    return from_end(F, F.sort(value)[0], along)


def argsort(F: Builder, a: Any, axis: Any = -1, kind: Any = None, order: None = None, *, stable: Any = None) -> Value:
    """The positions (int64) that sort the array; equal elements keep their order, whatever ``kind`` says."""
    _check_kind(F, "argsort", kind, stable)
    value, along = last_axis(F, "argsort", a, axis)
    return from_end(F, F.sort(value)[1], along)


def partition(F: Builder, a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: None = None) -> Value:
    """All sorted, which is one of the orders that NumPy may give."""
    return sort(F, a, axis)


def argpartition(F: Builder, a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: None = None) -> Value:
    """The positions that sort, which are some of those that NumPy may give."""
    return argsort(F, a, axis)


def lexsort(F: Builder, keys: Any, axis: Any = -1) -> Value:
    """Positions that sort by the last key, where it is equal by the one before, and so on."""
    found: Value | None = None
    parts = arrays_of(F, "lexsort", keys)
    for key in parts:
        require_same_dims(F, "lexsort", parts[0], key)
        value, along = last_axis(F, "lexsort", key, axis)
        if found is None:
            found = F.sort(value)[1]
        else:
            found = along_last_axis(F, found, F.sort(along_last_axis(F, value, found))[1])
    assert found is not None
    return from_end(F, found, along)


def along_last_axis(F: Builder, a: Value, index: Value) -> Value:
    """The elements at these positions of the last axis; all of them are inside."""
    if a.rank == 1:
        return F.gather(a, index, axes=(0,), checked=False)
    own = [tuple(dim if j == i else 1 for j, dim in enumerate(index.dims)) for i in range(index.rank - 1)]
    places = [F.iota(dims=dims, axis=i) for i, dims in enumerate(own)]
    return F.gather(a, *places, index, axes=tuple(range(a.rank)), checked=False)


def positions_in(F: Builder, name: str, a: Value, v: Value, right: bool) -> Value:
    """How many elements of a sorted vector stand before each v: int64, of v's shape."""
    if a.rank != 1:
        raise shape_error(F, f"{name}: the sorted array must have one dimension, got {a.type}")
    a, v = promoted(F, [a, v])
    flat = F.search(a, F.reshape(v, (product(v.dims),)), right=right)
    return F.reshape(flat, v.dims)


def searchsorted(F: Builder, a: Any, v: Any, side: str = "left", sorter: Any = None) -> Value:
    """Where each v would be inserted into a sorted vector to keep it sorted."""
    if side not in ("left", "right"):
        raise shape_error(F, f"searchsorted: side={side!r} is neither 'left' nor 'right'")
    vector = as_array(F, a) if sorter is None else take(F, a, sorter)
    return positions_in(F, "searchsorted", vector, as_array(F, v), side == "right")


def digitize(F: Builder, x: Any, bins: Any, right: Any = False) -> Value:
    """In which bin each x is. The bins ascend; if they descend, that shows when the program runs, and decides there."""
    edges, v, closed = as_array(F, bins), as_array(F, x), as_flag(F, "digitize", "right", right)
    found = positions_in(F, "digitize", edges, v, not closed)
    size = edges.dims[0]
    if not F.facts.at_least(size, 2):
        return found
    first, last = (take(F, edges, at) for at in (0, -1))
    other = F.sub(F.cast(F.value(size), I64), positions_in(F, "digitize", flip(F, edges), v, not closed))
    return F.select(F.gt(first, last), other, found)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.sort": sort, "numpy.argsort": argsort, "numpy.partition": partition, "numpy.argpartition": argpartition,
    "numpy.lexsort": lexsort, "numpy.searchsorted": searchsorted, "numpy.digitize": digitize,
}  # fmt: skip
