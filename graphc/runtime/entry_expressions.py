"""The value of a dim expression in the native entry. See ``entry_accept``."""

from __future__ import annotations

from graphc.abi import Code
from graphc.runtime.entry_layout import DEEPEST_CODE, Form
from graphc.runtime.machine_code import divide_towards_zero, inline, load, stack, store


@inline
def value(plan: int, expression: int, symbols: int) -> int:
    """The value of an expression."""
    form = load(expression)
    operand = load(expression + 8)
    if form == Form.CONST:
        return operand
    if form == Form.SYMBOL:
        return load(symbols + operand)
    return evaluate(plan + operand, symbols)


def evaluate(code: int, symbols: int) -> int:
    top = stack(8 * DEEPEST_CODE) - 8
    end = code + load(code)
    code += 8
    while code < end:
        op = load(code)
        code += 8
        if op == Code.CONST:
            top += 8
            store(top, load(code))
            code += 8
        elif op == Code.SYMBOL:
            top += 8
            store(top, load(symbols + load(code)))
            code += 8
        else:
            top -= 8
            store(top, combine_ints(op, load(top), load(top + 8)))
    return load(top)


def combine_ints(op: int, left: int, right: int) -> int:
    if op == Code.ADD:
        return left + right
    if op == Code.MUL:
        return left * right
    if op == Code.FLOORDIV:
        return floor_divide(left, right)
    if op == Code.MOD:
        return left - floor_divide(left, right) * right
    if op == Code.MAX:
        if left < right:
            return right
        return left
    if left < right:
        return left
    return right


def floor_divide(left: int, right: int) -> int:
    """Division by 0 gives 0 rather than a trap: a guard may be evaluated where an earlier one has not yet ruled."""
    if right == 0:
        return 0
    if right == -1:
        return -left
    quotient = divide_towards_zero(left, right)
    remainder = left - quotient * right
    if (remainder < 0 and right > 0) or (remainder > 0 and right < 0):
        return quotient - 1
    return quotient
