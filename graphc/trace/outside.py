"""What the traced function must not have changed: what it read from outside, compared with how it was met.

A program is the same at each call, and so would be what it does with a list that the function fills and then counts, or
a file that it reads on. The guards of a program find much of that, since they do not hold any more when the trace has
ended; here is the rest. What the function has only been seen to store, and not to read, cannot decide what it
computes: it happens once, when the function is traced.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.abi import Step
from graphc.errors import Location, SideEffectError
from graphc.trace.callees import is_library_name
from graphc.trace.leaves import is_object
from graphc.trace.location import user_location
from graphc.trace.paths import Paths
from graphc.trace.slots import Attribute, Item, Variable
from graphc.trace.snapshots import Kept, Snapshot

if TYPE_CHECKING:
    from graphc.trace.captures import Hidden

_CONTAINERS = (dict, list, tuple, set, frozenset)
_READING = (Step.DICT_ITEM, Step.SEQ_ITEM, Step.ATTR)
_UNKNOWN: Any = object()


class Outside:
    """The objects from outside that a trace meets, each as it was then, and what it has been seen to store in them."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._met = Snapshot()
        self._where: dict[int, int] = {}  # id of an object that was met -> its path
        self._stored: dict[tuple[int, Any], Location | None] = {}  # by the object and the part of it
        self._around = _settings()

    def meet(self, obj: Any, path: int) -> None:
        """An object is read at the path: what stands in it is read one by one, if loads lead there."""
        if path >= 0 and id(obj) not in self._where and self._paths.steps[path][0] is not Step.APPLY:
            self._where[id(obj)] = path
            self._met.add(self._paths.describe(path), obj, deep=not _is_followed(obj))

    def show(self, copy: Any, path: int) -> None:
        """The function sees the copy in place of a container."""
        self._met.add(self._paths.describe(path), copy, deep=False)

    def store(self, obj: Any, part: Any = _UNKNOWN) -> None:
        """The function stores something in the object, and is not told what stood there."""
        self._stored.setdefault((id(obj), part), user_location())

    def require_unchanged(self, hidden: dict[Any, Hidden], seen: dict[int, Any], location: Location | None) -> None:
        """Raise ``SideEffectError`` where something that was read is not as it was.

        ``hidden``: the inputs that are read from outside; ``seen``: by path, what the function saw as a whole.
        """
        for kept, names in self._met.changes():
            for name in names:
                if not self._is_stored(kept, name) or self._is_read(kept, name, seen):
                    _refuse(kept.place(name), self._place_of(kept, name) or location)
        for each in hidden.values():
            now = self._now(each.path)
            if now is not _UNKNOWN and now is not each.current and not _is_equal(now, each.current):
                _refuse(self._paths.describe(each.path), location)
        for (name, before), now in zip(self._around.items(), _settings(self._around).values(), strict=True):
            if now != before:
                _refuse(name, location)

    def _place_of(self, kept: Kept, name: Any) -> Location | None:
        return self._stored.get((id(kept.obj), name)) or self._stored.get((id(kept.obj), _UNKNOWN))

    def _is_stored(self, kept: Kept, name: Any) -> bool:
        return (id(kept.obj), name) in self._stored or (id(kept.obj), _UNKNOWN) in self._stored

    def _is_read(self, kept: Kept, name: Any, seen: dict[int, Any]) -> bool:
        path = self._where.get(id(kept.obj))
        if path is None or (path in seen and seen[path][1] is not kept.obj):  # a copy is read, or a method
            return True
        steps = [step for step in self._paths.steps if step[0] in _READING and step[1] == path]
        if isinstance(kept.obj, _CONTAINERS):
            return bool(steps)
        return any(step[0] is Step.ATTR and step[2] == name for step in steps)

    def _now(self, path: int) -> Any:
        """What the path leads to now; ``_UNKNOWN`` where it starts at an argument, or code would run on the way."""
        step = self._paths.steps[path]
        if step[0] is Step.CONST:
            return step[1]
        owner = self._now(step[1]) if step[0] in (*_READING, Step.CELL) else _UNKNOWN
        if owner is _UNKNOWN:
            return owner
        if step[0] is Step.CELL:
            return Variable("", owner, None).read(_UNKNOWN)
        if step[0] is Step.ATTR:
            return Attribute("", owner, step[2]).read(_UNKNOWN)
        return Item("", owner, step[2]).read(_UNKNOWN) if isinstance(owner, dict | list) else _UNKNOWN


def _is_followed(obj: Any) -> bool:
    """Whether what is read from the object is recorded: a container, a function, an object of the user's own."""
    if isinstance(obj, (*_CONTAINERS, FunctionType, type)):
        return True
    return is_object(obj) and not is_library_name(type(obj).__module__)


def _is_equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and isinstance(a, float | np.generic) and bool(a == b or (a != a and b != b))


def _settings(known: dict[str, Any] | None = None) -> dict[str, Any]:
    """Settings of this thread that change what is computed; those that are ``known``."""
    found: dict[str, Any] = {"np.geterr()": np.geterr()}
    decimal = sys.modules.get("decimal")
    if decimal is not None and (known is None or len(known) > 1):
        context = decimal.getcontext()
        found["decimal.getcontext()"] = (context.prec, context.rounding, context.Emin, context.Emax, context.clamp)
    return found


def _refuse(place: str, location: Location | None) -> None:
    raise SideEffectError(
        f"the function changed {place}, which it reads from outside: a compiled program would not change it again; "
        "return the new one and assign it outside, or change a copy (copy.copy)",
        location=location,
    )
