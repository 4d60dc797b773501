"""Half precision as storage: 16 bits an element in memory, single precision in registers.

What is scheduled has the bits of halves, uint16: ``passes.half_bits`` puts these ops where a graph casts to float16 or
bfloat16 and back. They round to the nearest, of two equally near ones to the even one. A float64 is rounded once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.ir.opdef import NotDifferentiable, Op, Pointwise
from graphc.ir.types import DTYPES, F16, F32, F64, ArrayType, bfloat16_dtype
from graphc.ops.printing import helper

U16 = DTYPES["u16"]
BITS = NotDifferentiable("the bits of a number")
DTYPE_OF: dict[str, Callable[[], np.dtype]] = {"half": lambda: F16, "bfloat16": bfloat16_dtype}  # by the ops' names


def _widen(kind: str) -> Callable[[Any], np.ndarray]:
    def widen(bits: Any) -> np.ndarray:
        """The numbers with these bits, as float32: exact."""
        return np.asarray(np.asarray(bits, U16).view(DTYPE_OF[kind]()).astype(F32))

    return widen


def _narrow(kind: str) -> Callable[[Any], np.ndarray]:
    def narrow(x: Any) -> np.ndarray:
        """The bits of the nearest numbers; infinity beyond the largest one."""
        with np.errstate(over="ignore"):
            return np.asarray(once_rounded(np.asarray(x), DTYPE_OF[kind]())).view(U16)

    return narrow


def once_rounded(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """``x.astype(dtype)``, rounded once: ml_dtypes takes float64 to bfloat16 by float32."""
    if x.dtype != F64 or dtype == F16:
        return x.astype(dtype)
    with np.errstate(over="ignore"):
        single = np.asarray(x.astype(F32))
        towards = np.where(np.abs(single) > np.abs(x), np.nextafter(single, F32.type(0)), single)
    inexact = np.isfinite(single) & (single != x)
    return np.where(inexact, (towards.view(np.uint32) | np.uint32(1)).view(F32), single).astype(dtype)


def _widening(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    return U16, F32


def _narrowing(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    return types[0].dtype if types[0].dtype == F64 else F32, U16


HALVES = [
    op
    for kind in DTYPE_OF
    for op in (
        Op(f"widen_{kind}", Pointwise(1), _widen(kind), BITS, expr=helper(f"widen_{kind}"), dtypes=_widening, cost=2),
        Op(f"narrow_{kind}", Pointwise(1), _narrow(kind), BITS, expr=helper(f"narrow_{kind}"), dtypes=_narrowing,
           cost=4),
    )
]  # fmt: skip
