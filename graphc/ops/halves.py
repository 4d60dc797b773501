"""Half precision as storage: 16 bits an element in memory, single precision in registers.

An array of halves comes into a program as the bits that it consists of, uint16, is widened where it is read, and
narrowed where a result is stored. All arithmetic is in between, in float32; no gradient flows through the bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir.opdef import NotDifferentiable, Op, Pointwise
from graphc.ir.types import DTYPES, F32, ArrayType
from graphc.ops.printing import helper

U16 = DTYPES["u16"]
BITS = NotDifferentiable("the bits of a number")


def widen(bits: Any) -> np.ndarray:
    """The halves with these bits, as float32: exact."""
    return np.asarray(bits, np.uint16).view(np.float16).astype(np.float32)


def narrow(x: Any) -> np.ndarray:
    """The bits of the nearest halves, of two equally near ones the even one; infinity from 65520 on."""
    with np.errstate(over="ignore"):
        return np.asarray(np.asarray(x, np.float32).astype(np.float16)).view(np.uint16)


def _widening(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    return U16, F32


def _narrowing(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    return F32, U16


HALVES = [
    Op("widen_half", Pointwise(1), widen, BITS, expr=helper("widen_half"), dtypes=_widening, cost=6),
    Op("narrow_half", Pointwise(1), narrow, BITS, expr=helper("narrow_half"), dtypes=_narrowing, cost=12),
]
