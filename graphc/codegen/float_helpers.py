"""Helpers over floats, each as the code it emits: ``name -> (arity, emit, result type, type of the last argument)``."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba.core import types

from graphc.codegen import half_helpers, special_functions
from graphc.codegen.vecmath.emit import Machine

BITS = {"double": 64, "float": 32}
MANTISSA = {64: 52, 32: 23}


def number(value: Any, constant: float) -> ir.Constant:
    """The constant in the value's type."""
    return ir.Constant(value.type, constant)


def width(value: Any) -> int:
    return BITS[str(value.type)]


def intrinsic_call(name: str) -> Any:
    """Emits a call of an LLVM intrinsic for the arguments' type."""

    def emit(builder: Any, kind: Any, *args: Any) -> Any:
        full = f"{name}.f{width(args[0])}"
        signature = ir.FunctionType(args[0].type, [a.type for a in args])
        function = builder.module.globals.get(full) or ir.Function(builder.module, signature, full)
        return builder.call(function, args)

    return emit


def absolute(builder: Any, x: Any) -> Any:
    return intrinsic_call("llvm.fabs")(builder, None, x)


def as_bits(builder: Any, x: Any) -> Any:
    return builder.bitcast(x, ir.IntType(width(x)))


def from_bits(builder: Any, bits: Any) -> Any:
    return builder.bitcast(bits, ir.DoubleType() if bits.type.width == 64 else ir.FloatType())


def isnan(builder: Any, kind: Any, x: Any) -> Any:
    return builder.fcmp_unordered("uno", x, x)


def isinf(builder: Any, kind: Any, x: Any) -> Any:
    return builder.fcmp_ordered("==", absolute(builder, x), number(x, math.inf))


def isfinite(builder: Any, kind: Any, x: Any) -> Any:
    return builder.fcmp_ordered("<", absolute(builder, x), number(x, math.inf))


def signbit(builder: Any, kind: Any, x: Any) -> Any:
    bits = as_bits(builder, x)
    return builder.icmp_signed("<", bits, ir.Constant(bits.type, 0))


def sign(builder: Any, kind: Any, x: Any) -> Any:
    """-1, 0, 1; NaN stays."""
    zero = number(x, 0.0)
    positive = builder.select(builder.fcmp_ordered(">", x, zero), number(x, 1.0), zero)
    signed = builder.select(builder.fcmp_ordered("<", x, zero), number(x, -1.0), positive)
    return builder.select(isnan(builder, kind, x), x, signed)


def difference(builder: Any, kind: Any, x: Any, y: Any) -> Any:
    """x - y, and 0 where both are equal, infinite ones too."""
    return builder.select(builder.fcmp_ordered("==", x, y), number(x, 0.0), builder.fsub(x, y))


def heaviside(builder: Any, kind: Any, x: Any, at_zero: Any) -> Any:
    zero = number(x, 0.0)
    step = builder.select(builder.fcmp_ordered("<", x, zero), zero, number(x, 1.0))
    step = builder.select(builder.fcmp_ordered("==", x, zero), at_zero, step)
    return builder.select(isnan(builder, kind, x), x, step)


def reciprocal(builder: Any, kind: Any, x: Any) -> Any:
    return builder.fdiv(number(x, 1.0), x)


def scaled_by(factor: float) -> Any:
    return lambda builder, kind, x: builder.fmul(x, number(x, factor))


def nextafter(builder: Any, kind: Any, x: Any, y: Any) -> Any:
    """One step in the bit pattern, which orders floats of one sign."""
    bits = as_bits(builder, x)
    one, zero = ir.Constant(bits.type, 1), number(x, 0.0)
    away = builder.icmp_unsigned("==", builder.fcmp_ordered(">", y, x), builder.fcmp_ordered(">", x, zero))
    stepped = from_bits(builder, builder.select(away, builder.add(bits, one), builder.sub(bits, one)))
    smallest = intrinsic_call("llvm.copysign")(builder, kind, from_bits(builder, one), y)
    moved = builder.select(builder.fcmp_ordered("==", x, zero), smallest, stepped)
    equal = builder.select(builder.fcmp_ordered("==", x, y), y, moved)
    return builder.select(builder.fcmp_unordered("uno", x, y), builder.fadd(x, y), equal)


def spacing(builder: Any, kind: Any, x: Any) -> Any:
    """The distance to the next float away from zero, with the sign of x; that of either zero is positive."""
    unsigned = builder.select(builder.fcmp_ordered("==", x, number(x, 0.0)), number(x, 0.0), x)
    outward = intrinsic_call("llvm.copysign")(builder, kind, number(x, math.inf), unsigned)
    gap = builder.fsub(nextafter(builder, kind, unsigned, outward), unsigned)
    return builder.select(isfinite(builder, kind, x), gap, number(x, math.nan))


def ldexp(builder: Any, kind: Any, x: Any, exponent: Any) -> Any:
    """x * 2**exponent in steps of powers that exist, the last of which alone may round or overflow."""
    bits = width(x)
    bias, mantissa = (1023, 52) if bits == 64 else (127, 23)
    integer = ir.IntType(64)
    low, high = ir.Constant(integer, -4 * bias), ir.Constant(integer, 4 * bias)
    n = builder.select(builder.icmp_signed("<", exponent, low), low, exponent)
    n = builder.select(builder.icmp_signed(">", n, high), high, n)
    result = x
    for _ in range(4):
        most, least = ir.Constant(integer, bias), ir.Constant(integer, 1 - bias + mantissa + 2)
        part = builder.select(builder.icmp_signed(">", n, most), most, n)
        part = builder.select(builder.icmp_signed("<", part, least), least, part)
        n = builder.sub(n, part)
        power = builder.shl(builder.add(part, ir.Constant(integer, bias)), ir.Constant(integer, mantissa))
        result = builder.fmul(
            result, from_bits(builder, builder.trunc(power, ir.IntType(bits)) if bits < 64 else power)
        )
    return result


def by_machine(body: Any) -> Any:
    """Emits a function that is written in the language of ``vecmath``."""

    def emit(builder: Any, kind: Any, *args: Any) -> Any:
        m = Machine(builder, width(args[0]))
        return body(m, *(m.value(a) for a in args)).v

    return emit


def divide_by(builder: Any, kind: Any, x: Any, divisor: Any, inverse: Any) -> Any:
    """x / divisor, rounded as the division rounds it, from the rounded inverse of a constant divisor of moderate size.

    One multiplication and two fused ones (Markstein 1990; Brisebarre, Muller, Raina, IEEE TC 53, 2004), a sixth of a
    division's time. Where x is huge, tiny, infinite or NaN the product with the inverse stands as it is: right at 0,
    infinities and NaN, and within an ulp of the quotient.
    """
    limit = 2.0**900 if width(x) == 64 else 2.0**100
    quotient = builder.fmul(x, inverse)
    rest = builder.fma(builder.fneg(quotient), divisor, x)
    corrected = builder.fma(rest, inverse, quotient)
    magnitude = absolute(builder, x)
    below = builder.fcmp_ordered("<", magnitude, number(x, limit))
    above = builder.fcmp_ordered(">", magnitude, number(x, 1.0 / limit))
    return builder.select(builder.and_(below, above), corrected, quotient)


def prefer(comparison: str) -> Any:
    """Whether x replaces the best so far: it is better, or it is NaN and the best is not."""

    def emit(builder: Any, kind: Any, best: Any, x: Any) -> Any:
        better = builder.fcmp_ordered(comparison, x, best)
        first_nan = builder.and_(isnan(builder, kind, x), builder.not_(isnan(builder, kind, best)))
        return builder.or_(better, first_nan)

    return emit


UNARY = {"abs": "llvm.fabs", "floor": "llvm.floor", "ceil": "llvm.ceil", "trunc": "llvm.trunc", "rint": "llvm.rint"}
BINARY = {
    "maximum": "llvm.maximum", "minimum": "llvm.minimum", "fold_max": "llvm.maximum", "fold_min": "llvm.minimum",
    "fmax": "llvm.maxnum", "fmin": "llvm.minnum", "copysign": "llvm.copysign",
}  # fmt: skip

FUNCTIONS: dict[str, tuple] = {
    **{name: (1, intrinsic_call(code)) for name, code in UNARY.items()},
    **{name: (2, intrinsic_call(code)) for name, code in BINARY.items()},
    "isnan": (1, isnan, types.boolean),
    "isinf": (1, isinf, types.boolean),
    "isfinite": (1, isfinite, types.boolean),
    "signbit": (1, signbit, types.boolean),
    "sign": (1, sign),
    "difference": (2, difference),
    "heaviside": (2, heaviside),
    "reciprocal": (1, reciprocal),
    "deg2rad": (1, scaled_by(math.pi / 180)),
    "rad2deg": (1, scaled_by(180 / math.pi)),
    "nextafter": (2, nextafter),
    "spacing": (1, spacing),
    "narrow_half": (1, half_helpers.narrow_half, types.uint16),
    "narrow_bfloat16": (1, half_helpers.narrow_bfloat16, types.uint16),
    "erfinv": (1, by_machine(special_functions.erfinv)),
    "entr": (1, by_machine(special_functions.entr)),
    "divide_by": (3, divide_by),
    "ldexp": (2, ldexp, None, types.int64),
    "prefer_max": (2, prefer(">"), types.boolean),
    "prefer_min": (2, prefer("<"), types.boolean),
}
