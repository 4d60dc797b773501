"""Python's containers and objects that a loop or branch changes: their items and attributes are variables, too.

    for i in range(n):
        state["u"] = state["u"] + dt * state["v"]      # state['u'] is carried
        body.x += body.v * dt                          # body.x is carried

What has a fixed form is carried: the items of dicts and lists, the attributes of the user's own objects, one inside
another. Anything else that a piece does to a container is refused, since a piece is traced more than once: filling a
list, adding a key, advancing an iterator.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

from graphc.errors import UnsupportedError
from graphc.trace.callees import is_library_name
from graphc.trace.location import user_location
from graphc.trace.session import current
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue

MOST_SLOTS = 64  # a longer container is data: it is not carried item by item
_HEAP_TYPE = 1 << 9  # set for classes that are written in Python
_MISSING = object()


@dataclass(frozen=True)
class Slot:
    """One item or attribute; ``label``: how the user would write it."""

    label: str
    holder: Any
    key: Any
    is_attribute: bool

    def read(self, missing: Any) -> Any:
        if self.is_attribute:
            return vars(self.holder).get(self.key, missing)
        try:
            return self.holder[self.key]
        except (KeyError, IndexError):
            return missing

    def write(self, value: Any) -> None:
        if self.read(_MISSING) is value:
            return
        if self.is_attribute:
            vars(self.holder)[self.key] = value
        else:
            self.holder[self.key] = value


@dataclass(frozen=True)
class Held:
    """A container that was there before, and its form then."""

    label: str
    container: Any
    form: Any

    def require_same_form(self) -> None:
        if _form(self.container) != self.form:
            raise UnsupportedError(
                f"{self.label!r}, a {type(self.container).__name__}, is changed in a loop or branch of the compiled "
                "program, where only what stands in it may change: fill an array instead (u = np.zeros(n) and then "
                "u[i] = ...), give a dict all of its keys before the loop, or write the loop out with "
                "graphc.unroll(range(n))",
                location=user_location(),
            )


class Containers:
    """``held``: every container that the named variables lead to; ``slots``: what stands in them."""

    def __init__(self, watched: Mapping[str, Any]):
        self.held: list[Held] = []
        self.slots: list[Slot] = []
        self._seen: set[int] = set()
        for name, value in watched.items():
            if isinstance(value, Iterator) and not isinstance(value, TracedValue):
                _refuse_iterator(name)
            self._walk(name, value)

    def _walk(self, label: str, value: Any) -> None:
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        if isinstance(value, tuple):
            for k, part in enumerate(value):
                self._walk(f"{label}[{k}]", part)
        elif isinstance(value, dict | list | set | deque):
            self._add(label, value, _items(value), lambda key: f"{label}[{key!r}]")
        elif _is_object(value):
            self._add(label, value, vars(value), lambda key: f"{label}.{key}")

    def _add(self, label: str, container: Any, parts: Mapping[Any, Any], name: Callable[[Any], str]) -> None:
        session = current()
        if session is None or session.captures.is_outside(container):
            return  # stores into it are looked at one by one
        self.held.append(Held(label, container, _form(container)))
        for key, part in parts.items():
            is_attribute = not isinstance(container, dict | list)
            self.slots.append(Slot(name(key), container, key, is_attribute))
            self._walk(name(key), part)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Raise ``UnsupportedError`` where the block changes the form of a container."""
        yield
        for held in self.held:
            held.require_same_form()

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
    return list(container) if isinstance(container, dict) else list(vars(container))


def _is_object(value: Any) -> bool:
    """Whether it is an object of the user's own, whose attributes may change."""
    kind = type(value)
    if kind is SimpleNamespace:
        return True
    if not kind.__flags__ & _HEAP_TYPE or is_library_name(kind.__module__):
        return False
    others = TracedValue | SymbolicInt | type | ModuleType | FunctionType | MethodType
    return not isinstance(value, others) and type(getattr(value, "__dict__", None)) is dict


def _refuse_iterator(name: str) -> None:
    raise UnsupportedError(
        f"{name!r} is an iterator, which a loop or branch of the compiled program would advance while it is traced: "
        "use a list (list(...)) or an array and an index",
        location=user_location(),
    )
