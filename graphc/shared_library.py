"""Ahead of time: a compiled function as a shared library that needs neither Python, Numba nor LLVM to run.

The example assumes ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from graphc.abi import KERNELS_START, Lapack, Service, Sorter
from graphc.cfunc import c_function_ir, prototype_form
from graphc.codegen.driver import DRIVER_SIGNATURE
from graphc.codegen.machine import LOCK, emit_for, parse, vector_bits_of
from graphc.codegen.objects import Source, optimisation, source_ir
from graphc.codegen.own_special import own_function_ir
from graphc.direct import Built, DirectFunction
from graphc.errors import ProgramError, UnsupportedError
from graphc.function import CompiledFunction
from graphc.ir.graph import Graph, Node
from graphc.prototype import Prototype, parse_prototype
from graphc.runtime import pool_code
from graphc.runtime.convolutions import convolution_ir
from graphc.runtime.direct import direct_ir, direct_source
from graphc.runtime.direct_layout import KEPT_BLOCKS
from graphc.runtime.scipy_special import names_in
from graphc.runtime.tiled_code import tiled_gemm_ir
from graphc.scalar_special.table import FUNCTIONS

_PRODUCTS = {
    Service.GEMM_F64: "graphc_tiled_f64_{}",
    Service.GEMM_F32: "graphc_tiled_f32_{}",
    Service.GEMM_BATCH_F64: "graphc_tiled_batch_f64_{}",
    Service.GEMM_BATCH_F32: "graphc_tiled_batch_f32_{}",
}
_CONVOLUTIONS = {Service.CONVOLUTION_F64: "f64", Service.CONVOLUTION_F32: "f32"}
_MEMORY = ("graphc_launch", "malloc", "free")  # what products take from the rest of the library


def export(function: CompiledFunction, signature: str, path: str | Path, *, cpu: str = "native") -> Path:
    """Write a shared library with one C function, its header, and a Python module that loads it.

    >>> f = graphc.value_and_grad(lambda x: np.sum(x**3))
    >>> prototype = "int cubes(size_t n, const double x[n], double *value, double grad[n])"
    >>> graphc.export(f, prototype, "build/cubes")  # doctest: +SKIP
    PosixPath('build/libcubes.so')

    Args:
        function: a compiled function. What it reads from outside becomes part of the library, as it is now.
        signature: a C prototype with a name, as for ``f.cfunc``.
        path: where it goes, without suffix: for ``lib/cubes``, ``lib/libcubes.so``, ``lib/cubes.h`` and, for Python,
            ``lib/cubes.py`` are written.
        cpu: ``"native"`` for this machine's CPU, or a name that LLVM knows, such as ``"x86-64-v3"``.
    Returns: the path of the library. It needs the C library alone: products of matrices are graphc's own, and so are
        functions of ``scipy.special``. Its function serves all sizes that the guards of the one program in it allow,
        gives status -3 for others, runs on the thread that calls it, and may run on many.
    Raises: ``UnsupportedError`` for what needs this process (``graphc.opaque``), LAPACK or SciPy when it runs, naming
        it and its line; ``ProgramError`` without a C compiler (``cc`` or ``gcc``) to link with; what ``f.cfunc``
        raises.
    """
    prototype = parse_prototype(signature)
    match = re.match(r".*?(\w+)\s*\(", signature, re.DOTALL)
    assert match is not None
    name = match[1]
    linker = shutil.which("cc") or shutil.which("gcc")
    if linker is None:
        raise ProgramError("export needs a C compiler to link with, and there is neither cc nor gcc")
    direct = DirectFunction(function, [prototype_form(p) for p in prototype.arguments], {})
    objects = _objects(direct, name, prototype, cpu)
    base = Path(path)
    target = base.with_name(f"lib{base.name}.so")
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for k, data in enumerate(objects):
            files.append(Path(folder, f"part{k}.o"))
            files[-1].write_bytes(data)
        own = (
            ["-Wl,-Bsymbolic", "-Wl,-z,defs"] if sys.platform == "linux" else []
        )  # two of these stay apart; all is there
        command = [linker, "-shared", "-o", str(target), *own, *map(str, files), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProgramError(f"export: {' '.join(command[:3])} failed: {done.stderr.strip()}")
    base.with_name(f"{base.name}.h").write_text(_header(name, signature))
    base.with_name(f"{base.name}.py").write_text(_loader(name, target.name, prototype))
    return target


def _objects(direct: DirectFunction, name: str, prototype: Prototype, cpu: str) -> list[bytes]:
    built = direct.first
    executable = built.program.runner.executable
    assert executable is not None
    _require_exportable(direct, built)
    sources = [Source(*function[:2], "", function[2]) for function in executable.functions]
    *kernels, driver = sources
    with LOCK:
        found = [emit_for(source_ir(source), optimisation(source), cpu) for source in sources]
        found += [emit_for(own_function_ir(called), 2, cpu) for called in _special_functions(kernels)]
        bits, linked = vector_bits_of(cpu), dict[Service, str]()
        if _uses(driver.text, _PRODUCTS):
            found.append(emit_for(tiled_gemm_ir(bits, _MEMORY), 1, cpu))
            linked |= _PRODUCTS
        for service, real in _CONVOLUTIONS.items():
            if _uses(driver.text, [service]):
                found.append(emit_for(convolution_ir(real, bits, _MEMORY), 1, cpu))
                linked[service] = f"graphc_convolution_{real}_{{}}"
        symbols = {service: symbol.format(bits) for service, symbol in linked.items()}
        glue = _glue(direct, built, name, prototype, [kernel.name for kernel in kernels], driver.name, symbols)
        parse(glue)
        found.append(emit_for(glue, 1, cpu))
    assert driver.signature == DRIVER_SIGNATURE
    return found


def _special_functions(kernels: Iterable[Source]) -> list[str]:
    """Those of ``scipy.special`` that the kernels call. A library has graphc's own, as devices have."""
    return sorted({name for kernel in kernels for name in names_in(kernel.text)})


def _uses(driver: str, services: Iterable[Service]) -> bool:
    """Whether a driver's text takes one of these services from its table."""
    return any(f"table[{int(service)}]" in driver for service in services)


def _require_exportable(direct: DirectFunction, built: Built) -> None:
    """Raises: ``UnsupportedError``: the program calls what is in this process only."""
    executable = built.program.runner.executable
    assert executable is not None
    *kernels, (_, driver, _) = executable.functions
    if "call_service(as_pointer" in driver:
        called = [node for node in _nodes(built.program.marked) if node.op.name == "foreign"]
        names = ", ".join(dict.fromkeys(f"{node.attrs['name']} ({node.location})" for node in called))
        raise UnsupportedError(
            f"{direct.name} cannot be exported: it calls what is in this process only, the opaque {names}: write it in "
            "NumPy, or call it outside of what is exported"
        )
    unknown = [k for k, kernel in enumerate(kernels) if not FUNCTIONS.keys() >= set(names_in(kernel[1]))]
    if unknown:
        names = ", ".join(sorted({name for k in unknown for name in names_in(kernels[k][1])} - FUNCTIONS.keys()))
        raise UnsupportedError(
            f"{direct.name} cannot be exported: it calls SciPy ({names}) at "
            f"{', '.join(_lines_that_launch(driver, unknown))}, and a library has none: write it by other functions"
        )
    used = [{int(k) for k in re.findall(r"as_pointer_i64\(library\)\[(\d+)\]", text)} for _, text, _ in kernels]
    foreign = [k for k, words in enumerate(used) if "library" in kernels[k][1] and not words & set(Sorter)]
    if foreign:
        names = ", ".join(Lapack(k).name.lower() for k in sorted(set[int]().union(*used) - {Lapack.WIDE, *Sorter}))
        what = f"LAPACK ({names})" if names else "NumPy's Fourier transforms"
        raise UnsupportedError(
            f"{direct.name} cannot be exported: it calls {what} at "
            f"{', '.join(_lines_that_launch(driver, foreign))}, "
            "and a library has none: factorise or solve outside of what is exported, or write the steps as loops"
        )


def _nodes(graph: Graph) -> Iterator[Node]:
    """Every node, those of regions included."""
    for node in graph.nodes:
        yield node
        for region in node.regions:
            yield from _nodes(region)


def _lines_that_launch(driver: str, kernels: Iterable[int]) -> list[str]:
    """The user's lines, as the driver's comments have them, that launch these kernels."""
    launches = tuple(f"{name}(table, {KERNELS_START + k}," for k in kernels for name in ("launch", "launch_lapack"))
    found, comment = [], ""
    for line in driver.splitlines():
        if line.lstrip().startswith("# "):
            comment = line.strip(" #")
        elif line.lstrip().startswith(launches):
            found.append(comment)
    return list(dict.fromkeys(found))


def _glue(
    direct: DirectFunction,
    built: Built,
    name: str,
    prototype: Prototype,
    kernels: list[str],
    driver: str,
    linked: Mapping[Service, str],
) -> str:
    """Tables, the record of the program, its site, and the C function, as textual LLVM IR.

    ``linked``: the symbols of what it has of products of matrices and convolutions.
    """
    hidden = [np.ascontiguousarray(array) for array in built.hidden]
    direct_text = direct_source(built.plan, built.sources, [np.shape(array) for array in built.hidden])
    names = (f"prepare_{name}", f"run_{name}")
    parts = [direct_ir(direct_text, names), pool_code.pool_ir(threads=False)]
    services = ["0"] * KERNELS_START
    services[Service.LAUNCH] = _at("graphc_launch")
    services[Service.GROW], services[Service.RELEASE] = _at("realloc"), _at("free")
    for service, symbol in linked.items():
        services[service] = _at(symbol)
        parts.append(f"declare i64 @{symbol}(...)")
    for k, array in enumerate(hidden):
        content = "".join(f"\\{byte:02X}" for byte in array.tobytes())
        parts.append(f'@hidden{k} = internal constant [{array.nbytes} x i8] c"{content}", align 64')
    parts += [f"declare i32 @{symbol}(...)" for symbol in (*kernels, driver)]
    parts += ["declare ptr @malloc(i64)", "declare ptr @realloc(ptr, i64)", "declare void @free(ptr)"]
    services[Service.LIBRARY] = _at("no_library")
    parts.append(_words("no_library", ["0"] * (max(Sorter) + 1)))
    parts.append(_words("table", [*services, *map(_at, kernels)]))
    record = ["0", *map(_at, names), _at(driver), _at("table"), _at("malloc"), _at("free")]
    record += ["0"] * (3 + KEPT_BLOCKS)
    parts.append(_words("record", [*record, *(_at(f"hidden{k}") for k in range(len(hidden)))]))
    parts.append(_words("site", [_at("record"), "0", "0"]))
    parts.append(c_function_ir(name, prototype, direct, _at("site"), _at("graphc_find")))
    return "\n".join(parts)


def _at(symbol: str) -> str:
    return f"ptrtoint (ptr @{symbol} to i64)"


def _words(name: str, words: list[str]) -> str:
    return f"@{name} = internal global [{len(words)} x i64] [{', '.join(f'i64 {word}' for word in words)}], align 64"


_STATUS = """0: done; k > 0: the k-th index is out of range; -1: no memory; -3: sizes that the
   program does not serve; -4: an array of another shape than the result has. */"""


def _header(name: str, signature: str) -> str:
    guard = f"GRAPHC_{name.upper()}_H"
    plain = re.sub(r"(\w+)\s*((?:\[\w+\])+)", r"*\1 /* \2 */", signature).strip().rstrip(";")
    return (
        "/* Made by graphc. All arrays are C-contiguous; any thread may call it.\n"
        f"   An integer that is returned: {_STATUS}\n"
        f"#ifndef {guard}\n#define {guard}\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
        f'#ifdef __cplusplus\nextern "C" {{\n#endif\n\n{plain};\n\n#ifdef __cplusplus\n}}\n#endif\n\n#endif\n'
    )


def _loader(name: str, library: str, prototype: Prototype) -> str:
    """A Python module that needs ctypes alone."""
    kinds = []
    for parameter in prototype.parameters:
        plain = "c_void_p" if parameter.kind in ("input", "output", "ignored") else _ctype(parameter.dtype)
        kinds.append(f"ctypes.{plain}")
    result = "None" if prototype.result is None else f"ctypes.{_ctype(prototype.result)}"
    return (
        f'"""{prototype.text}\n\nMade by graphc. Arrays are passed by address: ``x.ctypes.data``.\n"""\n\n'
        f"import ctypes\nfrom pathlib import Path\n\n"
        f"_library = ctypes.CDLL(str(Path(__file__).resolve().parent / {library!r}))\n"
        f"{name} = _library.{name}\n{name}.restype = {result}\n{name}.argtypes = [{', '.join(kinds)}]\n"
    )


def _ctype(dtype: np.dtype) -> str:
    return str(np.ctypeslib.as_ctypes_type(dtype).__name__) if dtype.kind != "b" else ctypes.c_bool.__name__
