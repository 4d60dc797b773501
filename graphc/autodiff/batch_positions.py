"""Batching of what reads and writes at positions: by arrays of indices, and of blocks."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.autodiff.lanes import Lane, Lanes
from graphc.ir.dims import Dim
from graphc.ir.graph import Node, Value
from graphc.ir.types import I64, ArrayType


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
    given = _own_in_front(batcher, updates, node.attrs["axes"][0], own)
    return F.scatter_add(given, rows, *indices, axes=(0, *axes), dims=dims, checked=False)


def write(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Value:
    """Into each element, a block or at positions given by arrays."""
    return _write_block(batcher, node, lanes) if "steps" in node.attrs else _write_scattered(batcher, node, lanes)


def read_back(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Value:
    """What stands where the node writes; ``lanes``: of the array and of the positions."""
    F, (whole, values, *places) = batcher.F, node.inputs
    block = "steps" in node.attrs
    attrs = {**node.attrs, "dims": values.dims} if block else {**node.attrs, "checked": False}
    op = F.ops["read" if block else "gather"]
    reading = Node(op, (whole, *places), attrs, [values.type], location=node.location)
    return (read if block else gather)(batcher, reading, lanes)


def _write_scattered(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Value:
    F, (whole, values, *positions) = batcher.F, lanes
    axes = tuple(axis + 1 for axis in node.attrs["axes"])
    if all(isinstance(lane, Value) for lane in positions):
        inputs = (batcher.dense(whole), batcher.dense(values), *(i for i in positions if isinstance(i, Value)))
        return F.raw(node.op, inputs, {**node.attrs, "axes": axes}).output
    own = _own_rank(node.inputs[2:])
    given = _own_in_front(batcher, values, node.attrs["axes"][0], own)
    inputs = (batcher.dense(whole), given, _rows(batcher, own), *(batcher.over(p, own) for p in positions))
    return F.raw(node.op, inputs, {**node.attrs, "axes": (0, *axes)}).output


def _own_in_front(batcher: Lanes, values: Lane, first: int, own: int) -> Value:
    """What is written, with the indices' own dims directly behind the batch."""
    given = batcher.dense(values)
    back = _own_behind(first, own, given.rank)
    return batcher.F.transpose(given, [back.index(axis) for axis in range(given.rank)])


def _rows(batcher: Lanes, rank: int) -> Value:
    """An index over the batch itself, for elements of that rank."""
    F, size = batcher.F, batcher.size
    return F.reshape(F.iota(dims=(size,), axis=0), (size, *(1,) * rank))


def _own_rank(indices: Sequence[Value]) -> int:
    return max(index.rank for index in indices)


def _with_rows(
    batcher: Lanes, node: Node, indices: Sequence[Value], dims: Sequence[Dim], own: int
) -> tuple[Value, list[Value]]:
    """An index over the batch itself, and the others, checked here: that one needs no check."""
    F = batcher.F
    rows = _rows(batcher, own)
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
    rank, places = len(dims), _places(batcher, starts, node.attrs["steps"], dims)
    if isinstance(source, Value):
        return F.gather(source, *places, axes=tuple(range(rank)), checked=False)
    axes = tuple(range(rank + 1))
    return F.gather(batcher.dense(source), _rows(batcher, rank), *places, axes=axes, checked=False)


def _write_block(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Value:
    """Where the blocks start at positions of their own, a scatter."""
    F, (whole, block, *starts) = batcher.F, lanes
    before, given = batcher.dense(whole), batcher.dense(block)
    if all(isinstance(start, Value) for start in starts):
        attrs = {"steps": (1, *node.attrs["steps"])}
        zero = F.constant(0, ArrayType(I64))
        return F.raw(node.op, (before, given, zero, *(s for s in starts if isinstance(s, Value))), attrs).output
    dims = node.inputs[1].dims
    rank, places = len(dims), _places(batcher, starts, node.attrs["steps"], dims)
    scatter = F.scatter_update if node.op.name == "update" else F.scatter_accumulate
    return scatter(before, given, _rows(batcher, rank), *places, axes=tuple(range(rank + 1)))


def _places(batcher: Lanes, starts: Sequence[Lane], steps: Sequence[int], dims: Sequence[Dim]) -> list[Value]:
    """The positions of a block of these dims along each axis, for each element of the batch."""
    F, places = batcher.F, []
    for axis, (start, step) in enumerate(zip(starts, steps, strict=True)):
        counted = F.iota(dims=tuple(d if a == axis else 1 for a, d in enumerate(dims)), axis=axis)
        places.append(F.add(batcher.over(start, len(dims)), F.mul(counted, step)))
    return places
