"""Conversions between floats and the bits of halves: branch-free, on every CPU and GPU.

A half is a sign, 5 bits of exponent (with bias 15) and 10 of mantissa; a float 8 (127) and 23; a bfloat16 is the upper
half of a float. CPUs and GPUs with instructions for halves use those, the others integer arithmetic.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from graphc.codegen.machine import host_cpu

_INT, _SHORT, _FLOAT = ir.IntType(32), ir.IntType(16), ir.FloatType()
_LONG, _DOUBLE, _HALF = ir.IntType(64), ir.DoubleType(), ir.HalfType()
_REBIAS = 2.0**112  # from a half's exponent to a float's, subnormal halves included
_LEAST_NORMAL = 113 << 23  # bits of 2**-14
_TOO_LARGE = 143 << 23  # bits of 2**16, which no half reaches
_INFINITE = 255 << 23
_MAGIC = 126 << 23  # bits of 0.5, whose last place is that of a subnormal half


def _bits(number: int) -> ir.Constant:
    return ir.Constant(_INT, number)


def _has_instructions(builder: Any) -> bool:
    """Whether the machine converts halves itself: elsewhere LLVM would call a function that is not there."""
    return "nvptx" in builder.module.triple or "+f16c" in host_cpu()[1].split(",")


def widen_half(builder: Any, kind: Any, half: Any) -> Any:
    """The half with these bits as a float."""
    if _has_instructions(builder):
        return builder.fpext(builder.bitcast(half, _HALF), _FLOAT)
    wide = builder.zext(half, _INT)
    sign = builder.shl(builder.and_(wide, _bits(0x8000)), _bits(16))
    shifted = builder.shl(builder.and_(wide, _bits(0x7FFF)), _bits(13))
    scaled = builder.fmul(builder.bitcast(shifted, _FLOAT), ir.Constant(_FLOAT, _REBIAS))
    special = builder.icmp_unsigned(">=", shifted, _bits(0x1F << 23))
    magnitude = builder.select(special, builder.or_(shifted, _bits(_INFINITE)), builder.bitcast(scaled, _INT))
    return builder.bitcast(builder.or_(magnitude, sign), _FLOAT)


def narrow_half(builder: Any, kind: Any, x: Any) -> Any:
    """The bits of the half nearest to a float or double."""
    value = _as_float(builder, x)
    if _has_instructions(builder):
        return builder.bitcast(builder.fptrunc(value, _HALF), _SHORT)
    bits = builder.bitcast(value, _INT)
    sign = builder.and_(bits, _bits(0x80000000))
    rest = builder.xor(bits, sign)
    nan = builder.icmp_unsigned(">", rest, _bits(_INFINITE))
    special = builder.select(nan, builder.or_(builder.and_(builder.lshr(rest, _bits(13)), _bits(0x3FF)), _bits(0x7E00)),
                             _bits(0x7C00))  # fmt: skip
    aligned = builder.fadd(builder.bitcast(rest, _FLOAT), builder.bitcast(_bits(_MAGIC), _FLOAT))
    subnormal = builder.sub(builder.bitcast(aligned, _INT), _bits(_MAGIC))
    odd = builder.and_(builder.lshr(rest, _bits(13)), _bits(1))
    rebiased = builder.add(builder.add(rest, _bits(((15 - 127) << 23) & 0xFFFFFFFF)), builder.add(odd, _bits(0xFFF)))
    finite = builder.select(builder.icmp_unsigned("<", rest, _bits(_LEAST_NORMAL)), subnormal,
                            builder.lshr(rebiased, _bits(13)))  # fmt: skip
    chosen = builder.select(builder.icmp_unsigned(">=", rest, _bits(_TOO_LARGE)), special, finite)
    return builder.trunc(builder.or_(chosen, builder.lshr(sign, _bits(16))), _SHORT)


def widen_bfloat16(builder: Any, kind: Any, number: Any) -> Any:
    """The bfloat16 with these bits as a float."""
    return builder.bitcast(builder.shl(builder.zext(number, _INT), _bits(16)), _FLOAT)


def narrow_bfloat16(builder: Any, kind: Any, x: Any) -> Any:
    """The bits of the bfloat16 nearest to a float or double; what is NaN stays it, whatever bits it loses.

    LLVM sees that widening what this gives is a mask.
    """
    value = _as_float(builder, x)
    bits = builder.bitcast(value, _INT)
    odd = builder.and_(builder.lshr(bits, _bits(16)), _bits(1))
    rounded = builder.add(builder.add(bits, _bits(0x7FFF)), odd)
    nan = builder.fcmp_unordered("uno", value, value)
    kept = builder.select(nan, builder.or_(bits, _bits(0x400000)), rounded)
    return builder.trunc(builder.lshr(kept, _bits(16)), _SHORT)


def _as_float(builder: Any, x: Any) -> Any:
    """The number as a float; of a double one that rounds to a shorter dtype as the double does: rounded towards zero,
    and odd where it is inexact (S. Boldo, G. Melquiond, "Emulation of a FMA and correctly rounded sums", 2008)."""
    if x.type == _FLOAT:
        return x
    near = builder.fptrunc(x, _FLOAT)
    again = builder.fpext(near, _DOUBLE)
    bits, clear = builder.bitcast(near, _INT), ir.Constant(_LONG, (1 << 63) - 1)
    size, reached = (builder.and_(builder.bitcast(number, _LONG), clear) for number in (x, again))
    beyond = builder.icmp_unsigned(">", reached, size)
    odd = builder.or_(builder.sub(bits, builder.zext(beyond, _INT)), _bits(1))
    inexact = builder.and_(builder.icmp_unsigned("!=", reached, size), builder.fcmp_ordered("==", x, x))
    return builder.bitcast(builder.select(inexact, odd, bits), _FLOAT)
