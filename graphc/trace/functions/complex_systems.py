"""Systems of equations with complex matrices, as real ones of twice the size: ``A + iB`` is ``[[A, -B], [B, A]]``."""

from __future__ import annotations

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.trace.functions.slicing import take_range


def as_real(F: Builder, a: Value) -> Value:
    """The real matrices that multiply real and imaginary parts, one above the other, as the complex ones do."""
    re, im = F.real(a), F.imag(a)
    rows, columns = a.rank - 2, a.rank - 1
    return F.concat(F.concat(re, F.neg(im), axis=columns), F.concat(im, re, axis=columns), axis=rows)


def parts_above(F: Builder, a: Value) -> Value:
    """Complex numbers of which the upper half of the rows are the real parts, and the lower one the imaginary ones."""
    rows = a.rank - 2
    half = a.dims[rows] // 2
    return F.complex(take_range(F, a, rows, 0, half), take_range(F, a, rows, half, half))


def solve(F: Builder, left: Value, right: Value) -> Value:
    """X with ``left @ X == right``, both complex."""
    given = F.concat(F.real(right), F.imag(right), axis=right.rank - 2)
    return parts_above(F, F.solve(as_real(F, left), given, transposed=False))


def inverse(F: Builder, a: Value) -> Value:
    """The inverse has the same form, of which the left half says everything."""
    found = F.inverse(as_real(F, a))
    return parts_above(F, take_range(F, found, a.rank - 1, 0, a.dims[-1]))
