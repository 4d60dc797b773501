"""``scipy.linalg``'s functions that are a few lines beside ``qr`` and ``svd``."""

from __future__ import annotations

from typing import Any

import numpy as np


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
    f"scipy.linalg.{function.__name__}": function for function in (polar, orthogonal_procrustes, subspace_angles, rq)
}
