"""Functions that graphc cannot look into, called from compiled code: ``graphc.opaque``.

The example assumes ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.custom import _WithRule
from graphc.errors import ShapeError, TraceTypeError
from graphc.ir.graph import Value
from graphc.ops.table import OPS
from graphc.prototype import Parameter, Prototype, parse_prototype
from graphc.runtime import foreign
from graphc.runtime.c_code import llvm_type
from graphc.trace.location import user_location
from graphc.trace.rewrite import prepare
from graphc.trace.session import Session, current
from graphc.trace.values import unwrap

_numbers = itertools.count()

Kinds = tuple[tuple[np.dtype, int], ...]


class Opaque(_WithRule):
    """See :func:`opaque`."""

    kind = "opaque"

    def __init__(
        self,
        function: Any,
        name: str,
        prototype: Prototype | None,
        result: Callable[..., Any] | None,
        rules: tuple[Callable[..., Any] | None, Callable[..., Any] | None],
    ):
        super().__init__(function if callable(function) and prototype is None else self._call_pointer, ())
        self.name, self.prototype, self.result = name, prototype, result
        self.pointer = function
        self.vjp, self.jvp = rules
        self._addresses: dict[tuple[Kinds, Kinds], np.ndarray] = {}
        self._kept: list[object] = []

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        if kwargs:
            raise TypeError(f"{self.name}: an opaque function takes its arguments by position")
        return args

    def _call_pointer(self, *args: Any) -> Any:
        """The C function, called from Python: a program of this call alone."""
        from graphc.function import CompiledFunction
        from graphc.transform import Transform

        return CompiledFunction(self, Transform("jit", None, forward_mode=True))(*args)  # traced also without compiling

    def traced(self, *args: Any) -> Any:
        """The call as part of the trace at hand."""
        session = current()
        assert session is not None
        F = session.F
        F.location = user_location()
        values = [F.value(unwrap(session, arg)) for arg in args]
        if self.prototype is not None:
            values, types = _by_prototype(session, self.prototype, self.name, values)
            single = len(types) == 1
        else:
            like = args[0] if self.result is None else prepare(self.result)(*args)
            single = not isinstance(like, tuple | list)
            results = [F.value(unwrap(session, part)) for part in ([like] if single else like)]
            types = [(v.type.dtype, v.dims) for v in results]
        kinds = tuple((v.type.dtype, v.rank) for v in values)
        address = self._address(kinds, tuple((dtype, len(dims)) for dtype, dims in types))
        place = F.value(unwrap(session, address))
        attrs = {
            "name": self.name,
            "dtypes": tuple(dtype for dtype, _ in types),
            "shapes": tuple(tuple(dims) for _, dims in types),
        }
        outputs = F.raw(OPS["foreign"], (place, *values), attrs).outputs
        found = tuple(session.wrap(session, output) for output in outputs)
        return found[0] if single else found

    def _address(self, arguments: Kinds, results: Kinds) -> np.ndarray:
        """The address, as the array that programs read it from."""
        key = arguments, results
        if key not in self._addresses:
            if self.prototype is None:
                address, kept = foreign.python_address(self.function, self.name, arguments, results)
                self._kept.append(kept)
            else:
                address = _adapter(self.prototype, _address_of(self.pointer), arguments, results)
            self._addresses[key] = np.array(address, np.int64)
        return self._addresses[key]

    def __repr__(self) -> str:
        return f"<graphc opaque {self.name}>"


def opaque(
    function: Any,
    *,
    prototype: str | None = None,
    result: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
) -> Any:
    """A foreign function for use in compiled functions: a SciPy routine, a C function by its pointer.

    >>> from scipy.special import j0, j1
    >>> bessel = graphc.opaque(j0, vjp=lambda g, out, x: (-g * opaque_j1(x),))
    >>> opaque_j1 = graphc.opaque(j1)
    >>> graphc.grad(lambda x: np.sum(bessel(x) ** 2))(np.array([1.0, 2.0]))
    array([-0.67345138, -0.25824673])

    Args:
        function: a Python function of arrays; or, with ``prototype``, a C function: its address (int), a ctypes
            function, or what has an ``address``, like a Numba cfunc. It must depend on its arguments alone.
        prototype: of the C function, in the form of ``f.cfunc``: ``"void f(int n, const double x[n], double y[n])"``.
        result: of a Python function: gets the arguments, traced, and returns an array (or a tuple of them) of the
            shape and dtype of the result, which it need not compute: ``result=lambda A, b: b``. By default the result
            is like the first argument.
        vjp: ``vjp(g, out, *args)`` returns a cotangent for each argument, None for zeros.
        jvp: ``jvp(tangents, out, *args)`` returns the tangent of the result; without ``vjp`` it serves both modes.
    Returns: a function of positional arguments. Compiled code calls a C function directly, without the GIL; a Python
        function through Python, which costs some microseconds and the GIL: threads call it one at a time.
    Raises: ``ValueError`` for a prototype that is none. When called: what the function raises; ``GradientError`` where
        it is differentiated without a rule. Batches (``vmap``) call it for each element in turn.
    """
    parsed = None if prototype is None else parse_prototype(prototype)
    if parsed is None and not callable(function):
        raise TypeError(f"opaque needs a Python function, or prototype= of the C function: got {function!r}")
    name = getattr(function, "__name__", None) or (prototype or "").partition("(")[0].split()[-1]
    return Opaque(function, name, parsed, result, (vjp, jvp))


# --- C functions ------------------------------------------------------------------------------------------------------


def _address_of(function: Any) -> int:
    if isinstance(function, int):
        return function
    address = getattr(function, "address", None)
    return int(address) if address is not None else ctypes.cast(function, ctypes.c_void_p).value or 0


def _by_prototype(
    session: Session, prototype: Prototype, name: str, values: Sequence[Value]
) -> tuple[list[Value], list[tuple[np.dtype, tuple[Any, ...]]]]:
    """The arguments in the prototype's dtypes, and the dtypes and dims of the results."""
    F = session.F
    wanted = prototype.arguments
    if len(values) != len(wanted):
        raise TraceTypeError(f"{name} takes {len(wanted)} arguments, and {len(values)} were given", location=F.location)
    sizes: dict[str, Any] = {}
    given = []
    for k, (value, parameter) in enumerate(zip(values, wanted, strict=True)):
        dtype = np.dtype(np.int64) if parameter.kind == "integer" else parameter.dtype
        given.append(F.cast(value, dtype))
        fits = value.rank == len(parameter.sizes)
        for size, dim in zip(parameter.sizes, value.dims, strict=False):
            fits = fits and F.facts.equal(sizes.setdefault(size, dim) if isinstance(size, str) else size, dim)
        if not fits:
            raise ShapeError(f"{name}: argument {k} does not fit {prototype.text!r}", location=F.location)
    unknown = {s for p in prototype.outputs for s in p.sizes if isinstance(s, str)} - set(sizes)
    if unknown:
        raise TraceTypeError(f"{name}: no argument says what {min(unknown)!r} is", location=F.location)
    types = [(p.dtype, tuple(sizes[s] if isinstance(s, str) else s for s in p.sizes)) for p in prototype.outputs]
    if prototype.result is not None and prototype.result.kind == "f":
        types.insert(0, (prototype.result, ()))
    return given, types


def _adapter(prototype: Prototype, address: int, arguments: Kinds, results: Kinds) -> int:
    """A function with the signature of ``ops.foreign`` that calls one with the prototype."""
    kinds = (*arguments, *results)
    count = len(kinds) + sum(rank for _, rank in kinds)
    name = f"graphc_foreign_{next(_numbers)}"
    lines = [f"define i64 @{name}({', '.join(f'i64 %w{k}' for k in range(count))}) {{"]
    word = {p.name: k for k, p in enumerate(prototype.arguments)}
    returns = prototype.result is not None and prototype.result.kind == "f"
    word |= {p.name: k for k, p in enumerate(prototype.outputs, len(arguments) + returns)}
    sizes: dict[str, int] = {}
    position = len(kinds)
    for parameter in prototype.arguments:
        for size in parameter.sizes:
            if isinstance(size, str):
                sizes.setdefault(size, position)
            position += 1
    passed = [_passed(lines, k, p, word, sizes) for k, p in enumerate(prototype.parameters)]
    kind = "void" if prototype.result is None else llvm_type(prototype.result)
    call = f"call {kind} inttoptr (i64 {address} to ptr)({', '.join(passed)})"
    lines.append(f"  {call}" if prototype.result is None else f"  %returned = {call}")
    if prototype.result is None:
        lines.append("  ret i64 0")
    elif returns:
        lines += [f"  %result = inttoptr i64 %w{len(arguments)} to ptr", f"  store {kind} %returned, ptr %result"]
        lines.append("  ret i64 0")
    else:
        lines.append("  ret i64 %returned" if kind == "i64" else f"  %status = sext {kind} %returned to i64")
        lines += [] if kind == "i64" else ["  ret i64 %status"]
    return foreign.c_address([*lines, "}"], name)


def _passed(lines: list[str], k: int, parameter: Parameter, word: dict[str, int], sizes: dict[str, int]) -> str:
    """What is passed for a parameter of the prototype."""
    if parameter.kind == "ignored":
        return "ptr null"
    if parameter.name in sizes:
        lines.append(f"  %p{k} = add i64 %w{sizes[parameter.name]}, 0")
    else:
        lines.append(f"  %a{k} = inttoptr i64 %w{word[parameter.name]} to ptr")
        if parameter.kind in ("input", "output"):
            return f"ptr %a{k}"
        loaded = "i64" if parameter.kind == "integer" else llvm_type(parameter.dtype)
        lines.append(f"  %p{k} = load {loaded}, ptr %a{k}")
    kind = llvm_type(parameter.dtype)
    if parameter.kind == "integer" and kind != "i64":
        lines.append(f"  %t{k} = trunc i64 %p{k} to {kind}")
        return f"{kind} %t{k}"
    return f"{kind} %p{k}"
