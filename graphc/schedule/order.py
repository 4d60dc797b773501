"""The order of a graph's nodes, which is the order of its library calls: large temporaries end as early as they can.

A call whose results the caller gets reads temporaries and makes none, so it stands as early as its operands allow: the
gradient by a weight before that by what the layer read. What an array is only compared with a constant for, after that
(the sign of an activation), is stored instead of it: one byte an element, just before a call makes an array as large.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from graphc.ir.dims import product
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Contract, Movement, Pointwise, Windows
from graphc.ir.types import BOOL

Users = Mapping[Value, Sequence[Node]]


def in_order(graph: Graph) -> tuple[Graph, list[Value]]:
    """The graph with its nodes in such an order, and the comparisons that are to be stored where they stand."""
    users = graph.users()
    nodes = _results_early(graph, users)
    masks = _masks(nodes, users, set(graph.outputs))
    for mask, call in masks.items():
        assert mask.node is not None
        nodes.remove(mask.node)
        nodes.insert(nodes.index(call), mask.node)
    return replace(graph, nodes=tuple(nodes)), list(masks)


def is_call(node: Node) -> bool:
    return isinstance(node.op.kind, Contract | Windows)


# --- calls that make results ------------------------------------------------------------------------------------------


def _results_early(graph: Graph, users: Users) -> list[Node]:
    """The nodes, with calls that only make results as soon as what they read is there."""
    outputs = set(graph.outputs)
    waiting: dict[Node, list[Node]] = {}  # a call, with what rearranges its operands for it alone
    for node in graph.nodes:
        if is_call(node) and outputs.issuperset(node.outputs) and not any(users[o] for o in node.outputs):
            waiting[node] = [*_arranging(node, users, outputs), node]
    if not waiting:
        return list(graph.nodes)
    made: set[Value] = set(graph.params)
    late = {node for nodes in waiting.values() for node in nodes}
    order: list[Node] = []
    for node in graph.nodes:
        if node in late:
            continue
        order.append(node)
        made.update(node.outputs)
        for call in [c for c, nodes in waiting.items() if _ready(nodes, made)]:
            order += waiting.pop(call)
    return [*(n for nodes in waiting.values() for n in nodes), *order]  # of parameters alone, first


def _ready(nodes: Sequence[Node], made: set[Value]) -> bool:
    own = {o for node in nodes for o in node.outputs}
    return all(v in made or v in own for node in nodes for v in node.inputs)


def _arranging(node: Node, users: Users, outputs: set[Value]) -> list[Node]:
    """The movement that the node's operands come through, where nothing else reads it; operands first."""
    found: list[Node] = []
    for value in dict.fromkeys(node.inputs):
        maker = value.node
        if maker is None or not isinstance(maker.op.kind, Movement) or value in outputs:
            continue
        if all(user is node for user in users[value]):
            found += [n for n in (*_arranging(maker, users, outputs), maker) if n not in found]
    return found


# --- comparisons instead of what is compared --------------------------------------------------------------------------


def _masks(nodes: Sequence[Node], users: Users, outputs: set[Value]) -> dict[Value, Node]:
    """Each comparison to store, and the call before which to do that.

    All that is read of an array after that call are its comparisons with constants, and the call makes an array as
    large, which then may stand where the compared one stood.
    """
    times = {node: time for time, node in enumerate(nodes)}
    calls = [node for node in nodes if is_call(node) and not outputs.intersection(node.outputs)]
    found: dict[Value, Node] = {}
    for value in dict.fromkeys(v for node in nodes if is_call(node) for v in (*node.inputs, *node.outputs)):
        if value.node is None or isinstance(value.node.op.kind, Movement):
            continue
        readers = list(_readers(value, users, outputs))
        signs = [n for n in readers if n is not None and _is_comparison(n, value) and not outputs & set(n.outputs)]
        if not signs or None in readers:
            continue
        last = max(times[n] for n in (value.node, *readers) if n is not None and n not in signs)
        first = min(times[n] for sign in signs for n in _first_readers(sign, users))
        between = [c for c in calls if last < times[c] < first and product(c.output.dims) == product(value.dims)]
        if between:
            found.update((sign.output, between[0]) for sign in signs)
    return found


def _readers(value: Value, users: Users, outputs: set[Value]) -> Iterator[Node | None]:
    """What reads the array, as it is or rearranged; None for the caller."""
    if value in outputs:
        yield None
    for user in users[value]:
        if isinstance(user.op.kind, Movement):
            for made in user.outputs:
                yield from _readers(made, users, outputs)
        else:
            yield user


def _first_readers(sign: Node, users: Users) -> Iterator[Node]:
    return (node for node in _readers(sign.output, users, set()) if node is not None)


def _is_comparison(node: Node, value: Value) -> bool:
    """Whether the node compares each element of the very array with constants."""
    return (
        isinstance(node.op.kind, Pointwise)
        and node.output.type.dtype == BOOL
        and node.output.dims == value.dims
        and all(v is value or _is_constant(v) for v in node.inputs)
    )


def _is_constant(value: Value) -> bool:
    return value.node is not None and value.node.op.name == "const"
