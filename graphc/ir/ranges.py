"""What loop indices can be, and what follows for positions computed from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, substitute, symbol, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.positions import as_dim
from graphc.ir.regions import carried, operands_of
from graphc.ir.rewrite import rebuild
from graphc.ir.shapes import Guard, ShapeFacts


@dataclass
class Ranges:
    """``trips``: the number of iterations of each loop around the present place, by its index, outermost first.

    ``known``: parameters of the regions around it that are indices, or computed of them, as expressions.
    """

    facts: ShapeFacts
    trips: dict[str, Dim] = field(default_factory=dict)
    known: dict[Value, Dim] = field(default_factory=dict)

    @contextmanager
    def inside(self, index: str, trips: Dim) -> Iterator[None]:
        """Within the block the index is one of a loop that runs: it is from 0 to ``trips - 1``."""
        self.trips[index] = without_floor(trips)
        yield
        del self.trips[index]

    @contextmanager
    def region(self, node: Node, region: Graph) -> Iterator[None]:
        """Within the block, the parameters of this region of the node are known, those that can be."""
        for k, (operand, param) in enumerate(operands_of(node, region)):
            dim = self.dim_of(operand) if k >= carried(node) else None
            if dim is not None:
                self.known[param] = dim
        if node.op.name != "for":
            yield
            return
        index = f"index of {len(self.trips)} loops"
        self.known[region.params[0]] = symbol(index)
        with self.inside(index, node.attrs["trips"]):
            yield

    def dim_of(self, value: Value) -> Dim | None:
        """The value as an expression over sizes and indices, where it is one."""
        return as_dim(value, self.known)

    def never_negative(self, dim: Dim) -> bool:
        """Whether it can be proved: at the least that each index allows, of what is linear in it."""
        for index, trips in reversed(self.trips.items()):
            if index not in symbols_of(dim):
                continue
            slope = substitute(dim, {index: 1}) - substitute(dim, {index: 0})
            curved = substitute(dim, {index: 2}) - substitute(dim, {index: 1}) != slope
            if curved or not isinstance(slope, int):
                return False
            dim = substitute(dim, {index: 0 if slope >= 0 else trips - 1})
        return self.facts.proves_at_least(self.facts.lowest_end(dim), 0)

    def is_inside(self, dim: Dim, size: Dim) -> bool:
        return self.never_negative(dim) and self.never_negative(size - 1 - dim)

    def simplified(self, graph: Graph, ops: Mapping[str, Op], guards: Sequence[Guard]) -> Graph:
        """Without checks of indices that are inside, and without the wrapping of those that are not negative."""

        def visit(F: Builder, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...] | None:
            if node.op.name == "checked_index":
                return inputs[:1] if self.is_index(inputs[0], node.attrs["size"]) else None
            if node.op.name == "select" and self.wraps_never(inputs):
                return inputs[2:]
            return None

        return rebuild(graph, ops, visit)

    def is_index(self, value: Value, size: Dim) -> bool:
        """Whether the value is known to be a position along an axis of this size."""
        dim = self.dim_of(value)
        return dim is not None and self.is_inside(dim, size)

    def wraps_never(self, inputs: tuple[Value, ...]) -> bool:
        """``select(i < 0, i + size, i)`` of an index that is not negative."""
        flag, _, index = inputs
        dim, test = self.dim_of(index), flag.node
        if dim is None or test is None or test.op.name != "lt":
            return False
        return self.dim_of(test.inputs[0]) == dim and self.dim_of(test.inputs[1]) == 0 and self.never_negative(dim)


def without_floor(trips: Dim) -> Dim:
    """``max(n, 0)`` as n: a loop that runs has at least one iteration."""
    if isinstance(trips, Expr) and len(trips.terms) == 1:
        (monomial, coefficient), *_ = trips.terms
        if coefficient == 1 and len(monomial) == 1 and not isinstance(monomial[0], str):
            call = monomial[0]
            if call.function == "max" and 0 in call.args:
                return next((arg for arg in call.args if arg != 0), trips)
    return trips
