"""Writing into traced arrays: ``x[i] = v``, ``x += v``.

A traced array is a place that holds the array's value now. A write gives it a new one (``Tracer.assign``); views read
theirs from the array that they share memory with (``View``). What a function read before is not touched: values never
change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphc.errors import TraceTypeError
from graphc.trace import protocol
from graphc.trace.functions.assignment import setitem
from graphc.trace.location import user_location
from graphc.trace.values import session_of, unwrap, with_known_masks

if TYPE_CHECKING:
    from graphc.trace.tracer import Tracer


def set_item(traced: Tracer, key: Any, value: Any) -> None:
    """``x[key] = value``; raises ``TypeError`` for a number, as Python does."""
    if not traced.is_array:
        raise TraceTypeError("a number does not support item assignment", location=user_location())
    if _is_itself(traced, key, value):
        return
    key = with_known_masks(key)
    session = session_of((traced, key, value))
    session.F.location = user_location()
    before = unwrap(session, traced)
    with protocol.sizes_in_errors(session, before):
        after = setitem(session.F, before, unwrap(session, key), unwrap(session, value))
    if after is not before:
        traced.assign(after)


def _is_itself(traced: Tracer, key: Any, value: Any) -> bool:
    """``x[key] += v`` ends with ``x[key] = x[key]`` after the view has written ``v`` through."""
    own = getattr(value, "key", None) if getattr(value, "base", None) is traced else None
    return own is not None and value.shares() and same_key(own[0], key)


def same_key(a: Any, b: Any) -> bool:
    """Whether two keys are made of the very same parts."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, slice):
        return all(map(same_key, (a.start, a.stop, a.step), (b.start, b.stop, b.step)))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same_key, a, b))
    return type(a) is int and a == b


def augmented(traced: Tracer, symbol: str, ufunc: str, other: Any) -> Any:
    """``x += v``. A number is immutable in NumPy, so the name gets a new one; an array is written into."""
    result = protocol.apply_operator(ufunc, (traced, other))
    if not traced.is_array:
        return result
    protocol.store(traced, result, f"x {symbol}= v")
    return traced
