"""graphc's own matrix product: the loops around tiles (``tile_code``), in the restricted Python of ``machine_code``.

C is computed in tiles. What a tile reads is packed, block by block, so that it comes from the cache in the order of its
use: a panel of B from the first level, a block of A from the second. A large product is split among threads by rows, or
by columns where there are more of those. First they pack together the operand that all of them read, then each packs
what only its own part needs. An entry of a small batch, or a small product, is one thread's.

Every element is summed over blocks of ``DEPTH``, in order: its bits depend on no number of threads, and no split.
"""

from __future__ import annotations

from graphc.abi import GEMM_ACCUMULATE
from graphc.runtime.dot_code import are_long_rows, long_rows, row_units
from graphc.runtime.gemm_layout import (
    BYTES_OF_B,
    DEPTH,
    LARGEST_SHARED,
    LEAST_PACKED,
    LEAST_WORK,
    PANELS_OF_A,
    PARALLEL_WORK,
    SCRATCH,
    Block,
    Job,
    Kind,
    State,
)
from graphc.runtime.machine_code import address_of, call, divide_towards_zero, load, stack, store
from graphc.runtime.panel_code import (
    block,
    least,
    pack_a,
    pack_b,
    packed_a,
    packed_b,
    panels,
    prepare_a,
    prepare_b,
)
from graphc.runtime.scratch_code import give, take


def multiply(kind: int, job: int) -> int:
    """The product that a job describes. 1 where there is no memory for what it packs, else 0."""
    m = load(job + Job.M)
    n = load(job + Job.N)
    batch = load(job + Job.BATCH)
    if m <= 0 or n <= 0 or batch <= 0:
        return 0
    store(job + Job.KIND, kind)
    store(job + Job.FAILED, 0)
    work = m * n * load(job + Job.K)
    if work == 0 and load(job + Job.FLAGS) & GEMM_ACCUMULATE:
        return 0
    if work > PARALLEL_WORK or (batch == 1 and are_long_rows(job)):
        a = load(job + Job.A)
        b = load(job + Job.B)
        c = load(job + Job.C)
        for e in range(batch):
            store(job + Job.A, a + entry(job, e, Job.A_OUTER))
            store(job + Job.B, b + entry(job, e, Job.B_OUTER))
            store(job + Job.C, c + entry(job, e, Job.C_OUTER))
            split(kind, job)
    elif work * batch > PARALLEL_WORK:
        launch(job, address_of(some_entries), batch, 1 + divide_towards_zero(LEAST_WORK, work))
    else:
        some_entries(0, 0, job, 0, batch)
    return load(job + Job.FAILED)


def entry(job: int, number: int, outer: int) -> int:
    """Bytes from the first matrix to one of the batch; ``outer``: the field of its outer step."""
    inner = load(job + Job.INNER)
    row = divide_towards_zero(number, inner)
    elements = row * load(job + outer) + (number - row * inner) * load(job + outer + 8)
    return elements * load(load(job + Job.KIND) + Kind.BYTES)


def store_failure(job: int) -> int:
    store(job + Job.FAILED, 1)
    return 0


def launch(job: int, kernel: int, count: int, grain: int) -> int:
    slots = stack(8)
    store(slots, job)
    return call(load(load(load(job + Job.KIND) + Kind.STATE) + State.LAUNCH), kernel, slots, 1, count, grain)


# --- one thread's products -------------------------------------------------------------------------------------------


def some_entries(result: int, error: int, job: int, start: int, stop: int) -> int:
    """A kernel: whole entries of a batch."""
    kind = load(job + Job.KIND)
    scratch = take(load(kind + Kind.STATE) + State.SCRATCH, load(kind + Kind.STATE), SCRATCH)
    if scratch == 0:
        return store_failure(job)
    while start < stop:
        a = load(job + Job.A) + entry(job, start, Job.A_OUTER)
        b = load(job + Job.B) + entry(job, start, Job.B_OUTER)
        whole(kind, job, a, b, load(job + Job.C) + entry(job, start, Job.C_OUTER), scratch)
        start += 1
    give(load(kind + Kind.STATE) + State.SCRATCH, load(kind + Kind.STATE), scratch)
    return 0


def whole(kind: int, job: int, a: int, b: int, c: int, scratch: int) -> int:
    """One product. An operand that lies as tiles read it is not packed, if it lies close or is read few times."""
    size = load(kind + Kind.BYTES)
    m = load(job + Job.M)
    n = load(job + Job.N)
    k = load(job + Job.K)
    ldc = load(job + Job.LDC)
    add = load(job + Job.FLAGS) & GEMM_ACCUMULATE
    panel = stack(Block.SIZE)
    store(panel + Block.SCRATCH, scratch)
    j = 0
    while j < n:
        columns = least(n - j, divide_towards_zero(BYTES_OF_B, size))
        p = 0
        while p < k or p == 0:
            depth = least(k - p, DEPTH)
            prepare_b(kind, job, panel, b, p, j, depth, columns)
            i = 0
            while i < m:
                rows = least(m - i, PANELS_OF_A * load(kind + Kind.ROWS))
                prepare_a(kind, job, panel, a, p, i, depth, rows)
                block(kind, panel, depth, rows, columns, c + (i * ldc + j) * size, ldc, p + add)
                i += rows
            p += DEPTH
        j += columns
    return 0


# --- products that threads share -------------------------------------------------------------------------------------


def split(kind: int, job: int) -> int:
    if are_long_rows(job):
        units = row_units(kind, job)
        work = divide_towards_zero(load(job + Job.M) * load(job + Job.N) * load(job + Job.K), units)
        return launch(job, address_of(long_rows), units, 1 + divide_towards_zero(LEAST_WORK, work))
    m = load(job + Job.M)
    n = load(job + Job.N)
    k = load(job + Job.K)
    size = load(kind + Kind.BYTES)
    state = load(kind + Kind.STATE)
    store(job + Job.BY_ROWS, 0)
    shared = panels(m, load(kind + Kind.ROWS))
    own = panels(n, load(kind + Kind.COLUMNS))
    unit = load(kind + Kind.ROWS)
    kernel = address_of(column_parts)
    if m >= n:
        store(job + Job.BY_ROWS, 1)
        own = shared
        shared = panels(n, load(kind + Kind.COLUMNS))
        unit = load(kind + Kind.COLUMNS)
        kernel = address_of(row_parts)
    width = shared * unit
    depth = DEPTH + divide_towards_zero(LARGEST_SHARED, width * size * DEPTH) * DEPTH
    packed = take(state + State.SHARED, state, width * least(depth, k) * size)
    if packed == 0:
        return store_failure(job)
    store(job + Job.WIDTH, width)
    store(job + Job.PACKED, packed)
    work = divide_towards_zero(m * n, own)
    start = 0
    while start < k:
        stop = least(k, start + depth)
        store(job + Job.START, start)
        store(job + Job.STOP, stop)
        launch(job, address_of(pack_parts), shared, 1 + divide_towards_zero(LEAST_PACKED, unit * (stop - start)))
        launch(job, kernel, own, 1 + divide_towards_zero(LEAST_WORK, work * (stop - start)))
        start = stop
    give(state + State.SHARED, state, packed)
    return 0


def pack_parts(result: int, error: int, job: int, start: int, stop: int) -> int:
    """A kernel: panels of the operand that all threads read."""
    kind = load(job + Job.KIND)
    unit = load(kind + Kind.ROWS)
    count = load(job + Job.M)
    if load(job + Job.BY_ROWS):
        unit = load(kind + Kind.COLUMNS)
        count = load(job + Job.N)
    size = load(kind + Kind.BYTES)
    first = load(job + Job.START)
    p = first
    while p < load(job + Job.STOP):
        depth = least(load(job + Job.STOP) - p, DEPTH)
        target = load(job + Job.PACKED) + ((p - first) * load(job + Job.WIDTH) + start * unit * depth) * size
        some = least(stop * unit, count) - start * unit
        if load(job + Job.BY_ROWS):
            pack_b(kind, job, load(job + Job.B), p, start * unit, depth, some, target)
        else:
            pack_a(kind, job, load(job + Job.A), p, start * unit, depth, some, target)
        p += DEPTH
    return 0


def row_parts(result: int, error: int, job: int, start: int, stop: int) -> int:
    """A kernel: panels of rows of C."""
    kind = load(job + Job.KIND)
    size = load(kind + Kind.BYTES)
    ldc = load(job + Job.LDC)
    first = load(job + Job.START)
    add = load(job + Job.FLAGS) & GEMM_ACCUMULATE
    panel = stack(Block.SIZE)
    scratch = take(load(kind + Kind.STATE) + State.SCRATCH, load(kind + Kind.STATE), SCRATCH)
    if scratch == 0:
        return store_failure(job)
    i = start * load(kind + Kind.ROWS)
    end = least(stop * load(kind + Kind.ROWS), load(job + Job.M))
    while i < end:
        rows = least(end - i, PANELS_OF_A * load(kind + Kind.ROWS))
        p = first
        while p < load(job + Job.STOP):
            depth = least(load(job + Job.STOP) - p, DEPTH)
            pack_a(kind, job, load(job + Job.A), p, i, depth, rows, scratch)
            packed_a(kind, panel, scratch, depth)
            packed_b(kind, panel, load(job + Job.PACKED) + (p - first) * load(job + Job.WIDTH) * size, depth)
            block(kind, panel, depth, rows, load(job + Job.N), load(job + Job.C) + i * ldc * size, ldc, p + add)
            p += DEPTH
        i += rows
    give(load(kind + Kind.STATE) + State.SCRATCH, load(kind + Kind.STATE), scratch)
    return 0


def column_parts(result: int, error: int, job: int, start: int, stop: int) -> int:
    """A kernel: panels of columns of C."""
    kind = load(job + Job.KIND)
    size = load(kind + Kind.BYTES)
    ldc = load(job + Job.LDC)
    first = load(job + Job.START)
    add = load(job + Job.FLAGS) & GEMM_ACCUMULATE
    panel = stack(Block.SIZE)
    scratch = take(load(kind + Kind.STATE) + State.SCRATCH, load(kind + Kind.STATE), SCRATCH)
    if scratch == 0:
        return store_failure(job)
    j = start * load(kind + Kind.COLUMNS)
    end = least(stop * load(kind + Kind.COLUMNS), load(job + Job.N))
    while j < end:
        columns = least(end - j, divide_towards_zero(BYTES_OF_B, size))
        p = first
        while p < load(job + Job.STOP):
            depth = least(load(job + Job.STOP) - p, DEPTH)
            pack_b(kind, job, load(job + Job.B), p, j, depth, columns, scratch)
            packed_b(kind, panel, scratch, depth)
            packed = load(job + Job.PACKED) + (p - first) * load(job + Job.WIDTH) * size
            i = 0
            while i < load(job + Job.M):
                rows = least(load(job + Job.M) - i, PANELS_OF_A * load(kind + Kind.ROWS))
                packed_a(kind, panel, packed + i * depth * size, depth)
                block(kind, panel, depth, rows, columns, load(job + Job.C) + (i * ldc + j) * size, ldc, p + add)
                i += rows
            p += DEPTH
        j += columns
    give(load(kind + Kind.STATE) + State.SCRATCH, load(kind + Kind.STATE), scratch)
    return 0
