"""Prints kernels in which every row is added to the same results (the product of a vector and a matrix).

Row by row, each result would be read from memory and written back for each row, and wait for the row before. So several
rows are read at once and added one after another, in their order: the bits are those of row by row.
"""

from __future__ import annotations

from graphc.codegen.kernel import NestPrinter, Part
from graphc.codegen.scalar_text import conditions_of
from graphc.codegen.text import NARROW, loaded, stored
from graphc.schedule.loopnest import Nest, Phase, Store
from graphc.schedule.scalars import walk

JOINED = 4  # rows that are read at once


def rows_join(nest: Nest) -> bool:
    """Whether a row computes some numbers, and then adds elements to results that are the same for all rows."""
    *first, last = nest.phases
    axes = (*range(nest.row), *last.axes)
    if nest.row > 1 or len(axes) != 2 or axes[0] != 0 or not last.stores:
        return False
    if first and not nest.row:
        return False
    if any(phase.axes or phase.folds or phase.compaction or phase.skip is not None for phase in first):
        return False
    if last.folds or last.totals or last.lanes or last.compaction or last.skip is not None:
        return False
    return all(map(_is_for_all_rows, last.stores)) and not any(conditions_of(s) for s in walk(last.scalars()))


def _is_for_all_rows(store: Store) -> bool:
    return bool(store.accumulate) and not store.gathered and 0 not in store.index.axes and (
        store.scalar.dtype not in NARROW
    )  # fmt: skip


class JoinedRowsPrinter(NestPrinter):
    """Prints a nest of which ``rows_join`` is true."""

    def _rows(self, part: Part, axis: int = 0) -> None:
        names = dict(self.names)
        self.lines.add(f"joined = {part.stop} - ({part.stop} - {part.start}) % {JOINED}")
        with self.lines.inside(f"for i0 in range({part.start}, joined, {JOINED}):"):
            self._joined(part)
        self.names = dict(names)
        if self.nest.row:
            with self.lines.inside(f"for i0 in range(joined, {part.stop}):"):
                self._row(part)
        else:
            self._row(Part("joined", part.stop))
        self.names = names

    def _joined(self, part: Part) -> None:
        """What several rows compute each, then their elements together."""
        whole, outside, names = self.order, self.names, []
        *first, last = self.nest.phases
        order = (0, last.axes[-1], *(axis for axis in whole if axis not in (0, last.axes[-1])))
        for ahead in range(JOINED):
            self.ahead, self.names = (0, ahead), dict(outside)
            for phase in first:
                self._once(phase)
            self.order = order
            self._assign(s for s in walk(last.scalars()) if self.level(s) <= 1)
            self.order = whole
            names.append(self.names)
        self.order = order
        with self.lines.inside(self._loop_header(last.axes[-1], part)):
            self._add_together(last, names)
        self.order, self.ahead = whole, (-1, 0)

    def _add_together(self, phase: Phase, names: list[dict[int, str]]) -> None:
        sums = [loaded(s.scalar.dtype, self.element(s.buffer, s.index, ())) for s in phase.stores]
        for ahead in range(JOINED):
            self.ahead, self.names = (0, ahead), names[ahead]
            self._assign(s for s in walk(phase.scalars()) if s.number not in self.names)
            for k, store in enumerate(phase.stores):
                sums[k] = f"({store.accumulate.format(self.text(store.scalar), acc=sums[k])})"
        for store, value in zip(phase.stores, sums, strict=True):
            target = self.element(store.buffer, store.index, ())
            self.lines.add(f"{target} = {stored(store.scalar.dtype, value)}")
