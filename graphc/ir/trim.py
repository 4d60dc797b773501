"""A node with regions without what nobody needs: results, carried values, captures, and the nodes that made them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.regions import carried, lead, own_params, results_of

Needed = Callable[[Graph], tuple[Graph, set[Value]]]  # a region without dead nodes, and the values that it needs


def trim(node: Node, wanted: Sequence[bool], needed: Needed) -> tuple[Node, list[int]]:
    """The node with as few outputs as it can have where these are wanted; which of the outputs those are.

    A carried value lives if its result is wanted, or if what lives reads it: a fixed point, from below. It is the very
    node where nothing is dead.
    """
    count = carried(node)
    first = len(node.regions) - len(results_of(node))
    live = list(wanted)
    while True:
        kept = [k for k, flag in enumerate(live) if flag]
        regions = list(node.regions)
        regions[first:] = [_with_outputs(region, kept) for region in results_of(node)]
        trimmed, sets = zip(*map(needed, regions), strict=True)
        operands = [any(p in s for p, s in zip(params, sets, strict=True)) for params in _columns(node)]
        after = [a or b for a, b in zip(live[:count], operands[:count], strict=True)]
        if after == live[:count]:
            break
        live[:count] = after
    operands[:count] = live[:count]
    if all(live) and all(operands) and all(a is b for a, b in zip(trimmed, node.regions, strict=True)):
        return node, kept
    return _rebuilt(node, trimmed, operands, kept), kept


def _columns(node: Node) -> list[tuple[Value, ...]]:
    """For each operand that the regions see, the parameters that it is in them."""
    return list(zip(*(region.params[own_params(node) :] for region in node.regions), strict=True))


def _with_outputs(region: Graph, kept: Sequence[int]) -> Graph:
    if len(kept) == len(region.outputs):
        return region
    outputs = tuple(region.outputs[k] for k in kept)
    return Graph(region.name, region.params, region.nodes, outputs, region.guards, region.ints)


def _rebuilt(node: Node, regions: Sequence[Graph], operands: Sequence[bool], kept: Sequence[int]) -> Node:
    count, own = carried(node), own_params(node)
    inputs = node.inputs[: lead(node)] + _chosen(node.inputs[lead(node) :], operands)
    new = []
    for region in regions:
        params = region.params[:own] + _chosen(region.params[own:], operands)
        new.append(Graph(region.name, params, region.nodes, region.outputs, region.guards, region.ints))
    attrs = dict(node.attrs)
    if "carried" in attrs:
        attrs["carried"] = sum(k < count for k in kept)
    if "stacked" in attrs:
        attrs["stacked"] = sum(k >= count for k in kept)
    result = Node(
        node.op, inputs, attrs, [node.outputs[k].type for k in kept], regions=tuple(new), location=node.location
    )
    for k, fresh in zip(kept, result.outputs, strict=True):
        fresh.grad = node.outputs[k].grad
    return result


def _chosen(values: tuple[Value, ...], flags: Sequence[bool]) -> tuple[Value, ...]:
    return tuple(v for v, flag in zip(values, flags, strict=True) if flag)
