"""Compute the same thing once.

>>> print(apply_to_text(eliminate_common, '''
... graph f(%x: f64[n], %y: f64[n]) -> (%2) {
...   %0: f64[n] = mul %x, %y
...   %1: f64[n] = mul %y, %x
...   %2: f64[n] = add %0, %1
... }''', OPS))
graph f(%x: f64[n], %y: f64[n]) -> (%1) {
  %0: f64[n] = mul %x, %y
  %1: f64[n] = add %0, %0
}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.regions import map_regions
from graphc.ir.rewrite import with_inputs

COMMUTATIVE = frozenset(
    {"add", "mul", "absorbing_mul", "eq", "ne", "logical_and", "logical_or", "logical_xor", "hypot", "logaddexp"}
)


def eliminate_common(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Each node is kept once. A node that binds a symbol has a type of its own and is never equal to another."""
    seen: dict[tuple[Any, ...], tuple[Value, ...]] = {}
    new: dict[Value, Value] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        if node.regions:
            current = map_regions(current, lambda region: eliminate_common(region, ops), "common")
        kept = current.outputs if node.regions else seen.setdefault(node_key(current), current.outputs)
        if kept is current.outputs:
            nodes.append(current)
        new.update((old, fresh) for old, fresh in zip(node.outputs, kept, strict=True) if fresh is not old)
    if not new:
        return graph
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return Graph(graph.name, graph.params, tuple(nodes), outputs, graph.guards, graph.ints)


def node_key(node: Node) -> tuple[Any, ...]:
    """What two nodes without regions have in common that compute the same."""
    operands = [id(v) for v in node.inputs]
    if node.op.name in COMMUTATIVE:
        operands.sort()
    attrs = tuple((name, _plain(node.attrs[name])) for name in sorted(node.attrs))
    return node.op.name, tuple(operands), attrs, tuple(o.type for o in node.outputs)


def _plain(attr: Any) -> Any:
    """An attr as a key: 0.0, -0.0, 0 and False are four things, and NaN is one."""
    if isinstance(attr, tuple):
        return tuple(_plain(part) for part in attr)
    return (type(attr).__name__, repr(attr)) if isinstance(attr, bool | int | float) else attr
