"""A convolution's gradient by its weight, in the restricted Python of ``machine_code``.

Each weight's gradient is a sum over places: vectors of neighbouring places of the result's gradient times what the tap
reads there. Some rows of it by some taps stay in registers, a vector of partial sums each, while the places go by. What
lies between two rows of the result is zero in its gradient, and not read of the source.

The places of all examples are divided into parts, summed apart, and added in order. The parts depend on the shape
alone.
"""

from __future__ import annotations

from graphc.runtime.convolution_layout import (
    BYTES_OF_CHUNK,
    BYTES_OF_PARTS,
    CLOSE_BYTES,
    PARTS,
    RESULTS,
    SUMMED,
    Job,
    Kind,
    Part,
    Plan,
)
from graphc.runtime.convolution_plans import fail, most, power, shared_out, taps_of_channel
from graphc.runtime.convolution_sources import lay_source
from graphc.runtime.convolution_tiles import FEW_SHIFTS, MANY_SHIFTS
from graphc.runtime.gemm_layout import State
from graphc.runtime.machine_code import address_of, call, divide_towards_zero, load, stack, store
from graphc.runtime.panel_code import least, panels
from graphc.runtime.scratch_code import give, take


def all_weights(kind: int, job: int) -> int:
    size = load(kind + Kind.BYTES)
    state = load(kind + Kind.STATE)
    store(job + Job.READ, load(job + Job.X))
    weights = load(job + Job.GROUPS) * load(job + Job.K) * load(job + Job.C) * load(job + Job.TAPS)
    units = divide_places(kind, job, weights * size)
    room = 8 * load(job + Job.BLOCK) * load(job + Job.TAPS)
    steps = divide_towards_zero(load(job + Job.STRIP), load(kind + Kind.LANES))
    words = 2 * room + 8 * steps
    tables = take(state + State.SHARED, state, words + load(job + Job.SPLITS) * weights * size)
    if tables == 0:
        return fail(job)
    store(job + Job.TABLES, tables)
    store(job + Job.PARTS, load(job + Job.WEIGHT))
    if load(job + Job.SPLITS) > 1:
        store(job + Job.PARTS, tables + words)
    count = 0
    for channel in range(load(job + Job.BLOCK)):
        count = taps_of_channel(kind, job, tables, room, count, channel, 0, 0)
    make_masks(kind, job, tables + 2 * room, steps)
    work = weights * load(job + Job.N) * load(job + Job.ROWS + Plan.COUNT) * load(job + Job.COLUMNS + Plan.COUNT)
    shared_out(kind, job, address_of(some_weights), units * load(job + Job.SPLITS), work)
    if load(job + Job.SPLITS) > 1:
        shared_out(kind, job, address_of(add_parts), panels(weights, SUMMED), weights * load(job + Job.SPLITS))
    return give(state + State.SHARED, state, tables)


def divide_places(kind: int, job: int, bytes_of_weights: int) -> int:
    """Choose what is summed together, and in how many parts; the units of each part."""
    size = load(kind + Kind.BYTES)
    lanes = load(kind + Kind.LANES)
    pitch = load(job + Job.PITCH)
    strip = (load(job + Job.BAND) - 1) * pitch + load(job + Job.COLUMNS + Plan.MADE)
    store(job + Job.STRIP, panels(strip, lanes) * lanes)
    rows = least(load(job + Job.K), RESULTS)
    phases = load(job + Job.ROWS + Plan.STEP) * load(job + Job.COLUMNS + Plan.STEP)
    chunk = (phases * load(job + Job.BLOCK) * load(job + Job.PLANE) + rows * load(job + Job.STRIP)) * size
    close = (load(kind + Kind.TALL) + 1) * load(job + Job.STRIP) * size
    together = least(divide_towards_zero(CLOSE_BYTES, close), divide_towards_zero(BYTES_OF_CHUNK, chunk))
    chunks = load(job + Job.N) * load(job + Job.BANDS)
    together = most(1, least(together, chunks))
    units = (
        load(job + Job.GROUPS) * panels(load(job + Job.C), load(job + Job.BLOCK)) * panels(load(job + Job.K), RESULTS)
    )
    splits = least(panels(PARTS, units), divide_towards_zero(BYTES_OF_PARTS, bytes_of_weights))
    each = panels(panels(chunks, together), most(1, splits)) * together
    store(job + Job.CHUNKS, chunks)
    store(job + Job.TOGETHER, together)
    store(job + Job.EACH, each)
    store(job + Job.SPLITS, panels(chunks, each))
    return units


def make_masks(kind: int, job: int, masks: int, steps: int) -> int:
    """For each vector of places a bit a lane: whether it is a place of the result."""
    place = 0
    column = 0
    pitch = load(job + Job.PITCH)
    for step in range(steps):
        bits = 0
        bit = 1
        for _lane in range(load(kind + Kind.LANES)):
            if column < load(job + Job.COLUMNS + Plan.MADE) and place < load(job + Job.BAND) * pitch:
                bits += bit
            bit += bit
            place += 1
            column += 1
            if column == pitch:
                column = 0
        store(masks + 8 * step, bits)
    return 0


def some_weights(result: int, error: int, job: int, start: int, stop: int) -> int:
    """A kernel: the weights of some channels by some others, from one part of the places."""
    kind = load(job + Job.KIND)
    size = load(kind + Kind.BYTES)
    state = load(kind + Kind.STATE)
    planes = (load(job + Job.TOGETHER) * places_of_chunk(job) + 2 * load(kind + Kind.LANES)) * size
    rows = least(load(job + Job.K), RESULTS) * load(job + Job.STRIP) * size
    scratch = take(state + State.SCRATCH, state, planes + load(job + Job.TOGETHER) * rows)
    if scratch == 0:
        return fail(job)
    part = stack(Part.SIZE)
    store(part + Part.SOURCE, scratch)
    store(part + Part.TILE, scratch + planes)
    blocks = panels(load(job + Job.C), load(job + Job.BLOCK))
    shares = panels(load(job + Job.K), RESULTS)
    while start < stop:
        rest = divide_towards_zero(start, shares)
        group = divide_towards_zero(rest, blocks)
        split = divide_towards_zero(group, load(job + Job.GROUPS))
        store(part + Part.FIRST, (start - rest * shares) * RESULTS)
        store(part + Part.CHANNEL, (rest - group * blocks) * load(job + Job.BLOCK))
        store(part + Part.CHANNELS, least(load(job + Job.BLOCK), load(job + Job.C) - load(part + Part.CHANNEL)))
        store(part + Part.EXAMPLE, group - split * load(job + Job.GROUPS))
        store(part + Part.TABLE, split)
        chunk = split * load(job + Job.EACH)
        end = least(chunk + load(job + Job.EACH), load(job + Job.CHUNKS))
        add = 0
        while chunk < end:
            count = least(load(job + Job.TOGETHER), end - chunk)
            masked = lay_chunks(kind, job, part, chunk, count)
            tiles_of_weights(kind, job, part, count, masked, add)
            add = 1
            chunk += count
        start += 1
    return give(state + State.SCRATCH, state, scratch)


def places_of_chunk(job: int) -> int:
    """The places of all channels and phases of the source that are laid out together."""
    phases = load(job + Job.ROWS + Plan.STEP) * load(job + Job.COLUMNS + Plan.STEP)
    return phases * load(job + Job.BLOCK) * load(job + Job.PLANE)


def lay_chunks(kind: int, job: int, part: int, chunk: int, count: int) -> int:
    """Some rows of one example after another: the source's channels, and the result's gradient by others.

    Returns whether there is something in the source that times zero is not zero.
    """
    size = load(kind + Kind.BYTES)
    width = load(job + Job.COLUMNS + Plan.MADE)
    plane = load(job + Job.ROWS + Plan.MADE) * width
    rows = least(RESULTS, load(job + Job.K) - load(part + Part.FIRST))
    source = load(part + Part.SOURCE)
    gradient = load(part + Part.TILE)
    masked = 0
    for k in range(count):
        example = divide_towards_zero(chunk + k, load(job + Job.BANDS))
        band = (chunk + k - example * load(job + Job.BANDS)) * load(job + Job.BAND)
        end = least(band + load(job + Job.BAND), load(job + Job.ROWS + Plan.MADE))
        example = example * load(job + Job.GROUPS) + load(part + Part.EXAMPLE)
        first = example * load(job + Job.C) + load(part + Part.CHANNEL)
        lay_source(kind, job, source, first, load(part + Part.CHANNELS), band, end)
        if all_finite(kind, job, part, source) == 0:
            masked = 1
        call(load(kind + Kind.CLEAR), gradient, rows * load(job + Job.STRIP))
        begin = (example * load(job + Job.K) + load(part + Part.FIRST)) * plane + band * width
        call(load(kind + Kind.LAY), gradient, load(job + Job.Y) + begin * size, rows, load(job + Job.STRIP), plane,
             end - band, load(job + Job.PITCH), width, width, 1)  # fmt: skip
        source += places_of_chunk(job) * size
        gradient += rows * load(job + Job.STRIP) * size
    return masked


def all_finite(kind: int, job: int, part: int, source: int) -> int:
    """Whether what is laid out holds neither infinities nor NaN."""
    found = 1
    places = load(part + Part.CHANNELS) * load(job + Job.PLANE)
    phases = load(job + Job.ROWS + Plan.STEP) * load(job + Job.COLUMNS + Plan.STEP)
    for phase in range(phases):
        start = source + phase * load(job + Job.BLOCK) * load(job + Job.PLANE) * load(kind + Kind.BYTES)
        found = found & call(load(kind + Kind.FINITE), start, places)
    return found


def tiles_of_weights(kind: int, job: int, part: int, count: int, masked: int, add: int) -> int:
    """All that is laid out, tile by tile: for some rows of the gradient one tap after another."""
    size = load(kind + Kind.BYTES)
    strip = load(job + Job.STRIP)
    rows = least(RESULTS, load(job + Job.K) - load(part + Part.FIRST))
    steps = divide_towards_zero(strip, load(kind + Kind.LANES))
    by_row = load(job + Job.C) * load(job + Job.TAPS)
    out = load(part + Part.TABLE) * load(job + Job.GROUPS) + load(part + Part.EXAMPLE)
    out = (out * load(job + Job.K) + load(part + Part.FIRST)) * by_row + load(part + Part.CHANNEL) * load(
        job + Job.TAPS
    )
    out = load(job + Job.PARTS) + out * size
    offsets = load(job + Job.TABLES)
    masks = offsets + 16 * load(job + Job.BLOCK) * load(job + Job.TAPS)
    tall = load(kind + Kind.TALL)
    row = 0
    while row < rows:
        while tall > rows - row or (masked and tall > 1):
            tall = divide_towards_zero(tall, 2)
        tap = 0
        while tap < load(part + Part.CHANNELS) * load(job + Job.TAPS):
            shifts = shifts_of(load(part + Part.CHANNELS) * load(job + Job.TAPS) - tap)
            function = kind + Kind.COLLECT + 24 * power(tall) + 8 * divide_towards_zero(shifts, FEW_SHIFTS)
            if masked:
                shifts = 1
                function = kind + Kind.MASKED
            call(load(function), load(part + Part.TILE) + row * strip * size, strip, load(part + Part.SOURCE),
                 offsets + 8 * tap, masks, steps, count, rows * strip, places_of_chunk(job),
                 out + (row * by_row + tap) * size, by_row, add)  # fmt: skip
            tap += shifts
        row += tall
    return 0


def shifts_of(left: int) -> int:
    """The taps of the largest tile that fits."""
    if left >= MANY_SHIFTS:
        return MANY_SHIFTS
    if left >= FEW_SHIFTS:
        return FEW_SHIFTS
    return 1


def add_parts(result: int, error: int, job: int, start: int, stop: int) -> int:
    """A kernel: the sum of the parts, for some of the weights."""
    kind = load(job + Job.KIND)
    size = load(kind + Kind.BYTES)
    weights = load(job + Job.GROUPS) * load(job + Job.K) * load(job + Job.C) * load(job + Job.TAPS)
    first = start * SUMMED
    count = least(stop * SUMMED, weights) - first
    return call(load(kind + Kind.SUM), load(job + Job.WEIGHT) + first * size, load(job + Job.PARTS) + first * size,
                load(job + Job.SPLITS), weights, count)  # fmt: skip
