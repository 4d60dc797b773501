"""Scalar functions of printed kernels that are neither arithmetic nor vector math, for each dtype they are needed in.

Each is an intrinsic that emits a few LLVM instructions into its caller, so that nothing is compiled on its own and loops
around it vectorise. Names are ``<numpy name>_<dtype>``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

INT64_MIN = -(2**63)
FLOATS = {"f64": types.float64, "f32": types.float32}


def float_function(short: str, arity: int, emit: Callable[..., Any], result: types.Type | None = None) -> Any:
    """An intrinsic over ``arity`` floats of the dtype, whose code ``emit(builder, *values)`` makes."""
    float_type = FLOATS[short]
    signature = (result or float_type)(*[float_type] * arity)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return emit(builder, *args)

    if arity == 1:

        def typing(typingctx: Any, x: Any) -> Any:
            return signature, codegen

    else:

        def typing(typingctx: Any, x: Any, y: Any) -> Any:  # type: ignore[misc]
            return signature, codegen

    return intrinsic(typing)


def call(name: str) -> Callable[..., Any]:
    """Emits a call of the LLVM intrinsic for the arguments' type."""

    def emit(builder: Any, *args: Any) -> Any:
        suffix = "f64" if isinstance(args[0].type, ir.DoubleType) else "f32"
        kind = ir.FunctionType(args[0].type, [a.type for a in args])
        function = builder.module.globals.get(f"{name}.{suffix}") or ir.Function(builder.module, kind, f"{name}.{suffix}")
        return builder.call(function, args)

    return emit


UNARY = {"abs": "llvm.fabs", "floor": "llvm.floor", "ceil": "llvm.ceil", "trunc": "llvm.trunc", "rint": "llvm.rint"}
BINARY = {
    "maximum": "llvm.maximum", "minimum": "llvm.minimum", "fold_max": "llvm.maximum", "fold_min": "llvm.minimum",
    "fmax": "llvm.maxnum", "fmin": "llvm.minnum", "copysign": "llvm.copysign",
}  # fmt: skip

globals().update(
    {f"{name}_{short}": float_function(short, 1, call(code)) for name, code in UNARY.items() for short in FLOATS}
)
globals().update(
    {f"{name}_{short}": float_function(short, 2, call(code)) for name, code in BINARY.items() for short in FLOATS}
)

cast_f64, cast_f32, cast_i64, cast_i32 = types.float64, types.float32, types.int64, types.int32
cast_i16, cast_i8, cast_u64, cast_u32 = types.int16, types.int8, types.uint64, types.uint32
cast_u16, cast_u8 = types.uint16, types.uint8
