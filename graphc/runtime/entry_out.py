"""Arrays that a call gives for its outputs, in the native entry: do they fit, and may the driver write to them?

See ``entry_accept``. An array that shares memory with an input is *staged*: the driver writes to a fresh array, which
is copied at the end. What is not plain (another layout, two given arrays that overlap) is left to the fallback.
"""

from __future__ import annotations

from graphc.abi import LeafKind
from graphc.runtime.entry_accept import same_dtype
from graphc.runtime.entry_expressions import value
from graphc.runtime.entry_layout import Head, InputField, OutputField
from graphc.runtime.machine_code import inline, load, load32, store
from graphc.runtime.object_layout import CONTIGUOUS_ALIGNED_WRITEABLE, Offset

MISFIT = 2  # the answer of ``overlap`` where two given arrays share memory


def given_fit(plan: int, frame: int) -> int:
    """Look at every array that the call gives; write down which it is for which output, and which are staged."""
    first = frame + load(plan + Head.FRAME_EXTENTS)
    extents = input_extents(plan, frame, first)
    first_given = extents
    output = plan + load(plan + Head.OUTPUTS)
    end = plan + load(plan + Head.OUTPUTS_END)
    given = frame + load(plan + Head.FRAME_GIVEN)
    staged = frame + load(plan + Head.FRAME_STAGED)
    while output < end:
        rank = load(output + OutputField.RANK)
        target = load(output + OutputField.TARGET)
        array = 0
        if target:
            array = load(frame + target)
            if array == load(plan + Head.NONE):
                array = 0
        store(given, array)
        store(staged, 0)
        if array:
            if not array_takes(plan, frame, output, array):
                return 0
            store(extents, load(array + Offset.ARRAY_DATA))
            store(extents + 8, load(extents) + array_bytes(array, rank, load(output + OutputField.BYTES)))
            shared = overlap(first, first_given, extents)
            if shared == MISFIT or (shared and rank == 0):
                return 0
            store(staged, shared)
            extents += 16
        given += 8
        staged += 8
        output += OutputField.SIZE + 16 * rank
    return 1


@inline
def input_extents(plan: int, frame: int, extents: int) -> int:
    """Write where the memory of each input array starts and ends; the place after the last."""
    leaf = plan + load(plan + Head.INPUTS)
    end = plan + load(plan + Head.INPUTS_END)
    while leaf < end:
        if load(leaf + InputField.KIND) == LeafKind.ARRAY:
            array = load(frame + load(leaf + InputField.SUBJECT))
            store(extents, load(array + Offset.ARRAY_DATA))
            size = array_bytes(array, load(leaf + InputField.RANK), load(leaf + InputField.BYTES))
            store(extents + 8, load(extents) + size)
            extents += 16
        leaf += InputField.SIZE + 16 * load(leaf + InputField.BINDINGS)
    return extents


def array_bytes(array: int, rank: int, size: int) -> int:
    dims = load(array + Offset.ARRAY_DIMS)
    for axis in range(rank):
        size = size * load(dims + 8 * axis)
    return size


@inline
def array_takes(plan: int, frame: int, output: int, array: int) -> int:
    """Whether the array has the output's dtype and shape, and a layout that the driver writes."""
    if load(array + Offset.TYPE) != load(plan + Head.ARRAY_TYPE):
        return 0
    rank = load(output + OutputField.RANK)
    if load32(array + Offset.ARRAY_RANK) != rank:
        return 0
    if (load32(array + Offset.ARRAY_FLAGS) & CONTIGUOUS_ALIGNED_WRITEABLE) != CONTIGUOUS_ALIGNED_WRITEABLE:
        return 0
    if not same_dtype(load(array + Offset.ARRAY_DTYPE), load(output + OutputField.DTYPE)):
        return 0
    dims = load(array + Offset.ARRAY_DIMS)
    symbols = frame + load(plan + Head.FRAME_SYMBOLS)
    for axis in range(rank):
        if load(dims + 8 * axis) != value(plan, output + OutputField.SIZE + 16 * axis, symbols):
            return 0
    return 1


@inline
def overlap(first: int, first_given: int, extent: int) -> int:
    """1 where the extent shares bytes with an input's, MISFIT where it does with one that was given before, else 0."""
    shared = 0
    start = load(extent)
    end = load(extent + 8)
    other = first
    while other < extent:
        if load(other) < end and start < load(other + 8):
            shared = 1
            if other >= first_given:
                return MISFIT
        other += 16
    return shared
