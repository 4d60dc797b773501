"""Take away what carries a derivative rule of the user's, once everything is differentiated.

>>> print(apply_to_text(without_rules, '''
... graph f(%x: f64[n]) -> (%2) {
...   %0: f64[n] = exp %x
...   %1: f64[n] = custom_rule %0, %x backward=None counts=(1,1,0,0,0) forward=None name='f' reached=()
...   %2: f64[n] = neg %1
... }''', OPS))
graph f(%x: f64[n]) -> (%1) {
  %0: f64[n] = exp %x
  %1: f64[n] = neg %0
}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Custom, Op
from graphc.ir.regions import map_regions
from graphc.ir.rewrite import copy_node, drop_dead, rebuild


def has_rules(graph: Graph) -> bool:
    """Whether a node of the graph or of its regions has a rule of the user's."""
    return any(isinstance(node.op.kind, Custom) or any(map(has_rules, node.regions)) for node in graph.nodes)


def without_rules(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with the value of each such node in its place; the very graph where there is none."""
    if not has_rules(graph):
        return graph

    def visit(F: Builder, node: Node, inputs: tuple[Value, ...]) -> Sequence[Value] | None:
        if isinstance(node.op.kind, Custom):
            return inputs[: len(node.outputs)]
        if node.regions:
            return copy_node(F, map_regions(node, lambda region: without_rules(region, ops)), inputs)
        return None

    return drop_dead(rebuild(graph, ops, visit))
