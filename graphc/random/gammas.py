"""The gamma law and those that are made of it; differentiable by their parameters (see ``gamma_paths``).

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.api import stop_gradient
from graphc.errors import ShapeError
from graphc.random.continuous import exponential, float_dtype, in_dtype, normal
from graphc.random.gamma_paths import followed
from graphc.random.keys import fold_in, shape_of, split
from graphc.trace.direct_ops import apply_op
from graphc.trace.location import user_location


def gamma(key: Any, a: Any, shape: Any = None, dtype: Any = np.float64) -> Any:
    """Density ``x**(a - 1) exp(-x) / Gamma(a)``: divide by a rate.

    The derivative by ``a`` is that of the quantile function at the sample's own place.

    >>> key = graphc.random.key(0)
    >>> graphc.random.gamma(key, 2.5)
    np.float64(1.3486464061755...)
    >>> graphc.grad(lambda a: graphc.random.gamma(key, a))(2.5)
    np.float64(0.7712754431898...)

    NaN where ``a`` is not positive and finite.
    """
    return np.exp(loggamma(key, a, shape, dtype))


def loggamma(key: Any, a: Any, shape: Any = None, dtype: Any = np.float64) -> Any:
    """The logarithm of a gamma sample, which for small ``a`` may lie below all floating-point numbers itself."""
    wanted = float_dtype(dtype)
    parameter = np.broadcast_to(in_dtype(a, wanted), shape_of(shape, a))
    return followed(parameter, stop_gradient(_log_gamma(key, stop_gradient(parameter))))


def _log_gamma(key: Any, a: Any) -> Any:
    """By rejection: G. Marsaglia, W. Tsang, A simple method for generating gamma variables, ACM TOMS 26 (2000).

    A shape parameter below 1 is raised by 1, and the sample multiplied by a uniform number to the power of 1/a.
    """
    trials, lift = split(key)
    legal = (a > 0) & np.isfinite(a)
    safe = np.where(legal, a, 1.0)
    small = safe < 1
    third = np.where(small, safe + 1, safe) - 1 / 3
    width = 1 / (3 * np.sqrt(third))
    log_cube = np.zeros_like(a)
    open_ = legal
    trial = 0
    while np.any(open_):
        for_normal, for_choice = split(fold_in(trials, trial))
        x = normal(for_normal, a.shape, a.dtype)
        root = 1 + width * x
        logarithm = 3 * np.log(np.where(root > 0, root, 1.0))
        limit = x * x / 2 + third * (1 - root**3 + logarithm)
        accepted = open_ & (root > 0) & (-exponential(for_choice, a.shape, a.dtype) < limit)
        log_cube = np.where(accepted, logarithm, log_cube)
        open_ = open_ & ~accepted
        trial = trial + 1
    lifted = np.where(small, exponential(lift, a.shape, a.dtype) / safe, 0.0)
    return np.where(legal, np.log(third) + log_cube - lifted, np.nan).astype(a.dtype)


def chisquare(key: Any, df: Any, shape: Any = None, dtype: Any = np.float64) -> Any:
    """The sum of ``df`` squares of normal numbers; ``df`` need not be whole."""
    return 2 * gamma(key, in_dtype(df, float_dtype(dtype)) / 2, shape, dtype)


def beta(key: Any, a: Any, b: Any, shape: Any = None, dtype: Any = np.float64) -> Any:
    """Density ``x**(a - 1) (1 - x)**(b - 1) / B(a, b)``; differentiable by both."""
    size = shape_of(shape, a, b)
    first, second = split(key)
    return apply_op("expit", loggamma(first, a, size, dtype) - loggamma(second, b, size, dtype))


def dirichlet(key: Any, alpha: Any, shape: Any = None, dtype: Any = np.float64) -> Any:
    """Vectors of shares, which add up to 1: ``alpha`` has shape ``(..., n)``, ``shape`` is without the last axis."""
    wanted = float_dtype(dtype)
    alpha = in_dtype(alpha, wanted)
    if np.ndim(alpha) < 1:
        raise ShapeError("dirichlet: alpha is a vector, or a stack of them", location=user_location())
    size = np.shape(alpha) if shape is None else (*shape_of(shape), alpha.shape[-1])
    logarithms = loggamma(key, alpha, size, wanted)
    parts = np.exp(logarithms - stop_gradient(np.max(logarithms, -1, keepdims=True)))
    return parts / np.sum(parts, -1, keepdims=True)


def student_t(key: Any, df: Any, shape: Any = None, dtype: Any = np.float64) -> Any:
    """Student's law with ``df`` degrees of freedom, which it is differentiable by."""
    wanted = float_dtype(dtype)
    size = shape_of(shape, df)
    first, second = split(key)
    half = in_dtype(df, wanted) / 2
    return normal(first, size, wanted) * np.exp((np.log(half) - loggamma(second, half, size, wanted)) / 2)


t = student_t  # as JAX has it


def f(key: Any, dfnum: Any, dfden: Any, shape: Any = None, dtype: Any = np.float64) -> Any:
    """The ratio of two chi-square samples, each divided by its degrees of freedom."""
    wanted = float_dtype(dtype)
    size = shape_of(shape, dfnum, dfden)
    first, second = split(key)
    over, under = in_dtype(dfnum, wanted) / 2, in_dtype(dfden, wanted) / 2
    ratio = loggamma(first, over, size, wanted) - loggamma(second, under, size, wanted)
    return np.exp(ratio) * (under / over)
