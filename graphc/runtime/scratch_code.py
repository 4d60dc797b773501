"""Scratch memory that products and convolutions keep, in the restricted Python of ``machine_code``.

``slots`` is the address of a list of ``SLOTS`` kept blocks, ``state`` that of what all calls share (``State``).
"""

from __future__ import annotations

from graphc.runtime.gemm_layout import ALLOCATED, CAPACITY, PAGE, PROBES, SLOTS, STACK, State
from graphc.runtime.machine_code import call, divide_towards_zero, exchange, load, stack, store


def take(slots: int, state: int, size: int) -> int:
    """A kept block that is large enough, or a new one: aligned, and nobody else's until it is given back. 0 for none.

    A thread looks where its stack says, so that it finds the block that it had before, which is in its cache.
    """
    own = divide_towards_zero(stack(8), STACK)
    for k in range(PROBES):
        data = exchange(slots + 8 * ((own + k) & (SLOTS - 1)), 0)
        if data:
            if load(data - CAPACITY) >= size:
                return data
            call(load(state + State.FREE), load(data - ALLOCATED))
    allocated = call(load(state + State.ALLOCATE), size + PAGE + CAPACITY)
    if allocated == 0:
        return 0
    data = (allocated + CAPACITY + PAGE - 1) & -PAGE
    store(data - CAPACITY, size)
    store(data - ALLOCATED, allocated)
    return data


def give(slots: int, state: int, data: int) -> int:
    """Keep the block; where all slots are taken, one goes."""
    own = divide_towards_zero(stack(8), STACK)
    for k in range(PROBES):
        data = exchange(slots + 8 * ((own + k) & (SLOTS - 1)), data)
        if data == 0:
            return 0
    return call(load(state + State.FREE), load(data - ALLOCATED))
