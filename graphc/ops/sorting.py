"""Order along the last axis.

``sort``     x                 (x sorted, positions in x of what is sorted), stable, NaN last, as NumPy's
                               ``kind="stable"``; with ``values`` what stands for positions is nothing
``ranked``   x, ranks          (elements, positions in x) that sorting would put at the ranks, i64[m] for each row
``search``   a, v     right      how many elements of sorted a stand before each v; equal ones too where ``right``

Other axes are a batch. Elements that are equal keep their order, so the derivative by each of them is that of its own
place in the result.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import General, NotDifferentiable, Op, Routine
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType

Slots = tuple[Value | None, ...]


def sort_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType, ...]:
    (x,) = types
    if not x.rank:
        raise InvalidGraphError(f"sort of {x}: it has no axis")
    return ArrayType(x.dtype, x.dims), ArrayType(I64, x.dims)


def sort_ref(x: np.ndarray, values: bool = False) -> tuple[np.ndarray, np.ndarray]:
    positions = np.argsort(x, axis=-1, kind="stable")
    return np.take_along_axis(x, positions, -1), positions


def along_last(F: Builder, index: Value) -> list[Value]:
    """Positions along every axis: each element's own, and the index along the last."""
    own = [tuple(dim if j == i else 1 for j, dim in enumerate(index.dims)) for i in range(index.rank - 1)]
    return [*(F.iota(dims=dims, axis=i) for i, dims in enumerate(own)), index]


def sort_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    g = cotangents[0]
    if g is None:
        return (None,)
    places = along_last(F, node.outputs[1])
    return (F.scatter_add(g, *places, axes=tuple(range(g.rank)), dims=g.dims, checked=False),)


def sort_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,) = tangents
    if t is None:
        return None, None
    return F.gather(t, *along_last(F, node.outputs[1]), axes=tuple(range(t.rank)), checked=False), None


def ranked_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType, ...]:
    x, ranks = types
    fits = x.rank == ranks.rank > 0 and ranks.dtype == I64 and all(map(facts.equal, x.dims[:-1], ranks.dims[:-1]))
    if not fits:
        raise InvalidGraphError(f"ranked of {x} at {ranks}")
    return ArrayType(x.dtype, ranks.dims), ranks


def ranked_ref(x: np.ndarray, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    positions = np.take_along_axis(np.argsort(x, axis=-1, kind="stable"), np.clip(ranks, 0, x.shape[-1] - 1), -1)
    return np.take_along_axis(x, positions, -1), positions


def ranked_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    g, x = cotangents[0], node.inputs[0]
    if g is None:
        return None, None
    places = along_last(F, node.outputs[1])
    return F.scatter_add(g, *places, axes=tuple(range(g.rank)), dims=x.dims, checked=False), None


def ranked_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    t = tangents[0]
    if t is None:
        return None, None
    return F.gather(t, *along_last(F, node.outputs[1]), axes=tuple(range(t.rank)), checked=False), None


def search_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType, ...]:
    a, v = types
    fits = a.rank == v.rank > 0 and a.dtype == v.dtype and all(map(facts.equal, a.dims[:-1], v.dims[:-1]))
    if not fits:
        raise InvalidGraphError(f"search of {v} in {a}")
    return (ArrayType(I64, v.dims),)


def search_ref(a: np.ndarray, v: np.ndarray, right: bool) -> np.ndarray:
    result = np.empty(v.shape, np.int64)
    for row in np.ndindex(a.shape[:-1]):
        result[row] = np.searchsorted(a[row], v[row], "right" if right else "left")
    return result


SORTING = [
    Op("sort", Routine(), sort_ref, General(sort_vjp, sort_jvp), type=sort_type, cost=60),
    Op("ranked", Routine(), ranked_ref, General(ranked_vjp, ranked_jvp), type=ranked_type, cost=20),
    Op("search", Routine(), search_ref, NotDifferentiable("a position"), type=search_type, cost=30),
]
