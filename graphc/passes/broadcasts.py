"""Do pointwise work before it is broadcast, not after.

>>> print(apply_to_text(hoist_broadcasts, '''
... graph f(%x: f64[n], %y: f64[n,m]) -> (%3) {
...   %0: f64[n,1] = reshape %x dims=(n,1)
...   %1: f64[n,m] = broadcast_to %0 dims=(n,m)
...   %2: f64[n,m] = exp %1
...   %3: f64[n,m] = mul %2, %y
... }''', OPS))
graph f(%x: f64[n], %y: f64[n,m]) -> (%2) {
  %0: f64[n,1] = reshape %x dims=(n,1)
  %1: f64[n,1] = exp %0
  %2: f64[n,m] = mul %1, %y
}
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op, Pointwise
from graphc.passes.patterns import made_by
from graphc.passes.rewriter import Rewriter, Rules, rewrite


def hoist_broadcasts(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Pointwise ops read the arrays that their inputs were broadcast from; the result is broadcast where it must be."""
    return rewrite(graph, ops, broadcast_rules(ops))


def broadcast_rules(ops: Mapping[str, Op]) -> Rules:
    return {name: (pointwise,) for name, op in ops.items() if isinstance(op.kind, Pointwise)}


def pointwise(rewriter: Rewriter, node: Node) -> Value | None:
    sources = tuple(map(_source, node.inputs))
    if sources == node.inputs:
        return None
    result = rewriter.F.raw(node.op, sources, node.attrs).output
    return rewriter.F.broadcast_to(result, node.output.dims)


def _source(value: Value) -> Value:
    """What the value was broadcast from. A weak scalar stays: without its broadcast it could change the loop dtype."""
    maker = made_by(value, "broadcast_to")
    return maker.inputs[0] if maker is not None and not maker.inputs[0].type.weak else value
