"""LLVM for this machine: its CPU, its target machine, from a module's text to object code. No Numba.

``LOCK`` guards LLVM wherever graphc uses it; a fork waits for it, so that a child never inherits LLVM half-way through
something.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
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


def parse(text: str) -> llvm_types.ModuleRef:
    """Parse and verify textual LLVM IR (str). Raises ProgramError where the text is not valid IR."""
    try:
        module = llvm().parse_assembly(text)
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


def emit_object(text: str, optimisation: int, helpers: Iterable[str] = (), export: str = "") -> bytes:
    """``compile_module`` for a caller that holds ``LOCK``, or works for a thread that does.

    Args:
        text, optimisation: as there; two threads must not use one level at a time.
        helpers: texts of modules that this one calls, linked into it.
        export: where given, the only symbol that is visible outside.
    """
    parsed = parse(text)
    for helper in helpers:
        parsed.link_in(parse(helper))
    if export:
        for function in parsed.functions:
            if not function.is_declaration and function.name != export:
                function.linkage = "internal"
    machine = emitter(optimisation)
    if optimisation:
        tuning = llvm().create_pipeline_tuning_options(speed_level=optimisation)
        builder = llvm().create_pass_builder(machine, tuning)
        builder.getModulePassManager().run(parsed, builder)
    return bytes(machine.emit_object(parsed))
