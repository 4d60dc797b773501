"""Helpers over integers and bools, each as the code it emits: ``name -> (arity, emit, result type)``."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from graphc.codegen import half_helpers, random_helpers
from graphc.codegen.conversions import is_signed


def constant(value: Any, number: int) -> ir.Constant:
    return ir.Constant(value.type, number)


def compare(builder: Any, kind: Any, relation: str, a: Any, b: Any) -> Any:
    return builder.icmp_signed(relation, a, b) if is_signed(kind) else builder.icmp_unsigned(relation, a, b)


def pick(relation: str) -> Any:
    """The one of two that stands in the relation to the other."""

    def emit(builder: Any, kind: Any, a: Any, b: Any) -> Any:
        return builder.select(compare(builder, kind, relation, a, b), a, b)

    return emit


def prefer(relation: str) -> Any:
    return lambda builder, kind, best, x: compare(builder, kind, relation, x, best)


def absolute(builder: Any, kind: Any, x: Any) -> Any:
    return builder.select(builder.icmp_signed("<", x, constant(x, 0)), builder.neg(x), x)


def sign(builder: Any, kind: Any, x: Any) -> Any:
    nonzero = builder.icmp_unsigned("!=", x, constant(x, 0))
    one = builder.select(nonzero, constant(x, 1), constant(x, 0))
    if not is_signed(kind):
        return one
    return builder.select(builder.icmp_signed("<", x, constant(x, 0)), constant(x, -1), one)


def safe_divisor(builder: Any, kind: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """A divisor that cannot trap, and whether the true one is 0. The least integer by -1 wraps: it is divided by 1."""
    zero = builder.icmp_unsigned("==", b, constant(b, 0))
    unsafe = zero
    if is_signed(kind):
        least = constant(a, -(2 ** (a.type.width - 1)))
        overflow = builder.and_(builder.icmp_signed("==", a, least), builder.icmp_signed("==", b, constant(b, -1)))
        unsafe = builder.or_(zero, overflow)
    return builder.select(unsafe, constant(b, 1), b), zero


def floor_divide(builder: Any, kind: Any, a: Any, b: Any) -> Any:
    """Rounds towards minus infinity; by 0 it is 0."""
    divisor, zero = safe_divisor(builder, kind, a, b)
    if not is_signed(kind):
        return builder.select(zero, constant(a, 0), builder.udiv(a, divisor))
    quotient = builder.sdiv(a, divisor)
    rest = builder.sub(a, builder.mul(quotient, divisor))
    inexact = builder.icmp_signed("!=", rest, constant(a, 0))
    opposite = builder.icmp_signed("<", builder.xor(a, divisor), constant(a, 0))
    lowered = builder.select(builder.and_(inexact, opposite), builder.sub(quotient, constant(a, 1)), quotient)
    return builder.select(zero, constant(a, 0), lowered)


def remainder(builder: Any, kind: Any, a: Any, b: Any) -> Any:
    """The sign of the divisor; by 0 it is 0."""
    divisor, zero = safe_divisor(builder, kind, a, b)
    if not is_signed(kind):
        return builder.select(zero, constant(a, 0), builder.urem(a, divisor))
    rest = builder.srem(a, divisor)
    inexact = builder.icmp_signed("!=", rest, constant(a, 0))
    opposite = builder.icmp_signed("<", builder.xor(rest, divisor), constant(a, 0))
    lifted = builder.select(builder.and_(inexact, opposite), builder.add(rest, divisor), rest)
    return builder.select(zero, constant(a, 0), lifted)


def fmod(builder: Any, kind: Any, a: Any, b: Any) -> Any:
    """The sign of the dividend; by 0 it is 0."""
    divisor, zero = safe_divisor(builder, kind, a, b)
    rest = builder.srem(a, divisor) if is_signed(kind) else builder.urem(a, divisor)
    return builder.select(zero, constant(a, 0), rest)


def reciprocal(builder: Any, kind: Any, x: Any) -> Any:
    """1/x towards zero. NumPy divides doubles: 1/0 is what a processor makes of infinity, the least int64 or int32."""
    least = -(2 ** (x.type.width - 1)) if is_signed(kind) and x.type.width >= 32 else 0
    zero = builder.icmp_unsigned("==", x, constant(x, 0))
    return builder.select(zero, constant(x, least), floor_toward_zero(builder, kind, constant(x, 1), x))


def floor_toward_zero(builder: Any, kind: Any, a: Any, b: Any) -> Any:
    divisor, zero = safe_divisor(builder, kind, a, b)
    quotient = builder.sdiv(a, divisor) if is_signed(kind) else builder.udiv(a, divisor)
    return builder.select(zero, constant(a, 0), quotient)


def too_far(builder: Any, count: Any) -> Any:
    """A shift by so much that nothing is left; a negative count is one, too."""
    return builder.icmp_unsigned(">=", count, constant(count, count.type.width))


def left_shift(builder: Any, kind: Any, a: Any, b: Any) -> Any:
    far = too_far(builder, b)
    return builder.select(far, constant(a, 0), builder.shl(a, builder.select(far, constant(b, 0), b)))


def right_shift(builder: Any, kind: Any, a: Any, b: Any) -> Any:
    far = too_far(builder, b)
    near = builder.select(far, constant(b, 0), b)
    if not is_signed(kind):
        return builder.select(far, constant(a, 0), builder.lshr(a, near))
    sign_bits = builder.ashr(a, constant(a, a.type.width - 1))
    return builder.select(far, sign_bits, builder.ashr(a, near))


def loop_while(builder: Any, values: list[Any], test: Any, step: Any) -> list[Any]:
    """The values after ``values = step(*values)`` as long as ``test(*values)``."""
    entry, head = builder.block, builder.append_basic_block("head")
    body, done = builder.append_basic_block("body"), builder.append_basic_block("done")
    builder.branch(head)
    builder.position_at_end(head)
    phis = [builder.phi(v.type) for v in values]
    builder.cbranch(test(*phis), body, done)
    builder.position_at_end(body)
    stepped = step(*phis)
    for phi, before, after in zip(phis, values, stepped, strict=True):
        phi.add_incoming(before, entry)
        phi.add_incoming(after, builder.block)
    builder.branch(head)
    builder.position_at_end(done)
    return phis


def power(builder: Any, kind: Any, a: Any, b: Any) -> Any:
    """By repeated squaring; of a negative exponent what 1 / a**-b truncates to, where NumPy refuses."""
    negative = builder.icmp_signed("<", b, constant(b, 0)) if is_signed(kind) else ir.Constant(ir.IntType(1), 0)
    zero, one = constant(a, 0), constant(a, 1)

    def step(base: Any, exponent: Any, result: Any) -> list[Any]:
        odd = builder.icmp_unsigned("!=", builder.and_(exponent, one), zero)
        product = builder.mul(result, builder.select(odd, base, one))
        return [builder.mul(base, base), builder.lshr(exponent, one), product]

    count = builder.select(negative, builder.neg(b), b)
    (_, _, result) = loop_while(builder, [a, count, one], lambda _, n, __: builder.icmp_unsigned("!=", n, zero), step)
    return builder.select(negative, floor_toward_zero(builder, kind, one, result), result)


def gcd(builder: Any, kind: Any, a: Any, b: Any) -> Any:
    """Euclid's, of the absolute values."""
    if is_signed(kind):
        a, b = absolute(builder, kind, a), absolute(builder, kind, b)
    zero = constant(a, 0)
    result, _ = loop_while(
        builder, [a, b], lambda _, y: builder.icmp_unsigned("!=", y, zero), lambda x, y: [y, builder.urem(x, y)]
    )
    return result


def lcm(builder: Any, kind: Any, a: Any, b: Any) -> Any:
    divisor = gcd(builder, kind, a, b)
    zero = constant(a, 0)
    nonzero = builder.icmp_unsigned("!=", divisor, zero)
    part = builder.udiv(
        absolute(builder, kind, a) if is_signed(kind) else a, builder.select(nonzero, divisor, constant(a, 1))
    )
    return builder.mul(part, absolute(builder, kind, b) if is_signed(kind) else b)


ORDERED: dict[str, tuple] = {
    "maximum": (2, pick(">")),
    "minimum": (2, pick("<")),
    "fold_max": (2, pick(">")),
    "fold_min": (2, pick("<")),
    "prefer_max": (2, prefer(">"), types.boolean),
    "prefer_min": (2, prefer("<"), types.boolean),
}
INTEGER: dict[str, tuple] = {
    "sign": (1, sign),
    "floor_divide": (2, floor_divide),
    "remainder": (2, remainder),
    "fmod": (2, fmod),
    "reciprocal": (1, reciprocal),
    "left_shift": (2, left_shift),
    "right_shift": (2, right_shift),
    "pow": (2, power),
    "gcd": (2, gcd),
    "lcm": (2, lcm),
}


HALVES = {
    "widen_half": (1, half_helpers.widen_half, types.float32),
    "widen_bfloat16": (1, half_helpers.widen_bfloat16, types.float32),
}


def functions(short: str) -> dict[str, tuple]:
    """The helpers of one integer dtype or bool."""
    if short == "bool":
        return ORDERED
    signed = {"abs": (1, absolute)} if short[0] == "i" else {}
    halves = HALVES if short == "u16" else {}
    random = {"threefry": (2, random_helpers.threefry)} if short == "u64" else {}
    return ORDERED | INTEGER | signed | halves | random
