"""Routines that a vendor's library computes on a device: which, and the kernels that stand around its calls.

The libraries count by columns, as LAPACK does: what they see of a row-major matrix is the transpose
(``runtime.cuda_factors`` says what is done of it).
"""

from __future__ import annotations

from graphc.codegen.cuda_chores import CudaKernel, whole_kernel
from graphc.codegen.text import literal

OF_BOTH = ("lu", "cholesky_factor", "triangular_solve", "symmetric_eigen", "singular", "orthogonal")
FACTORS = (*OF_BOTH, *(f"{name}_pairs" for name in OF_BOTH))  # by cuSOLVER; complex matrices are pairs of real numbers
TRANSFORMS = ("fft_pairs", "rfft_pairs", "irfft_pairs")  # by cuFFT
ALL = "for element in range(global_index(), count, global_count()):"


def pivots_kernel() -> CudaKernel:
    """What follows from exchanges: ``b0`` (n0 of them, counted from 1, a matrix) gives the order ``b1`` of n1 columns,
    its inverse ``b2``, the exchanges ``b3`` counted from 0, and its sign ``b4``; a thread for each matrix."""
    text = f"""def NAME(b0, b1, b2, b3, b4, n0, n1, count):
    {ALL}
        for j in range(n1):
            b1[element * n1 + j] = j
        sign = 1
        for j in range(n0):
            other = b0[element * n0 + j] - 1
            b3[element * n0 + j] = other
            moved = b1[element * n1 + j]
            b1[element * n1 + j] = b1[element * n1 + other]
            b1[element * n1 + other] = moved
            sign = select(other == j, sign, -sign)
        for j in range(n1):
            b2[element * n1 + b1[element * n1 + j]] = j
        b4[element] = sign
"""
    return whole_kernel("pivots", text, ["i32", "i64", "i64", "i64", "i64"], 2, "elements")


def lower_kernel(dtype: str, width: int) -> CudaKernel:
    """``b1``: the lower triangles of the matrices ``b0``, n0 x n0 each, of ``width`` numbers an element."""
    return _triangle(dtype, width, "j <= i", "b0[element]")


def upper_kernel(dtype: str, width: int) -> CudaKernel:
    """``b1``: the upper triangles, n0 x n0 each, of the matrices of n1 rows that stand by columns in ``b0``."""
    return _triangle(dtype, width, "j >= i", f"b0[((matrix * n0 + j) * n1 + i) * {width} + element % {width}]")


def _triangle(dtype: str, width: int, inside: str, source: str) -> CudaKernel:
    text = f"""def NAME(b0, b1, n0, n1, count):
    {ALL}
        cell = element // {width}
        j = cell % n0
        i = cell // n0 % n0
        matrix = cell // n0 // n0
        b1[element] = select({inside}, {source}, {literal(dtype, "0")})
"""
    return whole_kernel("triangle", text, [dtype, dtype], 2, "elements")


def half_kernel(dtype: str) -> CudaKernel:
    """``b1``: the half transforms ``b0`` of n0 pairs each, real where they stand for themselves: in the first pair, and
    in the last one where n1 points, which are the whole transform, are even."""
    text = f"""def NAME(b0, b1, n0, n1, count):
    {ALL}
        pair = element // 2 % n0
        alone = (element % 2 == 1) & ((pair == 0) | (2 * pair == n1))
        b1[element] = select(alone, {literal(dtype, "0")}, b0[element])
"""
    return whole_kernel("half", text, [dtype, dtype], 2, "elements")
