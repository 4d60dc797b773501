"""How functions of tensors are declared: their operands, dimensions and results, under PyTorch's and NumPy's names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphc.errors import AxisRangeError, ShapeError, TraceTypeError
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


def axis_of(name: str, input: Tensor, dim: Any, rank: int | None = None) -> int:
    """The dimension counted from the first; of what has none, 0 stands for one of length 1.

    Raises ``AxisRangeError`` for one that the tensor does not have, ``TraceTypeError`` for what is no integer.
    """
    if isinstance(dim, bool) or not hasattr(dim, "__index__"):
        message = f"{name}: a dimension must be an integer, not {type(dim).__name__}"
        raise TraceTypeError(message, location=user_location())
    count = input.ndim if rank is None else rank
    number = int(dim)
    if not -max(count, 1) <= number < max(count, 1):
        message = (
            f"{name}: dimension {number} of a tensor of {count} dimensions (-{max(count, 1)} to {max(count, 1) - 1})"
        )
        raise AxisRangeError(message, axis=number, ndim=count, location=user_location())
    return number % max(count, 1)


def need_rank(name: str, input: Tensor, least: int, most: int | None = None) -> None:
    """Raise ``ShapeError`` for a tensor with fewer dimensions, or more."""
    if not least <= input.ndim <= (input.ndim if most is None else most):
        wanted = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        message = f"{name} needs a tensor of {wanted} dimensions, this one has shape {input.shape}"
        raise ShapeError(message, location=user_location())


def common_shape(name: str, *shapes: Any) -> tuple[int, ...]:
    """The shape that these broadcast to. Raises ``ShapeError``."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        message = f"{name}: the shapes {', '.join(map(str, shapes))} do not broadcast against each other"
        raise ShapeError(message, location=user_location()) from None


def several_of(name: str, tensors: Any) -> tuple[Any, ...]:
    """Tensors given as a list or tuple. Raises ``TraceTypeError`` for one tensor, or for what is none."""
    if isinstance(tensors, Tensor):
        message = f"{name} needs a list or tuple of tensors, not one tensor"
        raise TraceTypeError(message, location=user_location())
    return tuple([x if isinstance(x, Tensor) else _array_as_tensor(name, x) for x in tensors])


def _array_as_tensor(name: str, obj: Any) -> Any:
    found = None if isinstance(obj, int | float) else operand(obj)
    if found is None or isinstance(found, int | float):
        message = f"{name}: expected tensors, got {type(obj).__name__}"
        raise TraceTypeError(message, location=user_location())
    return found


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
