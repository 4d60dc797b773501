"""``scipy.linalg``'s functions of banded matrices. They are computed as whole matrices: for some hundred rows.

Bands stand as LAPACK stores them: ``ab[u + i - j, j] == a[i, j]`` of a matrix with u diagonals above the main one.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def solve_banded(
    l_and_u: Any, ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """``a x = b`` for a matrix with ``l`` diagonals below the main one and ``u`` above."""
    below, above = l_and_u
    ab = np.asarray(ab)
    if ab.shape[-2] != below + above + 1:
        raise ValueError(f"scipy.linalg.solve_banded: {ab.shape[-2]} rows of ab, where (l, u) = {(below, above)}")
    return np.linalg.solve(_whole(ab, above), np.asarray(b))


def solveh_banded(
    ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, lower: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """``a x = b`` for a positive definite matrix of which one side is given, by Cholesky factors."""
    factor = np.linalg.cholesky(_hermitian(np.asarray(ab), lower))
    inner = np.linalg.solve(factor, np.asarray(b))
    return np.linalg.solve(np.conj(factor.T), inner)


def eig_banded(
    a_band: Any, lower: bool = False, eigvals_only: bool = False, overwrite_a_band: bool = False, select: Any = "a",
    select_range: Any = None, max_ev: int = 0, check_finite: bool = True,
) -> Any:  # fmt: skip
    """Eigenvalues and vectors of a Hermitian matrix of which one side is given; all, or by positions."""
    whole = _hermitian(np.asarray(a_band), lower)
    if eigvals_only:
        return np.linalg.eigvalsh(whole)[_selected(select, select_range)]
    values, vectors = np.linalg.eigh(whole)
    chosen = _selected(select, select_range)
    return values[chosen], vectors[:, chosen]


def eigvals_banded(
    a_band: Any, lower: bool = False, overwrite_a_band: bool = False, select: Any = "a", select_range: Any = None,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    return eig_banded(a_band, lower, True, select=select, select_range=select_range)


def eigh_tridiagonal(
    d: Any, e: Any, eigvals_only: bool = False, select: Any = "a", select_range: Any = None, check_finite: bool = True,
    tol: float = 0.0, lapack_driver: str = "auto",
) -> Any:  # fmt: skip
    """Of the symmetric matrix with the diagonal d and e beside it; all, or by positions."""
    d, e = np.asarray(d), np.asarray(e)
    band = np.stack([d, np.concatenate([e, np.zeros(1, e.dtype)])])
    return eig_banded(band, True, eigvals_only, select=select, select_range=select_range)


def eigvalsh_tridiagonal(
    d: Any, e: Any, select: Any = "a", select_range: Any = None, check_finite: bool = True, tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Any:  # fmt: skip
    return eigh_tridiagonal(d, e, True, select, select_range)


def _whole(ab: Any, above: int) -> Any:
    """The matrix of the bands: every diagonal of it is read, and masked where there is none."""
    size = ab.shape[-1]
    row = above + np.arange(size)[:, np.newaxis] - np.arange(size)
    inside = (row >= 0) & (row < ab.shape[-2])
    return np.where(inside, ab[np.where(inside, row, 0), np.arange(size)], 0.0).astype(ab.dtype)


def _hermitian(ab: Any, lower: bool) -> Any:
    """The matrix of which one side is given; ``eigh`` and ``cholesky`` read the lower one."""
    return _whole(ab, 0) if lower else np.conj(_whole(ab, ab.shape[-2] - 1).T)


def _selected(select: Any, chosen: Any) -> slice:
    if select in ("a", "all", 0):
        return slice(None)
    if select in ("i", "index", 2):
        first, last = chosen
        return slice(first, last + 1)
    raise ValueError(f"scipy.linalg: select={select!r} counts eigenvalues in a range; use 'a' or 'i'")


FUNCTIONS = {
    f"scipy.linalg.{function.__name__}": function
    for function in (
        solve_banded, solveh_banded, eig_banded, eigvals_banded, eigh_tridiagonal, eigvalsh_tridiagonal,
    )
}  # fmt: skip
