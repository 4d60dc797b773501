"""Compose what rearranges elements, and leave out what rearranges nothing.

>>> print(apply_to_text(simplify_movement, '''
... graph f(%x: f64[n,m]) -> (%3) {
...   %0: f64[m,n] = transpose %x perm=(1,0)
...   %1: f64[n,m] = transpose %0 perm=(1,0)
...   %2: f64[n,1,m] = reshape %1 dims=(n,1,m)
...   %3: f64[m*n] = reshape %2 dims=(m*n,)
... }''', OPS))
graph f(%x: f64[n,m]) -> (%0) {
  %0: f64[m*n] = reshape %x dims=(m*n,)
}

A ``broadcast_to`` moves behind the other ops, so that they work on the smaller array and it meets its readers.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.passes.patterns import constant, made_by, padded, without_ones
from graphc.passes.rewriter import Rewriter, Rules, rewrite


def simplify_movement(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """One walk with the rules of this file; values stay equal bit for bit."""
    return rewrite(graph, ops, MOVEMENT_RULES)


# --- broadcast_to ---------------------------------------------------------------------------------------------------


def broadcast_to(rewriter: Rewriter, node: Node) -> Value | None:
    """A broadcast of a broadcast is one, and leading axes of length 1 need no reshape before it."""
    (x,), dims = node.inputs, node.attrs["dims"]
    if x.dims == dims:
        return x
    inner = made_by(x, "broadcast_to")
    if inner is not None:
        return rewriter.F.broadcast_to(inner.inputs[0], dims)
    inner = made_by(x, "reshape")
    if inner is not None:
        source = inner.inputs[0]
        if source.rank < x.rank and padded(source.dims, x.rank) == x.dims:
            return rewriter.F.broadcast_to(source, dims)
    return None


# --- reshape --------------------------------------------------------------------------------------------------------


def reshape(rewriter: Rewriter, node: Node) -> Value | None:
    (x,), dims, F = node.inputs, node.attrs["dims"], rewriter.F
    if x.dims == dims:
        return x
    inner = made_by(x, "reshape")
    if inner is not None:
        return F.reshape(inner.inputs[0], dims)
    inner = made_by(x, "broadcast_to")
    if inner is None:
        return None
    source = inner.inputs[0]
    if not without_ones(source.dims):
        return F.broadcast_to(F.reshape(source, ()), dims)
    if without_ones(x.dims) == without_ones(dims):  # axes of length 1 come and go
        lengths = iter([s for s, d in zip(padded(source.dims, x.rank), x.dims, strict=True) if d != 1])
        return F.broadcast_to(F.reshape(source, tuple(1 if d == 1 else next(lengths) for d in dims)), dims)
    return None


# --- transpose ------------------------------------------------------------------------------------------------------


def transpose(rewriter: Rewriter, node: Node) -> Value | None:
    (x,), perm, F = node.inputs, node.attrs["perm"], rewriter.F
    if perm == tuple(range(x.rank)):
        return x
    inner = made_by(x, "transpose")
    if inner is not None:
        return F.transpose(inner.inputs[0], [inner.attrs["perm"][p] for p in perm])
    if _keeps_order(perm, x.dims):
        return F.reshape(x, node.output.dims)
    inner = made_by(x, "broadcast_to")
    if inner is not None:
        source = inner.inputs[0]
        whole = F.reshape(source, padded(source.dims, x.rank)) if source.rank else source
        return F.broadcast_to(F.transpose(whole, perm) if source.rank else source, node.output.dims)
    return None


def _keeps_order(perm: tuple[int, ...], dims: tuple[Dim, ...]) -> bool:
    """Only axes of length 1 change places, so the elements stay where they are."""
    long_axes = [p for p in perm if dims[p] != 1]
    return long_axes == sorted(long_axes)


# --- slice, embed, concat -------------------------------------------------------------------------------------------


def _takes_all(node: Node, source_dims: tuple[Dim, ...], result_dims: tuple[Dim, ...]) -> bool:
    return (
        source_dims == result_dims
        and all(start == 0 for start in node.attrs["starts"])
        and all(step == 1 for step in node.attrs["steps"])
    )


def slice_(rewriter: Rewriter, node: Node) -> Value | None:
    (x,), dims = node.inputs, node.attrs["dims"]
    if _takes_all(node, x.dims, dims):
        return x
    rule = _SLICE_OF.get(x.node.op.name) if x.node else None
    return rule(rewriter, node, x.node) if rule and x.node else None


def _slice_of_slice(rewriter: Rewriter, node: Node, inner: Node) -> Value | None:
    pairs = zip(inner.attrs["starts"], inner.attrs["steps"], node.attrs["starts"], strict=True)
    starts = tuple(start + step * further for start, step, further in pairs)
    steps = tuple(a * b for a, b in zip(inner.attrs["steps"], node.attrs["steps"], strict=True))
    source = inner.inputs[0]
    return rewriter.F.slice(source, starts=starts, steps=steps, dims=node.attrs["dims"])


def _slice_of_embed(rewriter: Rewriter, node: Node, inner: Node) -> Value | None:
    """Reading exactly the region that was written."""
    (x,) = inner.inputs
    same = all(node.attrs[key] == inner.attrs[key] for key in ("starts", "steps"))
    return x if same and x.dims == node.attrs["dims"] else None


def _slice_of_concat(rewriter: Rewriter, node: Node, inner: Node) -> Value | None:
    """Reading exactly one of the parts."""
    axis = inner.attrs["axis"]
    offset: Dim = 0
    for part in inner.inputs:
        starts = tuple(offset if a == axis else 0 for a in range(part.rank))
        if node.attrs["starts"] == starts and node.attrs["dims"] == part.dims and set(node.attrs["steps"]) == {1}:
            return part
        offset = offset + part.dims[axis]
    return None


def _slice_of_broadcast(rewriter: Rewriter, node: Node, inner: Node) -> Value | None:
    (source,) = inner.inputs
    F, extra, dims = rewriter.F, node.output.rank - source.rank, node.attrs["dims"]
    starts, steps, kept = [], [], []
    for axis, length in enumerate(source.dims, start=extra):
        stretched = length == 1 and node.inputs[0].dims[axis] != 1
        starts.append(0 if stretched else node.attrs["starts"][axis])
        steps.append(1 if stretched else node.attrs["steps"][axis])
        kept.append(1 if stretched else dims[axis])
    small = F.slice(source, starts=tuple(starts), steps=tuple(steps), dims=tuple(kept)) if kept else source
    return F.broadcast_to(small, dims)


_SLICE_OF = {
    "slice": _slice_of_slice,
    "embed": _slice_of_embed,
    "concat": _slice_of_concat,
    "broadcast_to": _slice_of_broadcast,
}


def embed(rewriter: Rewriter, node: Node) -> Value | None:
    (x,), F = node.inputs, rewriter.F
    if _takes_all(node, x.dims, node.attrs["dims"]):
        return x
    if repr(constant(x)) in ("0.0", "0"):
        return F.zeros(node.output.type)
    inner = made_by(x, "embed")
    if inner is None:
        return None
    pairs = zip(node.attrs["starts"], node.attrs["steps"], inner.attrs["starts"], strict=True)
    starts = tuple(start + step * further for start, step, further in pairs)
    steps = tuple(a * b for a, b in zip(inner.attrs["steps"], node.attrs["steps"], strict=True))
    return F.embed(inner.inputs[0], starts=starts, steps=steps, dims=node.attrs["dims"])


def concat(rewriter: Rewriter, node: Node) -> Value | None:
    return node.inputs[0] if len(node.inputs) == 1 else None


MOVEMENT_RULES: Rules = {
    "broadcast_to": (broadcast_to,),
    "reshape": (reshape,),
    "transpose": (transpose,),
    "slice": (slice_,),
    "embed": (embed,),
    "concat": (concat,),
}
