"""Compile functions of a generated module to object code, without wrappers: they can be called by address only.

While LLVM optimises one function (it releases the GIL), the next one's IR is made: two cores hide half of the time.
"""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from graphc.codegen.frontend import function_ir
from graphc.codegen.machine import LOCK, emit_object


@dataclass(frozen=True)
class CompiledObject:
    """Object code of one function: load it with ``native.load_object(object_bytes, [symbol])``."""

    name: str
    symbol: str
    object_bytes: bytes


def execute_module(path: str | Path, source: str | None = None) -> ModuleType:
    """Run a generated module's source and return it as a module (it does not enter ``sys.modules``).

    Args: path: its file, shown in tracebacks; source: its text, where the file need not be read.
    Raises: OSError: no source given and the file cannot be read. SyntaxError: the text is not Python.
    """
    text = Path(path).read_text() if source is None else source
    module = ModuleType(Path(path).stem)
    module.__file__ = str(path)
    if not Path(path).exists():
        linecache.cache[str(path)] = (len(text), None, text.splitlines(keepends=True), str(path))
    exec(compile(text, str(path), "exec"), module.__dict__)
    return module


@dataclass(frozen=True)
class Source:
    """A function to compile: its name, the text of its module, the file that shows it, and its Numba signature."""

    name: str
    text: str
    path: str | Path
    signature: Any


def compile_all(sources: Iterable[Source]) -> list[CompiledObject]:
    """Compile functions of several generated modules together: quicker than one by one.

    Args: sources: a name becomes the symbol, so it must hold a hash of everything that the code depends on; a signature
        is a Numba signature or its text, such as ``"void(CPointer(float64), int64)"``.
    Returns: one CompiledObject a source, in order.
    Raises: numba.core.errors.NumbaError: a function cannot be compiled: a defect of the generated source.
    """
    wanted = [(s.name, getattr(execute_module(s.path, s.text), s.name), s.signature) for s in sources]
    with LOCK:
        objects = _compile(wanted)
    return [CompiledObject(name, name, objects[name]) for name, _, _ in wanted]


def compile_functions(
    path: str | Path, functions: Iterable[tuple[str, Any]], *, source: str | None = None
) -> list[CompiledObject]:
    """Compile functions of one generated module: see ``compile_all``.

    Args: path: the module's file, e.g. from ``cache.write_module``; functions: (name, signature) pairs; source: the
        module's text, where the file need not be read.
    Returns: one CompiledObject a function, in order.
    Raises: numba.core.errors.NumbaError: a function cannot be compiled: a defect of the generated source.
    """
    module = execute_module(path, source)
    wanted = [(name, getattr(module, name), signature) for name, signature in functions]
    with LOCK:
        objects = _compile(wanted)
    return [CompiledObject(name, name, objects[name]) for name, _, _ in wanted]


def _compile(wanted: list[tuple[str, FunctionType, Any]]) -> dict[str, bytes]:
    """Object code by name. The longest function goes first, so that little is left for LLVM at the end."""
    ordered = sorted(wanted, key=lambda item: -len(item[1].__code__.co_code))
    if len(ordered) == 1 or (os.cpu_count() or 1) == 1:
        return {name: _emit(name, function_ir(function, name, signature)) for name, function, signature in ordered}
    with ThreadPoolExecutor(1, "graphc-emit") as emitter:
        futures = {
            name: emitter.submit(_emit, name, function_ir(function, name, sig)) for name, function, sig in ordered
        }
    return {name: future.result() for name, future in futures.items()}


def _emit(name: str, texts: list[str]) -> bytes:
    return emit_object(texts[0], 3, helpers=texts[1:], export=name)
