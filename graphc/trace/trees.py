"""Nested containers of traced values: what a loop carries, and what a branch gives."""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType
from typing import Any

import numpy as np

from graphc import pytree
from graphc.errors import TraceTypeError
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, ArrayType
from graphc.trace.location import user_location
from graphc.trace.session import Session
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue, unwrap, wrap

NUMBERS = (TracedValue, SymbolicInt, np.ndarray, np.generic, int, float)
Places = frozenset[int]


class ValueTree:
    """A tree of values that a loop carries: ``values`` of its leaves; all other leaves stay what they are.

    ``flags``: the places of Python's bools that do not stay what they are.
    """

    def __init__(self, session: Session, tree: Any, label: str, flags: Places = frozenset()):
        self.leaves, self.spec = pytree.flatten(tree)
        self.traced = [is_number(leaf) or place in flags for place, leaf in enumerate(self.leaves)]
        pairs = zip(self.leaves, self.traced, strict=True)
        self.values = [value_of(session, leaf) for leaf, is_traced in pairs if is_traced]
        only = len(self.leaves) == 1
        self.labels = [label if only else f"{label}, leaf {k}" for k in range(len(self.leaves))]

    @property
    def names(self) -> list[str]:
        """What each of the values is, in words."""
        return [label for label, is_traced in zip(self.labels, self.traced, strict=True) if is_traced]

    def seen(self, session: Session, values: Sequence[Value]) -> Any:
        """The tree as the user's function sees it, with these values."""
        rest = iter(values)
        leaves = [
            wrap(session, next(rest)) if is_traced else leaf
            for leaf, is_traced in zip(self.leaves, self.traced, strict=True)
        ]
        return pytree.unflatten(self.spec, leaves)

    def values_of(self, session: Session, tree: Any, what: str) -> list[Value]:
        """The values of another tree of the same structure. Raises ``TraceTypeError``."""
        leaves, spec = pytree.flatten(tree)
        if spec != self.spec:
            error = TraceTypeError(
                f"{what} must keep the structure {self.spec}; it gives {spec}", location=user_location()
            )
            error.of_form = True
            raise error
        values = []
        for leaf, old, is_traced, label in zip(leaves, self.leaves, self.traced, self.labels, strict=True):
            if is_traced and isinstance(leaf, NUMBERS):
                values.append(value_of(session, leaf))
            elif leaf is not old and (is_traced or isinstance(leaf, NUMBERS) or leaf != old):
                sides = " and ".join("a number" if isinstance(x, TracedValue) else repr(x) for x in (old, leaf))
                error = TraceTypeError(
                    f"{label} is another kind of object after {what} ({sides}): what a traced value decides, and what "
                    "a loop changes, is numbers and arrays alone, each of one kind; in place of None begin with a "
                    "number that stands for it, such as np.inf or 0.0",
                    location=user_location(),
                )
                error.of_first_iteration = error.of_form = True
                raise error
        return values


def value_of(session: Session, leaf: Any) -> Value:
    return session.F.value(unwrap(session, leaf))


def is_number(leaf: Any) -> bool:
    """Whether the leaf is a value of the program; Python's bools are not, until they change."""
    return isinstance(leaf, NUMBERS) and not isinstance(leaf, bool)


class Skeleton:
    """What kind of values a tree holds: it outlives the trace of the tree."""

    def __init__(self, session: Session, tree: Any):
        leaves, self.spec = pytree.flatten(tree)
        self.leaves = [value_of(session, leaf).type if is_number(leaf) else leaf for leaf in leaves]

    def is_known(self, session: Session) -> bool:
        """Whether it holds values alone, and their sizes are known before the tree is made."""
        if not all(isinstance(leaf, ArrayType | bool | str | NoneType) for leaf in self.leaves):
            return False
        types = [leaf for leaf in self.leaves if isinstance(leaf, ArrayType)]
        return not any(session.F.facts.is_bound(dim) for type_ in types for dim in type_.dims)

    def zeros(self, session: Session) -> Any:
        """A tree of that kind, of zeros."""
        return pytree.unflatten(self.spec, [zero_of(session, leaf) for leaf in self.leaves])


def zero_of(session: Session, leaf: Any) -> Any:
    """A zero of the type, as the user's function sees it; what is no type stays what it is."""
    if not isinstance(leaf, ArrayType):
        return leaf
    if leaf.weak and not leaf.dims:
        return leaf.dtype.type(0).item()
    return wrap(session, session.F.full(leaf, leaf.dtype.type(0).item()))


def changing_flags(kind: Skeleton, other: Skeleton) -> Places:
    """The places of Python's bools that are another bool, or a traced one, in the other tree."""
    if kind.spec != other.spec:
        return frozenset()
    pairs = enumerate(zip(kind.leaves, other.leaves, strict=True))
    return frozenset(k for k, (a, b) in pairs if _is_flag(a) and _is_flag(b) and a is not b)


def _is_flag(leaf: Any) -> bool:
    if isinstance(leaf, ArrayType):
        return leaf.dtype == BOOL and not leaf.dims
    return isinstance(leaf, bool)
