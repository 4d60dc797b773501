"""Where a value can stand, besides in a variable: as an item of a container, an attribute of an object, a variable of a
function that has returned, which the functions that it made still share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import CellType, FunctionType, MemberDescriptorType
from typing import Any

HEAP_TYPE = 1 << 9  # set for classes that are written in Python


@dataclass(frozen=True)
class Slot(ABC):
    """``label``: how the user would write it; ``holder``: what it is a part of."""

    label: str
    holder: Any
    key: Any

    @abstractmethod
    def read(self, missing: Any) -> Any:
        """What stands there; ``missing`` where nothing does."""

    @abstractmethod
    def write(self, value: Any) -> None:
        """Have the value stand there."""


class Item(Slot):
    """Of a dict or list."""

    def read(self, missing: Any) -> Any:
        try:
            return dict.__getitem__(self.holder, self.key) if isinstance(self.holder, dict) else self.holder[self.key]
        except (KeyError, IndexError):
            return missing

    def write(self, value: Any) -> None:
        if self.read(self) is not value:
            self.holder[self.key] = value


class Attribute(Slot):
    """Of an object, by its own ``__dict__`` or slots: no method of its class is called."""

    def read(self, missing: Any) -> Any:
        members = getattr(self.holder, "__dict__", {})
        if self.key in members:
            return members[self.key]
        member = _members(type(self.holder)).get(self.key)
        try:
            return missing if member is None else member.__get__(self.holder)
        except AttributeError:
            return missing

    def write(self, value: Any) -> None:
        if self.read(self) is value:
            return
        member = _members(type(self.holder)).get(self.key)
        if isinstance(self.holder, type):
            type.__setattr__(self.holder, self.key, value)
        elif member is not None:
            member.__set__(self.holder, value)
        else:
            self.holder.__dict__[self.key] = value


class Variable(Slot):
    """Of a function that has returned; ``holder`` is its cell."""

    def read(self, missing: Any) -> Any:
        try:
            return self.holder.cell_contents
        except ValueError:
            return missing

    def write(self, value: Any) -> None:
        self.holder.cell_contents = value


def attributes(obj: Any) -> Mapping[str, Any]:
    """The attributes that the object itself has, in ``__dict__`` or slots."""
    found = dict(getattr(obj, "__dict__", {}))
    for name, member in _members(type(obj)).items():
        try:
            found[name] = member.__get__(obj)
        except AttributeError:  # has no value yet
            continue
    return found


def _members(kind: type) -> dict[str, MemberDescriptorType]:
    """The slots of a class that is written in Python, by their names."""
    found = [(n, member) for cls in kind.__mro__ if cls.__flags__ & HEAP_TYPE for n, member in vars(cls).items()]
    return {name: member for name, member in found if isinstance(member, MemberDescriptorType)}


def cells(function: FunctionType) -> dict[str, CellType]:
    """The variables of the functions around it that the function reads or assigns."""
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
