"""The argument tree of a call, walked once when it is traced: the path, name and mark of each leaf.

The walk visits leaves in the order in which ``pytree.flatten`` lists them. Containers whose items native code can
reach (dict, OrderedDict, defaultdict, list, tuple, named tuple, dataclass, ``frozen``) get access paths and checks of
their types and keys; below others the leaves have no path, and such calls go through the slower entry.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optree

from graphc import pytree
from graphc.abi import ANY_LENGTH, Check
from graphc.errors import TraceTypeError
from graphc.trace.leaves import Receiver, is_object
from graphc.trace.location import user_location
from graphc.trace.paths import Paths
from graphc.trace.target import Target


@dataclass
class ArgumentLeaf:
    """``argument``: its top-level position (keyword arguments count on); ``path`` is None where none is known.

    ``leaf`` is None once the program is built: it must not keep the arrays of its first call alive.
    ``by_type``: an object known to the program by its type, and by what is read from it at each call.
    ``quiet``: a tensor that says of itself that no gradient by it is wanted; None where its fellows decide.
    ``of_tensor``: the values of a tensor, which is what the last step of the path starts from.
    """

    leaf: Any
    argument: int
    path: int | None
    name: str
    frozen: bool
    whole: bool  # the argument itself, not part of a container
    by_type: bool
    quiet: bool | None = False
    of_tensor: bool = False


def handed_to(target: Target, leaves: Sequence[ArgumentLeaf], seen: Sequence[Any]) -> list[Any]:
    """What the target gets for its argument leaves: ``seen``, the frozen ones as such where it looks for them."""
    if not target.takes_frozen:
        return list(seen)
    return [pytree.Frozen(leaf) if a.frozen else leaf for a, leaf in zip(leaves, seen, strict=True)]


class ArgumentWalk:
    """``checks``: what native code must check of the containers; ``reachable``: every leaf has a path."""

    def __init__(self, paths: Paths, arguments: list[Any], names: list[str]):
        self.paths = paths
        paths.names = names
        self.leaves: list[ArgumentLeaf] = []
        self.checks: list[tuple] = []
        self.reachable = True
        self._quiet: bool | None = False
        self._in_module = False
        for position, (argument, name) in enumerate(zip(arguments, names, strict=True)):
            self._argument = position
            first, self._asks = len(self.leaves), False
            self._walk(argument, paths.arg(position), name, frozen=False, whole=True)
            for leaf in self.leaves[first:]:
                leaf.quiet = self._asks if leaf.quiet is None else leaf.quiet

    def _walk(self, obj: Any, path: int | None, name: str, *, frozen: bool, whole: bool = False) -> None:
        kind = type(obj)
        if kind in (dict, OrderedDict, defaultdict) and path is not None:
            self._mapping(obj, path, name, frozen=frozen)
        elif path is not None and (kind in (tuple, list) or (isinstance(obj, tuple) and hasattr(kind, "_fields"))):
            self.checks.append((Check.TYPE_LEN, path, kind, len(obj)))
            for i, value in enumerate(obj):
                self._walk(value, self.paths.sequence_item(path, i), f"{name}_{i}", frozen=frozen)
        elif kind is pytree.Frozen:
            self._fields(obj, ("tree",), path, name, frozen=True)
        elif (node := pytree.object_node(kind)) is not None:
            self._object(obj, node, path, name, frozen=frozen, whole=whole)
        elif pytree.is_dataclass_instance(obj):
            self._fields(obj, pytree.field_names(kind), path, name, frozen=frozen)
        elif optree.tree_is_leaf(obj, none_is_leaf=True, namespace=pytree.NAMESPACE):
            self.reachable = self.reachable and path is not None
            by_type = kind is Receiver or is_object(obj)
            leaf = obj.obj if kind is Receiver else obj
            self.leaves.append(ArgumentLeaf(leaf, self._argument, path, name, frozen, whole, by_type, self._quiet))
        else:
            self.reachable = False
            flattened = optree.tree_flatten_one_level(obj, none_is_leaf=True, namespace=pytree.NAMESPACE)
            for i, child in enumerate(flattened[0]):
                self._walk(child, None, f"{name}_{i}", frozen=frozen)

    def _mapping(self, obj: dict, path: int, name: str, *, frozen: bool) -> None:
        if list(obj) != list(dict.keys(obj)):
            message = f"{name} is an OrderedDict reordered by move_to_end, which optree does not see; pass a copy of it"
            raise TraceTypeError(message, location=user_location())
        self.checks += [(Check.TYPE_LEN, path, type(obj), ANY_LENGTH), (Check.KEYS, path, tuple(obj))]
        if isinstance(obj, defaultdict):
            self.checks.append((Check.IS, self.paths.attribute(path, "default_factory"), obj.default_factory))
        for key, value in obj.items():
            self._walk(value, self.paths.dict_item(path, key), f"{name}_{key}", frozen=frozen)

    def key_checks(self) -> list[tuple]:
        """The checks of dict keys: equal keys may differ, as 1 and True, which the tree structure does not see."""
        return [check for check in self.checks if check[0] is Check.KEYS]

    def _object(
        self, obj: Any, node: pytree.ObjectNode, path: int | None, name: str, *, frozen: bool, whole: bool
    ) -> None:
        """An object of graphc's own."""
        children, _ = node.take_apart(obj)
        below: list[int | None] = [None] * len(children)
        if path is not None:
            guards = self.paths.without_checks()
            guards.require_type(path, type(obj))
            below = list(node.reach(guards, path, obj))
            self.checks += guards.all_checks()
        before = self._quiet, self._in_module
        names = node.names(obj)
        is_tensor = pytree.is_tensor(type(obj))
        self._quiet = self._wants_none(node.is_frozen(obj), whole) if is_tensor else True
        self._in_module = not is_tensor
        first = len(self.leaves)
        for child, where, own in zip(children, below, names, strict=True):
            self._walk(child, where, f"{name}_{own}" if own else name, frozen=frozen, whole=whole and is_tensor)
        if is_tensor:
            self.leaves[first].of_tensor = True
        self._quiet, self._in_module = before

    def _wants_none(self, frozen: bool, whole: bool) -> bool | None:
        """Whether no gradient by a tensor is wanted. An argument by itself is differentiated whatever it says, a part
        of a module is not where it does not require grad. Among tensors in containers those are that require grad, and
        where none does, all."""
        if whole:
            return False
        if not self._in_module and not frozen:
            self._asks = True
        return frozen if self._in_module or not frozen else None

    def _fields(self, obj: Any, names: tuple[str, ...], path: int | None, name: str, *, frozen: bool) -> None:
        if path is not None:
            self.checks.append((Check.TYPE_LEN, path, type(obj), ANY_LENGTH))
        for field in names:
            child_path = None if path is None else self.paths.attribute(path, field)
            child_name = name if type(obj) is pytree.Frozen else f"{name}_{field}"
            self._walk(getattr(obj, field), child_path, child_name, frozen=frozen)
