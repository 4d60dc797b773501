"""Regions as they are scheduled: what is known before they run is inside them, and a loop's index is a symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, substitute, symbol
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Bind, Op, Write
from graphc.ir.positions import as_dim
from graphc.ir.regions import carried, lead
from graphc.ir.rewrite import inline, map_dims, with_inputs
from graphc.ir.shapes import Guard, ShapeFacts
from graphc.ir.types import ArrayType


def is_known(value: Value) -> bool:
    """Whether a region that captures the value can have it as a constant or as an expression over sizes and indices."""
    return as_dim(value) is not None or (value.node is not None and value.node.op.name == "const")


def captured(node: Node) -> list[Value]:
    """The operands that the regions capture from memory."""
    return [v for v in node.inputs[lead(node) + carried(node) :] if not is_known(v)]


def with_known_sizes(graph: Graph) -> Graph:
    """The graph without binding of sizes that are expressions over other sizes and the indices of loops: by these."""
    if not any(isinstance(node.op.kind, Bind) for node in graph.nodes):
        return graph
    known: dict[str, Dim] = {}
    new: dict[Value, Value] = {}
    nodes = []
    for node in graph.nodes:
        current = _with_sizes(node, tuple(new.get(v, v) for v in node.inputs), known)
        dim = as_dim(current.inputs[0]) if isinstance(node.op.kind, Bind) else None
        if dim is not None:
            known[node.attrs["symbol"]] = dim
            new[node.output] = current.inputs[0]
            continue
        nodes.append(current)
        new.update(zip(node.outputs, current.outputs, strict=True))
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return Graph(graph.name, graph.params, tuple(nodes), outputs, graph.guards, graph.ints)


def _with_sizes(node: Node, inputs: tuple[Value, ...], known: Mapping[str, Dim]) -> Node:
    """The node over these inputs, with the symbols that are known replaced."""
    if not known:
        return with_inputs(node, inputs)
    own = tuple(Value(v.type) for v in inputs)
    alone = Graph("", own, (with_inputs(node, own),), ())
    (changed,) = map_dims(alone, lambda dim: substitute(dim, known)).nodes
    return with_inputs(changed, inputs)


class Body:
    """A region of a node with (carried..., stacked..., captures...) as parameters; known captures are nodes in it."""

    def __init__(self, node: Node, region: Graph, ops: Mapping[str, Op], guards: Sequence[Guard]):
        self.node, self.region, self.guards = node, region, tuple(guards)
        self.F = Builder(ops, ShapeFacts(guards))
        self.F.location = node.location
        own = region.params[int(node.op.name == "for") :]
        count = carried(node)
        self.states = [Value(p.type, name=p.name) for p in own[:count]]
        operands = node.inputs[lead(node) + count :]
        self.captures = [
            Value(v.type, name=p.name) for v, p in zip(operands, own[count:], strict=True) if not is_known(v)
        ]
        rest = iter(self.captures)
        self.seen = [self._known(v) if is_known(v) else next(rest) for v in operands]

    def _known(self, value: Value) -> Value:
        dim = as_dim(value)
        if dim is not None:
            return self.F.value(dim)
        assert value.node is not None
        return self.F.constant(value.node.attrs["value"], value.type)

    def _results(self, own: Sequence[Value]) -> list[Value]:
        return inline(self.F, self.region, (*own, *self.states, *self.seen))

    def graph(self) -> Graph:
        """A branch, a condition, or the body of a ``while``."""
        outputs = self._results(())
        return Graph(self.region.name, (*self.states, *self.captures), tuple(self.F.nodes), tuple(outputs), self.guards)

    def of_for(self, index: str) -> Graph:
        """The body of a ``for`` whose index is this symbol; what it stacks is written into arrays that it carries."""
        F, count = self.F, len(self.states)
        i = F.value(symbol(index))
        results = self._results((i,))
        stacks = [
            Value(ArrayType(o.type.dtype, o.dims), name=f"stack{k}") for k, o in enumerate(self.node.outputs[count:])
        ]
        written = [push(F, stack, entry, i) for stack, entry in zip(stacks, results[count:], strict=True)]
        params = (*self.states, *stacks, *self.captures)
        return Graph(self.region.name, params, tuple(F.nodes), (*results[:count], *written), self.guards)


def push(F: Builder, stack: Value, entry: Value, i: Value) -> Value:
    """The stack with the entry of iteration i."""
    block = F.reshape(entry, (1, *entry.dims))
    written: Value = F.update(stack, block, i, *(F.value(0) for _ in entry.dims), steps=(1,) * stack.rank)
    return written


def written_operands(node: Node) -> list[Value | None]:
    """For each result of a cond, the array that both branches give it as, with or without writes; None where it is new.

    No array is given for two results: each may then be written where it stands.
    """
    sources = [[_source(output, region) for output in region.outputs] for region in node.regions]
    operands = [
        [None if p is None else node.inputs[1 + region.params.index(p)] for p in row]
        for row, region in zip(sources, node.regions, strict=True)
    ]
    found: list[Value | None] = []
    for k, (first, second) in enumerate(zip(*operands, strict=True)):
        others = [v for row in operands for n, v in enumerate(row) if n != k]
        found.append(first if first is second and first is not None and first.rank and first not in others else None)
    return found


def _source(value: Value, region: Graph) -> Value | None:
    """The parameter of the region that became the value by writes alone."""
    while value not in region.params:
        node = value.node
        if node is None:
            return None
        if isinstance(node.op.kind, Write):
            value = node.inputs[0]
        elif node.op.name in ("for", "while") and value.index < carried(node):
            value = node.inputs[value.index]
        elif node.op.name == "cond" and (operand := written_operands(node)[value.index]) is not None:
            value = operand
        else:
            return None
    return value
