"""The lanes that values of a batched graph stand in, and ways from one to another (see ``batch``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.passes.patterns import padded


@dataclass(frozen=True)
class Dense:
    """One array for each element of the batch, along the leading axis of ``value``."""

    value: Value


@dataclass(frozen=True)
class Diagonal:
    """Unit arrays, scaled: element ``k`` is ``value`` at position ``k``, and zero elsewhere."""

    value: Value


Lane: TypeAlias = Value | Dense | Diagonal


class Lanes:
    """What the rules share: the builder, the size of the batch, and ways from one lane to another.

    ``mask``: what is computed counts only for the elements where it is true (bool, along the batch), and must do no
    harm for the others; None: it counts for all.
    """

    def __init__(self, F: Builder, size: Dim, mask: Value | None = None):
        self.F, self.size, self.mask = F, size, mask

    def dense(self, lane: Lane) -> Value:
        """The lane with the batch as leading axis: what is shared is repeated, a diagonal written out."""
        if isinstance(lane, Dense):
            return lane.value
        if isinstance(lane, Diagonal):
            return self._written_out(lane.value)
        return self.F.broadcast_to(lane, (self.size, *lane.dims))

    def over(self, lane: Lane, rank: int) -> Value:
        """An operand that broadcasts with others over elements of that rank: what is shared stays as it is."""
        if isinstance(lane, Value):
            return lane
        value = self.dense(lane)
        return self.F.reshape(value, (self.size, *padded(value.dims[1:], rank)))

    def _written_out(self, entries: Value) -> Value:
        F, n = self.F, self.size
        rows, columns = F.iota(dims=(n, n), axis=0), F.iota(dims=(n, n), axis=1)
        square = F.select(F.eq(rows, columns), F.reshape(entries, (1, n)), 0.0)
        return F.reshape(square, (n, *entries.dims))


def along(F: Builder, flags: Value, value: Value) -> Value:
    """Flags over the batch in a shape that broadcasts with a dense value."""
    return F.reshape(flags, (*flags.dims, *(1,) * (value.rank - 1)))
