"""Arrays of halves as the bits that they consist of: what is scheduled knows neither float16 nor bfloat16.

>>> print(apply_to_text(halves_as_bits, '''
... graph f(%x: f16[n]) -> (%2) {
...   %0: f32[n] = cast %x dtype=f32
...   %1: f32[n] = exp %0
...   %2: f16[n] = cast %1 dtype=f16
... }''', OPS))
graph f(%x: u16[n]) -> (%2) {
  %0: f32[n] = widen_half %x
  %1: f32[n] = exp %0
  %2: u16[n] = narrow_half %1
}

Casts become conversions between bits and float32, which fuse into what reads and makes the values; constants become
their bits, and what moves values moves bits. So a stored half takes 16 bits wherever it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.halves import moves
from graphc.ir.opdef import Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import BOOL, DTYPES, F16, F32, F64, HALVES, ArrayType
from graphc.ops.halves import once_rounded

U16 = DTYPES["u16"]


def has_halves(graph: Graph) -> bool:
    """Whether any value of the graph or of its regions is one of halves."""
    return any(v.type.dtype in HALVES for v in graph.values()) or any(
        has_halves(region) for node in graph.nodes for region in node.regions
    )


def halves_as_bits(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph on bits; the same object where there are no halves. A parameter or output of halves becomes uint16."""
    if not has_halves(graph):
        return graph
    return _on_bits(graph, Builder(ops, ShapeFacts(graph.guards)))


def _on_bits(graph: Graph, F: Builder) -> Graph:
    """The graph or region, whose nodes ``F`` takes."""
    known = {param: _param(param) for param in graph.params}
    for node in graph.nodes:
        inputs = tuple(known[v] for v in node.inputs)
        with F.at(node.location):
            known.update(zip(node.outputs, _node(F, node, inputs), strict=True))
    params, outputs = (tuple(known[v] for v in values) for values in (graph.params, graph.outputs))
    return replace(graph, params=params, nodes=tuple(F.nodes), outputs=outputs)


def _param(param: Value) -> Value:
    if not param.type.is_half:
        return param
    return Value(ArrayType(U16, param.dims), param.grad, param.name)


def _node(F: Builder, node: Node, inputs: tuple[Value, ...]) -> Sequence[Value]:
    """What stands for the outputs of the node."""
    types = [v.type for v in (*node.inputs, *node.outputs)]
    if node.op.name == "cast" and any(t.is_half for t in types):
        return (_cast(F, inputs[0], node.inputs[0].type.dtype, node.attrs["dtype"]),)
    if node.op.name == "const" and node.output.type.is_half:
        return (_constant(F, node),)
    regions = tuple(_on_bits(region, Builder(F.ops, F.facts)) if has_halves(region) else region
                    for region in node.regions)  # fmt: skip
    if not moves(node.op) and any(t.is_half for t in types):
        raise InvalidGraphError(f"{node.op.name} computes in {', '.join(map(str, types))}")
    same = regions == node.regions and inputs == node.inputs
    made = [ArrayType(U16, o.dims) if o.type.is_half else o.type for o in node.outputs]
    if same and all(new is old.type for new, old in zip(made, node.outputs, strict=True)):
        F.nodes.append(node)
        return node.outputs
    copied = Node(node.op, inputs, node.attrs, made, regions=regions, location=node.location)
    F.nodes.append(copied)
    return copied.outputs


def _cast(F: Builder, value: Value, source: np.dtype, target: np.dtype) -> Value:
    """From what has bits, if the source is halves, to what has, if the target is."""
    if source == target:
        return value
    if source in HALVES:
        value = F.widen_half(value) if source == F16 else F.widen_bfloat16(value)
    if target not in HALVES:
        return F.ne(value, 0) if target == BOOL else F.cast(value, target)
    wide = value if value.type.dtype == F64 else F.cast(value, F32)
    return F.narrow_half(wide) if target == F16 else F.narrow_bfloat16(wide)


def _constant(F: Builder, node: Node) -> Value:
    number = once_rounded(np.asarray(node.attrs["value"], F64), node.attrs["dtype"])
    return F.constant(int(np.asarray(number).view(U16)), ArrayType(U16))
