"""Nested containers of traced values: what a loop carries, and what a branch gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.errors import TraceTypeError
from graphc.ir.graph import Value
from graphc.trace.location import user_location
from graphc.trace.session import Session
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue, unwrap, wrap

NUMBERS = (TracedValue, SymbolicInt, np.ndarray, np.generic, int, float)


class ValueTree:
    """A tree of values that a loop carries: ``values`` of its leaves; all other leaves stay what they are."""

    def __init__(self, session: Session, tree: Any, label: str):
        self.leaves, self.spec = pytree.flatten(tree)
        self.traced = [isinstance(leaf, NUMBERS) and not isinstance(leaf, bool) for leaf in self.leaves]
        pairs = zip(self.leaves, self.traced, strict=True)
        self.values = [value_of(session, leaf) for leaf, is_traced in pairs if is_traced]
        only = len(self.leaves) == 1
        self.names = [
            label if only else f"{label}, leaf {k}" for k, is_traced in enumerate(self.traced) if is_traced
        ]  # fmt: skip

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
            raise TraceTypeError(
                f"{what} must keep the structure {self.spec}; it gives {spec}", location=user_location()
            )
        values = []
        for leaf, old, is_traced in zip(leaves, self.leaves, self.traced, strict=True):
            if is_traced and isinstance(leaf, NUMBERS):
                values.append(value_of(session, leaf))
            elif leaf is not old and (is_traced or isinstance(leaf, NUMBERS) or leaf != old):
                sides = " and ".join("a number" if isinstance(x, TracedValue) else repr(x) for x in (old, leaf))
                raise TraceTypeError(
                    f"{what} gives another kind of object ({sides}): what a traced value decides, and what a loop "
                    "changes, is numbers and arrays alone, each of one kind",
                    location=user_location(),
                )
        return values


def value_of(session: Session, leaf: Any) -> Value:
    return session.F.value(unwrap(session, leaf))
