"""Tensors of float16: stored in half precision, computed in single precision, rounded after each function.

In a graph such a tensor is a float32 value whose numbers are halves. A program takes and gives their bits
(``ops.halves``), and what goes through it of gradients is not rounded before it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ops.halves import U16
from graphc.tensors.core import Tensor
from graphc.tensors.functions.function import Function
from graphc.tensors.kinds import HALF, Kind

Run = Callable[[Sequence[Any]], Any]
AS_FIRST = {"copy", "masked_fill", "index_put"}  # functions whose result has the dtype of their first operand


def widened(F: Builder, bits: Value) -> Value:
    """The halves with these bits, as float32."""
    return F.widen_half(bits)


def narrowed(F: Builder, value: Value) -> Value:
    """The bits of the value rounded to halves."""
    return F.narrow_half(value)


def rounded(F: Builder, value: Value) -> Value:
    """The value rounded to halves, as float32; a gradient goes through as it is."""
    change = F.sub(F.widen_half(F.narrow_half(value)), value)
    change = F.select(F.isfinite(value), change, F.cast(F.value(0.0), value.type.dtype))
    return F.add(value, F.stop_gradient(change))


def makes_halves(function: Function, operands: Sequence[Any], statics: tuple[Any, ...]) -> bool:
    """Whether a float32 result of the function is to be float16: as a dtype among the statics says, else as the
    operands are. What has dimensions decides before what has none."""
    for static in statics:
        if isinstance(static, np.dtype):
            return static == HALF
    tensors = [x for x in operands if isinstance(x, Tensor) and x._kind.dtype.kind == "f"]
    if function.name in AS_FIRST:
        tensors = tensors[:1] if tensors and tensors[0] is operands[0] else []
    found = [x for x in tensors if x._kind.shape] or tensors
    return bool(found) and all(x._kind.dtype == HALF for x in found)


def with_bits(run: Run, taken: Sequence[Kind], given: Sequence[Kind]) -> Run:
    """The program for arrays of halves: it takes and gives their bits. ``taken``, ``given``: of inputs and results."""
    inputs = [k for k, kind in enumerate(taken) if kind.dtype == HALF]
    outputs = [k for k, kind in enumerate(given) if kind.dtype == HALF]
    if not inputs and not outputs:
        return run

    def with_views(arrays: Sequence[Any]) -> Any:
        seen = list(arrays)
        for k in inputs:
            seen[k] = seen[k].view(U16)
        made = run(seen)
        for k in outputs if made is not None else ():
            made[k] = made[k].view(HALF)
        return made

    return with_views
