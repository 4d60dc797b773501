"""Python's containers and objects that a loop or branch changes: their items and attributes are variables, too.

    for i in range(n):
        state["u"] = state["u"] + dt * state["v"]      # state['u'] is carried
        body.x += body.v * dt                          # body.x is carried
        count()                                        # so is a variable that count shares with the function it is from

What has a fixed form is carried: the items of dicts and lists, the attributes of the user's own objects, the variables,
defaults and attributes of functions made in the trace, one inside another. Anything else that a piece does to a
container is undone and refused, since a piece is traced more than once: filling a list, adding a key, advancing an
iterator. A loop that does it is then written out.
"""

from __future__ import annotations

import functools
from array import array
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import IOBase
from types import (
    BuiltinMethodType,
    CellType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    SimpleNamespace,
)
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from graphc.errors import UnsupportedError
from graphc.trace.callees import is_library_name
from graphc.trace.leaves import is_builtin
from graphc.trace.loads import HOOKS
from graphc.trace.location import user_location
from graphc.trace.rewrite import is_rewritten
from graphc.trace.session import current
from graphc.trace.slots import HEAP_TYPE, Attribute, Item, Slot, Variable, attributes, cells
from graphc.trace.snapshots import MOST_BYTES, Kept, Snapshot
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue

if TYPE_CHECKING:
    from graphc.trace.captures import Captures
    from graphc.trace.filling import FilledList

_OF_COLLECTIONS = (UserDict, UserList, ChainMap)  # written in Python, around a dict or list
MOST_SLOTS = 64  # a longer container is data: it is not carried item by item


@dataclass(frozen=True)
class Held:
    """A container that was there before, its form then, and a copy of it."""

    label: str
    container: Any
    form: Any
    copy: Any

    def has_same_form(self) -> bool:
        return bool(_form(self.container) == self.form)

    def bring_back(self) -> None:
        """Have the container hold what it held."""
        if isinstance(self.container, list):
            self.container[:] = self.copy
        elif isinstance(self.container, dict | set):
            self.container.clear()
            self.container.update(self.copy)
        elif isinstance(self.container, deque):
            self.container.clear()
            self.container.extend(self.copy)
        elif isinstance(self.container, bytearray | array):
            self.container[:] = self.copy
        elif isinstance(self.container, np.ndarray):
            self.container[...] = self.copy
        else:
            for name in attributes(self.container).keys() - self.copy.keys():
                delattr(self.container, name)
            for name, value in self.copy.items():
                Attribute("", self.container, name).write(value)

    def refuse(self) -> NoReturn:
        error = UnsupportedError(
            f"{self.label!r}, a {type(self.container).__name__}, is changed in a loop or branch of the compiled "
            "program, where only what stands in it may change: fill an array instead (u = np.zeros(n) and then "
            "u[i] = ...), give a dict all of its keys before the loop, or write the loop out with "
            "graphc.unroll(range(n))",
            location=user_location(),
        )
        error.of_form = True
        raise error


class Containers:
    """``held``: every container that the named variables lead to; ``slots``: what stands in them; ``others``: what is
    neither.

    ``known``: cells of variables that are carried by their names. ``filled``: lists that are appended to, which must
    have no other name.
    """

    def __init__(self, watched: Mapping[str, Any], known: Collection[CellType] = (), filled: Sequence[FilledList] = ()):
        self._filled = {id(f.items): f for f in filled}
        self.held: list[Held] = []
        self.slots: list[Slot] = []
        self.others = Snapshot()
        self._labels: set[str] = set()
        self._seen = {id(cell) for cell in known}
        session = current()
        if session is not None:
            for name, value in watched.items():
                self._walk(session.captures, name, value)

    def _walk(self, outside: Captures, label: str, value: Any) -> None:
        if isinstance(value, TracedValue) or self._is_known(label, value):
            return
        if isinstance(value, tuple):
            for k, part in enumerate(value):
                self._walk(outside, f"{label}[{k}]", part)
        elif isinstance(value, Iterator) and is_builtin(type(value)) and not isinstance(value, IOBase):
            _refuse_iterator(label, value)
        elif outside.is_outside(value):
            return  # stores into it are looked at one by one
        elif isinstance(value, dict | list | set | deque):
            self._container(outside, label, value)
        elif _is_function(value):
            self._function(outside, label, value)
        elif isinstance(value, MethodType | BuiltinMethodType | MethodWrapperType):
            self._walk(outside, label, value.__self__)
        elif isinstance(value, functools.partial):
            for part in (value.func, value.args, value.keywords):
                self._walk(outside, label, part)
        elif hasattr(type(value), "cache_clear"):  # of functools.lru_cache
            self._walk(outside, label, value.__wrapped__)
        elif outside.is_made_class(value):
            self._class(outside, label, value)
        elif _is_object(value):
            self._add(outside, label, value, attributes(value), Attribute, "{label}.{key}")
            self._walk(outside, type(value).__name__, type(value))
        elif _is_buffer(value):
            self.held.append(Held(label, value, _form(value), _copy(value)))
        else:
            self.others.add(label, value)

    def _is_known(self, label: str, value: Any) -> bool:
        """Whether it has been met; a list that is appended to has one name alone."""
        if id(value) not in self._seen:
            self._seen.add(id(value))
            return False
        if id(value) in self._filled:
            self._filled[id(value)].refuse_second_name(label)
        return True

    def _container(self, outside: Captures, label: str, value: Any) -> None:
        """Of a list that is appended to the last item is a variable, if it is read; of others each item."""
        filled = self._filled.get(id(value))
        if filled is None:
            self._add(outside, label, value, _items(value), Item, "{label}[{key!r}]")
            return
        if filled.reads_last:
            self.slots.append(self._slot(Item, f"{label}[-1]", value, -1))
        for key, part in enumerate(value[-MOST_SLOTS:]):
            self._walk(outside, f"{label}[{key}]", part)

    def _function(self, outside: Captures, label: str, function: FunctionType) -> None:
        """What a function of the trace's own keeps from call to call."""
        for name, cell in cells(function).items():
            if id(cell) in self._seen or name == HOOKS:
                continue
            self._seen.add(id(cell))
            slot = self._slot(Variable, f"{name!r} of {label!r}", cell, name)
            self.slots.append(slot)
            self._walk(outside, name, slot.read(None))
        self._walk(outside, label, function.__defaults__)
        self._walk(outside, label, function.__kwdefaults__)
        self._add(outside, label, function, function.__dict__, Attribute, "{label}.{key}")

    def _class(self, outside: Captures, label: str, cls: type) -> None:
        members = {name: v for name, v in vars(cls).items() if not (name.startswith("__") and name.endswith("__"))}
        for name, member in members.items():
            inner = getattr(member, "__func__", getattr(member, "fget", member))
            if _is_function(inner):
                self._function(outside, f"{label}.{name}", inner)
            elif not hasattr(type(member), "__get__"):
                self.slots.append(self._slot(Attribute, f"{label}.{name}", cls, name))
                self._walk(outside, f"{label}.{name}", member)
        for base in cls.__bases__:
            self._walk(outside, base.__name__, base)

    def _add(
        self, outside: Captures, label: str, container: Any, parts: Mapping[Any, Any], kind: type[Slot], name: str
    ) -> None:
        self.held.append(Held(label, container, _form(container), _copy(container)))
        for key, part in parts.items():
            place = name.format(label=label, key=key)
            self.slots.append(self._slot(kind, place, container, key))
            self._walk(outside, place, part)

    def _slot(self, kind: type[Slot], label: str, holder: Any, key: Any) -> Slot:
        """With a label of its own."""
        while label in self._labels:
            label += "'"
        self._labels.add(label)
        return kind(label, holder, key)

    def have_same_form(self) -> bool:
        return all(held.has_same_form() for held in self.held) and next(self.others.changes(), None) is None

    def bring_back(self) -> list[Held]:
        """Have those containers whose form has changed, which it gives, hold what they held."""
        changed = [held for held in self.held if not held.has_same_form()]
        for held in changed:
            held.bring_back()
        return changed

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Where the block changes the form of a container, undo that, and raise ``UnsupportedError``."""
        try:
            yield
        finally:
            changed = self.bring_back()
        for kept, names in self.others.changes():
            _refuse_change(kept, names[0])
        if changed:
            changed[0].refuse()

    def require_one_change(self, moved: Sequence[Any], written: Sequence[str]) -> None:
        """Raise where a container is written into, and a variable that held it then holds another one.

        ``moved``: what the variables that hold another object now held before; ``written``: labels of slots.
        """
        inner = Containers({str(k): value for k, value in enumerate(moved) if not isinstance(value, Iterator)})
        holders = {id(slot.holder): slot.label for slot in self.slots if slot.label in set(written)}
        for held in inner.held:
            if id(held.container) in holders:
                raise UnsupportedError(
                    f"{holders[id(held.container)]} is written into, and what it stands in is then replaced by another "
                    "object, in one loop or branch: do either, or make a copy before it",
                    location=user_location(),
                )


def _items(container: Any) -> Mapping[Any, Any]:
    if len(container) > MOST_SLOTS or isinstance(container, set | deque):
        return {}
    return container if isinstance(container, dict) else dict(enumerate(container))


def _form(container: Any) -> Any:
    """What must stay: the keys; of what is not carried item by item, the items."""
    if isinstance(container, set):
        return sorted(map(id, container))
    if isinstance(container, deque) or (isinstance(container, dict | list) and len(container) > MOST_SLOTS):
        values = container.values() if isinstance(container, dict) else container
        return [*map(id, container), *map(id, values)]
    if isinstance(container, list):
        return len(container)
    if isinstance(container, bytearray | array | np.ndarray):
        return container.tobytes() if isinstance(container, np.ndarray | array) else bytes(container)
    return list(container) if isinstance(container, dict) else list(attributes(container))


def _copy(container: Any) -> Any:
    if isinstance(container, dict | list | set | deque):
        return dict(container) if isinstance(container, dict) else list(container)
    if isinstance(container, bytearray | array | np.ndarray):
        return container[:].copy() if isinstance(container, np.ndarray) else container[:]
    return attributes(container)


def _is_function(value: Any) -> bool:
    """Whether it is a function that the traced code made."""
    return type(value) is FunctionType and is_rewritten(value.__code__)


def _is_buffer(value: Any) -> bool:
    """Whether it is numbers that are not traced, and few enough to be kept twice."""
    if type(value) is np.ndarray:
        return not value.dtype.hasobject and value.flags.writeable and value.nbytes <= MOST_BYTES
    return type(value) in (bytearray, array)


def _is_object(value: Any) -> bool:
    """Whether it is an object of the user's own, whose attributes may change."""
    kind = type(value)
    if kind is SimpleNamespace:
        return True
    if not kind.__flags__ & HEAP_TYPE or (is_library_name(kind.__module__) and kind not in _OF_COLLECTIONS):
        return False
    others = TracedValue | SymbolicInt | type | ModuleType | FunctionType | MethodType
    return not isinstance(value, others) and type(getattr(value, "__dict__", {})) is dict


def _refuse_change(kept: Kept, name: Any) -> NoReturn:
    error = UnsupportedError(
        f"{kept.place(name)!r}, of a {type(kept.obj).__name__}, is changed in a loop or branch of the compiled program "
        "and cannot be carried: keep what changes in numbers, plain arrays, lists, dicts or objects of your own "
        "classes, or write the loop out with graphc.unroll(range(n))",
        location=user_location(),
    )
    error.of_state = True
    raise error


def _refuse_iterator(name: str, iterator: Any) -> None:
    error = UnsupportedError(
        f"{name!r} is an iterator, which a loop or branch of the compiled program would advance while it is traced: "
        "use a list (list(...)) or an array and an index",
        location=user_location(),
    )
    error.of_form = True
    raise error
