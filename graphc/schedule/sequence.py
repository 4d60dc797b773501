"""A graph with loops, branches and writes in place as a sequence: straight pieces, and barriers between them.

A barrier is a node that runs regions or a routine, writes into an array that is there already, or stops the program.
Nothing is inlined across one: what is needed on its other side is stored. So a straight piece never sees an array
change, and a barrier may write into an array as soon as nothing behind it reads the old one. A node stands in the
earliest piece that it can, which is before the writes that follow; constants, sizes and positions made of them stand in
every piece that needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Bind, Control, Create, Foreign, Movement, Pointwise, Routine, Write
from graphc.ir.positions import as_dim
from graphc.ir.regions import carried, lead
from graphc.ir.rewrite import with_inputs
from graphc.ir.sizes import Needs
from graphc.ir.types import I64
from graphc.schedule.bodies import captured
from graphc.schedule.lower import is_trivial_reshape

LAST = 1 << 60  # the time of what the graph's caller reads


def is_barrier(node: Node) -> bool:
    return isinstance(node.op.kind, Control | Write | Bind | Routine | Foreign) or node.op.name == "checked_index"


def has_barriers(graph: Graph) -> bool:
    return any(isinstance(node.op.kind, Control | Write | Bind | Routine | Foreign) for node in graph.nodes)


@dataclass
class Sequence:
    """Barrier k (from 1) runs after pieces 0 to k - 1. ``level``: the piece or barrier from which on a value is there.

    ``uses``: the times at which each value is read: 2k in piece k, 2k - 1 by barrier k.
    """

    graph: Graph
    barriers: list[Node] = field(default_factory=list)
    level: dict[Value, int] = field(default_factory=dict)
    free: set[Value] = field(default_factory=set)
    uses: dict[Value, list[int]] = field(default_factory=dict)
    members: dict[int, list[Node]] = field(default_factory=dict)

    def pieces(self) -> int:
        return len(self.barriers) + 1

    def last_use(self, value: Value) -> int:
        return max(self.uses.get(value, [0]))

    def is_last_use(self, value: Value, barrier: int) -> bool:
        """Whether barrier k reads the value once, and nothing does afterwards."""
        times = self.uses[value]
        return max(times) == 2 * barrier - 1 and times.count(2 * barrier - 1) == 1

    def piece(self, k: int) -> Graph | None:
        """Piece k: from the stored values that it reads to those that something else reads; None where it is empty."""
        made = {o for node in self.members.get(k, ()) for o in node.outputs}
        outputs = [v for node in self.members.get(k, ()) for v in node.outputs if self._leaves(v, k)]
        outputs += self._free_operands(k)
        if not outputs:
            return None
        nodes = self._with_free(k, outputs)
        params = dict.fromkeys(v for node in nodes for v in node.inputs if v not in made and v not in self.free)
        return Graph(self.graph.name, tuple(params), tuple(nodes), tuple(dict.fromkeys(outputs)), self.graph.guards)

    def _leaves(self, value: Value, k: int) -> bool:
        return any(time != 2 * k for time in self.uses.get(value, ()))

    def _free_operands(self, k: int) -> Iterator[Value]:
        """Constants that the next barrier, or the caller, needs in memory."""
        if k < len(self.barriers):
            barrier = self.barriers[k]
            wanted = _from_memory(barrier)
        else:
            wanted = self.graph.outputs
        return (v for v in dict.fromkeys(wanted) if v in self.free)

    def _with_free(self, k: int, outputs: list[Value]) -> list[Node]:
        """The piece's nodes and the free ones that they or the outputs need, in the order of the graph."""
        needed = set(self.members.get(k, ()))
        stack = [v for node in needed for v in node.inputs] + list(outputs)
        while stack:
            value = stack.pop()
            if value in self.free and value.node is not None and value.node not in needed:
                needed.add(value.node)
                stack.extend(value.node.inputs)
        return sorted(needed, key=self._places.__getitem__)

    @cached_property
    def _places(self) -> dict[Node, int]:
        return {node: place for place, node in enumerate(self.graph.nodes)}


def _from_memory(barrier: Node) -> Iterable[Value]:
    """The operands that a barrier reads from memory even where they are constants."""
    if isinstance(barrier.op.kind, Write):
        return barrier.inputs[:1]
    if isinstance(barrier.op.kind, Control):
        return (*barrier.inputs[: lead(barrier) + carried(barrier)], *captured(barrier))
    if barrier.op.name == "checked_index":  # a number made of sizes is looked at as it is
        return () if as_dim(barrier.inputs[0]) is not None else barrier.inputs
    return barrier.inputs if isinstance(barrier.op.kind, Bind | Routine | Foreign) else ()


def make_sequence(graph: Graph) -> Sequence:
    """The graph's barriers in their order, and its other nodes each in a piece."""
    made, needs = Sequence(graph, level=dict.fromkeys(graph.params, 0)), Needs(graph)
    for node in graph.nodes:
        needed = needs.of(node)  # what binds a size is used where the size is, though nothing reads its value
        read: tuple[Value, ...] = needed
        if is_barrier(node):
            made.barriers.append(node)
            time, level = 2 * len(made.barriers) - 1, len(made.barriers)
        else:
            level = max((made.level[v] for v in needed), default=0)
            if _is_free(node, made.free):  # it stands in any piece: its sizes are bound whichever that is
                made.free.update(node.outputs)
                time, read = LAST, needed[len(node.inputs) :]
            else:
                made.members.setdefault(level, []).append(node)
                time = 2 * level
        made.level.update(dict.fromkeys(node.outputs, level))
        for value in read:
            made.uses.setdefault(value, []).append(time)
    for value in graph.outputs:
        made.uses.setdefault(value, []).append(LAST)
    return made


def _is_free(node: Node, free: set[Value]) -> bool:
    """Whether the node can be computed anywhere for nothing."""
    if any(v not in free for v in node.inputs):
        return False
    if node.op.name in ("concat", "embed") or (
        node.op.name == "reshape" and not is_trivial_reshape(node.inputs[0].dims, node.output.dims)
    ):
        return False  # something has to be in memory for these
    if isinstance(node.op.kind, Create | Movement):
        return True
    return isinstance(node.op.kind, Pointwise) and not node.output.rank and node.output.type.dtype == I64


def detached(piece: Graph) -> Graph:
    """The piece with parameters of its own, which do not lead back to the nodes that made them in the whole graph."""
    new = {p: Value(p.type, p.grad, p.name) for p in piece.params}
    nodes = []
    for node in piece.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        nodes.append(current)
        new.update((a, b) for a, b in zip(node.outputs, current.outputs, strict=True) if a is not b)
    params, outputs = (tuple(new.get(v, v) for v in values) for values in (piece.params, piece.outputs))
    return Graph(piece.name, params, tuple(nodes), outputs, piece.guards, piece.ints)
