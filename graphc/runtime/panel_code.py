"""Panels of a product's operands and the tiles made of them, in the restricted Python of ``machine_code``."""

from __future__ import annotations

from graphc.abi import GEMM_TRANSPOSE_A, GEMM_TRANSPOSE_B
from graphc.runtime.gemm_layout import (
    BLOCK_OF_A,
    CLOSE,
    FEW_PANELS,
    Block,
    Job,
    Kind,
)
from graphc.runtime.machine_code import call, divide_towards_zero, load, store


def least(a: int, b: int) -> int:
    if a < b:
        return a
    return b


def panels(count: int, width: int) -> int:
    return divide_towards_zero(count + width - 1, width)


def prepare_a(kind: int, job: int, panel: int, a: int, p: int, i: int, depth: int, rows: int) -> int:
    scratch = load(panel + Block.SCRATCH)
    size = load(kind + Kind.BYTES)
    step = load(job + Job.LDA)
    turned = load(job + Job.FLAGS) & GEMM_TRANSPOSE_A
    few = FEW_PANELS * load(kind + Kind.COLUMNS)
    if load(job + Job.N) > few and (turned == 0 or step * size > CLOSE):
        pack_a(kind, job, a, p, i, depth, rows, scratch)
        return packed_a(kind, panel, scratch, depth)
    if turned:
        store(panel + Block.A, a + (p * step + i) * size)
        store(panel + Block.A_STEP, step)
        store(panel + Block.A_ROW, 1)
        store(panel + Block.A_PANEL, load(kind + Kind.ROWS) * size)
        return 0
    store(panel + Block.A, a + (i * step + p) * size)
    store(panel + Block.A_STEP, 1)
    store(panel + Block.A_ROW, step)
    store(panel + Block.A_PANEL, load(kind + Kind.ROWS) * step * size)
    return 0


def packed_a(kind: int, panel: int, a: int, depth: int) -> int:
    width = load(kind + Kind.ROWS)
    store(panel + Block.A, a)
    store(panel + Block.A_STEP, width)
    store(panel + Block.A_ROW, 1)
    store(panel + Block.A_PANEL, width * depth * load(kind + Kind.BYTES))
    return 0


def prepare_b(kind: int, job: int, panel: int, b: int, p: int, j: int, depth: int, columns: int) -> int:
    scratch = load(panel + Block.SCRATCH) + BLOCK_OF_A
    size = load(kind + Kind.BYTES)
    step = load(job + Job.LDB)
    few = FEW_PANELS * load(kind + Kind.ROWS)
    if load(job + Job.FLAGS) & GEMM_TRANSPOSE_B or (load(job + Job.M) > few and step * size > CLOSE):
        pack_b(kind, job, b, p, j, depth, columns, scratch)
        return packed_b(kind, panel, scratch, depth)
    store(panel + Block.B, b + (p * step + j) * size)
    store(panel + Block.B_STEP, step)
    store(panel + Block.B_PANEL, load(kind + Kind.COLUMNS) * size)
    return 0


def packed_b(kind: int, panel: int, b: int, depth: int) -> int:
    width = load(kind + Kind.COLUMNS)
    store(panel + Block.B, b)
    store(panel + Block.B_STEP, width)
    store(panel + Block.B_PANEL, width * depth * load(kind + Kind.BYTES))
    return 0


def block(kind: int, panel: int, depth: int, rows: int, columns: int, c: int, ldc: int, add: int) -> int:
    """Panels of A times panels of B."""
    size = load(kind + Kind.BYTES)
    most_rows = load(kind + Kind.ROWS)
    most_columns = load(kind + Kind.COLUMNS)
    share = 1 + divide_towards_zero(most_columns * size, panels(rows, most_rows))
    step_a = load(panel + Block.A_STEP)
    row_a = load(panel + Block.A_ROW)
    b = load(panel + Block.B)
    j = 0
    while j < columns:
        wide = columns - j
        a = load(panel + Block.A)
        ahead = b + load(panel + Block.B_PANEL)
        i = 0
        while i < rows:
            place = c + (i * ldc + j) * size
            high = least(rows - i, most_rows)
            if high == most_rows and wide >= most_columns and row_a == 1:
                call(load(kind + Kind.TILE), a, step_a, b, load(panel + Block.B_STEP), depth, place, ldc, add,
                     ahead, share)  # fmt: skip
            elif 2 * wide <= most_columns:
                call(load(kind + Kind.NARROW), a, step_a, b, load(panel + Block.B_STEP), depth, place, ldc, add,
                     high, wide, row_a)  # fmt: skip
            else:
                call(load(kind + Kind.WIDE), a, step_a, b, load(panel + Block.B_STEP), depth, place, ldc, add,
                     high, wide, row_a)  # fmt: skip
            a += load(panel + Block.A_PANEL)
            ahead += share * depth
            i += most_rows
        b += load(panel + Block.B_PANEL)
        j += most_columns
    return 0


# --- packing ---------------------------------------------------------------------------------------------------------


def pack_a(kind: int, job: int, a: int, p: int, i: int, depth: int, rows: int, target: int) -> int:
    """Rows from i on, of k from p on. A lies row by row, or column by column where it is transposed."""
    ld = load(job + Job.LDA)
    size = load(kind + Kind.BYTES)
    if load(job + Job.FLAGS) & GEMM_TRANSPOSE_A:
        return straight(kind, kind + Kind.STRAIGHT_A, load(kind + Kind.ROWS), a + (p * ld + i) * size, ld, depth, rows,
                        target)  # fmt: skip
    return call(load(kind + Kind.TURNED_A), target, a + (i * ld + p) * size, ld, depth, rows)


def pack_b(kind: int, job: int, b: int, p: int, j: int, depth: int, columns: int, target: int) -> int:
    ld = load(job + Job.LDB)
    size = load(kind + Kind.BYTES)
    if load(job + Job.FLAGS) & GEMM_TRANSPOSE_B:
        return call(load(kind + Kind.TURNED_B), target, b + (j * ld + p) * size, ld, depth, columns)
    return straight(kind, kind + Kind.STRAIGHT_B, load(kind + Kind.COLUMNS), b + (p * ld + j) * size, ld, depth,
                    columns, target)  # fmt: skip


def straight(kind: int, functions: int, width: int, source: int, ld: int, depth: int, count: int, target: int) -> int:
    """``functions``: where that for whole panels stands, and after it that for the rest."""
    wholes = divide_towards_zero(count, width)
    size = load(kind + Kind.BYTES)
    if wholes:
        call(load(functions), target, source, ld, depth, wholes)
    if count > wholes * width:
        call(load(functions + 8), target + wholes * width * depth * size, source + wholes * width * size, ld, depth,
             count - wholes * width)  # fmt: skip
    return 0
