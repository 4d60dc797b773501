"""Positions made of loop indices: checks that the loop's range answers, and the wrapping of what is never negative.

>>> print(apply_to_text(settle_indices, '''
... graph f(%x: f64[n], %c: f64[]) -> (%0) {
...   %0: f64[] = for %c, %x carried=1 reverse=False stacked=0 trips=n
...     graph body(%i: i64[], %c: f64[], %x: f64[n]) -> (%3) {
...       %0: i64[] = checked_index %i axis=0 size=n
...       %1: f64[1] = read %x, %0 dims=(1,) steps=(1,)
...       %2: f64[] = reshape %1 dims=()
...       %3: f64[] = add %c, %2
...     }
... }''', OPS))
graph f(%x: f64[n], %c: f64[]) -> (%0) {
  %0: f64[] = for %c, %x carried=1 reverse=False stacked=0 trips=n
    graph body(%i: i64[], %c: f64[], %x: f64[n]) -> (%2) {
      %0: f64[1] = read %x, %i dims=(1,) steps=(1,)
      %1: f64[] = reshape %0 dims=()
      %2: f64[] = add %c, %1
    }
}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.ranges import Ranges
from graphc.ir.regions import with_regions
from graphc.ir.rewrite import drop_dead, with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.ir.sizes import limit_of

Visit = Callable[[Builder, Node, Ranges], Sequence[Value] | None]


def settle_indices(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph without checks of indices that are inside, and without the wrapping of those that are not negative."""
    return rewrite_in_loops(graph, ops, _settled, frozenset(("checked_index", "select")))


def _settled(F: Builder, node: Node, ranges: Ranges) -> Sequence[Value] | None:
    if node.op.name == "checked_index" and ranges.is_index(node.inputs[0], node.attrs["size"]):
        return node.inputs
    if node.op.name == "select" and ranges.trips and ranges.wraps_never(node.inputs):
        return node.inputs[2:]
    return None


def rewrite_in_loops(graph: Graph, ops: Mapping[str, Op], visit: Visit, among: frozenset[str]) -> Graph:
    """The graph with each node, its regions' first, replaced by what ``visit(F, node, ranges)`` gives.

    ``among``: the names of the ops that it may replace. The ranges know the indices of the loops around the node. The
    same object where nothing was replaced.
    """
    if not any(node.regions for node in graph.nodes):
        return graph
    facts = ShapeFacts(graph.guards)
    return rewrite_region(graph, facts, ops, visit, among, Ranges(facts))


def rewrite_region(
    graph: Graph, facts: ShapeFacts, ops: Mapping[str, Op], visit: Visit, among: frozenset[str], ranges: Ranges
) -> Graph:
    """The same of a region, at a place that the ranges know."""
    if among.isdisjoint(graph.op_names):
        return graph
    F = Builder(ops, facts)
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        current = with_inputs(node, tuple([new.get(v, v) for v in node.inputs])) if new else node
        if node.regions:
            regions = []
            for region in current.regions:
                with ranges.region(current, region):
                    regions.append(rewrite_region(region, facts, ops, visit, among, ranges))
            if any(a is not b for a, b in zip(regions, current.regions, strict=True)):
                current = with_regions(current, current.inputs, regions)
        if current.op.name == "bind_size":
            facts.know_bound(current.attrs["symbol"], limit_of(current))
        found: Sequence[Value] | None = None
        if current.op.name in among:
            with F.at(node.location):
                found = visit(F, current, ranges)
        if found is None:
            F.nodes.append(current)
            found = current.outputs
        if current is not node or found is not current.outputs:
            new.update((a, b) for a, b in zip(node.outputs, found, strict=True) if a is not b)
    if not new:
        return graph
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return drop_dead(Graph(graph.name, graph.params, tuple(F.nodes), outputs, graph.guards, graph.ints))
