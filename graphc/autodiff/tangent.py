"""Forward mode: the graph that carries the tangent of each marked parameter along, from the same rules as reverse."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.autodiff.chain import push_forward
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import drop_dead
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.passes.facts import NumberFacts


def jvp_graph(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with one more parameter for each marked one, its tangent, and one more output for each float output.

    New parameters are named ``t_`` and the parameter's name, and stand after the old ones; the outputs' tangents (zeros
    where no marked parameter has influence) stand after the outputs.
    """
    F = Builder(ops, ShapeFacts(graph.guards))
    facts = NumberFacts()
    tangent: dict[Value, Value] = {
        p: Value(ArrayType(p.type.dtype, p.dims), name=f"t_{p.name}") for p in graph.params if p.grad
    }
    tangent_params = tuple(tangent.values())
    for node in graph.nodes:
        F.nodes.append(node)  # nodes never change, so the two graphs share them
        tangents = tuple(tangent.get(v) for v in node.inputs)
        if any(t is not None for t in tangents):
            with F.at(node.location):
                moved = push_forward(F, facts, node, tangents)
            tangent.update((output, t) for output, t in zip(node.outputs, moved, strict=True) if t is not None)
    moved_outputs = tuple(tangent.get(v) or F.zeros(v.type) for v in graph.outputs if v.type.is_float)
    params, outputs = graph.params + tangent_params, graph.outputs + moved_outputs
    return drop_dead(Graph(graph.name, params, tuple(F.nodes), outputs, graph.guards, graph.ints))
