"""Printed routines that call LAPACK: what stands around one Fortran call for each matrix.

LAPACK counts by columns, so in a row-major matrix it sees the transpose. Where a routine can be chosen so that this is
what it should see (an upper triangle for a lower one, LQ for QR), nothing is transposed in memory. Letters are passed
as their codes; the distance between columns is at least 1, also where there are no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.abi import Lapack
from graphc.schedule.program import Call

U, L, N, T, R, S, V = (ord(letter) for letter in "ULNTRSV")


def subroutine(call: Call, name: str, arguments: str) -> str:
    """A call of the subroutine for the dtype: ``name`` is without its first letter."""
    letter = {"f64": "D", "f32": "S"}[call.dtype]
    return f"fortran(as_pointer_i64(library)[{int(Lapack[letter + name])}], {arguments})"


def lu(call: Call) -> str:
    """A with columns exchanged = L U, U with a unit diagonal: LAPACK's row exchanges of the transpose.

    Operands and results: A; L and U in one, positions of the columns, their inverse, sign, info; room: exchanges.
    """
    return f"""
    for e in range(start, stop):
        packed = at(b1, e * n0 * n1)
        for i in range(n0 * n1):
            packed[i] = b0[e * n0 * n1 + i]
        k = least(n0, n1)
        exchanges = at(b6, e * k)
        b5[e] = 0
        {subroutine(call, "GETRF", "n1, n0, packed, greatest(n1, 1), exchanges, at(b5, e)")}
        columns = at(b2, e * n1)
        for j in range(n1):
            columns[j] = j
        sign = 1
        for j in range(k):
            other = fortran_integer(exchanges, j, as_pointer_i64(library)[0]) - 1
            moved = columns[j]
            columns[j] = columns[other]
            columns[other] = moved
            sign = select(other == j, sign, -sign)
        for j in range(n1):
            b3[e * n1 + columns[j]] = j
        b4[e] = sign
"""


def cholesky_factor(call: Call) -> str:
    """L of the lower triangle, and info; its upper triangle is zero."""
    return f"""
    for e in range(start, stop):
        factor = at(b1, e * n0 * n0)
        for i in range(n0):
            for j in range(n0):
                factor[i * n0 + j] = select(j <= i, b0[(e * n0 + i) * n0 + j], cast_{call.dtype}(0.0))
        b2[e] = 0
        {subroutine(call, "POTRF", f"{U}, n0, factor, greatest(n0, 1), at(b2, e)")}
"""


def triangular_solve(call: Call) -> str:
    """X with T X = B, or T' X = B: in LAPACK's eyes X' T' = B', from the right."""
    uplo = U if "lower" in call.flags else L
    trans = T if "transposed" in call.flags else N
    diag = U if "unit" in call.flags else N
    first = f"{R}, {uplo}, {trans}, {diag}, n1, n0, cast_{call.dtype}(1.0)"
    return f"""
    for e in range(start, stop):
        result = at(b2, e * n0 * n1)
        for i in range(n0 * n1):
            result[i] = b1[e * n0 * n1 + i]
        {subroutine(call, "TRSM", f"{first}, at(b0, e * n0 * n0), greatest(n0, 1), result, greatest(n1, 1)")}
"""


def symmetric_eigen(call: Call) -> str:
    """Eigenvalues, eigenvectors as rows, info, of the lower triangle, which is written where LAPACK's own is: so signs
    are those of NumPy."""
    room = "reals, n_reals, integers, n_integers, at(b3, e)"
    return f"""
    n_reals = 2 * n0 * n0 + 6 * n0 + 1
    n_integers = 5 * n0 + 3
    for e in range(start, stop):
        vectors = at(b2, e * n0 * n0)
        for i in range(n0):
            for j in range(i + 1):
                vectors[j * n0 + i] = b0[(e * n0 + i) * n0 + j]
        reals = at(b4, e * n_reals)
        integers = at(b5, e * n_integers)
        b3[e] = 0
        {subroutine(call, "SYEVD", f"{V}, {L}, n0, vectors, greatest(n0, 1), at(b1, e * n0), {room}")}
"""


def singular(call: Call) -> str:
    """U', s, V, info: LAPACK sees the matrix itself, turned over in memory, so signs are those of NumPy."""
    lead = "greatest(n0, 1)"
    results = "at(b2, e * k), at(b1, e * n0 * k), greatest(n0, 1), at(b3, e * k * n1), greatest(k, 1)"
    return f"""
    k = least(n0, n1)
    n_reals = 4 * k * k + 7 * k + 64 * (n0 + n1) + 1
    for e in range(start, stop):
        turned = at(b5, e * n0 * n1)
        for i in range(n0):
            for j in range(n1):
                turned[j * n0 + i] = b0[(e * n0 + i) * n1 + j]
        reals = at(b6, e * n_reals)
        integers = at(b7, e * (8 * k + 1))
        b4[e] = 0
        {subroutine(call, "GESDD", f"{S}, n0, n1, turned, {lead}, {results}, reals, n_reals, integers, at(b4, e)")}
"""


def orthogonal(call: Call) -> str:
    """Q (m x n), R (n x n), info of a tall A (m x n): LQ of the transpose."""
    room = "greatest(n1, 1), scales, reals, size, at(b3, e)"
    return f"""
    size = 64 * greatest(n0, n1) + 1
    for e in range(start, stop):
        q = at(b1, e * n0 * n1)
        for i in range(n0 * n1):
            q[i] = b0[e * n0 * n1 + i]
        scales = at(b4, e * n1)
        reals = at(b5, e * size)
        b3[e] = 0
        {subroutine(call, "GELQF", f"n1, n0, q, {room}")}
        for i in range(n1):
            for j in range(n1):
                b2[(e * n1 + i) * n1 + j] = select(j >= i, q[i * n1 + j], cast_{call.dtype}(0.0))
        {subroutine(call, "ORGLQ", f"n1, n0, n1, q, {room}")}
"""


LAPACK_ROUTINES: Mapping[str, Callable[[Call], str]] = {
    "lu": lu, "cholesky_factor": cholesky_factor, "triangular_solve": triangular_solve,
    "symmetric_eigen": symmetric_eigen, "singular": singular, "orthogonal": orthogonal,
}  # fmt: skip
