"""Which tasks share a kernel, and in which phase of it.

A *group* is a kernel to be: tasks over one space, with at most one row level. Its loops are

    for each row (axes before ``row``):
        phase 0, once;  phase 1 over the rest of the axes;  phase 2, once;  phase 3 over the rest;  ...

A fold over exactly the rest of the axes has its result at the row's level, so a later phase of the same row may read it
(softmax is three phases of one kernel). A fold across rows is a *total*: its result exists only after the kernel.
A group with *lanes* has one level more, see ``schedule.lanes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphc.ir.dims import Dim, symbols_of
from graphc.ir.graph import Value
from graphc.ir.sizes import sizes_of
from graphc.schedule.dear import is_made_in_vectors
from graphc.schedule.gemm import Product
from graphc.schedule.lanes import fits_lanes, opens_lanes
from graphc.schedule.scalars import Affine
from graphc.schedule.tasks import Task, is_index_fold
from graphc.schedule.windows import WindowCall

FARTHEST = 32  # groups that a task looks back over
ALONE = ("scan", "scatter", "compact")
MOST_TASKS = 24  # tasks in one kernel, so that compile time stays linear and registers suffice
MOST_VALUES = 400  # values that the tasks of one kernel compute, for the same reason
MOST_BUFFERS = 56  # buffers of one kernel: each is an argument, and a call passes no more than ``abi.MOST_ARGUMENTS``


@dataclass
class Placed:
    """A task of a group and its time in a row, which is the number of its phase.

    The level goes round with time: 0 once a row, then (once a lane, and) once an element.
    """

    task: Task
    time: int
    level: int


@dataclass
class Group:
    space: tuple[Dim, ...]
    members: list[Placed] = field(default_factory=list)
    row: int | None = None  # axes of the row loop; None while nothing asked for rows
    lanes: bool = False  # the axis after the row's is a level of its own
    closed: bool = False  # scans and scatters run alone
    library: Product | WindowCall | None = None  # a library call has a place in the order, and no members
    check: int | None = None  # so has the check of this flag's buffer
    barrier: bool = False  # nothing may gather or scatter before the check
    values: int = 0  # that the members compute
    buffers: set[int] = field(default_factory=set)  # that they read and write

    @property
    def levels(self) -> int:
        return 3 if self.lanes else 2

    def makes(self, stored: Mapping[Value, int]) -> set[int]:
        """The buffers that the group writes."""
        if self.library is not None:
            return {stored[self.library.makes]}
        return {stored[m.task.value] for m in self.members}

    def binds(self) -> set[str]:
        """The sizes that show when the group has run: the counts of masks."""
        return {m.task.node.attrs["symbol"] for m in self.members if m.task.kind == "compact"}

    def reads(self, stored: Mapping[Value, int]) -> set[int]:
        """The buffers that the group reads, its own included."""
        if self.library is not None:
            return {stored[value] for value in self.library.reads}
        if self.check is not None:
            return {self.check}
        return {buffer for m in self.members for buffer in m.task.reads}


def is_row_fold(task: Task, row: int) -> bool:
    return task.kind in ("fold", "scan") and row > 0 and task.reduced == frozenset(range(row, len(task.space)))


def row_level(task: Task) -> int | None:
    """The number of outer axes that a fold or scan over the inner axes keeps; None for other tasks."""
    if task.kind not in ("fold", "scan") or not task.reduced:
        return None
    level = min(task.reduced)
    return level if level > 0 and is_row_fold(task, level) else None


def is_position_of_all(task: Task) -> bool:
    """The position of the best of all elements: what finds it runs from end to end, in loops over its own axes only."""
    return task.kind == "fold" and is_index_fold(task) and len(task.reduced) == len(task.space)


class Fusion:
    """Greedy: each task joins the latest group in which everything that it reads is at hand, else it opens one."""

    def __init__(self, stored: Mapping[Value, int], lanes: bool):
        self.stored, self.lanes = stored, lanes
        self.producer: dict[int, tuple[int, Placed]] = {}  # buffer -> (group, member)
        self.groups: list[Group] = []

    def add_library(self, made: Product | WindowCall) -> None:
        """A library call, after everything so far."""
        self.groups.append(Group((), closed=True, library=made))

    def add_check(self, flag: Value, barrier: bool) -> None:
        """The check of an index, which what follows may have to wait for before it gathers and scatters."""
        self.groups.append(Group((), closed=True, check=self.stored[flag], barrier=barrier))

    def add_alone(self, task: Task) -> None:
        """The task in a group of its own, after everything so far."""
        self.groups.append(Group(task.space, closed=True))
        self._put(Placed(task, 1, 1), len(self.groups) - 1)

    def add(self, task: Task) -> None:
        """Place the task in the latest group that can take it, or in a new one."""
        for number in range(len(self.groups) - 1, max(len(self.groups) - 1 - FARTHEST, -1), -1):
            group = self.groups[number]
            if self._joins(task, group):
                placed = self._place(task, group, number)
                if placed is not None:
                    self._put(placed, number)
                    return
            if not self._may_pass(task, number):
                break
        group = Group(task.space, row=row_level(task), closed=task.kind in ALONE)
        if self.lanes and opens_lanes(task):
            group.row, group.lanes = len(task.space) - 2, True
        self.groups.append(group)
        placed = self._place(task, group, len(self.groups) - 1)
        assert placed is not None
        self._put(placed, len(self.groups) - 1)

    def _put(self, placed: Placed, number: int) -> None:
        group, task = self.groups[number], placed.task
        group.members.append(placed)
        group.values += len(task.visited)
        group.buffers |= {*task.reads, self.stored[task.value]}
        self.producer[self.stored[placed.task.value]] = (number, placed)

    def _may_pass(self, task: Task, number: int) -> bool:
        """Whether the task may run before the group: it needs nothing that the group makes, nor writes beside it."""
        if self.groups[number].barrier and (task.gathers or task.kind == "scatter"):
            return False
        bound = self.groups[number].binds()
        if bound and bound & _sizes_of(task):
            return False
        made = self.groups[number].makes(self.stored)
        return not made & (set(task.reads) | {self.stored[task.value]})

    @staticmethod
    def _joins(task: Task, group: Group) -> bool:
        if group.closed or task.kind in ALONE or _is_full(group, task):
            return False
        if not task.space or not group.space:
            return not task.space and not group.space
        short, long = sorted((task.space, group.space), key=len)
        if long[: len(short)] != short:
            return False
        if group.lanes:
            return fits_lanes(task, group.row or 0, len(group.space))
        if len(short) < len(long) and any(map(is_position_of_all, (task, *(m.task for m in group.members)))):
            return False
        level = row_level(task)
        if len(short) == len(long):
            return level is None or group.row in (None, level)
        if len(task.space) < len(group.space):  # the task runs once a row of the group
            return group.row in (None, len(task.space))
        return group.row is None and level in (None, len(group.space)) and all(m.level > 0 for m in group.members)

    def _place(self, task: Task, group: Group, number: int) -> Placed | None:
        """The task at the earliest time when all that it reads is at hand; None where something never is."""
        if group.lanes:
            return self._place_in_lanes(task, group, number)
        longest = max(task.space, group.space, key=len)
        row = row_level(task) or (group.row if len(task.space) == len(group.space) else None)
        if len(task.space) != len(group.space):
            row = min(len(task.space), len(group.space))
        in_row = len(task.space) < len(longest)
        becomes_row = len(group.space) < len(longest)  # what was the whole space is a row of the task's
        time = 0 if in_row else 1
        if any(m.task.kind == "place" and self.stored[m.task.value] in task.reads for m in group.members):
            return None  # a piece of an array whose other pieces may be written in other groups
        for buffer, positions in task.reads.items():
            made_in, maker = self.producer.get(buffer, (-1, None))
            if made_in != number or maker is None:
                continue
            at_hand = _at_hand(maker, positions, row, becomes_row)
            if at_hand is None:
                return None
            if maker.level > 0 and is_made_in_vectors(maker.task, task):
                if not row:
                    return None  # without rows, all elements would have to be kept for it
                at_hand += 2
            time = max(time, at_hand + (at_hand + time) % 2)
        if becomes_row:
            for member in group.members:
                member.time, member.level = member.time - 1, 0
            group.space = task.space
        group.row = row
        return Placed(task, time, time % 2)

    def _place_in_lanes(self, task: Task, group: Group, number: int) -> Placed | None:
        level = len(task.space) - (group.row or 0)
        time = level
        for buffer, positions in task.reads.items():
            made_in, maker = self.producer.get(buffer, (-1, None))
            if made_in != number or maker is None:
                continue
            is_fold = maker.task.kind == "fold"
            made_for = len(maker.task.space) - len(maker.task.reduced)  # a result for each of so many outer axes
            if positions != {maker.task.target} or made_for > len(task.space):
                return None
            if is_fold and (
                made_for < (group.row or 0) or maker.task.reduced != set(range(made_for, len(maker.task.space)))
            ):
                return None  # a total, or a sum over rows for each lane: it exists only after the kernel
            earliest = maker.time + is_fold
            time = max(time, earliest + (level - earliest) % 3)
        return Placed(task, time, level)


def _sizes_of(task: Task) -> set[str]:
    """The symbols that the task's loops and numbers are made of."""
    names = {name for dim in task.space for name in symbols_of(dim)}
    return names.union(*(sizes_of(value.node) for value in task.visited if value.node is not None))


def _is_full(group: Group, task: Task) -> bool:
    return (
        len(group.members) >= MOST_TASKS
        or group.values + len(task.visited) > MOST_VALUES
        or len(group.buffers | task.reads.keys()) >= MOST_BUFFERS
    )


def _at_hand(maker: Placed, positions: set[Affine], row: int | None, becomes_row: bool) -> int | None:
    """The time from which the maker's value can be read at these positions inside its group; None: it cannot."""
    task = maker.task
    if task.kind == "fold":
        if row is None or becomes_row or maker.level == 0 or not is_row_fold(task, row):
            return None  # a total exists only after the kernel
        return maker.time + 1 if positions == {task.target} else None
    if task.kind != "map" or positions != {task.target}:
        return None
    return maker.time - becomes_row
