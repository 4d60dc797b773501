"""What a convolution reads, laid out in planes with zeros around: see ``convolution_layout.Plan``."""

from __future__ import annotations

from graphc.runtime.convolution_layout import Job, Kind, Plan
from graphc.runtime.machine_code import call, divide_towards_zero, load


def lay_source(kind: int, job: int, target: int, first: int, channels: int, band: int, end: int) -> int:
    """All phases of some channels for the rows from ``band`` to ``end``; ``first``: a channel of all examples."""
    size = load(kind + Kind.BYTES)
    pitch = load(job + Job.PITCH)
    width = load(job + Job.COLUMNS + Plan.READ)
    whole = load(job + Job.ROWS + Plan.READ) * width
    source = load(job + Job.READ) + first * whole * size
    below = end + load(job + Job.ROWS + Plan.REACH)
    for f in range(load(job + Job.ROWS + Plan.STEP)):
        top = inside_from(job + Job.ROWS, f, band)
        rows = inside_to(job + Job.ROWS, f, below) - top
        for e in range(load(job + Job.COLUMNS + Plan.STEP)):
            left = inside_from(job + Job.COLUMNS, e, 0)
            columns = inside_to(job + Job.COLUMNS, e, pitch) - left
            if rows != below - band or columns != pitch or end - band < load(job + Job.BAND):
                call(load(kind + Kind.CLEAR), target, channels * load(job + Job.PLANE))
            if rows > 0 and columns > 0:
                place = source_of(job + Job.ROWS, f, top) * width + source_of(job + Job.COLUMNS, e, left)
                begin = target + ((top - band) * pitch + left) * size
                lay_plane(kind, job, begin, source + place * size, channels, whole, rows, columns)
            call(load(kind + Kind.CLEAR), target + channels * load(job + Job.PLANE) * size, load(kind + Kind.LANES))
            target += load(job + Job.BLOCK) * load(job + Job.PLANE) * size
    return 0


def lay_plane(kind: int, job: int, target: int, source: int, channels: int, whole: int, rows: int, columns: int) -> int:
    """One phase of some channels; rows that follow each other without a gap are one."""
    step = load(job + Job.COLUMNS + Plan.STEP)
    pitch = load(job + Job.PITCH)
    by_row = load(job + Job.ROWS + Plan.STEP) * load(job + Job.COLUMNS + Plan.READ)
    if step == 1 and by_row == pitch and columns == pitch:
        columns = rows * pitch
        rows = 1
    return call(load(kind + Kind.LAY), target, source, channels, load(job + Job.PLANE), whole, rows, pitch, by_row,
                columns, step)  # fmt: skip


def source_of(plan: int, f: int, p: int) -> int:
    """Where place p of phase f stands in what is read."""
    return load(plan + Plan.STEP) * p + f - load(plan + Plan.LEAD)


def inside_from(plan: int, f: int, first: int) -> int:
    """The first place, from ``first`` on, that is not before what is read."""
    missing = 0 - source_of(plan, f, first)
    if missing <= 0:
        return first
    return first + divide_towards_zero(missing + load(plan + Plan.STEP) - 1, load(plan + Plan.STEP))


def inside_to(plan: int, f: int, last: int) -> int:
    """The place after the last one, before ``last``, that is not after what is read."""
    extra = source_of(plan, f, last - 1) - load(plan + Plan.READ) + 1
    if extra <= 0:
        return last
    return last - divide_towards_zero(extra + load(plan + Plan.STEP) - 1, load(plan + Plan.STEP))
