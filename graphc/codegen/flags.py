"""Intrinsics that find the flags that are set, many at a look: a loop that does something at few skips the rest.

    i = next_flag(as_pointer_u8(flags), 0, n)        # the first position from 0 on whose flag is set, or n
    while i < n:
        ...
        i = next_flag(as_pointer_u8(flags), i + 1, n)

``flag_before(pointer, end)`` is the last position before ``end`` whose flag is set, or -1. A flag is a byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

AT_A_LOOK = 32  # flags: a vector of bytes

_I64, _BYTE, _BITS = ir.IntType(64), ir.IntType(8), ir.IntType(AT_A_LOOK)
_BYTES = ir.VectorType(_BYTE, AT_A_LOOK)


def _function(module: ir.Module, name: str, words: int, emit: Callable[[ir.Function], None]) -> ir.Function:
    """The module's own function of this name over a pointer and words, made when it is first asked for."""
    function = module.globals.get(name)
    if function is None:
        function = ir.Function(module, ir.FunctionType(_I64, [_BYTE.as_pointer(), *[_I64] * words]), name)
        function.linkage = "internal"
        emit(function)
    return function


def _look(builder: ir.IRBuilder, flags: Any, first: Any) -> Any:
    """The flags from ``first`` on, as bits of one number."""
    place = builder.bitcast(builder.gep(flags, [first]), _BYTES.as_pointer())
    seen = builder.icmp_unsigned("!=", builder.load(place, align=1), ir.Constant(_BYTES, None))
    return builder.bitcast(seen, _BITS)


def _emit_search(function: ir.Function, *, backward: bool) -> None:
    """Look at vectors of flags from one end on, at single flags where fewer are left."""
    names = ("entry", "vectors", "look", "found", "on", "bytes", "byte", "here", "none")
    entry, vectors, look, found, on, rest, byte, here, none = map(function.append_basic_block, names)
    flags, start, *stop = function.args
    stride = _I64(-AT_A_LOOK if backward else AT_A_LOOK)
    builder = ir.IRBuilder(entry)
    builder.branch(vectors)

    builder.position_at_end(vectors)
    place = builder.phi(_I64)
    place.add_incoming(start, entry)
    left = place if backward else builder.sub(stop[0], place)
    builder.cbranch(builder.icmp_signed(">=", left, _I64(AT_A_LOOK)), look, rest)

    builder.position_at_end(look)
    after = builder.add(place, stride)
    bits = _look(builder, flags, after if backward else place)
    builder.cbranch(builder.icmp_unsigned("!=", bits, _BITS(0)), found, on)

    builder.position_at_end(on)
    place.add_incoming(after, on)
    builder.branch(vectors)

    builder.position_at_end(found)
    count = (builder.ctlz if backward else builder.cttz)(bits, ir.IntType(1)(1))
    distance = builder.zext(count, _I64)
    builder.ret(builder.sub(builder.sub(place, _I64(1)), distance) if backward else builder.add(place, distance))

    builder.position_at_end(rest)
    single = builder.phi(_I64)
    single.add_incoming(place, vectors)
    ended = builder.icmp_signed("<=", single, _I64(0)) if backward else builder.icmp_signed(">=", single, stop[0])
    builder.cbranch(ended, none, byte)

    builder.position_at_end(byte)
    before, behind = builder.sub(single, _I64(1)), builder.add(single, _I64(1))
    seen = before if backward else single
    single.add_incoming(before if backward else behind, byte)
    is_set = builder.icmp_unsigned("!=", builder.load(builder.gep(flags, [seen])), _BYTE(0))
    builder.cbranch(is_set, here, rest)

    builder.position_at_end(here)
    builder.ret(seen)
    builder.position_at_end(none)
    builder.ret(_I64(-1) if backward else stop[0])


@intrinsic
def next_flag(typingctx: Any, flags: Any, start: Any, stop: Any) -> Any:
    """The first position from ``start`` on, before ``stop``, at which the byte is not 0; else ``stop``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        search = _function(builder.module, "next_flag", 2, lambda f: _emit_search(f, backward=False))
        return builder.call(search, args)

    return types.int64(types.CPointer(types.uint8), types.int64, types.int64), emit


@intrinsic
def flag_before(typingctx: Any, flags: Any, end: Any) -> Any:
    """The last position before ``end`` at which the byte is not 0; else -1."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        search = _function(builder.module, "flag_before", 1, lambda f: _emit_search(f, backward=True))
        return builder.call(search, args)

    return types.int64(types.CPointer(types.uint8), types.int64), emit
