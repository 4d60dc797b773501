"""Sums over a little less than an axis, made sums over all of it, so that they share a loop with what runs over all.

The value of Rosenbrock's function is a sum over n - 1 differences, and its gradient has n elements that embed arrays of
n - 1. Embedded too (zero where there is no difference), the sum is one more fold in the gradient's loop, which is split
where embedded arrays begin and end anyway.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value

Paddings = Mapping[tuple[Dim, ...], tuple[tuple[Dim, ...], tuple[Dim, ...]]]


def find_paddings(graph: Graph) -> Paddings:
    """For dims that the graph embeds in some that are longer by a number along the last axis: those, and where."""
    found: dict[tuple[Dim, ...], tuple[tuple[Dim, ...], tuple[Dim, ...]]] = {}
    for node in graph.nodes:
        if node.op.name == "embed" and set(node.attrs["steps"]) == {1}:
            small, large = node.inputs[0].dims, node.output.dims
            if small[:-1] == large[:-1] and isinstance(large[-1] - small[-1], int):
                found.setdefault(small, (large, tuple(node.attrs["starts"])))
    return found


def padded_sum(F: Builder, node: Node, source: Value, paddings: Paddings) -> Value | None:
    """The sum of all elements as one over dims that hold them; None where the node is none, or nothing embeds them."""
    if node.op.name != "sum" or not source.type.is_float or len(node.attrs["axes"]) < source.rank:
        return None
    if source.dims not in paddings:
        return None
    dims, starts = paddings[source.dims]
    return F.reduce("sum", F.embed(source, dims=dims, starts=starts, steps=(1,) * len(dims)), range(len(dims)))
