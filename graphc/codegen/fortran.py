"""Calls of Fortran routines from printed kernels, where every argument passes by reference.

    fortran(as_pointer_i64(library)[3], 85, n0, at(b1, e * n0 * n0), n0, at(b2, e))
    p = fortran_integer(at(b4, 0), i, wide)

Numbers stand in the kernel's frame while the routine runs; a pointer passes as it is. A letter is its code (85 is "U").
Integers are written as 64 bits, of which a library with 32-bit integers reads the lower half.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from graphc.codegen.intrinsics import unpacked_arguments

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_HIDDEN = 3  # lengths of letters that some compilers expect after the other arguments; the others ignore them


def _packed(kinds: Any) -> Any:
    for kind in kinds:
        if not isinstance(kind, types.Integer | types.Float | types.CPointer):
            raise TypingError(f"a Fortran routine takes numbers and pointers, not {kind}")
    return types.StarArgTuple.from_types(kinds)


def _reference(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """The address (int64) that stands for the argument."""
    if isinstance(kind, types.CPointer):
        return builder.ptrtoint(value, _I64)
    if isinstance(kind, types.Integer):
        value = context.cast(builder, value, kind, types.int64)
    with builder.goto_entry_block():
        place = builder.alloca(value.type)
    builder.store(value, place)
    return builder.ptrtoint(place, _I64)


@intrinsic
def fortran(typingctx: Any, address: Any, *arguments: Any) -> Any:
    """Call the Fortran subroutine at ``address`` (int64); numbers are passed by reference, pointers as they are."""
    packed = _packed(arguments)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        given = zip(packed, unpacked_arguments(builder, values[1]), strict=True)
        words = [_reference(context, builder, kind, value) for kind, value in given] + [_I64(1)] * _HIDDEN
        kind = ir.FunctionType(ir.VoidType(), [_I64] * len(words))
        builder.call(builder.inttoptr(values[0], kind.as_pointer()), words)
        return context.get_dummy_value()

    return types.void(types.int64, packed), emit


@intrinsic
def at(typingctx: Any, pointer: Any, index: Any) -> Any:
    """The pointer to element ``index``."""
    if not isinstance(pointer, types.CPointer):
        return None
    return pointer(pointer, types.int64), lambda context, builder, sig, args: builder.gep(args[0], [args[1]])


@intrinsic
def fortran_integer(typingctx: Any, pointer: Any, index: Any, wide: Any) -> Any:
    """Element ``index`` of an array of the library's integers, which have 64 bits where ``wide`` is 1, else 32."""
    if not isinstance(pointer, types.CPointer):
        return None

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        halves = builder.bitcast(values[0], _I32.as_pointer())
        place = builder.gep(halves, [builder.shl(values[1], values[2])])
        return builder.sext(builder.load(place), _I64)

    return types.int64(pointer, types.int64, types.int64), emit
