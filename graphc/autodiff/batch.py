"""Batching: from a graph for one element to the graph for a whole batch of them, by the kinds of its ops.

A value of the batched graph stands in one of three *lanes*:

    shared     the same for every element: computed once, as before, and never repeated along the batch
    Dense      another for each element: the batch is a leading axis
    Diagonal   what a basis of unit arrays becomes under ops that work on each element alone: element ``k`` of the batch
               is zero but at position ``k`` (in C order), and there it is ``value[k]``

So a matrix that is shared stays one operand of one matrix product, and the product of a matrix with a basis is the
matrix itself. A derivative along a basis counts what is zero in a direction as zero, whatever it is multiplied by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from graphc.errors import UnsupportedError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import (
    Compact,
    Contract,
    Gather,
    Movement,
    Op,
    Pointwise,
    Reduce,
    Scan,
    Scatter,
)
from graphc.ir.rewrite import drop_dead
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.passes.patterns import constant, padded


@dataclass(frozen=True)
class Dense:
    """One array for each element of the batch, along the leading axis of ``value``."""

    value: Value


@dataclass(frozen=True)
class Diagonal:
    """Unit arrays, scaled: element ``k`` is ``value`` at position ``k``, and zero elsewhere."""

    value: Value


Lane: TypeAlias = Value | Dense | Diagonal
Role = Literal["shared", "batched", "basis"]


def batch_graph(
    graph: Graph, ops: Mapping[str, Op], roles: Sequence[Role], size: Dim
) -> tuple[Graph, tuple[bool, ...]]:
    """The graph for a batch of ``size`` elements, and which of its outputs have the batch as leading axis.

    ``roles[i]``: parameter i is shared; or has the batch as leading axis; or is a basis, the unit arrays of its shape
    in C order (``size`` of them), and no parameter of the batched graph any more. Raises ``UnsupportedError`` at the
    user's line for what cannot be batched.
    """
    batcher = Batcher(Builder(ops, ShapeFacts(graph.guards)), size)
    lanes: dict[Value, Lane] = {}
    params: list[Value] = []
    for param, role in zip(graph.params, roles, strict=True):
        lanes[param] = batcher.parameter(param, role)
        if role != "basis":
            lane = lanes[param]
            params.append(lane.value if isinstance(lane, Dense) else param)
    for node in graph.nodes:
        lanes.update(zip(node.outputs, batcher.apply(node, [lanes[v] for v in node.inputs]), strict=True))
    results = [lanes[v] for v in graph.outputs]
    outputs = tuple(lane if isinstance(lane, Value) else batcher.dense(lane) for lane in results)
    nodes = tuple(batcher.F.nodes)
    batched = Graph(graph.name, tuple(params), nodes, outputs, graph.guards, graph.ints)
    return drop_dead(batched), tuple(not isinstance(lane, Value) for lane in results)


class Batcher:
    """What the rules share: the builder, the size of the batch, and ways from one lane to another."""

    def __init__(self, F: Builder, size: Dim):
        self.F, self.size = F, size

    def parameter(self, param: Value, role: Role) -> Lane:
        if role == "shared":
            return param
        if role == "basis":
            return Diagonal(self.F.full(ArrayType(param.type.dtype, param.dims), 1.0))
        return Dense(Value(ArrayType(param.type.dtype, (self.size, *param.dims)), param.grad, param.name))

    def apply(self, node: Node, lanes: Sequence[Lane]) -> tuple[Lane, ...]:
        """The lane of each output."""
        if all(isinstance(lane, Value) for lane in lanes):
            self.F.nodes.append(node)  # nodes never change, so the two graphs share them
            return node.outputs
        with self.F.at(node.location):
            diagonal = along_diagonal(self, node, lanes)
            if diagonal is not None:
                return (diagonal,)
            rule = RULES.get(type(node.op.kind))
            if rule is None:
                raise UnsupportedError(f"vmap cannot batch {node.op.name}", location=node.location)
            return (Dense(rule(self, node, lanes)),)

    # --- lanes --------------------------------------------------------------------------------------------------------

    def dense(self, lane: Lane) -> Value:
        """The lane with the batch as leading axis: what is shared is repeated, a diagonal written out."""
        if isinstance(lane, Dense):
            return lane.value
        if isinstance(lane, Diagonal):
            return self._written_out(lane.value)
        return self.F.broadcast_to(lane, (self.size, *lane.dims))

    def over(self, lane: Lane, rank: int) -> Value:
        """An operand that broadcasts with others over elements of that rank: what is shared stays as it is."""
        if isinstance(lane, Value):
            return lane
        value = self.dense(lane)
        return self.F.reshape(value, (self.size, *padded(value.dims[1:], rank)))

    def _written_out(self, entries: Value) -> Value:
        F, n = self.F, self.size
        rows, columns = F.iota(dims=(n, n), axis=0), F.iota(dims=(n, n), axis=1)
        square = F.select(F.eq(rows, columns), F.reshape(entries, (1, n)), 0.0)
        return F.reshape(square, (n, *entries.dims))


# --- rules by kind ----------------------------------------------------------------------------------------------------


def pointwise(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Value:
    inputs = tuple(batcher.over(lane, node.output.rank) for lane in lanes)
    return batcher.F.raw(node.op, inputs, node.attrs).output


def reduce(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Value:
    (lane,) = lanes
    axes = tuple(axis + 1 for axis in node.attrs["axes"])
    return batcher.F.raw(node.op, (batcher.dense(lane),), {**node.attrs, "axes": axes}).output


def scan(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Value:
    attrs = {**node.attrs, "axis": node.attrs["axis"] + 1}
    return batcher.F.raw(node.op, tuple(map(batcher.dense, lanes)), attrs).output


def movement(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Value:
    """The batch is one more axis in front, which stays where it is."""
    attrs = MOVED_ATTRS[node.op.name](node, batcher.size)
    inputs = tuple(map(batcher.dense, lanes))
    if node.op.name == "broadcast_to":
        inputs = (batcher.over(lanes[0], node.output.rank),)
    return batcher.F.raw(node.op, inputs, {**node.attrs, **attrs}).output


def _strided(node: Node, size: Dim) -> dict[str, Any]:
    attrs = node.attrs
    return {"starts": (0, *attrs["starts"]), "steps": (1, *attrs["steps"]), "dims": (size, *attrs["dims"])}


MOVED_ATTRS: dict[str, Callable[[Node, Dim], dict[str, Any]]] = {
    "broadcast_to": lambda node, size: {"dims": (size, *node.attrs["dims"])},
    "reshape": lambda node, size: {"dims": (size, *node.attrs["dims"])},
    "transpose": lambda node, size: {"perm": (0, *(axis + 1 for axis in node.attrs["perm"]))},
    "slice": _strided,
    "embed": _strided,
    "concat": lambda node, size: {"axis": node.attrs["axis"] + 1},
    "checked_index": lambda node, size: {},
}


def compact(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Value:
    raise UnsupportedError(
        "vmap: a mask that differs from element to element selects another number of entries in each, and the results "
        "would have different lengths; keep all entries, with np.where(mask, x, 0) in place of x[mask]",
        location=node.location,
    )


def gather(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Value:
    """``x`` alone batched: one more axis that is not indexed. Indices batched: their own dims begin with the batch."""
    F, (source, *positions), axes = batcher.F, lanes, node.attrs["axes"]
    if all(isinstance(lane, Value) for lane in positions):
        attrs = {**node.attrs, "axes": tuple(axis + 1 for axis in axes)}
        return F.raw(node.op, (batcher.dense(source), *(i for i in positions if isinstance(i, Value))), attrs).output
    own, first = _own_rank(node.inputs[1:]), axes[0]
    indices = [batcher.over(lane, own) for lane in positions]
    if isinstance(source, Value):
        found = F.gather(source, *indices, **node.attrs)
        return F.transpose(found, [first, *range(first), *range(first + 1, found.rank)])
    rows, indices = _with_rows(batcher, node, indices, node.inputs[0].dims, own)
    moved = tuple(axis + 1 for axis in axes)
    found = F.gather(batcher.dense(source), rows, *indices, axes=(0, *moved), checked=False)
    return F.transpose(found, _own_behind(first, own, found.rank))


def scatter(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Value:
    """The transpose of ``gather``."""
    F, (updates, *positions) = batcher.F, lanes
    axes, dims = tuple(axis + 1 for axis in node.attrs["axes"]), (batcher.size, *node.attrs["dims"])
    if all(isinstance(lane, Value) for lane in positions):
        attrs = {**node.attrs, "axes": axes, "dims": dims}
        return F.raw(node.op, (batcher.dense(updates), *(i for i in positions if isinstance(i, Value))), attrs).output
    own = _own_rank(node.inputs[1:])
    rows, indices = _with_rows(batcher, node, [batcher.over(p, own) for p in positions], node.attrs["dims"], own)
    given = batcher.dense(updates)
    back = _own_behind(node.attrs["axes"][0], own, given.rank)
    turned = F.transpose(given, [back.index(axis) for axis in range(given.rank)])
    return F.scatter_add(turned, rows, *indices, axes=(0, *axes), dims=dims, checked=False)


def _own_rank(indices: Sequence[Value]) -> int:
    return max(index.rank for index in indices)


def _with_rows(
    batcher: Batcher, node: Node, indices: Sequence[Value], dims: Sequence[Dim], own: int
) -> tuple[Value, list[Value]]:
    """An index over the batch itself, and the others, checked here: that one needs no check."""
    F = batcher.F
    rows = F.reshape(F.iota(dims=(batcher.size,), axis=0), (batcher.size, *(1,) * own))
    if not node.attrs["checked"]:
        return rows, list(indices)
    pairs = zip(indices, node.attrs["axes"], strict=True)
    return rows, [F.checked_index(index, axis=axis, size=dims[axis]) for index, axis in pairs]


def _own_behind(first: int, own: int, rank: int) -> list[int]:
    """The permutation of (batch, own dims, rest) that puts the own dims behind ``first`` axes of the rest."""
    rest = range(1 + own, rank)
    return [0, *rest[:first], *range(1, 1 + own), *rest[first:]]


def contract(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Value:
    """One product of tall matrices where one factor is shared; a batch of products where none is."""
    F, (left, right) = batcher.F, lanes
    if isinstance(left, Value) and left.rank == 2:
        return _shared_left(batcher, left, batcher.dense(right))
    if isinstance(right, Value) and right.rank == 2:
        rows = batcher.dense(left)
        tall = F.reshape(rows, (product(rows.dims[:-1]), rows.dims[-1]))
        return F.reshape(F.matmul(tall, right), (*rows.dims[:-1], right.dims[-1]))
    return F.raw(node.op, (batcher.dense(left), batcher.dense(right)), node.attrs).output


def _shared_left(batcher: Batcher, left: Value, right: Value) -> Value:
    """``left @ right[k]`` for each k, as one product with the batch among the rows or the columns."""
    F, size, (m, k), n = batcher.F, batcher.size, left.dims, right.dims[-1]
    if n == 1:
        found = F.matmul(F.reshape(right, (size, k)), F.transpose(left, (1, 0)))
        return F.reshape(found, (size, m, 1))
    wide = F.reshape(F.transpose(right, (1, 0, 2)), (k, size * n))
    return F.transpose(F.reshape(F.matmul(left, wide), (m, size, n)), (1, 0, 2))


RULES: dict[type, Callable[[Batcher, Node, Sequence[Lane]], Value]] = {
    Pointwise: pointwise,
    Reduce: reduce,
    Scan: scan,
    Movement: movement,
    Gather: gather,
    Scatter: scatter,
    Compact: compact,
    Contract: contract,
}


# --- a basis ----------------------------------------------------------------------------------------------------------

# Ops that are zero where one operand is, whatever the others are (there is nothing to differentiate), by its position.
ABSORBING: dict[str, tuple[int, ...]] = {
    "mul": (0, 1), "guarded_mul": (0, 1), "absorbing_mul": (0, 1), "div": (0,), "neg": (0,), "positive": (0,),
}  # fmt: skip


def along_diagonal(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Lane | None:
    """The lane of the output where a basis goes in and needs not be written out; None elsewhere."""
    if not any(isinstance(lane, Diagonal) for lane in lanes):
        return None
    F, kind = batcher.F, node.op.kind
    if isinstance(kind, Pointwise) and _stays_diagonal(node, lanes):
        inputs = tuple(lane.value if isinstance(lane, Diagonal) else lane for lane in lanes)
        return Diagonal(F.raw(node.op, inputs, node.attrs).output)  # type: ignore[arg-type]
    if node.op.name == "reshape":
        (lane,) = lanes
        return Diagonal(F.reshape(lane.value, node.attrs["dims"]))  # type: ignore[union-attr]
    if node.op.name == "sum" and len(node.attrs["axes"]) == node.inputs[0].rank:
        (lane,) = lanes
        return Dense(F.reshape(lane.value, (batcher.size,)))  # type: ignore[union-attr]
    if isinstance(kind, Contract) and node.inputs[0].rank == 2:
        return _product_with_basis(batcher, node, lanes)
    return None


def _stays_diagonal(node: Node, lanes: Sequence[Lane]) -> bool:
    """No operand has the batch as an axis, none stretches the basis, and what is off the diagonal stays zero."""
    if any(isinstance(lane, Dense) for lane in lanes):
        return False
    basis = [k for k, lane in enumerate(lanes) if isinstance(lane, Diagonal)]
    if any(node.inputs[k].dims != node.output.dims for k in basis):
        return False
    if node.op.name in ("add", "sub"):
        return len(basis) == 2
    if node.op.name == "select":
        return all(k in basis or constant(node.inputs[k]) == 0 for k in (1, 2))
    if node.op.name == "cast":
        return node.output.type.is_float
    return any(k in basis for k in ABSORBING.get(node.op.name, ()))


def _product_with_basis(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Lane | None:
    """A column of unit arrays picks the columns of a shared matrix, a row of them its rows."""
    F, (left, right), size = batcher.F, lanes, batcher.size
    if isinstance(left, Value) and isinstance(right, Diagonal) and right.value.dims[1] == 1:
        picked = F.transpose(F.mul(left, F.reshape(right.value, (1, size))), (1, 0))
        return Dense(F.reshape(picked, (size, left.dims[0], 1)))
    if isinstance(right, Value) and isinstance(left, Diagonal) and left.value.dims[0] == 1:
        picked = F.mul(right, F.reshape(left.value, (size, 1)))
        return Dense(F.reshape(picked, (size, 1, right.dims[1])))
    return None
