"""A block written into, or added to, an array that is there already."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.dims import product
from graphc.ir.graph import Node, Value
from graphc.schedule.loopnest import Inline, Launch, Section, Storage, Store, storing_nest
from graphc.schedule.lower import Lowering, linear
from graphc.schedule.scalars import Scalars
from graphc.schedule.tasks import axes_of


def write_step(node: Node, target: Storage, stored: Mapping[Value, Storage]) -> Section:
    """The loop nest of an ``update`` or ``accumulate`` into ``target``, which holds the array as it was before."""
    base, block, *starts = node.inputs
    read = [v for v in dict.fromkeys((block, *starts)) if v in stored]
    storage = [target, *(stored[v] for v in read)]
    lowering = Lowering(Scalars(), {value: k for k, value in enumerate(read, start=1)})
    space, index = axes_of(block.dims)
    inner, gathered = lowering.block_positions(base.dims, starts, node.attrs["steps"], index)
    added = "{acc} + {0}" if node.op.name == "accumulate" else ""
    store = Store(0, linear(base.dims, inner), lowering.at(block, index), added, gathered)
    nest = storing_nest(space, store)
    comment = str(node.location or "").rsplit("/", 1)[-1]
    if not space:
        return Section(storage, [Inline(nest, comment)])
    return Section(storage, [Launch(nest, space[0], product(space[1:]) * 2, comment)])
