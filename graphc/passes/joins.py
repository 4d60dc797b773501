"""Pieces of one array that are joined again in their order are that array, or a longer piece of it.

>>> print(apply_to_text(simplify_joins, '''
... graph f(%x: f64[3,n]) -> (%8) {
...   %0: f64[1,n] = slice %x dims=(1,n) starts=(0,0) steps=(1,1)
...   %1: f64[n] = reshape %0 dims=(n,)
...   %2: f64[1,n] = slice %x dims=(1,n) starts=(1,0) steps=(1,1)
...   %3: f64[n] = reshape %2 dims=(n,)
...   %4: f64[1,n] = slice %x dims=(1,n) starts=(2,0) steps=(1,1)
...   %5: f64[n,1] = reshape %1 dims=(n,1)
...   %6: f64[n,1] = reshape %3 dims=(n,1)
...   %7: f64[n,1] = reshape %4 dims=(n,1)
...   %8: f64[n,3] = concat %5, %6, %7 axis=1
... }''', OPS))
graph f(%x: f64[3,n]) -> (%2) {
  %0: f64[3,n,1] = reshape %x dims=(3,n,1)
  %1: f64[n,3,1] = transpose %0 perm=(1,0,2)
  %2: f64[n,3] = reshape %1 dims=(n,3)
}

So ``np.stack`` of a list that a loop has filled is the array in which the loop has stacked what it appended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.ir.dims import product
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.rows import Row, row_of
from graphc.passes.rewriter import Rewriter, Rules, rewrite


def simplify_joins(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """One walk with the rule of this file; values stay equal bit for bit."""
    return rewrite(graph, ops, JOIN_RULES)


def concat(rewriter: Rewriter, node: Node) -> Value | None:
    """Rows that follow each other are one piece of their array."""
    axis, F = node.attrs["axis"], rewriter.F
    runs = _runs([(value, row_of(value)) for value in node.inputs])
    if len(runs) == len(node.inputs):
        return None
    parts = [_joined(rewriter, run, axis) if len(run) > 1 else value for value, run in runs]
    return F.concat(*parts, axis=axis) if len(parts) > 1 else parts[0]


def _runs(rows: Sequence[tuple[Value, Row | None]]) -> list[tuple[Value, list[Row]]]:
    """Rows that follow each other in lists, with the value of the first; what is no row has an empty one."""
    runs: list[tuple[Value, list[Row]]] = []
    for value, row in rows:
        last = runs[-1][1] if runs else []
        if row is not None and last and row.is_next_to(last[-1]):
            last.append(row)
        else:
            runs.append((value, [] if row is None else [row]))
    return runs


def _joined(rewriter: Rewriter, run: Sequence[Row], axis: int) -> Value:
    F, (source, start, dims), count = rewriter.F, run[0], len(run)
    piece = source
    if source.dims[0] != count or start != 0:
        spans = {"starts": (start, *[0] * (source.rank - 1)), "steps": (1,) * source.rank}
        piece = F.slice(source, **spans, dims=(count, *source.dims[1:]))
    rows = F.reshape(piece, (count, *dims))
    moved = F.transpose(rows, (*range(1, axis + 1), 0, *range(axis + 1, len(dims) + 1))) if axis else rows
    return F.reshape(moved, (*dims[:axis], product((count, dims[axis])), *dims[axis + 1 :]))


JOIN_RULES: Rules = {"concat": (concat,)}
