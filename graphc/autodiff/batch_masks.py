"""What a mask selects, where each element of a batch has a mask of its own: all places of the mask, and which count.

The arrays of a batch have one shape, and ``x[mask]`` another length for each element. So before a graph is batched,
what is as long as a mask's count becomes as long as the mask, and only the entries that are *there* are added up,
compared or looked at. Where nothing asks for their order they stay in their places: the flags are then the mask itself,
and ``np.sum(x[mask])`` is a fold over a select. Else they are brought to the front, and the first ones are there. What
is computed of other entries is never seen: folds take their neutral element in place of it, and checked positions 0.

A result as long as the count has no shape in a batch. It is refused, as is what has no rule in ``mask_rules``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.autodiff.mask_rules import Entries, OrderMatters, refused
from graphc.ir.builder import Builder
from graphc.ir.dims import substitute, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Compact, Op
from graphc.ir.regions import carried, map_regions, operands_of
from graphc.ir.rewrite import copy_node, copy_param, map_dims
from graphc.ir.shapes import ShapeFacts


def with_whole_masks(graph: Graph, ops: Mapping[str, Op], differing: Sequence[bool]) -> Graph:
    """The graph without the counts of masks that depend on the parameters that are ``differing``.

    Raises: UnsupportedError: at the line of what cannot do without a count.
    """
    return _without_counts(graph, ops, ShapeFacts(graph.guards), differing)


def _without_counts(graph: Graph, ops: Mapping[str, Op], facts: ShapeFacts, differing: Sequence[bool]) -> Graph:
    varied = _varied(graph, differing)
    masks = {n.attrs["symbol"]: n for n in graph.nodes if isinstance(n.op.kind, Compact) and n.output in varied}
    if not masks and not any(_has_masks(region) for node in graph.nodes for region in node.regions):
        return graph
    for output in graph.outputs:
        for name in sorted(masks.keys() & {name for dim in output.dims for name in symbols_of(dim)}):
            raise refused(masks[name], "the results would have different lengths")
    ordered: set[str] = set()
    while True:
        try:
            return _rebuilt(graph, Builder(ops, facts), varied, Entries(masks, ordered))
        except OrderMatters as found:
            ordered |= found.names


def _rebuilt(graph: Graph, F: Builder, varied: set[Value], entries: Entries) -> Graph:
    """The graph with masks' sizes in place of their counts, and what looks at entries looking at those there."""
    whole = map_dims(graph, lambda dim: substitute(dim, entries.sizes))
    new = {old: copy_param(param) for old, param in zip(graph.params, whole.params, strict=True)}
    for old, node in zip(graph.nodes, whole.nodes, strict=True):
        inputs = tuple(new[v] for v in old.inputs)
        with F.at(node.location):
            if entries.are_in(old):
                outputs = entries.apply(F, old, node, inputs)
            else:
                outputs = copy_node(F, _with_inner(old, node, F, varied), inputs)
        new.update(zip(old.outputs, outputs, strict=True))
    params, outputs = (tuple(new[v] for v in values) for values in (graph.params, graph.outputs))
    return Graph(graph.name, params, tuple(F.nodes), outputs, graph.guards, graph.ints)


def _with_inner(old: Node, node: Node, F: Builder, varied: set[Value]) -> Node:
    """The node with the same done in its regions; what a loop carries differs if anything does that it is given."""
    if not any(v in varied for v in old.inputs):
        return node
    return map_regions(node, lambda region: _without_counts(region, F.ops, F.facts, _differing(old, region, varied)))


def _varied(graph: Graph, differing: Sequence[bool]) -> set[Value]:
    """The values that may differ between elements."""
    found = {param for param, differs in zip(graph.params, differing, strict=True) if differs}
    for node in graph.nodes:
        if any(v in found for v in node.inputs):
            found.update(node.outputs)
    return found


def _has_masks(region: Graph) -> bool:
    return any(isinstance(n.op.kind, Compact) or any(map(_has_masks, n.regions)) for n in region.nodes)


def _differing(node: Node, region: Graph, varied: set[Value]) -> list[bool]:
    """Of a region's parameters, which may differ between elements: what is carried, and captures as their operands."""
    pairs = list(operands_of(node, region))[carried(node) :]
    shared = {param for operand, param in pairs if operand not in varied}
    return [param not in shared for param in region.params]
