"""How a nest's iterations are laid out over the threads of a device.

A mapping is chosen from the nest alone:

    elements   independent elements: each thread takes every n-th
    rows       a block of threads takes a row (or a block of rows) at a time; its threads share the phases' innermost
               loops, folds meet in shared memory, and phases are parted by barriers; where a row has few elements,
               a thread runs each (``cuda_short``)
    items      each thread runs whole rows by itself: scans, and stores that may meet
    alone      one block of threads runs it all, as one row
    scan       one block: a running fold, by parts that each thread runs in order
    columns    scatters of rows: each thread takes every n-th column, and runs all rows of updates in order
    owners     other scatters: each thread runs all updates in order, and makes those of its own part of the target
    serial     one thread runs it all, in order

With ``atomics`` updates that are sums are ``elements``, too: each is one atomic addition, in whatever order they come.
"""

from __future__ import annotations

from functools import reduce

from graphc.ir.dims import Dim, dim_max
from graphc.schedule.loopnest import Nest, Phase
from graphc.schedule.scalars import walk

SUMS = ("{acc} + {0}", "({acc} + {0})")
ATOMIC = ("f64", "f32", "i64", "i32", "u64", "u32")  # what a device adds to memory in one instruction
ASSOCIATIVE = ("{acc} + {0}", "({acc} + {0})", "{acc} * {0}", "({acc} * {0})")


def mapping_of(nest: Nest, *, atomics: bool = False) -> str:
    """How the nest's iterations are laid out over threads; see the module's text."""
    if not nest.space:
        return "serial"
    if atomics and adds_up(nest):
        return "elements"
    if nest.sequential:
        return _of_what_has_an_order(nest)
    if not all(map(_is_shareable, nest.phases)) or _passes_on(nest):
        return "items"
    phases = nest.phases
    is_pointwise = len(phases) == 1 and not (phases[0].folds or phases[0].totals or phases[0].lanes)
    plain = is_pointwise and not any(store.accumulate for store in phases[0].stores)
    if plain and nest.block is None and len(phases[0].axes) + nest.row == len(nest.space):
        return "elements"
    return "rows"


def _of_what_has_an_order(nest: Nest) -> str:
    if nest.block is not None:
        return "serial"
    if nest.row == 0 and all(map(_is_shareable, nest.phases)) and not _passes_on(nest):
        return "alone"
    if len(nest.space) == 1 and len(nest.phases) == 1 and _is_scan(nest.phases[0]) and not _passes_on(nest):
        return "scan"
    if len(nest.phases) == 1 and _is_scatter(nest.phases[0]) and not _passes_on(nest):
        return "serial" if nest.row else "owners" if column_axis(nest) is None else "columns"
    return "serial"


def adds_up(nest: Nest) -> bool:
    """Whether the nest does nothing but add updates to places that are looked up."""
    if nest.block is not None or len(nest.phases) != 1 or not _is_scatter(nest.phases[0]) or _passes_on(nest):
        return False
    (store,) = nest.phases[0].stores
    everywhere = len(nest.phases[0].axes) + nest.row == len(nest.space)
    return everywhere and store.accumulate in SUMS and store.scalar.dtype in ATOMIC


def _is_scan(phase: Phase) -> bool:
    """Whether the phase does nothing but store a running sum or product."""
    others = (phase.totals, phase.lanes, phase.results)
    if len(phase.folds) != 1 or any(others) or phase.compaction is not None or phase.axes != (0,):
        return False
    fold = phase.folds[0]
    plain = all(not s.gathered and not s.accumulate and s.index.coefficient(0) != 0 for s in phase.stores)
    return plain and fold.running and not fold.more and fold.step in ASSOCIATIVE


def _is_scatter(phase: Phase) -> bool:
    """Whether the phase does nothing but one store at positions that are looked up."""
    others = (phase.folds, phase.totals, phase.lanes, phase.results)
    single = len(phase.stores) == 1 and bool(phase.stores[0].gathered) and not any(others)
    return single and phase.compaction is None and not phase.exclusive


def column_axis(nest: Nest) -> int | None:
    """The axis of a scatter along which updates never meet: the target's last one, which nothing looked up moves."""
    (store,) = nest.phases[0].stores
    if len(store.index.terms) != 1 or len(store.gathered) != 1:
        return None
    ((axis, coefficient),) = store.index.terms
    ((position, stride),) = store.gathered
    apart = stride == coefficient * nest.space[axis] and axis not in position.axes
    return axis if axis in nest.phases[0].axes and apart else None


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
