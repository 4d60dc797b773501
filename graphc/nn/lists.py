"""Modules that hold others, or parameters, by number or by name: ``Sequential``, lists and dicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from graphc.nn.module import Module, is_parameter
from graphc.nn.parameter import Parameter


class _Holding(Module):
    """What it holds stands among its attributes."""

    def _holds(self, value: Any) -> bool:
        return isinstance(value, Module)

    def _wrapped(self, value: Any) -> Any:
        return value

    def _names(self) -> list[str]:
        return [name for name, value in self.__dict__.items() if self._holds(value)]

    def _values(self) -> list[Any]:
        return [value for value in self.__dict__.values() if self._holds(value)]

    def _refill(self, pairs: Iterable[tuple[str, Any]]) -> None:
        pairs = list(pairs)
        for name in self._names():
            delattr(self, name)
        for name, value in pairs:
            setattr(self, name, self._wrapped(value))

    def __len__(self) -> int:
        return len(self._names())

    def __bool__(self) -> bool:  # a module is true, also an empty one
        return True


class _Numbered(_Holding):
    """What it holds has the names "0", "1", ..."""

    def __init__(self, values: Iterable[Any] = ()):
        super().__init__()
        self._refill_numbered(values)

    def _refill_numbered(self, values: Iterable[Any]) -> None:
        self._refill((str(number), value) for number, value in enumerate(values))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values())

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice):
            return self._values()[index]
        made = type(self).__new__(type(self))
        _Numbered.__init__(made, self._values()[index])
        return made

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._names()[index], self._wrapped(value))

    def __delitem__(self, index: Any) -> None:
        values = self._values()
        del values[index]
        self._refill_numbered(values)

    def __iadd__(self, values: Iterable[Any]) -> Any:
        return self.extend(values)

    def append(self, value: Any) -> Any:
        """Add one at the end; the container."""
        setattr(self, str(len(self)), self._wrapped(value))
        return self

    def extend(self, values: Iterable[Any]) -> Any:
        """Add several at the end; the container."""
        for value in list(values):
            self.append(value)
        return self

    def insert(self, index: int, value: Any) -> Any:
        """Add one before the place ``index``; the container."""
        values = self._values()
        values.insert(index, value)
        self._refill_numbered(values)
        return self

    def pop(self, index: int = -1) -> Any:
        """Take one out, the last by default, and give it."""
        value = self[index]
        del self[index]
        return value


class Sequential(_Numbered):
    """Modules one after the other, each given what the one before made: in order, or as a dict by name.

    >>> model = graphc.nn.Sequential(graphc.nn.Linear(3, 2), graphc.nn.Tanh())
    >>> len(model), model[:1]
    (2, Sequential(
      (0): Linear(in_features=3, out_features=2, bias=True)
    ))
    """

    def __init__(self, *modules: Any):
        if len(modules) == 1 and isinstance(modules[0], dict):
            super().__init__()
            self._refill(modules[0].items())
        else:
            super().__init__(modules)

    def __add__(self, other: Any) -> Sequential:
        return Sequential(*self, *other) if isinstance(other, Sequential) else NotImplemented

    def forward(self, input: Any) -> Any:
        for module in list(self.__dict__.values()):
            if isinstance(module, Module):
                input = module(input)
        return input


class ModuleList(_Numbered):
    """A list of modules, whose parameters are the owner's."""

    def __init__(self, modules: Iterable[Module] | None = None):
        super().__init__(() if modules is None else modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])


class ParameterList(_Numbered):
    """A list of parameters, or of tensors that become such."""

    def __init__(self, values: Iterable[Any] | None = None):
        super().__init__(() if values is None else values)

    def _holds(self, value: Any) -> bool:
        return is_parameter(value)

    def _wrapped(self, value: Any) -> Any:
        return value if is_parameter(value) else Parameter(value)


class _Named(_Holding):
    """What it holds has names of the user's."""

    def __init__(self, held: Any = None):
        super().__init__()
        self.update({} if held is None else held)

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(name)
        return self.__dict__[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self and hasattr(self, name):
            raise KeyError(f"{name!r} is an attribute of every {type(self).__name__}: choose another name")
        setattr(self, name, self._wrapped(value))

    def __delitem__(self, name: str) -> None:
        self[name]  # for the error
        delattr(self, name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._holds(self.__dict__.get(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._names()

    def values(self) -> Iterable[Any]:
        """What it holds."""
        return self._values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names, and what it holds."""
        return zip(self._names(), self._values(), strict=True)

    def update(self, held: Any) -> None:
        """Add what a mapping, or pairs, have."""
        for name, value in held.items() if isinstance(held, Mapping | _Named) else held:
            self[name] = value

    def pop(self, name: str) -> Any:
        """Take one out, and give it. Raises ``KeyError``."""
        value = self[name]
        del self[name]
        return value

    def clear(self) -> None:
        """Take all out."""
        self._refill(())


class ModuleDict(_Named):
    """Modules by name."""


class ParameterDict(_Named):
    """Parameters by name, or tensors that become such."""

    def _holds(self, value: Any) -> bool:
        return is_parameter(value)

    def _wrapped(self, value: Any) -> Any:
        return value if is_parameter(value) else Parameter(value)
