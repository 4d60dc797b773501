"""From groups of tasks to loop nests: every task becomes stores and folds at its place and time."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from graphc.ir.dims import Dim, ceildiv, dim_max, product
from graphc.ir.graph import Value
from graphc.ir.opdef import Reduce, Scan
from graphc.schedule.across import packed_rows, runs_across
from graphc.schedule.fuse import Group, Placed, is_row_fold
from graphc.schedule.lanes import LaneShaper, lanes_last, renamed, zero_where
from graphc.schedule.loopnest import Compaction, Fold, LaneFold, Nest, Phase, Store, Total, storing_nest
from graphc.schedule.lower import Lowering, fold_step, linear
from graphc.schedule.merge import AxisMerge
from graphc.schedule.program import Clear, Combine
from graphc.schedule.scalars import BLOCK_AXIS, Affine, Scalar, Scalars
from graphc.schedule.tasks import (
    Task,
    is_index_fold,
    keeps_rows,
    linear_position,
    scan_operands,
    scatter_positions,
    task_scalar,
)
from graphc.schedule.together import rows_together


class Blocks(NamedTuple):
    """Into how many blocks rows are divided whose totals are kept apart: numbers of the machine, not of its threads.

    ``elements``: a block has at least so many; ``most``: blocks; ``of_lanes``: blocks where each has rows of
    temporaries, as long as the lanes are many; ``of_arrays``: blocks where each has an array of partial results.
    ``scatters``: rows that the updates of a scatter never leave are shared out, too; a device has its own ways.
    """

    elements: int
    most: int
    of_lanes: int
    of_arrays: int
    scatters: bool = False


OF_A_CPU = Blocks(elements=4096, most=256, of_lanes=64, of_arrays=32, scatters=True)
# A device runs some hundred blocks of threads at once, and reaches its memory's bandwidth when all of them are at work.
OF_A_DEVICE = Blocks(elements=2048, most=2048, of_lanes=512, of_arrays=512)


class Limits(NamedTuple):
    """``small``: the sizes that are."""

    small: Container[Dim]
    blocks: Blocks


Resident = dict[tuple[int, Affine], Scalar]


class NestBuilder:
    """Builds the nest of one group, with its axes merged.

    ``needed(value)``: something outside the group reads the value. ``new_buffer(dtype, size)``: a program buffer.
    ``count_of(positions)``: the buffer for the number of a compaction's results. ``size_of``: of a buffer, in
    elements; ``sizes``: which are small, and how many blocks there may be.
    After ``build``, ``clears`` and ``copies_before`` hold what to run before the kernel, ``combines`` and
    ``copies_after`` what to run after it.
    """

    def __init__(
        self,
        group: Group,
        merge: AxisMerge,
        stored: Mapping[Value, int],
        needed: Callable[[Value], bool],
        new_buffer: Callable[[str, Dim], int],
        count_of: Callable[[Value], int],
        size_of: Callable[[int], Dim],
        sizes: Limits,
    ):
        self.size_of, self.small, self.limits = size_of, sizes.small, sizes.blocks
        self.group, self.stored, self.needed = group, stored, needed
        self.new_buffer, self.count_of = new_buffer, count_of
        self.merge = merge
        self.scalars = Scalars(merge.affine)
        self.lowering = Lowering(self.scalars, stored)
        self.row = group.row or 0
        self.nest = Nest(
            merge.space(group.space),
            merge.count(self.row),
            phases=[],
            sequential=any(self._is_sequential(m.task) for m in group.members),
        )
        self.nest.across = not self.nest.sequential and runs_across(group, self.nest.space, self.small)
        last = max(m.time for m in group.members)
        self.phases = [[Phase(self._axes(time))] for time in range(last + group.levels + 1)]
        self.combines: list[Combine] = []
        self.clears: list[Clear] = []
        self.copies_before: list[Nest] = []
        self.copies_after: list[Nest] = []
        self._next_key = 0

    def _axes(self, time: int) -> tuple[int, ...]:
        """The loops of a phase in a row: elements of a group with lanes have those innermost."""
        level, row = time % self.group.levels, self.nest.row
        if level == 0:
            return ()
        if self.group.lanes:
            return (row,) if level == 1 else (row + 1, row)
        return tuple(range(row, len(self.nest.space)))

    def _is_sequential(self, task: Task) -> bool:
        """One part alone may run it: parts would write the same places, or carry a value along axis 0."""
        kind = task.node.op.kind
        if task.kind == "scatter":
            return not (self.limits.scatters and keeps_rows(task))
        everything = len(task.reduced) == len(task.space)
        return task.kind == "compact" or (everything and (isinstance(kind, Scan) or is_index_fold(task)))

    def build(self) -> Nest:
        later = self._read_later()
        rows: Resident = {}
        for time in range(len(self.phases)):
            self.lowering.memo.clear()
            self.lowering.resident = dict(rows)
            for member in self.group.members:
                if member.time == time:
                    self._emit(member, rows, later)
        if self.group.lanes:
            self._shape_lanes()
        self.nest.phases = [phase for phases in self.phases for phase in phases if not phase.is_empty()]
        if self.nest.across:
            self.nest.packed = packed_rows(self.nest, self.size_of, self.small)
        self.nest.together = None if self.nest.across else rows_together(self.nest)
        return self.nest

    def _shape_lanes(self) -> None:
        shaper = LaneShaper(self.nest, self.scalars, self.new_buffer, self._blocks(self.limits.most))
        for time in range(2, len(self.phases), 3):
            after = Phase(self._axes(time - 1))
            self.phases[time - 1].append(after)
            for elements in self.phases[time]:
                if elements.skip is None:
                    shaper.shape(self.phases[time - 1][0], after, elements)
        self.copies_before = shaper.packs

    def _read_later(self) -> set[int]:
        """Buffers of element values that a later phase of the group reads again."""
        made = {self.stored[m.task.value]: m for m in self.group.members if m.task.kind == "map" and m.level > 0}
        return {b for m in self.group.members for b in m.task.reads if b in made and made[b].time < m.time}

    def _emit(self, member: Placed, rows: Resident, later: set[int]) -> None:
        task, phase = member.task, self.phases[member.time][0]
        buffer = self.stored[task.value]
        scalar = task_scalar(task, self.lowering)
        if task.kind == "fold":
            self._emit_fold(member, scalar, rows)
        elif task.kind == "scan":
            self._emit_scan(task, phase, scalar)
        elif task.kind == "scatter":
            self._emit_scatter(task, phase, scalar)
        elif task.kind == "compact":
            phase.compaction = Compaction(
                buffer, self.count_of(task.value), linear(task.source.dims, task.index), scalar
            )
        else:
            if task.kind == "place" or self.needed(task.value):
                phase.stores.append(Store(buffer, self.merge.affine(task.target), scalar))
            elif buffer in later:
                phase.stores.append(self._keep(task, scalar))
            if task.kind == "place" and task.node.op.name == "embed":  # the gaps
                self.clears.append(Clear(buffer, product(task.value.dims), task.value.type.short, "0"))
            self.lowering.resident[buffer, task.target] = scalar
            if member.level == 0:
                rows[buffer, task.target] = scalar

    def _keep(self, task: Task, scalar: Scalar) -> Store:
        """Into a row of temporaries, one row for each block of rows: it stays in cache until a later phase reads it."""
        temporary, position = self._temporary(task, range(self.row, len(task.space)))
        self.lowering.kept[self.stored[task.value], task.target] = (temporary, position)
        return Store(temporary, self.merge.affine(position), scalar)

    def _temporary(self, task: Task, axes: Sequence[int]) -> tuple[int, Affine]:
        """A buffer with an element for each position of these axes in a row, and where that element is."""
        sizes = [self.group.space[a] for a in axes]
        size = product(sizes)
        if self.nest.across:  # rows of a tile run at once: each has its own, side by side
            rows, merged = self.nest.space[0], self.merge.runs[0]
            buffer = self.new_buffer(task.value.type.short, rows * size)
            row = linear([self.group.space[a] for a in merged], [Affine.axis(a) for a in merged])
            return buffer, linear(sizes, [Affine.axis(a) for a in axes]).times(rows).plus(row)
        buffer = self.new_buffer(task.value.type.short, self._blocks(self.limits.most) * size)
        return buffer, linear(sizes, [Affine.axis(a) for a in axes]).plus(Affine(0, ((BLOCK_AXIS, size),)))

    # --- folds --------------------------------------------------------------------------------------------------------

    def _fold(self, task: Task, scalar: Scalar) -> Fold:
        kind = task.node.op.kind
        assert isinstance(kind, Reduce | Scan)
        self._next_key += 1
        short = task.source.type.short
        position = self.merge.affine(linear_position(task)) if is_index_fold(task) else None
        more = scan_operands(task, self.lowering) if isinstance(kind, Scan) else ()
        init, step = kind.init(task.source.type.dtype), fold_step(kind.step, short)
        return Fold(self._next_key, short, init, step, scalar, position, more, isinstance(kind, Scan))

    def _emit_fold(self, member: Placed, scalar: Scalar, rows: Resident) -> None:
        task, buffer = member.task, self.stored[member.task.value]
        fold = self._fold(task, scalar)
        everything = len(task.reduced) == len(task.space)
        if (is_row_fold(task, self.row) and member.level > 0) or (self.nest.sequential and everything):
            self.phases[member.time][0].folds.append(fold)
            result = self.scalars.folded(task.value.type.short, fold.key, frozenset(range(self.nest.row)))
            rows[buffer, task.target] = result
            if self.needed(task.value):
                after = next(t for t in range(member.time + 1, len(self.phases)) if t % self.group.levels == 0)
                self.phases[after][0].stores.append(Store(buffer, self.merge.affine(task.target), result))
        elif everything:
            blocks = self._blocks(self.limits.most)
            partial = self.new_buffer(fold.dtype, blocks)
            self.phases[member.time][0].totals.append(Total(fold, partial))
            self._combine(partial, self.stored[task.value], 1, blocks, fold)
        elif self.group.lanes and member.level == 2 and task.reduced == {self.row + 1}:
            self._fold_of_lanes(member, fold)
        elif self.group.lanes and member.level == 2 and task.reduced == {self.row}:
            fold = replace(fold, depth=1)
            kept = frozenset(range(self.nest.row)) | {self.nest.row + 1}
            result = self.scalars.folded(task.value.type.short, fold.key, kept)
            self.phases[member.time][0].folds.append(fold)
            self.phases[member.time][0].results.append(Store(buffer, self.merge.affine(task.target), result))
        else:
            self._accumulate(member, fold)

    def _fold_of_lanes(self, member: Placed, fold: Fold) -> None:
        """A result for each lane: in its own buffer where others need it, else in a row of temporaries."""
        task, lane = member.task, (self.row,)
        buffer, position = self.stored[task.value], task.target
        if not self.needed(task.value):
            buffer, position = self._temporary(task, lane)
            self.lowering.kept[self.stored[task.value], task.target] = (buffer, position)
        elements = next((p for p in self.phases[member.time] if p.lanes), None)
        if elements is None:
            elements = Phase(self._axes(member.time))
            self.phases[member.time].append(elements)
        (total, sums), (error, _) = self._temporary(task, lane), self._temporary(task, lane)
        elements.lanes.append(
            LaneFold(fold, buffer, self.merge.affine(position), total, error, self.merge.affine(sums))
        )

    def _accumulate(self, member: Placed, fold: Fold) -> None:
        """A fold that keeps inner axes: it accumulates in memory, in an array of each block where rows are folded."""
        task, buffer = member.task, self.stored[member.task.value]
        kept = product(d for axis, d in enumerate(task.space) if axis not in task.reduced)
        index, phase = self.merge.affine(task.target), self.phases[member.time][0]
        if self.group.lanes and member.level == 2:
            phase, buffer, index = self._place_of_sum(member, fold)
        if 0 in task.reduced:
            blocks = self._blocks(self.limits.of_arrays)
            result, buffer = buffer, self.new_buffer(fold.dtype, blocks * kept)
            self._combine(buffer, result, kept, blocks, fold)
            index = index.plus(Affine(0, ((BLOCK_AXIS, kept),)))
            self.clears.append(Clear(buffer, blocks * kept, fold.dtype, fold.init))
        else:
            self.clears.append(Clear(buffer, kept, fold.dtype, fold.init))
        phase.stores.append(Store(buffer, index, fold.scalar, accumulate=fold.step))

    def _place_of_sum(self, member: Placed, fold: Fold) -> tuple[Phase, int, Affine]:
        """For a sum over rows of elements: its phase, and the buffer and position of its results.

        Lanes that add nothing are skipped where most do. Else the results lie along the lanes, and are copied to where
        they belong after the kernel.
        """
        task, lane = member.task, self.nest.row
        buffer, index = self.stored[task.value], self.merge.affine(task.target)
        zero = zero_where(fold.scalar, lane + 1) if fold.step == "{acc} + {0}" else None
        if zero is not None:
            phase = Phase((lane, lane + 1), skip=zero)
            self.phases[member.time].append(phase)
            return phase, buffer, index
        kept = [axis for axis, run in enumerate(self.merge.runs) if run[0] not in task.reduced]
        place = lanes_last(self.nest.space, kept, lane)
        space = tuple(self.nest.space[axis] for axis in kept)
        along = self.new_buffer(fold.dtype, product(space))
        own = {axis: k for k, axis in enumerate(kept)}
        source = self.scalars.reload(fold.dtype, along, renamed(place, own))
        self.copies_after.append(storing_nest(space, Store(buffer, renamed(index, own), source)))
        return self.phases[member.time][0], along, place

    def _combine(self, partial: int, result: int, kept: Dim, blocks: Dim, fold: Fold) -> None:
        self.combines.append(Combine(partial, result, kept, blocks, fold.dtype, fold.init, fold.step))

    def _blocks(self, most: int) -> Dim:
        """The number of blocks of axis 0; a function of the shape alone, so that threads do not change the result."""
        rows, rest = self.nest.space[0], product(self.nest.space[1:])
        if self.nest.block is None:
            most = min(most, self._fewest_blocks())
            enough = ceildiv(self.limits.elements, dim_max(rest, 1))
            self.nest.block = dim_max(enough, ceildiv(rows, most))
            self.nest.blocks = ceildiv(rows, self.nest.block)
        assert self.nest.blocks is not None
        return self.nest.blocks

    def _fewest_blocks(self) -> int:
        """Every total of the nest uses the same blocks: as few as the one that asks for the fewest."""
        arrays = any(m.task.kind == "fold" and 0 in m.task.reduced and len(m.task.reduced) < len(m.task.space)
                     for m in self.group.members)  # fmt: skip
        if arrays:
            return self.limits.of_arrays
        return self.limits.of_lanes if self.group.lanes else self.limits.most

    def _emit_scan(self, task: Task, phase: Phase, scalar: Scalar) -> None:
        fold = self._fold(task, scalar)
        phase.folds.append(fold)
        phase.exclusive = task.node.attrs["exclusive"]
        running = self.scalars.folded(fold.dtype, fold.key, frozenset(range(len(self.nest.space))))
        phase.stores.append(Store(self.stored[task.value], self.merge.affine(task.target), running))

    def _emit_scatter(self, task: Task, phase: Phase, scalar: Scalar) -> None:
        """Adds each update at its place, one after another."""
        position, gathered = scatter_positions(task, self.lowering)
        buffer, size = self.stored[task.value], product(task.value.dims)
        step = fold_step("{acc} + {0}", task.value.type.short)
        phase.stores.append(Store(buffer, self.merge.affine(position), scalar, step, gathered))
        self.clears.append(Clear(buffer, size, task.value.type.short, "0"))
