"""PyTorch's rules for the dtype of a result: what has dimensions decides, a higher category of dtype wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import I64

_CATEGORY = {"b": 0, "i": 1, "u": 1, "f": 2}


class Default:
    """The dtype of Python floats and of results that are floating where their operands are not."""

    dtype: np.dtype = np.dtype(np.float64)


def as_value(F: Builder, operand: Any) -> Value:
    return operand if isinstance(operand, Value) else F.value(operand)


def _category(dtype: np.dtype) -> int:
    return _CATEGORY[dtype.kind]


def result_dtype(values: Sequence[Value]) -> np.dtype:
    """Arrays decide before what has no dimensions, that before Python numbers, where the category is no higher."""
    levels: list[list[np.dtype]] = [[], [], []]
    for value in values:
        levels[2 if value.type.weak else int(not value.rank)].append(value.type.dtype)
    result: np.dtype | None = None
    for level, dtypes in enumerate(levels):
        if not dtypes:
            continue
        top = max(map(_category, dtypes))
        if result is not None and top <= _category(result):
            continue
        result = np.result_type(*(d for d in dtypes if _category(d) == top))
        if level == 2:
            result = Default.dtype if top == 2 else I64 if top == 1 else result
    assert result is not None
    return result


def promoted(F: Builder, operands: Sequence[Any]) -> list[Value]:
    """The operands in their common dtype."""
    values = [as_value(F, x) for x in operands]
    dtype = result_dtype(values)
    return [F.cast(v, dtype) for v in values]


def floating(F: Builder, operand: Any) -> Value:
    """The operand; in the default dtype where it is not floating."""
    value = as_value(F, operand)
    return value if value.type.is_float and not value.type.weak else F.cast(value, Default.dtype)
