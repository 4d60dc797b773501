"""What objects keep, compared before and after: a change that no rule of the trace accounts for is found here.

A traced function runs once, and so does the body of a loop. What it changes in an object whose changes are neither
carried nor followed (a queue, an open file, a table, a masked array, a generator of random numbers) would then happen
once, too. So such objects are looked at as a whole: their attributes and items, one inside another, the state that
``copy`` would take of those written in C, the numbers of arrays.
"""

from __future__ import annotations

import functools
import gc
import random
import zlib
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from io import IOBase
from pickle import PicklingError
from types import BuiltinMethodType, CellType, FunctionType, GeneratorType, MethodType, MethodWrapperType, ModuleType
from typing import Any

import numpy as np

from graphc import pytree
from graphc.trace.callees import is_library_name
from graphc.trace.leaves import is_builtin
from graphc.trace.loads import HOOKS
from graphc.trace.slots import attributes, cells
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedBox, TracedValue

MOST_OBJECTS = 2_000  # that one snapshot holds: what is beyond is not looked at
MOST_BYTES = 1 << 20  # of an array: of a larger one, this much is looked at, spread over it
_FIXED = (int, float, complex, str, bytes, bool, type(None), type(...), type(NotImplemented), range, slice)
_PLAIN = (int, float, complex, str, bytes, bool)
_NEVER = (TracedValue, TracedBox, SymbolicInt, ModuleType, np.generic, np.dtype, np.ufunc, property)
# Of libraries whose arrays and tables stay as they are made, and of what nobody computes with.
_UNCHANGING = ("jax", "polars", "pyarrow", "logging")
_GONE: Any = object()


class _Itself:
    """Stands for an object in the state of another, or as a key: equal where it is the same one."""

    __slots__ = ("obj",)

    def __init__(self, obj: Any):
        self.obj = obj

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.obj is other.obj

    def __hash__(self) -> int:
        return id(self.obj)


class _State(tuple):
    """What is compared part by part."""


@dataclass(slots=True)
class Kept:
    """An object and what it kept: its parts, by their names."""

    label: str
    obj: Any
    parts: dict[Any, Any]

    def changed(self) -> list[Any]:
        """The names of the parts that are other ones now, or are gone, or new."""
        now = parts_of(self.obj) or {}
        if all(map(is_same, now.values(), self.parts.values())) and list(now) == list(self.parts):
            return []
        names = [name for name, part in self.parts.items() if not is_same(now.get(name, _GONE), part)]
        names += [name for name in now if name not in self.parts]
        if not names and isinstance(self.obj, dict):  # in another order
            names = [name for name, before in zip(now, self.parts, strict=True) if name != before]
        return [name for name in names if not self._is_memory(name)]

    def _is_memory(self, name: Any) -> bool:
        """Whether the part is one that an object computes when it is first asked for, and keeps."""
        kind = type(self.obj)
        if isinstance(self.obj, functools._lru_cache_wrapper):
            return True
        if isinstance(self.obj, dict | list) or not isinstance(name, str):
            return False
        if isinstance(getattr(kind, name, None), functools.cached_property):
            return True
        if not is_library_name(kind.__module__):
            return False
        now = (parts_of(self.obj) or {}).get(name)
        return "cache" in name or _is_filled(self.parts.get(name), now)

    def leads_on(self, name: Any) -> bool:
        """Whether what is kept in the part is looked at, too: not in what a library's object remembers."""
        is_cache = isinstance(name, str) and "cache" in name and is_library_name(type(self.obj).__module__)
        return type(self.parts[name]) not in _FIXED and not (is_cache and _has_attributes(self.obj))

    def place(self, name: Any) -> str:
        """How the user would write the part."""
        if name == "":
            return self.label
        return f"{self.label}.{name}" if _has_attributes(self.obj) else f"{self.label}[{_key(name)!r}]"


class Snapshot:
    """Of objects, and of what they hold: ``changes`` says which of them are no longer as they were."""

    def __init__(self) -> None:
        self.kept: dict[int, Kept] = {}

    def add(self, label: str, obj: Any, *, deep: bool = True) -> None:
        """Take up the object; ``deep``: and what can be reached from it."""
        waiting = deque([(label, obj)])
        while waiting and len(self.kept) < MOST_OBJECTS:
            label, obj = waiting.popleft()
            parts = parts_of(obj) if id(obj) not in self.kept else None
            if parts is None:
                continue
            kept = self.kept[id(obj)] = Kept(label, obj, parts)
            if deep:
                waiting += [(kept.place(name), part) for name, part in parts.items() if kept.leads_on(name)]

    def changes(self) -> Iterator[tuple[Kept, list[Any]]]:
        for kept in self.kept.values():
            names = kept.changed()
            if names:
                yield kept, names


def parts_of(obj: Any) -> dict[Any, Any] | None:
    """What the object keeps, by name; None for what never changes, or has rules of its own."""
    kind: Any = type(obj)
    if _never_changes(kind):
        return None
    if isinstance(obj, type):
        return _of_class(obj)
    if isinstance(obj, dict):
        items = OrderedDict.items(obj) if isinstance(obj, OrderedDict) else dict.items(obj)
        return {_named(key): part for key, part in items} | _of_object(obj)
    if isinstance(obj, list | tuple | deque):
        return dict(enumerate(list(obj))) | _of_object(obj)
    if isinstance(obj, set | frozenset):
        return {_Itself(part): part for part in obj} | _of_object(obj)
    if isinstance(obj, np.ndarray):
        return _of_array(obj)
    found = _of_function(obj) or _of_own_kind(obj)
    if found is not None:
        return found
    own = _of_object(obj)
    is_plain = kind.__base__ is object and not is_library_name(kind.__module__)
    return (own if is_plain or not _is_copied_in_c(kind) else own | _of_c(obj)) or None


@functools.lru_cache(maxsize=4096)
def _never_changes(kind: type) -> bool:
    """Also those that have rules of their own: traced values, tensors, modules."""
    is_graphcs = kind.__module__.startswith("graphc.") or pytree.object_node(kind) is not None
    return kind in _FIXED or issubclass(kind, _NEVER) or is_graphcs or kind.__module__.startswith(_UNCHANGING)


@functools.lru_cache(maxsize=4096)
def _is_copied_in_c(kind: type) -> bool:
    """Whether no Python code runs where the object's state is asked for: such may change the object, or refuse."""
    names = ("__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__")
    return all(type(getattr(kind, name, None)) is not FunctionType for name in names)


def _named(key: Any) -> Any:
    return key if type(key) in _PLAIN else _Itself(key)


def _key(name: Any) -> Any:
    return name.obj if isinstance(name, _Itself) else name


def _has_attributes(obj: Any) -> bool:
    return not isinstance(obj, dict | list | tuple | set | frozenset | deque)


def _of_object(obj: Any) -> dict[Any, Any]:
    return dict(attributes(obj)) if type(getattr(obj, "__dict__", {})) is dict else {}


def _of_class(cls: type) -> dict[Any, Any] | None:
    """What it has beside functions."""
    if is_library_name(cls.__module__) or is_builtin(cls):
        return None
    return {
        name: member
        for name, member in vars(cls).items()
        if not (name.startswith("__") and name.endswith("__")) and not hasattr(type(member), "__get__")
        and not name.startswith("_abc_")
    }  # fmt: skip


def _of_function(obj: Any) -> dict[Any, Any] | None:
    if isinstance(obj, MethodType | BuiltinMethodType | MethodWrapperType):
        return {"__self__": obj.__self__}
    if isinstance(obj, functools.partial):
        return {"func": obj.func, "args": obj.args, "keywords": obj.keywords}
    if isinstance(obj, functools._lru_cache_wrapper):
        answers = [part for part in gc.get_referents(obj) if type(part) is not dict]
        return {"__wrapped__": obj.__wrapped__, **dict(enumerate([*answers, *_remembered(obj)]))}
    if isinstance(obj, CellType):
        return {"cell_contents": _content(obj)}
    if type(obj) is not FunctionType:
        return None
    if is_library_name(obj.__module__):
        return {"": obj.__code__}
    held = {name: cell for name, cell in cells(obj).items() if name != HOOKS}
    return {**held, "__defaults__": obj.__defaults__, "__kwdefaults__": obj.__kwdefaults__, **obj.__dict__}


def _remembered(obj: Any) -> Iterator[Any]:
    """What a function with a cache has answered, where that stands in dicts: itself, and no link to it."""
    for held in gc.get_referents(obj):
        if type(held) is dict and held is not obj.__dict__:
            yield from held.values()


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet
        return None


def _of_array(array: np.ndarray) -> dict[Any, Any]:
    parts = _of_object(array) if type(array) is not np.ndarray else {}
    if array.dtype.hasobject:
        return parts | dict(enumerate(array.ravel().tolist()[:MOST_OBJECTS]))
    data = np.asarray(array)
    if data.nbytes > MOST_BYTES:
        data = data.ravel()[:: -(-data.nbytes // MOST_BYTES)] if data.flags.c_contiguous else data[:0]
    return parts | {"": _State((array.shape, array.dtype.str, zlib.crc32(data.tobytes())))}


def _of_own_kind(obj: Any) -> dict[Any, Any] | None:
    """Of what does not show by ``copy`` where it is."""
    kind = type(obj)
    if isinstance(obj, ContextVar):
        return {"": obj.get(_GONE)}
    if isinstance(obj, GeneratorType):
        return {"": obj.gi_frame and obj.gi_frame.f_lasti, **(obj.gi_frame.f_locals if obj.gi_frame else {})}
    if isinstance(obj, memoryview):
        return {"obj": obj.obj}
    if kind.__module__ == "torch" and hasattr(kind, "_version"):
        return {"": None if obj.is_inference() else obj._version}
    if isinstance(obj, IOBase) and not hasattr(kind, "getvalue"):
        return {"": _position(obj)}
    if isinstance(obj, random.Random):
        return {"": _frozen(obj.getstate(), 0), **_of_object(obj)}
    if kind.__module__ == "pandas.core.indexing":  # what stands between a table and a position in it
        return {"obj": obj.obj}
    if is_builtin(kind) and hasattr(kind, "digest"):
        return {"": obj.digest()} if obj.digest_size else None
    for name in ("qsize", "locked"):
        if is_builtin(kind) and hasattr(kind, name):
            return {"": getattr(obj, name)()}
    return None


def _position(file: IOBase) -> int | None:
    try:
        return file.tell() if not file.closed and file.seekable() else None
    except OSError:  # in the middle of a loop over its lines
        return None


def _of_c(obj: Any) -> dict[Any, Any]:
    """The state of an object written in C, as ``copy.copy`` would take it, and what it refers to."""
    if callable(obj):
        return {}
    try:
        state = obj.__reduce_ex__(4)
    except (TypeError, ValueError, AttributeError, RuntimeError, OSError, PicklingError):
        state = None
    held = dict(enumerate(gc.get_referents(obj))) if is_builtin(type(obj)) else {}
    if not isinstance(state, tuple):
        return held
    more = state[2] if len(state) > 2 and not _is_of_attributes(state[2]) else None
    return {"": _frozen((state[1], more), 0), **held}


def _is_of_attributes(state: Any) -> bool:
    """Whether it is what ``object`` says of an object's attributes, which are looked at one by one."""
    return type(state) is dict or (type(state) is tuple and len(state) == 2 and type(state[1]) is dict)


def _frozen(state: Any, depth: int) -> Any:
    """The state as something that compares by what is in it."""
    kind = type(state)
    if kind in _FIXED:
        return state if kind is not float else state.hex()
    if depth > 8 or kind not in (tuple, list, dict, bytearray, np.ndarray):  # one of a library's is made for the answer
        return kind.__name__ if is_library_name(kind.__module__) or is_builtin(kind) else _Itself(state)
    if kind is bytearray:
        return bytes(state)
    if kind is np.ndarray:
        return _of_array(state)[""] if not state.dtype.hasobject else _Itself(state)
    parts = [*state, *state.values()] if kind is dict else state
    return _State([_frozen(part, depth + 1) for part in parts])


def _is_filled(before: Any, now: Any) -> bool:
    """Whether the state is the same, but for what was None."""
    if isinstance(before, _State) and isinstance(now, _State) and len(before) == len(now):
        return all(map(_is_filled, before, now))
    return before is None or is_same(before, now)


_COMPARED = (*_PLAIN, range, slice, _State)


def is_same(a: Any, b: Any) -> bool:
    """Whether it is one object, or plain ones of the same value."""
    if a is b:
        return True
    if type(a) is not type(b) or type(a) not in _COMPARED:
        return False
    return bool(a == b) or (a != a and b != b)
