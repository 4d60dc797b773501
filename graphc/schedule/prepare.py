"""Rewrites before scheduling: thin products become loops that fuse, indices are clamped and checked, sums padded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from graphc.errors import Location
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Gather, Op, Reduce, Scan, Scatter, Windows
from graphc.ir.rewrite import drop_dead, rebuild
from graphc.ops.convolution import along_channels
from graphc.ops.index import counts_along
from graphc.schedule.gathers import clamped, gather_of_operands
from graphc.schedule.padding import find_paddings, padded_sum
from graphc.schedule.pieces import join_pieces
from graphc.schedule.rectify import rectified

SHORT_ROW = 16  # elements of a row that is not worth a fold of its own


@dataclass(frozen=True)
class IndexCheck:
    """``flag`` (bool[]) is true where an index of the gather or scatter is outside its axis.

    ``barrier``: what gathers and scatters must wait for it, since an index may be outside.
    """

    flag: Value
    axis: int
    size: Dim
    location: Location | None
    barrier: bool = False


Checks = dict[tuple[Value, Dim], IndexCheck]


def prepare(graph: Graph, ops: Mapping[str, Op]) -> tuple[Graph, list[IndexCheck]]:
    """The graph with thin products written out, and the checks to make of its gathers' and scatters' indices."""
    checks: Checks = {}
    graph = rectified(join_pieces(graph, ops), ops)
    paddings = find_paddings(graph)

    def visit(F: Builder, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...] | None:
        if node.op.name == "matmul":
            if any(0 in value.dims for value in inputs):
                return (F.zeros(node.output.type),)
            return thin_product(F, *inputs) if node.output.type.is_float else (integer_product(F, *inputs),)
        if isinstance(node.op.kind, Windows) and any(0 in value.dims for value in inputs):
            none = F.zeros(node.output.type)
            return (none if len(inputs) < 3 else F.add(none, along_channels(F, inputs[2], node.output, node.attrs)),)
        if node.op.name == "checked_index":
            inside = clamped(F, inputs[0], node.attrs["size"])
            add_check(F, checks, inputs[0], node.attrs["axis"], node.attrs["size"], barrier=inside is None)
            return (inputs[0] if inside is None else inside,)
        if isinstance(node.op.kind, Gather | Scatter):
            return inside_only(F, checks, node, inputs)
        if isinstance(node.op.kind, Reduce) and node.op.kind.index and inputs[0].dims[node.attrs["axes"][0]] == 1:
            return (F.zeros(node.output.type),)
        if isinstance(node.op.kind, Scan) and inputs[0].dims[node.attrs["axis"]] == 1:
            return (scan_of_one(F, node, inputs),)
        if isinstance(node.op.kind, Reduce) and (inner := inner_axes(node)):
            rest = [axis for axis in node.attrs["axes"] if axis not in inner]
            return (F.reduce(node.op.name, F.reduce(node.op.name, inputs[0], inner), rest),)
        total = padded_sum(F, node, inputs[0], paddings) if inputs else None
        return None if total is None else (total,)

    prepared = rebuild(graph, ops, visit)
    flags = tuple(check.flag for check in checks.values())
    outputs = prepared.outputs
    whole = drop_dead(replace(prepared, outputs=(*outputs, *flags)))
    return replace(whole, outputs=outputs), list(checks.values())


def inner_axes(node: Node) -> list[int]:
    """The last axes of a fold that has others, too, with axes that stay between them; else none.

    They are folded first, a row at a time, in registers: all at once, each element would be added to memory.
    """
    rank, axes = node.inputs[0].rank, node.attrs["axes"]
    inner = rank
    while inner - 1 in axes:
        inner -= 1
    length = product(node.inputs[0].dims[inner:])
    if len(axes) == rank - inner or (isinstance(length, int) and length < SHORT_ROW) or node.op.kind.index:  # type: ignore[union-attr]
        return []
    return list(range(inner, rank))


def inside_only(F: Builder, checks: Checks, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
    """The gather or scatter at clamped positions, with a check of those that the user gave."""
    base, *indices = inputs
    axes, attrs = node.attrs["axes"], dict(node.attrs)
    sizes = [attrs.get("dims", base.dims)[axis] for axis in axes]
    if attrs["checked"]:
        places = [i if counts_along(i, d) else clamped(F, i, d) for i, d in zip(indices, sizes, strict=True)]
        inside = [place for place in places if place is not None]
        for index, axis, size, place in zip(indices, axes, sizes, places, strict=True):
            if place is not index:
                add_check(F, checks, index, axis, size, barrier=len(inside) < len(places))
        if len(inside) == len(places):
            indices, attrs["checked"] = inside, False
    if isinstance(node.op.kind, Gather) and not attrs["checked"]:
        early = gather_of_operands(F, base, indices, axes)
        if early is not None:
            return (early,)
    return (F.apply(node.op, (base, *indices), attrs),)


def scan_of_one(F: Builder, node: Node, inputs: tuple[Value, ...]) -> Value:
    """A running fold along an axis of length 1: its start, or one step from there, which gives the last operand."""
    assert isinstance(node.op.kind, Scan)
    if not node.attrs["exclusive"]:
        return inputs[-1]
    type_ = node.output.type
    start = node.op.kind.init(type_.dtype)
    return F.full(type_, float(start) if type_.is_float else int(start))


def add_check(F: Builder, checks: Checks, index: Value, axis: int, size: Dim, barrier: bool = False) -> None:
    """Check the index once for each size, however many gathers and scatters use it."""
    known = checks.get((index, size))
    if known is not None:
        checks[index, size] = replace(known, barrier=known.barrier or barrier)
        return
    outside = F.logical_or(F.lt(index, 0), F.ge(index, F.value(size)))
    flag = F.reduce("any", outside, range(outside.rank))
    checks[index, size] = IndexCheck(flag, axis, size, F.location, barrier)


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
