"""Nested arguments, as far as the cases need them: dicts, lists and tuples of arrays.

Not optree: the peers' processes run in environments that hold the peer and NumPy, nothing of graphc's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: tree_map(function, value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(tree_map(function, value) for value in tree)
    return function(tree)


def tree_leaves(tree: Any) -> list[Any]:
    """Leaves in order; a dict's by sorted key, since some peers return their dicts sorted."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in tree_leaves(tree[key])]
    if isinstance(tree, list | tuple):
        return [leaf for value in tree for leaf in tree_leaves(value)]
    return [tree]


def tree_unflatten(like: Any, leaves: list[Any]) -> Any:
    """A tree of the structure of ``like`` that holds ``leaves``, given in the order of ``tree_leaves(like)``."""
    remaining = iter(leaves)

    def build(tree: Any) -> Any:
        if isinstance(tree, dict):
            built = {key: build(tree[key]) for key in sorted(tree)}
            return {key: built[key] for key in tree}
        if isinstance(tree, list | tuple):
            return type(tree)(build(value) for value in tree)
        return next(remaining)

    return build(like)
