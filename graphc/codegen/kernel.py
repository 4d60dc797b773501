"""Prints a loop nest as a Numba function over raw pointers.

The printer decides nothing: rows, phases, blocks and folds stand in the nest. It writes the loops and the accumulators
of folds, hoists each scalar to the outermost loop that it depends on, and splits the innermost loop where embedded
arrays begin and end, so that its middle part has no conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from graphc.codegen.fold_text import FoldPrinter, is_compensated
from graphc.codegen.scalar_text import conditions_of
from graphc.codegen.text import literal, stored
from graphc.ir.dims import Dim
from graphc.schedule.loopnest import Compaction, Fold, LaneFold, Phase
from graphc.schedule.scalars import Condition, Scalar, walk

CHUNK = 2048  # elements that one accumulator sums before they are added, with compensation, to the whole
LANE_CHUNK = 16  # the same where each lane has an accumulator of its own: as exact as sums by pairs
FEW = 8  # elements before or after the middle part of a loop for which vectors would be compiled in vain
TOGETHER = 4  # elements of one lane that are added to each other before they are added to its accumulator


@dataclass(frozen=True)
class Part:
    """The range of axis 0 that this call runs over."""

    start: str
    stop: str


class Segment(NamedTuple):
    """A range of the innermost loop, which conditions hold in it and which do not, and whether it is short."""

    low: str
    high: str
    assumed: frozenset[Condition] = frozenset()
    excluded: frozenset[Condition] = frozenset()
    has_few: bool = False


def _are_few(counts: Sequence[Dim]) -> bool:
    return all(isinstance(count, int) and count <= FEW for count in counts)


def _range_of(condition: Condition, axis: int) -> tuple[Dim, Dim]:
    """Where the condition holds, of a loop in whose variable its position is plus or minus that."""
    offset = condition.index.offset
    if condition.index.coefficient(axis) == 1:
        return -offset, condition.size - offset
    return offset - condition.size + 1, offset + 1


class NestPrinter(FoldPrinter):
    """Prints one nest. After it, ``buffers`` and ``sizes`` hold what the text refers to, in order of first use.

    ``prefix`` keeps the names of several nests in one function apart; ``name_dim`` gives the text of a dim where the
    driver prints the nest into itself, and ``variables`` the buffers of one number that are variables there.
    """

    # --- the whole nest -----------------------------------------------------------------------------------------------

    def print_body(self, part: Part) -> None:
        nest = self.nest
        self.has_lanes = any(phase.lanes for phase in nest.phases)
        everything = walk(nest.scalars())
        self._count_uses(everything)
        self._assign(s for s in everything if self.level(s) == 0 and s.number not in self.pinned)
        if nest.block is None:
            self._rows(part)
            return
        with self.lines.inside(f"for block in range({part.start}, {part.stop}):"):
            block, end = self.dim(nest.block), self.dim(nest.space[0])
            self.lines.add(f"first = block * {block}")
            self.lines.add(f"last = least(first + {block}, {end})")
            for total in nest.totals:
                self._init_fold(total.fold)
            self._rows(Part("first", "last"))
            for total in nest.totals:
                result = stored(total.fold.dtype, self._total_result(total.fold))
                self.lines.add(f"{self.buffer(total.partial)}[block] = {result}")

    def _rows(self, part: Part, axis: int = 0) -> None:
        """The loops over ``space[:row]``, then what a row does."""
        if axis == self.nest.row:
            self._row(part)
            return
        with self.lines.inside(self._loop_header(axis, part)):
            names = dict(self.names)
            if axis + 1 < self.nest.row:
                everything = walk(self.nest.scalars())
                self._assign(s for s in everything if self.level(s) == axis + 1 and s.number not in self.pinned)
            self._rows(part, axis + 1)
            self.names = names

    def _loop_header(self, axis: int, part: Part) -> str:
        if axis == 0 and (self.nest.space or part.start):
            return f"for i0 in range({part.start}, {part.stop}):"
        return f"for i{axis} in range({self.dim(self.nest.space[axis])}):"

    def _row(self, part: Part) -> None:
        whole = self.order
        for phase in self.nest.phases:
            first = (*range(self.nest.row), *phase.axes)
            self.order = (*first, *(axis for axis in whole if axis not in first))
            if phase.axes or phase.folds or phase.compaction:
                self._phase(phase, part)
            else:
                self._once(phase)
        self.order = whole

    def _once(self, phase: Phase) -> None:
        """What a row does once."""
        self._assign(walk(phase.scalars()))
        if phase.skip is not None:
            with self.lines.inside(f"if {self.text(phase.skip)} != 0:"):
                self._stores(phase)
        else:
            self._stores(phase)
        for total in phase.totals:
            self._add_to_total(total.fold, self.text(total.fold.scalar))

    def _needed(self, scalars: Sequence[Scalar]) -> list[Scalar]:
        """The scalars and what they are made of, operands first."""
        return walk(scalars)

    # --- phases -------------------------------------------------------------------------------------------------------

    def _phase(self, phase: Phase, part: Part) -> None:
        needed = self._needed(phase.scalars())
        self._assign(s for s in needed if self.level(s) <= self.nest.row)
        if phase.compaction is not None:
            self.lines.add(f"{self.buffer(phase.compaction.count)}[0] = 0")
        names = dict(self.names)
        if phase.lanes:
            self._lane_folds(phase, needed)
        else:
            self._loops(0, phase, needed, part)
        self.names = names

    def _loops(self, depth: int, phase: Phase, needed: Sequence[Scalar], part: Part) -> None:
        """The loops over ``phase.axes[depth:]``, and the folds that they make."""
        folds = [fold for fold in phase.folds if fold.depth == depth]
        for fold in folds:
            self._init_fold(fold)
        if depth == len(phase.axes):
            self._element(needed, phase)
        elif depth == len(phase.axes) - 1:
            self._innermost(phase.axes[depth], needed, phase, part)
        else:
            with self.lines.inside(self._loop_header(phase.axes[depth], part)):
                self._inside(depth, phase, needed, part)
        for fold in folds:
            if is_compensated(fold):
                self.lines.add(f"f{fold.key} = sum_of(total{fold.key})")
        if depth == 1:
            for store in phase.results:
                self._store(store)

    def _inside(self, depth: int, phase: Phase, needed: Sequence[Scalar], part: Part) -> None:
        names = dict(self.names)
        self._assign(s for s in needed if self.level(s) == self.nest.row + depth + 1)
        if depth == 0 and phase.skip is not None:
            with self.lines.inside(f"if {self.text(phase.skip)} != 0:"):
                self._loops(depth + 1, phase, needed, part)
        else:
            self._loops(depth + 1, phase, needed, part)
        self.names = names

    def _innermost(self, axis: int, needed: Sequence[Scalar], phase: Phase, part: Part) -> None:
        start, stop = (part.start, part.stop) if axis == 0 else ("0", self.dim(self.nest.space[axis]))
        chunked = [f for f in (*phase.folds, *(t.fold for t in phase.totals)) if is_compensated(f)]
        size = self.nest.space[axis]
        if chunked and not (isinstance(size, int) and size <= CHUNK):
            with self.lines.inside(f"for chunk in range({start}, {stop}, {CHUNK}):"):
                self.lines.add(f"chunk_end = least(chunk + {CHUNK}, {stop})")
                self._chunk(axis, "chunk", "chunk_end", chunked, needed, phase)
        else:
            self._chunk(axis, start, stop, chunked, needed, phase)

    def _chunk(
        self, axis: int, start: str, stop: str, chunked: Sequence[Fold], needed: Sequence[Scalar], phase: Phase
    ) -> None:
        for fold in chunked:
            self.lines.add(f"a{fold.key} = {literal(fold.dtype, fold.init)}")
        around = self._conditions_around(axis, needed)
        if around:
            rare = [c for c in around if c.is_rare(self.nest.space)]
            often = [c for c in around if c not in rare]
            with self.lines.inside(f"if {self._conditions_text(often, rare)}:"):
                self._segmented(axis, start, stop, needed, phase, frozenset(often), frozenset(rare))
            with self.lines.inside("else:"):
                self._elements(axis, Segment(start, stop), needed, phase)
        else:
            self._segmented(axis, start, stop, needed, phase)
        for fold in chunked:
            self.lines.add(f"add_to(total{fold.key}, a{fold.key})")

    @staticmethod
    def _conditions_around(axis: int, needed: Sequence[Scalar]) -> tuple[Condition, ...]:
        """The conditions that do not depend on the innermost loop: in most rows, all hold but those that are rare."""
        return tuple(dict.fromkeys(c for s in needed for c in conditions_of(s) if axis not in c.index.axes))

    def _segmented(
        self,
        axis: int,
        start: str,
        stop: str,
        needed: Sequence[Scalar],
        phase: Phase,
        often: frozenset[Condition] = frozenset(),
        rare: frozenset[Condition] = frozenset(),
    ) -> None:
        """The innermost loop, in segments; of the conditions around it these hold, and the ``rare`` ones do not."""
        for segment in self._segments(axis, start, stop, needed):
            self.assumed, self.excluded = segment.assumed | often, segment.excluded | rare
            self._elements(axis, segment, needed, phase)
            self.assumed = self.excluded = frozenset()

    def _elements(self, axis: int, segment: Segment, needed: Sequence[Scalar], phase: Phase) -> None:
        with self.lines.inside(f"for i{axis} in range({segment.low}, {segment.high}):"):
            if segment.has_few:
                self.lines.add("few_rounds()")
            elif self.has_lanes and axis == self.nest.row:
                self.lines.add("short_loop()")
            names = dict(self.names)
            self._element(needed, phase)
            self.names = names

    def _element(self, needed: Sequence[Scalar], phase: Phase) -> None:
        reached = self.reached(phase.scalars())
        self._assign(s for s in needed if s.number not in self.names and s.number in reached)
        if phase.exclusive:
            self._stores(phase)
        for fold in phase.folds:
            self._step(fold)
        for total in phase.totals:
            self._step(total.fold)
        if not phase.exclusive:
            self._stores(phase)
        if phase.compaction is not None:
            self._compact(phase.compaction)

    def _stores(self, phase: Phase) -> None:
        for store in phase.stores:
            self._store(store)

    def _compact(self, compaction: Compaction) -> None:
        """Written at every element, kept (by counting on) where the scalar is true: no branch to mispredict."""
        count = f"{self.buffer(compaction.count)}[0]"
        self.lines.add(f"{self.buffer(compaction.buffer)}[{count}] = {self.affine(compaction.position)}")
        self.lines.add(f"{count} = {count} + {self.text(compaction.scalar)}")

    def _segments(self, axis: int, start: str, stop: str, needed: Sequence[Scalar]) -> list[Segment]:
        """The innermost loop in up to three ranges, the middle one free of the conditions on its own variable.

        There all hold but those that are rare, and stand at one of its ends.
        """
        conditions = dict.fromkeys(c for s in needed for c in conditions_of(s) if c.index.axes == {axis})
        if not conditions or any(c.index.coefficient(axis) not in (1, -1) for c in conditions):
            return [Segment(start, stop)]
        lows: list[Dim] = []
        highs: list[Dim] = []
        often, rare = set[Condition](), set[Condition]()
        for condition in conditions:
            low_end, high_end = _range_of(condition, axis)
            if not condition.is_rare(self.nest.space):
                often.add(condition)
                lows.append(low_end)
                highs.append(high_end)
            elif isinstance(high_end, int):
                rare.add(condition)
                lows.append(high_end)
            elif isinstance(self.nest.space[axis] - low_end, int):
                rare.add(condition)
                highs.append(low_end)
        low, high = start, stop
        for bound in dict.fromkeys(map(self.dim, lows)):
            low = f"greatest({low}, {bound})"
        for bound in dict.fromkeys(map(self.dim, highs)):
            high = f"least({high}, {bound})"
        self.lines.add(f"inner = least({low}, {stop})")
        self.lines.add(f"outer = greatest({high}, inner)")
        after = [self.nest.space[axis] - bound for bound in highs]
        middle = Segment("inner", "outer", frozenset(often), frozenset(rare))
        return [
            Segment(start, "inner", has_few=_are_few(lows)),
            middle,
            Segment("outer", stop, has_few=_are_few(after)),
        ]

    # --- folds --------------------------------------------------------------------------------------------------------

    def _add(self, fold: Fold, value: str) -> str:
        """To the sum of this chunk, which is added with compensation to the whole when it ends."""
        return f"a{fold.key} = reassociating_add(a{fold.key}, {value})"

    def _lane_folds(self, phase: Phase, needed: Sequence[Scalar]) -> None:
        """Sums for each lane, in parts of ``LANE_CHUNK``; only where there are several are they compensated."""
        inner, size = phase.axes[0], self.dim(self.nest.space[phase.axes[0]])
        several = f"if {size} > {LANE_CHUNK}:"
        with self.lines.inside(several):
            self._each_lane(phase, "{total} = {zero}", "{error} = {zero}")
        with self.lines.inside(f"for chunk in range(0, greatest({size}, 1), {LANE_CHUNK}):"):
            self.lines.add(f"chunk_end = least(chunk + {LANE_CHUNK}, {size})")
            self.lines.add(f"rest = chunk_end - (chunk_end - chunk) % {TOGETHER}")
            self.lines.add("single = chunk_end - (chunk_end - chunk) % 2")
            self._each_lane(phase, "{sum} = {zero}")
            for low, high, together in (("chunk", "rest", TOGETHER), ("rest", "single", 2), ("single", "chunk_end", 1)):
                with self.lines.inside(f"for i{inner} in range({low}, {high}, {together}):"):
                    self._add_to_lanes(phase, needed, together)
            with self.lines.inside(several):
                add = "{error} = {error} + lost({total}, {sum})", "{total} = {total} + {sum}"
                self._each_lane(phase, *add)
        with self.lines.inside(several):
            self._each_lane(phase, "{sum} = corrected({total}, {error})")

    def _add_to_lanes(self, phase: Phase, needed: Sequence[Scalar], together: int) -> None:
        """So many elements of each lane, added in pairs before they are added to the sum."""
        inner, lane = phase.axes
        outside = dict(self.names)
        names = []
        for ahead in range(together):
            self.ahead, self.names = (inner, ahead), dict(outside)
            self._assign(s for s in needed if self.level(s) == self.nest.row + 1)
            names.append(self.names)
        with self.lines.inside(f"for i{lane} in range({self.dim(self.nest.space[lane])}):"):
            terms: list[list[str]] = [[] for _ in phase.lanes]
            for ahead in range(together):
                self.ahead, self.names = (inner, ahead), names[ahead]
                self._assign(s for s in needed if s.number not in self.names)
                for own, fold in zip(terms, phase.lanes, strict=True):
                    own.append(self.text(fold.fold.scalar))
            for own, fold in zip(terms, phase.lanes, strict=True):
                while len(own) > 1:
                    own[:] = [f"({a} + {b})" for a, b in zip(own[::2], own[1::2], strict=True)]
                place = self._lane_places(fold)["sum"]
                self.lines.add(f"{place} = {place} + {own[0]}")
        self.ahead, self.names = (-1, 0), outside

    def _each_lane(self, phase: Phase, *templates: str) -> None:
        lane = phase.axes[1]
        with self.lines.inside(f"for i{lane} in range({self.dim(self.nest.space[lane])}):"):
            for fold in phase.lanes:
                for template in templates:
                    self.lines.add(template.format(**self._lane_places(fold)))

    def _lane_places(self, lane: LaneFold) -> dict[str, str]:
        sums = self.affine(lane.sums)
        return {
            "sum": f"{self.buffer(lane.buffer)}[{self.affine(lane.index)}]",
            "total": f"{self.buffer(lane.total)}[{sums}]",
            "error": f"{self.buffer(lane.error)}[{sums}]",
            "zero": literal(lane.fold.dtype, "0"),
        }

    def _add_to_total(self, fold: Fold, value: str) -> None:
        if is_compensated(fold):
            self.lines.add(f"add_to(total{fold.key}, {value})")
        else:
            self.lines.add(f"f{fold.key} = {self._stepped(fold, f'f{fold.key}', value)}")

    def _total_result(self, fold: Fold) -> str:
        return f"sum_of(total{fold.key})" if is_compensated(fold) else f"f{fold.key}"
