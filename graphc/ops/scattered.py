"""Elements of an array written, or added to, at positions given by integer arrays.

``scatter_update``       x, v, i0, i1, ...    axes    x with ``v[.., p, ..]`` at ``[.., i0[p], .., i1[p], ..]``
``scatter_accumulate``   x, v, i0, i1, ...    axes    x with each ``v`` added at its place

The index arrays, ``axes`` and the dims of v are those of a ``gather`` from x (see ``index``). Indices are inside of x:
one that wraps around is a select before the op, and one that may be outside a ``checked_index``. Where several elements
of v go to one place, the last in C order is what stays, as in NumPy; so the others get no cotangent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Linear, Op, Write
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType
from graphc.ops.index import gathered_dims


def scattered_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType]:
    x, v, *indices = types
    wanted, _ = gathered_dims(facts, x.dims, indices, attrs["axes"])
    fits = v.dtype == x.dtype and v.rank == len(wanted) and all(map(facts.equal, v.dims, wanted))
    if not fits:
        raise InvalidGraphError(f"scatter_update or scatter_accumulate: {v} where the indices ask for {wanted} of {x}")
    return (ArrayType(x.dtype, x.dims),)


# --- references -------------------------------------------------------------------------------------------------------


def _places(
    x: np.ndarray, v: np.ndarray, indices: Sequence[np.ndarray], axes: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...], np.ndarray]:
    """A copy of x, a view of it with the indexed axes in front, the index arrays, and v in the order of both."""
    joined = tuple(np.broadcast_arrays(*indices))
    result = x.copy()
    own = range(joined[0].ndim)
    return result, np.moveaxis(result, axes, range(len(axes))), joined, np.moveaxis(v, [axes[0] + k for k in own], own)


def scatter_update_ref(x: np.ndarray, v: np.ndarray, *indices: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    result, moved, joined, values = _places(x, v, indices, axes)
    moved[joined] = values
    return result


def scatter_accumulate_ref(x: np.ndarray, v: np.ndarray, *indices: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    result, moved, joined, values = _places(x, v, indices, axes)
    np.add.at(moved, joined, values)
    return result


# --- transposes -------------------------------------------------------------------------------------------------------


def are_distinct(indices: Sequence[Value]) -> bool:
    """Whether no two elements are known to go to one place: a single one, or each position of an axis or mask once."""
    names = [index.node.op.name for index in indices if index.node is not None]
    return all(not i.rank for i in indices) or (len(indices) == 1 == indices[0].rank and names == ["mask_indices"])


def stays(F: Builder, x: Value, indices: Sequence[Value], axes: Sequence[int]) -> Value:
    """bool, of the dims that the index arrays have together: whether the element is the last that goes to its place."""
    dims = F.facts.broadcast([i.dims for i in indices])
    assert dims is not None
    number = F.reshape(F.iota(dims=(product(dims),), axis=0), dims)
    places: tuple[Dim, ...] = tuple(x.dims[axis] for axis in axes)
    every = tuple(range(len(axes)))
    last = F.scatter_update(F.zeros(ArrayType(I64, places)), number, *indices, axes=every)
    mine: Value = F.eq(F.gather(last, *indices, axes=every, checked=False), number)
    return mine


def written_of(F: Builder, g: Value, node: Node) -> Value:
    """The cotangent of what was written."""
    _, _, *indices = node.inputs
    axes = node.attrs["axes"]
    found: Value = F.gather(g, *indices, axes=axes, checked=False)
    if node.op.name == "scatter_accumulate" or are_distinct(indices):
        return found
    mine = stays(F, g, indices, axes)
    after = found.rank - axes[0] - mine.rank
    chosen: Value = F.select(F.reshape(mine, (*mine.dims, *(1,) * after)), found, 0.0)
    return chosen


def scatter_update_transpose(F: Builder, g: Value, node: Node) -> tuple[Value | None, ...]:
    x, v, *indices = node.inputs
    by_x = F.scatter_update(g, F.zeros(v.type), *indices, **node.attrs) if x.grad else None
    return by_x, written_of(F, g, node) if v.grad else None, *(None for _ in indices)


def scatter_accumulate_transpose(F: Builder, g: Value, node: Node) -> tuple[Value | None, ...]:
    _, v, *indices = node.inputs
    return g, written_of(F, g, node) if v.grad else None, *(None for _ in indices)


SCATTERED = [
    Op(
        "scatter_update",
        Write(),
        scatter_update_ref,
        Linear(scatter_update_transpose, wrt=(0, 1)),
        type=scattered_type,
    ),
    Op(
        "scatter_accumulate",
        Write(),
        scatter_accumulate_ref,
        Linear(scatter_accumulate_transpose, wrt=(0, 1)),
        type=scattered_type,
        cost=2,
    ),
]
