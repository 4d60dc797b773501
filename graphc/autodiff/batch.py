"""Batching: from a graph for one element to the graph for a whole batch of them, by the kinds of its ops.

A value of the batched graph stands in one of three *lanes*:

    shared     the same for every element: computed once, as before, and never repeated along the batch
    Dense      another for each element: the batch is a leading axis
    Scaled     a dense value, or the unit arrays of a shape, times a factor that is shared: what a basis becomes

So a matrix that is shared stays one operand of one matrix product, and the product of a matrix with a basis is the
matrix itself; what multiplies that afterwards is collected in one shared factor. A derivative along a basis counts what
is zero in a direction as zero, whatever it is multiplied by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from graphc.autodiff.batch_basis import along_basis
from graphc.autodiff.batch_custom import batch_custom, batch_foreign
from graphc.autodiff.batch_masks import with_whole_masks
from graphc.autodiff.batch_positions import gather, read, read_back, scatter, write
from graphc.autodiff.batch_windows import windows
from graphc.autodiff.estimate import number
from graphc.autodiff.lanes import Dense, Lane, Lanes, Scaled, along
from graphc.errors import UnsupportedError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import (
    Bind,
    Composite,
    Contract,
    Custom,
    Foreign,
    Gather,
    Movement,
    Op,
    Pointwise,
    Read,
    Reduce,
    Routine,
    Scan,
    Scatter,
    Windows,
    Write,
)
from graphc.ir.rewrite import copy_node, drop_dead
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType

Role = Literal["shared", "batched", "basis"]


SMALL = 64  # elements of two matrices that are sooner copied into one large product than multiplied by a call


def batch_graph(
    graph: Graph, ops: Mapping[str, Op], roles: Sequence[Role], size: Dim, sizes: Mapping[str, int] | None = None
) -> tuple[Graph, tuple[bool, ...]]:
    """The graph for a batch of ``size`` elements, and which of its outputs have the batch as leading axis.

    ``roles[i]``: parameter i is shared; or has the batch as leading axis; or is a basis, the unit arrays of its shape
    in C order (``size`` of them), and no parameter of the batched graph any more. ``sizes``: what symbols are in a call
    at hand, for choices. Raises ``UnsupportedError`` at the user's line for what cannot be batched.
    """
    graph = with_whole_masks(graph, ops, [role != "shared" for role in roles])
    batcher = Batcher(Builder(ops, ShapeFacts(graph.guards)), size, sizes=sizes or {})
    lanes = [batcher.parameter(param, role) for param, role in zip(graph.params, roles, strict=True)]
    params = [lane if isinstance(lane, Value) else lane.value for lane in lanes if not isinstance(lane, Scaled)]
    results = batcher.run(graph, lanes)
    outputs = tuple(lane if isinstance(lane, Value) else batcher.dense(lane) for lane in results)
    nodes = tuple(batcher.F.nodes)
    batched = Graph(graph.name, tuple(params), nodes, outputs, graph.guards, graph.ints)
    return drop_dead(batched), tuple(not isinstance(lane, Value) for lane in results)


class Batcher(Lanes):
    """Builds the batched graph, node by node."""

    def __init__(self, F: Builder, size: Dim, mask: Value | None = None, *, sizes: Mapping[str, int]):
        """``counts``: for a size that differs between elements (and is the largest of all), what it is for each."""
        super().__init__(F, size, mask)
        self.sizes = sizes
        self.counts: dict[str, Value] = {}
        self.kept: dict[Value, Value] = {}  # dense value -> the one that it equals where the mask is false

    def parameter(self, param: Value, role: Role) -> Lane:
        if role == "shared":
            return param
        if role == "basis":
            return Scaled(None, self.F.full(ArrayType(param.type.dtype, param.dims), 1.0))
        return Dense(Value(ArrayType(param.type.dtype, (self.size, *param.dims)), param.grad, param.name))

    def run(self, graph: Graph, lanes: Sequence[Lane]) -> list[Lane]:
        """The lanes of the graph's outputs, for those of its parameters; its nodes are appended."""
        known = dict(zip(graph.params, lanes, strict=True))
        for node in graph.nodes:
            known.update(zip(node.outputs, self.apply(node, [known[v] for v in node.inputs]), strict=True))
        return [known[v] for v in graph.outputs]

    def apply(self, node: Node, lanes: Sequence[Lane]) -> Sequence[Lane]:
        """The lane of each output."""
        with self.F.at(node.location):
            if self.mask is not None and can_be_outside(node):
                first = 0 if node.op.name == "checked_index" else 1
                lanes = [lane if k < first else self._inside(lane) for k, lane in enumerate(lanes)]
            if self.counts and node.op.name == "dim":
                return (self._size(node),)
            if self.counts and not node.regions:
                self._require_same_sizes(node)
            differs = node.regions and (self.mask is not None or self.own_length(node) is not None)
            if all(isinstance(lane, Value) for lane in lanes) and not differs:
                return self._shared(node, tuple(lane for lane in lanes if isinstance(lane, Value)))
            if node.regions:
                from graphc.autodiff.batch_regions import batch_regions

                return batch_regions(self, node, lanes)
            if isinstance(node.op.kind, Write) and isinstance(lanes[0], Dense) and lanes[0].value in self.kept:
                return (self._write_masked(node, lanes, self.kept[lanes[0].value]),)
            if isinstance(node.op.kind, Custom):
                return batch_custom(self, node, lanes)
            if isinstance(node.op.kind, Foreign):
                return batch_foreign(self, node, lanes)
            scaled = along_basis(self, node, lanes)
            if scaled is not None:
                return (scaled,)
            if isinstance(node.op.kind, Bind):
                return (self._largest(node, lanes[0]),)
            if isinstance(node.op.kind, Routine | Composite):
                whole = self.F.raw(node.op, tuple(map(self.dense, lanes)), node.attrs)
                return [Dense(output) for output in whole.outputs]
            rule = RULES.get(type(node.op.kind))
            if rule is None:
                raise UnsupportedError(f"vmap: {node.op.name} has no batched form", location=node.location)
            return (Dense(rule(self, node, lanes)),)

    def _shared(self, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
        if inputs and inputs == node.inputs:
            self.F.nodes.append(node)  # nodes never change, so the two graphs share them
            return node.outputs
        return copy_node(self.F, node, inputs)

    def _largest(self, node: Node, lane: Lane) -> Lane:
        """A size that differs between elements: the largest is bound, and loops of so many iterations are masked."""
        counts = self.counts[node.attrs["symbol"]] = self.dense(lane)
        self.F.bind_size(self.F.reduce("max", counts, (0,)), symbol=node.attrs["symbol"])
        return Dense(counts)

    def _write_masked(self, node: Node, lanes: Sequence[Lane], origin: Value) -> Lane:
        """A write that leaves elements outside the mask as they are, so that nobody need copy the array to do so."""
        assert self.mask is not None
        whole, values, *places = lanes
        given = self.dense(values)
        if node.op.name in ("accumulate", "scatter_accumulate"):
            before = self.F.zeros(ArrayType(given.type.dtype))
        else:
            before = read_back(self, node, [whole, *places])
        chosen = Dense(self.F.select(along(self.F, self.mask, given), given, before))
        written = write(self, node, [whole, chosen, *places])
        self.kept[written] = origin
        return Dense(written)

    def own_length(self, node: Node) -> Value | None:
        """How many iterations of a loop count for each element, where that differs."""
        return self.counts.get(str(node.attrs.get("trips")))

    def _size(self, node: Node) -> Lane:
        """A size as a number."""
        dim = node.attrs["dim"]
        if symbols_of(dim).isdisjoint(self.counts):
            return copy_node(self.F, node, ())[0]
        if str(dim) not in self.counts:
            message = f"vmap: the size {dim} differs from element to element, and cannot be computed with"
            raise UnsupportedError(message, location=node.location)
        return Dense(self.counts[str(dim)])

    def _require_same_sizes(self, node: Node) -> None:
        """Only the iterations of a loop may differ between elements: arrays of a batch are one array."""
        sizes = (*(d for o in node.outputs for d in o.dims), *node.attrs.get("starts", ()))
        if any(symbols_of(d) & self.counts.keys() for d in sizes):
            raise UnsupportedError(
                "vmap: a slice or array whose length or place differs from element to element; with the largest length "
                "and np.where(np.arange(n) < length, x, 0) all have one shape (scipy.integrate.solve_ivp: give t_eval)",
                location=node.location,
            )

    def _inside(self, index: Lane) -> Lane:
        """Positions that may lie outside where the mask is false: 0 there."""
        assert self.mask is not None
        if isinstance(index, Value):
            return self.F.select(self.F.reduce("any", self.mask, (0,)), index, 0)
        value = self.dense(index)
        return Dense(self.F.select(along(self.F, self.mask, value), value, 0))


def can_be_outside(node: Node) -> bool:
    """Whether the node has positions that are checked when it runs."""
    return node.op.name == "checked_index" or bool(node.attrs.get("checked"))


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


def contract(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Value:
    """One product of tall matrices where one factor is shared; a batch of products where none is."""
    F, (left, right) = batcher.F, lanes
    if isinstance(left, Value) and left.rank == 2:
        return _shared_left(batcher, left, right, node.inputs[1].dims)
    if isinstance(right, Value) and right.rank == 2:
        *rows, k = node.inputs[0].dims
        given = batcher.dense_as(left, (k,)) if rows == [1] else batcher.dense(left)
        tall = F.reshape(given, (product((batcher.size, *rows)), k))
        return F.reshape(F.matmul(tall, right), (batcher.size, *rows, right.dims[-1]))
    return F.raw(node.op, (batcher.dense(left), batcher.dense(right)), node.attrs).output


def _shared_left(batcher: Batcher, left: Value, right: Lane, dims: tuple[Dim, ...]) -> Value:
    """``left @ right[k]`` for each k.

    Vectors and small matrices stand beside each other in one product; of others there is a product for each, and they
    are not copied.
    """
    F, size, m, (k, n) = batcher.F, batcher.size, left.dims[0], dims
    if n == 1:
        found = F.matmul(batcher.dense_as(right, (k,)), F.transpose(left, (1, 0)))
        return F.reshape(found, (size, m, 1))
    if number((m + k) * n, batcher.sizes) > SMALL:
        return F.matmul(batcher.dense(left), batcher.dense(right))
    wide = F.reshape(F.transpose(batcher.dense(right), (1, 0, 2)), (k, size * n))
    return F.transpose(F.reshape(F.matmul(left, wide), (m, size, n)), (1, 0, 2))


RULES: dict[type, Callable[[Batcher, Node, Sequence[Lane]], Value]] = {
    Pointwise: pointwise,
    Reduce: reduce,
    Scan: scan,
    Movement: movement,
    Gather: gather,
    Scatter: scatter,
    Contract: contract,
    Windows: windows,
    Read: read,
    Write: write,
}
