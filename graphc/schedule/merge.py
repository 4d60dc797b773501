"""Merging loop axes that run through memory as one: a nest over (n, m) of contiguous arrays becomes one over n*m."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphc.ir.dims import Dim
from graphc.schedule.fuse import ALONE, Group
from graphc.schedule.scalars import BLOCK_AXIS, Affine, Condition
from graphc.schedule.tasks import Task, is_index_fold, linear_position


@dataclass(frozen=True)
class AxisMerge:
    """``runs[k]`` are the old axes (neighbours) that new axis k stands for."""

    runs: tuple[tuple[int, ...], ...]

    def count(self, axes: int) -> int:
        """How many new axes the first ``axes`` old ones have become."""
        return sum(run[0] < axes for run in self.runs)

    def affine(self, position: Affine) -> Affine:
        """The position in the new axes: the last axis of a run carries the coefficient of the whole run."""
        lasts = {run[-1]: new for new, run in enumerate(self.runs)} | {BLOCK_AXIS: BLOCK_AXIS}
        return Affine.make(position.offset, [(lasts[a], c) for a, c in position.terms if a in lasts])

    def space(self, space: tuple[Dim, ...]) -> tuple[Dim, ...]:
        merged = []
        for run in self.runs:
            size: Dim = 1
            for axis in run:
                size = size * space[axis]
            merged.append(size)
        return tuple(merged)


def merge_axes(group: Group) -> AxisMerge:
    """The coarsest merge that every access of the group's tasks allows."""
    rank = len(group.space)
    joined = [True] * max(rank - 1, 0)  # joined[a]: axes a and a + 1 may merge
    if group.row:
        joined[group.row - 1] = False
    if group.lanes:
        joined[group.row or 0] = False
    for member in group.members:
        task = member.task
        own_rank = len(task.space)
        if task.kind in ALONE:
            joined = [False] * len(joined)
        positions, fixed = _accesses(task)
        positions.append(task.target) if task.kind != "fold" else None
        if is_index_fold(task):
            positions.append(linear_position(task))
        for axis in range(len(joined)):
            if axis + 1 >= own_rank:
                joined[axis] = joined[axis] and axis >= own_rank
                continue
            same_side = (axis in task.reduced) == (axis + 1 in task.reduced)
            kept = task.kind != "fold" or axis in task.reduced or _runs_on(task.target, axis, group.space)
            free = all(_runs_on(p, axis, group.space) for p in positions)
            joined[axis] = joined[axis] and same_side and kept and free and not {axis, axis + 1} & fixed
    runs: list[list[int]] = []
    for axis in range(rank):
        if axis and joined[axis - 1]:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    return AxisMerge(tuple(map(tuple, runs)))


def _runs_on(position: Affine, axis: int, space: tuple[Dim, ...]) -> bool:
    return position.coefficient(axis) == position.coefficient(axis + 1) * space[axis + 1]


def _accesses(task: Task) -> tuple[list[Affine], set[int]]:
    """Every affine position of the task's scalars, and the axes that must stay because a number is made of them."""
    positions: list[Affine] = []
    fixed: set[int] = set()
    for scalar in task.scalars:
        if scalar.form == "load":
            positions.append(scalar.data.index)
            fixed |= _axes_of(scalar.data.conditions)
        elif scalar.form == "holds":
            fixed |= _axes_of(scalar.data)
        elif scalar.form == "position":
            fixed |= scalar.data.axes
    return positions, fixed


def _axes_of(conditions: Iterable[Condition]) -> set[int]:
    return {axis for condition in conditions for axis in condition.index.axes}
