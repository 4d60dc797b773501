"""``scipy.spatial.distance``: distances of vectors and between the rows of matrices, and helpers of ``scipy.optimize``.

The distance of equal points is differentiated as ``np.linalg.norm`` is: with gradient zero.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import one_of, refuse, refuse_shape


def _weighted(parts: Any, w: Any) -> Any:
    return parts if w is None else parts * w


def _share(above: Any, below: Any) -> Any:
    """The quotient, 0 where both are."""
    return np.where(below == 0, 0.0, above / np.where(below == 0, 1.0, below))


def sqeuclidean(u: Any, v: Any, w: Any = None) -> Any:
    return np.sum(_weighted((u - v) ** 2, w), axis=-1)


def _root(square: Any) -> Any:
    """The square root, whose derivative is zero at 0."""
    return np.where(square == 0, 0.0, np.sqrt(np.where(square == 0, 1.0, square)))


def euclidean(u: Any, v: Any, w: Any = None) -> Any:
    return _root(sqeuclidean(u, v, w))


def cityblock(u: Any, v: Any, w: Any = None) -> Any:
    return np.sum(_weighted(np.abs(u - v), w), axis=-1)


def chebyshev(u: Any, v: Any, w: Any = None) -> Any:
    """The largest difference; weights only choose."""
    return np.max(np.abs(u - v) if w is None else np.where(np.asarray(w) > 0, np.abs(u - v), 0.0), axis=-1)


def minkowski(u: Any, v: Any, p: Any = 2, w: Any = None) -> Any:
    if isinstance(p, int | float) and p == np.inf:
        return chebyshev(u, v, w)
    total = np.sum(_weighted(np.abs(u - v) ** p, w), axis=-1)
    return np.where(total == 0, 0.0, np.where(total == 0, 1.0, total) ** (1.0 / p))


def cosine(u: Any, v: Any, w: Any = None) -> Any:
    dot, uu, vv = (np.sum(_weighted(product, w), axis=-1) for product in (u * v, u * u, v * v))
    return np.clip(1.0 - dot / np.sqrt(uu * vv), 0.0, 2.0)


def correlation(u: Any, v: Any, w: Any = None, centered: Any = True) -> Any:
    if centered:
        share = 1.0 / u.shape[-1] if w is None else np.asarray(w) / np.sum(w)
        u = u - np.sum(u * share, axis=-1, keepdims=True)
        v = v - np.sum(v * share, axis=-1, keepdims=True)
    return cosine(u, v, w)


def canberra(u: Any, v: Any, w: Any = None) -> Any:
    return np.sum(_weighted(_share(np.abs(u - v), np.abs(u) + np.abs(v)), w), axis=-1)


def braycurtis(u: Any, v: Any, w: Any = None) -> Any:
    return np.sum(_weighted(np.abs(u - v), w), axis=-1) / np.sum(_weighted(np.abs(u + v), w), axis=-1)


def seuclidean(u: Any, v: Any, V: Any) -> Any:
    return _root(np.sum((u - v) ** 2 / V, axis=-1))


def mahalanobis(u: Any, v: Any, VI: Any) -> Any:
    d = u - v
    return _root(np.sum((d @ np.asarray(VI)) * d, axis=-1))


def hamming(u: Any, v: Any, w: Any = None) -> Any:
    """The share of numbers that differ: value only."""
    differ = (u != v) * 1.0
    return np.mean(differ, axis=-1) if w is None else np.sum(differ * w, axis=-1) / np.sum(w)


def jensenshannon(u: Any, v: Any, base: Any = None, *, axis: Any = 0, keepdims: Any = False) -> Any:
    """The root of the mean divergence of two lists of shares from their mean; both are scaled to the sum 1."""
    from scipy.special import rel_entr

    u, v = np.asarray(u) * 1.0, np.asarray(v) * 1.0
    u, v = u / np.sum(u, axis=axis, keepdims=True), v / np.sum(v, axis=axis, keepdims=True)
    middle = (u + v) / 2.0
    total = np.sum(rel_entr(u, middle) + rel_entr(v, middle), axis=axis, keepdims=keepdims)
    return _root(total / 2.0 if base is None else total / (2.0 * np.log(base)))


_METRICS: Mapping[str, Callable[..., Any]] = {
    "euclidean": euclidean, "sqeuclidean": sqeuclidean, "cityblock": cityblock, "chebyshev": chebyshev,
    "minkowski": minkowski, "cosine": cosine, "correlation": correlation, "canberra": canberra,
    "braycurtis": braycurtis, "seuclidean": seuclidean, "mahalanobis": mahalanobis, "hamming": hamming,
}  # fmt: skip


def _of_vectors(metric: Callable[..., Any]) -> Callable[..., Any]:
    """The public function: of two vectors of the same length."""
    name = metric.__name__

    def distance(u: Any, v: Any, *args: Any, **kwargs: Any) -> Any:
        u, v = np.asarray(u), np.asarray(v)
        if u.ndim != 1 or u.shape != v.shape:
            refuse_shape(f"scipy.spatial.distance.{name}: shapes {u.shape} and {v.shape} are not those of two vectors")
        return metric(u, v, *args, **kwargs)

    distance.__signature__ = inspect.signature(metric)  # type: ignore[attr-defined]
    distance.__name__ = name
    return distance


def cdist(XA: Any, XB: Any, metric: Any = "euclidean", *, p: Any = None, w: Any = None, V: Any = None,
          VI: Any = None) -> Any:  # fmt: skip
    """The distances (m, n) between the rows of (m, d) and of (n, d)."""
    XA, XB = _matrix("cdist", XA), _matrix("cdist", XB)
    options = _options("cdist", metric, p, w, V, VI)
    if metric == "seuclidean" and V is None:
        options["V"] = np.var(np.concatenate([XA, XB]), axis=0, ddof=1)
    if metric == "mahalanobis" and VI is None:
        options["VI"] = np.linalg.inv(np.cov(np.concatenate([XA, XB]).T)).T
    return _metric("cdist", metric)(XA[:, np.newaxis, :], XB[np.newaxis, :, :], **options)


def pdist(X: Any, metric: Any = "euclidean", *, p: Any = None, w: Any = None, V: Any = None, VI: Any = None) -> Any:
    """The distances between the rows of a matrix, each pair once, as a vector of m (m - 1) / 2."""
    X = _matrix("pdist", X)
    options = _options("pdist", metric, p, w, V, VI)
    if metric == "seuclidean" and V is None:
        options["V"] = np.var(X, axis=0, ddof=1)
    if metric == "mahalanobis" and VI is None:
        options["VI"] = np.linalg.inv(np.cov(X.T)).T
    rows, columns = np.triu_indices(X.shape[0], 1)
    return _metric("pdist", metric)(X[rows], X[columns], **options)


def _matrix(name: str, X: Any) -> Any:
    X = np.asarray(X) * 1.0
    if X.ndim != 2:
        refuse_shape(f"scipy.spatial.distance.{name}: an array of shape {X.shape} is no matrix of rows")
    return X


def _metric(name: str, metric: Any) -> Callable[..., Any]:
    if callable(metric):
        refuse(f"scipy.spatial.distance.{name}: metric= is a name on traced arrays; for a function use graphc.vmap")
    return _METRICS[one_of(f"scipy.spatial.distance.{name}", "metric", metric, list(_METRICS))]


def _options(name: str, metric: Any, p: Any, w: Any, V: Any, VI: Any) -> dict[str, Any]:
    """Those that are given, if the metric has them."""
    taken = {"minkowski": ["p", "w"], "seuclidean": ["V"], "mahalanobis": ["VI"]}.get(str(metric), ["w"])
    given = {key: a for key, a in {"p": p, "w": w, "V": V, "VI": VI}.items() if a is not None}
    for key in given:
        if key not in taken:
            refuse(f"scipy.spatial.distance.{name}: metric={metric!r} has no {key}=")
    return given


def squareform(X: Any, force: Any = "no", checks: Any = True) -> Any:
    """From the vector of ``pdist`` to the symmetric matrix with a zero diagonal, or back (the part above it)."""
    X = np.asarray(X)
    if X.ndim == 2 and force != "tomatrix":
        if checks and np.any(X != X.T):
            raise ValueError("scipy.spatial.distance.squareform: the matrix must be symmetric, or checks=False")
        return X[np.triu_indices(X.shape[0], 1)]
    if X.ndim != 1 or force == "tovector":
        refuse_shape(f"scipy.spatial.distance.squareform: shape {X.shape} with force={force!r}")
    count = X.shape[0]
    size = next((m for m in range(2 * int(count) + 2) if m * (m - 1) // 2 >= count and m > 0), 1)
    if size * (size - 1) // 2 != count:
        refuse_shape(f"scipy.spatial.distance.squareform: {count} is no number of pairs")
    square = np.zeros((size, size), X.dtype)
    rows, columns = np.triu_indices(size, 1)
    square[rows, columns] = X
    return square + square.T


# --- scipy.optimize ---------------------------------------------------------------------------------------------------


def rosen(x: Any) -> Any:
    """Rosenbrock's function, along the first axis."""
    x = np.asarray(x)
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2, axis=0)


def rosen_der(x: Any) -> Any:
    """Its gradient."""
    x = np.asarray(x)
    bend = 200.0 * (x[1:] - x[:-1] ** 2)
    none = np.zeros_like(x[:1]) * 1.0
    left = np.concatenate([-2.0 * x[:-1] * bend - 2.0 * (1 - x[:-1]), none])
    return left + np.concatenate([none, bend])


def rosen_hess(x: Any) -> Any:
    """Its Hessian, of a vector."""
    x = np.asarray(x)
    ends = np.array([1.0]), np.array([0.0])
    inner = np.concatenate([ends[1], np.full_like(x[1:], 200.0) * 1.0])
    diagonal = inner + np.concatenate([1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2, ends[1]])
    return np.diag(diagonal) + np.diag(-400.0 * x[:-1], 1) + np.diag(-400.0 * x[:-1], -1)


def rosen_hess_prod(x: Any, p: Any) -> Any:
    """The Hessian times a vector."""
    return rosen_hess(x) @ np.asarray(p)


FUNCTIONS = {
    **{f"scipy.spatial.distance.{name}": _of_vectors(metric) for name, metric in _METRICS.items()},
    **{f"scipy.spatial.distance.{f.__name__}": f for f in (cdist, pdist, squareform, jensenshannon)},
    **{f"scipy.optimize.{f.__name__}": f for f in (rosen, rosen_der, rosen_hess, rosen_hess_prod)},
}
