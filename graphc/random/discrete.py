"""Discrete laws, permutations and choices: values, through which no derivative flows.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import NumberError
from graphc.random.continuous import exponential, gumbel, unit
from graphc.random.keys import array_of, bits, shape_of, split
from graphc.trace.location import user_location

F64 = np.dtype(np.float64)


def bernoulli(key: Any, p: Any = 0.5, shape: Any = None) -> Any:
    """True with probability ``p``."""
    return unit(key, shape_of(shape, p), F64) < p


def rademacher(key: Any, shape: Any = (), dtype: Any = np.int64) -> Any:
    """1 or -1, equally likely."""
    signs = (bits(key, shape) >> np.uint32(31)).astype(np.int64)
    return (2 * signs - 1).astype(dtype)


def categorical(key: Any, logits: Any, axis: Any = -1, shape: Any = None) -> Any:
    """Positions along the axis, with probabilities proportional to ``exp(logits)``.

    Args:
        logits: unnormalised logarithms of probabilities, of any shape.
        axis: the axis of the categories, which the result does not have.
        shape: of the result; its last axes are those of the logits without ``axis``.
    """
    logits = np.moveaxis(array_of(logits), axis, -1)
    size = np.shape(logits)[:-1] if shape is None else shape_of(shape)
    return np.argmax(gumbel(key, (*size, logits.shape[-1])) + logits, -1)


def randint(key: Any, shape: Any, minval: Any, maxval: Any, dtype: Any = np.int64) -> Any:
    """Integers from ``minval`` on and below ``maxval``, equally likely but for 2**-64 of them.

    >>> graphc.random.randint(graphc.random.key(0), (3,), 0, 6)
    array([3, 5, 5])
    """
    low, high = array_of(minval, np.int64), array_of(maxval, np.int64)
    span = np.maximum(high - low, 1).astype(np.uint64)
    first, second = split(key)
    size = shape_of(shape)
    upper, lower = bits(first, size, np.uint64), bits(second, size, np.uint64)
    power = np.uint64(2**32) % span
    power = power * power % span  # 2**64
    offset = (upper % span * power + lower % span) % span
    return (low + offset.astype(np.int64)).astype(dtype)


def permutation(key: Any, x: Any, axis: Any = 0, independent: bool = False) -> Any:
    """The parts of the array along the axis in random order; of an integer, those of ``np.arange(x)``.

    ``independent``: every line along the axis in an order of its own.

    >>> graphc.random.permutation(graphc.random.key(0), 5)
    array([1, 0, 4, 3, 2])
    """
    array = np.arange(x) if np.ndim(x) == 0 else array_of(x)
    if independent:
        order = np.argsort(bits(key, array.shape, np.uint64) >> np.uint64(1), axis=axis)
        return np.take_along_axis(array, order, axis)
    return np.take(array, _order(key, array.shape[axis]), axis)


def _order(key: Any, count: Any) -> Any:
    return np.argsort(bits(key, (count,), np.uint64) >> np.uint64(1))


def choice(key: Any, a: Any, shape: Any = (), replace: bool = True, p: Any = None, axis: Any = 0) -> Any:
    """Parts of the array along the axis (of an integer: of ``np.arange(a)``) at random, with probabilities ``p``.

    Raises ``NumberError`` where more parts than there are would be drawn without replacing them.
    """
    array = np.arange(a) if np.ndim(a) == 0 else array_of(a)
    count, size = array.shape[axis], shape_of(shape)
    wanted: Any = 1
    for length in size:
        wanted = wanted * length
    if not replace:
        if wanted > count:
            message = f"choice: {wanted} of {count} parts cannot be drawn without replacing them"
            raise NumberError(message, location=user_location())
        order = _order(key, count) if p is None else np.argsort(-gumbel(key, (count,)) - np.log(p))
        return np.take(array, order[:wanted].reshape(size), axis)
    if p is None:
        return np.take(array, randint(key, size, 0, count), axis)
    sums = np.cumsum(p)
    drawn = np.searchsorted(sums, unit(key, size, F64) * sums[-1], side="right")
    return np.take(array, np.minimum(drawn, count - 1), axis)


def geometric(key: Any, p: Any, shape: Any = None) -> Any:
    """How many trials of probability ``p`` it takes to the first success: 1 or more."""
    waited = exponential(key, shape_of(shape, p)) / -np.log1p(-array_of(p, F64))
    return np.floor(waited).astype(np.int64) + 1
