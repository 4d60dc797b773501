"""Compiled functions inside ``@numba.njit`` code: how Numba types and lowers a call of one.

Numba asks an object for its type by the attribute ``_numba_type_``, so nothing is registered by ``import graphc``. For
each combination of argument types a small njit function is generated, which passes addresses and sizes to the program
through its site (``direct``). The example assumes ``import numba``, ``import numpy as np`` and ``import graphc``.

>>> gradient = graphc.grad(lambda x: np.sum(x**3))
>>> @numba.njit
... def step(x):
...     return x - 0.1 * gradient(x)
>>> step(np.array([1.0, 2.0]))
array([0.7, 0.8])
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.errors import TypingError
from numba.core.imputils import lower_constant
from numba.extending import NativeValue, models, register_model, unbox
from numba.np.numpy_support import as_dtype

from graphc.direct import DirectFunction, Form
from graphc.errors import GraphcError
from graphc.function import CompiledFunction
from graphc.numba_call import array_data, caller_source, find_program, run_program

_types: weakref.WeakKeyDictionary[CompiledFunction, CompiledFunctionType] = weakref.WeakKeyDictionary()


class CompiledFunctionType(types.Callable, types.Opaque):
    """The Numba type of one compiled function."""

    def __init__(self, function: CompiledFunction):
        self.function = function
        self._callers: dict[Any, Any] = {}
        self._compiled: dict[Any, Any] = {}
        super().__init__(f"graphc.{function._transform.kind}({function._target.name}, {id(function):#x})")

    def get_call_type(self, context: Any, args: Sequence[types.Type], kws: Mapping[str, types.Type]) -> Any:
        caller = types.Dispatcher(self._caller(tuple(args), dict(kws)))
        signature = caller.get_call_type(context, args, kws)
        self._compiled[_key(signature)] = caller.get_impl_key(signature)
        return signature

    def get_impl_key(self, sig: Any) -> Any:
        return self._compiled[_key(sig)]

    def get_call_signatures(self) -> Any:
        return (), True

    def _caller(self, args: tuple[types.Type, ...], kws: dict[str, types.Type]) -> Any:
        key = args, tuple(kws.items())
        if key not in self._callers:
            try:
                self._callers[key] = make_caller(self.function, args, kws)
            except GraphcError as error:
                raise TypingError(f"graphc: {error}") from error
        return self._callers[key]


def _key(signature: Any) -> Any:
    return signature.args, tuple(signature.pysig.parameters)


def numba_type(function: CompiledFunction) -> CompiledFunctionType:
    """The Numba type of a compiled function, the same at each call."""
    if function not in _types:
        _types[function] = CompiledFunctionType(function)
    return _types[function]


register_model(CompiledFunctionType)(models.OpaqueModel)


@unbox(CompiledFunctionType)
def _unbox(kind: Any, obj: Any, c: Any) -> Any:
    return NativeValue(c.context.get_dummy_value())


@lower_constant(CompiledFunctionType)
def _constant(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.get_dummy_value()


def make_caller(
    function: CompiledFunction, args: Sequence[types.Type], kws: Mapping[str, types.Type]
) -> Callable[..., Any]:
    """The njit function (a Numba dispatcher) that calls a compiled function with arguments of these types.

    Raises: TypingError: an argument or a result that njit code and graphc do not both know, named. The errors of
    tracing.
    """
    name = function._target.name
    positional = [_form(kind, f"argument {k} of {name}") for k, kind in enumerate(args)]
    owns_out = function._owns_out()
    named = {key: _form(kind, f"argument {key!r} of {name}") for key, kind in kws.items() if key != "out" or owns_out}
    direct = DirectFunction(function, positional, named)
    out = None if owns_out else kws.get("out")
    parameters = [*(f"a{k}" for k in range(len(args))), *kws]
    source, names = caller_source(direct, parameters, args, kws, out)
    namespace: dict[str, Any] = {
        "np": np,
        "find": find_program,
        "run": run_program,
        "data": array_data,
        "SITE": direct.site.address,
        **names,
    }
    exec(compile(source, f"<graphc call of {name}>", "exec"), namespace)
    return numba.njit(nogil=True)(namespace["call"])


def _form(kind: types.Type, what: str) -> Any:
    """The form of an argument of a Numba type: a tuple of forms for a tuple, None for none."""
    if isinstance(kind, types.Array):
        try:
            return Form("array", as_dtype(kind.dtype), kind.ndim, kind.layout == "F")
        except NotImplementedError:
            raise _refused(what, kind) from None
    if isinstance(kind, types.NamedTuple | types.NamedUniTuple):
        return kind.instance_class(*(_form(part, what) for part in kind.types))
    if isinstance(kind, types.BaseTuple):
        return tuple(_form(part, what) for part in kind.types)
    if isinstance(kind, types.Omitted):
        return kind.value
    if isinstance(kind, types.NoneType):
        return None
    plain = types.unliteral(kind)
    if plain == types.float64:
        return Form("float")
    if isinstance(plain, types.Integer):
        return Form("int", np.int64)
    if plain == types.float32:
        return Form("scalar", np.float32)
    raise _refused(what, kind)


def _refused(what: str, kind: types.Type) -> TypingError:
    return TypingError(
        f"{what} is {kind}: compiled functions take arrays, floats, ints and tuples of these in njit code"
    )
