"""From groups of tasks to loop nests: every task becomes stores and folds at its place and time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.ir.dims import Dim, ceildiv, dim_max, product
from graphc.ir.graph import Value
from graphc.ir.opdef import Reduce, Scan
from graphc.schedule.fuse import Group, Placed, is_row_fold
from graphc.schedule.loopnest import Block, Clear, Combine, Compaction, Fold, Nest, Store, Total
from graphc.schedule.lower import Lowering, fold_step, linear
from graphc.schedule.merge import AxisMerge
from graphc.schedule.scalars import BLOCK_AXIS, Affine, Scalar, Scalars
from graphc.schedule.tasks import Task, is_index_fold, linear_position, scan_operands, scatter_positions, task_scalar

BLOCK_ELEMENTS = 4096  # a block of rows whose total is kept has at least so many elements
MOST_BLOCKS = 256
MOST_PARTIAL_ARRAYS = 32  # blocks where each has an array of partial results

Resident = dict[tuple[int, Affine], Scalar]


class NestBuilder:
    """Builds the nest of one group, with its axes merged.

    ``needed(value)``: something outside the group reads the value. ``new_buffer(dtype, size)``: a program buffer.
    ``count_of(positions)``: the buffer for the number of a compaction's results.
    After ``build``, ``combines`` and ``clears`` hold the steps to run after and before the kernel.
    """

    def __init__(
        self,
        group: Group,
        merge: AxisMerge,
        stored: Mapping[Value, int],
        needed: Callable[[Value], bool],
        new_buffer: Callable[[str, Dim], int],
        count_of: Callable[[Value], int],
    ):
        self.group, self.stored, self.needed = group, stored, needed
        self.new_buffer, self.count_of = new_buffer, count_of
        self.merge = merge
        self.scalars = Scalars(merge.affine)
        self.lowering = Lowering(self.scalars, stored)
        self.row = group.row or 0
        phases = 1 + max(m.phase for m in group.members)
        self.nest = Nest(
            merge.space(group.space),
            merge.count(self.row),
            phases=[Block() for _ in range(phases)],
            before=[Block() for _ in range(phases + 1)],
            sequential=any(self._is_sequential(m.task) for m in group.members),
        )
        self.combines: list[Combine] = []
        self.clears: list[Clear] = []
        self._next_key = 0

    @staticmethod
    def _is_sequential(task: Task) -> bool:
        """One part alone may run it: parts would write the same places, or carry a value along axis 0."""
        kind = task.node.op.kind
        everything = len(task.reduced) == len(task.space)
        return task.kind in ("scatter", "compact") or (everything and (isinstance(kind, Scan) or is_index_fold(task)))

    def build(self) -> Nest:
        later = self._read_later()
        rows: Resident = {}
        for time in range(2 * len(self.nest.before)):
            self.lowering.memo.clear()
            self.lowering.resident = dict(rows)
            for member in self.group.members:
                if member.time == time:
                    self._emit(member, rows, later)
        return self.nest

    def _read_later(self) -> set[int]:
        """Buffers of element values that a later phase of the group reads again."""
        made = {self.stored[m.task.value]: m for m in self.group.members if m.task.kind == "map" and not m.in_row}
        return {b for m in self.group.members for b in m.task.reads if b in made and made[b].time < m.time}

    def _block(self, member: Placed) -> Block:
        return self.nest.before[member.phase] if member.in_row else self.nest.phases[member.phase]

    def _emit(self, member: Placed, rows: Resident, later: set[int]) -> None:
        task, block = member.task, self._block(member)
        buffer = self.stored[task.value]
        scalar = task_scalar(task, self.lowering)
        if task.kind == "fold":
            self._emit_fold(member, scalar, rows)
        elif task.kind == "scan":
            self._emit_scan(task, block, scalar)
        elif task.kind == "scatter":
            self._emit_scatter(task, block, scalar)
        elif task.kind == "compact":
            block.compaction = Compaction(
                buffer, self.count_of(task.value), linear(task.source.dims, task.index), scalar
            )
        else:
            if task.kind == "place" or self.needed(task.value):
                block.stores.append(Store(buffer, self.merge.affine(task.target), scalar))
            elif buffer in later:
                block.stores.append(self._keep(task, scalar))
            if task.kind == "place" and task.node.op.name == "embed":  # the gaps
                self.clears.append(Clear(buffer, product(task.value.dims), task.value.type.short, "0"))
            self.lowering.resident[buffer, task.target] = scalar
            if member.in_row:
                rows[buffer, task.target] = scalar

    def _keep(self, task: Task, scalar: Scalar) -> Store:
        """Into a row of temporaries, one row for each block of rows: it stays in cache until a later phase reads it."""
        blocks, row = self._blocks(MOST_BLOCKS), self.group.row or 0
        inner = linear(self.group.space[row:], [Affine.axis(a) for a in range(row, len(self.group.space))])
        size = product(self.group.space[row:])
        temporary = self.new_buffer(task.value.type.short, blocks * size)
        position = inner.plus(Affine(0, ((BLOCK_AXIS, size),)))
        self.lowering.kept[self.stored[task.value], task.target] = (temporary, position)
        return Store(temporary, self.merge.affine(position), scalar)

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
        if (is_row_fold(task, self.row) and not member.in_row) or (self.nest.sequential and everything):
            self.nest.phases[member.phase].folds.append(fold)
            result = self.scalars.folded(task.value.type.short, fold.key, frozenset(range(self.nest.row)))
            rows[buffer, task.target] = result
            if self.needed(task.value):
                self.nest.before[member.phase + 1].stores.append(Store(buffer, self.merge.affine(task.target), result))
        elif everything:
            blocks = self._blocks(MOST_BLOCKS)
            partial = self.new_buffer(fold.dtype, blocks)
            self.nest.totals.append(Total(fold, partial, member.phase, member.in_row))
            self._combine(partial, task, 1, blocks, fold)
        else:
            self._accumulate(member, fold)

    def _accumulate(self, member: Placed, fold: Fold) -> None:
        """A fold that keeps inner axes: it accumulates in memory, in an array of each block where rows are folded."""
        task, buffer = member.task, self.stored[member.task.value]
        kept = product(d for axis, d in enumerate(task.space) if axis not in task.reduced)
        index = self.merge.affine(task.target)
        if 0 in task.reduced:
            blocks = self._blocks(MOST_PARTIAL_ARRAYS)
            buffer = self.new_buffer(fold.dtype, blocks * kept)
            self._combine(buffer, task, kept, blocks, fold)
            index = index.plus(Affine(0, ((BLOCK_AXIS, kept),)))
            self.clears.append(Clear(buffer, blocks * kept, fold.dtype, fold.init))
        else:
            self.clears.append(Clear(buffer, kept, fold.dtype, fold.init))
        self._block(member).stores.append(Store(buffer, index, fold.scalar, accumulate=fold.step))

    def _combine(self, partial: int, task: Task, kept: Dim, blocks: Dim, fold: Fold) -> None:
        result = self.stored[task.value]
        self.combines.append(Combine(partial, result, kept, blocks, fold.dtype, fold.init, fold.step))

    def _blocks(self, most: int) -> Dim:
        """The number of blocks of axis 0; a function of the shape alone, so that threads do not change the result."""
        rows, rest = self.nest.space[0], product(self.nest.space[1:])
        if self.nest.block is None:
            most = min(most, self._fewest_blocks())
            enough = ceildiv(BLOCK_ELEMENTS, dim_max(rest, 1))
            self.nest.block = dim_max(enough, ceildiv(rows, most))
            self.nest.blocks = ceildiv(rows, self.nest.block)
        assert self.nest.blocks is not None
        return self.nest.blocks

    def _fewest_blocks(self) -> int:
        """Every total of the nest uses the same blocks: as few as the one that asks for the fewest."""
        arrays = any(m.task.kind == "fold" and 0 in m.task.reduced and len(m.task.reduced) < len(m.task.space)
                     for m in self.group.members)  # fmt: skip
        return MOST_PARTIAL_ARRAYS if arrays else MOST_BLOCKS

    def _emit_scan(self, task: Task, block: Block, scalar: Scalar) -> None:
        fold = self._fold(task, scalar)
        block.folds.append(fold)
        block.exclusive = task.node.attrs["exclusive"]
        running = self.scalars.folded(fold.dtype, fold.key, frozenset(range(len(self.nest.space))))
        block.stores.append(Store(self.stored[task.value], self.merge.affine(task.target), running))

    def _emit_scatter(self, task: Task, block: Block, scalar: Scalar) -> None:
        """Adds each update at its place, one after another."""
        position, gathered = scatter_positions(task, self.lowering)
        buffer, size = self.stored[task.value], product(task.value.dims)
        step = fold_step("{acc} + {0}", task.value.type.short)
        block.stores.append(Store(buffer, self.merge.affine(position), scalar, step, gathered))
        self.clears.append(Clear(buffer, size, task.value.type.short, "0"))
