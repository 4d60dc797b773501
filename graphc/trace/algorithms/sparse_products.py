"""Products of ``scipy.sparse`` matrices, kept outside, with traced vectors and matrices: loops over the entries.

The arrays of the sparse matrix are read at each call, as all outside arrays are. LIL and DOK matrices have none: they
are converted outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import one_of, refuse, refuse_shape
from graphc.trace.leaves import is_sparse
from graphc.trace.values import lifted


def product(matrix: Any, x: Any) -> Any:
    """``matrix @ x`` for x (n,) or (n, k)."""
    kind = _known_format(matrix)
    count, length = matrix.shape
    if kind == "csr":
        return _by_rows(matrix, x, count, length)
    if kind == "csc":
        return _by_columns(matrix, x, count, length)
    if kind == "coo":
        return _by_entries(matrix.row, matrix.col, matrix.data, x, count, length)
    if kind == "bsr":
        return _by_blocks(matrix, x, count, length)
    return _by_diagonals(matrix, x, count, length)


def product_from_left(x: Any, matrix: Any) -> Any:
    """``x @ matrix`` for x (n,) or (k, n)."""
    kind = _known_format(matrix)
    count, length = matrix.shape
    if kind == "csr":
        return _by_columns(matrix, x.T, length, count).T
    if kind == "csc":
        return _by_rows(matrix, x.T, length, count).T
    if kind == "coo":
        return _by_entries(matrix.col, matrix.row, matrix.data, x.T, length, count).T
    return product(matrix.T, x.T).T


def _known_format(matrix: Any) -> str:
    if matrix.format not in ("csr", "csc", "coo", "bsr", "dia"):
        raise ValueError(
            f"a sparse matrix in {matrix.format.upper()} format times a traced array: convert it outside, by tocsr()"
        )
    return str(matrix.format)


def _by_rows(matrix: Any, x: Any, count: Any, length: Any) -> Any:
    """Each element of the result is a sum over the entries of a row."""
    starts, positions, entries = lifted(matrix.indptr), lifted(matrix.indices), lifted(matrix.data)
    y = _room(x, entries, count, length)
    for i in range(count):
        for k in range(starts[i], starts[i + 1]):
            y[i] += entries[k] * x[positions[k]]
    return y


def _by_columns(matrix: Any, x: Any, count: Any, length: Any) -> Any:
    """Each element of x goes to the rows of a column's entries."""
    starts, positions, entries = lifted(matrix.indptr), lifted(matrix.indices), lifted(matrix.data)
    y = _room(x, entries, count, length)
    for j in range(length):
        for k in range(starts[j], starts[j + 1]):
            y[positions[k]] += entries[k] * x[j]
    return y


def _by_entries(rows: Any, columns: Any, data: Any, x: Any, count: Any, length: Any) -> Any:
    rows, columns, entries = lifted(rows), lifted(columns), lifted(data)
    y = _room(x, entries, count, length)
    for k in range(entries.shape[0]):
        y[rows[k]] += entries[k] * x[columns[k]]
    return y


def _by_blocks(matrix: Any, x: Any, count: Any, length: Any) -> Any:
    """Blocks of r by c, those of a row of blocks one after the other."""
    starts, positions, entries = lifted(matrix.indptr), lifted(matrix.indices), lifted(matrix.data)
    r, c = matrix.blocksize
    y = _room(x, entries, count, length)
    for i in range(count // r):
        for k in range(starts[i], starts[i + 1]):
            for a in range(r):
                for b in range(c):
                    y[i * r + a] += entries[k, a, b] * x[positions[k] * c + b]
    return y


def _by_diagonals(matrix: Any, x: Any, count: Any, length: Any) -> Any:
    """The entry of a diagonal in column j stands at its j-th place."""
    offsets, entries = lifted(matrix.offsets), lifted(matrix.data)
    y = _room(x, entries, count, length)
    for d in range(entries.shape[0]):
        for j in range(min(entries.shape[1], length)):
            i = j - offsets[d]
            if (i >= 0) & (i < count):
                y[i] += entries[d, j] * x[j]
    return y


def _room(x: Any, entries: Any, count: Any, length: Any) -> Any:
    if x.ndim not in (1, 2) or x.shape[0] != length:
        raise ValueError(f"a sparse matrix of {length} columns times an array of shape {x.shape}")
    return np.zeros((count, *x.shape[1:]), np.result_type(entries.dtype, x.dtype))


SPARSE_PRODUCTS: Mapping[str, Any] = {"left": product, "right": product_from_left}  # by the side of the sparse operand


# --- equations --------------------------------------------------------------------------------------------------------


def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:
    """The solution of ``A x = b`` for a traced b, by a dense factorisation: for some thousand unknowns. The numbers of
    A are read at each call."""
    return np.linalg.solve(_dense("spsolve", A), np.asarray(b) * 1.0)


def iterative(name: str) -> Any:
    """A solver by iteration, whose solution the direct one stands for."""

    def solver(A: Any, b: Any, x0: Any = None, *, rtol: Any = 1e-5, atol: Any = 0.0, maxiter: Any = None, M: Any = None,
               restart: Any = None, callback: Any = None, callback_type: Any = None) -> Any:  # fmt: skip
        if callback is not None:
            refuse(f"scipy.sparse.linalg.{name}: callback= is not supported on traced arrays; leave it out")
        return np.linalg.solve(_dense(name, A), np.reshape(np.asarray(b) * 1.0, -1)), 0

    return solver


def _dense(name: str, matrix: Any) -> Any:
    if not is_sparse(matrix):
        if isinstance(matrix, np.ndarray):
            return np.asarray(matrix)
        refuse(
            f"scipy.sparse.linalg.{name}: of traced values A is a matrix, and no {type(matrix).__name__}; around a "
            "solver of yours write graphc.implicit_root"
        )
    count, length = matrix.shape
    if count != length:
        refuse_shape(f"scipy.sparse.linalg.{name}: a matrix of shape {matrix.shape} is not square")
    kind = _known_format(matrix)
    if kind not in ("csr", "csc", "coo"):
        refuse(f"scipy.sparse.linalg.{name}: a matrix in {kind.upper()} format; convert it outside, by tocsr()")
    entries = lifted(matrix.data)
    if kind == "coo":
        rows, columns = lifted(matrix.row), lifted(matrix.col)
    else:
        other = lifted(matrix.indices)
        own = np.searchsorted(lifted(matrix.indptr), np.arange(matrix.data.shape[0]), side="right") - 1
        rows, columns = (own, other) if kind == "csr" else (other, own)
    found = np.zeros((count, count), entries.dtype)
    np.add.at(found, (rows, columns), entries)
    return found


def solve_factored(factors: Any, rhs: Any, trans: str = "N") -> Any:
    """``splu(A).solve(rhs, trans)`` of a traced ``rhs`` (n,) or (n, k): loops over the entries of both triangles.

    The rows of A are those of L U at the positions ``perm_r``, its columns those at ``perm_c``.
    """
    one_of("SuperLU.solve", "trans", trans, ("N", "T", "H"))
    if trans == "H":
        return np.conj(solve_factored(factors, np.conj(rhs), "T"))
    lower, upper = factors.L, factors.U
    rows, columns, diagonal = lifted(factors.perm_r), lifted(factors.perm_c), lifted(upper.diagonal())
    ones = np.ones(diagonal.shape[0])
    y = _room(np.asarray(rhs), diagonal, factors.shape[0], factors.shape[0])
    if trans == "N":
        y[rows] = rhs
        _by_substitution(lower, ones, y, 0)
        _by_substitution(upper, diagonal, y, 1)
        return y[columns]
    y[columns] = rhs
    _by_products(upper, diagonal, y, 0)
    _by_products(lower, ones, y, 1)
    return y[rows]


def _by_substitution(triangle: Any, diagonal: Any, y: Any, back: int) -> None:
    """Solve ``T x = y``, column by column of T, from the last one ``back``; x stands in y then."""
    starts, positions, entries = lifted(triangle.indptr), lifted(triangle.indices), lifted(triangle.data)
    count = y.shape[0]
    for i in range(count):
        j = back * (count - 1 - i) + (1 - back) * i
        x = y[j] / diagonal[j]
        for k in range(starts[j], starts[j + 1]):
            y[positions[k]] -= entries[k] * x
        y[j] = x


def _by_products(triangle: Any, diagonal: Any, y: Any, back: int) -> None:
    """Solve ``T.T x = y``, a row of the transpose after the other, from the last one ``back``; x stands in y then."""
    starts, positions, entries = lifted(triangle.indptr), lifted(triangle.indices), lifted(triangle.data)
    count = y.shape[0]
    for i in range(count):
        j = back * (count - 1 - i) + (1 - back) * i
        x = y[j] * 1.0
        y[j] = 0.0
        for k in range(starts[j], starts[j + 1]):
            x = x - entries[k] * y[positions[k]]
        y[j] = x / diagonal[j]


FUNCTIONS = {
    "scipy.sparse.linalg.spsolve": spsolve,
    **{f"scipy.sparse.linalg.{name}": iterative(name) for name in ("cg", "gmres", "bicgstab", "minres")},
}
