"""How far a basis of unit arrays needs not be written out: the ops that keep it diagonal, and those that pick by it."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.autodiff.lanes import Dense, Diagonal, Lane, Lanes
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Contract, Pointwise
from graphc.passes.patterns import constant

# Ops that are zero where one operand is, whatever the others are (there is nothing to differentiate), by its position.
ABSORBING: dict[str, tuple[int, ...]] = {
    "mul": (0, 1), "guarded_mul": (0, 1), "absorbing_mul": (0, 1), "div": (0,), "neg": (0,), "positive": (0,),
}  # fmt: skip


def along_diagonal(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Lane | None:
    """The lane of the output where a basis goes in and needs not be written out; None elsewhere."""
    if not any(isinstance(lane, Diagonal) for lane in lanes):
        return None
    F, kind = batcher.F, node.op.kind
    if isinstance(kind, Pointwise) and _stays_diagonal(node, lanes):
        inputs = tuple(lane.value if isinstance(lane, Diagonal) else lane for lane in lanes)
        return Diagonal(F.raw(node.op, inputs, node.attrs).output)  # type: ignore[arg-type]
    if node.op.name == "reshape":
        (lane,) = lanes
        return Diagonal(F.reshape(lane.value, node.attrs["dims"]))  # type: ignore[union-attr]
    if node.op.name == "sum" and len(node.attrs["axes"]) == node.inputs[0].rank:
        (lane,) = lanes
        return Dense(F.reshape(lane.value, (batcher.size,)))  # type: ignore[union-attr]
    if isinstance(kind, Contract) and node.inputs[0].rank == 2:
        return _product_with_basis(batcher, node, lanes)
    return None


def _stays_diagonal(node: Node, lanes: Sequence[Lane]) -> bool:
    """No operand has the batch as an axis, none stretches the basis, and what is off the diagonal stays zero."""
    if any(isinstance(lane, Dense) for lane in lanes):
        return False
    basis = [k for k, lane in enumerate(lanes) if isinstance(lane, Diagonal)]
    if any(node.inputs[k].dims != node.output.dims for k in basis):
        return False
    if node.op.name in ("add", "sub"):
        return len(basis) == 2
    if node.op.name == "select":
        return all(k in basis or constant(node.inputs[k]) == 0 for k in (1, 2))
    if node.op.name == "cast":
        return node.output.type.is_float
    return any(k in basis for k in ABSORBING.get(node.op.name, ()))


def _product_with_basis(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Lane | None:
    """A column of unit arrays picks the columns of a shared matrix, a row of them its rows."""
    F, (left, right), size = batcher.F, lanes, batcher.size
    if isinstance(left, Value) and isinstance(right, Diagonal) and right.value.dims[1] == 1:
        picked = F.transpose(F.mul(left, F.reshape(right.value, (1, size))), (1, 0))
        return Dense(F.reshape(picked, (size, left.dims[0], 1)))
    if isinstance(right, Value) and isinstance(left, Diagonal) and left.value.dims[0] == 1:
        picked = F.mul(right, F.reshape(left.value, (size, 1)))
        return Dense(F.reshape(picked, (size, 1, right.dims[1])))
    return None
