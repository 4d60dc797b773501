"""The verifier: re-runs every shape rule and checks SSA and marks. Runs after every pass in the tests."""

from __future__ import annotations

from graphc.errors import GraphcError, InvalidGraphError
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.shapes import ShapeFacts


def verify(graph: Graph) -> None:
    """Raise ``InvalidGraphError`` naming the first node that breaks a rule of the IR."""
    _verify(graph, ShapeFacts(graph.guards))


def _verify(graph: Graph, facts: ShapeFacts) -> None:
    defined: set[Value] = set(graph.params)
    if len(defined) != len(graph.params):
        raise InvalidGraphError(f"graph {graph.name}: a parameter stands twice")
    for node in graph.nodes:
        for value in node.inputs:
            if value not in defined:
                raise InvalidGraphError(f"{_where(graph, node)} reads {value!r} before it is defined")
        _check_types(graph, node, facts)
        _check_marks(graph, node)
        for region in node.regions:
            _verify(region, facts)
        for output in node.outputs:
            if output in defined:
                raise InvalidGraphError(f"{_where(graph, node)} defines {output!r} twice")
            defined.add(output)
    for value in graph.outputs:
        if value not in defined:
            raise InvalidGraphError(f"graph {graph.name}: output {value!r} is not defined in it")


def _where(graph: Graph, node: Node) -> str:
    return f"graph {graph.name}: {node.op.name}" + (f" ({node.location})" if node.location else "")


def _check_types(graph: Graph, node: Node, facts: ShapeFacts) -> None:
    try:
        types = node.op.result_types(facts, [v.type for v in node.inputs], node.attrs, node.regions)
    except GraphcError as error:
        raise InvalidGraphError(f"{_where(graph, node)}: {error.message}") from error
    got = tuple(o.type for o in node.outputs)
    plain = [(t.dtype, t.dims) for t in types]
    if plain != [(t.dtype, t.dims) for t in got]:
        expected, found = ("; ".join(map(str, side)) for side in (types, got))
        raise InvalidGraphError(f"{_where(graph, node)}: the shape rule gives {expected}, the node says {found}")


def _check_marks(graph: Graph, node: Node) -> None:
    marked = node.op.differentiable and any(v.grad for v in node.inputs)
    for output in node.outputs:
        if output.grad and not marked:
            raise InvalidGraphError(f"{_where(graph, node)}: marked grad, but no input is on a differentiable path")
        if output.grad and not output.type.is_float:
            raise InvalidGraphError(f"{_where(graph, node)}: {output.type} cannot carry a gradient")
