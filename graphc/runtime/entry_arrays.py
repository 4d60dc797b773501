"""The native entry's results: fresh arrays. In the restricted Python of ``machine_code``, see ``entry_accept``.

Most small arrays are filled in field by field: NumPy's own function is ready for anything, and takes several times as
long. ``array_fields`` says where that is done.
"""

from __future__ import annotations

from graphc.runtime.entry_layout import Head, OutputField, PoolField
from graphc.runtime.entry_references import take
from graphc.runtime.machine_code import call, inline, load, store
from graphc.runtime.memory_code import graphc_pool_free, take_memory
from graphc.runtime.object_layout import CONTIGUOUS_ALIGNED_WRITEABLE, F_CONTIGUOUS, OWNS_DATA, Offset

SMALLEST_POOLED = 65536  # bytes; malloc keeps what is smaller
OWN_FLAGS = CONTIGUOUS_ALIGNED_WRITEABLE + OWNS_DATA


@inline
def new_array(plan: int, output: int, shape: int) -> int:
    """A fresh array for the output; a large one in memory of the pool, which NumPy gives back when the array dies."""
    rank = load(output + OutputField.RANK)
    size = load(output + OutputField.BYTES)
    shortest = 2  # a single axis may have length 1, one of several not: then NumPy sees to the flags
    if rank == 1:
        shortest = 1
    is_plain = load(plan + Head.NEW_OBJECT)
    for axis in range(rank):
        length = load(shape + 8 * axis)
        size = size * length
        if length < shortest or length >= SMALLEST_POOLED or size >= SMALLEST_POOLED:
            is_plain = 0  # so that no product of lengths can overflow: NumPy has an error for that
    if is_plain:
        return plain_array(plan, output, shape, size)
    if size >= SMALLEST_POOLED and load(plan + Head.POOL):
        return pooled_array(plan, output, shape, size)
    dtype = load(output + OutputField.DTYPE)
    call(load(plan + Head.INCREF), dtype)  # NumPy takes this reference over, also when it fails
    return call(load(plan + Head.NEW_ARRAY), load(plan + Head.ARRAY_TYPE), dtype, rank, shape, 0, 0, 0, 0)


def pooled_array(plan: int, output: int, shape: int, size: int) -> int:
    rank = load(output + OutputField.RANK)
    dtype = load(output + OutputField.DTYPE)
    kind = load(plan + Head.ARRAY_TYPE)
    pool = load(plan + Head.POOL)
    data = take_memory(pool, size)
    call(load(plan + Head.INCREF), dtype)
    if data == 0:
        return call(load(plan + Head.NEW_ARRAY), kind, dtype, rank, shape, 0, 0, 0, 0)
    array = call(load(plan + Head.NEW_ARRAY), kind, dtype, rank, shape, 0, data, CONTIGUOUS_ALIGNED_WRITEABLE, 0)
    if array == 0:
        graphc_pool_free(pool, data, 0)
        return 0
    handler = load(pool + PoolField.HANDLER)
    call(load(plan + Head.INCREF), handler)
    store(array + Offset.ARRAY_HANDLER, handler)
    store(array + Offset.ARRAY_FLAGS, load(array + Offset.ARRAY_FLAGS) + OWNS_DATA)
    return array


@inline
def plain_array(plan: int, output: int, shape: int, size: int) -> int:
    """An array of NumPy's own memory handler, with more than one element along each of several axes."""
    rank = load(output + OutputField.RANK)
    dims = call(load(plan + Head.RAW_MALLOC), load(output + OutputField.SHAPE_BYTES))
    data = call(load(plan + Head.DATA_MALLOC), load(plan + Head.DATA_CONTEXT), size)
    array = 0
    if dims and data:
        array = call(load(plan + Head.NEW_OBJECT), load(plan + Head.ARRAY_TYPE), 0)  # all fields are 0
    if array == 0:
        return give_up(plan, dims, data, size)
    stride = load(output + OutputField.BYTES)
    axis = 8 * rank
    strides = dims + axis
    while axis:
        axis -= 8
        length = load(shape + axis)
        store(dims + axis, length)
        store(strides + axis, stride)
        stride = stride * length
    flags = OWN_FLAGS
    if rank == 1:
        flags = OWN_FLAGS + F_CONTIGUOUS
    dtype = load(output + OutputField.DTYPE)
    handler = load(plan + Head.DATA_HANDLER)
    take(plan, dtype)
    take(plan, handler)
    store(array + Offset.ARRAY_DATA, data)
    store(array + Offset.ARRAY_RANK, rank)
    store(array + Offset.ARRAY_DIMS, dims)
    store(array + Offset.ARRAY_STRIDES, strides)
    store(array + Offset.ARRAY_DTYPE, dtype)
    store(array + Offset.ARRAY_FLAGS, flags)
    store(array + Offset.ARRAY_HANDLER, handler)
    return array


def give_up(plan: int, dims: int, data: int, size: int) -> int:
    if dims:
        call(load(plan + Head.RAW_FREE), dims)
    if data:
        call(load(plan + Head.DATA_FREE), load(plan + Head.DATA_CONTEXT), data, size)
    return call(load(plan + Head.NO_MEMORY))
