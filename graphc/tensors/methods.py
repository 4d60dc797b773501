"""The functions of tensors under PyTorch's names: as methods, and as functions of the module.

Each gives ``record`` the function of the table, the operands, and plain Python numbers for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.tensors.core import Tensor, record, take
from graphc.tensors.core import fresh as _fresh
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.kinds import known_dtype
from graphc.tensors.operators import binary, operand, unary

Dims = int | Sequence[int] | None


def two(name: str) -> Callable[..., Any]:
    """A function of two operands, the second of which may be a number."""
    operator, function = binary(FUNCTIONS[name]), FUNCTIONS[name]

    def call(input: Any, other: Any) -> Any:
        result = operator(input, other) if isinstance(input, Tensor) else record(function, (operand(input), other))
        if result is NotImplemented:
            raise TypeError(f"{name}: expected a tensor or a number, got {type(other).__name__}")
        return result

    call.__name__ = name
    return call


def one(name: str) -> Callable[[Tensor], Tensor]:
    call = unary(FUNCTIONS[name])
    call.__name__ = name
    return call


def dims_of(dim: Dims) -> Any:
    """One dimension, several as a tuple, None for all."""
    if dim is None or isinstance(dim, int):
        return dim
    return tuple([int(d) for d in dim]) or None


def several(name: str, operands: tuple[Any, ...], statics: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """All that a function with several results makes."""
    recording, state = take(FUNCTIONS[name], operands, statics)
    return tuple([_fresh(recording, state, k) for k in range(len(state.kinds))])


# --- reductions -------------------------------------------------------------------------------------------------------

SUM, MEAN = FUNCTIONS["sum"], FUNCTIONS["mean"]


def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over the dimensions, all of them by default."""
    return record(SUM, (input,), (dims_of(dim), keepdim, None if dtype is None else known_dtype(np.dtype(dtype))))


def mean(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The mean over the dimensions, all of them by default, of a floating tensor."""
    return record(MEAN, (input,), (dims_of(dim), keepdim))


TENSOR_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: two(name) for name in ("add", "sub", "mul", "div", "pow", "matmul")},
    **{name: one(name) for name in ("exp", "log", "tanh", "sigmoid", "sqrt", "relu", "abs", "neg", "square")},
    "sum": sum,
    "mean": mean,
}
