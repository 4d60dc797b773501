"""Kernels that write over what they read: one piece of memory instead of two.

A kernel is often the last reader of an array as large as the one that it stores: the gradient behind an activation, the
activation behind a product. Where an element reads of that array nothing but the place that it stores to itself, the
result stands where the source stood. Both are then one buffer of the kernel, whose pointers are told apart.

A caller can give the memory of a parameter for a result (new weights for old ones). Then that is the source, if all
else that reads it comes before, and no check that could stop the program after; if not, it is copied there last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from graphc.schedule.loopnest import Nest, Phase, Store
from graphc.schedule.program import Check, Foreign, Launch, Step, Storage, step_buffers
from graphc.schedule.scalars import walk


class Overwriting:
    """Lets the results of straight steps stand where dying temporaries stood; ``places``: where those results may be.

    An output's memory is so used before the output is there: by what it is made of. ``homes``: the parameter in whose
    memory the caller wants a result, by numbers of buffers.
    """

    def __init__(
        self, storage: list[Storage], steps: Sequence[Step], places: Collection[str], homes: Mapping[int, int]
    ):
        self.storage, self.steps, self.places, self.homes = storage, steps, places, homes
        self.first: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self.decided = -1  # from here on the program cannot stop before its end
        for time, step in enumerate(steps):
            for buffer in step_buffers(step):
                self.first.setdefault(id(storage[buffer]), time)
                self.last[id(storage[buffer])] = time
            if isinstance(step, Check | Foreign):
                self.decided = time
        for buffer in homes:
            self.last[id(storage[buffer])] = len(steps)

    def run(self) -> None:
        """Make each such source and result one storage, and one buffer of their kernel."""
        for result, home in self.homes.items():
            self._move_in(result, home)
        for time, step in enumerate(self.steps):
            if not isinstance(step, Launch) or step.nest.across:
                continue
            for store, source in self._pairs(step.nest, time):
                self._unite(self.storage[source], self.storage[store.buffer])
                renumber(step.nest, store.buffer, source)

    def _move_in(self, result: int, home: int) -> None:
        """Make the result in its home from the start, where nothing reads that by then."""
        start = self.first[id(self.storage[result])]
        if self.decided < start and self.last.get(id(self.storage[home]), -1) < start:
            self._unite(self.storage[home], self.storage[result])

    def _pairs(self, nest: Nest, time: int) -> Iterator[tuple[Store, int]]:
        uses = nest.buffers()
        for number, phase in enumerate(nest.phases):
            for store in list(phase.stores):
                if not self._is_new(store, nest, phase, time):
                    continue
                home = self.homes.get(store.buffer)
                for buffer in [home, *uses] if home in uses else list(uses):
                    how = uses[buffer]
                    if (
                        how == "read"
                        and self._fits(buffer, store, time)
                        and reads_in_place(nest, buffer, store, number)
                    ):
                        uses[buffer] = "both"
                        yield store, buffer
                        break

    def _is_new(self, store: Store, nest: Nest, phase: Phase, time: int) -> bool:
        """Whether the store makes an array that was not there before, each element of its loops one of it."""
        place = self.storage[store.buffer]
        writers = [s for p in nest.phases for s in (*p.stores, *p.results) if s.buffer == store.buffer]
        loops = {*range(nest.row), *phase.axes}
        is_plain = not (store.accumulate or store.gathered or phase.lanes) and phase.skip is None
        return (
            is_plain
            and bool(phase.axes)
            and store.index.axes == loops
            and len(writers) == 1
            and place.place in self.places
            and self.first[id(place)] == time
        )

    def _fits(self, buffer: int, store: Store, time: int) -> bool:
        source, target = self.storage[buffer], self.storage[store.buffer]
        is_home = self.homes.get(store.buffer) == buffer and self.decided < time
        return (
            (source.place == "arena" or is_home)
            and self.last[id(source)] == time
            and source.dtype == target.dtype
            and source.size == target.size
        )

    def _unite(self, source: Storage, target: Storage) -> None:
        kept = source if target.place == "arena" else target
        self.first[id(kept)], self.last[id(kept)] = self.first.get(id(source), 0), self.last[id(target)]
        for number, place in enumerate(self.storage):
            if place is source or place is target:
                self.storage[number] = kept


def reads_in_place(nest: Nest, buffer: int, store: Store, number: int) -> bool:
    """Whether all that reads the buffer reads the stored place, in phase ``number``, which stores it, or before."""
    for later, phase in enumerate(nest.phases):
        scalars = walk([*phase.scalars(), *(result.scalar for result in phase.results)])
        loads = [s for s in scalars if s.form == "load" and s.data.buffer == buffer]
        if loads and (later > number or any(s.args or s.data.index != store.index for s in loads)):
            return False
    return True


def renumber(nest: Nest, old: int, new: int) -> None:
    """Let the nest's stores and loads of buffer ``old`` be of ``new``; its scalars are no other nest's."""
    for scalar in walk(nest.scalars()):
        if scalar.form == "load" and scalar.data.buffer == old:
            scalar.data = replace(scalar.data, buffer=new)
    for phase in nest.phases:
        phase.stores = [replace(s, buffer=new) if s.buffer == old else s for s in phase.stores]
