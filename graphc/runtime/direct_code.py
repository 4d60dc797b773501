"""What every directly called program uses, in the restricted Python of ``machine_code``. See ``direct``.

No code here needs the GIL, and any number of threads may run it at once.
"""

from __future__ import annotations

from graphc.runtime.direct_layout import KEPT_BLOCKS, BlockField, RecordField, SiteField
from graphc.runtime.machine_code import call, exchange, load, store


def graphc_find(site: int, sizes: int, dims: int) -> int:
    """The record of a program that serves these sizes, its outputs' dims in ``dims``; or 0."""
    record = find_made(site, sizes, dims)
    if record:
        return record
    if load(site + SiteField.RESOLVE) == 0:
        return 0
    if call(load(site + SiteField.KNOWN_THREAD)) == 0:
        return 0
    if call(load(site + SiteField.RESOLVE), sizes) == 0:
        return 0
    return find_made(site, sizes, dims)


def find_made(site: int, sizes: int, dims: int) -> int:
    record = load(site + SiteField.FIRST)
    while record:
        if call(load(record + RecordField.PREPARE), sizes, dims):
            return record
        record = load(record + RecordField.NEXT)
    return 0


def hand_on(record: int, status: int, sizes: int, arguments: int) -> int:
    """0 where another record serves the call at which this one stops; else the status of this one, whose checks the
    caller knows."""
    other = load(record + RecordField.OTHER)
    if other == 0:
        return status
    notice = load(record + RecordField.NOTICE)
    if notice and call(load(record + RecordField.KNOWN_THREAD)):
        call(notice, status)
    if call(load(other + RecordField.RUN), other, sizes, arguments):
        return status
    return 0


def take_arena(record: int, size: int) -> int:
    """The data of a block of at least ``size`` bytes, or 0 where there is no memory."""
    place = record + RecordField.BLOCKS
    for _k in range(KEPT_BLOCKS):
        if load(place):
            data = exchange(place, 0)
            if data:
                if load(data - BlockField.SIZE + BlockField.CAPACITY) >= size:
                    return data
                call(load(record + RecordField.FREE), load(data - BlockField.SIZE + BlockField.ALLOCATED))
        place += 8
    allocated = call(load(record + RecordField.MALLOC), size + 2 * BlockField.SIZE)
    if allocated == 0:
        return 0
    data = (allocated + 2 * BlockField.SIZE - 1) & -BlockField.SIZE
    store(data - BlockField.SIZE + BlockField.ALLOCATED, allocated)
    store(data - BlockField.SIZE + BlockField.CAPACITY, size)
    return data


def keep_arena(record: int, data: int) -> int:
    """Keep the block where there is room."""
    place = record + RecordField.BLOCKS
    for _k in range(KEPT_BLOCKS):
        if load(place) == 0:
            data = exchange(place, data)
            if data == 0:
                return 1
        place += 8
    call(load(record + RecordField.FREE), load(data - BlockField.SIZE + BlockField.ALLOCATED))
    return 1
