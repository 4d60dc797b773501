"""The arena: which temporaries share memory.

A slot is a piece of the arena of some size in bytes; buffers of equal size whose lives do not overlap share one. Sizes
are dims, so slots are matched by their expression, and offsets are computed when the program is called.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.ir.dims import Dim
from graphc.ir.types import DTYPES
from graphc.schedule.program import Step, Storage, step_buffers


def size_in_bytes(storage: Storage) -> Dim:
    return storage.size * int(np.dtype(DTYPES[storage.dtype]).itemsize)


def plan_arena(storage: Sequence[Storage], steps: Sequence[Step]) -> list[Dim]:
    """Give every arena buffer that a step uses its slot; returns the slots' sizes in bytes."""
    last_use: dict[int, int] = {}
    for time, step in enumerate(steps):
        for buffer in step_buffers(step):
            last_use[buffer] = time
    slots: list[Dim] = []
    free: dict[Dim, list[int]] = {}
    for time, step in enumerate(steps):
        buffers = step_buffers(step)
        for buffer in buffers:
            place = storage[buffer]
            if place.place == "arena" and place.slot < 0:
                size = size_in_bytes(place)
                if free.get(size):
                    place.slot = free[size].pop()
                else:
                    place.slot = len(slots)
                    slots.append(size)
        for buffer in buffers:
            if storage[buffer].place == "arena" and last_use[buffer] == time:
                free.setdefault(slots[storage[buffer].slot], []).append(storage[buffer].slot)
    return slots
