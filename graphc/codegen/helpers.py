"""Scalar functions of printed kernels that are neither operators nor vector math, for each dtype they are needed in.

Each is an intrinsic that emits a few LLVM instructions into its caller: nothing is compiled on its own, and loops
around it vectorise. Names are ``<numpy name>_<dtype>``; each has NumPy's value for every argument of its dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import types
from numba.extending import intrinsic

from graphc.codegen import float_helpers, integer_helpers, sort_helpers
from graphc.codegen.conversions import CASTS, NUMBA_TYPES

INT64_MIN = -(2**63)

Emit = Callable[..., Any]  # (builder, kind, *values) -> value


def scalar_function(kind: types.Type, arity: int, emit: Emit, result: types.Type, last: types.Type | None) -> Any:
    """An intrinsic over ``arity`` numbers of the type (the last one of type ``last``, where given)."""
    arguments = [kind] * (arity - 1) + [last or kind]
    signature = result(*arguments)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return emit(builder, kind, *args)

    def typing1(typingctx: Any, x: Any) -> Any:
        return signature, codegen

    def typing2(typingctx: Any, x: Any, y: Any) -> Any:
        return signature, codegen

    def typing3(typingctx: Any, x: Any, y: Any, z: Any) -> Any:
        return signature, codegen

    return intrinsic((typing1, typing2, typing3)[arity - 1])


def make_helpers() -> dict[str, Any]:
    """Every helper by name."""
    helpers: dict[str, Any] = {}
    for short, kind in NUMBA_TYPES.items():
        is_float = short[0] == "f"
        table = float_helpers.FUNCTIONS if is_float else integer_helpers.functions(short)
        table = table | (sort_helpers.FLOAT_KEYS if is_float else sort_helpers.INTEGER_KEYS)
        for name, (arity, emit, *rest) in table.items():
            result = rest[0] if rest and rest[0] is not None else kind
            last = rest[1] if len(rest) > 1 else None
            helpers[f"{name}_{short}"] = scalar_function(kind, arity, emit, result, last)
    return helpers


HELPERS = make_helpers() | CASTS
globals().update(HELPERS)


def __getattr__(name: str) -> Any:
    """A function of SciPy, or a helper that does not exist: then say what to do about it."""
    if name.startswith("scipy_"):
        from graphc.codegen.scipy_calls import scipy_call

        function, _, short = name.removeprefix("scipy_").rpartition("_")
        globals()[name] = scipy_call(function, short)
        return globals()[name]
    raise AttributeError(f"no kernel helper named {name!r}: add it to float_helpers or integer_helpers")
