"""Functions that want traced numbers as they are now: what makes texts of them, and libraries that write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.trace.concretization import cannot_be_concrete
from graphc.trace.values import TracedValue

_WRITERS = frozenset(["json", "csv", "struct", "decimal", "fractions"])  # libraries that want the numbers themselves


def known_numbers(obj: Any, what: str = "") -> Any:
    """The object with those traced numbers in it that follow from outside ones as the numbers that they are now, which
    become guards. ``what``: what else is refused in the name of; without, it stays."""
    if isinstance(obj, TracedValue):
        known = obj.session.captures.concrete_number(obj)
        return known if known is not None else cannot_be_concrete(obj, what) if what else obj
    if type(obj) in (list, tuple):
        return type(obj)([known_numbers(part, what) for part in obj])
    return {key: known_numbers(value, what) for key, value in obj.items()} if type(obj) is dict else obj


def is_writer(function: Any) -> bool:
    return (getattr(function, "__module__", None) or "").partition(".")[0].lstrip("_") in _WRITERS


def writer(function: Any) -> Callable[..., Any]:
    what = f"{function.__module__.lstrip('_')}.{function.__name__}"
    return lambda *args, **kwargs: function(*known_numbers(args, what), **known_numbers(kwargs, what))
