"""Native code in this process: compile LLVM modules to object code, load object code, find addresses. No Numba.

One execution engine holds every object: adding one costs 0.07 ms, an engine of its own 2 ms. Whatever is loaded stays
loaded until the process ends, so an address never goes stale. ``LOCK`` guards LLVM here and in ``codegen.objects``; a
fork waits for it, so that a child never inherits LLVM half-way through something.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphc.errors import ProgramError

if TYPE_CHECKING:
    import llvmlite.binding as llvm_types
    from llvmlite import ir

_OBJECT_START = {"linux": b"\x7fELF", "darwin": b"\xcf\xfa\xed\xfe"}.get(sys.platform, b"")

LOCK = threading.RLock()
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


class _Loader:
    """The engine of this process and what it holds."""

    def __init__(self) -> None:
        self.engine: Any = None
        self.addresses: dict[str, int] = {}

    def add(self, data: bytes, symbols: Iterable[str]) -> dict[str, int]:
        binding = llvm()
        if self.engine is None:
            self.engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())
        if not data.startswith(_OBJECT_START):  # LLVM would crash
            raise ProgramError("not an object file of this platform")
        self.engine.add_object_file(binding.object_file.ObjectFileRef.from_data(data))
        self.engine.finalize_object()
        found = {name: self.engine.get_function_address(name) for name in symbols}
        missing = [name for name, address in found.items() if not address]
        if missing:
            raise ProgramError(f"the object file has no symbol {missing[0]!r}")
        self.addresses.update(found)
        return found


_loader = _Loader()


def load_object(data: bytes, symbols: Iterable[str]) -> dict[str, int]:
    """Load object code and give the addresses of its functions.

    A symbol stands for one content for the life of the process: when all ``symbols`` are known, nothing is loaded.

    Args:
        data: an object file as ``compile_module`` or ``codegen.objects`` returns it.
        symbols: names of functions in it.
    Returns: the address (int) of each symbol (str).
    Raises: ProgramError: ``data`` is no object file of this platform, or has no such symbol.
    """
    names = list(symbols)
    with LOCK:
        known = {name: _loader.addresses[name] for name in names if name in _loader.addresses}
        return known if len(known) == len(names) else _loader.add(data, names)


def loaded_address(symbol: str) -> int | None:
    """The address (int) of a function that ``load_object`` has loaded before, or None."""
    return _loader.addresses.get(symbol)


def define_symbols(addresses: Mapping[str, int]) -> None:
    """Let objects loaded from now on link to functions that exist already: name (str) -> address (int)."""
    with LOCK:
        for name, address in addresses.items():
            llvm().add_symbol(name, address)
