"""float16 and bfloat16 in a graph: arrays of them are moved as they are; what computes reads and gives float32.

The builder puts a cast to float32 before each operand of an op that computes, and one back after its result. So every
operation rounds to the dtype, as NumPy's and PyTorch's do; sums, products of matrices and convolutions are added up in
float32 and rounded once; and a derivative rule only ever sees float32, so that it is as exact as that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.errors import UnsupportedError
from graphc.ir.opdef import (
    Bind,
    Compact,
    Composite,
    Control,
    CpuRoutine,
    Create,
    Custom,
    Gather,
    Movement,
    Op,
    Pointwise,
    Read,
    Routine,
    Write,
)
from graphc.ir.types import F32

if TYPE_CHECKING:
    from graphc.ir.builder import Builder
    from graphc.ir.graph import Value

_MOVING = (Movement, Create, Gather, Compact, Read, Write, Bind, Control, Custom)
_MOVING_NAMES = frozenset({"cast", "select", "stop_gradient", "positive"})
_ADDING = frozenset({"accumulate", "scatter_accumulate"})  # of those that write
_SPACINGS = frozenset({"nextafter", "spacing"})  # which are other ones in float32
_ROWS = frozenset({"sort", "ranked", "search"})  # of the routines those that are no linear algebra


def moves(op: Op) -> bool:
    """Whether the op only moves, chooses or converts values, and so has them in any dtype."""
    if isinstance(op.kind, Pointwise):
        return op.name in _MOVING_NAMES
    return isinstance(op.kind, _MOVING) and op.name not in _ADDING


def in_single(F: Builder, op: Op, values: Sequence[Value], apply: Callable[[Sequence[Value]], Any], attrs: Any) -> Any:
    """What ``apply`` makes of operands some of which are halves: computed in float32, rounded to them at the end.

    Raises ``UnsupportedError`` for linear algebra, as NumPy raises there, and for the distance to the next number.
    """
    halves = {v.type.dtype for v in values if v.type.is_half}
    if isinstance(op.kind, Routine | CpuRoutine | Composite) and op.name not in _ROWS and "fft" not in op.name:
        (first, *_) = halves
        message = f"{op.name} of {first}: NumPy has no linear algebra in it; convert with .astype(np.float32)"
        raise UnsupportedError(message, location=F.location)
    if op.name in _SPACINGS:
        message = f"{op.name} of {values[0].type.dtype} is not there: convert with .astype(np.float32)"
        raise UnsupportedError(message, location=F.location)
    if op.name == "accumulate":
        return _accumulated(F, values, attrs)
    wide = [F.cast(v, F32) if v.type.is_half else v for v in values]
    made = apply(wide)
    if len(halves) > 1 or any(v.type.is_float and not v.type.is_half for v in values):
        return made
    (dtype,) = halves
    return tuple(_back(F, v, dtype) for v in made) if isinstance(made, tuple) else _back(F, made, dtype)


def _back(F: Builder, value: Value, dtype: np.dtype) -> Value:
    return F.cast(value, dtype) if value.type.dtype == F32 else value


def _accumulated(F: Builder, values: Sequence[Value], attrs: Any) -> Value:
    """A block is read, added to in float32 and written again: a loop is not to convert the whole array each time."""
    x, block, *starts = values
    before = F.read(x, *starts, steps=attrs["steps"], dims=block.dims)
    result: Value = F.update(x, F.add(before, block), *starts, steps=attrs["steps"])
    return result
