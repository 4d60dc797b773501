"""Sums of pieces that tile an array are the pieces one after another.

The adjoint of slices of one array is a sum of arrays that are zero but for a piece. Where such a sum is stored and its
pieces fill it, each is computed where it belongs, and no element is looked for in all of them: the gradient of a vector
of parameters, or of queries, keys and values that are one product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Contract, Op
from graphc.ir.rewrite import drop_dead, rebuild

Users = Mapping[Value, Sequence[Node]]


@dataclass(frozen=True)
class Tiling:
    """Embeds of pieces one after another along the axis."""

    axis: int
    embeds: tuple[Node, ...]


def join_pieces(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with such sums as ``concat``; where a transpose alone reads one, of the transposed pieces."""
    users, outputs = graph.users(), set(graph.outputs)
    found: dict[Node, Tiling] = {}
    for node in graph.nodes:
        if node.op.name != "add" or any(user.op.name == "add" for user in users[node.output]):
            continue
        tiling = _tiling(node.output, users, outputs)
        if tiling is not None and _is_stored(node.output, users, outputs):
            (*_, last) = users[node.output] or (None,)
            turned = last is not None and len(users[node.output]) == 1 and last.op.name == "transpose"
            found[last if turned and last is not None and node.output not in outputs else node] = tiling
    if not found:
        return graph
    pieces: dict[Node, Value] = {}
    embeds = {embed for tiling in found.values() for embed in tiling.embeds}

    def visit(F: Builder, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...] | None:
        if node in embeds:
            pieces[node] = inputs[0]
        if node not in found:
            return None
        parts, axis = [pieces[embed] for embed in found[node].embeds], found[node].axis
        if node.op.name == "transpose":
            perm = node.attrs["perm"]
            parts, axis = [F.transpose(part, perm) for part in parts], perm.index(axis)
        return (F.concat(*parts, axis=axis),)

    return drop_dead(rebuild(graph, ops, visit))


def _tiling(total: Value, users: Users, outputs: set[Value]) -> Tiling | None:
    """The pieces that the value is the sum of, where they fill it without a gap or an overlap."""
    embeds: list[Node] = []
    waiting = [total]
    while waiting:
        node = waiting.pop().node
        if node is None or (node.output is not total and (len(users[node.output]) > 1 or node.output in outputs)):
            return None
        if node.op.name == "add" and all(v.dims == total.dims for v in node.inputs):
            waiting.extend(node.inputs)
        elif node.op.name == "embed" and set(node.attrs["steps"]) == {1} and node not in embeds:
            embeds.append(node)
        else:
            return None
    axes = {axis for embed in embeds for axis in range(total.rank) if not _is_whole(embed, axis)}
    if len(axes) != 1:
        return None
    (axis,) = axes
    ordered: list[Node] = []
    end: Dim = 0
    while end != total.dims[axis]:
        following = [embed for embed in embeds if embed.attrs["starts"][axis] == end and embed not in ordered]
        if len(following) != 1:
            return None
        ordered += following
        end = end + following[0].inputs[0].dims[axis]
    return Tiling(axis, tuple(ordered)) if len(ordered) == len(embeds) else None


def _is_whole(embed: Node, axis: int) -> bool:
    return embed.attrs["starts"][axis] == 0 and embed.inputs[0].dims[axis] == embed.output.dims[axis]


def _is_stored(value: Value, users: Users, outputs: set[Value]) -> bool:
    """Whether the value is stored anyway, perhaps rearranged: it is an output or a factor of a product."""
    if value in outputs:
        return True
    for user in users[value]:
        if isinstance(user.op.kind, Contract):
            return True
        if user.op.name in ("transpose", "reshape") and _is_stored(user.output, users, outputs):
            return True
    return False
