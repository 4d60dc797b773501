"""Blocks and single elements written into, or added to, an array that is there already."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.dims import product
from graphc.ir.graph import Node, Value
from graphc.schedule.loopnest import Store, storing_nest
from graphc.schedule.lower import Lowering, fold_step, linear, split_gathered
from graphc.schedule.program import Inline, Launch, Section, Storage
from graphc.schedule.scalars import Scalars
from graphc.schedule.tasks import axes_of


def write_step(node: Node, target: Storage, stored: Mapping[Value, Storage]) -> Section:
    """The loop nest of a write into ``target``, which holds the array as it was before.

    Elements that may go to one place are written one after another: the last one stays.
    """
    base, block, *places = node.inputs
    read = [v for v in dict.fromkeys((block, *places)) if v in stored]
    storage = [target, *(stored[v] for v in read)]
    lowering = Lowering(Scalars(), {value: k for k, value in enumerate(read, start=1)})
    space, index = axes_of(block.dims)
    scattered = node.op.name.startswith("scatter")
    if scattered:
        own, inner = split_gathered(index, places, node.attrs["axes"], base.rank)
        gathered = lowering.gathered(base.dims, places, own, node.attrs["axes"])
    else:
        inner, gathered = lowering.block_positions(base.dims, places, node.attrs["steps"], index)
    added = fold_step("{acc} + {0}", base.type.short) if node.op.name.endswith("accumulate") else ""
    store = Store(0, linear(base.dims, inner), lowering.at(block, index), added, gathered)
    nest = storing_nest(space, store)
    if not space and added and _is_often_zero(block):
        nest.phases[0].skip = store.scalar
    comment = str(node.location or "").rsplit("/", 1)[-1]
    if not space:
        return Section(storage, [Inline(nest, comment)])
    nest.sequential = scattered
    return Section(storage, [Launch(nest, 1 if scattered else space[0], product(space[1:]) * 2, comment)])


def _is_often_zero(value: Value) -> bool:
    """Whether the number is 0 on one side of a branch: an addition to what the other side has read.

    Adding it in memory each time would make every iteration wait for the one before.
    """
    value = _unshaped(value)
    node = value.node
    if node is None or node.op.name not in ("select", "cond"):
        return False
    sides = node.inputs[1:] if node.op.name == "select" else [r.outputs[value.index] for r in node.regions]
    return any(map(_is_zero, sides))


def _is_zero(value: Value) -> bool:
    node = _unshaped(value).node
    return node is not None and node.op.name == "const" and node.attrs["value"] == 0


def _unshaped(value: Value) -> Value:
    while value.node is not None and value.node.op.name in ("reshape", "broadcast_to"):
        value = value.node.inputs[0]
    return value
