"""Folds over what was just broadcast, rearranged or folded before. Sums may change in their rounding, no more.

>>> print(apply_to_text(simplify_sums, '''
... graph f(%x: f64[n]) -> (%3) where n - 2 >= 0 {
...   %0: f64[] = const dtype=f64 value=0.5 weak=False
...   %1: f64[n] = broadcast_to %0 dims=(n,)
...   %2: f64[] = sum %1 axes=(0,)
...   %3: f64[n] = mul %x, %2
... }''', OPS))
graph f(%x: f64[n]) -> (%4) where n-2 >= 0 {
  %0: f64[] = const dtype=f64 value=0.5 weak=False
  %1: weak i64[] = dim dim=n
  %2: f64[] = cast %1 dtype=f64
  %3: f64[] = mul %0, %2
  %4: f64[n] = mul %x, %3
}
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.dims import product
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.passes.patterns import made_by, padded, without_ones
from graphc.passes.rewriter import Rewriter, Rules, rewrite


def simplify_sums(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """One walk with the rules of this file."""
    return rewrite(graph, ops, SUM_RULES)


def fold_of_ones(rewriter: Rewriter, node: Node) -> Value | None:
    """An axis of length 1 needs no fold."""
    (x,), axes = node.inputs, node.attrs["axes"]
    rest = tuple(a for a in axes if x.dims[a] != 1)
    if len(rest) == len(axes):
        return None
    return rewriter.F.reshape(rewriter.F.reduce(node.op.name, x, rest), node.output.dims)


def fold_of_transpose(rewriter: Rewriter, node: Node) -> Value | None:
    """Fold first, in the source's order; what is left is transposed where that is still needed."""
    inner = made_by(node.inputs[0], "transpose")
    if inner is None:
        return None
    perm = inner.attrs["perm"]
    axes = [perm[a] for a in node.attrs["axes"]]
    left = [p for a, p in enumerate(perm) if a not in node.attrs["axes"]]
    result = rewriter.F.reduce(node.op.name, inner.inputs[0], axes)
    return rewriter.F.transpose(result, [sorted(left).index(p) for p in left])


def fold_of_reshape(rewriter: Rewriter, node: Node) -> Value | None:
    """A fold over everything, or of a reshape that only adds and drops axes of length 1."""
    inner = made_by(node.inputs[0], "reshape")
    if inner is None:
        return None
    (x,), F = inner.inputs, rewriter.F
    dims, axes = node.inputs[0].dims, node.attrs["axes"]
    if len(axes) == len(dims):
        return F.reduce(node.op.name, x, range(x.rank)) if x.rank else F.reshape(x, ())
    if without_ones(dims) != without_ones(x.dims):
        return None
    long_axes = [a for a, d in enumerate(x.dims) if d != 1]
    folded = [flag for d, flag in ((d, a in axes) for a, d in enumerate(dims)) if d != 1]
    result = F.reduce(node.op.name, x, [a for a, flag in zip(long_axes, folded, strict=True) if flag])
    return F.reshape(result, node.output.dims)


def fold_of_fold(rewriter: Rewriter, node: Node) -> Value | None:
    inner = made_by(node.inputs[0], node.op.name)
    if inner is None or not rewriter.read_once(node.inputs[0]):
        return None
    (x,) = inner.inputs
    left = [a for a in range(x.rank) if a not in inner.attrs["axes"]]
    return rewriter.F.reduce(node.op.name, x, [*inner.attrs["axes"], *(left[a] for a in node.attrs["axes"])])


def sum_of_broadcast(rewriter: Rewriter, node: Node) -> Value | None:
    """Each element as often as it was repeated. An element that is not finite must be there at least once."""
    inner = made_by(node.inputs[0], "broadcast_to")
    if inner is None or not node.output.type.is_float:
        return None
    (x,), dims, F = inner.inputs, node.inputs[0].dims, rewriter.F
    repeated = _repeated(node, x)
    if not repeated or not (rewriter.numbers.finite(x) or _at_least_one(rewriter, node, repeated)):
        return None
    summed = _fold_source(rewriter, node, x, repeated)
    return F.broadcast_to(F.mul(summed, product(dims[a] for a in repeated)), node.output.dims)


def extreme_of_broadcast(rewriter: Rewriter, node: Node) -> Value | None:
    """The largest of equal elements, where there is one."""
    inner = made_by(node.inputs[0], "broadcast_to")
    if inner is None:
        return None
    (x,) = inner.inputs
    repeated = _repeated(node, x)
    if not repeated or not _at_least_one(rewriter, node, repeated):
        return None
    return rewriter.F.broadcast_to(_fold_source(rewriter, node, x, repeated), node.output.dims)


def _repeated(node: Node, source: Value) -> list[int]:
    """The folded axes along which the source was broadcast."""
    dims = node.inputs[0].dims
    own = padded(source.dims, len(dims))
    return [a for a in node.attrs["axes"] if own[a] == 1 and dims[a] != 1]


def _at_least_one(rewriter: Rewriter, node: Node, axes: list[int]) -> bool:
    return all((rewriter.F.facts.lower_bound(node.inputs[0].dims[a]) or 0) >= 1 for a in axes)


def _fold_source(rewriter: Rewriter, node: Node, source: Value, repeated: list[int]) -> Value:
    """The fold over the source's own axes; of the repeated ones nothing stays."""
    F, extra = rewriter.F, node.inputs[0].rank - source.rank
    own = [a - extra for a in node.attrs["axes"] if a not in repeated and a >= extra]
    left = tuple(d for a, d in enumerate(source.dims, start=extra) if a not in node.attrs["axes"])
    return F.reshape(F.reduce(node.op.name, source, own), left)


def sum_of_embed(rewriter: Rewriter, node: Node) -> Value | None:
    """Zeros add nothing: the sum of what was embedded, where the axes that stay were embedded whole."""
    inner = made_by(node.inputs[0], "embed")
    if inner is None:
        return None
    (x,), dims = inner.inputs, node.inputs[0].dims
    for axis in range(x.rank):
        whole = x.dims[axis] == dims[axis] and inner.attrs["starts"][axis] == 0 and inner.attrs["steps"][axis] == 1
        if axis not in node.attrs["axes"] and not whole:
            return None
    return rewriter.F.reduce("sum", x, node.attrs["axes"])


_ANY_FOLD = (fold_of_ones, fold_of_transpose, fold_of_reshape)

SUM_RULES: Rules = {
    "sum": (*_ANY_FOLD, fold_of_fold, sum_of_broadcast, sum_of_embed),
    "max": (*_ANY_FOLD, fold_of_fold, extreme_of_broadcast),
    "min": (*_ANY_FOLD, fold_of_fold, extreme_of_broadcast),
}
