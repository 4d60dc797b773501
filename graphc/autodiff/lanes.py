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
class Scaled:
    """``base`` (dense; None: the unit arrays of a shape) times ``factor``, which all elements of the batch share."""

    base: Value | None
    factor: Value


Lane: TypeAlias = Value | Dense | Scaled


class Lanes:
    """What the rules share: the builder, the size of the batch, and ways from one lane to another.

    ``mask``: what is computed counts only for the elements where it is true (bool, along the batch), and must do no
    harm for the others; None: it counts for all.
    """

    def __init__(self, F: Builder, size: Dim, mask: Value | None = None):
        self.F, self.size, self.mask = F, size, mask
        self._reshaped: dict[tuple[Value, tuple[Dim, ...]], Value] = {}

    def dense(self, lane: Lane) -> Value:
        """The lane with the batch as leading axis: what is shared is repeated, what is scaled multiplied out.

        Zeros of a derivative stay zero whatever the factor is.
        """
        if isinstance(lane, Dense):
            return lane.value
        if isinstance(lane, Scaled):
            units = lane.base is None
            return self._diagonal(lane.factor) if units else self.F.guarded_mul(lane.base, lane.factor)
        return self.F.broadcast_to(lane, (self.size, *lane.dims))

    def dense_as(self, lane: Lane, dims: tuple[Dim, ...]) -> Value:
        """The lane with the batch as leading axis, each element in another shape."""
        if isinstance(lane, Scaled) and lane.base is not None:
            lane = Scaled(self.reshaped(lane.base, (self.size, *dims)), self.F.reshape(lane.factor, dims))
        return self.F.reshape(self.dense(lane), (self.size, *dims))

    def over(self, lane: Lane, rank: int) -> Value:
        """An operand that broadcasts with others over elements of that rank: what is shared stays as it is."""
        if isinstance(lane, Value):
            return lane
        value = self.dense(lane)
        return self.F.reshape(value, (self.size, *padded(value.dims[1:], rank)))

    def reshaped(self, value: Value, dims: tuple[Dim, ...]) -> Value:
        """The same value for the same question."""
        found = self._reshaped.get((value, dims))
        if found is None:
            found = self._reshaped[value, dims] = self.F.reshape(value, dims)
        return found

    def _diagonal(self, entries: Value) -> Value:
        """Unit arrays with these entries in place of the ones."""
        F, n = self.F, self.size
        rows, columns = F.iota(dims=(n, n), axis=0), F.iota(dims=(n, n), axis=1)
        square = F.select(F.eq(rows, columns), F.reshape(entries, (1, n)), 0.0)
        return F.reshape(square, (n, *entries.dims))


def along(F: Builder, flags: Value, value: Value) -> Value:
    """Flags over the batch in a shape that broadcasts with a dense value."""
    return F.reshape(flags, (*flags.dims, *(1,) * (value.rank - 1)))
