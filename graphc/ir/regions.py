"""How the operands and results of a node with regions stand to the parameters and outputs of its regions.

node        operands                      region parameters           region outputs
for         carried..., captures...       i, carried..., captures...  carried..., stacked...
while       carried..., captures...       carried..., captures...     carried...     (its condition: bool[])
cond        flag, captures...             captures...                 results...
checkpoint  captures...                   captures...                 results...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from graphc.ir.graph import Graph, Node, Value


def lead(node: Node) -> int:
    """How many operands the regions do not see: the flag of a cond."""
    return int(node.op.name == "cond")


def own_params(node: Node) -> int:
    """How many parameters of a region are no operands: the index of a for."""
    return int(node.op.name == "for")


def carried(node: Node) -> int:
    """How many operands a loop carries; 0 for a cond or checkpoint."""
    return int(node.attrs.get("carried", 0))


def operands_of(node: Node, region: Graph) -> Iterator[tuple[Value, Value]]:
    """Each operand that a region sees, with the parameter that it is there."""
    return zip(node.inputs[lead(node) :], region.params[own_params(node) :], strict=True)


def results_of(node: Node) -> tuple[Graph, ...]:
    """The regions whose outputs are the node's: not the condition of a while."""
    return node.regions[1:] if node.op.name == "while" else node.regions


def with_regions(node: Node, inputs: tuple[Value, ...], regions: Sequence[Graph]) -> Node:
    """The same node over other inputs of the same types and with other regions; its outputs keep their marks."""
    types = [o.type for o in node.outputs]
    copied = Node(node.op, inputs, node.attrs, types, regions=tuple(regions), location=node.location)
    for old, fresh in zip(node.outputs, copied.outputs, strict=True):
        fresh.grad = old.grad
    return copied


def map_regions(node: Node, change: Callable[[Graph], Graph], name: str = "") -> Node:
    """The node with each region changed; the very node where none of them is.

    ``name``: of a pass whose ``change`` depends on the region alone. What it has left as it is, it will not see again.
    """
    regions = tuple(region if name in region.settled else _changed(region, change, name) for region in node.regions)
    if all(a is b for a, b in zip(regions, node.regions, strict=True)):
        return node
    return with_regions(node, node.inputs, regions)


def _changed(region: Graph, change: Callable[[Graph], Graph], name: str) -> Graph:
    found = change(region)
    if found is region and name:
        region.settled.add(name)
    return found
