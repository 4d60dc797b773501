"""Blocks and single elements written into, or added to, an array that is there already."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.dims import product
from graphc.ir.graph import Node, Value
from graphc.schedule.loopnest import Inline, Launch, Section, Storage, Store, storing_nest
from graphc.schedule.lower import Lowering, fold_step, linear, split_gathered
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
    """Whether the number is a select between another and 0: an addition to what the branch not taken did not read.

    Adding it in memory each time would make every iteration wait for the one before.
    """
    node = _unshaped(value)
    return node is not None and node.op.name == "select" and any(map(_is_zero, node.inputs[1:]))


def _is_zero(value: Value) -> bool:
    node = _unshaped(value)
    return node is not None and node.op.name == "const" and node.attrs["value"] == 0


def _unshaped(value: Value) -> Node | None:
    node = value.node
    while node is not None and node.op.name in ("reshape", "broadcast_to"):
        node = node.inputs[0].node
    return node
