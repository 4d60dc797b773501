"""The native entry's second half: from accepted inputs through the driver to the result. See ``entry_accept``."""

from __future__ import annotations

from graphc.abi import ALIGNMENT
from graphc.runtime.entry_arrays import SMALLEST_POOLED, new_array
from graphc.runtime.entry_expressions import value
from graphc.runtime.entry_layout import Frame, Head, OutputField, WorkspaceField
from graphc.runtime.entry_references import drop, take
from graphc.runtime.entry_result import build_result
from graphc.runtime.machine_code import call, call_int, inline, load, stack, store
from graphc.runtime.memory_code import graphc_pool_free, take_memory
from graphc.runtime.object_layout import Offset


@inline
def execute(plan: int, frame: int) -> int:
    """The call's result, a new reference, or 0 with an exception set; without one where the fallback is to serve."""
    outputs = frame + load(plan + Head.FRAME_OUTPUTS)
    outputs_end = frame + load(plan + Head.FRAME_OUTPUTS_END)
    place = outputs
    while place < outputs_end:
        store(place, 0)
        place += 8
    result = 0
    if allocate_outputs(plan, frame) and take_arena(plan, frame):
        status = drive(plan, frame)
        give_arena_back(plan, frame)
        if status != 0:
            raise_status(plan, frame, status)
        elif finish_outputs(plan, frame):
            result = build_result(plan, frame)
    drop(plan, outputs, outputs_end)
    return result


@inline
def allocate_outputs(plan: int, frame: int) -> int:
    """Find the memory of each output: a slot of the frame, an array that the call gives, or a new one."""
    output = plan + load(plan + Head.OUTPUTS)
    end = plan + load(plan + Head.OUTPUTS_END)
    symbols = frame + load(plan + Head.FRAME_SYMBOLS)
    place = frame + load(plan + Head.FRAME_OUTPUTS)
    argument = frame + load(plan + Head.FRAME_OUTPUT_ARGUMENTS)
    shape = frame + load(plan + Head.FRAME_SHAPE)
    given = frame + load(plan + Head.FRAME_GIVEN)
    staged = frame + load(plan + Head.FRAME_STAGED)
    has_out = load(frame + Frame.OUT)
    while output < end:
        rank = load(output + OutputField.RANK)
        dims = output + OutputField.SIZE
        if has_out and load(given) and not load(staged):
            take(plan, load(given))
            store(place, load(given))
            store(argument, load(load(given) + Offset.ARRAY_DATA))
        elif rank == 0:
            store(argument, frame + load(output + OutputField.SLOT))
        else:
            for axis in range(rank):
                store(shape + 8 * axis, value(plan, dims + 16 * axis, symbols))
            array = new_array(plan, output, shape)
            if array == 0:
                return 0
            store(place, array)
            store(argument, load(array + Offset.ARRAY_DATA))
        place += 8
        argument += 8
        given += 8
        staged += 8
        output = dims + 16 * rank
    return 1


@inline
def take_arena(plan: int, frame: int) -> int:
    """Memory of the pool for a large arena; for a small one the kept workspace, or memory for this call alone."""
    store(frame + Frame.ARENA, 0)
    store(frame + Frame.POOLED, 0)
    store(frame + Frame.TEMPORARY, 0)
    store(frame + Frame.LOCKED, 0)
    size = value(plan, plan + Head.ARENA_FORM, frame + load(plan + Head.FRAME_SYMBOLS))
    if size <= 0:
        return 1
    pool = load(plan + Head.POOL)
    if pool and size >= SMALLEST_POOLED:
        memory = take_memory(pool, size)
        if memory == 0:
            return call(load(plan + Head.NO_MEMORY))
        store(frame + Frame.POOLED, memory)
        store(frame + Frame.ARENA, memory)
        return 1
    workspace = load(plan + Head.WORKSPACE)
    if load(workspace + WorkspaceField.BUSY):
        memory = call(load(plan + Head.RAW_MALLOC), size + ALIGNMENT)
        if memory == 0:
            return call(load(plan + Head.NO_MEMORY))
        store(frame + Frame.TEMPORARY, memory)
        store(frame + Frame.ARENA, (memory + ALIGNMENT - 1) & -ALIGNMENT)
        return 1
    store(workspace + WorkspaceField.BUSY, 1)
    store(frame + Frame.LOCKED, workspace)
    if load(workspace + WorkspaceField.CAPACITY) < size and not grow_workspace(plan, size):
        store(workspace + WorkspaceField.BUSY, 0)
        return 0
    store(frame + Frame.ARENA, load(workspace + WorkspaceField.ADDRESS))
    return 1


def grow_workspace(plan: int, size: int) -> int:
    argument = stack(8)
    number = call(load(plan + Head.FROM_INT64), size)
    if number == 0:
        return 0
    store(argument, number)
    done = call(load(plan + Head.VECTORCALL), load(plan + Head.GROW), argument, 1, 0)
    call(load(plan + Head.DECREF), number)
    if done == 0:
        return 0
    call(load(plan + Head.DECREF), done)
    return 1


@inline
def give_arena_back(plan: int, frame: int) -> int:
    workspace = load(frame + Frame.LOCKED)
    if workspace:
        store(workspace + WorkspaceField.BUSY, 0)
    pooled = load(frame + Frame.POOLED)
    if pooled:
        graphc_pool_free(load(plan + Head.POOL), pooled, 0)
    temporary = load(frame + Frame.TEMPORARY)
    if temporary:
        call(load(plan + Head.RAW_FREE), temporary)
    return 1


@inline
def drive(plan: int, frame: int) -> int:
    """Call the driver, without the GIL where that pays; the status."""
    symbols = frame + load(plan + Head.FRAME_SYMBOLS)
    status = frame + Frame.STATUS
    exception = frame + Frame.EXCEPTION
    store(status, 0)
    store(exception, 0)
    thread = 0
    if value(plan, plan + Head.WORK_FORM, symbols) >= load(plan + Head.RELEASE_WORK):
        thread = call(load(plan + Head.SAVE_THREAD))
    arguments = frame + load(plan + Head.FRAME_ARGUMENTS)
    arena = load(frame + Frame.ARENA)
    code = call_int(load(plan + Head.DRIVER), status, exception, arguments, symbols, arena, load(plan + Head.TABLE))
    if thread:
        call(load(plan + Head.RESTORE_THREAD), thread)
    if code != 0:
        return code
    return load(status)


def raise_status(plan: int, frame: int, status: int) -> int:
    """Call ``ON_STATUS(status, *symbols)``, which raises, or returns where another program may serve the call."""
    count = load(plan + Head.NSYMBOLS) + 1
    numbers = frame + load(plan + Head.FRAME_STACK)
    source = frame + load(plan + Head.FRAME_SYMBOLS) - 8
    made = 0
    while made < count:
        number = status
        if made > 0:
            number = load(source + 8 * made)
        number = call(load(plan + Head.FROM_INT64), number)
        if number == 0:
            return drop(plan, numbers, numbers + 8 * made)
        store(numbers + 8 * made, number)
        made += 1
    nothing = call(load(plan + Head.VECTORCALL), load(plan + Head.ON_STATUS), numbers, count, 0)
    call(load(plan + Head.DECREF), nothing)
    return drop(plan, numbers, numbers + 8 * count)


@inline
def finish_outputs(plan: int, frame: int) -> int:
    """Turn what the driver wrote for 0-d outputs into NumPy scalars, and copy what was staged."""
    output = plan + load(plan + Head.OUTPUTS)
    end = plan + load(plan + Head.OUTPUTS_END)
    place = frame + load(plan + Head.FRAME_OUTPUTS)
    while output < end:
        if load(place) == 0:
            slot = frame + load(output + OutputField.SLOT)
            scalar = call(load(plan + Head.NEW_SCALAR), slot, load(output + OutputField.DTYPE), 0)
            if scalar == 0:
                return 0
            store(place, scalar)
        place += 8
        output += OutputField.SIZE + 16 * load(output + OutputField.RANK)
    if load(frame + Frame.OUT):
        return copy_staged(plan, frame)
    return 1


def copy_staged(plan: int, frame: int) -> int:
    place = frame + load(plan + Head.FRAME_OUTPUTS)
    end = frame + load(plan + Head.FRAME_OUTPUTS_END)
    given = frame + load(plan + Head.FRAME_GIVEN)
    staged = frame + load(plan + Head.FRAME_STAGED)
    while place < end:
        if load(staged):
            if call_int(load(plan + Head.COPY_ARRAY), load(given), load(place)) != 0:
                return 0
            drop(plan, place, place + 8)
            take(plan, load(given))
            store(place, load(given))
        place += 8
        given += 8
        staged += 8
    return 1
