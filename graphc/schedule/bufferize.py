"""The arena: which temporaries share memory.

A slot is a piece of the arena of some size in bytes; buffers whose lives do not overlap share one. Sizes are dims, and
which one is larger shows when the program is called: buffers of equal size share a slot first, and else a slot becomes
as large as the larger of two sizes of one degree (both matrices, say), which is never more than both together. Offsets
are computed by the call.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.ir.dims import Dim, Expr, dim_max
from graphc.ir.types import DTYPES
from graphc.schedule.program import Step, Storage, step_buffers

MOST_SIZES = 4  # of one slot: each is a term of an expression that every call evaluates


def size_in_bytes(storage: Storage) -> Dim:
    return storage.size * int(np.dtype(DTYPES[storage.dtype]).itemsize)


def plan_arena(storage: Sequence[Storage], steps: Sequence[Step]) -> list[Dim]:
    """Give every arena buffer that a step uses its slot; returns the slots' sizes in bytes."""
    last_use: dict[int, int] = {}
    for time, step in enumerate(steps):
        for buffer in step_buffers(step):
            last_use[buffer] = time
    slots: list[list[Dim]] = []  # the different sizes of what has its place in each
    free: list[int] = []
    for time, step in enumerate(steps):
        buffers = step_buffers(step)
        for buffer in buffers:
            place = storage[buffer]
            if place.place == "arena" and place.slot < 0:
                size = size_in_bytes(place)
                found = fitting_slot(size, slots, free)
                if found is None:
                    place.slot = len(slots)
                    slots.append([size])
                else:
                    place.slot = found
                    free.remove(found)
                    if size not in slots[found]:
                        slots[found].append(size)
        free += [storage[b].slot for b in buffers if storage[b].place == "arena" and last_use[b] == time]
    return [largest(sizes) for sizes in slots]


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
