"""Intrinsics for folds: sums that keep what rounding lost, and the folding of partial results.

An accumulator is two numbers on the kernel's stack: the sum, and the error of its additions (Knuth's two-sum; Knuth,
TAOCP 2, 4.2.2). LLVM keeps both in registers. One intrinsic stands for what would be a dozen statements to type.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from graphc.codegen.conversions import NUMBA_TYPES

FLOATS = {"f64": types.float64, "f32": types.float32}
INT = ir.IntType(64)
SIDE_BY_SIDE = 64  # bytes of sums that are made at a time


@intrinsic
def least(typingctx: Any, a: Any, b: Any) -> Any:
    """The smaller of two int64."""
    return types.int64(types.int64, types.int64), lambda context, builder, sig, args: builder.select(
        builder.icmp_signed("<", *args), *args
    )


@intrinsic
def greatest(typingctx: Any, a: Any, b: Any) -> Any:
    """The larger of two int64."""
    return types.int64(types.int64, types.int64), lambda context, builder, sig, args: builder.select(
        builder.icmp_signed(">", *args), *args
    )


@intrinsic
def short_loop(typingctx: Any) -> Any:
    """The loop around it has few rounds: LLVM shall not take four vectors of it at a time (``frontend``)."""
    return types.void(), lambda context, builder, sig, args: context.get_dummy_value()


@intrinsic
def few_rounds(typingctx: Any) -> Any:
    """The loop around it has so few rounds that LLVM shall make no vectors of it (``frontend``)."""
    return types.void(), lambda context, builder, sig, args: context.get_dummy_value()


@intrinsic
def lane_loop(typingctx: Any) -> Any:
    """What the rounds of the loop around it read and write, but for variables, is apart (``frontend``)."""
    return types.void(), lambda context, builder, sig, args: context.get_dummy_value()


def _new_sum(float_type: types.Float) -> Any:
    pointer = types.CPointer(float_type)

    def new_sum(typingctx: Any) -> Any:
        """A fresh accumulator: sum and error, both 0."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = context.get_value_type(float_type)
            with builder.goto_entry_block():
                slots = builder.alloca(kind, size=2)
            for position in range(2):
                builder.store(ir.Constant(kind, 0.0), builder.gep(slots, [INT(position)]))
            return slots

        return pointer(), emit

    return intrinsic(new_sum)


new_sum_f64, new_sum_f32 = _new_sum(types.float64), _new_sum(types.float32)


def _row_slots(element: types.Type) -> Any:
    pointer = types.CPointer(element)

    def row_slots(typingctx: Any, count: Any) -> Any:
        """A pointer to ``count`` (literal int) elements on the kernel's stack, not initialised."""
        if not isinstance(count, types.IntegerLiteral):
            return None
        size = count.literal_value

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            with builder.goto_entry_block():
                return builder.alloca(context.get_data_type(element), size=size)

        return pointer(count), emit

    return intrinsic(prefer_literal=True)(row_slots)


ROW_SLOTS = {f"row_slots_{short}": _row_slots(kind) for short, kind in NUMBA_TYPES.items() if short != "bool"}
globals().update(ROW_SLOTS)


def two_sum(builder: Any, total: Any, addend: Any) -> tuple[Any, Any]:
    """The sum of total and addend, and what this addition rounded away."""
    after = builder.fadd(total, addend)
    virtual = builder.fsub(after, total)
    return after, builder.fadd(builder.fsub(total, builder.fsub(after, virtual)), builder.fsub(addend, virtual))


def finished(builder: Any, total: Any, error: Any) -> Any:
    """The sum with its error added; the sum alone where that is not finite (the error is NaN then)."""
    zero = ir.Constant(total.type, None)
    finite = builder.fcmp_ordered("==", builder.fsub(error, error), zero)
    return builder.select(finite, builder.fadd(total, error), total)


def _both(builder: Any, pointer: Any) -> tuple[Any, Any, Any]:
    second = builder.gep(pointer, [INT(1)])
    return builder.load(pointer), builder.load(second), second


@intrinsic
def add_to(typingctx: Any, accumulator: Any, addend: Any) -> Any:
    """Add a number to an accumulator."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, number = args
        total, error, second = _both(builder, pointer)
        total, rounded = two_sum(builder, total, number)
        builder.store(total, pointer)
        builder.store(builder.fadd(error, rounded), second)
        return context.get_dummy_value()

    return types.void(accumulator, accumulator.dtype), emit


@intrinsic
def sum_of(typingctx: Any, accumulator: Any) -> Any:
    """The number that an accumulator stands for."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        total, error, _ = _both(builder, args[0])
        return finished(builder, total, error)

    return accumulator.dtype(accumulator), emit


@intrinsic
def lost(typingctx: Any, total: Any, addend: Any) -> Any:
    """What rounding takes from ``total + addend``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return two_sum(builder, *args)[1]

    return total(total, addend), emit


@intrinsic
def corrected(typingctx: Any, total: Any, error: Any) -> Any:
    """A sum with the error of its additions."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return finished(builder, *args)

    return total(total, error), emit


@intrinsic
def sum_blocks(typingctx: Any, partial: Any, result: Any, kept: Any, blocks: Any) -> Any:
    """``result[k] = sum over b of partial[b * kept + k]``, in order, with compensation; for many k side by side."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        inner, kind = args[2], context.get_value_type(partial.dtype)
        size = partial.dtype.bitwidth // 8
        lanes = SIDE_BY_SIDE // size
        vectors = builder.and_(inner, INT(-lanes))
        for start, stop, step, wide in (
            (INT(0), vectors, lanes, ir.VectorType(kind, lanes)),
            (vectors, inner, 1, kind),
        ):
            with cgutils.for_range_slice(builder, start, stop, INT(step)) as (position, _):
                _sum_at(builder, args, position, wide, size)
        return context.get_dummy_value()

    return types.void(partial, result, types.int64, types.int64), emit


def _sum_at(builder: Any, args: Any, position: Any, kind: Any, align: int) -> None:
    """The sums from this position on, as many as ``kind`` (a number or a vector) holds."""
    source, target, inner, outer = args

    def place(base: Any, index: Any) -> Any:
        return builder.bitcast(builder.gep(base, [index]), kind.as_pointer())

    zero = ir.Constant(kind, None)
    total, error = cgutils.alloca_once(builder, kind), cgutils.alloca_once(builder, kind)
    builder.store(zero, total)
    builder.store(zero, error)
    with cgutils.for_range(builder, outer) as block:
        number = builder.load(place(source, builder.add(builder.mul(block.index, inner), position)), align=align)
        after, rounded = two_sum(builder, builder.load(total), number)
        builder.store(after, total)
        builder.store(builder.fadd(builder.load(error), rounded), error)
    value = finished(builder, builder.load(total), builder.load(error))
    builder.store(value, place(target, position), align=align)


def _in_memory(builder: Any, value: Any) -> Any:
    """How a value is stored: a bool takes a byte."""
    return builder.zext(value, ir.IntType(8)) if value.type == ir.IntType(1) else value


@intrinsic
def fill(typingctx: Any, target: Any, size: Any, number: Any) -> Any:
    """Set ``size`` elements to a number."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, count, value = args
        stored = _in_memory(builder, value)
        with cgutils.for_range(builder, count) as position:
            builder.store(stored, builder.gep(pointer, [position.index]))
        return context.get_dummy_value()

    return types.void(target, types.int64, target.dtype), emit


@intrinsic
def copy(typingctx: Any, source: Any, target: Any, size: Any) -> Any:
    """Copy ``size`` elements."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        origin, destination, count = args
        with cgutils.for_range(builder, count) as position:
            builder.store(
                builder.load(builder.gep(origin, [position.index])), builder.gep(destination, [position.index])
            )
        return context.get_dummy_value()

    return types.void(source, target, types.int64), emit


@intrinsic
def load_where(typingctx: Any, condition: Any, pointer: Any, position: Any) -> Any:
    """``pointer[position]`` where the condition holds, else 0; nothing is read where it does not."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        holds, address, index = args
        kind = context.get_data_type(pointer.dtype)
        before = builder.block
        with builder.if_then(holds):
            loaded = builder.load(builder.gep(address, [index]), typ=kind)
            inside = builder.block
        phi = builder.phi(kind)
        phi.add_incoming(ir.Constant(kind, 0 if isinstance(kind, ir.IntType) else 0.0), before)
        phi.add_incoming(loaded, inside)
        return builder.trunc(phi, ir.IntType(1)) if isinstance(pointer.dtype, types.Boolean) else phi

    return pointer.dtype(types.boolean, pointer, types.int64), emit
