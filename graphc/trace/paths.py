"""Access paths and guards: how an object is reached at each call, and what must hold of it, as ``abi`` has them.

A path is the index of its last step; equal paths are one step. Object identity stands in for equality of constants.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from graphc.abi import ANY_LENGTH, Check, EntryPlan, InputLeaf, LeafKind, Step

_BY_VALUE = (str, bytes, int, complex, np.generic, np.dtype)


@dataclass(frozen=True)
class Access:
    """``steps`` and ``checks`` as ``abi.EntryPlan`` has them; ``wanted``: the step of each object to fetch."""

    steps: tuple[tuple, ...]
    checks: tuple[tuple, ...]
    wanted: tuple[int, ...]


class Paths:
    """Steps and checks, each once."""

    def __init__(self) -> None:
        self.steps: list[tuple] = []
        self.names: list[str] = []  # of the arguments
        self._variables: dict[int, str] = {}  # names of those that are read from cells, by their steps
        self._index: dict[Hashable, int] = {}
        self._checks: dict[Hashable, tuple] = {}

    def without_checks(self) -> Paths:
        """The same steps, to which checks add theirs, and no checks yet."""
        other = Paths()
        other.steps, other._index, other.names = self.steps, self._index, self.names
        other._variables = self._variables
        return other

    def _step(self, key: Hashable, step: tuple) -> int:
        if key not in self._index:
            self._index[key] = len(self.steps)
            self.steps.append(step)
        return self._index[key]

    def arg(self, position: int) -> int:
        """Positional argument of the call; keyword arguments count on after the positional ones."""
        return self._step((Step.ARG, position), (Step.ARG, position))

    def const(self, obj: object) -> int:
        return self._step((Step.CONST, id(obj)), (Step.CONST, obj))

    def dict_item(self, parent: int, key: Any) -> int:
        return self._step((Step.DICT_ITEM, parent, type(key), key), (Step.DICT_ITEM, parent, key))

    def sequence_item(self, parent: int, position: int) -> int:
        return self._step((Step.SEQ_ITEM, parent, position), (Step.SEQ_ITEM, parent, position))

    def cell(self, parent: int, name: str) -> int:
        """The variable of that name whose cell the path leads to."""
        step = self._step((Step.CELL, parent), (Step.CELL, parent))
        self._variables.setdefault(step, name)
        return step

    def attribute(self, parent: int, name: str) -> int:
        return self._step((Step.ATTR, parent, name), (Step.ATTR, parent, name))

    def applied(self, function: int, argument: int) -> int:
        """What the object at the one path returns for that at the other, called again at each call."""
        return self._step((Step.APPLY, function, argument), (Step.APPLY, function, argument))

    def require_same(self, path: int, obj: object) -> None:
        """Guard: at each call the path leads to this very object."""
        self._checks.setdefault((Check.IS, path, id(obj)), (Check.IS, path, obj))

    def require_same_code(self, function: FunctionType) -> None:
        """Guard: the function runs the code that it runs now. A reload of an edited file may give it another one."""
        code = function.__code__
        self._checks.setdefault((Check.CODE, id(function)), (Check.CODE, self.const(function), code))

    def require_equal(self, path: int, obj: Any) -> None:
        """Guard: the path leads to an object of this type and value."""
        key = (Check.EQUAL, path, type(obj), repr(obj))
        self._checks.setdefault(key, (Check.EQUAL, path, obj))

    def require_value(self, path: int, obj: Any) -> None:
        """Guard: the path leads to an object that holds the same; of a kind not known (a function) to this very one."""
        if isinstance(obj, slice | range):
            self.require_type(path, type(obj))
            for part in ("start", "stop", "step"):
                self.require_value(self.attribute(path, part), getattr(obj, part))
        elif isinstance(obj, set | frozenset):
            self.require_keys(path, obj)
        elif isinstance(obj, _BY_VALUE) and not isinstance(obj, bool):
            self.require_equal(path, obj)
        else:
            self.require_same(path, obj)

    def require_type(self, path: int, kind: type, length: int = ANY_LENGTH) -> None:
        """Guard: the object has exactly this type, and length where one is given."""
        self._checks.setdefault((Check.TYPE_LEN, path, kind, length), (Check.TYPE_LEN, path, kind, length))

    def require_keys(self, path: int, obj: dict | set | frozenset) -> None:
        """Guard: a dict or set of exactly this type, with these keys in this order."""
        self.require_type(path, type(obj))
        keys = tuple(obj)
        self._checks.setdefault((Check.KEYS, path), (Check.KEYS, path, keys))

    def all_checks(self) -> list[tuple]:
        return list(self._checks.values())

    def access(self, wanted: Sequence[int], more_checks: Iterable[tuple] = ()) -> Access:
        """What it takes to check all guards (and ``more_checks``) and fetch these paths, and no step more."""
        checks = (*more_checks, *self._checks.values())
        needed: set[int] = set()
        for index in (*wanted, *(check[1] for check in checks)):
            needed.update(self._chain(index))
        order = {old: new for new, old in enumerate(sorted(needed))}
        steps = tuple(_renumbered(self.steps[old], order) for old in order)
        renumbered_checks = tuple((check[0], order[check[1]], *check[2:]) for check in checks)
        return Access(steps, renumbered_checks, tuple(order[index] for index in wanted))

    def _chain(self, index: int) -> Iterable[int]:
        """The step and those it starts from."""
        yield index
        for parent in _parents(self.steps[index]):
            yield from self._chain(parent)

    def describe(self, index: int) -> str:
        """The path as a user would write it, such as ``self.weights['W1']``."""
        match self.steps[index]:
            case (Step.ARG, position):
                return self.names[position] if position < len(self.names) else f"argument {position}"
            case (Step.CONST, obj):
                return getattr(obj, "__name__", type(obj).__name__)
            case (Step.DICT_ITEM, parent, key):
                is_globals = self.steps[parent][0] is Step.CONST
                return str(key) if is_globals else f"{self.describe(parent)}[{key!r}]"
            case (Step.SEQ_ITEM, parent, position):
                return f"{self.describe(parent)}[{position}]"
            case (Step.CELL, _):
                return self._variables[index]
            case (Step.ATTR, parent, name):
                return f"{self.describe(parent)}.{name}"
            case (Step.APPLY, function, argument):
                return self._call(function, [self.describe(argument)])
        return "?"

    def _call(self, function: int, arguments: list[str]) -> str:
        match self.steps[function]:
            case (Step.APPLY, earlier, argument):
                return self._call(earlier, [self.describe(argument), *arguments])
            case (Step.CONST, recipe):
                return str(recipe.written(arguments))
        return "?"


def _parents(step: tuple) -> tuple[int, ...]:
    """The steps that it starts from."""
    if step[0] in (Step.ARG, Step.CONST):
        return ()
    return step[1:] if step[0] is Step.APPLY else step[1:2]


def _renumbered(step: tuple, order: dict[int, int]) -> tuple:
    parents = _parents(step)
    return (step[0], *(order[parent] for parent in parents), *step[1 + len(parents) :])


def reach_plan(access: Access) -> EntryPlan:
    """A plan of the steps and checks alone, for ``pycall.reach``."""
    inputs = tuple(InputLeaf(step, LeafKind.ARRAY, "<f8", 0) for step in access.wanted)
    return EntryPlan(0, access.steps, access.checks, inputs, 0, (), (), (), (), ())
