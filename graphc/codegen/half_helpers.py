"""Conversions between float32 and the bits of a half, by integer arithmetic: branch-free, on every CPU and GPU.

A half is a sign, 5 bits of exponent (with bias 15) and 10 of mantissa; a float 8 (127) and 23.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

_INT, _SHORT, _FLOAT = ir.IntType(32), ir.IntType(16), ir.FloatType()
_REBIAS = 2.0**112  # from a half's exponent to a float's, subnormal halves included
_LEAST_NORMAL = 113 << 23  # bits of 2**-14
_TOO_LARGE = 143 << 23  # bits of 2**16, which no half reaches
_INFINITE = 255 << 23
_MAGIC = 126 << 23  # bits of 0.5, whose last place is that of a subnormal half


def _bits(number: int) -> ir.Constant:
    return ir.Constant(_INT, number)


def widen_half(builder: Any, kind: Any, half: Any) -> Any:
    """The half with these bits as a float."""
    wide = builder.zext(half, _INT)
    sign = builder.shl(builder.and_(wide, _bits(0x8000)), _bits(16))
    shifted = builder.shl(builder.and_(wide, _bits(0x7FFF)), _bits(13))
    scaled = builder.fmul(builder.bitcast(shifted, _FLOAT), ir.Constant(_FLOAT, _REBIAS))
    special = builder.icmp_unsigned(">=", shifted, _bits(0x1F << 23))
    magnitude = builder.select(special, builder.or_(shifted, _bits(_INFINITE)), builder.bitcast(scaled, _INT))
    return builder.bitcast(builder.or_(magnitude, sign), _FLOAT)


def narrow_half(builder: Any, kind: Any, x: Any) -> Any:
    """The bits of the half nearest to a float."""
    value = x if x.type == _FLOAT else builder.fptrunc(x, _FLOAT)
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
