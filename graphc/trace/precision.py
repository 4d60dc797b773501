"""Automatic mixed precision of traced functions: in which dtype operations take their floating operands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import complex_dtype


class _Precision(threading.local):
    """``dtype``: of this thread's block of ``graphc.autocast``; None outside of any."""

    dtype: np.dtype | None = None


active = _Precision()


@contextmanager
def own_precision() -> Iterator[None]:
    """What is traced in the block does not depend on where it is traced first: blocks around it do not reach in."""
    before, active.dtype = active.dtype, None
    try:
        yield
    finally:
        active.dtype = before


def lowered(F: Builder, operand: Any) -> Any:
    """The operand, containers included, with wider floating arrays in the dtype of the block. Python numbers stay."""
    dtype = active.dtype
    if dtype is None:
        return operand
    if isinstance(operand, Value):
        is_wider = operand.type.is_float and operand.type.real_dtype.itemsize > dtype.itemsize
        narrow = complex_dtype(dtype) if operand.type.is_complex else dtype
        return F.cast(operand, narrow) if is_wider and not operand.type.weak else operand
    if type(operand) in (list, tuple):
        return type(operand)([lowered(F, part) for part in operand])
    return operand
