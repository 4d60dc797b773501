"""NumPy's protocols (NEP 13, NEP 18): from a call on traced arrays to nodes, through the tables of ``functions``."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, ArrayType
from graphc.trace.functions import METHODS, NUMPY_FUNCTIONS, PROPERTIES, UFUNC_FUNCTIONS, UFUNC_METHODS, UFUNCS
from graphc.trace.functions.arguments import as_array
from graphc.trace.functions.indexing import getitem
from graphc.trace.functions.integers import apply_op, squared_truths
from graphc.trace.location import user_location
from graphc.trace.session import Session, hint_of
from graphc.trace.values import TracedValue, alive, session_at, session_of, unwrap, value_in, wrap

_IGNORED = {"casting", "order", "subok"}


# --- operators and ufuncs ---------------------------------------------------------------------------------------------


def apply_operator(ufunc: str, operands: Sequence[Any]) -> Any:
    """One of Python's operators; like the ufunc, but Python numbers among themselves stay Python numbers (weak)."""
    session = session_of(operands)
    values = [unwrap(session, operand) for operand in operands]
    if ufunc == "power" and type(values[1]) is int and values[1] == 2 and _is_mask(values[0]):
        session.F.location = user_location()
        return wrap(session, squared_truths(session.F, values[0]))
    result = _apply(session, ufunc, values)
    if isinstance(result, Value) and not result.dims and all(map(_is_weak, values)):
        make_weak(result)
    return wrap(session, result)


def _is_mask(operand: Any) -> bool:
    return isinstance(operand, Value) and operand.type.dtype == BOOL and bool(operand.dims)


def _is_weak(operand: Any) -> bool:
    return operand.type.weak if isinstance(operand, Value) else not isinstance(operand, np.generic | list | tuple)


def make_weak(value: Value) -> None:
    """Make the output of a new node a Python number, whose dtype gives way to that of an array."""
    if not value.type.weak and value.type.dtype.kind in "fiu":
        value.type = ArrayType(value.type.dtype, value.type.dims, weak=True)


def _apply(session: Session, ufunc: str, values: Sequence[Any], name: str = "") -> Any:
    """The ufunc of NumPy's name on values, numbers and dims."""
    F = session.F
    F.location = user_location()
    op = UFUNCS.get(ufunc)
    if op is not None:
        if any(isinstance(v, list | tuple) for v in values):
            values = [as_array(F, v) if isinstance(v, list | tuple) else v for v in values]
        with sizes_in_errors(session, values):
            return apply_op(F, op, values)
    function = UFUNC_FUNCTIONS.get(ufunc)
    if function is None:
        raise_unsupported(name or f"numpy.{ufunc}")
    with sizes_in_errors(session, values):
        return function(F, *values)


@contextmanager
def sizes_in_errors(session: Session, operands: Any) -> Iterator[None]:
    """A ``ShapeError`` from inside names the line and the sizes of this call beside the symbols."""
    try:
        yield
    except ShapeError as error:
        shapes = [_sizes(session, v) for v in _values(operands)]
        symbolic = any(not isinstance(d, int) for v in _values(operands) for d in v.dims)
        detail = f"; here the shapes are {' and '.join(shapes)}" if symbolic else ""
        raise type(error)(error.message + detail, location=error.location or user_location()) from None


def _values(operands: Any) -> list[Value]:
    if isinstance(operands, Value):
        return [operands]
    return [v for part in operands for v in _values(part)] if isinstance(operands, list | tuple) else []


def _sizes(session: Session, value: Value) -> str:
    facts = session.F.facts
    sizes = ["a count" if facts.is_bound(d) else str(hint_of(session, d)) for d in value.dims]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``__array_ufunc__``: the call itself, or ``reduce``, ``accumulate``, ``outer``."""
    out = kwargs.pop("out", None)
    if out is not None and any(o is not None for o in out):
        refuse_out(f"np.{ufunc.__name__}")
    if method == "__call__":
        return _call(ufunc, inputs, kwargs)
    function = UFUNC_METHODS.get((ufunc.__name__, method))
    name = f"numpy.{ufunc.__name__}.{method}"
    if function is None:
        raise_unsupported(name)
    return _run(function, inputs, kwargs)


def _call(ufunc: np.ufunc, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    session = session_of(inputs)
    name = public_name(ufunc)
    where, dtype = kwargs.pop("where", True), kwargs.pop("dtype", None)
    unknown = set(kwargs) - _IGNORED
    if where is not True or unknown:
        what = "where=" if where is not True else f"{min(unknown)}="
        message = f"{name}: {what} is not supported on traced arrays; use np.where on the result"
        raise UnsupportedError(message, location=user_location())
    values = [unwrap(session, operand) for operand in inputs]
    if dtype is not None:
        session.F.location = user_location()
        values = [session.F.cast(as_array(session.F, v), np.dtype(dtype)) for v in values]
    return wrap(session, _apply(session, ufunc.__name__, values, name))


def public_name(function: Callable[..., Any]) -> str:
    """The function's public name, such as ``numpy.linalg.norm`` or ``scipy.special.erf``."""
    module = getattr(function, "__module__", None)
    if module is None:  # a ufunc: SciPy's carry no module
        return f"numpy.{function.__name__}" if hasattr(np, function.__name__) else f"scipy.special.{function.__name__}"
    public = ".".join(part for part in module.split(".") if not part.startswith("_"))
    return f"{public}.{function.__name__}"


# --- functions --------------------------------------------------------------------------------------------------------


def call_function(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``__array_function__``."""
    return run_function(public_name(function), args, kwargs)


def run_function(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The function of the table, on traced arguments. Raises ``UnsupportedError`` naming the nearest supported one."""
    function = NUMPY_FUNCTIONS.get(name)
    if function is None:
        raise_unsupported(name)
    return _run(function, args, kwargs)


def _run(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    session = session_of((args, kwargs))
    values = [unwrap(session, a) for a in args]
    keywords = {key: unwrap(session, value) for key, value in kwargs.items() if value is not np._NoValue}
    session.F.location = user_location()
    with sizes_in_errors(session, (values, list(keywords.values()))):
        return wrap(session, function(session.F, *values, **keywords))


def raise_unsupported(name: str) -> NoReturn:
    known = [*NUMPY_FUNCTIONS, *(f"numpy.{ufunc}" for ufunc in (*UFUNCS, *UFUNC_FUNCTIONS) if hasattr(np, ufunc))]
    special = [*UFUNCS, *UFUNC_FUNCTIONS]
    known += [f"scipy.special.{ufunc}" for ufunc in special if not hasattr(np, ufunc)]
    message = f"{name} is not supported on traced arrays{_nearest(name, known)}"
    raise UnsupportedError(message, location=user_location())


def _nearest(name: str, known: Sequence[str]) -> str:
    """A closing remark: the name that exists and was probably meant, or what to do without."""
    tails: dict[str, str] = {}
    for candidate in known:
        tails.setdefault(candidate.rpartition(".")[2], candidate)
    tails["cumulative_prod"] = "numpy.cumprod"  # the array API's name
    match = difflib.get_close_matches(name.rpartition(".")[2], tails, n=1, cutoff=0.75)
    if match:
        return f"; the nearest supported one is {tails[match[0]]}"
    if name.startswith(("numpy.linalg.", "scipy.linalg.")):
        return "; of linear algebra there are products, einsum, trace and norms, but no solvers or decompositions yet"
    return "; write it with the functions that docs/supported.md lists, or compute it outside and pass it in"


def refuse_out(name: str) -> NoReturn:
    message = f"{name} with out=: writing into an array is not supported while tracing; use the result: x = x + v"
    raise UnsupportedError(message, location=user_location())


# --- methods, properties, items ---------------------------------------------------------------------------------------


def get_item(traced: TracedValue, key: Any) -> Any:
    session = session_of((traced, key))
    session.F.location = user_location()
    value = unwrap(session, traced)
    with sizes_in_errors(session, value):
        return wrap(session, getitem(session.F, value, unwrap(session, key)))


def find_attribute(traced: TracedValue, name: str) -> Any:
    """The array's property, or its method bound to it; None where there is none."""
    get = PROPERTIES.get(name)
    if get is not None:
        session = session_at(traced)
        session.F.location = user_location()
        return wrap(session, get(session.F, value_in(session, traced)))
    method = METHODS.get(name)
    if method is None:
        return None
    return lambda *args, **kwargs: _run(method, (traced, *args), kwargs)


def nearest_attribute(name: str) -> str:
    """A closing remark with the most similar method or property."""
    return _nearest(name, [*METHODS, *PROPERTIES])


def in_place(traced: TracedValue, symbol: str, ufunc: str, other: Any) -> Any:
    """``x += v``. A scalar is immutable in NumPy, so the name is rebound; an array would be written into."""
    session = alive(traced)
    if traced.value.dims or session.root.captures.is_array_input(traced.value):
        raise UnsupportedError(
            f"x {symbol}= v: writing into a traced array is not supported yet; write x = x {symbol} v",
            location=user_location(),
        )
    return apply_operator(ufunc, (traced, other))
