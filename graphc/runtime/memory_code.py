"""Native code of the pool of memory (see ``memory``), in the restricted Python of ``machine_code``.

The functions that NumPy calls when it resizes or frees an array of the pool have the signatures of NumPy's data memory
handlers. All of them run under the GIL. A block is a header and then its data.

Data starts at a page. Large arrays of NumPy's start 16 bytes after one, so a kernel that reads such an array and writes
a result never loads from where, as far as the low 12 bits of the address tell, it has just stored: processors take that
for a dependence (a tenth of the time of a stencil of 8 MB, with results 128 bytes after the page).
"""

from __future__ import annotations

from graphc.runtime.entry_layout import POOL_SLOTS, BlockField, PoolField
from graphc.runtime.machine_code import call, call_int, load, store

PAGE = 4096
HUGE = 4194304  # bytes from which on NumPy asks for huge pages, too
ADVICE_HUGE_PAGES = 14  # MADV_HUGEPAGE


def graphc_pool_malloc(pool: int, size: int) -> int:
    return take_memory(pool, size)


def graphc_pool_calloc(pool: int, count: int, size: int) -> int:
    data = take_memory(pool, count * size)
    if data:
        clear(data, data + count * size)
    return data


def graphc_pool_realloc(pool: int, data: int, size: int) -> int:
    if data and load(data - BlockField.SIZE + BlockField.CAPACITY) >= size:
        return data
    larger = take_memory(pool, size)
    if data and larger:
        copy(larger, data, load(data - BlockField.SIZE + BlockField.CAPACITY))
        graphc_pool_free(pool, data, 0)
    return larger


def graphc_pool_free(pool: int, data: int, size: int) -> int:
    """Keep the block; where there is no room, those that were given back the longest ago go."""
    if data == 0:
        return 0
    block = data - BlockField.SIZE
    capacity = load(block + BlockField.CAPACITY)
    limit = load(pool + PoolField.LIMIT)
    if capacity > limit:
        return call(load(pool + PoolField.FREE), load(block + BlockField.ALLOCATED))
    while load(pool + PoolField.COUNT) == POOL_SLOTS or load(pool + PoolField.KEPT) + capacity > limit:
        oldest = load(pool + PoolField.SIZE)
        remove(pool, 0)
        call(load(pool + PoolField.FREE), load(oldest + BlockField.ALLOCATED))
    count = load(pool + PoolField.COUNT)
    store(pool + PoolField.SIZE + 8 * count, block)
    store(pool + PoolField.COUNT, count + 1)
    store(pool + PoolField.KEPT, load(pool + PoolField.KEPT) + capacity)
    return 0


def remove(pool: int, index: int) -> int:
    """Take a block out of the list; those behind it move up."""
    slot = pool + PoolField.SIZE + 8 * index
    store(pool + PoolField.KEPT, load(pool + PoolField.KEPT) - load(load(slot) + BlockField.CAPACITY))
    count = load(pool + PoolField.COUNT) - 1
    store(pool + PoolField.COUNT, count)
    for _k in range(count - index):
        store(slot, load(slot + 8))
        slot += 8
    return 1


def take_memory(pool: int, size: int) -> int:
    """At least ``size`` bytes: the smallest kept block that is not a quarter too large, or a new one; 0 for none."""
    best = -1
    least = 0
    for k in range(load(pool + PoolField.COUNT)):
        capacity = load(load(pool + PoolField.SIZE + 8 * k) + BlockField.CAPACITY)
        if capacity >= size and 4 * capacity <= 5 * size and (best < 0 or capacity < least):
            best = k
            least = capacity
    if best < 0:
        return new_block(pool, size)
    block = load(pool + PoolField.SIZE + 8 * best)
    remove(pool, best)
    return block + BlockField.SIZE


def new_block(pool: int, size: int) -> int:
    allocated = call(load(pool + PoolField.MALLOC), size + BlockField.SIZE + PAGE)
    if allocated == 0:
        return 0
    data = (allocated + BlockField.SIZE + PAGE - 1) & -PAGE
    store(data - BlockField.SIZE + BlockField.ALLOCATED, allocated)
    store(data - BlockField.SIZE + BlockField.CAPACITY, size)
    if size >= HUGE and load(pool + PoolField.ADVISE):
        call_int(load(pool + PoolField.ADVISE), data, size & -PAGE, ADVICE_HUGE_PAGES)
    return data


def clear(start: int, end: int) -> int:
    """Zeros, in whole words: a block has room to spare."""
    while start < end:
        store(start, 0)
        start += 8
    return 1


def copy(target: int, source: int, size: int) -> int:
    end = source + size
    while source < end:
        store(target, load(source))
        target += 8
        source += 8
    return 1
