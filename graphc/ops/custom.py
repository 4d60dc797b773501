"""``custom_rule``: values whose derivative the user has written.

    results = custom_rule(results..., arguments..., known to the rules..., read from outside...)

The node's value is that of its first inputs, which reach it through no differentiable path. Its derivative by the
arguments is what the rules say, two closed graphs in its attrs: ``backward(known..., cotangents...)`` gives a cotangent
of each argument whose number stands in ``reached``; ``forward(known..., tangents...)`` a tangent of each floating
result. What a rule knows (residuals, arguments, what it reads itself) are operands of the node, so derivatives of
derivatives go through them. When everything is differentiated, ``passes.custom`` takes the node away.

``counts``: how many results, arguments, operands of the backward rule, of the forward rule, and values that the
function or a rule reads from outside. Those must not be differentiated: the rules say nothing about them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Graph, Node, Value
from graphc.ir.opdef import Custom, General, Op
from graphc.ir.rewrite import inline
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType

Slots = tuple[Value | None, ...]


def parts(node: Node) -> Iterator[tuple[Value, ...]]:
    """The node's operands: results, arguments, known backward, known forward, from outside."""
    start = 0
    for count in node.attrs["counts"]:
        yield node.inputs[start : start + count]
        start += count


def custom_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType, ...]:
    return tuple(ArrayType(t.dtype, t.dims) for t in types[: attrs["counts"][0]])


def custom_ref(*operands: Any, counts: tuple[int, ...], **rules: Any) -> Any:
    return operands[0] if counts[0] == 1 else operands[: counts[0]]


def _rule(node: Node, direction: str, outside: Sequence[Value]) -> Graph:
    name = node.attrs["name"]
    if any(value.grad for value in outside):
        raise GradientError(
            f"{name} has a rule of its own for its derivative, and reads a value from outside that is differentiated, "
            "of which the rule says nothing: pass it as an argument",
            location=node.location,
        )
    rule = node.attrs[direction]
    if rule is None:
        said, wanted = ("forward", "reverse") if direction == "backward" else ("reverse", "forward")
        raise GradientError(
            f"{name} has a rule for {said} mode alone, and {wanted} mode needs one: {_ADVICE[direction]}",
            location=node.location,
        )
    return rule


_ADVICE = {
    "backward": "write a custom_vjp, or give vjp=",
    "forward": "write a custom_jvp, which serves both modes, or give jvp=",
}


def custom_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    results, arguments, known, _, outside = parts(node)
    rule = _rule(node, "backward", outside)
    given = [
        F.zeros(value.type) if g is None else g
        for value, g in zip(node.outputs, cotangents, strict=True)
        if value.type.is_float
    ]
    found = dict(zip(node.attrs["reached"], inline(F, rule, [*known, *given]), strict=True))
    first = len(results)
    return tuple(found.get(k - first) if k < first + len(arguments) else None for k in range(len(node.inputs)))


def custom_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    results, arguments, _, known, outside = parts(node)
    moving = tangents[len(results) : len(results) + len(arguments)]
    if all(t is None for t in moving) and not any(value.grad for value in outside):
        return (None,) * len(node.outputs)
    rule = _rule(node, "forward", outside)
    given = [
        F.zeros(value.type) if t is None else t
        for value, t in zip(arguments, moving, strict=True)
        if value.type.is_float
    ]
    found = iter(inline(F, rule, [*known, *given]))
    return tuple(next(found) if value.type.is_float else None for value in node.outputs)


def only_mode(graph: Graph) -> str | None:
    """The mode, "fwd" or "rev", in which a graph can be differentiated where one of its rules is for that alone."""
    for node in graph.nodes:
        if isinstance(node.op.kind, Custom):
            for direction, other in (("forward", "rev"), ("backward", "fwd")):
                if node.attrs[direction] is None:
                    return other
        for region in node.regions:
            found = only_mode(region)
            if found is not None:
                return found
    return None


CUSTOM = [Op("custom_rule", Custom(), custom_ref, General(custom_vjp, custom_jvp), type=custom_type)]
