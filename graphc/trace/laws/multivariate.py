"""Laws of vectors: ``multivariate_normal`` and ``dirichlet``.

A covariance must be positive definite: its Cholesky factor is used, where SciPy takes the eigenvalues and can go on
with a singular one. What SciPy raises for the numbers themselves (a point off the simplex) is not known while tracing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.trace.laws.continuous import LOG_2PI, special
from graphc.trace.laws.frames import in_float64
from graphc.trace.location import user_location
from graphc.trace.protocol import run_function


def normal_logpdf(x: Any, mean: Any = None, cov: Any = 1.0) -> Any:
    """Of points x (..., d); a mean (d,); a covariance (d, d), or its diagonal (d,), or a number times the identity."""
    mean, factor, one = normal_parameters(mean, cov)
    x = points(in_float64(x), one)
    flat = np.reshape(x - mean, (-1, mean.shape[0]))
    white = run_function("scipy.linalg.solve_triangular", (factor, flat.T), {"lower": True})
    distance = np.reshape(np.sum(white * white, axis=0), x.shape[:-1])
    found = -0.5 * (mean.shape[0] * LOG_2PI + distance) - np.sum(np.log(np.diagonal(factor)))
    return found[0] if x.ndim == 2 and x.shape[0] == 1 else found


def normal_entropy(mean: Any = None, cov: Any = 1.0) -> Any:
    """``log det(2 pi e cov) / 2``."""
    mean, factor, _ = normal_parameters(mean, cov)
    return 0.5 * mean.shape[0] * (LOG_2PI + 1) + np.sum(np.log(np.diagonal(factor)))


def normal_parameters(mean: Any, cov: Any) -> tuple[Any, Any, bool]:
    """The mean, the covariance's factor, and whether the law is of one number."""
    cov = in_float64(1.0 if cov is None else cov)
    rank = np.ndim(cov)
    if mean is None:
        one = rank < 2
        mean = np.zeros(1 if one else cov.shape[0])
    else:
        mean = np.reshape(in_float64(mean), -1)
        one = bool(mean.shape[0] == 1)
    size = 1 if one else mean.shape[0]
    if one:
        cov = np.reshape(cov, (1, 1))
    elif rank == 0:
        cov = cov * np.eye(size)
    elif rank == 1:
        cov = np.diag(cov)
    if np.ndim(cov) != 2 or cov.shape[0] != cov.shape[1] or cov.shape[0] != size:
        message = f"multivariate_normal: cov of shape {cov.shape} does not go with a mean of {size} numbers"
        raise ShapeError(message, location=user_location())
    return mean, np.linalg.cholesky(cov), one


def points(x: Any, one: bool) -> Any:
    """The points with their components along the last axis, as SciPy reads them."""
    if np.ndim(x) == 0:
        return np.reshape(x, (1, 1))
    if np.ndim(x) > 1:
        return x
    return x[:, np.newaxis] if one else x[np.newaxis, :]


def dirichlet_logpdf(x: Any, alpha: Any) -> Any:
    """Of a point x (k,), or points (k, n); a component fewer (k - 1) is completed to the sum 1."""
    x, alpha = _simplex(in_float64(x), in_float64(alpha))
    powers = np.reshape(alpha, (-1,) + (1,) * (np.ndim(x) - 1)) - 1
    return np.sum(special().xlogy(powers, x), axis=0) - _log_beta(alpha)


def _simplex(x: Any, alpha: Any) -> tuple[Any, Any]:
    if np.ndim(alpha) != 1 or np.ndim(x) not in (1, 2):
        message = (
            f"dirichlet: alpha must be a vector and x a vector or matrix, not of shapes {alpha.shape} and {x.shape}"
        )
        raise ShapeError(message, location=user_location())
    if x.shape[0] != alpha.shape[0]:
        if x.shape[0] + 1 != alpha.shape[0]:
            message = f"dirichlet: x of shape {x.shape} does not go with alpha of {alpha.shape[0]} numbers"
            raise ShapeError(message, location=user_location())
        x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
    return x, alpha


def _log_beta(alpha: Any) -> Any:
    return np.sum(special().gammaln(alpha)) - special().gammaln(np.sum(alpha))


def dirichlet_entropy(alpha: Any) -> Any:
    alpha = in_float64(alpha)
    total = np.sum(alpha)
    digamma = special().digamma
    drift = (total - alpha.shape[0]) * digamma(total) - np.sum((alpha - 1) * digamma(alpha))
    return _log_beta(alpha) + drift


def dirichlet_mean(alpha: Any) -> Any:
    alpha = in_float64(alpha)
    return alpha / np.sum(alpha)


def dirichlet_var(alpha: Any) -> Any:
    alpha = in_float64(alpha)
    total = np.sum(alpha)
    return alpha * (total - alpha) / (total * total * (total + 1))


def normal_pdf(x: Any, mean: Any = None, cov: Any = 1.0) -> Any:
    return np.exp(normal_logpdf(x, mean, cov))


def dirichlet_pdf(x: Any, alpha: Any) -> Any:
    return np.exp(dirichlet_logpdf(x, alpha))


METHODS: dict[str, dict[str, Callable[..., Any]]] = {
    "multivariate_normal": {
        "logpdf": normal_logpdf, "pdf": normal_pdf, "entropy": normal_entropy,
    },
    "dirichlet": {
        "logpdf": dirichlet_logpdf, "pdf": dirichlet_pdf,
        "entropy": dirichlet_entropy, "mean": dirichlet_mean, "var": dirichlet_var,
    },
}  # fmt: skip
