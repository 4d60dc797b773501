"""C pointers of compiled functions: ``f.cfunc(prototype)``."""

from __future__ import annotations

import ctypes
import itertools
from typing import Any

import numpy as np

from graphc import pytree
from graphc.direct import DirectFunction, Form
from graphc.errors import OutputError
from graphc.function import CompiledFunction
from graphc.prototype import Parameter, Prototype, parse_prototype
from graphc.runtime import native
from graphc.runtime.c_code import Words, serve_source, wrapper_ir
from graphc.runtime.direct import find_address

_numbers = itertools.count()


class CFunction:
    """A compiled function as C calls it.

    ``address`` (int) stays valid as long as the process; ``ctypes`` is the pointer as ctypes has it, which SciPy's
    ``LowLevelCallable`` takes; ``prototype`` is its text. Any thread may call it, many at once, without the GIL.
    """

    def __init__(self, prototype: Prototype, address: int, direct: DirectFunction):
        self.prototype, self.address, self.direct = prototype.text, address, direct
        kinds = [_ctype(p) for p in prototype.parameters]
        result = None if prototype.result is None else np.ctypeslib.as_ctypes_type(prototype.result)
        self.ctypes = ctypes.CFUNCTYPE(result, *kinds)(address)

    def __repr__(self) -> str:
        return f"<graphc C function {self.prototype} at {self.address:#x}>"


def make_cfunc(function: CompiledFunction, text: str) -> CFunction:
    """See ``CompiledFunction.cfunc``."""
    prototype = parse_prototype(text)
    direct = DirectFunction(function, [prototype_form(p) for p in prototype.arguments], {})
    name = f"graphc_c_{next(_numbers)}"
    ir = c_function_ir(name, prototype, direct, str(direct.site.address), str(find_address()))
    address = native.load_object(native.compile_module(ir, 1), [name])[name]
    return CFunction(prototype, address, direct)


def c_function_ir(name: str, prototype: Prototype, direct: DirectFunction, site: str, find: str) -> str:
    """Textual LLVM IR (str) of the C function of this name around a site. Raises ``OutputError``: see ``_outputs``."""
    from graphc.runtime.machine_code import llvm_text

    words = _words(prototype, direct)
    source = serve_source(words, len(prototype.parameters)).replace("def serve(", f"def serve_{name}(")
    parameters = [p.dtype if p.kind in ("integer", "real") else None for p in prototype.parameters]
    return llvm_text([], (), source) + "\n" + wrapper_ir(name, parameters, prototype.result, site, find)


def prototype_form(parameter: Parameter) -> Form:
    """The form of the argument that a parameter gives."""
    if parameter.kind == "integer":
        return Form("int", np.int64)
    if parameter.sizes:
        return Form("array", parameter.dtype, len(parameter.sizes))
    return Form("float") if parameter.dtype == np.float64 else Form("scalar", parameter.dtype)


def _words(prototype: Prototype, direct: DirectFunction) -> Words:
    word = {p.name: k for k, p in enumerate(prototype.parameters)}

    def size(of: str | int) -> tuple[str, int]:
        return ("number", of) if isinstance(of, int) else ("word", word[of])

    sizes: list[tuple[str, int]] = []
    for parameter in prototype.arguments:
        sizes += [size(parameter.name)] if parameter.kind == "integer" else [size(s) for s in parameter.sizes]
    places = _outputs(prototype, direct)
    outputs: list[tuple[int | None, int, tuple[tuple[str, int], ...] | None]] = []
    for k, (dtype, _) in enumerate(direct.result.outputs):
        taker = places.get(k)
        if isinstance(taker, Parameter):
            outputs.append((word[taker.name], dtype.itemsize, tuple(size(s) for s in taker.sizes)))
        else:
            outputs.append((taker, dtype.itemsize, None))
    inputs = tuple((word[p.name], p.kind == "input") for p in prototype.arguments)
    return Words(tuple(sizes), inputs, tuple(outputs), tuple(rank for _, rank in direct.result.outputs))


def _outputs(prototype: Prototype, direct: DirectFunction) -> dict[int, Parameter | int]:
    """For each output that is wanted what takes it: a parameter, or -1 for what is returned.

    Raises: ``OutputError``: a parameter, or the returned number, for which there is no output.
    """
    leaves = [leaf for leaf in pytree.flatten(direct.result.tree)[0] if isinstance(leaf, int)]
    left = {k: direct.result.outputs[k] for k in dict.fromkeys(leaves)}
    wanted: list[tuple[Any, np.dtype, int, str]] = []
    if prototype.result is not None and prototype.result.kind == "f":
        wanted.append((-1, prototype.result, 0, "the returned number"))
    wanted += [(p, p.dtype, len(p.sizes), f"parameter {p.name!r}") for p in prototype.outputs]
    places: dict[int, Parameter | int] = {}
    for taker, dtype, rank, what in wanted:
        found = next((k for k, kind in left.items() if kind == (dtype, rank)), None)
        if found is None:
            results = ", ".join(f"{d.name} with {r} dimensions" for d, r in direct.result.outputs)
            raise OutputError(
                f"{direct.name}: for {what} of {prototype.text!r}, {dtype.name} with {rank} dimensions, there is no "
                f"result left; the results are {results} (inputs are marked with const)"
            )
        del left[found]
        places[found] = taker
    return places


def _ctype(parameter: Parameter) -> Any:
    if parameter.kind == "ignored":
        return ctypes.c_void_p
    kind = np.ctypeslib.as_ctypes_type(parameter.dtype)
    return kind if parameter.kind in ("integer", "real") else ctypes.POINTER(kind)
