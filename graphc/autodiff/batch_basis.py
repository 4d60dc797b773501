"""What becomes of a basis of unit arrays while the factor that its arrays share is all that ops change."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.autodiff.lanes import Dense, Lane, Lanes, Scaled
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Contract, Pointwise
from graphc.passes.patterns import constant

# Ops that are zero where one operand is, whatever the others are (there is nothing to differentiate), by its position.
ABSORBING: dict[str, tuple[int, ...]] = {
    "mul": (0, 1), "guarded_mul": (0, 1), "absorbing_mul": (0, 1), "div": (0,), "neg": (0,), "positive": (0,),
}  # fmt: skip


def along_basis(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Lane | None:
    """The lane of the output where a scaled operand needs not be multiplied out; None elsewhere."""
    scaled = [lane for lane in lanes if isinstance(lane, Scaled)]
    if not scaled:
        return None
    F, kind, base = batcher.F, node.op.kind, scaled[0].base
    if isinstance(kind, Pointwise) and _changes_the_factor(node, lanes):
        inputs = tuple(lane.factor if isinstance(lane, Scaled) else lane for lane in lanes)
        return Scaled(base, F.raw(node.op, inputs, node.attrs).output)  # type: ignore[arg-type]
    if node.op.name == "reshape":
        dims = node.attrs["dims"]
        return Scaled(base and batcher.reshaped(base, (batcher.size, *dims)), F.reshape(scaled[0].factor, dims))
    if base is not None:
        return None
    if node.op.name == "sum" and len(node.attrs["axes"]) == node.inputs[0].rank:
        return Dense(F.reshape(scaled[0].factor, (batcher.size,)))
    if isinstance(kind, Contract) and node.inputs[0].rank == 2:
        return _product_with_basis(batcher, node, lanes)
    return None


def _changes_the_factor(node: Node, lanes: Sequence[Lane]) -> bool:
    """Whether all that is scaled has one base, which nothing stretches, and the result is that base times a factor."""
    places = [k for k, lane in enumerate(lanes) if isinstance(lane, Scaled)]
    bases = {lane.base for lane in lanes if isinstance(lane, Scaled)}
    if len(bases) > 1 or any(isinstance(lane, Dense) for lane in lanes):
        return False
    if any(node.inputs[k].dims != node.output.dims for k in places):
        return False
    if node.op.name in ("add", "sub"):
        return len(places) == 2
    if node.op.name == "select":
        return all(k in places or constant(node.inputs[k]) == 0 for k in (1, 2))
    if node.op.name == "cast":
        return node.output.type.is_float and bases == {None}
    return len(places) == 1 and places[0] in ABSORBING.get(node.op.name, ())


def _product_with_basis(batcher: Lanes, node: Node, lanes: Sequence[Lane]) -> Lane | None:
    """A column of unit arrays picks the columns of a shared matrix, a row of them its rows."""
    F, (left, right), size = batcher.F, lanes, batcher.size
    if isinstance(left, Value) and isinstance(right, Scaled) and right.factor.dims[1] == 1:
        picked = F.transpose(F.mul(left, F.reshape(right.factor, (1, size))), (1, 0))
    elif isinstance(right, Value) and isinstance(left, Scaled) and left.factor.dims[0] == 1:
        picked = F.mul(right, F.reshape(left.factor, (size, 1)))
    else:
        return None
    return Scaled(F.reshape(picked, (size, *node.output.dims)), F.full(node.output.type, 1.0))
