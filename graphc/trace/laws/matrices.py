"""Laws of matrices, and Student's of vectors: ``wishart invwishart matrix_normal multivariate_t``.

Covariances must be positive definite: their Cholesky factors are used, which read the lower triangle.
Where there is no such law, with too few degrees of freedom, densities are NaN.
Source: A. K. Gupta, D. K. Nagar, Matrix Variate Distributions (1999), definitions 2.2.1, 3.2.1 and 3.4.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.trace.laws.continuous import LOG_2PI, special
from graphc.trace.laws.frames import in_float64
from graphc.trace.laws.multivariate import normal_logpdf, normal_parameters, points
from graphc.trace.location import user_location
from graphc.trace.protocol import run_function
from graphc.trace.values import infinite_sign


def student_logpdf(x: Any, loc: Any = None, shape: Any = 1, df: Any = 1) -> Any:
    """Of points x (..., d); a place (d,); a shape (d, d), or its diagonal (d,), or a number times the identity."""
    if infinite_sign(df) > 0:
        return normal_logpdf(x, loc, shape)
    df = in_float64(df)
    df = df * np.where(df > 0, 1.0, np.nan)
    mean, factor, one = normal_parameters(loc, shape)
    x = points(in_float64(x), one)
    white = _solved(factor, np.reshape(x - mean, (-1, mean.shape[0])).T)
    distance = np.reshape(np.sum(white * white, axis=0), x.shape[:-1])
    size, gammaln = mean.shape[0], special().gammaln
    peak = gammaln(0.5 * (df + size)) - gammaln(0.5 * df) - 0.5 * size * np.log(df * math.pi) - 0.5 * _log_det(factor)
    found = peak - 0.5 * (df + size) * np.log1p(distance / df)
    return found[0] if x.ndim == 2 and x.shape[0] == 1 else found


def _solved(factor: Any, right: Any) -> Any:
    return run_function("scipy.linalg.solve_triangular", (factor, right), {"lower": True})


def _log_det(factor: Any) -> Any:
    """Of the matrix whose Cholesky factor this is."""
    return 2 * np.sum(np.log(np.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)


def wishart_logpdf(x: Any, df: Any, scale: Any) -> Any:
    """Of a matrix x (d, d), or of n of them (d, d, n)."""
    x, df, scale, size = _matrices("wishart", x, df, scale)
    df = df * np.where(df > size - 1, 1.0, np.nan)
    of_x, of_scale = np.linalg.cholesky(x), np.linalg.cholesky(scale)
    trace = np.trace(np.linalg.solve(scale, x), axis1=-2, axis2=-1)
    found = 0.5 * (df - size - 1) * _log_det(of_x) - 0.5 * trace
    return found - 0.5 * df * (size * math.log(2) + _log_det(of_scale)) - _log_gamma(df, size)


def inverse_wishart_logpdf(x: Any, df: Any, scale: Any) -> Any:
    """Of a matrix x (d, d), or of n of them (d, d, n)."""
    x, df, scale, size = _matrices("invwishart", x, df, scale)
    df = df * np.where(df >= size, 1.0, np.nan)
    of_x, of_scale = np.linalg.cholesky(x), np.linalg.cholesky(scale)
    trace = np.trace(np.linalg.solve(x, np.broadcast_to(scale, x.shape)), axis1=-2, axis2=-1)
    found = -0.5 * (df + size + 1) * _log_det(of_x) - 0.5 * trace
    return found + 0.5 * df * (_log_det(of_scale) - size * math.log(2)) - _log_gamma(df, size)


def _matrices(name: str, x: Any, df: Any, scale: Any) -> tuple[Any, Any, Any, Any]:
    """The points (..., d, d), the degrees of freedom, the scale (d, d), and d."""
    x, df, scale = (in_float64(a) for a in (x, df, scale))
    if scale.ndim < 2:
        scale = np.diag(np.reshape(scale, -1))
    if x.ndim == 0:
        x = np.reshape(x, (1, 1))
    if x.ndim not in (2, 3) or scale.shape[0] != scale.shape[1] or x.shape[0] != x.shape[1]:
        message = f"{name}: points of shape {x.shape} and a scale of shape {scale.shape}; they are (d, d) or (d, d, n)"
        raise ShapeError(message, location=user_location())
    return (x if x.ndim == 2 else np.moveaxis(x, -1, 0)), df, scale, scale.shape[0]


def _log_gamma(df: Any, size: Any) -> Any:
    """The multivariate gamma function's logarithm at df / 2."""
    size = int(size)
    below = [special().gammaln(0.5 * (df - j)) for j in range(size)]
    return sum(below, start=0.25 * size * (size - 1) * math.log(math.pi))


def matrix_normal_logpdf(X: Any, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Any:
    """Of matrices X (..., m, n); a covariance of their rows (m, m) and one of their columns (n, n)."""
    x, rows, columns = (in_float64(a) for a in (X, rowcov, colcov))
    rows, columns = _covariance(rows, x.shape[-2]), _covariance(columns, x.shape[-1])
    off = x if mean is None else x - in_float64(mean)
    if rows.shape[0] != x.shape[-2] or columns.shape[0] != x.shape[-1]:
        message = f"matrix_normal: covariances {rows.shape} and {columns.shape} for matrices of shape {x.shape[-2:]}"
        raise ShapeError(message, location=user_location())
    of_rows, of_columns = np.linalg.cholesky(rows), np.linalg.cholesky(columns)
    white = np.linalg.solve(of_columns, np.swapaxes(np.linalg.solve(of_rows, off), -1, -2))
    m, n = x.shape[-2], x.shape[-1]
    spread = m * n * LOG_2PI + n * _log_det(of_rows) + m * _log_det(of_columns)
    return -0.5 * (spread + np.sum(white * white, axis=(-2, -1)))


def _covariance(given: Any, size: Any) -> Any:
    if given.ndim == 0:
        return given * np.eye(int(size))
    return np.diag(given) if given.ndim == 1 else given


def _density(logpdf: Callable[..., Any]) -> Callable[..., Any]:
    def pdf(*args: Any, **kwargs: Any) -> Any:
        return np.exp(logpdf(*args, **kwargs))

    return pdf


METHODS: dict[str, dict[str, Callable[..., Any]]] = {
    name: {"logpdf": logpdf, "pdf": _density(logpdf)}
    for name, logpdf in (
        ("multivariate_t", student_logpdf), ("wishart", wishart_logpdf), ("invwishart", inverse_wishart_logpdf),
        ("matrix_normal", matrix_normal_logpdf),
    )
}  # fmt: skip
