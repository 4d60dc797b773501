"""Factors of matrices: ``qr lu lu_factor lu_solve``, batched."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import I64, ArrayType
from graphc.ops.elimination import into
from graphc.ops.matrices import adjoint, columns, conjugate, rows_of, triangle
from graphc.trace.functions.arguments import Implementation, as_array, shape_error, unsupported
from graphc.trace.functions.products import matmul
from graphc.trace.functions.slicing import take_range
from graphc.trace.functions.systems import answered, matrices, system, triangular


class QRResult(NamedTuple):
    """Orthogonal columns, and an upper triangle."""

    Q: Value
    R: Value


def qr(F: Builder, a: Any, mode: str = "reduced") -> Value | QRResult:
    """Orthogonal columns times an upper triangle; a wide matrix by its first square part."""
    value = matrices(F, "qr", a, square=False)
    rows, columns = value.dims[-2:]
    if mode not in ("reduced", "complete", "r"):
        raise unsupported(F, f"qr: mode={mode!r} is not supported; use 'reduced', 'complete' or 'r'")
    if F.facts.at_least(rows, columns):
        q, r = F.qr(value)
        if mode == "complete" and F.facts.at_least(rows, columns + 1):
            q = F.concat(q, F.completion(value), axis=q.rank - 1)
            r = F.concat(r, F.zeros(ArrayType(r.type.dtype, (*r.dims[:-2], rows - columns, columns))), axis=r.rank - 2)
    else:
        last = value.rank - 1
        q, first = F.qr(take_range(F, value, last, 0, rows))
        rest = matmul(F, adjoint(F, q), take_range(F, value, last, rows, columns - rows))
        r = F.concat(first, rest, axis=last)
    return r if mode == "r" else QRResult(q, r)


# --- elimination ------------------------------------------------------------------------------------------------------


def lu(
    F: Builder, a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True,
    p_indices: bool = False,
) -> tuple[Value, ...]:  # fmt: skip
    """``scipy.linalg.lu``: a permutation (or its positions), a unit lower and an upper triangle."""
    value = matrices(F, "lu", a, square=False)
    left, right, order, places, _ = F.elimination(value)
    if permute_l:
        return rows_of(F, left, places), right
    if p_indices:
        return F.cast(places, np.dtype(np.int32)), left, right
    rows = F.iota(dims=(value.dims[-2], value.dims[-2]), axis=0)
    return F.cast(F.eq(columns(F, order), rows), value.type.real_dtype), left, right


def lu_factor(F: Builder, a: Any, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Value, Value]:
    """Both triangles in one matrix, and with which row each was exchanged (int32), for ``lu_solve``."""
    value = matrices(F, "lu_factor", a, square=False)
    left, right, *_, exchanges = F.elimination(value)
    parts = (into(F, x, *value.dims[-2:]) for x in (triangle(F, left, lower=True, strict=True), right))
    return F.add(*parts), F.cast(exchanges, np.dtype(np.int32))


def lu_solve(
    F: Builder, lu_and_piv: Any, b: Any, trans: Any = 0, overwrite_b: bool = False, check_finite: bool = True
) -> Value:
    """The solution of A x = b (``trans=1``: A' x, 2: A* x) by the result of ``lu_factor``."""
    if trans not in (0, 1, 2):
        raise shape_error(F, f"lu_solve: trans={trans!r} is none of 0, 1, 2")
    packed, exchanges = lu_and_piv
    left, right, is_vector = system(F, "lu_solve", packed, b)
    exchanges = F.broadcast_to(F.cast(as_array(F, exchanges), I64), left.dims[:-1])
    order, places = F.exchanged(exchanges)
    if trans == 0:
        inner = triangular(F, left, rows_of(F, right, order), lower=True, unit=True, of_adjoint=False)
        return answered(F, triangular(F, left, inner, lower=False, unit=False, of_adjoint=False), is_vector)
    right = conjugate(F, right) if trans == 2 else right
    inner = F.triangular_solve(left, right, lower=False, unit=False, transposed=True)
    found = F.triangular_solve(left, inner, lower=True, unit=True, transposed=True)
    found = rows_of(F, conjugate(F, found) if trans == 2 else found, places)
    return answered(F, found, is_vector)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.linalg.qr": qr, "scipy.linalg.lu": lu, "scipy.linalg.lu_factor": lu_factor,
    "scipy.linalg.lu_solve": lu_solve,
}  # fmt: skip
