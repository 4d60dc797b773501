"""Continuous laws whose samples are a formula of uniform ones, and so are differentiable as that formula.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import ShapeError, TraceTypeError
from graphc.random.keys import array_of, bits, shape_of
from graphc.trace.direct_ops import apply_op
from graphc.trace.location import user_location

ROOT_TWO = 2.0**0.5


def float_dtype(dtype: Any) -> np.dtype:
    """float64 or float32; raises ``TraceTypeError`` for another one."""
    wanted = np.dtype(dtype)
    if wanted not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise TraceTypeError(f"graphc.random gives float64 or float32, not {wanted}", location=user_location())
    return wanted


def unit(key: Any, shape: tuple[Any, ...], dtype: np.dtype) -> Any:
    """Multiples of 2**-52 (float32: 2**-23) in [0, 1), equally likely each."""
    if dtype == np.float32:
        return (bits(key, shape) >> np.uint32(9)).astype(np.int32).astype(np.float32) * np.float32(2.0**-23)
    return (bits(key, shape, np.uint64) >> np.uint64(12)).astype(np.int64) * 2.0**-52


def uniform(key: Any, shape: Any = (), dtype: Any = np.float64, minval: Any = 0.0, maxval: Any = 1.0) -> Any:
    """From ``minval`` on and below ``maxval``; differentiable by both, which broadcast with the shape.

    >>> graphc.random.uniform(graphc.random.key(0), (2,))
    array([0.41845711, 0.21629545])
    """
    wanted = float_dtype(dtype)
    low, high = in_dtype(minval, wanted), in_dtype(maxval, wanted)
    return unit(key, shape_of(shape), wanted) * (high - low) + low


def normal(key: Any, shape: Any = (), dtype: Any = np.float64) -> Any:
    """The standard normal law: ``mean + std * graphc.random.normal(key, shape)`` is any other.

    >>> graphc.random.normal(graphc.random.key(0), (2,))
    array([-0.20584214, -0.78476578])
    """
    wanted = float_dtype(dtype)
    low = np.nextafter(wanted.type(-1.0), wanted.type(0.0))
    symmetric = unit(key, shape_of(shape), wanted) * (wanted.type(1.0) - low) + low
    return apply_op("erfinv", symmetric) * wanted.type(ROOT_TWO)


def lognormal(key: Any, sigma: Any = 1.0, shape: Any = None, dtype: Any = np.float64) -> Any:
    """exp of a normal number of mean 0 and standard deviation ``sigma``."""
    wanted = float_dtype(dtype)
    return np.exp(normal(key, shape_of(shape, sigma), wanted) * in_dtype(sigma, wanted))


def exponential(key: Any, shape: Any = (), dtype: Any = np.float64) -> Any:
    """Density ``exp(-x)`` for x >= 0: divide by a rate."""
    return -np.log1p(-unit(key, shape_of(shape), float_dtype(dtype)))


def laplace(key: Any, shape: Any = (), dtype: Any = np.float64) -> Any:
    """Density ``exp(-|x|) / 2``."""
    wanted = float_dtype(dtype)
    low = wanted.type(np.finfo(wanted).epsneg) - wanted.type(1.0)
    symmetric = unit(key, shape_of(shape), wanted) * (wanted.type(1.0) - low) + low
    return np.sign(symmetric) * np.log1p(-np.abs(symmetric))


def logistic(key: Any, shape: Any = (), dtype: Any = np.float64) -> Any:
    """Distribution function ``1 / (1 + exp(-x))``."""
    inside = _positive_unit(key, shape, float_dtype(dtype))
    return np.log(inside) - np.log1p(-inside)


def gumbel(key: Any, shape: Any = (), dtype: Any = np.float64) -> Any:
    """Distribution function ``exp(-exp(-x))``; the position of the largest of ``logits + gumbel`` is categorical."""
    return -np.log(-np.log(_positive_unit(key, shape, float_dtype(dtype))))


def cauchy(key: Any, shape: Any = (), dtype: Any = np.float64) -> Any:
    """Density ``1 / (pi (1 + x^2))``."""
    wanted = float_dtype(dtype)
    return np.tan(wanted.type(np.pi) * (_positive_unit(key, shape, wanted) - wanted.type(0.5)))


def _positive_unit(key: Any, shape: Any, dtype: np.dtype) -> Any:
    """In (0, 1): the least number is half of the next one, so that logarithms are finite."""
    found = unit(key, shape_of(shape), dtype)
    return np.where(found == 0.0, dtype.type(np.finfo(dtype).eps / 2), found)


def pareto(key: Any, b: Any, shape: Any = None, dtype: Any = np.float64) -> Any:
    """Density ``b / x**(b + 1)`` for x >= 1; differentiable by ``b``."""
    wanted = float_dtype(dtype)
    return np.exp(exponential(key, shape_of(shape, b), wanted) / in_dtype(b, wanted))


def rayleigh(key: Any, scale: Any = 1.0, shape: Any = None, dtype: Any = np.float64) -> Any:
    """The length of a vector of two normal numbers of standard deviation ``scale``."""
    wanted = float_dtype(dtype)
    return in_dtype(scale, wanted) * np.sqrt(2 * exponential(key, shape_of(shape, scale), wanted))


def weibull_min(key: Any, scale: Any, concentration: Any, shape: Any = None, dtype: Any = np.float64) -> Any:
    """Distribution function ``1 - exp(-(x / scale)**concentration)``; differentiable by both."""
    wanted = float_dtype(dtype)
    size = shape_of(shape, scale, concentration)
    return in_dtype(scale, wanted) * exponential(key, size, wanted) ** (1 / in_dtype(concentration, wanted))


def truncated_normal(key: Any, lower: Any, upper: Any, shape: Any = None, dtype: Any = np.float64) -> Any:
    """A standard normal number between the two bounds; differentiable by them.

    By the quantile function, in the tail where the interval lies: bounds far out lose no digits.

    >>> bool(9.0 < graphc.random.truncated_normal(graphc.random.key(0), 9.0, np.inf) < 10.0)
    True
    """
    wanted = float_dtype(dtype)
    low, high = (array_of(bound, np.float64) for bound in (lower, upper))
    upwards = low + high > 0  # the mirrored interval has its numbers near 0, not near 1
    first, last = np.where(upwards, -high, low), np.where(upwards, -low, high)
    below, above = apply_op("ndtr", first), apply_op("ndtr", last)
    share = _positive_unit(key, shape_of(shape, lower, upper), np.dtype(np.float64))
    drawn = np.clip(apply_op("ndtri", below + share * (above - below)), first, last)
    return np.where(upwards, -drawn, drawn).astype(wanted)


def multivariate_normal(
    key: Any, mean: Any, cov: Any, shape: Any = None, dtype: Any = np.float64, method: str = "cholesky"
) -> Any:
    """Vectors of that mean and covariance, which may be stacks; differentiable by both.

    Args:
        mean: shape ``(..., n)``.
        cov: shape ``(..., n, n)``, positive definite (method ``"cholesky"``) or semidefinite (``"eigh"``, ``"svd"``).
        shape: of the result without its last axis.
        method: which root of the covariance is taken.
    """
    wanted = float_dtype(dtype)
    mean, cov = in_dtype(mean, wanted), in_dtype(cov, wanted)
    if np.ndim(mean) < 1 or np.ndim(cov) < 2:
        raise ShapeError("multivariate_normal: the mean is a vector and cov a matrix", location=user_location())
    if shape is None:
        shape = shape_of(None, mean[..., 0], cov[..., 0, 0])
    drawn = normal(key, (*shape_of(shape), mean.shape[-1]), wanted)
    return mean + np.matmul(_root(cov, method), drawn[..., None])[..., 0]


def _root(cov: Any, method: str) -> Any:
    """A matrix that, times its transpose, is the covariance."""
    if method == "cholesky":
        return np.linalg.cholesky(cov)
    if method == "eigh":
        values, vectors = np.linalg.eigh(cov)
        return vectors * np.sqrt(values)[..., None, :]
    if method == "svd":
        left, values, _ = np.linalg.svd(cov)
        return left * np.sqrt(values)[..., None, :]
    message = f"multivariate_normal: method is 'cholesky', 'eigh' or 'svd', not {method!r}"
    raise TraceTypeError(message, location=user_location())


def in_dtype(parameter: Any, dtype: np.dtype) -> Any:
    """The parameter of a law in the dtype of its samples."""
    return array_of(parameter, dtype)
