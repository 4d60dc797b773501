"""Native code in this process: load object code, find addresses. No Numba.

One execution engine holds every object: adding one costs 0.07 ms, an engine of its own 2 ms. Whatever is loaded stays
loaded until the process ends, so an address never goes stale.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from graphc.codegen.machine import LOCK, compile_module, emitter, host_cpu, llvm, parse, target_machine
from graphc.errors import ProgramError

__all__ = [
    "LOCK",
    "compile_module",
    "define_symbols",
    "emitter",
    "function_address",
    "host_cpu",
    "llvm",
    "load_object",
    "loaded_address",
    "parse",
    "target_machine",
]

_OBJECT_START = {"linux": b"\x7fELF", "darwin": b"\xcf\xfa\xed\xfe"}.get(sys.platform, b"")


class _Loader:
    """The engine of this process and what it holds."""

    def __init__(self) -> None:
        self.engine: Any = None
        self.addresses: dict[str, int] = {}

    def add(self, data: bytes, symbols: Iterable[str]) -> dict[str, int]:
        binding = llvm()
        if self.engine is None:
            self.engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())
            # For good: arrays that die as the interpreter ends give their memory back through code of this engine.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.engine))
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


def function_address(library: ctypes.CDLL, name: str) -> int:
    """The address (int) of a function of a library that is loaded, or of one that it depends on; 0 for none."""
    try:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    except AttributeError:
        return 0


def define_symbols(addresses: Mapping[str, int]) -> None:
    """Let objects loaded from now on link to functions that exist already: name (str) -> address (int)."""
    with LOCK:
        for name, address in addresses.items():
            llvm().add_symbol(name, address)
