"""Gathers and scatters before scheduling: positions that are always inside, and reading before arithmetic.

An index that a user gives is checked, and the check's result is known when a whole pass over the index has been made.
So that nothing need wait for it, indices are clamped into their axis: what a program reads at a wrong index is
meaningless but harmless, and the program ends with the error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.ir.opdef import Pointwise
from graphc.ops.index import counts_along


def clamped(F: Builder, index: Value, size: Dim) -> Value | None:
    """The index, moved into an axis of this size; None where the axis may have no element at all."""
    if (F.facts.lower_bound(size) or 0) < 1:
        return None
    result: Value = F.minimum(F.maximum(index, 0), F.value(size - 1))
    return result


def gather_of_operands(F: Builder, base: Value, indices: Sequence[Value], axes: Sequence[int]) -> Value | None:
    """The gather of an elementwise result as the same op over gathered operands, which need not be stored then.

    None where the base is computed in another way, or where more elements would be computed than the base has.
    """
    node = base.node
    if node is None or not isinstance(node.op.kind, Pointwise) or list(axes) != list(range(axes[0], axes[-1] + 1)):
        return None
    own = F.facts.broadcast([i.dims for i in indices])
    assert own is not None
    dims = (*base.dims[: axes[0]], *own, *base.dims[axes[-1] + 1 :])
    if Counter(dims) - Counter(base.dims):
        return None
    operands = [_gathered_operand(F, v, base.rank, indices, axes) for v in node.inputs]
    (result,) = F.raw(node.op, tuple(operands), node.attrs).outputs
    return result if result.dims == dims else None


def _gathered_operand(F: Builder, operand: Value, rank: int, indices: Sequence[Value], axes: Sequence[int]) -> Value:
    """What a broadcast operand of an op of this rank is at the positions: axes of length 1 are not indexed."""
    dims = (1,) * (rank - operand.rank) + operand.dims
    if all(d == 1 for d in dims):
        return F.reshape(operand, ())
    own_rank = max(i.rank for i in indices)
    indexed = [(i, a) for i, a in zip(indices, axes, strict=True) if dims[a] != 1]
    rest = dims[axes[-1] + 1 :]
    if not indexed:
        return F.reshape(operand, (*dims[: axes[0]], *(1,) * own_rank, *rest))
    narrow = F.reshape(operand, (*dims[: axes[0]], *(dims[a] for _, a in indexed), *rest))
    if own_rank == 1 and len(indexed) == 1 and counts_along(indexed[0][0], dims[indexed[0][1]]):
        return narrow
    places = [F.reshape(i, (1,) * (own_rank - i.rank) + i.dims) for i, _ in indexed]
    inner = tuple(range(axes[0], axes[0] + len(places)))
    found = gather_of_operands(F, narrow, places, inner)
    return F.gather(narrow, *places, axes=inner, checked=False) if found is None else found
