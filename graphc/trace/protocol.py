"""NumPy's protocols (NEP 13, NEP 18): from a call on traced arrays to nodes, through the tables of ``functions``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from graphc.errors import ShapeError, TraceTypeError, UnsupportedError
from graphc.ir.dims import Dim, symbols_of
from graphc.ir.graph import Value
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import BOOL
from graphc.trace.algorithms.folds import FOLDS
from graphc.trace.functions import METHODS, NUMPY_FUNCTIONS, PROPERTIES, UFUNC_FUNCTIONS, UFUNC_METHODS, UFUNCS
from graphc.trace.functions.arguments import as_array, shape_text
from graphc.trace.functions.assignment import add_at, distinct, same_kind, setitem
from graphc.trace.functions.complex_special import COMPLEX_FORMS
from graphc.trace.functions.complex_values import complex_dtype_of
from graphc.trace.functions.indexing import getitem
from graphc.trace.functions.integers import apply_op, squared_truths
from graphc.trace.functions.results import named
from graphc.trace.functions.sharing import VIEW_PROPERTIES, function_view, method_view
from graphc.trace.functions.table import WRITING_FUNCTIONS, WRITING_METHODS, signature_of
from graphc.trace.functions.ufuncs import in_loop
from graphc.trace.location import user_location
from graphc.trace.missing import nearest_of, raise_unsupported
from graphc.trace.other_arrays import written_here
from graphc.trace.precision import in_single, lowered
from graphc.trace.rewrite import rewritten
from graphc.trace.session import Session, hint_of
from graphc.trace.symbolic import meanings
from graphc.trace.values import (
    TracedValue,
    make_weak,
    session_at,
    session_of,
    unwrap,
    value_in,
    with_known_masks,
    wrap,
)

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


def python_number(number: Any, dtype: Any = None) -> Any:
    """The traced scalar as the Python number of that dtype (None: of its own)."""
    session = session_at(number)
    F, value = session.F, value_in(session, number)
    F.location = user_location()
    if value.type.is_complex and dtype is not None and np.dtype(dtype).kind != "c":
        message = f"{np.dtype(dtype).name} of a complex number: take its real part, z.real, or its size, abs(z)"
        raise TraceTypeError(message, location=F.location)
    # also from a dtype to itself: a value of its own, since what it was made of stays a NumPy number
    own = F.raw(F.ops["cast"], (value,), {"dtype": np.dtype(dtype or value.type.dtype)}).output
    make_weak(own)
    return wrap(session, own)


def _apply(session: Session, ufunc: str, values: Sequence[Any], name: str = "") -> Any:
    """The ufunc of NumPy's name on values, numbers and dims."""
    F = session.F
    F.location = user_location()
    values = lowered(F, list(values), ufunc)
    form = COMPLEX_FORMS.get(ufunc) if complex_dtype_of(values) is not None else None
    op = UFUNCS.get(ufunc) if form is None else None
    if op is not None:
        if any(isinstance(v, list | tuple) for v in values):
            values = [as_array(F, v) if isinstance(v, list | tuple) else v for v in values]
        with sizes_in_errors(session, values):
            return apply_op(F, op, values)
    function = form or UFUNC_FUNCTIONS.get(ufunc)
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
        detail += meanings(session, error.message + detail)
        raise type(error)(error.message + detail, location=error.location or user_location()) from None


def _values(operands: Any) -> list[Value]:
    if isinstance(operands, Value):
        return [operands]
    return [v for part in operands for v in _values(part)] if isinstance(operands, list | tuple) else []


def _sizes(session: Session, value: Value) -> str:
    facts = session.F.facts
    sizes = [_bound_text(facts, d) if facts.is_bound(d) else str(hint_of(session, d)) for d in value.dims]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _bound_text(facts: ShapeFacts, dim: Dim) -> str:
    """A size that is made of loop indices, as it is made; any other one is a number of elements that are counted."""
    return str(dim) if symbols_of(dim) & facts.limits.keys() else "a count"


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``__array_ufunc__``: the call itself, or ``reduce``, ``accumulate``, ``outer``."""
    out = kwargs.pop("out", None)
    if out is not None and any(o is not None for o in out):
        return _into(out, ufunc, method, inputs, kwargs)
    if method == "__call__":
        return _call(ufunc, inputs, kwargs)
    if method == "at":
        return write_at(ufunc, *inputs)
    function = UFUNC_METHODS.get((ufunc.__name__, method))
    name = f"numpy.{ufunc.__name__}.{method}"
    if function is not None:
        return _run(function, inputs, kwargs)
    algorithm = FOLDS.get(method) if "where" not in kwargs and ufunc.nin == 2 and ufunc.nout == 1 else None
    if algorithm is None or ufunc.__name__ not in UFUNCS:
        raise_unsupported(name)
    return rewritten(algorithm)(ufunc, *inputs, **kwargs)


def _into(out: Sequence[Any], ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The results written into the arrays of ``out``; where ``where=`` is false, these keep what they hold."""
    where = kwargs.pop("where", True) if method == "__call__" else True
    results = call_ufunc(ufunc, method, inputs, kwargs)
    several = isinstance(results, tuple)
    given = [
        result if array is None else store_out(array, result, public_name(ufunc), where)
        for array, result in zip(out, results if several else (results,), strict=True)
    ]
    return tuple(given) if several else given[0]


def write_at(ufunc: np.ufunc, traced: Any, key: Any, *operands: Any) -> None:
    """``ufunc.at``: like ``x[key] = ufunc(x[key], v)``, but a place that the key takes twice is changed twice."""
    name = f"{public_name(ufunc)}.at"
    require_traced(traced, name)
    session = session_of((traced, key, operands))
    F = session.F
    F.location = user_location()
    x, place = unwrap(session, traced), unwrap(session, key)
    with sizes_in_errors(session, x):
        if distinct(F, x, place):
            old = getitem(F, x, place)
            new = _apply(session, ufunc.__name__, [old, *(unwrap(session, o) for o in operands)], name)
            after = setitem(F, x, place, same_kind(F, new, x.type.dtype, name))
        elif ufunc.__name__ in ("add", "subtract"):
            added = same_kind(F, as_array(F, unwrap(session, *operands)), x.type.dtype, name)
            after = add_at(F, x, place, F.neg(added) if ufunc.__name__ == "subtract" else added)
        else:
            _require_positions(name, place)
            rewritten(FOLDS["at"])(ufunc, traced, key, *operands)
            return
    traced.assign(after)


def _require_positions(name: str, key: Any) -> None:
    parts = key if isinstance(key, tuple) else (key,)
    if any(part is None or part is Ellipsis or isinstance(part, slice) for part in parts):
        message = f"{name} with arrays of positions beside slices is only there for np.add.at and np.subtract.at: give "
        raise UnsupportedError(message + "an array of positions for each axis, or a loop", location=user_location())


def _call(ufunc: np.ufunc, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    session = session_of(inputs)
    name = public_name(ufunc)
    if "axis" in kwargs and name in NUMPY_FUNCTIONS:  # such as vecdot
        return _run(NUMPY_FUNCTIONS[name], inputs, kwargs, name=name)
    where, dtype = kwargs.pop("where", True), kwargs.pop("dtype", None)
    unknown = set(kwargs) - _IGNORED
    if where is not True or unknown:
        what = "where=" if where is not True else f"{min(unknown)}="
        message = f"{name}: {what} is not supported on traced arrays; use np.where on the result"
        raise UnsupportedError(message, location=user_location())
    values = [unwrap(session, operand) for operand in inputs]
    if dtype is not None:
        session.F.location = user_location()
        values = in_loop(session.F, ufunc, name, values, dtype, kwargs.get("casting", "same_kind"))
    return wrap(session, _apply(session, ufunc.__name__, values, name))


def public_name(function: Callable[..., Any]) -> str:
    """The function's public name, such as ``numpy.linalg.norm`` or ``scipy.special.erf``."""
    module, own_name = getattr(function, "__module__", None), function.__name__
    if not module:  # a ufunc: NumPy's and SciPy's carry no module, nor do those that np.frompyfunc makes
        if hasattr(np, own_name):
            return f"numpy.{own_name}"
        own_name = own_name.lstrip("_")  # _lambertw
        return f"scipy.special.{own_name}" if hasattr(sys.modules.get("scipy.special"), own_name) else own_name
    parts = module.split(".")
    for length in range(2, len(parts)) if module.startswith("scipy.") else ():  # scipy.sparse.linalg._isolve.iterative
        package = ".".join(parts[:length])
        if getattr(sys.modules.get(package), own_name, None) is function:
            return f"{package}.{own_name}"
    return ".".join([*(part for part in module.split(".") if not part.startswith("_")), own_name])


# --- functions --------------------------------------------------------------------------------------------------------


def call_function(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``__array_function__``."""
    return run_function(public_name(function), args, kwargs)


def run_function(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The function of the table, on traced arguments. Raises ``UnsupportedError`` naming the nearest supported one."""
    writing = WRITING_FUNCTIONS.get(name)
    if writing is not None:
        return _write(writing, name, args, kwargs)
    function = NUMPY_FUNCTIONS.get(name)
    if function is None:
        raise_unsupported(name)
    return _run(function, args, kwargs, function_view(name, kwargs), name)


def _run(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    view: str | None = None,
    name: str = "",
) -> Any:
    """The implementation on traced arguments; ``view``: how the result shares memory with its first argument."""
    out = kwargs.get("out")
    if out is not None and "out" in signature_of(function).parameters:
        rest = {key: value for key, value in kwargs.items() if key != "out"}
        return store_out(out[0] if isinstance(out, tuple) else out, _run(function, args, rest), name)
    session = session_of((args, kwargs))
    values = [unwrap(session, a) for a in args]
    keywords = {key: unwrap(session, value) for key, value in kwargs.items() if value is not np._NoValue}
    session.F.location = user_location()
    if view is None:
        values = lowered(session.F, values, name)
    with sizes_in_errors(session, (values, list(keywords.values()))):
        found = in_single(session.F, name, function, values, keywords)
    if view is None:
        return named(name, wrap(session, found))
    return _shared(
        session, list(zip((*args, *kwargs.values()), (*values, *keywords.values()), strict=False)), found, view
    )


def _shared(session: Session, arguments: Sequence[tuple[Any, Any]], found: Any, view: str) -> Any:
    """The results of a function as ``sharing`` says that they share memory with its arguments (given and unwrapped)."""
    if view == "one operand":  # after the subscripts; a result of several is new
        return _viewed(session, *arguments[1], found, "view") if len(arguments) == 2 else wrap(session, found)
    if view.startswith("each"):
        kind = "view" if view == "each view" else "read-only"
        return tuple(_viewed(session, *argument, part, kind) for argument, part in zip(arguments, found, strict=False))
    return _viewed(session, *arguments[0], found, view)


def _viewed(session: Session, base: Any, source: Any, found: Any, kind: str, key: Any = None) -> Any:
    """Results that share memory with the array ``base``, whose value was ``source``."""
    if isinstance(found, tuple | list):
        parts = [_viewed(session, base, source, part, kind, key) for part in found]
        return tuple(parts) if isinstance(found, tuple) else parts
    if not isinstance(base, TracedValue) or not isinstance(found, Value):
        return wrap(session, found)
    return base.viewed(session, source, found, kind, key)  # type: ignore[attr-defined]


# --- writing ----------------------------------------------------------------------------------------------------------


def _write(function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """A function that writes into its first argument: the implementation gives the array's new value."""
    traced = args[0] if args else next(iter(kwargs.values()))
    require_traced(traced, name)
    session = session_of((args, kwargs))
    values = [unwrap(session, a) for a in args]
    keywords = {key: unwrap(session, value) for key, value in kwargs.items() if value is not np._NoValue}
    session.F.location = user_location()
    with sizes_in_errors(session, (values, list(keywords.values()))):
        traced.assign(function(session.F, *values, **keywords))


def require_traced(traced: Any, name: str) -> None:
    """Raise where a traced value would be written into an array that is not traced, or into a number."""
    if not isinstance(traced, TracedValue):
        refuse_out(name)
    if not traced.is_array:  # type: ignore[attr-defined]
        raise TraceTypeError(f"{name}: a number cannot be written into", location=user_location())


def store_out(out: Any, result: Any, name: str, where: Any = True) -> Any:
    """The array given as ``out``, with the result in it."""
    require_traced(out, f"{name} with out=")
    store(out, result, f"{name} with out=", where)
    return out


def store(traced: Any, result: Any, what: str, where: Any = True) -> None:
    """Write the result of a ufunc or reduction into the array, by NumPy's rules for outputs."""
    session = session_of((traced, result, where))
    F = session.F
    F.location = user_location()
    before = unwrap(session, traced)
    new = same_kind(F, as_array(F, unwrap(session, result)), before.type.dtype, what)
    joined = F.facts.broadcast([new.dims, before.dims])
    if joined is None or len(joined) != before.rank or not all(map(F.facts.equal, joined, before.dims)):
        with sizes_in_errors(session, [new, before]):
            text = f"{shape_text(new.dims)} does not fit into {shape_text(before.dims)}"
            raise ShapeError(f"{what}: the result of shape {text}", location=F.location)
    if where is not True:
        new = F.select(as_array(F, unwrap(session, where)), new, before)
    traced.assign(F.broadcast_to(new, before.dims))


def refuse_out(name: str) -> NoReturn:
    message = (
        f"{name}: a traced value would be written into an array that is not traced, and a compiled program would "
        "not write it again; use the result: x = x + v"
    )
    raise UnsupportedError(message, location=user_location())


# --- methods, properties, items ---------------------------------------------------------------------------------------


def get_item(traced: TracedValue, key: Any) -> Any:
    key = with_known_masks(key)
    session = session_of((traced, key))
    session.F.location = user_location()
    value = unwrap(session, traced)
    with sizes_in_errors(session, value):
        found = getitem(session.F, value, unwrap(session, key))
    if not found.dims and not _has_ellipsis(key):
        return wrap(session, found)  # a number
    return traced.viewed(session, value, found, "view", (key,))  # type: ignore[attr-defined]


def _has_ellipsis(key: Any) -> bool:
    return key is Ellipsis or (isinstance(key, tuple) and any(part is Ellipsis for part in key))


def find_attribute(traced: TracedValue, name: str) -> Any:
    """The array's property, or its method bound to it; None where there is none."""
    get = PROPERTIES.get(name)
    if get is not None:
        session = session_at(traced)
        session.F.location = user_location()
        source = value_in(session, traced)
        found = get(session.F, source)
        return _viewed(session, traced, source, found, "view") if name in VIEW_PROPERTIES else wrap(session, found)
    writing = WRITING_METHODS.get(name)
    if writing is not None:
        return lambda *args, **kwargs: _write(writing, f"ndarray.{name}", (traced, *args), kwargs)
    method = METHODS.get(name)
    if method is None:
        return None
    return lambda *args, **kwargs: _run(method, (traced, *args), kwargs, method_view(name, kwargs), f"ndarray.{name}")


def nearest_attribute(name: str) -> str:
    """A closing remark: what to write in place of an attribute that other libraries have, or the most similar one."""
    instead = written_here(name)
    return f": {instead}" if instead is not None else nearest_of(name, [*METHODS, *WRITING_METHODS, *PROPERTIES])
