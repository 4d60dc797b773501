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

INT64, INT32 = ir.IntType(64), ir.IntType(32)
SHARED_ELEMENTS = 1024  # of each kind of shared memory: the most threads that a block can have


class Place(IntEnum):
    """The emulator's record: an int64 each."""

    THREAD = 0
    THREADS = 1
    BLOCK = 2
    BLOCKS = 3
    SHARED = 4  # address of shared memory: SHARED_ELEMENTS of 8 bytes for folds, as many for positions
    BARRIER = 5  # address of the barrier
    WAIT = 6  # address of the C function that waits at it


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
def barrier(typingctx: Any) -> Any:
    """All threads of the block arrive before one goes on; what they have stored is seen by all."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if is_ptx(builder):
            kind = ir.FunctionType(ir.VoidType(), [INT32])
            wait = _declared(builder, "llvm.nvvm.barrier.cta.sync.aligned.all", kind)
            builder.call(wait, [INT32(0)])
        else:
            function = ir.FunctionType(INT32, [INT64]).as_pointer()
            wait = builder.inttoptr(_recorded(builder, Place.WAIT), function)
            builder.call(wait, [_recorded(builder, Place.BARRIER)])
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def wide_accesses(typingctx: Any) -> Any:
    """Marks the kernel being compiled: its buffers start at multiples of 16 bytes, and none is written by two names."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for argument in builder.function.args:
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
                argument.attributes.align = 16
        return context.get_dummy_value()

    return types.void(), emit


def _shared(element: types.Type, name: str, offset: int) -> Any:
    pointer = types.CPointer(element)

    def typing(typingctx: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = context.get_value_type(pointer)
            if not is_ptx(builder):
                return builder.inttoptr(builder.add(_recorded(builder, Place.SHARED), INT64(offset)), kind)
            memory = builder.module.globals.get(name)
            if memory is None:
                memory = ir.GlobalVariable(builder.module, ir.ArrayType(INT64, SHARED_ELEMENTS), name, addrspace=3)
                memory.linkage, memory.align = "internal", 16
                memory.initializer = ir.Constant(memory.value_type, ir.Undefined)
            return builder.addrspacecast(builder.bitcast(memory, ir.PointerType(INT64, 3)), kind)

        return pointer(), emit

    return intrinsic(typing)


for _short, _kind in NUMBA_TYPES.items():  # shared_f64() and the like: memory of the block, for one fold at a time
    globals()[f"shared_{_short}"] = _shared(types.uint8 if _short == "bool" else _kind, "shared_folds", 0)
shared_positions = _shared(types.int64, "shared_places", 8 * SHARED_ELEMENTS)
