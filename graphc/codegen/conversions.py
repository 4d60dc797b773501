"""Conversions between the dtypes of printed kernels, as C and NumPy convert: ``cast_<dtype>(x)``."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

NUMBA_TYPES: dict[str, types.Type] = {
    "f64": types.float64, "f32": types.float32, "bool": types.boolean,
    "i64": types.int64, "i32": types.int32, "i16": types.int16, "i8": types.int8,
    "u64": types.uint64, "u32": types.uint32, "u16": types.uint16, "u8": types.uint8,
}  # fmt: skip


def llvm_type(kind: types.Type) -> ir.Type:
    """How a value of the type stands in a register."""
    if isinstance(kind, types.Float):
        return ir.DoubleType() if kind.bitwidth == 64 else ir.FloatType()
    return ir.IntType(1 if isinstance(kind, types.Boolean) else kind.bitwidth)


def is_signed(kind: types.Type) -> bool:
    return isinstance(kind, types.Integer) and kind.signed


def convert(builder: ir.IRBuilder, value: Any, source: types.Type, target: types.Type) -> Any:
    """The value in the target type: integers wrap, floats round, a float becomes the integer towards zero."""
    wanted = llvm_type(target)
    if isinstance(source, types.Float):
        if isinstance(target, types.Float):
            if source.bitwidth == target.bitwidth:
                return value
            return builder.fptrunc(value, wanted) if target.bitwidth < source.bitwidth else builder.fpext(value, wanted)
        if isinstance(target, types.Boolean):
            return builder.fcmp_unordered("!=", value, ir.Constant(value.type, 0.0))
        return builder.fptosi(value, wanted) if is_signed(target) else _to_unsigned(builder, value, wanted)
    if isinstance(target, types.Boolean):
        return builder.icmp_unsigned("!=", value, ir.Constant(value.type, 0))
    if isinstance(target, types.Float):
        return builder.sitofp(value, wanted) if is_signed(source) else builder.uitofp(value, wanted)
    if value.type.width == wanted.width:
        return value
    if wanted.width < value.type.width:
        return builder.trunc(value, wanted)
    return builder.sext(value, wanted) if is_signed(source) else builder.zext(value, wanted)


def _to_unsigned(builder: ir.IRBuilder, value: Any, wanted: ir.IntType) -> Any:
    """As C compilers and NumPy do on common machines: narrow ones through int64, so that -1.0 wraps."""
    if wanted.width < 64:
        return builder.trunc(builder.fptosi(value, ir.IntType(64)), wanted)
    negative = builder.fcmp_ordered("<", value, ir.Constant(value.type, 0.0))
    return builder.select(negative, builder.fptosi(value, wanted), builder.fptoui(value, wanted))


def _cast(target: types.Type) -> Any:
    def cast(typingctx: Any, x: Any) -> Any:
        source = types.unliteral(x)
        if not isinstance(source, types.Number | types.Boolean):
            return None

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return convert(builder, args[0], source, target)

        return target(source), emit

    return intrinsic(cast)


CASTS = {f"cast_{short}": _cast(kind) for short, kind in NUMBA_TYPES.items()}
globals().update(CASTS)
