"""Between the user's function and the graph: what a tracer holds, and how objects of either side become the other's.

``unwrap`` turns what the user's code passes around into what the builder takes: traced arrays into ``Value``, symbolic
integers into dims, other arrays into inputs read from outside. ``wrap`` turns results back.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.errors import LeakedTracerError, TraceTypeError, UnsupportedError
from graphc.ir.dims import Expr
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType, is_known, known_names
from graphc.trace.location import user_location
from graphc.trace.session import Session, current
from graphc.trace.symbolic import SymbolicInt, wrap_dim


class TracedValue:
    """``value`` is the array's value in the graph of ``session``."""

    __slots__ = ("__weakref__", "session", "value")
    session: Session
    value: Value

    def __init__(self, session: Session, value: Value):
        self.session = session
        self.value = value

    def known_positions(self) -> tuple[Any, ...] | None:
        """For a mask whose elements are known: the positions where it is true, an array for each axis."""
        return None


class TracedBox:
    """An object with the face of another library's array, around the traced array ``traced``."""

    traced: TracedValue


def opened(obj: Any) -> Any:
    """The traced array in a box; any other object as it is."""
    return obj.traced if isinstance(obj, TracedBox) else obj


def has_traced(obj: Any) -> bool:
    """Whether there is a traced value in the object, or in lists and tuples of it."""
    if isinstance(obj, list | tuple):
        return any(map(has_traced, obj))
    return isinstance(obj, TracedValue | TracedBox | SymbolicInt)


def session_at(traced: TracedValue) -> Session:
    """Where an operation on the value is recorded: in the region that is being traced, if one is."""
    session, here = alive(traced), current()
    return here if here is not None and here.is_region and session.encloses(here) else session


def alive(traced: TracedValue) -> Session:
    """The session of the value; raises ``LeakedTracerError`` when its trace has ended."""
    session = traced.session
    if session.refusal:
        raise UnsupportedError(session.refusal, location=user_location())
    if not session.alive and session.is_region:
        raise LeakedTracerError(
            "a traced value of a loop or branch was kept in an object, a list or a nonlocal variable: keep it in a "
            "local variable of the function that has the loop, which is then carried from one iteration to the next",
            location=user_location(),
        )
    if not session.alive:
        raise LeakedTracerError(
            f"a traced array of {session.name!r} was used after its trace had ended: it was stored somewhere outside "
            "(a global, an attribute, a list); return it from the function instead (has_aux=True under grad)",
            location=user_location(),
        )
    return session


def session_of(operands: Any) -> Session:
    """Where an operation on the operands is recorded: by the function or region that is being traced, if it is one that
    can read them; what it makes of outer values alone is its own too, and can be written into."""
    found = _innermost(operands, None)
    here = current()
    if found is None or (here is not None and found.encloses(here)):
        found = here
    if found is None:
        raise LeakedTracerError("a traced value was used outside of any trace", location=user_location())
    return found


def _innermost(obj: Any, found: Session | None) -> Session | None:
    if isinstance(obj, TracedValue):
        session = alive(obj)
        return session if found is None or session.depth > found.depth else found
    if isinstance(obj, TracedBox):
        return _innermost(obj.traced, found)
    if isinstance(obj, list | tuple):
        for part in obj:
            found = _innermost(part, found)
    elif isinstance(obj, dict):
        return _innermost(list(obj.values()), found)
    return found


def value_in(session: Session, traced: TracedValue) -> Value:
    """The value in this session's graph; an outer session's value becomes a parameter of this one."""
    value = traced.value  # first: a view may be read anew, in the session that records
    if traced.session is session:
        return value
    if not alive(traced).encloses(session):
        raise LeakedTracerError(
            "a traced array of an inner function was used outside of it: return it from the inner function instead",
            location=user_location(),
        )
    return session.import_value(traced.session, value)


def unwrap(session: Session, obj: Any) -> Any:
    """The builder's side of an operand or argument, containers included."""
    if isinstance(obj, TracedValue):
        return value_in(session, obj)
    if isinstance(obj, TracedBox):
        return value_in(session, obj.traced)
    if isinstance(obj, SymbolicInt):
        return session.F.facts.resolve(obj.dim)
    if isinstance(obj, np.ndarray):
        return outside_value(session, obj)
    if isinstance(obj, slice):
        return slice(*(unwrap(session, part) for part in (obj.start, obj.stop, obj.step)))
    if type(obj) in (list, tuple):
        return type(obj)([unwrap(session, part) for part in obj])
    if isinstance(obj, np.clongdouble):
        raise_dtype(np.asarray(obj).dtype)
    number = converted(obj, "__array__", "__index__")
    return obj if number is obj else unwrap(session, number)


def converted(obj: Any, *names: str) -> Any:
    """What Python or NumPy makes of an object of the user's own class, by the first of these methods that it has."""
    from graphc.trace.dispatch import special_method

    for name in names:
        method = special_method(obj, name)
        if method is not None:
            return method()
    return obj


def with_known_masks(key: Any) -> Any:
    """An index with masks that are known as the positions that they select: how many there are is known, too."""
    parts = key if isinstance(key, tuple) else (key,)
    found = [part.known_positions() if isinstance(part, TracedValue) else None for part in parts]
    if all(positions is None for positions in found):
        return key
    return tuple(p for part, places in zip(parts, found, strict=True) for p in ((part,) if places is None else places))


def outside_value(session: Session, array: np.ndarray) -> Any:
    """An array that is no argument and was not reached by a recorded load: an input, by identity of the object."""
    if not is_known(array.dtype) and not is_known(array.dtype.newbyteorder("=")):
        if array.dtype == object and any(isinstance(part, TracedValue | SymbolicInt) for part in array.flat):
            return [unwrap(session, part) for part in array] if array.ndim else unwrap(session, array.item())
        raise_dtype(array.dtype)
    root = session.root
    return session.import_value(root, root.captures.by_identity(array))


def lifted(array: Any) -> Any:
    """The outside array as a traced one, which is read at each call."""
    if isinstance(array, TracedValue):
        return array
    session = session_of(())
    return wrap(session, outside_value(session, array))


def infinite_sign(bound: Any) -> int:
    """1 or -1 for Python's infinite numbers, 0 for others, and for what is traced: a program cannot depend on it."""
    if isinstance(bound, TracedValue | SymbolicInt) or not math.isinf(bound):
        return 0
    return 1 if bound > 0 else -1


def raise_dtype(dtype: np.dtype) -> None:
    """Raise ``TraceTypeError`` for a dtype that graphc does not compute in."""
    hint = {"O": "an array of Python objects; give it a numeric dtype"}
    detail = hint.get(dtype.kind, "it is not numeric" if dtype.kind in "USVmM" else "convert it with astype")
    message = f"an array of dtype {dtype} cannot be traced: {detail}; the dtypes are {known_names()}"
    raise TraceTypeError(message, location=user_location())


def wrap(session: Session, result: Any) -> Any:
    """The user's side of a result of the builder or of a NumPy function."""
    if isinstance(result, Value):
        is_held = session.holds and result.type.is_float
        return session.wrap(session, session.F.stop_gradient(result) if is_held else result)
    if isinstance(result, Expr):
        return wrap_dim(session, result)
    if isinstance(result, tuple | list):
        parts = [wrap(session, part) for part in result]
        return tuple(parts) if isinstance(result, tuple) else parts
    return result


def frozen_in_trace(session: Session, x: Any) -> Any:
    """The traced number or array, through which no derivative flows, and which nested derivatives take for frozen."""
    if isinstance(x, float | np.floating | np.ndarray) and not isinstance(x, TracedValue):
        x = wrap(session, session.F.value(unwrap(session, x)))
    result = held(x)
    if isinstance(result, TracedValue):
        session.frozen[id(result)] = result
    return result


def held(x: Any) -> Any:
    """The traced number or array, through which no derivative flows; anything else as it is."""
    if not isinstance(x, TracedValue):
        return x
    session = session_of((x,))
    value = unwrap(session, x)
    return wrap(session, session.F.stop_gradient(value)) if value.type.is_float else x


def make_weak(value: Value) -> None:
    """Make the output of a new node a Python number, whose dtype gives way to that of an array."""
    if not value.type.weak and value.type.dtype.kind in "fiuc":
        value.type = ArrayType(value.type.dtype, value.type.dims, weak=True)
