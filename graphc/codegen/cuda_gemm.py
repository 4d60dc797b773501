"""graphc's own matrix product for CUDA, where no vendor's library is at hand: tiles in the shared memory of a block.

A block of ``TILE_THREADS`` threads computes a tile of ``TILE`` x ``TILE`` elements, each thread ``OWN`` x ``OWN`` of
them, ``TILE // OWN`` apart, so that neighbours read and write neighbours. Of a and b, ``DEPTH`` columns and rows at a
time stand in shared memory. Every element is summed in order, one product after the other.
"""

from __future__ import annotations

from graphc.abi import GEMM_ACCUMULATE, GEMM_TRANSPOSE_A, GEMM_TRANSPOSE_B
from graphc.codegen.text import Lines, literal

TILE, OWN, DEPTH = 64, 4, 16
APART = TILE // OWN
TILE_THREADS = APART * APART  # ``targets.BLOCK_THREADS``, the most of a block


def gemm_kernel(flags: int, dtype: str) -> str:
    """``c = op(a) op(b) (+ c)`` for a batch of matrices; see ``program.Gemm``.

    ``NAME(b0, b1, b2, m, n, k, row lengths of a, b, c, inner, two strides each of a, b, c, count)``; ``count``: tiles.
    """
    strides = ", ".join(f"outer{k}, inner{k}" for k in range(3))
    lines = Lines()
    add = lines.add
    for side in "ab":
        add(f"tile_{side} = tile_{side}_{dtype}()")
    for line in ("thread = thread_index()", f"column = thread % {APART}", f"row = thread // {APART}"):
        add(line)
    add(f"across = (n + {TILE - 1}) // {TILE}")
    add(f"down = (m + {TILE - 1}) // {TILE}")
    with lines.inside("for tile in range(block_index(), count, block_count()):"):
        add(f"left = tile % across * {TILE}")
        add("rest = tile // across")
        add(f"top = rest % down * {TILE}")
        add("matrix = rest // down")
        for k in range(3):
            add(f"start{k} = matrix // inner * outer{k} + matrix % inner * inner{k}")
        for name in _sums():
            add(f"{name} = {literal(dtype, '0')}")
        with lines.inside(f"for first in range(0, k, {DEPTH}):"):
            add("barrier()")
            _fetch(lines, "a", "top", "m", transposed=not flags & GEMM_TRANSPOSE_A)
            _fetch(lines, "b", "left", "n", transposed=bool(flags & GEMM_TRANSPOSE_B))
            add("barrier()")
            _multiply(lines)
        _write(lines, accumulate=bool(flags & GEMM_ACCUMULATE))
    return f"def NAME(b0, b1, b2, m, n, k, ld0, ld1, ld2, inner, {strides}, count):\n{lines}\n"


def _sums() -> list[str]:
    return [f"sum{i}_{j}" for i in range(OWN) for j in range(OWN)]


def _fetch(lines: Lines, side: str, corner: str, size: str, *, transposed: bool) -> None:
    """``tile[step * TILE + place]``: so many steps of the operand, for the rows (columns) from ``corner`` on.

    ``transposed``: in memory, the steps of one place are neighbours. Outside of the matrix the tile is 0.
    """
    number = "ab".index(side)
    with lines.inside(f"for e in range(thread, {TILE * DEPTH}, {TILE_THREADS}):"):
        if transposed:
            lines.add(f"step = e % {DEPTH}")
            lines.add(f"place = e // {DEPTH}")
            position = f"({corner} + place) * ld{number} + first + step"
        else:
            lines.add(f"place = e % {TILE}")
            lines.add(f"step = e // {TILE}")
            position = f"(first + step) * ld{number} + {corner} + place"
        inside = f"({corner} + place < {size}) & (first + step < k)"
        lines.add(f"tile_{side}[step * {TILE} + place] = load_where({inside}, b{number}, start{number} + {position})")


def _multiply(lines: Lines) -> None:
    with lines.inside(f"for step in range({DEPTH}):"):
        for i in range(OWN):
            lines.add(f"a{i} = tile_a[step * {TILE} + row + {i * APART}]")
        for j in range(OWN):
            lines.add(f"b_{j} = tile_b[step * {TILE} + column + {j * APART}]")
        for i in range(OWN):
            for j in range(OWN):
                lines.add(f"sum{i}_{j} = sum{i}_{j} + a{i} * b_{j}")


def _write(lines: Lines, *, accumulate: bool) -> None:
    for i in range(OWN):
        lines.add(f"own_row = top + row + {i * APART}")
        with lines.inside("if own_row < m:"):
            for j in range(OWN):
                lines.add(f"own_column = left + column + {j * APART}")
                place = "b2[start2 + own_row * ld2 + own_column]"
                with lines.inside("if own_column < n:"):
                    lines.add(f"{place} = {f'{place} + ' if accumulate else ''}sum{i}_{j}")
