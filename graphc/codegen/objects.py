"""Compile functions of a generated module to object code through Numba. The one module that uses Numba's private API.

The functions get no wrappers: they can be called by address only, in the convention that ``graphc.abi`` describes.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numba

from graphc.config import settings
from graphc.runtime import native


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


def compile_functions(
    path: str | Path, functions: Iterable[tuple[str, Any]], *, source: str | None = None
) -> list[CompiledObject]:
    """Compile functions of a generated module.

    Args:
        path: the module's file, e.g. from ``cache.write_module``.
        functions: (name, signature) pairs; a signature is a Numba signature or its text, such as
            ``"void(CPointer(float64), int64)"``. A name must hold a hash of everything that its code depends on.
        source: the module's text, where the file need not be read.
    Returns: one CompiledObject a function, in order.
    Raises: numba.core.errors.NumbaError: a function cannot be compiled: a defect of the generated source.
    """
    module = execute_module(path, source)
    with native.LOCK:
        return [_compile(getattr(module, name), name, signature) for name, signature in functions]


def _compile(function: Any, name: str, signature: Any) -> CompiledObject:
    compiled = numba.njit(
        signature,
        _nrt=False,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        error_model="numpy",
        boundscheck=False,
        fastmath={"contract"} if settings.contract else False,
    )(function)
    overload = compiled.overloads[compiled.signatures[0]]
    return CompiledObject(name, overload.fndesc.llvm_func_name, bytes(overload.library._get_compiled_object()))
