"""Tensors of float16 and bfloat16: stored in 16 bits, computed in single precision, rounded after each function.

In the graph of a recording such a tensor is a float32 value whose numbers are halves, and what goes through it of
gradients is not rounded before it is stored. In a compiled function it is a value of halves, and so are its gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F32, HALVES, is_real_float
from graphc.tensors.core import Tensor
from graphc.tensors.functions.function import Function

AS_FIRST = {"copy", "masked_fill", "index_put"}  # functions whose result has the dtype of their first operand


def rounded(F: Builder, value: Value, dtype: np.dtype) -> Value:
    """The value rounded to halves, as float32; a gradient goes through as it is."""
    change = F.sub(F.cast(F.cast(value, dtype), F32), value)
    change = F.select(F.isfinite(value), change, F.cast(F.value(0.0), value.type.dtype))
    return F.add(value, F.stop_gradient(change))


def half_of(function: Function, operands: Sequence[Any], statics: tuple[Any, ...]) -> np.dtype | None:
    """The halves that a float32 result of the function is rounded to, if any: as a dtype among the statics says, else
    as the operands (tensors or values) are. What has dimensions decides before what has none."""
    for static in statics:
        if isinstance(static, np.dtype):
            return static if static in HALVES else None
    kinds = [_kind(x) for x in (operands[:1] if function.name in AS_FIRST else operands)]
    floats = [kind for kind in kinds if kind is not None and is_real_float(kind[0])]
    found = {dtype for dtype, ranked in floats if ranked} or {dtype for dtype, _ in floats}
    return found.pop() if len(found) == 1 and found <= HALVES else None


def _kind(operand: Any) -> tuple[np.dtype, bool] | None:
    """The dtype of a tensor or value, and whether it has dimensions; None of numbers."""
    if isinstance(operand, Tensor):
        return operand._kind.dtype, bool(operand._kind.shape)
    if isinstance(operand, Value) and not operand.type.weak:
        return operand.type.dtype, bool(operand.rank)
    return None


def widened_halves(F: Builder, values: Sequence[Any]) -> list[Any]:
    """The values with halves as float32."""
    return [F.cast(v, F32) if isinstance(v, Value) and v.type.is_half else v for v in values]


def rounded_back(F: Builder, values: Sequence[Value], dtype: np.dtype | None) -> tuple[Value, ...]:
    """The values with float32 as these halves, if any."""
    return tuple([v if dtype is None or v.type.dtype != F32 else F.cast(v, dtype) for v in values])
