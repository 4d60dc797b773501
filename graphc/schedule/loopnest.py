"""Nests: what kernels are made of, between the array IR and printed source.

    Nest      space, row, phases    phases of a row: Store(buffer, index, scalar), Fold(key, step, scalar), ...
    scalar := load | apply | literal | position | size | holds | folded      (one class, told apart by ``form``)

Scalars and the positions in their loads stand in ``schedule.scalars``, the steps that run nests in
``schedule.program``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.ir.dims import Dim
from graphc.schedule.scalars import Affine, Scalar, walk

# --- statements -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fold:
    """``accumulator = step(accumulator, scalar, *more)``.

    ``index_of``: the fold's result is this position of its best element, and ``step`` is the condition to replace it.
    """

    key: int
    dtype: str
    init: str
    step: str
    scalar: Scalar
    index_of: Affine | None = None
    more: tuple[Scalar, ...] = ()
    running: bool = False  # every value of the accumulator is stored, not the last alone
    depth: int = 0  # loops of its phase in which it starts afresh


@dataclass(frozen=True)
class Compaction:
    """Appends ``position`` to the buffer where the scalar is true; the number of them ends up in ``count[0]``."""

    buffer: int
    count: int
    position: Affine
    scalar: Scalar


@dataclass(frozen=True)
class Store:
    buffer: int
    index: Affine
    scalar: Scalar
    accumulate: str = ""  # a fold's step: the element is combined with what is there
    gathered: tuple[tuple[Scalar, Dim], ...] = ()

    def is_hidden_by(self, later: Store) -> bool:
        """Whether the later store of the same element leaves nothing of this one."""
        same = (self.buffer, self.index) == (later.buffer, later.index)
        return same and not (self.gathered or later.gathered or later.accumulate)


@dataclass(frozen=True)
class Total:
    """A fold over rows into ``partial[block]``."""

    fold: Fold
    partial: int


@dataclass(frozen=True)
class LaneFold:
    """A fold over the outer axis of a phase for each position of its inner one: it stands in ``buffer`` at ``index``.

    Long sums are made of parts, which are added with compensation in ``total`` and ``error`` at ``sums``.
    """

    fold: Fold
    buffer: int
    index: Affine
    total: int
    error: int
    sums: Affine


@dataclass
class Phase:
    """Statements that run together in a row, in loops over ``axes``, of which the last is the innermost.

    ``results`` store what folds inside the first loop came to. ``skip``: where it is 0, a round of the first loop, or
    what is done once, has no effect.
    """

    axes: tuple[int, ...] = ()
    stores: list[Store] = field(default_factory=list)
    folds: list[Fold] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    lanes: list[LaneFold] = field(default_factory=list)
    results: list[Store] = field(default_factory=list)
    exclusive: bool = False  # stores read a running fold as it was before this element
    compaction: Compaction | None = None
    skip: Scalar | None = None

    def is_empty(self) -> bool:
        return not (self.stores or self.folds or self.totals or self.lanes or self.compaction)

    def scalars(self) -> list[Scalar]:
        """What the statements read in the loops."""
        found = [s for f in self.folds for s in (f.scalar, *f.more)]
        for store in self.stores:
            found += [store.scalar, *(position for position, _ in store.gathered)]
        found += [self.compaction.scalar] if self.compaction else []
        found += [t.fold.scalar for t in self.totals] + [lane.fold.scalar for lane in self.lanes]
        return found + ([self.skip] if self.skip is not None else [])


@dataclass
class Nest:
    """One kernel's loops: a row loop over ``space[:row]``, and in each row the phases one after another.

    Totals are folds across rows, one result for each block of ``block`` iterations of axis 0 (``blocks`` of them). Axis
    0, or the blocks, is what threads share, unless the nest is ``sequential``. ``together``: rows that run as one;
    ``across``: rows are lanes, inside of all other loops; then ``packed`` are buffers of which each row has a part of
    its own, with the size of that.
    """

    space: tuple[Dim, ...]
    row: int
    phases: list[Phase]
    sequential: bool = False
    block: Dim | None = None
    blocks: Dim | None = None
    together: Dim | None = None
    across: bool = False
    packed: dict[int, Dim] = field(default_factory=dict)

    @property
    def totals(self) -> list[Total]:
        return [total for phase in self.phases for total in phase.totals]

    def scalars(self) -> list[Scalar]:
        """What stores and folds need, outermost expressions only."""
        return [s for phase in self.phases for s in (*phase.scalars(), *(store.scalar for store in phase.results))]

    def buffers(self) -> dict[int, str]:
        """Every program buffer that the nest touches, in order of first use, with what it is for: read, write, both."""
        uses: dict[int, str] = {}

        def use(buffer: int, how: str) -> None:
            uses[buffer] = how if uses.get(buffer, how) == how else "both"

        for scalar in walk(self.scalars()):
            if scalar.form == "load":
                use(scalar.data.buffer, "read")
        for phase in self.phases:
            for store in (*phase.stores, *phase.results):
                use(store.buffer, "both" if store.accumulate else "write")
            for lane in phase.lanes:
                for buffer in (lane.buffer, lane.total, lane.error):
                    use(buffer, "both")
            if phase.compaction is not None:
                use(phase.compaction.buffer, "write")
                use(phase.compaction.count, "write")
            for total in phase.totals:
                use(total.partial, "write")
        return uses


def storing_nest(space: tuple[Dim, ...], store: Store) -> Nest:
    """A nest that does nothing but the store, for each element."""
    return Nest(space, 0, [Phase(tuple(range(len(space))), stores=[store])])
