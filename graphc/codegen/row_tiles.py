"""Prints kernels, those whose rows run together among them: stage by stage (``row_stages``), for several rows each."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen.fold_text import is_compensated
from graphc.codegen.kernel import NestPrinter, Part
from graphc.codegen.row_stages import Stage, plan_stages
from graphc.codegen.text import STORED, literal, loaded, stored
from graphc.schedule.scalars import MOST_TOGETHER, Scalar


class RowTilePrinter(NestPrinter):
    """Prints a nest with ``together``. A slot is an array on the stack, with an element for each row of a tile."""

    def print_body(self, part: Part) -> None:
        self.stages = plan_stages(self.nest, self.level)
        self.slots: dict[int, str] = {}
        for stage in self.stages:
            for scalar in stage.reads.values():
                if scalar.number not in self.slots:
                    name = self.slots[scalar.number] = f"rows{scalar.number}"
                    self.lines.add(f"{name} = row_slots_{STORED.get(scalar.dtype, scalar.dtype)}({MOST_TOGETHER})")
        self.read: set[int] = set()  # what the stage that is printed reads from slots
        super().print_body(part)

    def _rows(self, part: Part, axis: int = 0) -> None:
        assert self.nest.together is not None
        rows = self.dim(self.nest.together)
        with self.lines.inside(f"for number in range(({part.stop} - {part.start} + {rows} - 1) // {rows}):"):
            self.lines.add(f"tile = {part.start} + number * {rows}")
            self.lines.add(f"tile_end = least(tile + {rows}, {part.stop})")
            for stage in self.stages:
                self._stage(stage, part)

    def _stage(self, stage: Stage, part: Part) -> None:
        sums = [t.fold for phase in stage.phases for t in phase.totals if not stage.loops and is_compensated(t.fold)]
        for fold in sums:
            self.lines.add(f"a{fold.key} = {literal(fold.dtype, fold.init)}")
        names, self.read = dict(self.names), set(stage.reads)
        with self.lines.inside("for i0 in range(tile, tile_end):"):
            if self.nest.across:
                self.lines.add("lane_loop()")
            for scalar in stage.reads.values():
                name = f"f{scalar.data}" if scalar.form == "folded" else f"v{scalar.number}"
                self.lines.add(f"{name} = {loaded(scalar.dtype, self._slot(scalar))}")
                self.names[scalar.number] = name
            self._phases(stage, part)
            self._keep(stage)
        self.names, self.read = names, set()
        for fold in sums:
            self.lines.add(f"add_to(total{fold.key}, a{fold.key})")

    def _phases(self, stage: Stage, part: Part) -> None:
        whole = self.order
        for phase in stage.phases:
            self.order = (0, *phase.axes, *(axis for axis in whole if axis not in (0, *phase.axes)))
            if stage.loops:
                self._phase(phase, part)
                continue
            self._assign(self._needed(phase.scalars()))
            self._stores(phase)
            for total in phase.totals:
                self._step(total.fold)
        self.order = whole

    def _keep(self, stage: Stage) -> None:
        """Results of the stage's folds that are read later, and what else it computes for later stages."""
        made = stage.folds()
        for scalar in (s for later in self.stages for s in later.reads.values() if s.form == "folded"):
            if scalar.data in made:
                made.remove(scalar.data)
                self.lines.add(f"{self._slot(scalar)} = {stored(scalar.dtype, self.text(scalar))}")
        self._assign(self._needed(list(stage.keeps.values())))
        for scalar in stage.keeps.values():
            self.lines.add(f"{self._slot(scalar)} = {stored(scalar.dtype, self.text(scalar))}")

    def _slot(self, scalar: Scalar) -> str:
        return f"{self.slots[scalar.number]}[i0 - tile]"

    def _needed(self, scalars: Sequence[Scalar]) -> list[Scalar]:
        """Without what is only needed for that which slots hold."""
        order: dict[int, Scalar] = {}
        stack: list[tuple[Scalar, bool]] = [(scalar, False) for scalar in reversed(scalars)]
        while stack:
            scalar, ready = stack.pop()
            if ready:
                order[scalar.number] = scalar
            elif scalar.number not in order:
                stack.append((scalar, True))
                if scalar.number not in self.read:
                    stack.extend((arg, False) for arg in reversed(scalar.args))
        return list(order.values())
