"""The arena: which temporaries share memory.

A slot is a piece of the arena of some size in bytes; buffers whose lives do not overlap share one. Sizes are dims, and
which one is larger shows when the program is called: a slot then becomes as large as the larger of its sizes, which is
never more than all of them together. Offsets are computed by the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphc.ir.dims import Dim, Expr, dim_max, evaluate, symbols_of
from graphc.ir.types import DTYPES
from graphc.schedule.program import Step, Storage, step_buffers

USUAL = 64  # what a symbol is taken for where sizes are compared
MOST_SIZES = 4  # of one slot: each is a term of an expression that every call evaluates


def size_in_bytes(storage: Storage) -> Dim:
    return storage.size * int(np.dtype(DTYPES[storage.dtype]).itemsize)


@dataclass
class _Slot:
    """``sizes``: the different ones of what has its place here; ``taken``: when."""

    sizes: list[Dim]
    taken: list[tuple[int, int]]

    def is_free(self, first: int, last: int) -> bool:
        return all(last < start or end < first for start, end in self.taken)


def plan_arena(storage: Sequence[Storage], steps: Sequence[Step]) -> list[Dim]:
    """Give every arena buffer that a step uses its slot; returns the slots' sizes in bytes.

    The largest come first, so that the others find room in their slots: the largest for symbols of one size, which is
    right for most calls. A slot is as large as the largest of its buffers whichever that is.
    """
    slots: list[_Slot] = []
    for place, first, last in sorted(_lives(storage, steps), key=lambda life: -_usual(size_in_bytes(life[0]))):
        size = size_in_bytes(place)
        free = [k for k, slot in enumerate(slots) if slot.is_free(first, last)]
        place.slot = _best(size, slots, free)
        if place.slot == len(slots):
            slots.append(_Slot([], []))
        slot = slots[place.slot]
        slot.taken.append((first, last))
        if not any(_is_within(size, other) for other in slot.sizes):
            slot.sizes.append(size)
    return [largest(slot.sizes) for slot in slots]


def _lives(storage: Sequence[Storage], steps: Sequence[Step]) -> list[tuple[Storage, int, int]]:
    """Each arena buffer, with the first and the last step that uses it; what several numbers mean is one."""
    lives: dict[int, tuple[Storage, int, int]] = {}
    for time, step in enumerate(steps):
        for buffer in step_buffers(step):
            place = storage[buffer]
            if place.place == "arena":
                _, first, _ = lives.get(id(place), (place, time, time))
                lives[id(place)] = place, first, time
    return list(lives.values())


def _best(size: Dim, slots: Sequence[_Slot], free: Sequence[int]) -> int:
    """The number of the slot in which the least stays unused, or that of a new one."""
    fitting = [k for k in free if any(_is_within(size, other) for other in slots[k].sizes)]
    if not fitting:  # one that may become larger for it
        fitting = [k for k in free if len(slots[k].sizes) < MOST_SIZES]
    return min(fitting, key=lambda k: max(map(_usual, slots[k].sizes)), default=len(slots))


def _usual(size: Dim) -> int:
    return evaluate(size, dict.fromkeys(symbols_of(size), USUAL))


def _is_within(size: Dim, other: Dim) -> bool:
    """Whether ``other`` is at least as large for all sizes, as far as that is plain."""
    rest = other - size
    if isinstance(rest, int):
        return rest >= 0
    return all(factor > 0 and all(isinstance(atom, str) for atom in monomial) for monomial, factor in rest.terms)


def fitting_slot(
    size: Dim, slots: Sequence[Sequence[Dim]], free: Sequence[int], *, may_grow: bool = True
) -> int | None:
    """The free slot for a buffer, of those that became free last; None where it needs one of its own.

    ``slots``: the sizes in each. ``may_grow``: False for a slot that is to have this very size.
    """
    for slot in reversed(free):
        if size in slots[slot] and (may_grow or len(slots[slot]) == 1):
            return slot
    if not may_grow:
        return None
    for slot in reversed(free):
        if len(slots[slot]) < MOST_SIZES and _degree(size) and _degree(size) == _degree(slots[slot][0]):
            return slot
    return None


def _degree(size: Dim) -> int:
    return max(len(monomial) for monomial, _ in size.terms) if isinstance(size, Expr) else 0


def largest(sizes: Sequence[Dim]) -> Dim:
    result = sizes[0]
    for size in sizes[1:]:
        result = dim_max(result, size)
    return result
