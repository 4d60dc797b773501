"""Forward mode: the graph that carries the tangent of each marked parameter along, from the same rules as reverse."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.autodiff.chain import push_forward
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import copy_node, copy_param, drop_dead
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
    new: dict[Value, Value] = {param: copy_param(param) for param in graph.params}
    tangent: dict[Value, Value] = {
        p: Value(ArrayType(p.type.dtype, p.dims), name=f"t_{p.name}") for p in new.values() if p.grad
    }
    tangent_params = tuple(tangent.values())
    for node in graph.nodes:
        outputs = copy_node(F, node, tuple(new[v] for v in node.inputs))
        new.update(zip(node.outputs, outputs, strict=True))
        copied = F.nodes[-1]
        tangents = tuple(tangent.get(v) for v in copied.inputs)
        if any(t is not None for t in tangents):
            with F.at(node.location):
                for output, t in zip(outputs, push_forward(F, facts, copied, tangents), strict=True):
                    if t is not None:
                        tangent[output] = t
    params, outputs = (tuple(new[v] for v in values) for values in (graph.params, graph.outputs))
    moved = tuple(tangent.get(v) or F.zeros(v.type) for v in outputs if v.type.is_float)
    result = Graph(graph.name, params + tangent_params, tuple(F.nodes), outputs + moved, graph.guards, graph.ints)
    return drop_dead(result)
