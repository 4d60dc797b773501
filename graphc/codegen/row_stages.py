"""What stages of several rows give to each other: the plan of a kernel whose rows run together.

The phases of a row become stages: in one, each row loops over its elements; in the next, all rows compute what a row
computes once, in a loop of its own that LLVM makes vectors of. What a later stage reads of an earlier one stands in a
slot for each row: results of folds, and scalars that a stage without loops has computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from graphc.schedule.loopnest import Nest, Phase
from graphc.schedule.scalars import Scalar, walk


@dataclass
class Stage:
    """``reads``: what of earlier stages it needs; ``keeps``: what it computes for later ones, its folds aside."""

    phases: list[Phase]
    loops: bool
    reads: dict[int, Scalar] = field(default_factory=dict)
    keeps: dict[int, Scalar] = field(default_factory=dict)

    def folds(self) -> set[int]:
        return {fold.key for phase in self.phases for fold in phase.folds}


def plan_stages(nest: Nest, level: Callable[[Scalar], int]) -> list[Stage]:
    """The stages in order. ``level`` gives the number of loops around a scalar; a row's are at level 1."""
    stages: list[Stage] = []
    for phase in nest.phases:
        if phase.axes and not (stages and not stages[-1].loops):
            stages.append(Stage([], loops=False))  # where what the loops read is computed
        if phase.axes or not stages or stages[-1].loops:
            stages.append(Stage([phase], loops=bool(phase.axes)))
        else:
            stages[-1].phases.append(phase)
    _Planner(stages, level).plan()
    return [stage for stage in stages if stage.phases or stage.keeps]


class _Planner:
    """Decides for each scalar of a row the stage that computes it: the first that needs it, or the one before loops."""

    def __init__(self, stages: list[Stage], level: Callable[[Scalar], int]):
        self.stages, self.level = stages, level
        self.made: dict[int, int] = {}  # scalar -> stage

    def plan(self) -> None:
        for number, stage in enumerate(self.stages):
            roots = [s for phase in stage.phases for s in phase.scalars()]
            if stage.loops:
                for scalar in self._of_the_row(roots):
                    self._read_in_loops(number, scalar)
            else:
                self._compute(number, roots)

    def _of_the_row(self, roots: Iterable[Scalar]) -> list[Scalar]:
        """The outermost scalars at the row's level that the elements' are made of."""
        found: dict[int, Scalar] = {}
        seen: set[int] = set()
        stack = list(roots)
        while stack:
            scalar = stack.pop()
            if scalar.number in seen:
                continue
            seen.add(scalar.number)
            if self.level(scalar) == 1 and scalar.form in ("apply", "folded"):
                found[scalar.number] = scalar
            elif self.level(scalar) > 0:
                stack.extend(scalar.args)
        return [s for s in walk(found.values()) if s.number in found]

    def _read_in_loops(self, number: int, scalar: Scalar) -> None:
        stage = self.stages[number]
        stage.reads[scalar.number] = scalar
        if scalar.form == "apply":
            before = self.made.get(scalar.number, number - 1)
            self._compute(before, [scalar])
            self.stages[before].keeps[scalar.number] = scalar

    def _compute(self, number: int, roots: Iterable[Scalar]) -> None:
        """Stage ``number``, without loops, computes the roots of what it has and of what earlier stages keep."""
        stage = self.stages[number]
        stack = list(roots)
        while stack:
            scalar = stack.pop()
            if self.level(scalar) == 0:
                continue
            if scalar.form == "folded":
                stage.reads[scalar.number] = scalar
            elif scalar.form == "apply" and self.made.get(scalar.number, number) < number:
                self.stages[self.made[scalar.number]].keeps[scalar.number] = scalar
                stage.reads[scalar.number] = scalar
            elif scalar.number not in self.made or scalar.form != "apply":
                self.made[scalar.number] = number
                stack.extend(scalar.args)
