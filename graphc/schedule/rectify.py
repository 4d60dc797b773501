"""A convolution whose result is only read cut off at zero is stored so: what is negative is not written and read first.

Where the result is positive can be told from what is left of it as well, so its derivative needs nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import drop_dead, rebuild


def rectified(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with the attr ``rectified`` at such convolutions; the same object where there are none."""
    users, outputs = graph.users(), set(graph.outputs)
    found = {
        node.output
        for node in graph.nodes
        if node.op.name == "convolution" and node.output not in outputs and is_cut(node.output, users[node.output])
    }
    if not found:
        return graph

    def visit(F: Builder, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...] | None:
        if node.outputs[0] in found:
            return (F.apply(node.op, inputs, {**node.attrs, "rectified": True}),)
        if node.op.name == "select" and node.inputs[2] in found:
            return (inputs[2],)
        return None

    return drop_dead(replace(rebuild(graph, ops, visit), guards=graph.guards))


def is_cut(value: Value, readers: list[Node]) -> bool:
    """Whether the value is compared with zero (``value <= 0``), and replaced by zero where it is not larger."""
    signs = {n.output for n in readers if n.op.name == "le" and n.inputs[0] is value and is_zero(n.inputs[1])}
    cuts = [
        node
        for node in readers
        if node.op.name == "select" and node.inputs[0] in signs and node.inputs[2] is value and is_zero(node.inputs[1])
    ]
    return bool(cuts) and len(cuts) + len(signs) == len(readers)


def is_zero(value: Value) -> bool:
    return value.node is not None and value.node.op.name == "const" and value.node.attrs["value"] == 0
