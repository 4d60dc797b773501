"""What loop indices can be, and what follows for positions computed from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, substitute, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import rebuild
from graphc.ir.shapes import Guard, ShapeFacts
from graphc.schedule.positions import as_dim


@dataclass
class Ranges:
    """``trips``: the number of iterations of each loop around the present place, by its index, outermost first."""

    facts: ShapeFacts
    trips: dict[str, Dim] = field(default_factory=dict)

    @contextmanager
    def inside(self, index: str, trips: Dim) -> Iterator[None]:
        """Within the block the index is one of a loop that runs: it is from 0 to ``trips - 1``."""
        self.trips[index] = without_floor(trips)
        yield
        del self.trips[index]

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
        low = self.facts.lower_bound(dim)
        return low is not None and low >= 0

    def is_inside(self, dim: Dim, size: Dim) -> bool:
        return self.never_negative(dim) and self.never_negative(size - 1 - dim)

    def simplified(self, graph: Graph, ops: Mapping[str, Op], guards: Sequence[Guard]) -> Graph:
        """Without checks of indices that are inside, and without the wrapping of those that are not negative."""

        def visit(F: Builder, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...] | None:
            if node.op.name == "checked_index":
                dim = as_dim(inputs[0])
                return inputs[:1] if dim is not None and self.is_inside(dim, node.attrs["size"]) else None
            if node.op.name == "select" and self._wraps_never(inputs):
                return inputs[2:]
            return None

        return rebuild(graph, ops, visit)

    def _wraps_never(self, inputs: tuple[Value, ...]) -> bool:
        """``select(i < 0, i + size, i)`` of an index that is not negative."""
        flag, _, index = inputs
        dim, test = as_dim(index), flag.node
        if dim is None or test is None or test.op.name != "lt":
            return False
        return as_dim(test.inputs[0]) == dim and as_dim(test.inputs[1]) == 0 and self.never_negative(dim)


def without_floor(trips: Dim) -> Dim:
    """``max(n, 0)`` as n: a loop that runs has at least one iteration."""
    if isinstance(trips, Expr) and len(trips.terms) == 1:
        (monomial, coefficient), *_ = trips.terms
        if coefficient == 1 and len(monomial) == 1 and not isinstance(monomial[0], str):
            call = monomial[0]
            if call.function == "max" and 0 in call.args:
                return next((arg for arg in call.args if arg != 0), trips)
    return trips
