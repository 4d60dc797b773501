"""Python's operators on tensors, made so that one of them costs a few lookups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from graphc.ir.types import is_real_float
from graphc.tensors.core import Tensor, enter, from_array, record
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.recording import now
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue

_NUMBERS = (int, float, np.generic)
_new = object.__new__


def binary(function: Function) -> Callable[[Any, Any], Any]:
    """``a op b``: of two tensors by the shortest way; ``record`` does the rest."""

    def operator(self: Tensor, other: Any) -> Any:
        if isinstance(other, Tensor):
            recording = now.recording
            a = self._position if self._recording is recording else enter(recording, self)
            b = other._position if other._recording is recording else enter(recording, other)
            state = recording.state.next.get((function, now.mode, (a, b), ()))
            if state is None:
                return record(function, (self, other))
            recording.state = state
            made = _new(Tensor)
            made._recording, made._position, made._kind = recording, state.position, state.kind
            recording.refs.append(ref(made))
            return made
        other = operand(other)
        return NotImplemented if other is None else record(function, (self, other))

    return operator


def reflected(function: Function) -> Callable[[Any, Any], Any]:
    def operator(self: Tensor, other: Any) -> Any:
        other = operand(other)
        return NotImplemented if other is None else record(function, (other, self))

    return operator


def unary(function: Function) -> Callable[[Any], Any]:
    def operator(self: Tensor) -> Any:
        recording = now.recording
        a = self._position if self._recording is recording else enter(recording, self)
        state = recording.state.next.get((function, now.mode, (a,), ()))
        if state is None:
            return record(function, (self,))
        recording.state = state
        made = _new(Tensor)
        made._recording, made._position, made._kind = recording, state.position, state.kind
        recording.refs.append(ref(made))
        return made

    return operator


def operand(other: Any) -> Any:
    """A number or array as an operand; None for what is neither."""
    if isinstance(other, bool | int | float):
        return other
    if isinstance(other, np.generic):
        return other.item()
    if isinstance(other, np.ndarray):
        from graphc.tensors.creation import from_numpy

        return from_numpy(other)
    return other if isinstance(other, TracedValue | SymbolicInt) else None


BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow", "mod": "remainder",
    "floordiv": "floor_divide", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip
COMPARISONS = {"lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne"}
_UNARY = {"neg": "neg", "abs": "abs", "invert": "bitwise_not"}

ADD = FUNCTIONS["add"]
_add_reflected = reflected(ADD)


def added_to(self: Tensor, other: Any) -> Any:
    """``other + self``. 0, with which running totals begin, is a tensor of the total's kind, so that the first addition
    is the same step as all that follow, and a loop meets no new program in its third round."""
    if (type(other) is int or type(other) is float) and other == 0 and is_real_float(self._kind.dtype):
        kind = self._kind
        return record(ADD, (from_array(kind.dtype.type(0), kind.requires_grad), self))
    return _add_reflected(self, other)


OPERATORS: dict[str, Callable[..., Any]] = {
    **{f"__{name}__": binary(FUNCTIONS[function]) for name, function in (BINARY | COMPARISONS).items()},
    **{f"__r{name}__": reflected(FUNCTIONS[function]) for name, function in BINARY.items()},
    **{f"__{name}__": unary(FUNCTIONS[function]) for name, function in _UNARY.items()},
    "__radd__": added_to,
    "__pos__": lambda self: self,
}
