"""Scatters that write each row once: the adjoint of ``x[np.arange(n), labels]`` is a comparison, not a scatter.

>>> print(apply_to_text(simplify_scatters, '''
... graph f(%u: f64[n], %j: i64[n]) -> (%1) where n - 2 >= 0 {
...   %0: i64[n] = iota axis=0 dims=(n,)
...   %1: f64[n,5] = scatter_add %u, %0, %j axes=(0,1) checked=False dims=(n,5)
... }''', OPS))
graph f(%u: f64[n], %j: i64[n]) -> (%5) where n-2 >= 0 {
  %0: f64[n,1] = reshape %u dims=(n,1)
  %1: i64[n,1] = reshape %j dims=(n,1)
  %2: i64[n,5] = iota axis=1 dims=(n,5)
  %3: bool[n,5] = eq %2, %1
  %4: f64[] = const dtype=f64 value=0.0 weak=False
  %5: f64[n,5] = select %3, %0, %4
}
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ops.index import counts_along
from graphc.passes.rewriter import Rewriter, Rules, rewrite


def simplify_scatters(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """One walk with the rules of this file."""
    return rewrite(graph, ops, SCATTER_RULES)


def scatter_by_row(rewriter: Rewriter, node: Node) -> Value | None:
    """Where the first index counts along its axis: element (i, j) is the update of row i if j is its other index."""
    F, (updates, rows, *others) = rewriter.F, node.inputs
    first, *axes = node.attrs["axes"]
    dims = node.attrs["dims"]
    if not axes or not counts_along(rows, dims[first]) or any(i.dims != rows.dims for i in others):
        return None
    result = F.expand_dims(updates, axes)
    for axis, index in zip(axes, others, strict=True):
        if node.attrs["checked"]:
            index = F.checked_index(index, axis=axis, size=dims[axis])  # noqa: PLW2901
        beside = F.reshape(index, tuple(d if a == first else 1 for a, d in enumerate(dims)))
        result = F.select(F.eq(F.iota(dims=dims, axis=axis), beside), result, 0.0)
    return result


SCATTER_RULES: Rules = {"scatter_add": (scatter_by_row,)}
