"""What a backward pass over a path touches: found once for each path and its roots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from graphc.tensors.functions.table import GRADIENT
from graphc.tensors.kinds import Kind
from graphc.tensors.recording import State
from graphc.trace.location import user_location


class Plan(NamedTuple):
    """``sources``: where gradients arrive: the values from outside, and the cuts, that require grad and lead to a root.

    ``saved``: a bit for each value that PyTorch would have saved; ``frees``: a bit for each value made by a step that
    saves something. ``states``: the steps that a replay takes, in order. ``inputs``: the number of each value from
    outside, by position.
    """

    sources: tuple[int, ...]
    saved: int
    frees: int
    states: tuple[State, ...]
    inputs: dict[int, int]


class Foresight:
    """That values computed here were differentiated afterwards: by which root, and by which sources.

    Where a loop reads its loss before ``backward()``, the gradients are computed with the loss from the second round
    on, by one program, so that the forward part does not run twice. ``used``: whether it was so the last time.
    """

    __slots__ = ("root", "sources", "used")

    def __init__(self, root: int, sources: tuple[int, ...]):
        self.root, self.sources, self.used = root, sources, True


def gradient_state(
    state: State,
    roots: tuple[int, ...],
    seeds: tuple[int | None, ...],
    sources: tuple[int, ...],
    *,
    recorded: bool,
) -> State:
    """The state after the step of the gradients of the roots by the sources; see ``backward``."""
    step = (GRADIENT, recorded, (*roots, *seeds, *sources), (len(roots),))
    after = state.next.get(step)
    if after is None:
        kinds = [kind for reached in state.path() for kind in reached.kinds]
        varying = _varying(state, kinds, dict(zip(roots, seeds, strict=True))) if recorded else set()
        found = tuple([kinds[p] if p in varying else kinds[p].frozen for p in sources])
        after = state.grow(step, found, user_location())
    return after


def _varying(state: State, kinds: Sequence[Kind], seeds: dict[int, int | None]) -> set[int]:
    """The positions whose gradient depends on what requires grad: by a seed, or by what a step on the way has saved."""
    reached = {p for p in seeds if kinds[p].requires_grad}
    varying = {p for p, seed in seeds.items() if seed is not None and kinds[seed].requires_grad}
    for step in reversed(state.path()):
        made = range(step.position, step.end)
        if isinstance(step.step, Kind) or reached.isdisjoint(made):
            continue
        operands = [p for p in step.step[2] if isinstance(p, int) and kinds[p].requires_grad]
        reached.update(operands)
        if not varying.isdisjoint(made) or _saves_varying(step, kinds):
            varying.update(operands)
    return varying


def _saves_varying(state: State, kinds: Sequence[Kind]) -> bool:
    """Whether a gradient through the step is made of a value that requires grad."""
    function, _, operands, _ = state.step
    marks = [isinstance(p, int) and kinds[p].requires_grad for p in operands]
    saved, result = (range(len(marks)), False) if function is GRADIENT else function.saved(marks)
    return result or any(marks[k] for k in saved)


def plan_of(state: State, roots: tuple[int, ...], cuts: tuple[int, ...] = ()) -> Plan:
    """The plan for a backward pass from these positions, which ends at the cuts (none of which is a root)."""
    plan = state.plans.get((roots, cuts))
    if plan is None:
        plan = state.plans[roots, cuts] = _Search(state, roots, cuts).plan
    return plan


class _Search:
    def __init__(self, state: State, roots: Sequence[int], cuts: Sequence[int]):
        path = state.path()
        self.kinds = [kind for reached in path for kind in reached.kinds]
        self.sources: list[int] = []
        self.saved = self.frees = 0
        self.active = {p for p in roots if self.kinds[p].requires_grad}  # a gradient reaches these
        self.needed = set(roots)  # for these values
        states = []
        for reached in reversed(path):
            made = range(reached.position, reached.end)
            if not self.needed.isdisjoint(made):
                states.append(reached)
                self._visit(reached, made, cuts)
        inputs = [reached.position for reached in path if isinstance(reached.step, Kind)]
        numbers = {position: number for number, position in enumerate(inputs)}
        self.plan = Plan(tuple(sorted(self.sources)), self.saved, self.frees, tuple(states[::-1]), numbers)

    def _visit(self, state: State, made: range, cuts: Sequence[int]) -> None:
        if isinstance(state.step, Kind):
            self.sources += self.active.intersection(made)
            return
        operands = [p for p in state.step[2] if isinstance(p, int)]
        self.needed.update(operands)
        stopped = self.active.intersection(made).intersection(cuts)
        self.sources += stopped
        reached = self.active.intersection(made) - stopped
        if not reached:
            return
        marks = [isinstance(p, int) and self.kinds[p].requires_grad for p in state.step[2]]
        self.active.update(p for p in operands if self.kinds[p].requires_grad)
        if state.step[0] is GRADIENT:
            saved, result = list(range(len(marks))), False
        else:
            saved, result = state.step[0].saved(marks)
        for k in saved:
            if isinstance(state.step[2][k], int):
                self.saved |= 1 << state.step[2][k]
        if result:
            self.saved |= 1 << state.position
        if saved or result or state.step[0].saves == "places":
            for position in made:
                self.frees |= 1 << position
