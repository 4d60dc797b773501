"""Inside loops and branches, what is read at one position is a ``read``: its cotangent is added in place.

>>> print(apply_to_text(read_blocks, '''
... graph f(%x: f64[n,m], %c: f64[]) -> (%0) {
...   %0: f64[] = for %c, %x carried=1 reverse=False stacked=0 trips=n
...     graph body(%i: i64[], %c: f64[], %x: f64[n,m]) -> (%2) {
...       %0: f64[m] = gather %x, %i axes=(0,) checked=False
...       %1: f64[] = sum %0 axes=(0,)
...       %2: f64[] = add %c, %1
...     }
... }''', OPS))
graph f(%x: f64[n,m], %c: f64[]) -> (%0) {
  %0: f64[] = for %c, %x carried=1 reverse=False stacked=0 trips=n
    graph body(%i: i64[], %c: f64[], %x: f64[n,m]) -> (%4) {
      %0: weak i64[] = const dtype=i64 value=0 weak=True
      %1: f64[1,m] = read %x, %i, %0 dims=(1,m) steps=(1,1)
      %2: f64[m] = reshape %1 dims=(m,)
      %3: f64[] = sum %2 axes=(0,)
      %4: f64[] = add %c, %3
    }
}
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.shapes import ShapeFacts
from graphc.passes.patterns import made_by
from graphc.passes.rewriter import Rewriter, Rules, rewrite_regions


def read_blocks(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Gathers at scalar positions, and slices at one position of an axis, as reads; in regions only."""
    return rewrite_regions(graph, ShapeFacts(graph.guards), ops, BLOCK_RULES)


def gather_is_read(rewriter: Rewriter, node: Node) -> Value | None:
    """A gather whose positions are scalars, from an array or from a slice of it."""
    F, (base, *indices), axes = rewriter.F, node.inputs, node.attrs["axes"]
    if any(i.rank for i in indices):
        return None
    starts: list[Dim | Value] = [0] * base.rank
    steps, dims = [1] * base.rank, list(base.dims)
    for index, axis in zip(indices, axes, strict=True):
        size = base.dims[axis]
        starts[axis] = F.checked_index(index, axis=axis, size=size) if node.attrs["checked"] else index
        dims[axis] = 1
    inner = made_by(base, "slice")
    if inner is not None:
        for axis, (start, step) in enumerate(zip(inner.attrs["starts"], inner.attrs["steps"], strict=True)):
            own = starts[axis]
            starts[axis] = start if own == 0 else F.add(F.mul(own, step), start)
            steps[axis] = 1 if axis in axes else step
        (base,) = inner.inputs
    block = F.read(base, *starts, steps=tuple(steps), dims=tuple(dims))
    return F.reshape(block, node.output.dims)


def slice_is_read(rewriter: Rewriter, node: Node) -> Value | None:
    """A slice that takes one position of a longer axis."""
    (x,), attrs = node.inputs, node.attrs
    if not any(d == 1 and size != 1 for d, size in zip(attrs["dims"], x.dims, strict=True)):
        return None
    read: Value = rewriter.F.read(x, *attrs["starts"], steps=attrs["steps"], dims=attrs["dims"])
    return read


BLOCK_RULES: Rules = {"gather": (gather_is_read,), "slice": (slice_is_read,)}
