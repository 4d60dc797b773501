"""Helpers of kernels that call a function of SciPy: ``scipy_gammainc_f64(a, x)``.

Each is a call of an external function over float64, which ``runtime.scipy_special`` gives its address before the object
is loaded; float32 is computed in float64, as SciPy does where it has no loop of its own.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from graphc.abi import scipy_symbol
from graphc.codegen.intrinsics import unpacked_arguments

_DOUBLE, _FLOAT, _INT = ir.DoubleType(), ir.FloatType(), ir.IntType(32)
_KINDS = {"f64": types.float64, "f32": types.float32}


def scipy_call(name: str, short: str) -> Any:
    """The intrinsic for SciPy's function of that name, over numbers of the dtype."""
    kind = _KINDS[short]

    def scipy_function(typingctx: Any, *arguments: Any) -> Any:
        packed = types.StarArgTuple.from_types((kind,) * len(arguments))

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            numbers = unpacked_arguments(builder, values[0])
            if short == "f32":
                numbers = [builder.fpext(n, _DOUBLE) for n in numbers]
            external = ir.FunctionType(_DOUBLE, [_DOUBLE] * len(numbers) + [_INT])
            function = cgutils.get_or_insert_function(builder.module, external, scipy_symbol(name))
            result = builder.call(function, [*numbers, _INT(0)])  # the last one: Cython's own, always 0
            return builder.fptrunc(result, _FLOAT) if short == "f32" else result

        return kind(packed), emit

    return intrinsic(scipy_function)
