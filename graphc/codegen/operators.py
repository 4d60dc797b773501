"""Python's operators over numbers as LLVM instructions. A number is a pair: Numba's type, LLVM value.

Integers narrower than 64 bits are widened, int64 and a float make float64. A constant integer takes the other
operand's type, so that ``x == 0`` compares float32 with float32.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types

from graphc.codegen.conversions import convert, is_signed, llvm_type
from graphc.codegen.division import divide

Number = tuple[Any, Any]

FLOAT_ARITHMETIC = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
INTEGER_ARITHMETIC = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor",
    ast.LShift: "shl",
}  # fmt: skip
LOGIC = {ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor"}
COMPARISONS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def constant(number: bool | int | float) -> Number:
    """A literal of the source."""
    if isinstance(number, bool):
        return types.boolean, ir.Constant(ir.IntType(1), int(number))
    if isinstance(number, int):
        return types.int64, ir.Constant(ir.IntType(64), number)
    return types.float64, ir.Constant(ir.DoubleType(), number)


def is_constant_integer(number: Number) -> bool:
    kind, value = number
    return kind is types.int64 and isinstance(value, ir.Constant) and isinstance(value.constant, int)


def as_type(builder: ir.IRBuilder, number: Number, kind: Any) -> Any:
    """The LLVM value in this type."""
    if number[0] == kind:
        return number[1]
    if is_constant_integer(number) and isinstance(kind, types.Float):
        return ir.Constant(llvm_type(kind), float(number[1].constant))
    return convert(builder, number[1], number[0], kind)


def truth(builder: ir.IRBuilder, number: Number) -> Any:
    return as_type(builder, number, types.boolean)


def binary(builder: ir.IRBuilder, operator: type[ast.operator], a: Number, b: Number) -> Number:
    """``a operator b``. Raises TypeError for types that no rule covers."""
    if operator in LOGIC and a[0] == b[0] == types.boolean:
        return types.boolean, getattr(builder, LOGIC[operator])(a[1], b[1])
    kind = widened(common_type(a, b))
    if operator is ast.Div and isinstance(kind, types.Integer):
        kind = types.float64
    x, y = as_type(builder, a, kind), as_type(builder, b, kind)
    if isinstance(kind, types.Float):
        if operator not in FLOAT_ARITHMETIC:
            raise TypeError(f"{operator.__name__} of floats")
        return kind, getattr(builder, FLOAT_ARITHMETIC[operator])(x, y)
    if operator in INTEGER_ARITHMETIC:
        return kind, getattr(builder, INTEGER_ARITHMETIC[operator])(x, y)
    if operator is ast.RShift:
        return kind, builder.ashr(x, y) if is_signed(kind) else builder.lshr(x, y)
    if operator in (ast.FloorDiv, ast.Mod) and kind is types.int64:
        return kind, divide(builder, x, y)[operator is ast.Mod]
    raise TypeError(f"{operator.__name__} of {a[0]} and {b[0]}")


def compare(builder: ir.IRBuilder, operator: type[ast.cmpop], a: Number, b: Number) -> Number:
    """``a operator b`` as a bool; only ``!=`` is true of NaN."""
    if (
        {a[0], b[0]} <= set(types.integer_domain)
        and types.uint64 in (a[0], b[0])
        and is_signed(a[0]) != is_signed(b[0])
    ):
        return types.boolean, _compare_signs(builder, COMPARISONS[operator], a, b)
    kind, sign = common_type(a, b), COMPARISONS[operator]
    x, y = as_type(builder, a, kind), as_type(builder, b, kind)
    if isinstance(kind, types.Float):
        emit: Callable[..., Any] = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
    else:
        emit = builder.icmp_signed if is_signed(kind) else builder.icmp_unsigned
    return types.boolean, emit(sign, x, y)


def _compare_signs(builder: ir.IRBuilder, sign: str, a: Number, b: Number) -> Any:
    """Of uint64 and a signed integer, which no integer type holds both: a negative one is below all of the others."""
    first, second = (as_type(builder, number, widened(number[0])) for number in (a, b))
    is_first = is_signed(a[0])
    negative = builder.icmp_signed("<", first if is_first else second, ir.Constant(ir.IntType(64), 0))
    as_numbers = builder.icmp_unsigned(sign, first, second)
    if sign == "!=" or sign[0] == ("<" if is_first else ">"):
        return builder.or_(negative, as_numbers)
    return builder.and_(builder.not_(negative), as_numbers)


def unary(builder: ir.IRBuilder, operator: type[ast.unaryop], a: Number) -> Number:
    kind, value = a
    if operator is ast.Not:
        return types.boolean, builder.not_(truth(builder, a))
    if operator is ast.USub and isinstance(value, ir.Constant) and kind is not types.boolean:
        return kind, ir.Constant(value.type, -value.constant)
    wide = widened(kind)
    value = as_type(builder, a, wide)
    if operator is ast.USub:
        return wide, builder.fneg(value) if isinstance(wide, types.Float) else builder.neg(value)
    if operator is ast.Invert and isinstance(wide, types.Integer):
        return wide, builder.not_(value)
    raise TypeError(f"{operator.__name__} of {kind}")


def widened(kind: Any) -> Any:
    """The type that arithmetic is done in."""
    if isinstance(kind, types.Float):
        return kind
    return types.int64 if is_signed(kind) or isinstance(kind, types.Boolean) else types.uint64


def common_type(a: Number, b: Number) -> Any:
    """The type in which two numbers meet."""
    (first, _), (second, _) = a, b
    if first == second:
        return first
    for constant_side, other in ((a, b), (b, a)):
        if is_constant_integer(constant_side) and _holds(other[0], constant_side[1].constant):
            return other[0]
    floats = [kind for kind in (first, second) if isinstance(kind, types.Float)]
    if len(floats) == 2:
        return max(floats, key=lambda kind: kind.bitwidth)
    if floats:
        return types.float64
    kinds = {widened(first), widened(second)}
    if kinds == {types.int64, types.uint64} and types.uint64 in (first, second):
        raise TypeError(f"{first} and {second} have no common integer type")
    return types.int64 if types.int64 in kinds else types.uint64


def _holds(kind: Any, number: int) -> bool:
    if isinstance(kind, types.Float):
        return abs(number) <= 2**24
    if isinstance(kind, types.Boolean):
        return number in (0, 1)
    low = -(2 ** (kind.bitwidth - 1)) if is_signed(kind) else 0
    return low <= number < low + 2**kind.bitwidth
