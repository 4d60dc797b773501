"""Python's operators of traced arrays: each is a NumPy ufunc."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.trace import inplace, protocol
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue

if TYPE_CHECKING:
    from graphc.trace.tracer import Tracer

_LIFTED = (TracedValue, SymbolicInt, int, float, np.generic, np.ndarray, list, tuple, complex)


def _binary(ufunc: str) -> tuple[Callable[[TracedValue, Any], Any], Callable[[TracedValue, Any], Any]]:
    def forward(self: TracedValue, other: Any) -> Any:
        if isinstance(other, _LIFTED):
            return protocol.apply_operator(ufunc, (self, other))
        return NotImplemented

    def reflected(self: TracedValue, other: Any) -> Any:
        if isinstance(other, _LIFTED):
            return protocol.apply_operator(ufunc, (other, self))
        return NotImplemented

    return forward, reflected


def _unary(ufunc: str) -> Callable[[TracedValue], Any]:
    return lambda self: protocol.apply_operator(ufunc, (self,))


def _in_place(symbol: str, ufunc: str) -> Callable[[Tracer, Any], Any]:
    def method(self: Tracer, other: Any) -> Any:
        if isinstance(other, _LIFTED):
            return inplace.augmented(self, symbol, ufunc, other)
        return NotImplemented

    return method


_BINARY = {
    "add": ("add", "+"), "sub": ("subtract", "-"), "mul": ("multiply", "*"), "truediv": ("divide", "/"),
    "floordiv": ("floor_divide", "//"), "mod": ("remainder", "%"), "pow": ("power", "**"), "matmul": ("matmul", "@"),
    "and": ("bitwise_and", "&"), "or": ("bitwise_or", "|"), "xor": ("bitwise_xor", "^"),
    "divmod": ("divmod", "divmod"), "lshift": ("left_shift", "<<"), "rshift": ("right_shift", ">>"),
}  # fmt: skip
_COMPARISONS = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
}  # fmt: skip
_UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}


def add_operators(cls: type) -> None:
    """Give the class Python's operators; each is a NumPy ufunc."""
    for name, (ufunc, symbol) in _BINARY.items():
        forward, reflected = _binary(ufunc)
        setattr(cls, f"__{name}__", forward)
        setattr(cls, f"__r{name}__", reflected)
        setattr(cls, f"__i{name}__", _in_place(symbol, ufunc))
    for name, ufunc in _COMPARISONS.items():
        setattr(cls, f"__{name}__", _binary(ufunc)[0])
    for name, ufunc in _UNARY.items():
        setattr(cls, f"__{name}__", _unary(ufunc))


OPERATORS = (
    *(f"__{kind}{name}__" for name in _BINARY for kind in ("", "r", "i")),
    *(f"__{name}__" for name in (*_COMPARISONS, *_UNARY)),
)
