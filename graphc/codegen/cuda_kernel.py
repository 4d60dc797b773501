"""Prints a loop nest as a CUDA kernel: the same scalars, loops shared among threads as ``cuda_mapping`` says.

Control flow around a barrier depends on sizes and on what all threads of the block read alike, so that all arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphc.codegen.cuda_mapping import column_axis, mapping_of, shared_rounds
from graphc.codegen.cuda_near import NearPrinter, near_rows, rows_read_again
from graphc.codegen.text import Lines, stored
from graphc.ir.dims import Dim, product
from graphc.ir.types import DTYPES
from graphc.schedule.loopnest import Nest, Phase, Store
from graphc.schedule.scalars import Affine, Scalar, walk

WIDE_BYTES = 16  # the most that one instruction loads or stores
MOST_TOGETHER = 4  # neighbours of a thread, whose code stands there so many times
LIGHT = 60  # operations of a round of which several are done at once
# Rounds at once for so many loads of each at most. A round of more has enough of them on their way by itself, and what
# several would hold is better spent on more threads: with two of five or eight loads half as many blocks fitted.
TOGETHER = ((4, 3), (2, 4))


@dataclass(frozen=True)
class CudaSource:
    """``NAME(*buffers, *sizes, count)``: ``count`` rows or blocks of rows, for ``elements`` an element each.

    ``width``: how many rounds the threads of a block share at most. ``near``: bytes that a block would have in the
    memory of its threads; where there are such, the kernel has one more argument before the last, whether it has them.
    """

    text: str
    buffers: list[int]
    sizes: list[Dim]
    mapping: str
    count: Dim
    width: Dim
    near: Dim


@dataclass(frozen=True)
class Rounds:
    """A loop that threads share: ``index`` from ``start`` to ``stop``; ``thread``: the number of one of ``threads``.

    ``positions(index)`` prints what follows from the index.
    """

    index: str
    start: str
    stop: str
    thread: str
    threads: str
    positions: Callable[[str], None]


def print_cuda_kernel(
    nest: Nest, count: Dim, *, separate: bool, size_of: Callable[[int], Dim],
    atomics: bool = False, joined: Mapping[int, int] = {},
) -> CudaSource:  # fmt: skip
    """The nest's kernel.

    Args: count: its rows, or blocks of rows; separate: each buffer starts at a multiple of 16 bytes, and none overlaps
        another one that is written; size_of: the elements of a buffer; atomics: whether sums may have any order;
        joined: buffers of sums that blocks add to another one.
    """
    mapping = mapping_of(nest, atomics=atomics)
    lines = Lines()
    shared = mapping in ("rows", "alone")
    printer = CudaNestPrinter(nest, lines, shared=shared, wide=separate)
    printer.joined = joined
    if mapping == "rows":
        printer.near, printer.again = near_rows(nest), rows_read_again(nest)
        printer.overwritten |= printer.again.keys()  # each has a name, by which it is stored
    printer.atomics = atomics and mapping == "elements"
    printer.run(mapping)
    parameters = [
        *printer.buffers.values(),
        *printer.sizes.values(),
        *(["near"] if printer.near_bytes != 0 else []),
        "count",
    ]
    if separate:
        printer.say_separate()
    source = f"def NAME({', '.join(parameters)}):\n{lines}\n"
    width = nest.space[0] if mapping == "scan" else shared_rounds(nest) if shared else 1
    units = _units(nest, mapping, count, size_of)
    return CudaSource(source, list(printer.buffers), list(printer.sizes), mapping, units, width, printer.near_bytes)


def _units(nest: Nest, mapping: str, count: Dim, size_of: Callable[[int], Dim]) -> Dim:
    """What the threads, or blocks of threads, share."""
    match mapping:
        case "elements":
            return product(nest.space)
        case "alone" | "scan":
            return 1
        case "columns":
            axis = column_axis(nest)
            assert axis is not None
            return nest.space[axis]
        case "owners":
            return size_of(nest.phases[0].stores[0].buffer)
    return count


class CudaNestPrinter(NearPrinter):
    """Prints one nest.

    ``shared``: the threads of a block run each row together; ``wide``: buffers start at 16 bytes.
    """

    def __init__(self, nest: Nest, lines: Lines, *, shared: bool, wide: bool):
        super().__init__(nest, lines)
        self.shared, self.wide = shared, wide
        self.near, self.again, self.joined = {}, {}, {}
        self.atomics = False  # whether updates are atomic additions
        self.divided = False  # whether what is printed stands in a loop that threads share

    def run(self, mapping: str) -> None:
        whole = {"elements": self._elements, "columns": self._columns, "owners": self._owners, "scan": self._scan}
        if mapping in whole:
            whole[mapping]()
            return
        if mapping in ("serial", "alone"):
            if self.nest.space:
                self.lines.add("first = 0")
                self.lines.add(f"last = {self.dim(self.nest.space[0])}")
        else:
            unit, units = ("block_index()", "block_count()") if self.shared else ("global_index()", "global_count()")
            self.lines.add(f"first = count * {unit} // {units}")
            self.lines.add(f"last = count * ({unit} + 1) // {units}")
        if self.shared:
            self.lines.add("thread = thread_index()")
            self.lines.add("threads = thread_count()")
        self._start()
        if self.nest.block is None:
            self._rows("first", "last", 0)
        else:
            with self.lines.inside("for block in range(first, last):"):
                self._block(self.nest.block, "row", "row_end")

    def _elements(self) -> None:
        """One loop over all elements, whose number tells each axis' position."""
        (phase,) = self.nest.phases
        self._start()
        self.order = (*range(self.nest.row), *phase.axes)
        self.divided = True
        needed = walk(phase.scalars())
        together = self._together(phase, needed)
        if together == 1:
            rounds = Rounds("element", "0", "count", "global_index()", "global_count()", self._positions)
            self._shared_rounds(rounds, phase, needed)
            return
        self.lines.add(f"groups = count // {together}")
        with self.lines.inside("for group in range(global_index(), groups, global_count()):"):
            outside = dict(self.names)
            for ahead in range(together):
                self.names = dict(outside)
                self.lines.add(f"i{self.order[0]} = group * {together} + {ahead}")
                self._element(needed, phase)
            self.names = outside
        with self.lines.inside(
            f"for i{self.order[0]} in range(groups * {together} + global_index(), count, global_count()):"
        ):
            self._element(needed, phase)

    def _positions(self, element: str) -> None:
        for axis in reversed(self.order[1:]):
            size = f"({self.dim(self.nest.space[axis])})"
            self.lines.add(f"i{axis} = {element} % {size}")
            self.lines.add(f"rest{axis} = {element} // {size}")
            element = f"rest{axis}"
        self.lines.add(f"i{self.order[0]} = {element}")

    def _together(self, phase: Phase, needed: Sequence[Scalar]) -> int:
        """How many neighbours a thread takes, so that it reads and writes 16 bytes at once; 1 where they do not lie so.

        Buffers start at multiples of 16 bytes.
        """
        if len(self.order) != 1 or not self.wide:
            return 1
        neighbours = Affine.axis(self.order[0])
        loads = [s for s in needed if s.form == "load"]
        if any(s.args or s.data.conditions or s.data.index not in (neighbours, Affine()) for s in loads):
            return 1
        if any(store.index != neighbours for store in phase.stores):
            return 1
        along = [s for s in loads if s.data.index == neighbours]
        sizes = {DTYPES[s.dtype].itemsize for s in (*along, *(store.scalar for store in phase.stores))}
        return min(MOST_TOGETHER, max(1, WIDE_BYTES // max(sizes)))

    def _block(self, size: Dim, start: str, stop: str) -> None:
        """What a block of rows does, from ``row`` to ``row_end``."""
        names = dict(self.names)
        rows, end = self.dim(size), self.dim(self.nest.space[0])
        self.lines.add(f"row = block * {rows}")
        self.lines.add(f"row_end = least(row + {rows}, {end})")
        self._find_near()
        for total in self.nest.totals:
            self._init_fold(total.fold)
        self._rows(start, stop, 0)
        self.names = names
        self._leave_near()
        for phase in self.nest.phases:
            for total in phase.totals:
                self._total(total.fold, phase)
                value = stored(total.fold.dtype, f"f{total.fold.key}")
                self._once(f"{self.buffer(total.partial)}[block] = {value}")

    def _rows(self, start: str, stop: str, axis: int) -> None:
        """The loops over ``space[:row]``, then what a row does."""
        if axis == self.nest.row:
            self._row(start, stop)
            return
        span = f"{start}, {stop}" if axis == 0 else self.dim(self.nest.space[axis])
        with self.lines.inside(f"for i{axis} in range({span}):"):
            names = dict(self.names)
            if axis + 1 < self.nest.row:
                everything = walk(self.nest.scalars())
                self._assign(s for s in everything if self.level(s) == axis + 1 and s.number not in self.pinned)
            self._rows(start, stop, axis + 1)
            self.names = names

    def _row(self, start: str, stop: str) -> None:
        whole = self.order
        self._find_rows()
        for phase in self.nest.phases:
            self.phase = phase
            first = (*range(self.nest.row), *phase.axes)
            self.order = (*first, *(axis for axis in whole if axis not in first))
            if self.shared:
                self.lines.add("barrier()")
            needed = walk(phase.scalars())
            self._assign(s for s in needed if self.level(s) <= self.nest.row)
            names = dict(self.names)
            if phase.compaction is not None:
                self.lines.add(f"{self.buffer(phase.compaction.count)}[0] = 0")
            if phase.lanes:
                self._lanes(phase, needed)
            else:
                self._loops(0, phase, needed, start, stop)
            self.names = names
        self.order = whole

    def _loops(self, depth: int, phase: Phase, needed: Sequence[Scalar], start: str, stop: str) -> None:
        """The loops over ``phase.axes[depth:]``, and the folds that they make."""
        folds = [fold for fold in phase.folds if fold.depth == depth]
        for fold in folds:
            self._init_fold(fold)
        if depth == len(phase.axes):
            self._element(needed, phase)
        else:
            self._loop(depth, phase, needed, start, stop)
        for fold in folds:
            self._sum_ends(fold)
            if self.shared and depth < len(phase.axes):
                self._meet(fold)
        if depth == 1 or (depth == 0 and len(phase.axes) == 0):
            for store in phase.results:
                self._store(store)

    def _loop(self, depth: int, phase: Phase, needed: Sequence[Scalar], start: str, stop: str) -> None:
        axis, is_innermost = phase.axes[depth], depth == len(phase.axes) - 1
        low, high = (start, stop) if axis == 0 else ("0", self.dim(self.nest.space[axis]))
        if self.shared and is_innermost and not phase.results:
            self.divided = True
            self._shared_rounds(Rounds(f"i{axis}", low, high, "thread", "threads", lambda index: None), phase, needed)
            self.divided = False
            return
        divides = self.shared and is_innermost
        span = f"{low} + thread, {high}, threads" if divides else f"{low}, {high}"
        with self.lines.inside(f"for i{axis} in range({span}):"):
            names = dict(self.names)
            self.divided = divides
            self._assign(s for s in needed if self.level(s) == self.nest.row + depth + 1 and not is_innermost)
            if depth == 0 and phase.skip is not None and not is_innermost:
                with self.lines.inside(f"if {self.text(phase.skip)} != 0:"):
                    self._loops(depth + 1, phase, needed, start, stop)
            else:
                self._loops(depth + 1, phase, needed, start, stop)
            self.divided = False
            self.names = names

    def _shared_rounds(self, rounds: Rounds, phase: Phase, needed: Sequence[Scalar]) -> None:
        """Rounds that threads share. A few of a thread's at a time load what they need before any of them computes.

        A thread that waits for one load at a time would leave most of the memory's bandwidth unused. So a warp takes a
        chunk of a few times its size, and what is left after the last whole chunk goes round by round.
        """
        copies, names, add = self._rounds_at_once(phase, needed), dict(self.names), self.lines.add
        start, index = rounds.start, rounds.index
        if copies > 1:
            add(f"chunk = {copies} * warp_size()")
            add(f"rest = {rounds.stop} - ({rounds.stop} - {start}) % chunk")
            own = f"{start} + {rounds.thread} // warp_size() * chunk + {rounds.thread} % warp_size()"
            with self.lines.inside(f"for at_{index} in range({own}, rest, {copies} * {rounds.threads}):"):
                fetched = []
                for copy in range(copies):
                    self._place(rounds, copy)
                    fetched.append(self._fetch(needed, copy, names))
                for copy in range(copies):
                    self.names = names | fetched[copy]
                    self._place(rounds, copy)
                    self._element(needed, phase)
            start = "rest"
        self.names = dict(names)
        with self.lines.inside(f"for {index} in range({start} + {rounds.thread}, {rounds.stop}, {rounds.threads}):"):
            rounds.positions(index)
            self._element(needed, phase)
        self.names = names

    def _place(self, rounds: Rounds, copy: int) -> None:
        ahead = f" + {copy} * warp_size()" if copy else ""
        self.lines.add(f"{rounds.index} = at_{rounds.index}{ahead}")
        rounds.positions(rounds.index)

    def _fetch(self, needed: Iterable[Scalar], copy: int, names: dict[int, str]) -> dict[int, str]:
        """Load what one round reads at places of its own; the variables by the scalars' numbers."""
        fetched: dict[int, str] = {}
        self.names = dict(names)
        for scalar in needed:
            if self._is_plain_load(scalar) and scalar.number not in names:
                fetched[scalar.number] = f"v{scalar.number}_{copy}"
                self.lines.add(f"{fetched[scalar.number]} = {self.text(scalar)}")
        return fetched

    def _is_plain_load(self, scalar: Scalar) -> bool:
        return scalar.form == "load" and not scalar.args and not scalar.data.conditions and bool(scalar.axes)

    def _rounds_at_once(self, phase: Phase, needed: Sequence[Scalar]) -> int:
        loads = sum(self._is_plain_load(s) and s.number not in self.names for s in needed)
        if not loads or phase.skip is not None:
            return 1
        loads += sum(bool(store.accumulate) for store in phase.stores)
        cost = sum(s.data.cost for s in needed if s.form == "apply" and s.number not in self.names)
        return next((rounds for rounds, most in TOGETHER if loads <= most and cost <= LIGHT), 1)

    def _lanes(self, phase: Phase, needed: Sequence[Scalar]) -> None:
        """Sums over the outer axis, a thread for each position of the inner one."""
        outer, lane = phase.axes
        self.order = tuple(lane if axis == outer else outer if axis == lane else axis for axis in self.order)
        span = f"thread, {self.dim(self.nest.space[lane])}, threads" if self.shared else self.dim(self.nest.space[lane])
        with self.lines.inside(f"for i{lane} in range({span}):"):
            for own in phase.lanes:
                self._init_fold(own.fold)
            self._assign(s for s in needed if self.level(s) == self.nest.row + 1)
            with self.lines.inside(f"for i{outer} in range({self.dim(self.nest.space[outer])}):"):
                names = dict(self.names)
                self._assign(s for s in needed if s.number not in self.names)
                for own in phase.lanes:
                    self._step(own.fold)
                self.names = names
            for own in phase.lanes:
                self._sum_ends(own.fold)
                place = f"{self.buffer(own.buffer)}[{self.affine(own.index)}]"
                self.lines.add(f"{place} = {stored(own.fold.dtype, f'f{own.fold.key}')}")

    def _element(self, needed: Iterable[Scalar], phase: Phase) -> None:
        self._assign(s for s in needed if s.number not in self.names)
        self._keep_rows(needed)
        if phase.exclusive:
            self._stores(phase)
        for fold in (*phase.folds, *(total.fold for total in phase.totals)):
            self._step(fold)
        if not phase.exclusive:
            self._stores(phase)
        if phase.compaction is not None:
            count = f"{self.buffer(phase.compaction.count)}[0]"
            place = f"{self.buffer(phase.compaction.buffer)}[{count}]"
            self.lines.add(f"{place} = {self.affine(phase.compaction.position)}")
            self.lines.add(f"{count} = {count} + {self.text(phase.compaction.scalar)}")

    def _stores(self, phase: Phase) -> None:
        for store in phase.stores:
            self._store(store)

    def _store(self, store: Store) -> None:
        if self.atomics and store.accumulate:
            place = f"{self.buffer(store.buffer)}, {self._position(store.index, store.gathered)}"
            self.lines.add(f"atomic_add_{store.scalar.dtype}({place}, {self.text(store.scalar)})")
            return
        if not self.shared or self.divided:
            super()._store(store)
            return
        with self.lines.inside("if thread == 0:"):
            super()._store(store)

    def _once(self, statement: str) -> None:
        """A statement that one thread runs for all that share the row."""
        if self.shared:
            with self.lines.inside("if thread == 0:"):
                self.lines.add(statement)
        else:
            self.lines.add(statement)
