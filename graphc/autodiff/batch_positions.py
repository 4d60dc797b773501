"""Batching of what reads and writes at positions: by arrays of indices, and of blocks."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.autodiff.lanes import Lane, Lanes
from graphc.ir.dims import Dim
from graphc.ir.graph import Node, Value
from graphc.ir.types import BOOL, I64, ArrayType


def gather(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Value:
    """``x`` alone batched: one more axis that is not indexed. Indices batched: their own dims begin with the batch."""
    F, (source, *positions), axes = batcher.F, lanes, node.attrs["axes"]
    if all(isinstance(lane, Value) for lane in positions):
        attrs = {**node.attrs, "axes": tuple(axis + 1 for axis in axes)}
        return F.raw(node.op, (batcher.dense(source), *(i for i in positions if isinstance(i, Value))), attrs).output
    own, first = _own_rank(node.inputs[1:]), axes[0]
    indices = [batcher.over(lane, own) for lane in positions]
    if isinstance(source, Value):
        found = F.gather(source, *indices, **node.attrs)
        return F.transpose(found, [first, *range(first), *range(first + 1, found.rank)])
    rows, indices = _with_rows(batcher, node, indices, node.inputs[0].dims, own)
    moved = tuple(axis + 1 for axis in axes)
    found = F.gather(batcher.dense(source), rows, *indices, axes=(0, *moved), checked=False)
    return F.transpose(found, _own_behind(first, own, found.rank))


def scatter(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Value:
    """The transpose of ``gather``."""
    F, (updates, *positions) = batcher.F, lanes
    axes, dims = tuple(axis + 1 for axis in node.attrs["axes"]), (batcher.size, *node.attrs["dims"])
    if all(isinstance(lane, Value) for lane in positions):
        attrs = {**node.attrs, "axes": axes, "dims": dims}
        return F.raw(node.op, (batcher.dense(updates), *(i for i in positions if isinstance(i, Value))), attrs).output
    own = _own_rank(node.inputs[1:])
    rows, indices = _with_rows(batcher, node, [batcher.over(p, own) for p in positions], node.attrs["dims"], own)
    given = batcher.dense(updates)
    back = _own_behind(node.attrs["axes"][0], own, given.rank)
    turned = F.transpose(given, [back.index(axis) for axis in range(given.rank)])
    return F.scatter_add(turned, rows, *indices, axes=(0, *axes), dims=dims, checked=False)


def _own_rank(indices: Sequence[Value]) -> int:
    return max(index.rank for index in indices)


def _with_rows(
    batcher: Lanes, node: Node, indices: Sequence[Value], dims: Sequence[Dim], own: int
) -> tuple[Value, list[Value]]:
    """An index over the batch itself, and the others, checked here: that one needs no check."""
    F = batcher.F
    rows = F.reshape(F.iota(dims=(batcher.size,), axis=0), (batcher.size, *(1,) * own))
    if not node.attrs["checked"]:
        return rows, list(indices)
    pairs = zip(indices, node.attrs["axes"], strict=True)
    return rows, [F.checked_index(index, axis=axis, size=dims[axis]) for index, axis in pairs]


def _own_behind(first: int, own: int, rank: int) -> list[int]:
    """The permutation of (batch, own dims, rest) that puts the own dims behind ``first`` axes of the rest."""
    rest = range(1 + own, rank)
    return [0, *rest[:first], *range(1, 1 + own), *rest[first:]]


def read(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Value:
    """A block of each element; where they start at positions of their own, a gather."""
    F, (source, *starts), dims = batcher.F, lanes, node.attrs["dims"]
    if all(isinstance(start, Value) for start in starts):
        attrs = {"steps": (1, *node.attrs["steps"]), "dims": (batcher.size, *dims)}
        inputs = (batcher.dense(source), F.constant(0, ArrayType(I64)), *(s for s in starts if isinstance(s, Value)))
        return F.raw(node.op, inputs, attrs).output
    rank = len(dims)
    places = []
    for axis, (start, step) in enumerate(zip(starts, node.attrs["steps"], strict=True)):
        steps = F.mul(F.iota(dims=tuple(d if a == axis else 1 for a, d in enumerate(dims)), axis=axis), step)
        places.append(F.add(batcher.over(start, rank), steps))
    axes = tuple(range(rank))
    if isinstance(source, Value):
        return F.gather(source, *places, axes=axes, checked=False)
    rows = F.reshape(F.iota(dims=(batcher.size,), axis=0), (batcher.size, *(1,) * rank))
    return F.gather(batcher.dense(source), rows, *places, axes=(*axes, rank), checked=False)


def write(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Value:
    """A block into each element; where they start at positions of their own, every entry is asked where it belongs."""
    if node.op.name.startswith("scatter"):
        return _scattered(batcher, node, lanes)
    F, (whole, block, *starts) = batcher.F, lanes
    if all(isinstance(start, Value) for start in starts):
        attrs = {"steps": (1, *node.attrs["steps"])}
        zero = F.constant(0, ArrayType(I64))
        inputs = (batcher.dense(whole), batcher.dense(block), zero, *(s for s in starts if isinstance(s, Value)))
        return F.raw(node.op, inputs, attrs).output
    dims, sizes, rank = node.inputs[0].dims, node.inputs[1].dims, len(node.inputs[0].dims)
    before, given = batcher.dense(whole), batcher.dense(block)
    if 0 in sizes:
        return before
    hit = F.constant(True, ArrayType(BOOL))
    places = [F.reshape(F.iota(dims=(batcher.size,), axis=0), (batcher.size, *(1,) * rank))]
    for axis, (start, step) in enumerate(zip(starts, node.attrs["steps"], strict=True)):
        here = F.iota(dims=tuple(d if a == axis else 1 for a, d in enumerate(dims)), axis=axis)
        offset = F.sub(here, batcher.over(start, rank))
        place = F.floor_divide(offset, step)
        inside = F.logical_and(F.ge(place, 0), F.lt(place, F.value(sizes[axis])))
        hit = F.logical_and(hit, F.logical_and(inside, F.eq(F.mul(place, step), offset)))
        places.append(F.select(inside, place, 0))
    found = F.gather(given, *places, axes=tuple(range(rank + 1)), checked=False)
    return F.select(hit, F.add(before, found) if node.op.name == "accumulate" else found, before)


def _scattered(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Value:
    """Elements written at positions given by arrays, which may be each element's own."""
    F, (whole, updates, *positions) = batcher.F, lanes
    before, given, axes = batcher.dense(whole), batcher.dense(updates), node.attrs["axes"]
    if all(isinstance(lane, Value) for lane in positions):
        shared = tuple(lane for lane in positions if isinstance(lane, Value))
        return F.raw(node.op, (before, given, *shared), {"axes": tuple(axis + 1 for axis in axes)}).output
    own = _own_rank(node.inputs[2:])
    rows = F.reshape(F.iota(dims=(batcher.size,), axis=0), (batcher.size, *(1,) * own))
    back = _own_behind(axes[0], own, given.rank)
    turned = F.transpose(given, [back.index(axis) for axis in range(given.rank)])
    indices = (rows, *(batcher.over(lane, own) for lane in positions))
    return F.raw(node.op, (before, turned, *indices), {"axes": (0, *(axis + 1 for axis in axes))}).output
