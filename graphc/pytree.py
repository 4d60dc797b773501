"""Nested containers: dict, list, tuple, named tuple, dataclass, and what else optree knows.

None is a leaf. Dicts keep their insertion order, as the user's function sees it. A dataclass is registered when it is
first met: its fields are its children, and it is rebuilt without running ``__init__`` again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol, TypeAlias

import optree

TreeSpec: TypeAlias = Any  # optree.PyTreeSpec
NAMESPACE = "graphc"

# A mode of the namespace, for good (the block would end if the object went away): two dicts with the same keys in
# another order are two structures, since the user's function sees the order.
_insertion_ordered = optree.dict_insertion_ordered(True, namespace=NAMESPACE)
_insertion_ordered.__enter__()

_dataclasses: set[type] = set()


class Frozen:
    """A tree whose leaves are not differentiated: made by ``graphc.frozen``, seen by the function as the bare tree."""

    __slots__ = ("tree",)

    def __init__(self, tree: Any):
        self.tree = tree

    def __repr__(self) -> str:
        return f"frozen({self.tree!r})"


optree.register_pytree_node(Frozen, lambda f: ((f.tree,), None), lambda _, children: children[0], namespace=NAMESPACE)


# --- objects of graphc's own that hold arrays -------------------------------------------------------------------------


class ObjectNode(Protocol):
    """How the objects of a class are containers: what ``register_object`` is given."""

    def take_apart(self, obj: Any) -> tuple[Sequence[Any], Hashable]:
        """The children, and what else there is to the object, which is compared between calls."""

    def rebuild(self, rest: Any, children: Sequence[Any]) -> Any:
        """An object of these children: the same, traced ones, or what stands at the places of a result."""

    def reach(self, paths: Any, path: int, obj: Any) -> list[int]:
        """Where each child is read (``trace.paths``), given where the object is; what must not change, as guards."""

    def names(self, obj: Any) -> Sequence[str]:
        """What each child is called in the object; empty for the object itself."""

    def is_frozen(self, obj: Any) -> bool:
        """Whether no gradient by what the object holds is wanted, where it is part of something else."""


class TensorNode(ObjectNode, Protocol):
    """That of a class whose objects stand for one array."""

    def write(self, obj: Any, array: Any) -> None:
        """Give the object other values."""


_objects: dict[type, ObjectNode] = {}
_tensors: set[type] = set()


def register_object(cls: type, node: ObjectNode, *, is_tensor: bool = False) -> None:
    """Make instances of the class (of this very one) containers. ``is_tensor``: of one array, whose face it has."""
    optree.register_pytree_node(cls, node.take_apart, node.rebuild, namespace=NAMESPACE)
    _objects[cls] = node
    if is_tensor:
        _tensors.add(cls)


def object_node(cls: type) -> ObjectNode | None:
    """How instances of the class are taken apart, where they are graphc's own; else None."""
    return _objects.get(cls)


def write_tensor(tensor: Any, array: Any) -> None:
    """Give what stands for one array other values."""
    node: Any = _objects[type(tensor)]
    node.write(tensor, array)


def flatten_to_tensors(tree: Any) -> list[Any]:
    """The leaves in the order of ``flatten``, tensors as such."""
    flatten(tree)  # which makes dataclasses known
    return optree.tree_leaves(tree, lambda node: type(node) in _tensors, none_is_leaf=True, namespace=NAMESPACE)


def is_tensor(cls: type) -> bool:
    """Whether instances of the class stand for one array."""
    return cls in _tensors


def flatten_as_arrays(tree: Any) -> tuple[list[Any], TreeSpec]:
    """As ``flatten``, where a tensor is the same structure as an array; the leaves are arrays."""
    flatten(tree)  # which makes dataclasses known
    leaves, spec = optree.tree_flatten(
        tree, lambda node: type(node) in _tensors, none_is_leaf=True, namespace=NAMESPACE
    )
    return [_objects[type(leaf)].take_apart(leaf)[0][0] if type(leaf) in _tensors else leaf for leaf in leaves], spec


def flatten_to_objects(tree: Any) -> tuple[list[Any], TreeSpec]:
    """As ``flatten``, with graphc's own objects (tensors, modules) as leaves, whose values are not asked for."""
    return _flatten(tree, lambda node: type(node) in _objects)


# --- dataclasses ------------------------------------------------------------------------------------------------------


def is_dataclass_instance(obj: Any) -> bool:
    return hasattr(type(obj), "__dataclass_fields__")


def flatten(tree: Any) -> tuple[list[Any], TreeSpec]:
    """The leaves and the structure. A dataclass that is new to graphc is registered, and counts as a container."""
    return _flatten(tree, None)


def changeable_nodes(tree: Any) -> list[Any]:
    """The containers in the tree whose parts can be replaced: all but tuples, and what stands for one array.

    >>> changeable_nodes(([1.0, (2.0, {"a": 3.0})], 4.0))
    [[1.0, (2.0, {'a': 3.0})], {'a': 3.0}]
    """
    found: list[Any] = []

    def note(node: Any) -> bool:
        found.append(node)
        return False

    leaves = {id(leaf) for leaf in _flatten(tree, note)[0]}
    return [n for n in found if id(n) not in leaves and not isinstance(n, tuple) and type(n) not in _tensors]


def _flatten(tree: Any, is_leaf: Callable[[Any], bool] | None) -> tuple[list[Any], TreeSpec]:
    leaves, spec = optree.tree_flatten(tree, is_leaf, none_is_leaf=True, namespace=NAMESPACE)
    for leaf in leaves:
        if hasattr(type(leaf), "__dataclass_fields__") and type(leaf) not in _dataclasses:
            register_dataclass(type(leaf))
            return _flatten(tree, is_leaf)
    return leaves, spec


def unflatten(spec: TreeSpec, leaves: Sequence[Any]) -> Any:
    return spec.unflatten(leaves)


def names(spec: TreeSpec) -> list[str]:
    """For each leaf of a call's ``(args, kwargs)``: how a user would name it, such as ``argument 0['w']``."""
    found = []
    for group, first, *rest in spec.paths():
        found.append("".join([f"argument {first}" if group == 0 else str(first), *(f"[{part!r}]" for part in rest)]))
    return found


def bare(tree: Any) -> Any:
    """The tree without ``Frozen`` around parts of it; the very tree where there is none."""
    return tree_map(lambda leaf: leaf, tree) if any(map(_is_frozen, _down_to_frozen(tree))) else tree


def frozen_leaves(tree: Any) -> list[bool]:
    """For each leaf of the tree whether ``Frozen`` stands around it.

    >>> frozen_leaves((Frozen([1.0, 2.0]), 3.0))
    [True, True, False]
    """
    return [_is_frozen(part) for part in _down_to_frozen(tree) for _ in range(len(flatten(part)[0]))]


def _is_frozen(node: Any) -> bool:
    return type(node) is Frozen


def _down_to_frozen(tree: Any) -> list[Any]:
    """The leaves of the tree, what is frozen as a whole."""
    flatten(tree)  # which makes dataclasses known
    return optree.tree_leaves(tree, _is_frozen, none_is_leaf=True, namespace=NAMESPACE)


def tree_map(function: Callable[..., Any], tree: Any) -> Any:
    leaves, spec = flatten(tree)
    return spec.unflatten([function(leaf) for leaf in leaves])


def field_names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


def register_dataclass(cls: type) -> None:
    """Make instances of the dataclass containers of their fields."""
    names = field_names(cls)

    def rebuild(_: None, children: Sequence[Any]) -> Any:
        new: Any = object.__new__(cls)
        for name, child in zip(names, children, strict=True):
            object.__setattr__(new, name, child)
        return new

    def take_apart(obj: Any) -> tuple[tuple[Any, ...], None, tuple[str, ...]]:
        return tuple(getattr(obj, name) for name in names), None, names

    optree.register_pytree_node(cls, take_apart, rebuild, namespace=NAMESPACE)
    _dataclasses.add(cls)


def prefix_leaves(prefix: Any, tree: Any) -> list[Any]:
    """For each leaf of the tree what stands at or above its place in ``prefix``, a tree of its upper part.

    Raises ``ValueError`` where that has another structure.

    >>> prefix_leaves((0, None), (1.0, {"a": 2.0, "b": 3.0}))
    [0, None, None]
    """
    flatten(tree)  # which makes dataclasses known
    return optree.broadcast_prefix(prefix, tree, none_is_leaf=True, namespace=NAMESPACE)
