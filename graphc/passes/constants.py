"""Compute what depends on constants alone.

>>> print(apply_to_text(fold_constants, '''
... graph f(%x: f64[3]) -> (%3) {
...   %0: i64[] = dim dim=3
...   %1: f64[] = cast %0 dtype=f64
...   %2: f64[] = sqrt %1
...   %3: f64[3] = div %x, %2
... }''', OPS))
graph f(%x: f64[3]) -> (%1) {
  %0: f64[] = const dtype=f64 value=1.7320508075688772 weak=False
  %1: f64[3] = div %x, %0
}
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op, Pointwise
from graphc.passes.patterns import made_by
from graphc.passes.rewriter import Rewriter, Rules, rewrite


def fold_constants(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Pointwise ops on 0-d constants, and dims that are plain integers, become constants."""
    return rewrite(graph, ops, constant_rules(ops))


def constant_rules(ops: Mapping[str, Op]) -> Rules:
    names = [name for name, op in ops.items() if isinstance(op.kind, Pointwise)]
    return {**dict.fromkeys(names, (fold_pointwise,)), "dim": (fold_dim,)}


def fold_pointwise(rewriter: Rewriter, node: Node) -> Value | None:
    if node.output.rank or any(made_by(v, "const") is None for v in node.inputs):
        return None
    numbers = [np.asarray(v.node.attrs["value"], v.type.dtype) for v in node.inputs if v.node]
    with np.errstate(all="ignore"):
        result = np.asarray(node.op.ref(*numbers, **node.attrs))
    return rewriter.F.constant(result.astype(node.output.type.dtype).item(), node.output.type)


def fold_dim(rewriter: Rewriter, node: Node) -> Value | None:
    dim = node.attrs["dim"]
    return rewriter.F.constant(dim, node.output.type) if isinstance(dim, int) else None
