"""What drivers need beyond Python arithmetic: typed views of raw addresses, calls through the table, stack slots.

    out = as_pointer_f64(args[3])                     # int64 address -> CPointer(float64), then out[i]
    slots = stack_slots(4)                            # CPointer(int64) of four int64, alive until the driver returns
    launch(table, KERNELS_START + 2, n, 4096, args[0], out_address, n)
    call_service(table[1], flags, m, n, k, a, lda, b, ldb, c, ldc)
    give_back(table, slots, 4)                        # RELEASE of each address that stands there

Addresses are int64 everywhere. Nothing here allocates, raises or touches the GIL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from graphc import abi

_I64 = ir.IntType(64)
_ELEMENTS = {
    "f64": types.float64,
    "f32": types.float32,
    "i64": types.int64,
    "i32": types.int32,
    "i16": types.int16,
    "i8": types.int8,
    "u64": types.uint64,
    "u32": types.uint32,
    "u16": types.uint16,
    "u8": types.uint8,
    "bool": types.boolean,
}


def _cast(element: types.Type) -> Any:
    pointer = types.CPointer(element)

    def as_pointer(typingctx: Any, address: Any) -> Any:
        """The int64 ``address`` as a pointer to elements that are indexed with ``[i]``."""

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], context.get_value_type(pointer))

        return pointer(types.int64), emit

    return intrinsic(as_pointer)


as_pointer_f64 = _cast(_ELEMENTS["f64"])
as_pointer_f32 = _cast(_ELEMENTS["f32"])
as_pointer_i64 = _cast(_ELEMENTS["i64"])
as_pointer_i32 = _cast(_ELEMENTS["i32"])
as_pointer_i16 = _cast(_ELEMENTS["i16"])
as_pointer_i8 = _cast(_ELEMENTS["i8"])
as_pointer_u64 = _cast(_ELEMENTS["u64"])
as_pointer_u32 = _cast(_ELEMENTS["u32"])
as_pointer_u16 = _cast(_ELEMENTS["u16"])
as_pointer_u8 = _cast(_ELEMENTS["u8"])
as_pointer_bool = _cast(_ELEMENTS["bool"])


def _words(context: Any, builder: Any, kinds: Any, values: Any) -> list[Any]:
    """Arguments as int64 values: integers are widened, pointers become addresses."""
    words = []
    for kind, value in zip(kinds, values, strict=True):
        if isinstance(kind, types.CPointer):
            words.append(builder.ptrtoint(value, _I64))
        else:
            words.append(context.cast(builder, value, kind, types.int64))
    return words


def _packed(kinds: Any) -> Any:
    """The type in which Numba passes the ``*arguments`` of these types: one tuple."""
    for kind in kinds:
        if not isinstance(kind, types.Integer | types.CPointer | types.Boolean):
            raise TypingError(f"a service or kernel takes integers and pointers, not {kind}")
    return types.StarArgTuple.from_types(kinds)


def unpacked_arguments(builder: Any, values: Any) -> Any:
    """The values that were passed with a star: a tuple of them, or Numba's aggregate."""
    return values if isinstance(values, tuple) else cgutils.unpack_tuple(builder, values)


@intrinsic
def call_service(typingctx: Any, address: Any, *arguments: Any) -> Any:
    """Call the C function at ``address`` (int64) with int64 arguments; returns its int64 result.

    Integers are widened, pointers passed as addresses. The result of a void function is not meaningful.
    """
    packed = _packed(arguments)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (target,) = _words(context, builder, [address], values[:1])
        words = _words(context, builder, packed, unpacked_arguments(builder, values[1]))
        function = ir.FunctionType(_I64, [_I64] * len(words))
        return builder.call(builder.inttoptr(target, function.as_pointer()), words)

    return types.int64(address, packed), emit


def _slots(builder: Any, count: int) -> Any:
    """Room for ``count`` int64 in the function's frame, made once however often the code runs."""
    with builder.goto_entry_block():
        return builder.alloca(_I64, size=max(count, 1))


@intrinsic(prefer_literal=True)
def stack_slots(typingctx: Any, count: Any) -> Any:
    """A pointer to ``count`` (literal int) int64 in the driver's stack frame, not initialised."""
    if not isinstance(count, types.IntegerLiteral):
        return None
    size = count.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _slots(builder, size)

    return types.CPointer(types.int64)(count), emit


@intrinsic
def address_of(typingctx: Any, pointer: Any) -> Any:
    """The address (int64) of what the pointer points to."""
    if not isinstance(pointer, types.CPointer):
        return None

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ptrtoint(values[0], _I64)

    return types.int64(pointer), emit


def _load_word(builder: Any, table: Any, index: Any) -> Any:
    return builder.load(builder.gep(table, [index]))


def _call_kernel(builder: Any, kernel: Any, words: list[Any]) -> None:
    """Call a kernel directly, in Numba's convention: its result and exception slots are real but unused."""
    pointer = ir.IntType(8).as_pointer()
    result = builder.bitcast(_slots(builder, 1), pointer)
    function = ir.FunctionType(ir.IntType(32), [pointer, pointer] + [_I64] * len(words))
    builder.call(builder.inttoptr(kernel, function.as_pointer()), [result, result, *words])


def _call_shared(
    builder: Any, name: str, table: Any, words: list[Any], body: Callable[..., None], inlined: bool = True
) -> None:
    """Call ``name``, a function of the module over the table and words, which ``body(builder, table, words)`` emits.

    A driver has thousands of launches: each is one call of what they have in common. ``inlined``: LLVM may put it there
    all the same.
    """
    module, name = builder.module, f"{name}_{len(words)}"
    function = module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(ir.VoidType(), [table.type, *(word.type for word in words)])
        function = ir.Function(module, kind, name)
        function.linkage = "internal"
        if not inlined:
            function.attributes.add("noinline")
        inside = ir.IRBuilder(function.append_basic_block("entry"))
        body(inside, function.args[0], list(function.args[1:]))
        inside.ret_void()
    builder.call(function, [table, *words])


def _emit_run(builder: Any, table: Any, words: list[Any]) -> None:
    index, *arguments = words
    _call_kernel(builder, _load_word(builder, table, index), [*arguments, _I64(0), _I64(1)])


def _emit_launch(builder: Any, table: Any, words: list[Any]) -> None:
    index, total, largest, *arguments = words
    kernel = _load_word(builder, table, index)
    slots = _slots(builder, len(arguments))
    with builder.if_else(builder.icmp_signed("<=", total, largest)) as (small, large):
        with small:
            _call_kernel(builder, kernel, [*arguments, _I64(0), total])
        with large:
            _call_service(builder, table, abi.Service.LAUNCH, kernel, slots, arguments, [total, largest])


def _emit_launch_lapack(builder: Any, table: Any, words: list[Any]) -> None:
    index, *sizes = words[:4]
    arguments = words[4:]
    slots = _slots(builder, len(arguments))
    kernel = _load_word(builder, table, index)
    _call_service(builder, table, abi.Service.LAUNCH_LAPACK, kernel, slots, arguments, sizes)


def _call_service(
    builder: Any, table: Any, service: abi.Service, kernel: Any, slots: Any, arguments: list[Any], sizes: list[Any]
) -> None:
    """Have the service run the kernel; ``slots`` takes its arguments."""
    for offset, word in enumerate(arguments):
        builder.store(word, builder.gep(slots, [_I64(offset)]))
    operands = [kernel, builder.ptrtoint(slots, _I64), _I64(len(arguments)), *sizes]
    function = ir.FunctionType(_I64, [_I64] * len(operands)).as_pointer()
    builder.call(builder.inttoptr(_load_word(builder, table, _I64(int(service))), function), operands)


@intrinsic
def launch(typingctx: Any, table: Any, index: Any, count: Any, grain: Any, *arguments: Any) -> Any:
    """Run the kernel ``table[index]`` over ``[0, count)``; its arguments before start and stop are ``arguments``.

    Where ``count <= grain`` the kernel is called right here, which costs a nanosecond; else through the LAUNCH service.
    """
    packed = _packed(arguments)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = _words(context, builder, [index, count, grain], values[1:4])
        words += _words(context, builder, packed, unpacked_arguments(builder, values[4]))
        _call_shared(builder, "launch", values[0], words, _emit_launch)
        return context.get_dummy_value()

    return types.void(table, index, count, grain, packed), emit


@intrinsic
def launch_lapack(typingctx: Any, table: Any, index: Any, count: Any, work: Any, grain: Any, *arguments: Any) -> Any:
    """``launch`` of a kernel that calls LAPACK, each of ``count`` matrices some ``work``: by service LAUNCH_LAPACK."""
    packed = _packed(arguments)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = _words(context, builder, [index, count, work, grain], values[1:5])
        words += _words(context, builder, packed, unpacked_arguments(builder, values[5]))
        _call_shared(builder, "launch_lapack", values[0], words, _emit_launch_lapack)
        return context.get_dummy_value()

    return types.void(table, index, count, work, grain, packed), emit


@intrinsic
def run(typingctx: Any, table: Any, index: Any, *arguments: Any) -> Any:
    """Run the kernel ``table[index]`` over ``[0, 1)`` here; its arguments before start and stop are ``arguments``."""
    packed = _packed(arguments)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = _words(context, builder, [index], values[1:2])
        words += _words(context, builder, packed, unpacked_arguments(builder, values[2]))
        _call_shared(builder, "run", values[0], words, _emit_run)
        return context.get_dummy_value()

    return types.void(table, index, packed), emit


def _emit_give_back(builder: Any, table: Any, words: list[Any]) -> None:
    address, count = words
    slots = builder.inttoptr(address, _I64.as_pointer())
    release = ir.FunctionType(_I64, [_I64]).as_pointer()
    service = builder.inttoptr(_load_word(builder, table, _I64(int(abi.Service.RELEASE))), release)
    with cgutils.for_range(builder, count) as loop:
        builder.call(service, [_load_word(builder, slots, loop.index)])


@intrinsic
def give_back(typingctx: Any, table: Any, slots: Any, count: Any) -> Any:
    """The RELEASE service for each of ``count`` addresses from ``slots`` on.

    A driver leaves at hundreds of places: each is one call, whatever there is to give back.
    """
    if not isinstance(slots, types.CPointer):
        return None

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = _words(context, builder, [slots, count], values[1:])
        _call_shared(builder, "give_back", values[0], words, _emit_give_back, inlined=False)
        return context.get_dummy_value()

    return types.void(table, slots, count), emit
