"""Products ``A B'`` of a few long rows, in the restricted Python of ``machine_code``: by tiles along the rows.

Packing such operands would take longer than multiplying them. Rows of A are shared by threads; every element is summed
over blocks of ``LONG`` columns in order, so that its bits depend on no number of threads.
"""

from __future__ import annotations

from graphc.abi import GEMM_ACCUMULATE, GEMM_TRANSPOSE_A, GEMM_TRANSPOSE_B
from graphc.runtime.dot_tiles import FEW, MANY
from graphc.runtime.gemm_layout import LONG, LONG_SHARE, Job, Kind
from graphc.runtime.machine_code import call, load
from graphc.runtime.panel_code import least, panels


def are_long_rows(job: int) -> int:
    """Whether packing the operands would take longer than this."""
    if load(job + Job.FLAGS) & (GEMM_TRANSPOSE_A + GEMM_TRANSPOSE_B) != GEMM_TRANSPOSE_B or load(job + Job.K) < LONG:
        return 0
    if load(job + Job.M) * load(job + Job.N) > LONG_SHARE * (load(job + Job.M) + load(job + Job.N)):
        return 0
    return 1


def row_units(kind: int, job: int) -> int:
    """The units that threads share: rows of A as a tile has them."""
    return panels(load(job + Job.M), load(kind + Kind.TALL))


def long_rows(result: int, error: int, job: int, start: int, stop: int) -> int:
    """A kernel: some rows of C."""
    kind = load(job + Job.KIND)
    tall = load(kind + Kind.TALL)
    row = start * tall
    end = least(stop * tall, load(job + Job.M))
    p = 0
    while p < load(job + Job.K):
        depth = least(load(job + Job.K) - p, LONG)
        i = row
        while i < end:
            rows = tall
            if end - i < tall:
                rows = 1
            columns_of(kind, job, i, rows, p, depth)
            i += rows
        p += depth
    return 0


def columns_of(kind: int, job: int, i: int, rows: int, p: int, depth: int) -> int:
    """Some rows of A by all of B, for a block of columns."""
    size = load(kind + Kind.BYTES)
    add = p + (load(job + Job.FLAGS) & GEMM_ACCUMULATE)
    a = load(job + Job.A) + (i * load(job + Job.LDA) + p) * size
    j = 0
    while j < load(job + Job.N):
        left = load(job + Job.N) - j
        function = kind + Kind.DOTS
        count = MANY
        if left < MANY:
            function += 8
            count = FEW
        if left < FEW:
            function += 8
            count = 1
        if rows == 1:
            function += 24
        b = load(job + Job.B) + (j * load(job + Job.LDB) + p) * size
        c = load(job + Job.C) + (i * load(job + Job.LDC) + j) * size
        call(load(function), a, load(job + Job.LDA), b, load(job + Job.LDB), depth, c, load(job + Job.LDC), add)
        j += count
    return 0
