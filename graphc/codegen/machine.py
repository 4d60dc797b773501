"""LLVM for this machine: its CPU, its target machine, from a module's text to object code. No Numba.

``LOCK`` guards LLVM wherever graphc uses it; a fork waits for it, so that a child never inherits LLVM half-way through
something.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphc.errors import ProgramError

if TYPE_CHECKING:
    import llvmlite.binding as llvm_types
    from llvmlite import ir

LOCK = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)


@lru_cache(maxsize=1)
def llvm() -> Any:
    """``llvmlite.binding``, initialised for this machine. Imported on first use: it costs 0.04 s."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@lru_cache(maxsize=1)
def host_cpu() -> tuple[str, str]:
    """Name and feature string of this CPU as LLVM takes them (two str): part of every key of compiled code."""
    return llvm().get_host_cpu_name(), llvm().get_host_cpu_features().flatten()


@lru_cache(maxsize=1)
def host_target() -> tuple[str, str]:
    """This machine's triple and data layout, as a module states them (two str)."""
    return llvm().get_process_triple(), str(emitter().target_data)


def target_machine(optimisation: int = 3) -> llvm_types.TargetMachine:
    """A new LLVM target machine for this CPU; an engine takes over the one it is made with.

    Args: optimisation: level of the code generator, 0 to 3.
    """
    name, features = host_cpu()
    target = llvm().Target.from_default_triple()
    # jit=True picks the large code model: objects may lie further than 2 GB from each other and from libc.
    return target.create_target_machine(cpu=name, features=features, opt=optimisation, jit=True)


@lru_cache(maxsize=4)
def emitter(optimisation: int = 3) -> llvm_types.TargetMachine:
    """The shared target machine that emits objects at this level (int, 0 to 3); use it under ``LOCK`` only."""
    return target_machine(optimisation)


def parse(text: str, context: llvm_types.context.ContextRef | None = None) -> llvm_types.ModuleRef:
    """Parse and verify textual LLVM IR (str). Raises ProgramError where the text is not valid IR."""
    try:
        module = llvm().parse_assembly(text, context)
        module.verify()
    except RuntimeError as error:
        raise ProgramError(f"invalid LLVM IR: {error}") from error
    return module


def compile_module(module: str | ir.Module, optimisation: int = 2) -> bytes:
    """Compile a module to object code for this CPU.

    Args:
        module: textual LLVM IR, or an ``llvmlite.ir.Module``.
        optimisation: 0 to 3, for LLVM's passes (loops are vectorised from 2 on) and its code generator.
    Returns: the object file (bytes).
    Raises: ProgramError: the module is not valid IR.
    """
    with LOCK:
        return emit_object(str(module), optimisation)


def emit_object(text: str, optimisation: int) -> bytes:
    """``compile_module`` for a caller that holds ``LOCK``, or works for a thread that does.

    Several threads may compile at once: each module has an LLVM context of its own, each thread a target machine.
    """
    binding = llvm()
    context = binding.create_context()
    try:
        module, machine = parse(text, context), _thread_machine(optimisation)
        if optimisation:
            tuning = binding.create_pipeline_tuning_options(speed_level=optimisation)
            builder = binding.create_pass_builder(machine, tuning)
            _unlocked("LLVMPY_RunNewModulePassManager")(builder.getModulePassManager(), module, builder)
        data = _object_code(machine, module)
        module.close()
        return data
    finally:
        context.close()


def emit_for(text: str, optimisation: int, cpu: str) -> bytes:
    """Object code (bytes) of textual LLVM IR (str) for a shared library; call it under ``LOCK``.

    Args: cpu: "native", or a name that LLVM knows. Raises ProgramError: the text is not valid IR.
    """
    binding, machine = llvm(), _machine_for(optimisation, cpu)
    module = parse(text)
    if optimisation:
        tuning = binding.create_pipeline_tuning_options(speed_level=optimisation)
        builder = binding.create_pass_builder(machine, tuning)
        builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


def _machine_for(optimisation: int, cpu: str) -> llvm_types.TargetMachine:
    name, features = host_cpu() if cpu == "native" else (cpu, "")
    return (
        llvm()
        .Target.from_default_triple()
        .create_target_machine(cpu=name, features=features, opt=optimisation, reloc="pic", codemodel="default")
    )


_VECTOR_PROBE = """
declare <8 x double> @llvm.fma.v8f64(<8 x double>, <8 x double>, <8 x double>)
define void @probe(ptr %a) "prefer-vector-width"="512" "min-legal-vector-width"="512" {
  %x = load <8 x double>, ptr %a
  %y = call <8 x double> @llvm.fma.v8f64(<8 x double> %x, <8 x double> %x, <8 x double> %x)
  store <8 x double> %y, ptr %a
  ret void
}
"""


def vector_bits_of(cpu: str) -> int:
    """The width (int) of the vectors in which a CPU multiplies and adds, 512, 256 or 128; call it under ``LOCK``.

    LLVM has no table to ask: a multiplication and addition is compiled, and its registers are looked at.
    """
    text = _machine_for(1, cpu).emit_assembly(parse(_VECTOR_PROBE))
    widths = {"zmm": 512, "ymm": 256}
    return next((bits for register, bits in widths.items() if "vfmadd" in text and register in text), 128)


_MACHINES = threading.local()


def _thread_machine(optimisation: int) -> llvm_types.TargetMachine:
    """This thread's target machine of the level."""
    machines = _MACHINES.__dict__.setdefault("by_level", {})
    if optimisation not in machines:
        machines[optimisation] = target_machine(optimisation)
    return machines[optimisation]


def _unlocked(name: str) -> Callable[..., Any]:
    """A function of llvmlite's library without the one lock that llvmlite holds in every call.

    Passes and emission are the two calls that take long. They touch nothing but the module, its context and the
    machine, which here belong to one thread.
    """
    from llvmlite.binding import ffi

    return getattr(ffi.lib, name)._cfn


def _object_code(machine: llvm_types.TargetMachine, module: llvm_types.ModuleRef) -> bytes:
    """``machine.emit_object(module)``, beside other threads."""
    from llvmlite.binding import ffi

    with ffi.OutputString() as error:
        buffer = _unlocked("LLVMPY_TargetMachineEmitToMemory")(machine, module, 1, error)
        if not buffer:
            raise ProgramError(f"LLVM cannot emit this module: {error}")
    try:
        start, size = ffi.lib.LLVMPY_GetBufferStart(buffer), ffi.lib.LLVMPY_GetBufferSize(buffer)
        return ctypes.string_at(start, size)
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)
