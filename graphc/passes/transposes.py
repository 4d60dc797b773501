"""Transpose matrices late: after pointwise work and products, where the library does it by a flag.

>>> print(apply_to_text(delay_transposes, '''
... graph f(%x: f64[n,m], %d: f64[n]) -> (%3) {
...   %0: f64[m,n] = transpose %x perm=(1,0)
...   %1: f64[m,n] = mul %0, %d
...   %2: f64[m,m] = matmul %1, %x
...   %3: f64[m,m] = transpose %2 perm=(1,0)
... }''', OPS))
graph f(%x: f64[n,m], %d: f64[n]) -> (%3) {
  %0: f64[n,1] = reshape %d dims=(n,1)
  %1: f64[n,m] = mul %x, %0
  %2: f64[m,n] = transpose %x perm=(1,0)
  %3: f64[m,m] = matmul %2, %1
}

Pointwise work then runs in the order in which the matrix lies in memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op, Pointwise
from graphc.passes.patterns import made_by, padded
from graphc.passes.rewriter import Rewriter, Rules, rewrite


def delay_transposes(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """One walk with the rules of this file; values stay equal bit for bit, but for the rounding of products."""
    return rewrite(graph, ops, transpose_rules(ops))


def transpose_rules(ops: Mapping[str, Op]) -> Rules:
    names = [name for name, op in ops.items() if isinstance(op.kind, Pointwise)]
    return {**dict.fromkeys(names, (pointwise_of_transposed,)), "transpose": (transpose_of_products,)}


def pointwise_of_transposed(rewriter: Rewriter, node: Node) -> Value | None:
    """``op(x.T, d)`` is ``op(x, d.T).T``, where nothing but a change of shape is left of the other transposes."""
    rank = node.output.rank
    if not any(_transposed_matrix(v) for v in node.inputs):
        return None
    sources = [_turned(rewriter, v, rank) for v in node.inputs]
    if any(source is None for source in sources):
        return None
    result = rewriter.F.raw(node.op, tuple(s for s in sources if s is not None), node.attrs).output
    return rewriter.F.transpose(result, _swap(rank))


def transpose_of_products(rewriter: Rewriter, node: Node) -> Value | None:
    """``(a @ b).T`` is ``b.T @ a.T``, ``op(a @ b, d).T`` is ``op(b.T @ a.T, d.T)``, where nothing else reads them."""
    (x,) = node.inputs
    return _turned_products(rewriter, x) if x.rank >= 2 and node.attrs["perm"] == _swap(x.rank) else None


def _turned_products(rewriter: Rewriter, value: Value) -> Value | None:
    """The transpose of a product, or of pointwise work on products, if no transpose of another matrix is left in it."""
    F, node = rewriter.F, value.node
    if node is None or value.rank < 2 or not rewriter.read_once(value):
        return None
    if node.op.name == "matmul":
        a, b = (_flipped(F, v) for v in node.inputs)
        return F.matmul(b, a)
    if not isinstance(node.op.kind, Pointwise):
        return None
    products = [_turned_products(rewriter, v) for v in node.inputs]
    if all(product is None for product in products):
        return None
    sources = [_turned(rewriter, v, value.rank) if p is None else p for v, p in zip(node.inputs, products, strict=True)]
    if any(source is None for source in sources):
        return None
    return F.raw(node.op, tuple(s for s in sources if s is not None), node.attrs).output


def _swap(rank: int) -> tuple[int, ...]:
    """The permutation that transposes matrices."""
    return (*range(rank - 2), rank - 1, rank - 2)


def _flipped(F: Builder, value: Value) -> Value:
    node = _transposed_matrix(value)
    return F.transpose(value, _swap(value.rank)) if node is None else node.inputs[0]


def _transposed_matrix(value: Value) -> Node | None:
    node = made_by(value, "transpose")
    return node if node is not None and value.rank >= 2 and node.attrs["perm"] == _swap(value.rank) else None


def _turned(rewriter: Rewriter, value: Value, rank: int) -> Value | None:
    """What the transposed operand was made of, or one with a single row or column as a single column or row."""
    node = _transposed_matrix(value)
    if node is not None:
        return node.inputs[0] if value.rank == rank else None
    if not value.rank:
        return value
    *batch, rows, columns = padded(value.dims, max(2, value.rank))
    return rewriter.F.reshape(value, (*batch, columns, rows)) if 1 in (rows, columns) else None
