"""Dtypes under PyTorch's names: what they promote to, and the constructors that are named after them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.ir.types import HALVES, REAL_DTYPES
from graphc.tensors.core import Tensor
from graphc.tensors.creation import tensor, zeros
from graphc.tensors.functions.promotion import Default
from graphc.tensors.kinds import known_dtype


def _category(dtype: np.dtype) -> int:
    return {"b": 0, "u": 1, "i": 1}.get(dtype.kind, 2)


def promote_types(type1: Any, type2: Any) -> np.dtype:
    """The smallest dtype that both go to: a floating one is no wider for integers beside it."""
    a, b = known_dtype(type1), known_dtype(type2)
    first, second = _category(a), _category(b)
    if a != b and a in HALVES and b in HALVES:
        return REAL_DTYPES["f32"]
    return np.result_type(a, b) if first == second else a if first > second else b


def result_type(tensor1: Any, tensor2: Any) -> np.dtype:
    """The dtype of arithmetic of the two: tensors decide before tensors without dimensions, those before numbers."""
    ranked = [[], [], []]  # type: list[list[np.dtype]]
    for operand in (tensor1, tensor2):
        if isinstance(operand, Tensor):
            ranked[0 if operand.ndim else 1].append(operand._kind.dtype)
        else:
            number = np.result_type(type(operand))
            ranked[2].append(Default.dtype if number.kind == "f" else number)
    found: np.dtype | None = None
    for level in ranked:
        for dtype in level:
            same_level = found is not None and level is not ranked[2] and found in level
            if found is None or _category(dtype) > _category(found):
                found = dtype
            elif same_level:
                found = promote_types(found, dtype)
    assert found is not None
    return found


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a conversion keeps the kind of number: not from floating to integers, nor to bools."""
    a, b = known_dtype(from_), known_dtype(to)
    return _category(a) <= _category(b) and not (a.kind == "i" and b.kind == "u")


def _constructor(name: str, dtype: np.dtype) -> Callable[..., Tensor]:
    def call(*data: Any) -> Tensor:
        if len(data) == 1 and not isinstance(data[0], int):
            return tensor(data[0], dtype=dtype)
        return zeros(*data, dtype=dtype)

    call.__name__ = name
    call.__doc__ = f"A tensor of {dtype} with a copy of the data, or of this shape."
    return call


CONSTRUCTORS = {
    name: _constructor(name, dtype)
    for name, dtype in {
        "FloatTensor": REAL_DTYPES["f32"], "DoubleTensor": REAL_DTYPES["f64"], "LongTensor": REAL_DTYPES["i64"],
        "IntTensor": REAL_DTYPES["i32"], "ShortTensor": REAL_DTYPES["i16"], "CharTensor": REAL_DTYPES["i8"],
        "ByteTensor": REAL_DTYPES["u8"], "BoolTensor": REAL_DTYPES["bool"],
    }.items()
}  # fmt: skip
