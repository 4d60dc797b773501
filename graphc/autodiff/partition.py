"""What to save between forward and backward, and what to compute again: a minimum cut over bytes.

Sizes matter here, so the choice is made with the sizes of a call at hand (``sizes``: symbol -> number). Cheap pointwise
work, casts and rearranged elements are computed again where that saves bytes; products, folds, scans, gathers and heavy
functions are not. Python's own numbers are at hand anyway, and what follows from them alone is one operation, however
heavy: on a device the host computes it, where a saved double would be each thread's to round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from graphc.autodiff.estimate import number
from graphc.autodiff.mincut import INFINITE, Network
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product, symbol, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Bind, Compact, Create, Movement, Op, Pointwise, Read
from graphc.ir.rewrite import copy_node
from graphc.ir.shapes import ShapeFacts
from graphc.ir.sizes import Needs, bound_sizes, is_binder, limit_of, sizes_of
from graphc.ir.types import ArrayType

MAX_RECOMPUTED_COST = 8  # operations an element; an exponential costs more than reading it back from memory


class Split(NamedTuple):
    """A joint graph as two programs.

    ``forward``: primal parameters -> forward outputs, residuals, then one i64 scalar for each of ``backward.ints``.
    ``backward``: residuals, then the cotangent parameters -> gradients; ``backward.ints`` are the sizes that none of
    its parameters shows. ``residuals`` are values of the joint graph, among them parameters and forward outputs where
    those are read again: a caller who lets users write into those arrays must copy them.
    """

    forward: Graph
    backward: Graph
    residuals: tuple[Value, ...]


def split(
    joint: Graph,
    ops: Mapping[str, Op],
    n_forward_params: int,
    n_forward_outputs: int,
    sizes: Mapping[str, int] | None = None,
) -> Split:
    """The joint graph of ``joint_vjp(..., seeds="params")`` in two."""
    room = Room(joint, ShapeFacts(joint.guards), [node for node in joint.nodes if isinstance(node.op.kind, Bind)])
    late = _descendants(joint, joint.params[n_forward_params:])
    early = _ancestors(joint, joint.outputs[:n_forward_outputs])
    numbers = {p: 0 for p in joint.params[:n_forward_params] if _is_number(p)}
    residuals = _cut(joint, early, late, n_forward_outputs, sizes or {}, numbers, room)
    saved = tuple(value for value in joint.values() if value in residuals.saved)
    late_params = joint.params[n_forward_params:]
    backward = _extract(joint, ops, (*saved, *late_params), joint.outputs[n_forward_outputs:], room=room)
    backward = _with_ints(backward)
    forward_outputs = (*joint.outputs[:n_forward_outputs], *saved)
    forward = _extract(joint, ops, joint.params[:n_forward_params], forward_outputs, backward.ints, room=room)
    return Split(forward, backward, saved)


def recomputed(joint: Graph, n_forward_outputs: int, sizes: Mapping[str, int] | None = None) -> frozenset[Value]:
    """The forward values of a joint graph that its backward part should compute again rather than read from memory."""
    early = _ancestors(joint, joint.outputs[:n_forward_outputs])
    late = {value for value in joint.values() if value not in early and value.node is not None}
    return _cut(joint, early, late, n_forward_outputs, sizes or {}).again


class RegionSplit(NamedTuple):
    """A region with its adjoint as two.

    ``forward``: the region's parameters -> its outputs, then what is ``saved``. ``backward``: what is saved, the
    parameters that are at hand anyway, then the parameters of the adjoint -> the adjoint's outputs. ``free`` names
    those at hand by their place among the region's operands, None for the index.
    """

    forward: Graph
    backward: Graph
    saved: tuple[Value, ...]
    free: tuple[int | None, ...]


def split_region(
    joint: Graph, ops: Mapping[str, Op], facts: ShapeFacts, n_params: int, n_outputs: int, at_hand: Mapping[Value, int]
) -> RegionSplit:
    """The joint graph of a loop's body in two; ``at_hand``: its index and captures, which it need not save, and what
    each costs in bytes an iteration."""
    room = Room(joint, facts, [node for node in joint.nodes if is_binder(node)])
    late = _descendants(joint, joint.params[n_params:])
    early = _ancestors(joint, joint.outputs[:n_outputs])
    cut = _cut(joint, early, late, n_outputs, {}, at_hand, room).saved
    kept = tuple(v for v in joint.values() if v in cut and v not in at_hand)
    free = tuple(v for v in joint.params[:n_params] if v in at_hand)
    backward = _extract(joint, ops, (*kept, *free, *joint.params[n_params:]), joint.outputs[n_outputs:], room=room)
    forward = _extract(joint, ops, joint.params[:n_params], (*joint.outputs[:n_outputs], *kept), room=room)
    positions = {v: (k - 1 if k else None) for k, v in enumerate(joint.params)}
    return RegionSplit(forward, backward, kept, tuple(positions[v] for v in free))


class Room:
    """What has another size in each run of a graph, and the room that it needs to be saved: the most that it can be."""

    def __init__(self, graph: Graph, facts: ShapeFacts, binding: Sequence[Node]):
        """``binding``: the nodes that bind such sizes."""
        self.facts = facts
        for node in binding:
            facts.know_bound(node.attrs["symbol"], limit_of(node))
        self.names = {node.attrs["symbol"] for node in binding}

    def dims(self, value: Value) -> tuple[Dim, ...] | None:
        """The dims of the room; None where it has no limit, so that the value can only be computed again."""
        if not any(self.names & symbols_of(dim) for dim in value.dims):
            return value.dims
        if value.node is not None and isinstance(value.node.op.kind, Compact):
            return None  # how many there are shows when they are found again, from a mask that takes less room
        found = [self.facts.highest(dim, self.names) for dim in value.dims]
        return None if None in found else tuple(dim for dim in found if dim is not None)

    def pads(self, value: Value) -> bool:
        return self.dims(value) != value.dims


class _Choice(NamedTuple):
    saved: frozenset[Value]
    again: frozenset[Value]


def _cut(
    joint: Graph,
    early: set[Value],
    late: set[Value],
    n_forward_outputs: int,
    sizes: Mapping[str, int],
    at_hand: Mapping[Value, int] | None = None,
    room: Room | None = None,
) -> _Choice:
    """Each value that is not late is two nodes of a network, made (in) and kept (out), with its bytes between them.

    What is ``at_hand`` anyway costs as much as it says, mostly nothing. Of a value and its transpose the value is
    saved: to save the other is a copy, and a product that reads it needs none. What there can be no room for is
    computed again, whatever it costs.
    """
    needs = Needs(joint)
    values = [value for value in joint.values() if value not in late]
    made = {value: 2 * position + 2 for position, value in enumerate(values)}
    network = Network(2 * len(values) + 2)
    source, sink = 0, 1
    for value in values:
        known = None if at_hand is None else at_hand.get(value)
        network.connect(made[value], made[value] + 1, _bytes_to_save(value, sizes, room) if known is None else known)
        if value.node is None or not (_cheap_again(value.node) or _must_be_again(value.node, room)):
            network.connect(source, made[value], INFINITE)
        else:
            for operand in needs.of(value.node):
                network.connect(made[operand] + 1, made[value], INFINITE)
    read_late = {v for node in joint.nodes if any(o in late for o in node.outputs) for v in needs.of(node) if v in made}
    read_late.update(v for v in joint.outputs[n_forward_outputs:] if v in made)
    for value in read_late:
        network.connect(made[value] + 1, sink, INFINITE)
    side = network.cut_near_sink(source, sink)
    saved = frozenset(v for v in values if made[v] not in side and made[v] + 1 in side)
    return _Choice(saved, frozenset(v for v in values if v in early and made[v] in side))


def _bytes_to_save(value: Value, sizes: Mapping[str, int], room: Room | None) -> int:
    dims = value.dims if room is None else room.dims(value)
    if dims is None:
        return INFINITE
    transposed = value.node is not None and value.node.op.name == "transpose"
    return number(product(dims) * value.type.dtype.itemsize, sizes) + transposed


def _must_be_again(node: Node, room: Room | None) -> bool:
    return room is not None and any(room.dims(output) is None for output in node.outputs)


def _cheap_again(node: Node) -> bool:
    if isinstance(node.op.kind, Movement | Create | Bind | Read) or node.op.name == "checked_index":
        return True
    return isinstance(node.op.kind, Pointwise) and (node.op.cost <= MAX_RECOMPUTED_COST or _is_number(node.output))


def _is_number(value: Value) -> bool:
    """One that Python has, not an array or a number of NumPy's."""
    return value.type.weak and not value.dims


def _descendants(graph: Graph, sources: Iterable[Value]) -> set[Value]:
    found, needs = set(sources), Needs(graph)
    for node in graph.nodes:
        if any(v in found for v in needs.of(node)):
            found.update(node.outputs)
    return found


def _ancestors(graph: Graph, targets: Iterable[Value]) -> set[Value]:
    found, needs = set(targets), Needs(graph)
    for node in reversed(graph.nodes):
        if any(o in found for o in node.outputs):
            found.update(needs.of(node))
            found.update(node.outputs)
    return found


def _extract(
    graph: Graph,
    ops: Mapping[str, Op],
    params: Sequence[Value],
    outputs: Sequence[Value],
    sizes: Sequence[Dim] = (),
    *,
    room: Room,
) -> Graph:
    """The part of the graph that computes the outputs from these values, with the sizes as further outputs.

    What has another size in each run stands at the beginning of an array of the largest, as parameter and as output.
    """
    given, needs = set(params), Needs(graph)
    needed = set(outputs) - given
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(o in needed for o in node.outputs):
            kept.append(node)
            needed.update(v for v in needs.of(node) if v not in given)
    F = Builder(ops, room.facts)
    made = _Made(F, room, params)
    for node in reversed(kept):
        copies = copy_node(F, node, tuple(made[v] for v in node.inputs))
        made.new.update((old, fresh) for old, fresh in zip(node.outputs, copies, strict=True) if old not in made.new)
    results = [padded(F, made[v], room.dims(v)) for v in outputs]
    results += [F.value(size) for size in sizes]
    return Graph(graph.name, tuple(made.params), tuple(F.nodes), tuple(results), graph.guards, graph.ints)


class _Made:
    """What stands for each value in a part of a graph; a padded parameter is cut to size where it is read first."""

    def __init__(self, F: Builder, room: Room, given: Sequence[Value]):
        self.F, self.new = F, dict[Value, Value]()
        self.params: list[Value] = []
        self.whole: dict[Value, Value] = {}
        for position, p in enumerate(given):
            dims = room.dims(p)
            assert dims is not None, f"{p!r} has no limit"
            fresh = Value(ArrayType(p.type.dtype, dims, p.type.weak), p.grad, p.name or f"r{position}")
            self.params.append(fresh)
            (self.whole if dims != p.dims else self.new)[p] = fresh
            if p.node is not None and is_binder(p.node) and isinstance(p.node.op.kind, Bind):
                self.new[p] = F.bind_size(fresh, **p.node.attrs)

    def __getitem__(self, value: Value) -> Value:
        if value not in self.new:
            self.new[value] = cut(self.F, self.whole[value], value.dims)
        return self.new[value]


def padded(F: Builder, value: Value, dims: tuple[Dim, ...] | None) -> Value:
    """The value at the beginning of an array of these dims."""
    if dims is None or dims == value.dims:
        return value
    whole: Value = F.embed(value, starts=(0,) * value.rank, steps=(1,) * value.rank, dims=dims)
    return whole


def cut(F: Builder, whole: Value, dims: tuple[Dim, ...]) -> Value:
    part: Value = F.slice(whole, starts=(0,) * whole.rank, steps=(1,) * whole.rank, dims=dims)
    return part


def _with_ints(backward: Graph) -> Graph:
    """With an int for each symbol that the graph needs and that is no parameter's dim by itself."""
    shown = {str(dim) for param in backward.params for dim in param.dims}
    needed: dict[str, None] = {}
    for value in backward.values():
        needed.update((name, None) for dim in value.dims for name in sorted(symbols_of(dim)))
    for node in backward.nodes:
        needed.update((name, None) for name in sorted(sizes_of(node)))
    for guard in backward.guards:
        needed.update((name, None) for name in sorted(symbols_of(guard.expr)))
    own = {name for name, _ in bound_sizes(backward)}
    ints = tuple(symbol(name) for name in needed if name not in shown and name not in own)
    return Graph(backward.name, backward.params, backward.nodes, backward.outputs, backward.guards, ints)
