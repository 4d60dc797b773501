"""Outside objects that hold others where no load leads: methods of containers and arrays, elements of sets, keys.

What they hold is read through them: ``get = settings.get`` outside, and ``get("rate")`` in the function, is what
``settings.get("rate")`` is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import BuiltinMethodType, MethodWrapperType
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.trace.leaves import UNKNOWN_CONTAINERS, is_foreign, is_object

if TYPE_CHECKING:
    from graphc.trace.captures import Captures

MUTATORS = frozenset([
    "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update", "setdefault", "popitem",
    "move_to_end", "__setitem__", "__delitem__", "__iadd__", "__imul__", "__ior__",
])  # fmt: skip
_WITH_METHODS = (set, frozenset, np.ndarray, Iterator, *UNKNOWN_CONTAINERS)


def is_method_of_container(obj: Any) -> bool:
    """Whether it is a method of a container, an array or an iterator."""
    if not isinstance(obj, BuiltinMethodType | MethodWrapperType):
        return False
    return isinstance(obj.__self__, _WITH_METHODS) and not is_foreign(obj.__self__)


def method_seen(captures: Captures, method: Any, path: int) -> Any:
    """The method of what the trace sees of its object."""
    paths = captures.paths
    paths.require_value(paths.attribute(path, "__name__"), method.__name__)
    owner, where = method.__self__, paths.attribute(path, "__self__")
    if method.__name__ in MUTATORS and isinstance(owner, dict | list):
        captures.remember(owner, where)
        return method  # what it does is a store, when it is called
    return getattr(captures.materialise(owner, where), method.__name__)


def remember_keys(captures: Captures, keys: Iterable[Any]) -> None:
    """Which objects the keys of a dict or the elements of a set are is guarded; what is read from them is recorded."""
    for key in keys:
        if is_object(key) and not is_foreign(key):
            captures.remember(key, captures.paths.const(key))
