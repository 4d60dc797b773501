"""The user's callable: a function, a bound method, a partial, an object with ``__call__``; its names and its run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MethodType
from typing import Any

from graphc.errors import Location
from graphc.trace.location import definition_location


@dataclass(frozen=True)
class Target:
    """``function`` is called with what ``bound`` holds before the user's arguments, and its keywords beside them."""

    original: Callable[..., Any]
    function: Callable[..., Any]
    name: str
    location: Location | None
    owner: Any = None  # the partial, method or object that holds bound arguments

    @property
    def signature(self) -> inspect.Signature | None:
        """The signature as the user calls it; None for callables that have none."""
        return _signature(self.original)

    @property
    def takes_frozen(self) -> bool:
        """Whether it is to see which arguments are frozen, since it differentiates; a plain function sees them bare."""
        function = self.original
        while isinstance(function, functools.partial):
            function = function.func
        return getattr(function, "graphc_takes_frozen", False)


@functools.lru_cache(maxsize=512)
def _signature_of_hashable(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return _signature_of_hashable(function)
    except TypeError:  # an unhashable callable
        return inspect.signature(function)


def make_target(original: Callable[..., Any]) -> Target:
    """Raises ``TypeError`` for what cannot be called."""
    if not callable(original):
        raise TypeError(f"graphc needs a function, got {type(original).__name__}")
    function: Any = original
    while isinstance(function, functools.partial):
        function = function.func
    inner = function.__func__ if isinstance(function, MethodType) else function
    code = getattr(inner, "__code__", None) or getattr(type(inner).__call__, "__code__", None)
    name = getattr(inner, "__name__", None) or type(inner).__name__
    name = "".join(c if c.isalnum() else "_" for c in name).strip("_") or "function"
    return Target(original, function, name, definition_location(code) if code is not None else None)


def argument_names(target: Target, count: int, keywords: Sequence[str]) -> list[str]:
    """A name for each positional and then each keyword argument of a call."""
    names: list[str] = []
    signature = target.signature
    for parameter in signature.parameters.values() if signature else ():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
        elif parameter.kind is parameter.VAR_POSITIONAL:
            names.extend(f"{parameter.name}_{i}" for i in range(count - len(names)))
    names = names[:count]
    names.extend(f"arg{i}" for i in range(len(names), count))
    return [*names, *keywords]
