"""How functions of tensors are declared: their operands, dimensions and results, under PyTorch's and NumPy's names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from graphc.errors import TraceTypeError
from graphc.tensors.core import Tensor, fresh, record, take, traced_apply
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.operators import binary, operand, unary
from graphc.tensors.recording import now
from graphc.trace.location import user_location

Dims = int | Sequence[int] | None


def given(obj: Any) -> Any:
    """A tensor, a number, or an array as a tensor: an operand. Raises ``TraceTypeError`` for anything else."""
    if isinstance(obj, Tensor):
        return obj
    found = operand(obj)
    if found is None:
        message = f"expected a tensor, a number or an array, got {type(obj).__name__}"
        raise TraceTypeError(message, location=user_location())
    return found


def two(name: str) -> Callable[..., Any]:
    """A function of two operands, one of which may be a number."""
    operator, function = binary(FUNCTIONS[name]), FUNCTIONS[name]

    def call(input: Any, other: Any, *, out: Any = None) -> Any:
        if out is not None:
            return out.copy_(call(input, other))
        if isinstance(input, Tensor) and isinstance(other, Tensor):
            return operator(input, other)
        return record(function, (given(input), given(other)))

    call.__name__ = name
    return call


def one(name: str) -> Callable[[Tensor], Tensor]:
    """A function of one tensor."""
    call = unary(FUNCTIONS[name])
    call.__name__ = name
    return call


def numpy_named(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of ``dim`` and ``keepdim``, which may be given as ``axis`` and ``keepdims``, too."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if options:
            options = {_NUMPY_NAMES.get(name, name): option for name, option in options.items()}
        return function(*args, **options)

    return call


_NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}


def dims_of(dim: Dims) -> Any:
    """One dimension, several as a tuple, None for all."""
    if dim is None or isinstance(dim, int):
        return dim
    return tuple([int(d) for d in dim]) or None


def several(name: str, operands: tuple[Any, ...], statics: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """All that a function with several results makes."""
    if now.recording.traced:
        return traced_apply(FUNCTIONS[name], operands, statics)
    recording, state = take(FUNCTIONS[name], operands, statics)
    return tuple([fresh(recording, state, k) for k in range(len(state.kinds))])


class Ordered(NamedTuple):
    """Elements and where they stand."""

    values: Tensor
    indices: Tensor
