"""Modules as arguments and results of compiled functions: containers of all tensors in them.

A module is taken apart as a whole: its tensors, each once however many places it has, are the children, and what else
its attributes hold (sizes, flags, the classes of its parts) says which program serves it. A traced function gets a copy
with traced tensors; a gradient by a module is a module of the same structure.
"""

from __future__ import annotations

import enum
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import optree

from graphc import pytree
from graphc.nn import module as modules
from graphc.nn.parameter import Parameter
from graphc.tensors.core import Tensor
from graphc.tensors.traced import Origin, TracedTensor

_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.dtype, type, slice, range, enum.Enum, np.generic)
GLOBAL = optree.registry.__GLOBAL_NAMESPACE
_SEQUENCES = (list, tuple)
_MAPPINGS = (dict, OrderedDict)


class Layout:
    """What is in a module beside its children: equal for modules that one program can serve.

    ``plan``: how the module is made of its children again, as nested tuples of what they hold. ``parameters``: for each
    child that is a parameter whether it requires grad, None for others; not compared.
    """

    __slots__ = ("_make", "key", "parameters", "plan")

    def __init__(self, plan: Any, children: Sequence[Any]):
        self.plan = plan
        self.key = _key(plan)
        self.parameters = [child._kind.requires_grad if modules.is_parameter(child) else None for child in children]
        self._make: Maker | None = None

    @property
    def make(self) -> Maker:
        """Makes the module of children."""
        if self._make is None:
            self._make = _maker(self.plan)
        return self._make

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


class _Taking:
    """One module taken apart: ``children`` in order, each once; a module or tensor that was met before is its number.

    The parts of a plan: ``("child", n)``, ``("module", number, class, ((name, part), ...))``, ``("again", number)``,
    ``("sequence", class, (part, ...))``, ``("mapping", class, ((key, part), ...))``, ``("plain", value)``.
    """

    def __init__(self) -> None:
        self.children: list[Any] = []
        self._children: dict[int, int] = {}
        self._modules: dict[int, int] = {}

    def part(self, obj: Any) -> tuple[Any, ...]:
        if isinstance(obj, modules.Module):
            if id(obj) in self._modules:
                return ("again", self._modules[id(obj)])
            number = self._modules[id(obj)] = len(self._modules)
            return ("module", number, type(obj), tuple([(name, self.part(v)) for name, v in obj.__dict__.items()]))
        kind = type(obj)
        if isinstance(obj, _PLAIN):
            return ("plain", obj)
        if kind in _SEQUENCES or (isinstance(obj, tuple) and hasattr(kind, "_fields")):
            return ("sequence", kind, tuple([self.part(part) for part in obj]))
        if kind in _MAPPINGS:
            return ("mapping", kind, tuple([(key, self.part(value)) for key, value in obj.items()]))
        number = self._children.setdefault(id(obj), len(self.children))
        if number == len(self.children):
            self.children.append(obj)
        return ("child", number)


def _key(part: Any) -> Hashable:
    """What is compared of a plan: == alone does not tell 1 from True, nor 0.0 from -0.0."""
    if part[0] == "plain":
        value = part[1]
        if isinstance(value, slice):
            return slice, value.start, value.stop, value.step
        return type(value), float.hex(value) if isinstance(value, float) else value
    if part[0] in ("child", "again"):
        return part
    if part[0] == "sequence":
        return part[1], tuple([_key(below) for below in part[2]])
    return part[0], part[-2], tuple([(type(name), name, _key(below)) for name, below in part[-1]])


Maker = Callable[[Sequence[Any], dict[int, Any]], Any]  # of the children, and the modules made so far by number


def _maker(part: Any) -> Maker:
    """What makes the object of a plan again."""
    match part:
        case ("child", number):
            return lambda children, made: children[number]
        case ("plain", value):
            return lambda children, made: value
        case ("again", number):
            return lambda children, made: made[number]
        case ("sequence", kind, below):
            makers = [_maker(p) for p in below]
            as_tuple = hasattr(kind, "_fields")

            def sequence(children: Sequence[Any], made: dict[int, Any]) -> Any:
                parts = [make(children, made) for make in makers]
                return kind(*parts) if as_tuple else kind(parts)

            return sequence
        case ("mapping", kind, below):
            pairs = [(key, _maker(p)) for key, p in below]
            return lambda children, made: kind((key, make(children, made)) for key, make in pairs)
        case (_, number, kind, below):
            return _module_maker(number, kind, below)
    raise AssertionError(part)


def _module_maker(number: int, kind: type, below: Any) -> Maker:
    known = {name: p[1] if p[0] == "plain" else None for name, p in below}
    others = [(name, _maker(p)) for name, p in below if p[0] != "plain"]

    def module(children: Sequence[Any], made: dict[int, Any]) -> Any:
        new: Any = object.__new__(kind)
        made[number] = new
        attributes = new.__dict__
        attributes.update(known)
        for name, make in others:
            attributes[name] = make(children, made)
        return new

    return module


class _Reaching:
    """Where the children are read in a module at a path, and what must not change there."""

    def __init__(self, paths: Any):
        self.paths = paths
        self.found: dict[int, int] = {}

    def walk(self, part: Any, path: int, obj: Any) -> None:
        paths = self.paths
        match part:
            case ("child", number):
                if self.found.setdefault(number, path) != path:  # a tensor at two places: these very two
                    paths.require_same(path, obj)
                    paths.require_same(self.found[number], obj)
            case ("plain", value):
                paths.require_value(path, value)
            case ("again", number):
                paths.require_same(path, obj)
            case ("sequence", kind, below):
                paths.require_type(path, kind, len(below))
                for k, p in enumerate(below):
                    self.walk(p, paths.sequence_item(path, k), obj[k])
            case ("mapping", kind, below):
                self._items(below, path, obj)
            case (_, number, kind, below):
                paths.require_type(path, kind)
                self._items(below, paths.attribute(path, "__dict__"), obj.__dict__)

    def _items(self, below: Any, path: int, obj: Any) -> None:
        self.paths.require_keys(path, obj)
        for name, p in below:
            self.walk(p, self.paths.dict_item(path, name), obj[name])


class _Node:
    def take_apart(self, module: Any) -> tuple[Sequence[Any], Hashable]:
        taking = _Taking()
        plan = taking.part(module)
        return taking.children, Layout(plan, taking.children)

    def rebuild(self, layout: Layout, children: Sequence[Any]) -> Any:
        copies: dict[int, Any] = {}
        pairs = zip(children, layout.parameters, strict=True)
        children = [child if flag is None else _as_parameter(child, flag) for child, flag in pairs]
        for child in children:
            _keep(child)
        made = layout.make(children, copies)
        traced = next((child for child in children if isinstance(child, TracedTensor)), None)
        if traced is not None:
            for copy in copies.values():
                traced.traced.session.captures.shown_as(copy)
        return made

    def reach(self, paths: Any, path: int, module: Any) -> list[int]:
        children, layout = self.take_apart(module)
        reaching = _Reaching(paths)
        reaching.walk(layout.plan, path, module)  # type: ignore[attr-defined]
        return [reaching.found[number] for number in range(len(children))]

    def names(self, module: Any) -> Sequence[str]:
        return [re.sub(r"\W+", "_", name).strip("_") for name in _flat(module)[2]]

    def is_frozen(self, module: Any) -> bool:
        return False


def _keep(child: Any) -> None:
    """Have what is written into a tensor that is not trained stay there."""
    if isinstance(child, TracedTensor) and child.origin.is_input and not child.origin.requires_grad:
        child.origin.is_kept = True
        child.traced.session.lasting[id(child.traced)] = child.traced


def _as_parameter(obj: Any, requires_grad: bool) -> Any:
    """A tensor that stands where a parameter was as one, so that it goes on being trained; anything else as it is."""
    if modules.is_parameter(obj) or not isinstance(obj, Tensor):
        return obj
    if isinstance(obj, TracedTensor):
        return TracedTensor(obj.traced, Origin(Parameter, requires_grad))
    return Parameter(obj, requires_grad)


_NODE = _Node()


def _flat(module: Any) -> tuple[Sequence[Any], Hashable, Sequence[str]]:
    """For optree outside of graphc: the tensors are leaves, named by their paths."""
    children, layout = _NODE.take_apart(module)
    names = dict(_paths(layout.plan))  # type: ignore[attr-defined]
    return children, layout, tuple([names[number] for number in range(len(children))])


def _paths(part: Any, prefix: str = "") -> Iterator[tuple[int, str]]:
    match part:
        case ("child", number):
            yield number, prefix
        case ("sequence", _, below):
            for k, p in enumerate(below):
                yield from _paths(p, f"{prefix}[{k}]")
        case ("mapping", _, below) | ("module", _, _, below):
            for name, p in below:
                yield from _paths(p, f"{prefix}.{name}" if prefix else str(name))


def register(cls: type) -> None:
    """Make the modules of a class arguments and results of compiled functions, and containers for optree."""
    pytree.register_object(cls, _NODE)
    optree.register_pytree_node(cls, _flat, _NODE.rebuild, namespace=GLOBAL)
