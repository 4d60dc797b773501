"""Rewrites before scheduling: thin products become loops that fuse; checked indices get a flag to test first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphc.errors import Location
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op, Reduce, Scan
from graphc.ir.rewrite import rebuild


@dataclass(frozen=True)
class IndexCheck:
    """``flag`` (bool[]) is true where an index of the gather or scatter is outside its axis."""

    flag: Value
    axis: int
    size: Dim
    location: Location | None


def prepare(graph: Graph, ops: Mapping[str, Op]) -> tuple[Graph, list[IndexCheck]]:
    """The graph with thin products written out, and the checks to make before its gathers and scatters."""
    checks: list[IndexCheck] = []

    def visit(F: Builder, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...] | None:
        if node.op.name == "matmul":
            return thin_product(F, *inputs) if node.output.type.is_float else (integer_product(F, *inputs),)
        if node.op.name == "checked_index":
            checks.append(index_check(F, inputs[0], node.attrs["axis"], node.attrs["size"], node.location))
            return (inputs[0],)
        if node.attrs.get("checked"):
            dims = node.attrs["dims"] if "dims" in node.attrs else inputs[0].dims
            for index, axis in zip(inputs[1:], node.attrs["axes"], strict=True):
                if not counts_along(index, dims[axis]):
                    checks.append(index_check(F, index, axis, dims[axis], node.location))
        if isinstance(node.op.kind, Reduce) and node.op.kind.index and inputs[0].dims[node.attrs["axes"][0]] == 1:
            return (F.zeros(node.output.type),)
        if isinstance(node.op.kind, Scan) and inputs[0].dims[node.attrs["axis"]] == 1:
            return (scan_of_one(F, node, inputs),)
        return None

    return rebuild(graph, ops, visit), checks


def scan_of_one(F: Builder, node: Node, inputs: tuple[Value, ...]) -> Value:
    """A running fold along an axis of length 1: its start, or one step from there, which gives the last operand."""
    assert isinstance(node.op.kind, Scan)
    if not node.attrs["exclusive"]:
        return inputs[-1]
    type_ = node.output.type
    start = node.op.kind.init(type_.dtype)
    return F.full(type_, float(start) if type_.is_float else int(start))


def index_check(F: Builder, index: Value, axis: int, size: Dim, location: Location | None) -> IndexCheck:
    """The check of one index operand of a gather or scatter."""
    outside = F.logical_or(F.lt(index, 0), F.ge(index, F.value(size)))
    return IndexCheck(F.reduce("any", outside, range(outside.rank)), axis, size, location)


def counts_along(index: Value, size: Dim) -> bool:
    """Whether the index is 0, 1, ..., size - 1 and needs no check."""
    return index.node is not None and index.node.op.name == "iota" and index.dims == (size,)


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
