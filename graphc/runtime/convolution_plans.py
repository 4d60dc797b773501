"""How a convolution is computed: the plan of each axis, its division into blocks, where taps read."""

from __future__ import annotations

from graphc.abi import CONVOLUTION_BY_WEIGHT, CONVOLUTION_WHAT
from graphc.runtime.convolution_layout import (
    CHANNELS,
    FEW_UNITS,
    LEAST_WORK,
    PARALLEL_WORK,
    POSITIONS,
    RESULTS,
    TAPS,
    Axis,
    Job,
    Kind,
    Plan,
    Table,
)
from graphc.runtime.gemm_layout import State
from graphc.runtime.machine_code import call, divide_towards_zero, load, stack, store
from graphc.runtime.panel_code import least, panels


def prepare(kind: int, job: int) -> int:
    """The plans of both axes, and how channels and rows are divided."""
    backwards = load(job + Job.FLAGS) & CONVOLUTION_WHAT
    if backwards == CONVOLUTION_BY_WEIGHT:
        backwards = 0
    plan(job + Job.HEIGHT, job + Job.ROWS, backwards)
    plan(job + Job.WIDTH, job + Job.COLUMNS, backwards)
    taps = load(job + Job.HEIGHT + Axis.KERNEL) * load(job + Job.WIDTH + Axis.KERNEL)
    store(job + Job.TAPS, taps)
    store(job + Job.INPUTS, load(job + Job.C))
    store(job + Job.OUTPUTS, load(job + Job.K))
    store(job + Job.BY_INPUT, taps)
    store(job + Job.BY_OUTPUT, taps * load(job + Job.C))
    if backwards:
        store(job + Job.INPUTS, load(job + Job.K))
        store(job + Job.OUTPUTS, load(job + Job.C))
        store(job + Job.BY_INPUT, taps * load(job + Job.C))
        store(job + Job.BY_OUTPUT, taps)
    block = divide_towards_zero(TAPS, most(taps, 1))
    if load(job + Job.FLAGS) & CONVOLUTION_WHAT == CONVOLUTION_BY_WEIGHT:
        block = CHANNELS
    store(job + Job.BLOCK, most(1, least(load(job + Job.INPUTS), block)))
    rows = load(job + Job.ROWS + Plan.COUNT)
    pitch = load(job + Job.COLUMNS + Plan.COUNT) + load(job + Job.COLUMNS + Plan.REACH)
    store(job + Job.PITCH, pitch)
    store(job + Job.SHARES, divide_towards_zero(load(job + Job.OUTPUTS) + RESULTS - 1, RESULTS))
    bands = divide_towards_zero(rows * pitch + divide_towards_zero(POSITIONS, 2), POSITIONS)
    units = load(job + Job.N) * load(job + Job.GROUPS) * load(job + Job.SHARES)
    if load(job + Job.FLAGS) & CONVOLUTION_WHAT != CONVOLUTION_BY_WEIGHT:
        bands = most(bands, divide_towards_zero(FEW_UNITS, most(units, 1)))
    band = panels(rows, most(1, least(bands, rows)))
    store(job + Job.BAND, band)
    store(job + Job.BANDS, panels(rows, most(band, 1)))
    store(job + Job.PLANE, (band + load(job + Job.ROWS + Plan.REACH)) * pitch)
    return 0


def most(a: int, b: int) -> int:
    if a > b:
        return a
    return b


def plan(axis: int, made: int, backwards: int) -> int:
    stride = load(axis + Axis.STRIDE)
    padding = load(axis + Axis.PADDING)
    reach = divide_towards_zero(most(0, load(axis + Axis.KERNEL) - 1) * load(axis + Axis.DILATION), stride)
    first = divide_towards_zero(padding, stride)
    store(made + Plan.READ, load(axis + Axis.SOURCE))
    store(made + Plan.STEP, stride)
    store(made + Plan.LEAD, padding)
    store(made + Plan.MADE, load(axis + Axis.RESULT))
    store(made + Plan.OUT_STEP, 1)
    store(made + Plan.OUT_LEAD, 0)
    if backwards:
        store(made + Plan.READ, load(axis + Axis.RESULT))
        store(made + Plan.STEP, 1)
        store(made + Plan.LEAD, reach - first)
        store(made + Plan.MADE, load(axis + Axis.SOURCE))
        store(made + Plan.OUT_STEP, stride)
        store(made + Plan.OUT_LEAD, padding - stride * first)
    store(made + Plan.BACKWARDS, backwards)
    store(made + Plan.REACH, reach)
    store(made + Plan.COUNT, last_of(made, 0))
    return 0


def first_of(plan: int, r: int) -> int:
    """The first j of phase r of the results."""
    if load(plan + Plan.OUT_LEAD) > r:
        return 1
    return 0


def last_of(plan: int, r: int) -> int:
    """The j after the last one of phase r."""
    step = load(plan + Plan.OUT_STEP)
    return divide_towards_zero(load(plan + Plan.MADE) + load(plan + Plan.OUT_LEAD) - r + step - 1, step)


def place_of_tap(axis: int, plan: int, tap: int, r: int) -> int:
    """How far after j a tap reads in its phase, for phase r of the results; -1 where it does not meet that."""
    stride = load(axis + Axis.STRIDE)
    distance = tap * load(axis + Axis.DILATION)
    if load(plan + Plan.BACKWARDS) == 0:
        return divide_towards_zero(distance, stride)
    quotient = divide_towards_zero(r - distance, stride)
    if quotient * stride != r - distance:
        return -1
    return load(plan + Plan.REACH) + quotient


def phase_of_tap(axis: int, plan: int, tap: int) -> int:
    """The phase of what is read in which a tap reads."""
    step = load(plan + Plan.STEP)
    distance = tap * load(axis + Axis.DILATION)
    return distance - step * divide_towards_zero(distance, step)


def make_tables(kind: int, job: int, tables: int, packed: int) -> int:
    """For each phase of the results: where each tap reads, and where the weight for it stands."""
    size = load(kind + Kind.BYTES)
    phases = load(job + Job.ROWS + Plan.OUT_STEP) * load(job + Job.COLUMNS + Plan.OUT_STEP)
    words = tables + phases * Table.SIZE
    room = 8 * load(job + Job.BLOCK) * load(job + Job.TAPS)
    weights = load(job + Job.GROUPS) * load(job + Job.OUTPUTS) * load(job + Job.INPUTS)
    table = tables
    for r in range(load(job + Job.ROWS + Plan.OUT_STEP)):
        for q in range(load(job + Job.COLUMNS + Plan.OUT_STEP)):
            count = 0
            for channel in range(load(job + Job.BLOCK)):
                count = taps_of_channel(kind, job, words, room, count, channel, r, q)
            taps = divide_towards_zero(count, load(job + Job.BLOCK))
            store(table + Table.COUNT, taps)
            store(table + Table.PLACES, words)
            store(table + Table.PACKED, packed)
            packed += weights * taps * size
            words += 2 * room
            table += Table.SIZE
    return 0


def taps_of_channel(kind: int, job: int, words: int, room: int, count: int, channel: int, r: int, q: int) -> int:
    """Write where a channel's taps read, in bytes, and ``room`` bytes after that where its weights stand; how many."""
    size = load(kind + Kind.BYTES)
    weight = channel * load(job + Job.BY_INPUT)
    for k in range(load(job + Job.HEIGHT + Axis.KERNEL)):
        down = place_of_tap(job + Job.HEIGHT, job + Job.ROWS, k, r)
        phase = phase_of_tap(job + Job.HEIGHT, job + Job.ROWS, k) * load(job + Job.COLUMNS + Plan.STEP)
        for t in range(load(job + Job.WIDTH + Axis.KERNEL)):
            right = place_of_tap(job + Job.WIDTH, job + Job.COLUMNS, t, q)
            if down >= 0 and right >= 0:
                plane = phase + phase_of_tap(job + Job.WIDTH, job + Job.COLUMNS, t)
                plane = plane * load(job + Job.BLOCK) + channel
                place = plane * load(job + Job.PLANE) + down * load(job + Job.PITCH) + right
                store(words + 8 * count, place * size)
                store(words + room + 8 * count, weight)
                count += 1
            weight += 1
    return count


def shared_out(kind: int, job: int, kernel: int, count: int, work: int) -> int:
    """Run a kernel over so many units, which have so much work together."""
    slots = stack(8)
    store(slots, job)
    if count <= 0:
        return 0
    grain = count
    if work > PARALLEL_WORK:
        grain = 1 + divide_towards_zero(LEAST_WORK, 1 + divide_towards_zero(work, count))
    return call(load(load(kind + Kind.STATE) + State.LAUNCH), kernel, slots, 1, count, grain)


def power(number: int) -> int:
    """The logarithm of a power of two."""
    found = 0
    while number > 1:
        number = divide_towards_zero(number, 2)
        found += 1
    return found


def width_of(wide: int, left: int) -> int:
    """The channels of the widest tile that fits."""
    while wide > left:
        wide = divide_towards_zero(wide, 2)
    return wide


def fail(job: int) -> int:
    """There was no memory."""
    store(job + Job.FAILED, 1)
    return 0
