"""Rewrites before scheduling: products of a matrix and a vector become loops that fuse with what is around them."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import rebuild


def expand_thin_products(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """``matmul`` with a dim of length 1 as a multiplication and a sum: no library call is worth it."""

    def visit(F: Builder, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...] | None:
        if node.op.name != "matmul" or not node.output.type.is_float:
            return None if node.op.name != "matmul" else (integer_product(F, *inputs),)
        return thin_product(F, *inputs)

    return rebuild(graph, ops, visit)


def thin_product(F: Builder, a: Value, b: Value) -> tuple[Value, ...] | None:
    *batch, m, k = a.dims
    n = b.dims[-1]
    if k == 1:
        return (F.mul(a, b),)
    if n == 1:
        row = F.reshape(b, (*batch, 1, k))
        return (F.reduce("sum", F.mul(a, row), [a.rank - 1], keepdims=True),)
    if m == 1:
        column = F.reshape(a, (*batch, k, 1))
        return (F.reduce("sum", F.mul(column, b), [a.rank - 2], keepdims=True),)
    return None


def integer_product(F: Builder, a: Value, b: Value) -> Value:
    """Integers have no library product: a sum over the middle of three axes."""
    rank = a.rank
    left, right = F.expand_dims(a, [rank]), F.expand_dims(b, [rank - 2])
    if a.type.short == "bool":
        return F.reduce("any", F.mul(left, right), [rank - 1])
    return F.reduce("sum", F.mul(left, right), [rank - 1])
