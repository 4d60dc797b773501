"""What is read from objects through a function: ``getattr``, ``hasattr``, ``vars``, ``attrgetter``, ``copy.copy``."""

from __future__ import annotations

import copy
import dataclasses
import functools
import operator
from collections.abc import Callable
from types import BuiltinMethodType, MethodDescriptorType, MethodWrapperType, WrapperDescriptorType
from typing import TYPE_CHECKING, Any

from graphc.trace.foreign import again
from graphc.trace.leaves import is_object
from graphc.trace.session import current

if TYPE_CHECKING:
    from graphc.trace.reader import Reader

_IN_C = (MethodDescriptorType, WrapperDescriptorType, BuiltinMethodType, MethodWrapperType)
_CONTAINERS = (dict, list, tuple)


def attribute_function(reader: Reader, function: Any) -> Callable[..., Any] | None:
    """The function with its reads recorded by ``reader``; None where it is none of these."""
    kind = type(function)
    if kind is operator.attrgetter:
        return _getter([functools.partial(_read_dotted, reader, name) for name in function.__reduce__()[1]])
    if kind is operator.itemgetter:
        return _getter([functools.partial(_read_item, reader, key) for key in function.__reduce__()[1]])
    if kind is operator.methodcaller:
        return functools.partial(_call_method, reader, function)
    known = _FUNCTIONS.get(id(function))
    if known is not None:
        return functools.partial(known[1], reader)
    return _method_in_c(function) if isinstance(function, _IN_C) else None


def _method_in_c(function: Any) -> Callable[..., Any] | None:
    """``dict.get``, or ``super().get`` in a dict of the user's: reads what the trace sees of the container."""
    owner = getattr(function, "__self__", None)
    if isinstance(function, MethodDescriptorType | WrapperDescriptorType) and function.__objclass__ in _CONTAINERS:
        return lambda obj, *args, **kwargs: function(_seen(obj), *args, **kwargs)
    bases = [base for base in _CONTAINERS if isinstance(owner, base)]
    if not bases or _seen(owner) is owner:
        return None
    return functools.partial(getattr(bases[0], function.__name__), _seen(owner))


def _seen(container: Any) -> Any:
    session = current()
    path = None if session is None else session.captures.path_of(container)
    return container if session is None or path is None else session.captures.materialise(container, path)


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
    """Guarded by the names that the object itself has, where it is one of those; asked again where there is none."""
    session, members = current(), getattr(obj, "__dict__", None)
    if session is not None and type(members) is dict:
        captures = session.captures
        path = captures.path_of(obj)
        if path is not None and not hasattr(obj, name):
            return bool(again(captures, hasattr, obj, name))
        if path is not None:
            captures.paths.require_keys(captures.paths.attribute(path, "__dict__"), members)
    return hasattr(obj, name)


def _vars(reader: Reader, obj: Any) -> Any:
    return reader.attribute(obj, "__dict__")


def _dir(reader: Reader, obj: Any) -> Any:
    session = current()
    if session is None or session.captures.path_of(obj) is None:
        return dir(obj)
    return again(session.captures, dir, obj)


# --- copies -----------------------------------------------------------------------------------------------------------


def _copy(reader: Reader, obj: Any) -> Any:
    """A copy of an object from outside holds what the trace sees of its attributes."""
    if not _is_followed(obj):
        return copy.copy(obj)
    made = object.__new__(type(obj))
    made.__dict__.update(reader.attribute(obj, "__dict__"))
    return made


def _deepcopy(reader: Reader, obj: Any) -> Any:
    if isinstance(obj, dict | list | tuple) and type(obj) in (dict, list, tuple):
        if isinstance(obj, dict):
            return {key: _deepcopy(reader, value) for key, value in obj.items()}
        return type(obj)([_deepcopy(reader, value) for value in obj])
    if not _is_followed(obj):
        return copy.deepcopy(obj)
    made = _copy(reader, obj)
    made.__dict__.update({name: _deepcopy(reader, value) for name, value in made.__dict__.items()})
    return made


def _is_followed(obj: Any) -> bool:
    """An object with no way of its own of being copied, that was read from outside."""
    session = current()
    if session is None or session.captures.path_of(obj) is None or type(getattr(obj, "__dict__", None)) is not dict:
        return False
    special = ("__copy__", "__deepcopy__", "__reduce__", "__getstate__", "__slots__")
    return is_object(obj) and not any(name in cls.__dict__ for cls in type(obj).__mro__[:-1] for name in special)


def _replace(reader: Reader, obj: Any, /, **changes: Any) -> Any:
    """``dataclasses.replace``: the fields that stay are read from the object."""
    for field in dataclasses.fields(obj):
        if field.init and field.name not in changes:
            changes[field.name] = reader.attribute(obj, field.name)
    return dataclasses.replace(obj, **changes)


def _as_dict(reader: Reader, obj: Any, **options: Any) -> Any:
    return dataclasses.asdict(_deepcopy(reader, obj), **options)


def _as_tuple(reader: Reader, obj: Any, **options: Any) -> Any:
    return dataclasses.astuple(_deepcopy(reader, obj), **options)


_READING: list[tuple[Any, Callable[..., Any]]] = [
    (getattr, _getattr), (hasattr, _hasattr), (vars, _vars), (dir, _dir), (object.__getattribute__, _getattr),
    (copy.copy, _copy), (copy.deepcopy, _deepcopy), (dataclasses.replace, _replace),
    (dataclasses.asdict, _as_dict), (dataclasses.astuple, _as_tuple),
]  # fmt: skip
_FUNCTIONS = {id(function): (function, substitute) for function, substitute in _READING}
