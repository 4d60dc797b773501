"""Numbers as integers in the same order, and back: what sorting by digits looks at.

``sort_key_<dtype>(x)``       int64, signed, in the order of the numbers; every NaN is the largest
``from_sort_key_<dtype>(k)``  the number; of a NaN some NaN
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from graphc.codegen.conversions import is_signed
from graphc.codegen.float_helpers import as_bits, from_bits

I64 = ir.IntType(64)


def _turned(builder: Any, bits: Any) -> Any:
    """Of negative numbers all bits but the sign the other way round; its own inverse."""
    size = bits.type.width
    sign = builder.ashr(bits, ir.Constant(bits.type, size - 1))
    return builder.xor(bits, builder.lshr(sign, ir.Constant(bits.type, 1)))


def float_key(builder: Any, kind: Any, x: Any) -> Any:
    bits = as_bits(builder, x)
    largest = ir.Constant(bits.type, 2 ** (bits.type.width - 1) - 1)
    key = builder.select(builder.fcmp_unordered("uno", x, x), largest, _turned(builder, bits))
    return key if bits.type.width == 64 else builder.sext(key, I64)


def float_of_key(builder: Any, kind: Any, key: Any) -> Any:
    bits = key if kind == types.float64 else builder.trunc(key, ir.IntType(32))
    return from_bits(builder, _turned(builder, bits))


def integer_key(builder: Any, kind: Any, x: Any) -> Any:
    if isinstance(kind, types.Boolean):
        return builder.zext(x, I64)
    if not is_signed(kind):
        x = builder.xor(x, ir.Constant(x.type, 1 << (x.type.width - 1)))
    return x if x.type.width == 64 else builder.sext(x, I64)


def integer_of_key(builder: Any, kind: Any, key: Any) -> Any:
    if isinstance(kind, types.Boolean):
        return builder.trunc(key, ir.IntType(1))
    found = key if kind.bitwidth == 64 else builder.trunc(key, ir.IntType(kind.bitwidth))
    return found if is_signed(kind) else builder.xor(found, ir.Constant(found.type, 1 << (kind.bitwidth - 1)))


FLOAT_KEYS = {"sort_key": (1, float_key, types.int64), "from_sort_key": (1, float_of_key, None, types.int64)}
INTEGER_KEYS = {"sort_key": (1, integer_key, types.int64), "from_sort_key": (1, integer_of_key, None, types.int64)}
