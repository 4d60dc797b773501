"""Random bits as a function: ``threefry(key, counter)`` is 64 bits that look random, the same ones at every call.

Threefry-2x32 with 20 rounds: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1,
2, 3, SC11 (2011). A word of 64 bits holds two of 32, the first of the paper's pair in its upper half. Each element is
made of its own counter alone, so its bits depend neither on the number of threads nor on what is drawn beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir.opdef import NotDifferentiable, Op, Pointwise
from graphc.ir.types import DTYPES, ArrayType
from graphc.ops.printing import helper

U32, U64 = DTYPES["u32"], DTYPES["u64"]
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))  # of four rounds each, in turn
PARITY = 0x1BD11BDA  # what the third word of the key is mixed with
HALF = np.uint64(32)


def halves(words: Any) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower 32 bits."""
    words = np.asarray(words, U64)
    return (words >> HALF).astype(U32), words.astype(U32)


def joined(upper: Any, lower: Any) -> np.ndarray:
    return (np.asarray(upper, U64) << HALF) | np.asarray(lower, U64)


def threefry(key: Any, counter: Any) -> np.ndarray:
    """64 bits for each key and counter, arrays of uint64 that broadcast.

    >>> hex(threefry(0, 0))
    '0x6b20015999ba4efe'
    """
    upper, lower = halves(key)
    words = (upper, lower, upper ^ lower ^ U32.type(PARITY))
    first, second = halves(counter)
    with np.errstate(over="ignore"):  # of numbers without dimensions NumPy says that they wrap
        first, second = first + words[0], second + words[1]
        for group in range(5):
            for turn in ROTATIONS[group % 2]:
                first = first + second
                second = (second << U32.type(turn)) | (second >> U32.type(32 - turn))
                second = second ^ first
            first = first + words[(group + 1) % 3]
            second = second + words[(group + 2) % 3] + U32.type(group + 1)
    return joined(first, second)


def _of_words(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    return U64, U64, U64


THREEFRY = [
    Op("threefry", Pointwise(2), threefry, NotDifferentiable("random bits"), expr=helper("threefry", 2),
       dtypes=_of_words, cost=40),
]  # fmt: skip
