"""CUDA kernels that are no nest's: filling, copying, combining the blocks of a total, matrix products."""

from __future__ import annotations

from graphc.abi import GEMM_ACCUMULATE, GEMM_TRANSPOSE_A, GEMM_TRANSPOSE_B
from graphc.codegen.text import NARROW, Lines, literal, loaded, stored
from graphc.errors import ProgramError


def chore(kind: str, *, step: str = "", init: str = "", dtype: str = "f64") -> str:
    """Kernels that are no nest's: ``fill(b0; value)``, ``copy(b0, b1)``, ``combine(b0, b1, kept n0, blocks n1)``."""
    lines = Lines()
    with lines.inside("for element in range(global_index(), count, global_count()):"):
        match kind:
            case "fill":
                lines.add(f"b0[element] = {stored(dtype, literal(dtype, init))}")
            case "copy":
                lines.add("b1[element] = b0[element]")
            case "combine":
                _combine(lines, step, init, dtype)
            case _:
                raise ProgramError(f"no CUDA kernel is printed for {kind!r}")
    parameters = {"fill": "b0", "copy": "b0, b1", "combine": "b0, b1, n0, n1"}[kind]
    return f"def NAME({parameters}, count):\n{lines}\n"


def _combine(lines: Lines, step: str, init: str, dtype: str) -> None:
    """``b1[k]``: the fold of ``b0[block * n0 + k]`` over ``n1`` blocks, in order."""
    is_sum = step == "{acc} + {0}" and dtype in ("f64", "f32")
    lines.add(f"total = new_sum_{dtype}()" if is_sum else f"total = {literal(dtype, init)}")
    with lines.inside("for block in range(n1):"):
        value = loaded(dtype, "b0[block * n0 + element]")
        text = step.format(value, acc="total")
        text = f"cast_{dtype}({text})" if dtype in NARROW else text
        lines.add(f"add_to(total, {value})" if is_sum else f"total = {text}")
    lines.add(f"b1[element] = {stored(dtype, 'sum_of(total)' if is_sum else 'total')}")


def gemm_kernel(flags: int, dtype: str) -> str:
    """``c = op(a) op(b) (+ c)`` for a batch of matrices, a thread for each element of c; see ``program.Gemm``.

    ``NAME(b0, b1, b2, m, n, k, row lengths of a, b, c, inner, two strides each of a, b, c, count)``.
    """
    a = "step * ld0 + row" if flags & GEMM_TRANSPOSE_A else "row * ld0 + step"
    b = "column * ld1 + step" if flags & GEMM_TRANSPOSE_B else "step * ld1 + column"
    strides = ", ".join(f"outer{k}, inner{k}" for k in range(3))
    lines = Lines()
    with lines.inside("for element in range(global_index(), count, global_count()):"):
        for line in ("column = element % n", "rest = element // n", "row = rest % m", "matrix = rest // m"):
            lines.add(line)
        for k in range(3):
            lines.add(f"start{k} = matrix // inner * outer{k} + matrix % inner * inner{k}")
        lines.add(f"total = {literal(dtype, '0')}")
        with lines.inside("for step in range(k):"):
            lines.add(f"total = total + b0[start0 + {a}] * b1[start1 + {b}]")
        place = "b2[start2 + row * ld2 + column]"
        lines.add(f"{place} = {f'{place} + total' if flags & GEMM_ACCUMULATE else 'total'}")
    return f"def NAME(b0, b1, b2, m, n, k, ld0, ld1, ld2, inner, {strides}, count):\n{lines}\n"
