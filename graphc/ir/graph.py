"""The array IR: immutable graphs of nodes over typed values.

    Graph   params, nodes, outputs, guards, ints
    Node    op, inputs, attrs, regions, outputs, location
    Value   type, grad mark; the output ``index`` of ``node``, or a parameter when ``node`` is None

Values are compared by identity. A pass never changes a graph: it builds another. Arrays have no mutation here; what the
user wrote in place is ``update`` nodes, and buffers are shared again only when kernels are scheduled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graphc.errors import Location
from graphc.ir.dims import Dim
from graphc.ir.shapes import Guard
from graphc.ir.types import ArrayType

if TYPE_CHECKING:
    from graphc.ir.opdef import Op

Attrs = Mapping[str, Any]


class Value:
    """One array (or 0-d scalar) of the program. ``grad``: it depends on a marked input by a differentiable path."""

    __slots__ = ("grad", "index", "name", "node", "type")

    def __init__(self, type: ArrayType, grad: bool = False, name: str = ""):
        self.type, self.grad, self.name = type, grad, name
        self.node: Node | None = None
        self.index = 0

    @property
    def dims(self) -> tuple[Dim, ...]:
        return self.type.dims

    @property
    def rank(self) -> int:
        return len(self.type.dims)

    def __repr__(self) -> str:
        origin = f" = {self.node.op.name}" if self.node else ""
        return f"<%{self.name or '?'}: {self.type}{' grad' if self.grad else ''}{origin}>"


class Node:
    """One application of an op. Its outputs are made with it and belong to it."""

    __slots__ = ("attrs", "inputs", "location", "op", "outputs", "regions")

    def __init__(
        self,
        op: Op,
        inputs: tuple[Value, ...],
        attrs: Attrs,
        types: Iterable[ArrayType],
        *,
        grad: bool = False,
        regions: tuple[Graph, ...] = (),
        location: Location | None = None,
    ):
        self.op, self.inputs, self.attrs = op, inputs, attrs
        self.regions, self.location = regions, location
        self.outputs = tuple(Value(type_, grad) for type_ in types)
        for index, output in enumerate(self.outputs):
            output.node, output.index = self, index

    @property
    def output(self) -> Value:
        (output,) = self.outputs
        return output

    def __repr__(self) -> str:
        return f"<{self.op.name} {dict(self.attrs)}>"


@dataclass(frozen=True, eq=False)
class Graph:
    """``ints``: dims that the call's integer arguments bind or must equal; ``guards``: what a call must satisfy.

    ``settled``: names of passes that have left this region as it is. A graph never changes, so they would again.
    """

    name: str
    params: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    guards: tuple[Guard, ...] = ()
    ints: tuple[Dim, ...] = field(default=())
    settled: set[str] = field(default_factory=set, init=False, repr=False)

    @cached_property
    def op_names(self) -> frozenset[str]:
        """The names of the ops in the graph and in its regions."""
        inner = (region.op_names for node in self.nodes for region in node.regions)
        return frozenset(node.op.name for node in self.nodes).union(*inner)

    def values(self) -> Iterator[Value]:
        """Every value in order of definition."""
        yield from self.params
        for node in self.nodes:
            yield from node.outputs

    def users(self) -> dict[Value, list[Node]]:
        """The nodes that read each value, in order; an output of the graph is no user."""
        users: dict[Value, list[Node]] = {value: [] for value in self.values()}
        for node in self.nodes:
            for value in dict.fromkeys(node.inputs):
                users[value].append(node)
        return users

    def __str__(self) -> str:
        from graphc.ir.text import print_graph

        return print_graph(self)
