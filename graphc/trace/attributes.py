"""Attributes and items that are read through a function: ``getattr``, ``hasattr``, ``vars``, ``attrgetter``."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphc.trace.session import current

if TYPE_CHECKING:
    from graphc.trace.reader import Reader


def attribute_function(reader: Reader, function: Any) -> Callable[..., Any] | None:
    """The function with its reads recorded by ``reader``; None where it is none of these."""
    kind = type(function)
    if kind is operator.attrgetter:
        return _getter([functools.partial(_read_dotted, reader, name) for name in function.__reduce__()[1]])
    if kind is operator.itemgetter:
        return _getter([functools.partial(_read_item, reader, key) for key in function.__reduce__()[1]])
    if kind is operator.methodcaller:
        return functools.partial(_call_method, reader, function)
    if getattr(function, "__module__", None) != "builtins":
        return None
    known = _BUILTINS.get(function)
    return None if known is None else functools.partial(known, reader)


def _getter(parts: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    return parts[0] if len(parts) == 1 else lambda obj: tuple([part(obj) for part in parts])


def _read_dotted(reader: Reader, name: str, obj: Any) -> Any:
    return functools.reduce(reader.attribute, name.split("."), obj)


def _read_item(reader: Reader, key: Any, obj: Any) -> Any:
    return reader.item(obj, key)


def _call_method(reader: Reader, caller: Any, obj: Any) -> Any:
    make, arguments = caller.__reduce__()
    keywords = make.keywords if isinstance(make, functools.partial) else {}
    name, *rest = (*make.args, *arguments) if isinstance(make, functools.partial) else arguments
    return reader.callee(reader.attribute(obj, name))(*rest, **keywords)


# --- builtin functions ------------------------------------------------------------------------------------------------


def _getattr(reader: Reader, obj: Any, name: str, *default: Any) -> Any:
    if default and not _hasattr(reader, obj, name):
        return default[0]
    return reader.attribute(obj, name)


def _hasattr(reader: Reader, obj: Any, name: str) -> bool:
    """Guarded by the names that the object itself has: those of its class are taken to stay."""
    session, members = current(), getattr(obj, "__dict__", None)
    if session is not None and type(members) is dict:
        captures = session.captures
        path = captures.path_of(obj)
        if path is not None:
            captures.paths.require_keys(captures.paths.attribute(path, "__dict__"), members)
    return hasattr(obj, name)


def _vars(reader: Reader, obj: Any) -> Any:
    return reader.attribute(obj, "__dict__")


_BUILTINS: dict[Any, Callable[..., Any]] = {getattr: _getattr, hasattr: _hasattr, vars: _vars}
