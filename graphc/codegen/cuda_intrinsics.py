"""What CUDA kernels say beyond arithmetic: where a thread stands, barriers, memory that a block shares.

Each is an intrinsic with two ways to emit it: special registers of the PTX machine, and, where the kernel is compiled
for this machine to check its values (``codegen.targets.EMULATED``), a record that the emulator hands to every thread as
the first argument.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from graphc.codegen.conversions import NUMBA_TYPES
from graphc.codegen.cuda_mapping import ATOMIC
from graphc.codegen.targets import BLOCK_THREADS

INT64, INT32 = ir.IntType(64), ir.IntType(32)
SHARED_ELEMENTS = BLOCK_THREADS  # of each kind of shared memory: the most threads that a block can have
WARP = 32  # threads that run in step
TILE_ELEMENTS = 1024  # of each of the two tiles of a matrix product


class Place(IntEnum):
    """The emulator's record: an int64 each."""

    THREAD = 0
    THREADS = 1
    BLOCK = 2
    BLOCKS = 3
    SHARED = 4  # address of shared memory: SHARED_ELEMENTS of 8 bytes for folds, as many for positions, two tiles
    BARRIER = 5  # address of the barrier
    WAIT = 6  # address of the C function that waits at it
    WARP = 7  # threads of a warp
    EXCHANGE = 8  # address of memory through which the threads of a warp hand each other values, 8 bytes each
    NEAR = 9  # address of the block's rows that are near


def is_ptx(builder: Any) -> bool:
    return builder.module.triple.startswith("nvptx")


def _declared(builder: Any, name: str, kind: ir.FunctionType) -> Any:
    return builder.module.globals.get(name) or ir.Function(builder.module, kind, name)


def _recorded(builder: Any, place: Place) -> Any:
    """What stands in the emulator's record."""
    return builder.load(builder.gep(builder.function.args[0], [INT64(int(place))]))


def _register(builder: Any, name: str, place: Place) -> Any:
    if not is_ptx(builder):
        return _recorded(builder, place)
    read = _declared(builder, f"llvm.nvvm.read.ptx.sreg.{name}.x", ir.FunctionType(INT32, []))
    return builder.zext(builder.call(read, []), INT64)


def thread_in_block(builder: Any) -> Any:
    return _register(builder, "tid", Place.THREAD)


def threads_of_block(builder: Any) -> Any:
    return _register(builder, "ntid", Place.THREADS)


def block_in_grid(builder: Any) -> Any:
    return _register(builder, "ctaid", Place.BLOCK)


def blocks_of_grid(builder: Any) -> Any:
    return _register(builder, "nctaid", Place.BLOCKS)


def thread_in_grid(builder: Any) -> Any:
    return builder.add(builder.mul(block_in_grid(builder), threads_of_block(builder)), thread_in_block(builder))


def threads_of_grid(builder: Any) -> Any:
    return builder.mul(blocks_of_grid(builder), threads_of_block(builder))


def _number(emit: Any) -> Any:
    def typing(typingctx: Any) -> Any:
        return types.int64(), lambda context, builder, signature, args: emit(builder)

    return intrinsic(typing)


thread_index, thread_count = _number(thread_in_block), _number(threads_of_block)
block_index, block_count = _number(block_in_grid), _number(blocks_of_grid)
global_index, global_count = _number(thread_in_grid), _number(threads_of_grid)


@intrinsic
def warp_size(typingctx: Any) -> Any:
    """The threads of a warp."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return INT64(WARP) if is_ptx(builder) else _recorded(builder, Place.WARP)

    return types.int64(), emit


def _wait(builder: Any) -> None:
    if is_ptx(builder):
        kind = ir.FunctionType(ir.VoidType(), [INT32])
        builder.call(_declared(builder, "llvm.nvvm.barrier.cta.sync.aligned.all", kind), [INT32(0)])
        return
    function = ir.FunctionType(INT32, [INT64]).as_pointer()
    builder.call(builder.inttoptr(_recorded(builder, Place.WAIT), function), [_recorded(builder, Place.BARRIER)])


@intrinsic
def barrier(typingctx: Any) -> Any:
    """All threads of the block arrive before one goes on; what they have stored is seen by all."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _wait(builder)
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def separate_buffers(typingctx: Any) -> Any:
    """Marks the kernel being compiled: its buffers start at multiples of 16 bytes, and none is written by two names."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for argument in builder.function.args:
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
                argument.attributes.align = 16
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def exchanged_buffer(typingctx: Any, buffer: Any) -> Any:
    """Marks a buffer through which threads hand each other values: what a barrier lies between is no other value's.

    LLVM may take it that a function's ``noalias`` argument is changed by that function's own instructions alone, and
    would hand a value on across a barrier.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        args[0].attributes.discard("noalias")
        return context.get_dummy_value()

    return types.void(buffer), emit


# --- what threads hand each other -------------------------------------------------------------------------------------


def _shuffled_word(builder: Any, word: Any, distance: Any) -> Any:
    """The 32 bits of the thread so much further on in the warp; one's own where there is none."""
    shuffle = _declared(builder, "llvm.nvvm.shfl.sync.down.i32", ir.FunctionType(INT32, [INT32] * 4))
    return builder.call(shuffle, [INT32(0xFFFFFFFF), word, builder.trunc(distance, INT32), INT32(WARP - 1)])


def _shuffled(builder: Any, bits: Any, distance: Any) -> Any:
    if bits.type.width <= 32:
        word = bits if bits.type.width == 32 else builder.zext(bits, INT32)
        moved = _shuffled_word(builder, word, distance)
        return moved if bits.type.width == 32 else builder.trunc(moved, bits.type)
    low, high = builder.trunc(bits, INT32), builder.trunc(builder.lshr(bits, INT64(32)), INT32)
    low, high = (builder.zext(_shuffled_word(builder, word, distance), INT64) for word in (low, high))
    return builder.or_(low, builder.shl(high, INT64(32)))


def _exchanged(builder: Any, bits: Any, distance: Any) -> Any:
    """The same in the emulator, where threads are not in step: through memory, between two barriers."""
    places = builder.inttoptr(_recorded(builder, Place.EXCHANGE), INT64.as_pointer())
    own = thread_in_block(builder)
    wide = bits if bits.type.width == 64 else builder.zext(bits, INT64)
    builder.store(wide, builder.gep(places, [own]))
    _wait(builder)
    warp, further = _recorded(builder, Place.WARP), builder.add(own, distance)
    same = builder.icmp_signed("==", builder.sdiv(own, warp), builder.sdiv(further, warp))
    found = builder.load(builder.gep(places, [builder.select(same, further, own)]))
    _wait(builder)
    return found if bits.type.width == 64 else builder.trunc(found, bits.type)


def _shuffle(kind: types.Type) -> Any:
    def typing(typingctx: Any, value: Any, distance: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value, distance = args
            bits = builder.bitcast(value, ir.IntType(kind.bitwidth)) if isinstance(kind, types.Float) else value
            moved = (_shuffled if is_ptx(builder) else _exchanged)(builder, bits, distance)
            return builder.bitcast(moved, value.type) if isinstance(kind, types.Float) else moved

        return kind(kind, types.int64), emit

    return intrinsic(typing)


def _shared(element: types.Type, name: str, offset: int, elements: int = SHARED_ELEMENTS) -> Any:
    """Memory of the block, of ``elements`` of 8 bytes; ``offset``: of the emulator's, in bytes."""
    pointer = types.CPointer(element)

    def typing(typingctx: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = context.get_value_type(pointer)
            if not is_ptx(builder):
                return builder.inttoptr(builder.add(_recorded(builder, Place.SHARED), INT64(offset)), kind)
            memory = builder.module.globals.get(name)
            if memory is None:
                memory = ir.GlobalVariable(builder.module, ir.ArrayType(INT64, elements), name, addrspace=3)
                memory.linkage, memory.align = "internal", 16
                memory.initializer = ir.Constant(memory.value_type, ir.Undefined)
            return builder.addrspacecast(builder.bitcast(memory, ir.PointerType(INT64, 3)), kind)

        return pointer(), emit

    return intrinsic(typing)


def _atomic_add(kind: types.Type) -> Any:
    pointer = types.CPointer(kind)

    def typing(typingctx: Any, buffer: Any, position: Any, value: Any) -> Any:
        """Add the value to an element, whoever else adds to it meanwhile."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            buffer, position, value = args
            operation = "fadd" if isinstance(kind, types.Float) else "add"
            builder.atomic_rmw(operation, builder.gep(buffer, [position]), value, "monotonic")
            return context.get_dummy_value()

        return types.void(pointer, types.int64, kind), emit

    return intrinsic(typing)


def _near(element: types.Type) -> Any:
    pointer = types.CPointer(element)

    def typing(typingctx: Any, near: Any, place: Any, buffer: Any, position: Any) -> Any:
        """``place`` bytes into what is the block's own, where there is room; else the buffer from the position on."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            near, place, buffer, position = args
            kind, byte = context.get_value_type(pointer), ir.IntType(8)
            if is_ptx(builder):
                memory = builder.module.globals.get("near_rows")
                if memory is None:  # of a size that the launch tells
                    memory = ir.GlobalVariable(builder.module, ir.ArrayType(byte, 0), "near_rows", addrspace=3)
                    memory.linkage, memory.align = "external", 16
                own = builder.gep(builder.bitcast(memory, ir.PointerType(byte, 3)), [place])
                own = builder.addrspacecast(own, kind)
            else:
                own = builder.inttoptr(builder.add(_recorded(builder, Place.NEAR), place), kind)
            has_room = builder.icmp_signed("!=", near, INT64(0))
            return builder.select(has_room, own, builder.gep(buffer, [position]))

        return pointer(types.int64, types.int64, pointer, types.int64), emit

    return intrinsic(typing)


for _short, _kind in NUMBA_TYPES.items():  # shared_f64() and the like: memory of the block, for one fold at a time
    globals()[f"shared_{_short}"] = _shared(types.uint8 if _short == "bool" else _kind, "shared_folds", 0)
    if _short != "bool":
        globals()[f"shuffle_down_{_short}"] = _shuffle(_kind)
        globals()[f"near_{_short}"] = _near(_kind)
for _short in ("f64", "f32"):  # the tiles of a matrix product
    for _which, _side in enumerate("ab"):
        _offset = 8 * (2 * SHARED_ELEMENTS + _which * TILE_ELEMENTS)
        globals()[f"tile_{_side}_{_short}"] = _shared(NUMBA_TYPES[_short], f"tile_{_side}", _offset, TILE_ELEMENTS)
for _short in ATOMIC:
    globals()[f"atomic_add_{_short}"] = _atomic_add(NUMBA_TYPES[_short])
shared_positions = _shared(types.int64, "shared_places", 8 * SHARED_ELEMENTS)
