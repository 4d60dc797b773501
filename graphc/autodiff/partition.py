"""What to save between forward and backward, and what to compute again: a minimum cut over bytes.

Sizes matter here, so the choice is made with the sizes of a call at hand (``sizes``: symbol -> number). Cheap pointwise
work, casts and rearranged elements are computed again where that saves bytes; products, folds, scans, gathers and heavy
functions are not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from graphc.autodiff.estimate import number, size_bytes
from graphc.autodiff.mincut import INFINITE, Network
from graphc.errors import UnsupportedError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, symbol, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Bind, Create, Movement, Op, Pointwise
from graphc.ir.rewrite import copy_node
from graphc.ir.shapes import ShapeFacts

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
    for node in joint.nodes:
        if isinstance(node.op.kind, Bind):
            raise UnsupportedError(
                "vjp of a while loop is not supported yet, since how much it saves shows when it runs: use grad or "
                "value_and_grad, or a loop over a range",
                location=node.location,
            )
    late = _descendants(joint, joint.params[n_forward_params:])
    residuals = _cut(joint, _ancestors(joint, joint.outputs[:n_forward_outputs]), late, n_forward_outputs, sizes or {})
    saved = tuple(value for value in joint.values() if value in residuals.saved)
    backward = _extract(joint, ops, (*saved, *joint.params[n_forward_params:]), joint.outputs[n_forward_outputs:])
    backward = _with_ints(backward)
    forward_outputs = (*joint.outputs[:n_forward_outputs], *saved)
    forward = _extract(joint, ops, joint.params[:n_forward_params], forward_outputs, backward.ints)
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
    joint: Graph, ops: Mapping[str, Op], facts: ShapeFacts, n_params: int, n_outputs: int, at_hand: set[Value]
) -> RegionSplit:
    """The joint graph of a loop's body in two; ``at_hand``: its index and captures, which need not be saved."""
    late = _descendants(joint, joint.params[n_params:])
    early = _ancestors(joint, joint.outputs[:n_outputs])
    cut = _cut(joint, early, late, n_outputs, {}, at_hand).saved
    kept = tuple(v for v in joint.values() if v in cut and v not in at_hand)
    free = tuple(v for v in joint.params[:n_params] if v in at_hand)
    backward = _extract(joint, ops, (*kept, *free, *joint.params[n_params:]), joint.outputs[n_outputs:], facts=facts)
    forward = _extract(joint, ops, joint.params[:n_params], (*joint.outputs[:n_outputs], *kept), facts=facts)
    positions = {v: (k - 1 if k else None) for k, v in enumerate(joint.params)}
    return RegionSplit(forward, backward, kept, tuple(positions[v] for v in free))


class _Choice(NamedTuple):
    saved: frozenset[Value]
    again: frozenset[Value]


def _cut(
    joint: Graph,
    early: set[Value],
    late: set[Value],
    n_forward_outputs: int,
    sizes: Mapping[str, int],
    at_hand: Collection[Value] = (),
) -> _Choice:
    """Each value that is not late is two nodes of a network, made (in) and kept (out), with its bytes between them.

    What is ``at_hand`` anyway costs nothing. Of a value and its transpose the value is saved: to save the other is a
    copy, and a product that reads it needs none.
    """
    values = [value for value in joint.values() if value not in late]
    made = {value: 2 * position + 2 for position, value in enumerate(values)}
    network = Network(2 * len(values) + 2)
    source, sink = 0, 1
    for value in values:
        transposed = value.node is not None and value.node.op.name == "transpose"
        bytes_ = 0 if value in at_hand else number(size_bytes(value), sizes) + transposed
        network.connect(made[value], made[value] + 1, bytes_)
        if value.node is None or not _cheap_again(value.node):
            network.connect(source, made[value], INFINITE)
        else:
            for operand in value.node.inputs:
                network.connect(made[operand] + 1, made[value], INFINITE)
    read_late = {v for node in joint.nodes if any(o in late for o in node.outputs) for v in node.inputs if v in made}
    read_late.update(v for v in joint.outputs[n_forward_outputs:] if v in made)
    for value in read_late:
        network.connect(made[value] + 1, sink, INFINITE)
    side = network.cut_near_sink(source, sink)
    saved = frozenset(v for v in values if made[v] not in side and made[v] + 1 in side)
    return _Choice(saved, frozenset(v for v in values if v in early and made[v] in side))


def _cheap_again(node: Node) -> bool:
    if isinstance(node.op.kind, Movement | Create):
        return True
    return isinstance(node.op.kind, Pointwise) and node.op.cost <= MAX_RECOMPUTED_COST


def _descendants(graph: Graph, sources: Iterable[Value]) -> set[Value]:
    found = set(sources)
    for node in graph.nodes:
        if any(v in found for v in node.inputs):
            found.update(node.outputs)
    return found


def _ancestors(graph: Graph, targets: Iterable[Value]) -> set[Value]:
    found = set(targets)
    for node in reversed(graph.nodes):
        if any(o in found for o in node.outputs):
            found.update(node.inputs)
            found.update(node.outputs)
    return found


def _extract(
    graph: Graph,
    ops: Mapping[str, Op],
    params: Sequence[Value],
    outputs: Sequence[Value],
    sizes: Sequence[Dim] = (),
    facts: ShapeFacts | None = None,
) -> Graph:
    """The part of the graph that computes the outputs from these values, with the sizes as further outputs."""
    given = set(params)
    needed = set(outputs) - given
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(o in needed for o in node.outputs):
            kept.append(node)
            needed.update(v for v in node.inputs if v not in given)
    F = Builder(ops, facts or ShapeFacts(graph.guards))
    new = {p: Value(p.type, p.grad, p.name or f"r{position}") for position, p in enumerate(params)}
    new_params = tuple(new.values())
    for node in reversed(kept):
        copies = copy_node(F, node, tuple(new[v] for v in node.inputs))
        new.update((old, fresh) for old, fresh in zip(node.outputs, copies, strict=True) if old not in new)
    outputs = (*(new[v] for v in outputs), *(F.value(size) for size in sizes))
    return Graph(graph.name, new_params, tuple(F.nodes), outputs, graph.guards, graph.ints)


def _with_ints(backward: Graph) -> Graph:
    """With an int for each symbol that the graph needs and that is no parameter's dim by itself."""
    shown = {str(dim) for param in backward.params for dim in param.dims}
    needed: dict[str, None] = {}
    for value in backward.values():
        needed.update((name, None) for dim in value.dims for name in sorted(symbols_of(dim)))
    for node in backward.nodes:
        needed.update((name, None) for attr in node.attrs.values() for name in sorted(_symbols_in(attr)))
    for guard in backward.guards:
        needed.update((name, None) for name in sorted(symbols_of(guard.expr)))
    ints = tuple(symbol(name) for name in needed if name not in shown)
    return Graph(backward.name, backward.params, backward.nodes, backward.outputs, backward.guards, ints)


def _symbols_in(attr: object) -> frozenset[str]:
    if isinstance(attr, tuple):
        return frozenset().union(*map(_symbols_in, attr))
    return symbols_of(attr) if isinstance(attr, Expr) else frozenset()
