"""What only one side of a branch adds to an array is added on that side: the other one then does nothing.

>>> print(apply_to_text(additions_into_branches, '''
... graph f(%x: f64[n], %v: f64[1], %flag: bool[], %i: i64[]) -> (%2) {
...   %0: f64[n], %1: f64[1] = cond %flag, %x, %v
...     graph first(%x: f64[n], %v: f64[1]) -> (%0, %v) {
...       %0: f64[n] = neg %x
...     }
...     graph second(%x: f64[n], %v: f64[1]) -> (%x, %0) {
...       %0: f64[1] = const dtype=f64 value=0.0 weak=False
...     }
...   %2: f64[n] = accumulate %0, %1, %i steps=(1,)
... }''', OPS))
graph f(%x: f64[n], %v: f64[1], %flag: bool[], %i: i64[]) -> (%0) {
  %0: f64[n] = cond %flag, %x, %v, %i
    graph first(%x: f64[n], %v: f64[1], %p2: i64[]) -> (%1) {
      %0: f64[n] = neg %x
      %1: f64[n] = accumulate %0, %v, %p2 steps=(1,)
    }
    graph second(%x: f64[n], %v: f64[1], %p2: i64[]) -> (%x) {
    }
}

The adjoint of a branch that reads numbers gives the cotangents of these as results, zero on the other side, and what
follows adds them to arrays. Where a side does nothing at all, a loop over many flags skips those that are not set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.regions import map_regions, with_regions
from graphc.ir.rewrite import copy_node, drop_dead, with_inputs
from graphc.ir.shapes import ShapeFacts

SHAPES = ("reshape", "broadcast_to")


def additions_into_branches(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with every such addition in its branch."""
    return _rewritten(graph, ops, ShapeFacts(graph.guards))


@dataclass
class _Additions:
    """The ``accumulate`` nodes that follow a branch one after another, all to its result ``number``.

    ``moved``: these nodes, and the reshapes that lead from the branch's results to what they add.
    """

    branch: Node
    number: int
    nodes: list[Node] = field(default_factory=list)
    moved: set[Node] = field(default_factory=set)


def _rewritten(graph: Graph, ops: Mapping[str, Op], facts: ShapeFacts) -> Graph:
    if not any(node.regions for node in graph.nodes):
        return graph
    found = {a.nodes[-1]: a for node in graph.nodes if node.op.name == "cond" for a in _additions(graph, node)}
    skipped = {node for a in found.values() for node in (a.branch, *a.moved)}
    F = Builder(ops, facts)
    new: dict[Value, Value] = {}

    def emit(node: Node) -> None:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        current = map_regions(current, lambda region: _rewritten(region, ops, facts), "branch sums")
        F.nodes.append(current)
        new.update((a, b) for a, b in zip(node.outputs, current.outputs, strict=True) if a is not b)

    for node in graph.nodes:
        if node in found:
            additions = found[node]
            emit(additions.branch)
            branch = F.nodes.pop()
            results = _with_additions(F, branch, additions, new)
            new.update(zip(additions.branch.outputs, results, strict=True))
            new[node.output] = results[additions.number]
        elif node not in skipped:
            emit(node)
    if not new:
        return graph
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return drop_dead(Graph(graph.name, graph.params, tuple(F.nodes), outputs, graph.guards, graph.ints))


def _additions(graph: Graph, branch: Node) -> list[_Additions]:
    """What is added to one of the branch's results, right behind it; at most one such chain."""
    users, place = graph.users(), {node: k for k, node in enumerate(graph.nodes)}
    for number, result in enumerate(branch.outputs):
        found, array = _Additions(branch, number), result
        while array not in graph.outputs and len(users[array]) == 1:
            (node,) = users[array]
            shapes = _zero_on_one_side(node, branch) if node.op.name == "accumulate" else None
            if shapes is None or node.inputs[0] is not array or array in node.inputs[1:]:
                break
            if any(_comes_from(v, branch) for v in node.inputs[2:]):
                break
            found.nodes.append(node)
            found.moved.update((*shapes, node))
            array = node.output
        if found.nodes:
            last = place[found.nodes[-1]]
            read = {node for o in (*branch.outputs, *(n.output for n in found.moved)) for node in users[o]}
            if all(node in found.moved or place[node] > last for node in read) and not any(
                o in graph.outputs or any(u not in found.moved for u in users[o])
                for n in found.moved if n is not found.nodes[-1] for o in n.outputs
            ):  # fmt: skip
                return [found]
    return []


def _comes_from(value: Value, branch: Node) -> bool:
    return value.node is branch


def _zero_on_one_side(node: Node, branch: Node) -> list[Node] | None:
    """The reshapes between the branch and what the node adds, where that is 0 on some side but not on all."""
    shapes: list[Node] = []
    value = node.inputs[1]
    while value.node is not None and value.node.op.name in SHAPES:
        shapes.append(value.node)
        value = value.node.inputs[0]
    if value.node is not branch:
        return None
    zero = [is_zero(region.outputs[value.index]) for region in branch.regions]
    return shapes if any(zero) and not all(zero) else None


def is_zero(value: Value) -> bool:
    """Whether the value is known to be 0 everywhere."""
    while value.node is not None and value.node.op.name in SHAPES:
        value = value.node.inputs[0]
    return value.node is not None and value.node.op.name == "const" and value.node.attrs["value"] == 0


def _with_additions(F: Builder, branch: Node, additions: _Additions, new: Mapping[Value, Value]) -> Sequence[Value]:
    """Append the branch with the additions in it; its results."""
    places = list(dict.fromkeys(v for node in additions.nodes for v in node.inputs[2:]))
    regions = [_side(F, region, additions, places) for region in branch.regions]
    made = with_regions(branch, (*branch.inputs, *(new.get(v, v) for v in places)), regions)
    made.outputs[additions.number].grad = additions.nodes[-1].output.grad
    F.nodes.append(made)
    return made.outputs


def _side(F: Builder, region: Graph, additions: _Additions, places: Sequence[Value]) -> Graph:
    """One side with what it adds."""
    R = Builder(F.ops, F.facts)
    R.nodes.extend(region.nodes)
    own = {v: Value(v.type) for v in places}
    inside = dict(zip(additions.branch.outputs, region.outputs, strict=True)) | own
    for node in additions.nodes:
        array = inside[node.inputs[0]]
        with R.at(node.location):
            if is_zero(_at_branch(node.inputs[1], inside)):
                inside[node.output] = array
                continue
            block = _shaped(R, node.inputs[1], inside)
            inside[node.output] = copy_node(R, node, (array, block, *(own[v] for v in node.inputs[2:])))[0]
    outputs = list(region.outputs)
    outputs[additions.number] = inside[additions.nodes[-1].output]
    return Graph(region.name, (*region.params, *own.values()), tuple(R.nodes), tuple(outputs))


def _at_branch(value: Value, inside: Mapping[Value, Value]) -> Value:
    while value not in inside:
        assert value.node is not None
        value = value.node.inputs[0]
    return inside[value]


def _shaped(R: Builder, value: Value, inside: Mapping[Value, Value]) -> Value:
    """What is added, from the branch's own result on."""
    if value in inside:
        return inside[value]
    assert value.node is not None
    return copy_node(R, value.node, (_shaped(R, value.node.inputs[0], inside),))[0]
