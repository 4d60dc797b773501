"""Convolutions and their gradients: the loops around tiles (``convolution_tiles``), in the Python of ``machine_code``.

No matrix of windows is made. What is read, some channels and rows at a time, is laid out with zeros around it, and the
taps of the kernel are offsets into it, by which the tiles read. The gradient by the source is such a convolution, too:
of the result's gradient, with the kernel turned round; where the stride is s, one for each of the s phases (along each
axis) of the source, with those of the taps that meet it. The gradient by the weight is in ``convolution_weights``.

Every element is summed over blocks of channels in order: its bits depend on no number of threads, and no division.
"""

from __future__ import annotations

from graphc.abi import CONVOLUTION_BY_WEIGHT, CONVOLUTION_FORWARD, CONVOLUTION_RECTIFIED, CONVOLUTION_WHAT
from graphc.runtime.convolution_layout import (
    RESULTS,
    Axis,
    Job,
    Kind,
    Part,
    Plan,
    Table,
)
from graphc.runtime.convolution_plans import (
    fail,
    first_of,
    last_of,
    make_tables,
    most,
    power,
    prepare,
    shared_out,
    width_of,
)
from graphc.runtime.convolution_sources import lay_source
from graphc.runtime.convolution_tiles import ADD, VECTORS
from graphc.runtime.convolution_weights import all_weights
from graphc.runtime.gemm_layout import State
from graphc.runtime.machine_code import address_of, call, divide_towards_zero, load, stack, store
from graphc.runtime.panel_code import least
from graphc.runtime.scratch_code import give, take


def convolve(kind: int, job: int) -> int:
    """What a job describes. 1 where there is no memory for what it lays out, else 0."""
    store(job + Job.KIND, kind)
    store(job + Job.FAILED, 0)
    size = load(kind + Kind.BYTES)
    places = load(job + Job.HEIGHT + Axis.SOURCE) * load(job + Job.WIDTH + Axis.SOURCE)
    x = load(job + Job.N) * load(job + Job.GROUPS) * load(job + Job.C) * places * size
    places = load(job + Job.HEIGHT + Axis.KERNEL) * load(job + Job.WIDTH + Axis.KERNEL)
    weight = load(job + Job.GROUPS) * load(job + Job.K) * load(job + Job.C) * places * size
    places = load(job + Job.HEIGHT + Axis.RESULT) * load(job + Job.WIDTH + Axis.RESULT)
    y = load(job + Job.N) * load(job + Job.GROUPS) * load(job + Job.K) * places * size
    prepare(kind, job)
    for _entry in range(load(job + Job.BATCH)):
        if load(job + Job.FLAGS) & CONVOLUTION_WHAT == CONVOLUTION_BY_WEIGHT:
            all_weights(kind, job)
        else:
            all_results(kind, job)
        store(job + Job.X, load(job + Job.X) + x)
        store(job + Job.WEIGHT, load(job + Job.WEIGHT) + weight)
        store(job + Job.Y, load(job + Job.Y) + y)
        if load(job + Job.BIAS):
            store(job + Job.BIAS, load(job + Job.BIAS) + load(job + Job.GROUPS) * load(job + Job.K) * size)
    return load(job + Job.FAILED)


# --- results ----------------------------------------------------------------------------------------------------------


def all_results(kind: int, job: int) -> int:
    size = load(kind + Kind.BYTES)
    state = load(kind + Kind.STATE)
    store(job + Job.READ, load(job + Job.X))
    store(job + Job.MADE, load(job + Job.Y))
    if load(job + Job.FLAGS) & CONVOLUTION_WHAT != CONVOLUTION_FORWARD:
        store(job + Job.READ, load(job + Job.Y))
        store(job + Job.MADE, load(job + Job.X))
    phases = load(job + Job.ROWS + Plan.OUT_STEP) * load(job + Job.COLUMNS + Plan.OUT_STEP)
    taps = load(job + Job.TAPS)
    weights = load(job + Job.GROUPS) * load(job + Job.OUTPUTS) * load(job + Job.INPUTS) * taps
    words = phases * (Table.SIZE + 2 * 8 * load(job + Job.BLOCK) * taps)
    tables = take(state + State.SHARED, state, words + weights * size)
    if tables == 0:
        return fail(job)
    store(job + Job.TABLES, tables)
    make_tables(kind, job, tables, tables + words)
    work = weights * load(job + Job.N) * load(job + Job.ROWS + Plan.COUNT) * load(job + Job.COLUMNS + Plan.COUNT)
    groups = load(job + Job.GROUPS)
    blocks = divide_towards_zero(load(job + Job.OUTPUTS) + load(kind + Kind.WIDE) - 1, load(kind + Kind.WIDE))
    shared_out(kind, job, address_of(pack_weights), groups * blocks, weights * 8)
    units = load(job + Job.N) * groups * load(job + Job.BANDS) * load(job + Job.SHARES)
    shared_out(kind, job, address_of(some_results), units, work)
    return give(state + State.SHARED, state, tables)


def pack_weights(result: int, error: int, job: int, start: int, stop: int) -> int:
    """A kernel: blocks of as many channels of the result as the widest tile has, of one group after another."""
    kind = load(job + Job.KIND)
    wide = load(kind + Kind.WIDE)
    blocks = divide_towards_zero(load(job + Job.OUTPUTS) + wide - 1, wide)
    while start < stop:
        group = divide_towards_zero(start, blocks)
        first = (start - group * blocks) * wide
        phases = load(job + Job.ROWS + Plan.OUT_STEP) * load(job + Job.COLUMNS + Plan.OUT_STEP)
        table = load(job + Job.TABLES)
        for _phase in range(phases):
            channel = 0
            while channel < load(job + Job.INPUTS):
                pack_block(kind, job, table, group, channel, first, least(first + wide, load(job + Job.OUTPUTS)))
                channel += load(job + Job.BLOCK)
            table += Table.SIZE
        start += 1
    return 0


def pack_block(kind: int, job: int, table: int, group: int, channel: int, first: int, last: int) -> int:
    """The panels of some channels of the result, for a block of channels of the source."""
    size = load(kind + Kind.BYTES)
    room = 8 * load(job + Job.BLOCK) * load(job + Job.TAPS)
    depth = least(load(job + Job.BLOCK), load(job + Job.INPUTS) - channel) * load(table + Table.COUNT)
    target = packed_weights(kind, job, table, group, channel)
    taps = load(job + Job.TAPS)
    source = group * load(job + Job.C) * load(job + Job.K) * taps + channel * load(job + Job.BY_INPUT)
    while first < last:
        width = width_of(load(kind + Kind.WIDE), last - first)
        read = load(job + Job.WEIGHT) + (source + first * load(job + Job.BY_OUTPUT)) * size
        call(load(kind + Kind.PICK), target + first * depth * size, read, load(table + Table.PLACES) + room, depth,
             width, load(job + Job.BY_OUTPUT))  # fmt: skip
        first += width
    return 0


def packed_weights(kind: int, job: int, table: int, group: int, channel: int) -> int:
    """Where the panels of a block of channels of the source begin."""
    before = (group * load(job + Job.INPUTS) + channel) * load(job + Job.OUTPUTS)
    return load(table + Table.PACKED) + before * load(table + Table.COUNT) * load(kind + Kind.BYTES)


def some_results(result: int, error: int, job: int, start: int, stop: int) -> int:
    """A kernel: rows of some channels of one example; the channels follow each other first."""
    kind = load(job + Job.KIND)
    size = load(kind + Kind.BYTES)
    state = load(kind + Kind.STATE)
    line = VECTORS * load(kind + Kind.LANES)
    phases = load(job + Job.ROWS + Plan.STEP) * load(job + Job.COLUMNS + Plan.STEP)
    planes = (phases * load(job + Job.BLOCK) * load(job + Job.PLANE) + 2 * line) * size
    scratch = take(state + State.SCRATCH, state, planes + (RESULTS + 1) * line * size + 24 * line)
    if scratch == 0:
        return fail(job)
    part = stack(Part.SIZE)
    store(part + Part.SOURCE, scratch)
    store(part + Part.TILE, scratch + planes)
    store(part + Part.PIECES, scratch + planes + (RESULTS + 1) * line * size)
    store(part + Part.ZERO, 0)
    while start < stop:
        rest = divide_towards_zero(start, load(job + Job.SHARES))
        example = divide_towards_zero(rest, load(job + Job.BANDS))
        band = (rest - example * load(job + Job.BANDS)) * load(job + Job.BAND)
        end = least(band + load(job + Job.BAND), load(job + Job.ROWS + Plan.COUNT))
        store(part + Part.FIRST, (start - rest * load(job + Job.SHARES)) * RESULTS)
        store(part + Part.EXAMPLE, example)
        store(part + Part.BAND, band)
        store(part + Part.END, end)
        channel = 0
        while channel < load(job + Job.INPUTS):
            channels = least(load(job + Job.BLOCK), load(job + Job.INPUTS) - channel)
            lay_source(kind, job, scratch, example * load(job + Job.INPUTS) + channel, channels, band, end)
            store(part + Part.CHANNEL, channel)
            store(part + Part.CHANNELS, channels)
            all_phases(kind, job, part)
            channel += channels
        start += 1
    return give(state + State.SCRATCH, state, scratch)


def all_phases(kind: int, job: int, part: int) -> int:
    """The rows and channels of a part, from what is laid out of a block of channels."""
    band = load(part + Part.BAND)
    table = load(job + Job.TABLES)
    for r in range(load(job + Job.ROWS + Plan.OUT_STEP)):
        store(part + Part.TOP, most(band, first_of(job + Job.ROWS, r)))
        store(part + Part.BOTTOM, least(load(part + Part.END), last_of(job + Job.ROWS, r)))
        for q in range(load(job + Job.COLUMNS + Plan.OUT_STEP)):
            store(part + Part.LEFT, first_of(job + Job.COLUMNS, q))
            store(part + Part.RIGHT, last_of(job + Job.COLUMNS, q))
            store(part + Part.TABLE, table)
            store(part + Part.DOWN, r - load(job + Job.ROWS + Plan.OUT_LEAD))
            store(part + Part.ACROSS, q - load(job + Job.COLUMNS + Plan.OUT_LEAD))
            if load(part + Part.BOTTOM) > load(part + Part.TOP) and load(part + Part.RIGHT) > load(part + Part.LEFT):
                one_phase(kind, job, part)
            table += Table.SIZE
    return 0


def one_phase(kind: int, job: int, part: int) -> int:
    """Tile by tile of places; all channels of each before the next, since what they read is close."""
    size = load(kind + Kind.BYTES)
    pitch = load(job + Job.PITCH)
    place = (load(part + Part.TOP) - load(part + Part.BAND)) * pitch + load(part + Part.LEFT)
    last = (load(part + Part.BOTTOM) - 1 - load(part + Part.BAND)) * pitch + load(part + Part.RIGHT)
    plane = load(job + Job.ROWS + Plan.MADE) * load(job + Job.COLUMNS + Plan.MADE)
    example = load(part + Part.EXAMPLE)
    groups = load(job + Job.GROUPS)
    group = example - divide_towards_zero(example, groups) * groups
    first = load(part + Part.FIRST)
    rows = least(RESULTS, load(job + Job.OUTPUTS) - first)
    out = load(job + Job.MADE) + (example * load(job + Job.OUTPUTS) + first) * plane * size
    bias = part + Part.ZERO
    by_bias = 0
    flags = 0
    if load(part + Part.CHANNEL):
        flags = ADD
    if load(part + Part.CHANNEL) + load(part + Part.CHANNELS) == load(job + Job.INPUTS):
        flags += load(job + Job.FLAGS) & CONVOLUTION_RECTIFIED
        if load(job + Job.BIAS):
            bias = load(job + Job.BIAS) + (group * load(job + Job.OUTPUTS) + first) * size
            by_bias = 1
    depth = load(part + Part.CHANNELS) * load(load(part + Part.TABLE) + Table.COUNT)
    weights = packed_weights(kind, job, load(part + Part.TABLE), group, load(part + Part.CHANNEL))
    weights += first * depth * size
    while place < last:
        width = least(last - place, VECTORS * load(kind + Kind.LANES))
        tiles(kind, part, weights, depth, place * size, rows, width)
        pieces = pieces_of(job, part, place, width)
        call(load(kind + Kind.PUT), out, load(part + Part.TILE), rows, plane, load(part + Part.PIECES), pieces, flags,
             bias, by_bias, load(job + Job.COLUMNS + Plan.OUT_STEP))  # fmt: skip
        place += width
    return 0


def tiles(kind: int, part: int, weights: int, depth: int, place: int, rows: int, width: int) -> int:
    """All channels at some places, into the tile."""
    size = load(kind + Kind.BYTES)
    lanes = load(kind + Kind.LANES)
    wide = load(kind + Kind.WIDE)
    vectors = divide_towards_zero(width + lanes - 1, lanes)
    spread = kind + Kind.SPREAD + 8 * (VECTORS * power(wide) + vectors - 1)
    row = 0
    while row < rows:
        while wide > rows - row:
            wide = divide_towards_zero(wide, 2)
            spread -= 8 * VECTORS
        call(load(spread), weights + row * depth * size, load(part + Part.SOURCE) + place,
             load(load(part + Part.TABLE) + Table.PLACES), depth,
             load(part + Part.TILE) + row * VECTORS * lanes * size)  # fmt: skip
        row += wide
    return 0


def pieces_of(job: int, part: int, place: int, width: int) -> int:
    """Which lanes of a tile are results, row by row, and where they go; the number of these pieces."""
    pitch = load(job + Job.PITCH)
    pieces = load(part + Part.PIECES)
    row = divide_towards_zero(place, pitch)
    lane = row * pitch - place
    count = 0
    while lane < width:
        begin = most(lane + load(part + Part.LEFT), 0)
        end = least(lane + load(part + Part.RIGHT), width)
        if end > begin:
            down = load(job + Job.ROWS + Plan.OUT_STEP) * (row + load(part + Part.BAND)) + load(part + Part.DOWN)
            across = load(job + Job.COLUMNS + Plan.OUT_STEP) * (begin - lane) + load(part + Part.ACROSS)
            store(pieces + 24 * count, begin)
            store(pieces + 24 * count + 8, end - begin)
            store(pieces + 24 * count + 16, down * load(job + Job.COLUMNS + Plan.MADE) + across)
            count += 1
        row += 1
        lane += pitch
    return count
