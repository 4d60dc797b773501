"""Automatic mixed precision of traced functions: in which dtype operations take their floating operands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F32, complex_dtype, result_type


class _Precision(threading.local):
    """Of this thread's block of ``graphc.autocast``: in which dtype wider operands are taken, and in which those of
    products of matrices are, float32 too or halves; None outside of any."""

    dtype: np.dtype | None = None
    products: np.dtype | None = None


PRODUCTS = frozenset(
    ("matmul", "dot", "vdot", "inner", "outer", "tensordot", "einsum", "multi_dot", "matvec", "vecmat", "vecdot")
)
WIDE = frozenset((  # what would lose too much in halves
    "exp", "expm1", "exp2", "log", "log10", "log1p", "log2", "power", "float_power", "prod", "reciprocal", "sum",
    "mean", "average", "var", "std", "norm", "softmax", "log_softmax", "logsumexp", "logaddexp", "cumsum", "cumprod",
    "sinh", "cosh", "tan", "arccos", "arcsin",
))  # fmt: skip


active = _Precision()


@contextmanager
def own_precision() -> Iterator[None]:
    """What is traced in the block does not depend on where it is traced first: blocks around it do not reach in."""
    before = active.dtype, active.products
    active.dtype = active.products = None
    try:
        yield
    finally:
        active.dtype, active.products = before


AS_A_WHOLE = frozenset((  # functions that add up, and round their result alone to halves
    "mean", "nanmean", "average", "var", "nanvar", "std", "nanstd", "median", "nanmedian", "norm", "softmax",
    "log_softmax", "logsumexp", "einsum", "convolve", "correlate", "cov", "corrcoef", "dot", "vdot", "inner",
))  # fmt: skip


def in_single(
    F: Builder, name: str, function: Callable[..., Any], values: Sequence[Any], keywords: Mapping[str, Any]
) -> Any:
    """What NumPy's function of this name makes of the arguments: of halves in float32, where it adds up."""
    given = (*values, *keywords.values())
    halves = {v.type.dtype for v in given if isinstance(v, Value) and v.type.is_half}
    if not halves or name.rpartition(".")[2] not in AS_A_WHOLE:
        return function(F, *values, **keywords)
    wide = [_widened(F, v) for v in values]
    found = function(F, *wide, **{key: _widened(F, v) for key, v in keywords.items()})
    dtype, *more = halves
    arrays = [v.type.dtype for v in given if isinstance(v, Value) and not v.type.weak]
    if more or result_type(dtype, *arrays) != dtype or any(isinstance(v, np.dtype | type) for v in given):
        return found
    return tuple(_narrowed(F, v, dtype) for v in found) if isinstance(found, tuple) else _narrowed(F, found, dtype)


def _widened(F: Builder, value: Any) -> Any:
    return F.cast(value, F32) if isinstance(value, Value) and value.type.is_half else value


def _narrowed(F: Builder, value: Any, dtype: np.dtype) -> Any:
    return F.cast(value, dtype) if isinstance(value, Value) and value.type.dtype == F32 else value


def lowered(F: Builder, operand: Any, name: str) -> Any:
    """The operand of NumPy's function of this name, containers included, with wider floating arrays in the dtype of the
    block. Python numbers stay, and complex ones are no halves."""
    name = name.rpartition(".")[2]
    dtype = active.products if name in PRODUCTS else active.dtype
    if dtype is None:
        return operand
    if isinstance(operand, Value):
        return _lowered(F, operand, dtype, name)
    if type(operand) in (list, tuple):
        return type(operand)([lowered(F, part, name) for part in operand])
    return operand


def _lowered(F: Builder, value: Value, dtype: np.dtype, name: str) -> Value:
    if not value.type.is_float or value.type.weak:
        return value
    if value.type.real_dtype.itemsize > dtype.itemsize:
        return F.cast(value, complex_dtype(dtype) if value.type.is_complex else dtype)
    return F.cast(value, F32) if value.type.is_half and name in WIDE else value
