"""Compile functions of generated modules to object code, without wrappers: they can be called by address only.

While LLVM works on some functions (in threads, without the GIL), the next one's IR is made.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphc.codegen.driver import DRIVER_SIGNATURE
from graphc.codegen.frontend import function_ir
from graphc.codegen.machine import LOCK, emit_object
from graphc.codegen.targets import HOST, Target
from graphc.errors import ProgramError


@dataclass(frozen=True)
class CompiledObject:
    """Object code of one function: load it with ``native.load_object(object_bytes, [symbol])``."""

    name: str
    symbol: str
    object_bytes: bytes


@dataclass(frozen=True)
class Source:
    """A function to compile: its name, the text of its module, the file that shows it, and its Numba signature."""

    name: str
    text: str
    path: str | Path
    signature: str


def compile_all(sources: Iterable[Source]) -> list[CompiledObject]:
    """Compile functions of several generated modules together: quicker than one by one.

    Args: sources: a name becomes the symbol, so it must hold a hash of everything that the code depends on; a signature
        is the text of a Numba signature, such as ``"void(CPointer(float64), int64)"``.
    Returns: one CompiledObject a source, in order.
    Raises: ProgramError: a function cannot be compiled: a defect of the generated source.
    """
    wanted = list(sources)
    ordered = sorted(wanted, key=lambda source: -len(source.text))  # the longest first: little is left at the end
    workers = min(len(wanted), os.cpu_count() or 1)
    with LOCK, ThreadPoolExecutor(workers, "graphc-emit") as emitters:
        futures = {s.name: emitters.submit(emit_object, source_ir(s), optimisation(s)) for s in ordered}
        return [CompiledObject(s.name, s.name, futures[s.name].result()) for s in wanted]


def optimisation(source: Source) -> int:
    """The level of LLVM's optimisation: none for a driver without loops, each line of which runs once a call."""
    return 0 if source.signature == DRIVER_SIGNATURE and not HAS_LOOP.search(source.text) else 3


HAS_LOOP = re.compile(r"^ +(for|while) ", re.MULTILINE)


def source_ir(source: Source, target: Target = HOST) -> str:
    """Textual LLVM IR of a generated function for the target. Raises ProgramError: see ``compile_all``."""
    module = ast.parse(source.text, str(source.path))
    namespace: dict[str, Any] = {}
    imports: list[ast.stmt] = [part for part in module.body if isinstance(part, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), str(source.path), "exec"), namespace)
    for part in module.body:
        if isinstance(part, ast.FunctionDef) and part.name == source.name:
            return function_ir(part, namespace, source.signature, target)
    raise ProgramError(f"{source.path} defines no function {source.name}")
