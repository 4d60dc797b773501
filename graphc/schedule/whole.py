"""Writes that cover almost all of an array, as arrays made anew: what feeds them and what reads them shares a loop.

A write into an array is a barrier: what is written is computed before it, into memory of its own, and what reads the
array waits. Where the write leaves but a rim as it was (a stencil's new values), the whole array is as quickly made
anew, in one loop with the stencil; in its adjoint, the zeros where it was overwritten are part of the sum.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.positions import as_dim
from graphc.ir.rewrite import with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import BOOL, ArrayType

WIDEST_RIM = 8  # elements along an axis that may stay as they were


def made_anew(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with each such ``update`` as a select between what is written and what was there."""
    if not any(_covers_most(node) for node in graph.nodes):
        return graph
    F = Builder(ops, ShapeFacts(graph.guards))
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        if _covers_most(node):
            with F.at(node.location):
                found: tuple[Value, ...] = (_selected(F, current),)
        else:
            F.nodes.append(current)
            found = current.outputs
        new.update((a, b) for a, b in zip(node.outputs, found, strict=True) if a is not b)
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return Graph(graph.name, graph.params, tuple(F.nodes), outputs, graph.guards, graph.ints)


def _covers_most(node: Node) -> bool:
    """Whether the node writes a block of an array of several elements all but a rim of which it covers."""
    if node.op.name != "update" or any(step != 1 for step in node.attrs["steps"]):
        return False
    base, block, *starts = node.inputs
    if not base.rank or not all(isinstance(as_dim(start), int) for start in starts):
        return False
    rims = [whole - part for whole, part in zip(base.dims, block.dims, strict=True)]
    return all(
        isinstance(rim, int) and rim <= WIDEST_RIM and not (isinstance(whole, int) and rim * 4 > whole)
        for rim, whole in zip(rims, base.dims, strict=True)
    )


def _selected(F: Builder, node: Node) -> Value:
    base, block, *starts = node.inputs
    place = {"starts": tuple(as_dim(start) for start in starts), "steps": node.attrs["steps"], "dims": base.dims}
    inside = F.embed(F.full(ArrayType(BOOL, block.dims), True), **place)
    made: Value = F.select(inside, F.embed(block, **place), base)
    return made
