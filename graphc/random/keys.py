"""Keys, and the bits that they stand for.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import ShapeError, TraceTypeError
from graphc.trace.direct_ops import apply_op
from graphc.trace.location import user_location
from graphc.trace.made import is_constant
from graphc.trace.tracer import Tracer

BIT_DTYPES = (np.dtype(np.uint64), np.dtype(np.uint32), np.dtype(np.uint16), np.dtype(np.uint8))


def key(seed: Any) -> Any:
    """The key of a seed, an integer of up to 64 bits: an array of two uint32.

    >>> graphc.random.key(2**32 + 7)
    array([1, 7], dtype=uint32)

    Raises ``TraceTypeError`` for what is no integer.
    """
    number = array_of(seed)
    if number.ndim or number.dtype.kind not in "iu":
        message = f"graphc.random.key takes an integer of up to 64 bits, got {seed!r}"
        raise TraceTypeError(message, location=user_location())
    return pair_of(number.astype(np.uint64))


def split(key: Any, num: Any = 2) -> Any:
    """``num`` new keys of one, which from then on should not be used: shape ``(num, 2)``, or ``(*num, 2)``.

    >>> first, second = graphc.random.split(graphc.random.key(0))
    >>> first
    array([1797259609, 2579123966], dtype=uint32)
    """
    return pair_of(apply_op("threefry", word_of(key), counters(shape_of(num))))


def fold_in(key: Any, data: Any) -> Any:
    """Another key for each integer, of which the lower 32 bits count: for the steps of a loop.

    >>> graphc.random.fold_in(graphc.random.key(0), 3)
    array([2467461003, 3840466878], dtype=uint32)
    """
    number = array_of(data)
    if number.dtype.kind not in "iu":
        raise TraceTypeError(f"graphc.random.fold_in takes an integer, got {data!r}", location=user_location())
    return pair_of(apply_op("threefry", word_of(key), number.astype(np.uint32).astype(np.uint64)))


def bits(key: Any, shape: Any = (), dtype: Any = np.uint32) -> Any:
    """Random bits in an unsigned dtype.

    >>> graphc.random.bits(graphc.random.key(0), (2,))
    array([4070199207, 4202968722], dtype=uint32)
    """
    wanted = np.dtype(dtype)
    if wanted not in BIT_DTYPES:
        message = f"graphc.random.bits gives uint64, uint32, uint16 or uint8, not {wanted}"
        raise TraceTypeError(message, location=user_location())
    words = apply_op("threefry", word_of(key), counters(shape_of(shape)))
    if wanted == np.uint64:
        return words
    return ((words >> np.uint64(32)) ^ words).astype(np.uint32).astype(wanted)


def array_of(x: Any, dtype: Any = None) -> Any:
    """``np.asarray``, of traced arrays too where the function that calls has no source to be rewritten from."""
    if isinstance(x, Tracer) and not is_constant(x):
        return x if dtype is None else x.astype(dtype)
    return np.asarray(x, dtype)


# --- between keys and words -------------------------------------------------------------------------------------------


def word_of(key: Any) -> Any:
    """The key's 64 bits."""
    key = array_of(key)
    if key.dtype != np.uint32:
        message = f"a key is an array of two uint32, made by graphc.random.key(seed); this one has dtype {key.dtype}"
        raise TraceTypeError(message, location=user_location())
    if key.ndim != 1 or key.shape[0] != 2:
        message = (
            f"one key is an array of two uint32, this has {key.ndim} dimensions: for each of several keys "
            "take keys[i], or graphc.vmap over them"
        )
        raise ShapeError(message, location=user_location())
    return (key[0].astype(np.uint64) << np.uint64(32)) | key[1].astype(np.uint64)


def pair_of(words: Any) -> Any:
    """Words as keys, with an axis of two at the end."""
    return np.stack([(words >> np.uint64(32)).astype(np.uint32), words.astype(np.uint32)], axis=-1)


def counters(shape: tuple[Any, ...]) -> Any:
    """0, 1, 2, ... in that shape."""
    size: Any = 1
    for length in shape:
        size = size * length
    return np.arange(size).astype(np.uint64).reshape(shape)


def shape_of(shape: Any, *parameters: Any) -> tuple[Any, ...]:
    """The shape as a tuple; that of the parameters together where it is None."""
    if shape is None:
        return np.shape(np.broadcast_arrays(*parameters)[0])
    if isinstance(shape, list | tuple):
        return tuple(shape)
    return (shape,)
