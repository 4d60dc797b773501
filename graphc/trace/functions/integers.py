"""Ufuncs on integers (and the sign of complex numbers), where NumPy does more than compute in the loop's dtype.

A Python integer that an array's dtype cannot hold is an error in arithmetic, and an answer in comparisons. Integers
have no negative integer powers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import NumberError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, F64, I64, ArrayType
from graphc.ops.index import NEGATIVE_POWER
from graphc.trace.functions.arguments import UNSIGNED
from graphc.trace.functions.complex_values import sign

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    name: getattr(operator, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")
}


def apply_op(F: Builder, op: str, operands: Sequence[Any]) -> Any:
    """The op on operands of a ufunc: values, Python numbers, dims."""
    if op in _COMPARISONS:
        return _compare(F, op, *map(F.value, operands))
    if op == "sign":
        return sign(F, *operands)
    if op == "pow":
        return _power(F, *map(F.value, operands))
    return F.apply(F.ops[op], operands, {})


# --- comparisons ------------------------------------------------------------------------------------------------------


def _compare(F: Builder, op: str, a: Value, b: Value) -> Value:
    for number, other in ((a, b), (b, a)):
        wide = number.type.weak and number.type.dtype == I64
        if wide and other.type.dtype.kind in "iu" and not other.type.weak:
            return _compare_with_number(F, op, a, b, number, other.type.dtype)
    return F.apply(F.ops[op], (a, b), {})


def _compare_with_number(F: Builder, op: str, a: Value, b: Value, number: Value, dtype: np.dtype) -> Value:
    """A Python integer and an array of integers are compared as the numbers that they are."""
    dims = b.dims if number is a else a.dims
    if number.node is not None and number.node.op.name == "const":
        constant, limits = number.node.attrs["value"], np.iinfo(dtype)
        if limits.min <= constant <= limits.max:
            return F.apply(F.ops[op], (a, b), {})
        return F.broadcast_to(_as_beside_zero(F, op, constant, first=number is a), dims)
    if dtype == UNSIGNED:
        below = _as_beside_zero(F, op, -1, first=number is a)
        zero = F.constant(0, ArrayType(I64))
        is_negative = F.lt(number, zero)
        held = F.cast(F.select(is_negative, zero, number), UNSIGNED)
        pair = (held, b) if number is a else (a, held)
        return F.select(is_negative, below, F.apply(F.ops[op], pair, {}))
    return F.apply(F.ops[op], (F.cast(a, I64), F.cast(b, I64)), {})


def _as_beside_zero(F: Builder, op: str, constant: int, *, first: bool) -> Value:
    """What the comparison says of a number outside of the dtype: of every element the same, 0 for example."""
    truth = _COMPARISONS[op](constant, 0) if first else _COMPARISONS[op](0, constant)
    return F.constant(truth, ArrayType(BOOL))


# --- powers -----------------------------------------------------------------------------------------------------------


def _power(F: Builder, a: Value, b: Value) -> Value:
    result: Value = F.pow(a, b)
    if result.type.is_float or result.type.dtype.kind == "u":
        return result
    exponent = b.node.attrs["value"] if b.node is not None and b.node.op.name == "const" else None
    if exponent is None and b.type.dtype.kind == "i":
        checked = F.checked_index(F.cast(b, I64), axis=NEGATIVE_POWER, size=2**63 - 1)
        return F.pow(F.cast(a, result.type.dtype), F.cast(checked, result.type.dtype))
    if exponent is not None and exponent < 0:
        if a.type.weak and b.type.weak:  # Python's own numbers
            return F.pow(F.cast(a, F64), F.cast(b, F64))
        message = (
            f"integers to the negative power {exponent} are not allowed; convert one to a float: x ** {exponent}.0"
        )
        raise NumberError(message, location=F.location)
    return result


def squared_truths(F: Builder, a: Value) -> Value:
    """``mask ** 2`` of an array of bools, for which NumPy's operator, but not ``np.power``, gives int8."""
    return F.square(F.cast(a, np.dtype(np.int8)))
