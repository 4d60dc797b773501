"""How a nest's iterations are laid out over the threads of a device.

A mapping is chosen from the nest alone:

    elements   independent elements: each thread takes every n-th
    rows       a block of threads takes a row (or a block of rows) at a time; its threads share the phases' innermost
               loops, folds meet in shared memory, and phases are parted by barriers
    items      each thread runs whole rows by itself: scans, and stores that may meet
    serial     one thread runs it all, in order
"""

from __future__ import annotations

from functools import reduce

from graphc.ir.dims import Dim, dim_max
from graphc.schedule.loopnest import Nest, Phase
from graphc.schedule.scalars import walk


def mapping_of(nest: Nest) -> str:
    """How the nest's iterations are laid out over threads; see the module's text."""
    if nest.sequential or not nest.space:
        return "serial"
    if not all(map(_is_shareable, nest.phases)) or _passes_on(nest):
        return "items"
    phases = nest.phases
    is_pointwise = len(phases) == 1 and not (phases[0].folds or phases[0].totals or phases[0].lanes)
    plain = is_pointwise and not any(store.accumulate for store in phases[0].stores)
    if plain and nest.block is None and len(phases[0].axes) + nest.row == len(nest.space):
        return "elements"
    return "rows"


def _is_shareable(phase: Phase) -> bool:
    """Whether threads may share the innermost loop: no order among its rounds, and no two that write one place."""
    folds = [*phase.folds, *(total.fold for total in phase.totals)]
    if phase.compaction is not None or phase.exclusive or any(f.running or f.more for f in folds):
        return False
    if not phase.axes:
        return True
    return all(not s.gathered and s.index.coefficient(phase.axes[-1]) != 0 for s in phase.stores)


def _passes_on(nest: Nest) -> bool:
    """Whether what one round of a phase's loop stores is read in another round of it."""
    for phase in nest.phases:
        places = {store.buffer: store.index for store in phase.stores}
        loads = [s for s in walk(phase.scalars()) if s.form == "load" and s.data.buffer in places]
        if any(load.args or load.data.index != places[load.data.buffer] for load in loads):
            return True
    return False


def shared_rounds(nest: Nest) -> Dim:
    """The rounds of the longest loop that the threads of a block share."""
    rounds: list[Dim] = [1]
    for phase in nest.phases:
        if phase.axes:
            axis = phase.axes[-1]
            rounds.append(nest.space[axis] if axis or nest.block is None else nest.block)
    return reduce(dim_max, rounds)
