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

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.shapes import ShapeFacts
from graphc.passes.patterns import constant, made_by, without_ones
from graphc.passes.rewriter import Rewriter, Rules, rewrite_regions


def read_blocks(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Gathers at scalar positions, and slices at one position of an axis, as reads; in regions only."""
    return rewrite_regions(graph, ShapeFacts(graph.guards), ops, BLOCK_RULES, "blocks")


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


def read_of_block(rewriter: Rewriter, node: Node) -> Value | None:
    """A block of a block, which may have lost or gained axes of length 1: ``x[:, 0][i]`` is one element of x."""
    F, (base, *starts) = rewriter.F, node.inputs
    reshaped = made_by(base, "reshape")
    block = base if reshaped is None else reshaped.inputs[0]
    inner = made_by(block, "read") or made_by(block, "slice")
    if inner is None or without_ones(block.dims) != without_ones(base.dims):
        return None
    own = iter([axis for axis, dim in enumerate(base.dims) if dim != 1])
    outer = inner.inputs[1:] if inner.op.name == "read" else inner.attrs["starts"]
    places: list[Dim | Value] = []
    steps, dims = [], []
    for first, step, dim in zip(outer, inner.attrs["steps"], block.dims, strict=True):
        axis = next(own) if dim != 1 else None
        places.append(first if axis is None else _moved(F, first, starts[axis], step))
        steps.append(step if axis is None else step * node.attrs["steps"][axis])
        dims.append(1 if axis is None else node.attrs["dims"][axis])
    return F.reshape(F.read(inner.inputs[0], *places, steps=tuple(steps), dims=tuple(dims)), node.output.dims)


def _moved(F: Builder, first: Dim | Value, start: Value, step: int) -> Dim | Value:
    """``first + step * start``."""
    place: Value = start if step == 1 else F.mul(start, step)
    known = constant(first) if isinstance(first, Value) else first
    moved: Value = place if known == 0 else F.add(place, first)
    return moved


BLOCK_RULES: Rules = {"gather": (gather_is_read,), "slice": (slice_is_read,), "read": (read_of_block,)}
