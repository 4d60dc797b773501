"""``scipy.linalg``'s functions that are a few lines beside ``qr`` and ``svd``, and Hessenberg's form."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import one_of
from graphc.trace.values import held


def qr(a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False,
       check_finite: bool = True) -> Any:  # fmt: skip
    """Orthogonal columns times an upper triangle; with pivoting of ``a[:, p]``, whose columns come by what is left of
    them. The order has no derivative: it is a constant of the factors. ``mode``: "full", "economic" or "r"."""
    one_of("scipy.linalg.qr", "mode", mode, ["full", "economic", "r"])
    a = np.asarray(a)
    order = _by_remainders(a) if pivoting else None
    if order is not None:
        a = a[:, order]
    q, r = np.linalg.qr(a, "reduced" if mode == "economic" else "complete")
    found = (r,) if mode == "r" else (q, r)
    return found if order is None else (*found, order.astype(np.int32))


def _by_remainders(a: Any) -> Any:
    """The columns in the order in which the largest remainder comes next; the first of equal ones."""
    if a.ndim != 2:
        raise ValueError(f"scipy.linalg.qr: pivoting=True takes one matrix, not an array of shape {a.shape}")
    rest = held(1.0 * a)
    order, places = np.arange(a.shape[1]), np.arange(a.shape[1])
    for k in range(min(a.shape[0], a.shape[1])):
        sizes = np.where(places < k, -1.0, np.sum(np.abs(rest) ** 2, axis=0))
        chosen = np.argmax(sizes)
        exchanged = np.where(places == k, chosen, np.where(places == chosen, k, places))
        rest, order = rest[:, exchanged], order[exchanged]
        column = rest[:, k] / np.sqrt(np.maximum(sizes[chosen], 1e-300))
        rest = rest - column[:, np.newaxis] * (np.conj(column) @ rest)
    return order


def hessenberg(a: Any, calc_q: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """H with zeros below its second diagonal, and with ``calc_q`` the unitary Q of ``a = Q H Q*``; by reflections.

    Source: G. H. Golub and C. F. Van Loan, Matrix Computations, section 7.4. A reflection whose column has only zeros
    to take away is left out, and has no derivative.
    """
    h = np.asarray(a) * 1.0
    if h.ndim != 2 or h.shape[0] != h.shape[1]:
        raise ValueError(f"scipy.linalg.hessenberg: an array of shape {h.shape} is no square matrix")
    q, rows = np.eye(h.shape[0], dtype=h.dtype), np.arange(h.shape[0])
    for k in range(h.shape[0] - (1 if h.dtype.kind == "c" else 2)):  # the last one makes a complex number real
        below = np.where(rows > k + 1, h[:, k], 0.0)
        left_over = np.sum(np.abs(below) ** 2)
        head = h[k + 1, k]
        needed = (left_over > 0) | (np.imag(head) != 0)
        size = np.sqrt(np.where(needed, left_over + np.abs(head) ** 2, 1.0))
        beta = np.where(np.real(head) < 0, size, -size)
        scale = np.where(needed, (beta - head) / beta, 0.0)
        v = np.where(rows == k + 1, 1.0, below / np.where(needed, head - beta, 1.0))
        h = h - (h @ v)[:, np.newaxis] * (scale * np.conj(v))
        h = h - (np.conj(scale) * v)[:, np.newaxis] * (np.conj(v) @ h)
        q = q - (q @ v)[:, np.newaxis] * (scale * np.conj(v))
    h = np.where(rows[:, np.newaxis] > rows + 1, 0.0, h)
    return (h, q) if calc_q else h


def orth(A: Any, rcond: Any = None) -> Any:
    """An orthonormal basis of the columns' space: left singular vectors, as many as the rank, which is a number of the
    run. Derivatives of the vectors are those of ``svd``; where values are equal, only of what the space decides."""
    a = np.asarray(A)
    u, s, _ = np.linalg.svd(a, full_matrices=False)
    return u[:, s > _negligible(a, s, rcond)]


def null_space(A: Any, rcond: Any = None, *, overwrite_a: bool = False, check_finite: bool = True,
               lapack_driver: str = "gesdd") -> Any:  # fmt: skip
    """An orthonormal basis of what the matrix takes to 0, as many columns as are missing to its rank. Its vectors are
    not SciPy's: no two of them are better than a rotation of them, and only what the space decides has a derivative.
    """
    a = np.asarray(A)
    _, s, vh = np.linalg.svd(a, full_matrices=True)
    small = s <= _negligible(a, s, rcond)
    beyond = np.ones(vh.shape[0] - s.shape[0], dtype=bool)
    return np.conj(vh[np.concatenate([small, beyond])].T)


def _negligible(a: Any, s: Any, rcond: Any) -> Any:
    share = np.finfo(s.dtype).eps * max(a.shape[0], a.shape[1]) if rcond is None else rcond
    return held(np.max(s, initial=0.0) * share)


def polar(a: Any, side: str = "right") -> Any:
    """A = U P (``side="left"``: P U) with orthonormal columns or rows, and P positive semidefinite."""
    w, s, vh = np.linalg.svd(np.asarray(a), full_matrices=False)
    if side not in ("left", "right"):
        raise ValueError(f"scipy.linalg.polar: side={side!r} is neither 'left' nor 'right'")
    positive = (np.conj(vh.T) * s) @ vh if side == "right" else (w * s) @ np.conj(w.T)
    return w @ vh, positive


def orthogonal_procrustes(A: Any, B: Any, check_finite: bool = True) -> Any:
    """The orthogonal R with the least ``norm(A @ R - B)``, and the sum of the singular values of ``A.T @ B``."""
    A, B = np.asarray(A), np.asarray(B)
    if A.ndim != 2 or A.shape != B.shape:
        raise ValueError(f"scipy.linalg.orthogonal_procrustes: no two matrices of one shape: {A.shape} and {B.shape}")
    u, w, vt = np.linalg.svd(np.conj(np.conj(B.T) @ A).T)
    return u @ vt, np.sum(w)


def subspace_angles(A: Any, B: Any) -> Any:
    """Angles between the spaces that the columns span (of full rank), descending.

    Small ones by their sines: A. V. Knyazev and M. E. Argentati, "Principal angles between subspaces in an A-based
    scalar product: algorithms and perturbation estimates" (2002).
    """
    first, second = (np.linalg.qr(np.asarray(x))[0] for x in (A, B))
    if first.shape[0] != second.shape[0]:
        raise ValueError(f"scipy.linalg.subspace_angles: {first.shape[0]} and {second.shape[0]} rows differ")
    inner = np.conj(first.T) @ second
    cosines = np.linalg.svd(inner, compute_uv=False)
    more = first.shape[1] >= second.shape[1]
    rest = second - first @ inner if more else first - second @ np.conj(inner.T)
    sines = np.linalg.svd(rest, compute_uv=False)
    large = np.arccos(np.clip(cosines[::-1], -1.0, 1.0))
    return np.where(cosines[::-1] ** 2 >= 0.5, np.arcsin(np.clip(sines, -1.0, 1.0)), large)


def rq(a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", check_finite: bool = True) -> Any:
    """A = R Q by the QR factorisation of the matrix read from its other end."""
    a = np.asarray(a)
    if mode not in ("full", "r", "economic"):
        raise ValueError(f"scipy.linalg.rq: mode={mode!r} is none of 'full', 'r' and 'economic'")
    turned = np.conj(a[::-1, ::-1].T)
    q, r = np.linalg.qr(turned, "reduced" if mode == "economic" else "complete")
    upper = np.conj(r.T)[::-1, ::-1]
    return upper if mode == "r" else (upper, np.conj(q.T)[::-1, ::-1])


FUNCTIONS = {
    f"scipy.linalg.{function.__name__}": function
    for function in (
        qr,
        hessenberg,
        orth,
        null_space,
        polar,
        orthogonal_procrustes,
        subspace_angles,
        rq,
    )
}
