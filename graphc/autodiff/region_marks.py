"""Marks of nodes with regions: what a loop carries is marked when an iteration can make it depend on a marked input.

The marks of carried values depend on each other round the loop, so they are found as a fixed point, from below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from graphc.ir.graph import Graph, Node
from graphc.ir.regions import carried, lead, own_params, results_of, with_regions

Marker = Callable[[Graph, Sequence[bool]], Graph]
Flags = list[bool]


def mark_regions(node: Node, inputs: Sequence[bool], mark: Marker) -> Node:
    """The node with its regions and outputs marked, where these inputs are. ``mark(region, marks of its params)``."""
    wanted = list(inputs[lead(node) :])
    count, first = carried(node), len(node.regions) - len(results_of(node))
    while True:
        regions = [mark(region, [False] * own_params(node) + wanted) for region in node.regions]
        results = _either([o.grad for o in region.outputs] for region in regions[first:])
        after = _either((wanted[:count], results[:count]))
        if after == wanted[:count]:
            break
        wanted[:count] = after
    marked = with_regions(node, node.inputs, regions)
    for output, is_marked in zip(marked.outputs, [*wanted[:count], *results[count:]], strict=True):
        output.grad = is_marked
    return marked


def useful_inside(node: Node, outputs: Sequence[bool], useful: Callable[[Graph, Sequence[bool]], Flags]) -> Flags:
    """Which outputs of the node's regions are useful where these outputs of the node are: carried ones round the loop.

    ``useful(region, outputs)`` says which parameters of a region are.
    """
    wanted, count = list(outputs), carried(node)
    while count:
        params = _either(useful(region, wanted) for region in results_of(node))[own_params(node) :]
        after = _either((wanted[:count], params[:count]))
        if after == wanted[:count]:
            break
        wanted[:count] = after
    return wanted


def useful_inputs(node: Node, outputs: Sequence[bool], useful: Callable[[Graph, Sequence[bool]], Flags]) -> Flags:
    """Which inputs of the node a differentiable path joins to these of its outputs."""
    wanted, count = useful_inside(node, outputs, useful), carried(node)
    params = _either(useful(region, wanted) for region in results_of(node))[own_params(node) :]
    return [False] * lead(node) + _either((params, [*wanted[:count], *[False] * (len(params) - count)]))


def _either(columns: Iterable[Sequence[bool]]) -> Flags:
    return [any(flags) for flags in zip(*columns, strict=True)]
