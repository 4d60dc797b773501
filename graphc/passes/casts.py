"""Leave out casts that change nothing.

>>> print(apply_to_text(simplify_casts, '''
... graph f(%x: f32[n]) -> (%2) {
...   %0: f64[n] = cast %x dtype=f64
...   %1: f64[n] = cast %0 dtype=f64
...   %2: f32[n] = cast %1 dtype=f32
... }''', OPS))
graph f(%x: f32[n]) -> (%x) {
}
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.types import real_part_dtype
from graphc.passes.patterns import made_by
from graphc.passes.rewriter import Rewriter, Rules, rewrite


def simplify_casts(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """A cast to the dtype at hand goes, and a cast of a widening cast starts from the narrow value."""
    return rewrite(graph, ops, CAST_RULES)


def cast_to_same(rewriter: Rewriter, node: Node) -> Value | None:
    (x,) = node.inputs
    return x if x.type.dtype == node.attrs["dtype"] else None


def cast_of_widening(rewriter: Rewriter, node: Node) -> Value | None:
    inner = made_by(node.inputs[0], "cast")
    if inner is None:
        return None
    (x,) = inner.inputs
    exact = np.can_cast(x.type.dtype, inner.attrs["dtype"], "safe") and not _rounds(x.type.dtype, inner.attrs["dtype"])
    return rewriter.F.cast(x, node.attrs["dtype"]) if exact else None


def _rounds(source: np.dtype, target: np.dtype) -> bool:
    """NumPy calls int64 to float64 safe, though it rounds."""
    return source.kind in "iu" and target.kind in "fc" and source.itemsize >= real_part_dtype(target).itemsize


CAST_RULES: Rules = {"cast": (cast_to_same, cast_of_widening)}
