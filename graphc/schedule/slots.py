"""The arena of a program with loops, and which single numbers are variables of the driver instead.

What a loop's body makes and reads within one iteration shares memory with other such things of it; what is there before
the loop or after it, or from one iteration to the next, has its memory for as long as the loop runs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from graphc.ir.dims import Dim, floordiv, symbols_of
from graphc.ir.types import DTYPES
from graphc.schedule.bufferize import fitting_slot, largest, size_in_bytes
from graphc.schedule.program import (
    Bind,
    Branch,
    Check,
    Copy,
    Exchange,
    Inline,
    Loop,
    Section,
    Step,
    Storage,
    While,
    align,
    step_buffers,
    walk_steps,
)

Interval = tuple[int, int]


@dataclass
class _Life:
    """When a storage is used, and whether only by code of the driver itself."""

    storage: Storage
    first: int
    last: int
    is_local: bool = True


@dataclass
class _Lives:
    time: int = 0
    by_id: dict[int, _Life] = field(default_factory=dict)
    loops: list[tuple[Interval, set[int]]] = field(default_factory=list)  # inner ones first

    def use(self, storage: Storage, *, is_local: bool) -> None:
        if storage.whole is not None:
            self.use(storage.whole, is_local=False)
            return
        life = self.by_id.setdefault(id(storage), _Life(storage, self.time, self.time))
        life.last = self.time
        life.is_local = life.is_local and is_local

    def walk(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.time += 1
            match step:
                case Section():
                    self._section(step)
                case Loop() | While():
                    self._loop(step)
                case Branch():
                    self.use(step.flag, is_local=True)
                    self.walk(step.first)
                    self.walk(step.second)
                case Exchange():
                    self.use(step.a, is_local=False)
                    self.use(step.b, is_local=False)

    def _section(self, section: Section) -> None:
        for step in section.steps:
            self.time += 1
            is_local = isinstance(step, Bind | Check | Copy | Inline)
            appended = _appended(step)
            for buffer in step_buffers(step):
                self.use(section.storage[buffer], is_local=is_local and buffer not in appended)

    def _loop(self, loop: Loop | While) -> None:
        start = self.time
        if isinstance(loop, While):
            self.walk(loop.condition)
            self.use(loop.flag, is_local=True)
        self.walk(loop.steps)
        traded = {id(s) for step in loop.steps if isinstance(step, Exchange) for s in (step.a, step.b)}
        self.loops.append(((start, self.time), traded))

    def through_loops(self) -> None:
        """What is used in a loop and outside of it lives as long as the loop, and so does what trades places in it."""
        for (start, end), traded in self.loops:
            for key, life in self.by_id.items():
                meets = life.first <= end and life.last >= start
                if meets and (life.first < start or life.last > end or key in traded):
                    life.first, life.last = min(life.first, start), max(life.last, end)


def _appended(step: Step) -> set[int]:
    """The buffers of a list of positions and its length: filled through pointers, though they may be one number."""
    lists = [phase.compaction for phase in step.nest.phases] if isinstance(step, Inline) else []
    return {buffer for made in lists if made is not None for buffer in (made.buffer, made.count)}


def plan_slots(steps: list[Step], capacity: Callable[[Dim], Dim], open_sizes: Collection[str]) -> list[Dim]:
    """Give each storage of the program its slot, or make it a local variable; returns the slots' sizes in bytes.

    ``capacity(size)`` is the most that a size can be.

    What is as large as a number of iterations that shows when the program runs is no part of the arena: it gets memory
    of its own, once that number is known.
    """
    lives = _Lives()
    lives.walk(steps)
    lives.through_loops()
    traded = {id(s) for step in walk_steps(steps) if isinstance(step, Exchange) for s in (step.a, step.b)}
    shared = _SharedSlots()
    open_storage: dict[frozenset[str], list[Storage]] = {}  # what is as large as these symbols say
    count = 0
    for life in sorted(lives.by_id.values(), key=lambda life: life.first):
        storage = life.storage
        if storage.place != "arena":
            continue
        storage.size = capacity(storage.size)
        if storage.size == 1 and life.is_local:
            storage.place, storage.position = "local", count
            count += 1
            continue
        size = size_in_bytes(storage)
        trades, unknown = id(storage) in traded, symbols_of(size) & frozenset(open_sizes)
        if unknown and trades:  # a variable of its own
            storage.place, storage.position = "grown", count
            count += 1
            continue
        if unknown:
            open_storage.setdefault(unknown, []).append(storage)
            continue
        storage.slot = shared.take(size, life.first, life.last, trades=trades)
    for position, together in enumerate(open_storage.values(), count):
        _grow_together(together, position)
    return [largest(sizes) for sizes in shared.sizes]


class _SharedSlots:
    """The slots of the arena, each for one storage after another; asked for in the order in which lives begin."""

    def __init__(self) -> None:
        self.sizes: list[list[Dim]] = []  # the different sizes of what has its place in each
        self.taken: list[tuple[int, int]] = []  # a heap: until when, and the slot
        self.free: list[int] = []  # in the order in which they became so
        self.fixed: set[int] = set()  # slots that trade places: each must stay as large as the other

    def take(self, size: Dim, first: int, last: int, *, trades: bool) -> int:
        """A slot for so many bytes, for a life from ``first`` to ``last``."""
        while self.taken and self.taken[0][0] < first:
            self.free.append(heappop(self.taken)[1])
        usable = [k for k in self.free if k not in self.fixed or self.sizes[k] == [size]] if self.fixed else self.free
        slot = fitting_slot(size, self.sizes, usable, may_grow=not trades)
        if slot is None:
            slot = len(self.sizes)
            self.sizes.append([])
        else:
            self.free.remove(slot)
        if size not in self.sizes[slot]:
            self.sizes[slot].append(size)
        self.fixed |= {slot} if trades else set()
        heappush(self.taken, (last, slot))
        return slot


def _grow_together(storages: list[Storage], position: int) -> None:
    """Make these parts of one memory, which is grown, and given back, at once. Each begins where lines of cache do."""
    offset: Dim = 0
    memory = Storage("grown", position, "u8", 0)
    for storage in storages:
        storage.place, storage.position, storage.whole = "part", -1, memory
        storage.offset = floordiv(offset, DTYPES[storage.dtype].itemsize)
        offset += align(size_in_bytes(storage))
    memory.size = offset


def grown_storage(steps: list[Step]) -> list[Storage]:
    """The storage of the steps that has memory of its own."""
    every = (whole(s) for step in walk_steps(steps) if isinstance(step, Section) for s in step.storage)
    return list({id(s): s for s in every if s.place == "grown"}.values())


def whole(storage: Storage) -> Storage:
    """What the storage is a part of, or the storage itself."""
    return storage if storage.whole is None else whole(storage.whole)
