"""Blocks of an array at positions known at run time: what loops read and write.

``read``         x, s0, s1, ...        steps dims    result[i] = x[starts + steps * i], of ``dims``
``update``       x, v, s0, s1, ...     steps         x with v in place of that block
``accumulate``   x, v, s0, s1, ...     steps         x with v added to that block

One int64 scalar ``s`` an axis of x; a block has x's rank, so an axis that is indexed has length 1 in it. Starts are
inside of x, and so is the whole block: a start that wraps around is a select before the op, and one that may lie
outside a ``checked_index``.

The cotangent of a read is accumulated onto what has reached x before (``Linear.onto``): in a loop that is an addition
in place, and never an array of zeros around a block. Whether ``update`` and ``accumulate`` need a copy of x is decided
when they are scheduled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.errors import IndexRangeError, InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Linear, Op, Read, Write
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType

Types = Sequence[ArrayType]


def require_starts(name: str, x: ArrayType, starts: Types, attrs: Attrs) -> None:
    if len(starts) != x.rank or len(attrs["steps"]) != x.rank or 0 in attrs["steps"]:
        raise InvalidGraphError(f"{name}: {len(starts)} starts and steps {attrs['steps']} for {x}")
    if any(s.dtype != I64 or s.dims for s in starts):
        raise InvalidGraphError(f"{name}: starts {', '.join(map(str, starts))} are not int64 scalars")


def read_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType]:
    x, *starts = types
    require_starts("read", x, starts, attrs)
    if len(attrs["dims"]) != x.rank:
        raise InvalidGraphError(f"read: a block of {attrs['dims']} in {x}")
    return (ArrayType(x.dtype, attrs["dims"]),)


def written_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType]:
    x, v, *starts = types
    require_starts("update or accumulate", x, starts, attrs)
    if v.rank != x.rank or v.dtype != x.dtype:
        raise InvalidGraphError(f"update or accumulate: a block {v} in {x}")
    return (ArrayType(x.dtype, x.dims),)


# --- references -------------------------------------------------------------------------------------------------------


def block(
    shape: Sequence[int], starts: Sequence[np.ndarray], steps: Sequence[int], dims: Sequence[int]
) -> tuple[np.ndarray, ...]:
    """The block's positions, as an open mesh. Raises ``IndexRangeError`` where it is not inside the shape."""
    positions = []
    for axis, (start, step, size) in enumerate(zip(starts, steps, dims, strict=True)):
        along = int(start) + step * np.arange(size)
        outside = along[(along < 0) | (along >= shape[axis])]
        if outside.size:
            raise IndexRangeError(f"index {outside[0]} is out of bounds for axis {axis} with size {shape[axis]}")
        positions.append(along)
    return np.ix_(*positions) if positions else ()


def read_ref(x: np.ndarray, *starts: np.ndarray, steps: tuple[int, ...], dims: tuple[int, ...]) -> np.ndarray:
    return x[block(x.shape, starts, steps, dims)]


def update_ref(x: np.ndarray, v: np.ndarray, *starts: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    result = x.copy()
    result[block(x.shape, starts, steps, v.shape)] = v
    return result


def accumulate_ref(x: np.ndarray, v: np.ndarray, *starts: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    result = x.copy()
    result[block(x.shape, starts, steps, v.shape)] += v
    return result


# --- transposes -------------------------------------------------------------------------------------------------------


def read_onto(F: Builder, total: Value, g: Value, node: Node) -> Value:
    """The cotangent of x with the read block's added in its place."""
    _, *starts = node.inputs
    return F.accumulate(total, g, *starts, steps=node.attrs["steps"])


def read_transpose(F: Builder, g: Value, node: Node) -> tuple[Value | None, ...]:
    x, *starts = node.inputs
    return read_onto(F, F.zeros(x.type), g, node), *(None for _ in starts)


def block_of(F: Builder, g: Value, node: Node) -> Value:
    """The cotangent of what was written."""
    _, v, *starts = node.inputs
    return F.read(g, *starts, steps=node.attrs["steps"], dims=v.dims)


def update_transpose(F: Builder, g: Value, node: Node) -> tuple[Value | None, ...]:
    x, v, *starts = node.inputs
    by_v = block_of(F, g, node) if v.grad else None
    by_x = None
    if x.grad:
        by_x = F.update(g, F.zeros(v.type), *starts, steps=node.attrs["steps"])
    return by_x, by_v, *(None for _ in starts)


def accumulate_transpose(F: Builder, g: Value, node: Node) -> tuple[Value | None, ...]:
    _, v, *starts = node.inputs
    return g, block_of(F, g, node) if v.grad else None, *(None for _ in starts)


BLOCKS = [
    Op("read", Read(), read_ref, Linear(read_transpose, wrt=(0,), onto=read_onto), type=read_type),
    Op("update", Write(), update_ref, Linear(update_transpose, wrt=(0, 1)), type=written_type),
    Op("accumulate", Write(), accumulate_ref, Linear(accumulate_transpose, wrt=(0, 1)), type=written_type, cost=2),
]
