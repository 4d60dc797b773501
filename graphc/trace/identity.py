"""What depends on which object it is: ``is``, ``==`` and ``in`` of objects without ``__eq__``, and looking up by one.

An object from outside is known to a program by its type and by what is read from it, so that another of its class may
take its place. Where the function asks which one it is, that is a guard.
"""

from __future__ import annotations

from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any

from graphc.trace.captures import Captures
from graphc.trace.leaves import is_foreign, is_object
from graphc.trace.session import current

_CONTAINERS = (dict, list, tuple, set, frozenset)
_BY_IDENTITY = (id, hash)


def are_identical(left: Any, right: Any) -> bool:
    """``left is right``."""
    session = current()
    if session is None:
        return left is right
    fix_identity(left, right)
    return session.captures.original(left) is session.captures.original(right)


def fix_identity(*objects: Any) -> None:
    """Guard which objects these are, and those in them where they are containers."""
    session = current()
    if session is not None:
        for obj in objects:
            _fix(session.captures, obj)


def _fix(captures: Captures, obj: Any) -> None:
    kind = type(obj)
    if kind in _CONTAINERS:
        for part in (*obj, *obj.values()) if kind is dict else obj:
            _fix(captures, part)
    else:
        path = captures.path_of(obj)
        if path is not None and is_object(obj) and not is_foreign(obj):
            captures.paths.require_same(path, obj)


def looking_up(function: Any, substitute: Callable[..., Any]) -> Callable[..., Any]:
    """``substitute``, which stands for the function, where that is a container's own method, ``id`` or ``hash``: these
    see which objects they are called with."""
    if type(function) is not BuiltinFunctionType:
        return substitute
    if type(function.__self__) not in _CONTAINERS and function not in _BY_IDENTITY:
        return substitute

    def call(*args: Any, **kwargs: Any) -> Any:
        fix_identity(function.__self__, *args)
        return substitute(*args, **kwargs)

    return call
