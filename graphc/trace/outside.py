"""What the traced function must not have changed: what it read from outside, compared with how it was met.

A program is the same at each call, and so would be what it does with a list that the function fills and then counts, or
a file that it reads on. The guards of a program find much of that, since they do not hold any more when the trace has
ended; here is the rest. What the function has only been seen to store, and not to read, cannot decide what it
computes: it happens once, when the function is traced.
"""

from __future__ import annotations

import sys
from collections import defaultdict
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
_READING = (Step.DICT_ITEM, Step.SEQ_ITEM, Step.ATTR, Step.CELL)
_UNKNOWN: Any = object()


class Outside:
    """The objects from outside that a trace meets, each as it was then, and what it has been seen to store in them."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._met = Snapshot()
        self._where: dict[int, dict[int, None]] = {}  # id of an object that was met -> the paths to it
        self._shown: dict[int, int] = {}  # ... of a copy
        self._stored: dict[tuple[int, Any], tuple[Any, Location | None]] = {}  # by the object's id and the part of it
        self._around = _settings()

    def meet(self, obj: Any, path: int) -> None:
        """An object is read at the path: what stands in it is read one by one, if loads lead there."""
        if path >= 0 and self._paths.steps[path][0] is not Step.APPLY:
            paths = self._where.setdefault(id(obj), {})
            is_known = bool(paths)
            paths[path] = None
            if not is_known:
                self._met.add(self._paths.describe(path), obj, deep=not _is_followed(obj))

    def show(self, copy: Any, path: int) -> None:
        """The function sees the copy in place of a container, and may read all of it."""
        self._shown[id(copy)] = path
        self._met.add(self._paths.describe(path), copy, deep=False)

    def store(self, obj: Any, part: Any = _UNKNOWN) -> None:
        """The function stores something in the object, and is not told what stood there."""
        self._stored.setdefault((id(obj), part), (obj, user_location()))

    def store_variable(self, owner: Any, name: str, *, is_cell: bool) -> None:
        """... in a variable outside: of a cell, or of a module's globals."""
        self._where.setdefault(id(owner), {self._paths.const(owner): None})
        self.store(owner, _UNKNOWN if is_cell else name)

    def stored_in_read(self, seen: dict[int, Any]) -> SideEffectError | None:
        """The error of the first store in something that was read. ``seen``: by path, what was seen as a whole."""
        for (_, part), (obj, where) in self._stored.items():
            read = self._read_at(obj, part, seen)
            if read is not None:
                kept = self._met.kept.get(id(obj))
                names = kept.changed() if kept is not None and part is _UNKNOWN else ()
                place = kept.place(names[0]) if kept is not None and names else self._paths.describe(read)
                return _changed(place, where)
        return None

    def change_unseen(self, hidden: dict[Any, Hidden], location: Location | None) -> SideEffectError | None:
        """The error where something that was read is not as it was, and no store was seen.

        ``hidden``: the inputs that are read from outside.
        """
        for kept, names in self._met.changes():
            for name in names:
                is_stored = not {(id(kept.obj), name), (id(kept.obj), _UNKNOWN)}.isdisjoint(self._stored)
                if not is_stored and not self._is_default(kept, name):
                    return _changed(kept.place(name), location)
        for each in hidden.values():
            now = self._now(each.path)
            if now is not _UNKNOWN and now is not each.current and not _is_equal(now, each.current):
                return _changed(self._paths.describe(each.path), location)
        for (name, before), now in zip(self._around.items(), _settings(self._around).values(), strict=True):
            if now != before:
                return _changed(name, location)
        return None

    def _is_default(self, kept: Kept, key: Any) -> bool:
        """Whether it is the default of a key that was only read: the path to it leads there from now on."""
        return isinstance(kept.obj, defaultdict) and id(kept.obj) in self._where and key not in kept.parts

    def _read_at(self, obj: Any, part: Any, seen: dict[int, Any]) -> int | None:
        """The path of that part of the object, or of one in it, if it was read, or all of it was."""
        paths = self._where.get(id(obj))
        if paths is None:
            return self._shown.get(id(obj))
        for path in paths:
            if path in seen and seen[path][1] is not obj:  # a copy was seen
                return path
        for index, step in enumerate(self._paths.steps):
            if step[0] in _READING and step[1] in paths and (part is _UNKNOWN or step[2] == part):
                return index
            if step[0] is Step.APPLY and step[2] in paths:  # it was asked something
                return step[2]
        return None

    def _now(self, path: int) -> Any:
        """What the path leads to now; ``_UNKNOWN`` where it starts at an argument, or code would run on the way."""
        step = self._paths.steps[path]
        if step[0] is Step.CONST:
            return step[1]
        owner = self._now(step[1]) if step[0] in _READING else _UNKNOWN
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


def _changed(place: str, location: Location | None) -> SideEffectError:
    return SideEffectError(
        f"the function changed {place}, which it reads from outside: a compiled program would not change it again; "
        "return the new one and assign it outside, or change a copy (copy.copy)",
        location=location,
    )
