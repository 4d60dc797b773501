"""Forward mode: the graph that carries the tangent of each marked parameter along, from the same rules as reverse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.autodiff.chain import push_forward
from graphc.autodiff.equal_values import push_watched
from graphc.autodiff.region_tangent import push_regions
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import drop_dead, with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.passes.facts import NumberFacts


def jvp_graph(graph: Graph, ops: Mapping[str, Op], *, apart: bool = False, watched: bool = True) -> Graph:
    """The graph with one more parameter for each marked one, its tangent, and one more output for each float output.

    New parameters are named ``t_`` and the parameter's name, and stand after the old ones; the outputs' tangents (zeros
    where no marked parameter has influence) stand after the outputs. ``apart``: no value is computed with a tangent,
    for a graph that is to be split: beside a loop that carries tangents the loop of the values stays as it is.
    ``watched``: the program stops where equal eigenvalues make a tangent NaN (in loops and branches, in any case).
    """
    return _jvp(graph, ops, ShapeFacts(graph.guards), apart=apart, watched=watched)


def _jvp(
    graph: Graph, ops: Mapping[str, Op], shapes: ShapeFacts, *, apart: bool = False, watched: bool = True
) -> Graph:
    F = Builder(ops, shapes)
    facts, push = NumberFacts(), push_watched if watched else push_forward
    tangent: dict[Value, Value] = {
        p: Value(ArrayType(p.type.dtype, p.dims), name=f"t_{p.name}") for p in graph.params if p.grad
    }
    tangent_params = tuple(tangent.values())
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))  # nodes without changes are shared
        tangents = tuple(tangent.get(v) for v in node.inputs)
        outputs: Sequence[Value] = current.outputs
        with F.at(node.location):
            if node.regions and any(t is not None for t in tangents):
                if apart:
                    F.nodes.append(current)
                    _, moved = push_regions(F, current, tangents, _jvp)
                else:
                    outputs, moved = push_regions(F, current, tangents, _jvp)
            else:
                F.nodes.append(current)
                is_moving = any(t is not None for t in tangents) and any(o.grad for o in node.outputs)
                moved = push(F, facts, current, tangents) if is_moving else (None,) * len(outputs)
        tangent.update((old, t) for old, t in zip(node.outputs, moved, strict=True) if t is not None)
        new.update((old, fresh) for old, fresh in zip(node.outputs, outputs, strict=True) if old is not fresh)
    moved_outputs = tuple(tangent.get(v) or F.zeros(v.type) for v in graph.outputs if v.type.is_float)
    params, outputs = graph.params + tangent_params, tuple(new.get(v, v) for v in graph.outputs) + moved_outputs
    return drop_dead(Graph(graph.name, params, tuple(F.nodes), outputs, graph.guards, graph.ints))
