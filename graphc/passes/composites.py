"""Ops that stand for others, written out: the last thing that is done before a graph is scheduled.

Until then they have the derivatives of whole results (of a solution, not of the factors that it is computed by). What
they expand into is common to those of one matrix: its factors are computed once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Composite, CpuRoutine, Op, Windows
from graphc.ir.regions import map_regions
from graphc.ir.rewrite import with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.passes.pipeline import optimize

Expanding = type[Composite] | type[Windows] | type[CpuRoutine]


def has_composites(graph: Graph, kind: Expanding = Composite) -> bool:
    """Whether there is anything to expand, in the graph or in its regions."""
    return any(isinstance(n.op.kind, kind) or any(has_composites(r, kind) for r in n.regions) for n in graph.nodes)


def expand_composites(graph: Graph, ops: Mapping[str, Op], kind: Expanding = Composite) -> Graph:
    """The graph without ops of the kind, optimised again; the same object where there are none."""
    while has_composites(graph, kind):  # one may expand into others
        graph = optimize(_expand(graph, ops, ShapeFacts(graph.guards), kind), ops)
    return graph


def _expand(graph: Graph, ops: Mapping[str, Op], facts: ShapeFacts, kind: Expanding) -> Graph:
    F = Builder(ops, facts)
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        if current.regions:
            current = map_regions(current, lambda region: _expand(region, ops, facts, kind))
        new.update(zip(node.outputs, _expanded(F, current, kind), strict=True))
    return replace(graph, nodes=tuple(F.nodes), outputs=tuple(new.get(v, v) for v in graph.outputs))


def _expanded(F: Builder, node: Node, kind: Expanding) -> tuple[Value, ...]:
    if not isinstance(node.op.kind, kind):
        F.nodes.append(node)
        return node.outputs
    with F.at(node.location):
        return tuple(node.op.kind.expand(F, node, node.inputs))
