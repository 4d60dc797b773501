"""Calls of NumPy's transforms from printed kernels.

    addresses = as_pointer_i64(library)
    transform(addresses[64], addresses[65], at(b0, 0), at(b1, 0), cast_f64(1.0), rows, n0, n1, 2, 2)

Source and target are contiguous rows of real numbers, ``read`` or ``written`` of them for each point.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_I64 = ir.IntType(64)
_BYTES = {types.float64: 8, types.float32: 4}


def _words(builder: Any, values: list[Any]) -> Any:
    """The address of these words, in the kernel's frame."""
    with builder.goto_entry_block():
        place = builder.alloca(_I64, len(values))
    for k, value in enumerate(values):
        builder.store(value, builder.gep(place, [_I64(k)]))
    return builder.ptrtoint(place, _I64)


@intrinsic
def transform(  # noqa: PLR0913, PLR0917 - a loop's own arguments
    typingctx: Any, address: Any, data: Any, source: Any, target: Any, scale: Any, rows: Any, points: Any, results: Any,
    read: Any, written: Any,
) -> Any:  # fmt: skip
    """Call the loop at ``address`` with its ``data``: from rows of ``points`` points to rows of ``results``."""
    if not isinstance(source, types.CPointer) or scale not in _BYTES:
        return None
    size = _I64(_BYTES[scale])

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        function, own, first, second, factor, count, n, m, *widths = values
        with builder.goto_entry_block():
            place = builder.alloca(factor.type)
        builder.store(factor, place)
        inner, outer = (builder.mul(width, size) for width in widths)  # bytes from point to point
        zero = _I64(0)
        arrays = _words(builder, [builder.ptrtoint(p, _I64) for p in (first, place, second)])
        sizes = _words(builder, [count, n, m])
        steps = _words(builder, [builder.mul(n, inner), zero, builder.mul(m, outer), inner, outer])
        kind = ir.FunctionType(ir.VoidType(), [_I64] * 4)
        builder.call(builder.inttoptr(function, kind.as_pointer()), [arrays, sizes, steps, own])
        return context.get_dummy_value()

    integers = (types.int64,) * 5
    return types.void(types.int64, types.int64, source, target, scale, *integers), emit
