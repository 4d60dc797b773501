"""Prints kernels whose rows are vector lanes (``schedule.across``): the loop over the rows of a tile is the innermost.

The phases of a row are stages, as where rows run together (``row_tiles``): what a stage gives to later ones stands in a
slot for each row of the tile. Folds of a row are such slots from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from graphc.codegen.fold_text import is_compensated
from graphc.codegen.kernel import NestPrinter, Part, Segment
from graphc.codegen.row_stages import Stage, plan_stages
from graphc.codegen.row_tiles import RowTilePrinter
from graphc.codegen.text import STORED, literal, loaded, stored
from graphc.ir.dims import SMALL, Dim
from graphc.schedule.loopnest import Fold, Phase
from graphc.schedule.scalars import Affine, Scalar, walk

TILE = 64  # rows: some vectors, whose slots stay in the first level of cache


class RowLanePrinter(RowTilePrinter):
    """Prints a nest with ``across``. ``order`` has axis 0 last where the lanes are innermost."""

    def print_body(self, part: Part) -> None:
        self.stages = plan_stages(self.nest, self._stage_level)
        self.slots = {}
        self.accumulators: dict[int, str] = {}
        for stage in self.stages:
            for scalar in stage.reads.values():
                self._make_slot(scalar)
        self.strides: dict[Dim, str] = {}  # from row to row -> where those of a tile stand
        for stride in self._strides():
            name = self.strides[stride] = f"places{len(self.strides)}"
            self.lines.add(f"{name} = row_slots_i64({TILE})")
        self.turned: dict[int, str] = {}
        for buffer in self.nest.packed:
            dtype = next(dtype for b, dtype in self._dtypes() if b == buffer)
            name = self.turned[buffer] = f"turned{len(self.turned)}"
            self.lines.add(f"{name} = row_slots_{STORED.get(dtype, dtype)}({SMALL * TILE})")
        self.read = set()
        NestPrinter.print_body(self, part)

    def _make_slot(self, scalar: Scalar) -> None:
        if scalar.form == "folded" and scalar.data in self.accumulators:
            self.slots[scalar.number] = self.accumulators[scalar.data]
        elif scalar.number not in self.slots:
            name = self.slots[scalar.number] = f"rows{scalar.number}"
            self.lines.add(f"{name} = row_slots_{STORED.get(scalar.dtype, scalar.dtype)}({TILE})")
            if scalar.form == "folded":
                self.accumulators[scalar.data] = name

    def _pack(self) -> None:
        """Copies of what rows have of their own, turned around: the lanes side by side."""
        uses = self.nest.buffers()
        for buffer, size in self.nest.packed.items():
            if uses[buffer] != "write" or not self._is_overwritten(buffer, size):
                place, turned = self._row_elements(buffer, size)
                self._for_each_element(size, f"{turned} = {place}")

    def _unpack(self) -> None:
        uses = self.nest.buffers()
        for buffer, size in self.nest.packed.items():
            if uses[buffer] != "read":
                place, turned = self._row_elements(buffer, size)
                self._for_each_element(size, f"{place} = {turned}")

    def _row_elements(self, buffer: int, size: Dim) -> tuple[str, str]:
        """Element k of a row, where it belongs and in the copy."""
        place = f"{self.buffer(buffer)}[{self.strides[size]}[i0 - tile] + k]"
        return place, f"{self.turned[buffer]}[k * {TILE} + (i0 - tile)]"

    def _for_each_element(self, size: Dim, copy: str) -> None:
        with (
            self.lines.inside(f"for k in range({self.dim(size)}):"),
            self.lines.inside("for i0 in range(tile, tile_end):"),
        ):
            self.lines.add("lane_loop()")
            self.lines.add(copy)

    def _is_overwritten(self, buffer: int, size: Dim) -> bool:
        """Whether one store writes every element of a row."""
        stores = [store for phase in self.nest.phases for store in phase.stores if store.buffer == buffer]
        if len(stores) > 1 or stores[0].accumulate or stores[0].gathered or stores[0].index.offset != 0:
            return False
        terms = [(axis, c) for axis, c in stores[0].index.terms if axis != 0]
        return len(terms) == 1 and terms[0][1] == 1 and self.nest.space[terms[0][0]] == size

    def _dtypes(self) -> Iterator[tuple[int, str]]:
        for scalar in walk(self.nest.scalars()):
            if scalar.form == "load":
                yield scalar.data.buffer, scalar.dtype
        for phase in self.nest.phases:
            for store in phase.stores:
                yield store.buffer, store.scalar.dtype

    def _strides(self) -> list[Dim]:
        """How far what the nest reads or writes is apart from row to row, where that is a size."""
        indices = [s.data.index for s in walk(self.nest.scalars()) if s.form == "load"]
        indices += [store.index for phase in self.nest.phases for store in phase.stores]
        return list(dict.fromkeys(stride for i in indices if (stride := i.coefficient(0)) not in (0, 1)))

    def _stage_level(self, scalar: Scalar) -> int:
        """0: the same for all rows; 1: one for each row; 2: of the elements."""
        if scalar.number not in self.pinned and 0 not in scalar.axes:
            return 0
        return 1 if scalar.axes <= set(range(max(self.nest.row, 1))) else 2

    def _rows(self, part: Part, axis: int = 0) -> None:
        if axis == 0:
            with self.lines.inside(f"for number in range(({part.stop} - {part.start} + {TILE - 1}) // {TILE}):"):
                self.lines.add(f"tile = {part.start} + number * {TILE}")
                self.lines.add(f"tile_end = least(tile + {TILE}, {part.stop})")
                if self.strides:
                    with self.lines.inside("for i0 in range(tile, tile_end):"):
                        for stride, name in self.strides.items():
                            self.lines.add(f"{name}[i0 - tile] = i0 * ({self.dim(stride)})")
                self._pack()
                self._rows(part, 1)
                self._unpack()
        elif axis < self.nest.row:
            with self.lines.inside(self._loop_header(axis, part)):
                names = dict(self.names)
                outer = set(range(1, axis + 1))
                own = (s for s in walk(self.nest.scalars()) if s.axes and s.axes <= outer)
                self._assign(s for s in own if s.number not in self.pinned)
                self._rows(part, axis + 1)
                self.names = names
        else:
            for stage in self.stages:
                if stage.loops:
                    self._looped(stage)
                else:
                    self._stage(stage, part)

    def _looped(self, stage: Stage) -> None:
        (phase,) = stage.phases
        whole, names, self.read = self.order, dict(self.names), set(stage.reads)
        axes = [axis for axis in phase.axes if axis != 0]
        self.order = (*range(1, self.nest.row), *axes, 0)
        sums = [total.fold for total in phase.totals if is_compensated(total.fold)]
        for fold in sums:
            self.lines.add(f"a{fold.key} = {literal(fold.dtype, fold.init)}")
        if phase.folds:
            with self.lines.inside("for i0 in range(tile, tile_end):"):
                for fold in phase.folds:
                    self.lines.add(f"{self._place(fold)} = {stored(fold.dtype, literal(fold.dtype, fold.init))}")
        self._nested(axes, self._needed(phase.scalars()), stage, phase)
        for fold in sums:
            self.lines.add(f"add_to(total{fold.key}, a{fold.key})")
        self.order, self.names, self.read = whole, names, set()

    def _nested(self, axes: Sequence[int], needed: Sequence[Scalar], stage: Stage, phase: Phase) -> None:
        """The loops over the axes of a row, and in them the one over the lanes."""
        if not axes:
            self._lanes(needed, stage, phase)
            return
        axis, *inner = axes
        whole = Segment("0", self.dim(self.nest.space[axis]), self.assumed)
        for segment in [whole] if inner else self._segments(axis, whole.low, whole.high, needed):
            names, self.assumed, self.excluded = dict(self.names), segment.assumed, segment.excluded
            with self.lines.inside(f"for i{axis} in range({segment.low}, {segment.high}):"):
                depth = self.order.index(axis) + 1
                self._assign(s for s in needed if s.axes and self.level(s) == depth and s.number not in self.read)
                self._nested(inner, needed, stage, phase)
            self.names, self.assumed, self.excluded = names, frozenset(), frozenset()

    def _lanes(self, needed: Sequence[Scalar], stage: Stage, phase: Phase) -> None:
        names = dict(self.names)
        with self.lines.inside("for i0 in range(tile, tile_end):"):
            self.lines.add("lane_loop()")
            for scalar in stage.reads.values():
                name = f"f{scalar.data}" if scalar.form == "folded" else f"v{scalar.number}"
                self.lines.add(f"{name} = {loaded(scalar.dtype, self._slot(scalar))}")
                self.names[scalar.number] = name
            self._assign(s for s in needed if s.number not in self.names)
            for fold in phase.folds:
                place, value = self._place(fold), self.text(fold.scalar)
                if is_compensated(fold):
                    self.lines.add(f"{place} = {place} + {value}")
                else:
                    self.lines.add(
                        f"{place} = {stored(fold.dtype, self._stepped(fold, loaded(fold.dtype, place), value))}"
                    )
            for total in phase.totals:
                self._step(total.fold)
            self._stores(phase)
        self.names = names

    def _place(self, fold: Fold) -> str:
        return f"{self.accumulators[fold.key]}[i0 - tile]"

    def buffer_at(self, buffer: int, index: Affine, gathered: Iterable[tuple[Scalar, Dim]]) -> tuple[str, str]:
        if buffer not in self.turned:
            return super().buffer_at(buffer, index, gathered)
        rest = super()._position(_without_row(index), gathered)
        return self.turned[buffer], f"({rest}) * {TILE} + (i0 - tile)"

    def _position(self, index: Affine, gathered: Iterable[tuple[Scalar, Dim]]) -> str:
        """A place whose distance from row to row is a size is looked up.

        LLVM would make vectors for a distance of one element, and for no other.
        """
        stride = index.coefficient(0)
        if stride in (0, 1):
            return super()._position(index, gathered)
        return f"{self.strides[stride]}[i0 - tile] + {super()._position(_without_row(index), gathered)}"

    def level(self, scalar: Scalar) -> int:
        """What a fold of a row has come to differs from lane to lane."""
        own = super().level(scalar)
        return max(own, len(self.order)) if scalar.number in self.pinned else own


def _without_row(index: Affine) -> Affine:
    return Affine.make(index.offset, [(axis, c) for axis, c in index.terms if axis != 0])
