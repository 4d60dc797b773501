"""Arrays from outside that a region writes into: what they were before, and are again until its node is recorded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from graphc.ir.graph import Value
from graphc.trace.session import Session
from graphc.trace.twins import note_before


class Writes:
    """Arrays from outside that a region writes into, in the order in which it does, and what they were before."""

    def __init__(self) -> None:
        self.arrays: list[Any] = []
        self.before: dict[int, tuple[Session, Value]] = {}

    def without(self, places: Collection[int]) -> Writes:
        other = Writes()
        for array in (a for k, a in enumerate(self.arrays) if k not in places):
            other.note(array, *self.before[id(array)])
        return other

    def note(self, array: Any, session: Session, value: Value) -> None:
        if id(array) not in self.before:
            self.arrays.append(array)
            self.before[id(array)] = (session, value)

    def values(self, session: Session) -> list[Value]:
        """What they are before the region, in the session around it."""
        return [session.import_value(*self.before[id(array)]) for array in self.arrays]

    def take(self, values: Sequence[Value]) -> None:
        """Their values after the region."""
        for array, value in zip(self.arrays, values, strict=True):
            array.assign(value)


def restore(array: Any, session: Session, value: Value) -> None:
    """Undo writes of a region: what the array is then is a result of the node that runs the region."""
    if array.session.refusal:
        note_before(array, session, value)
        return
    array.session = session
    if hasattr(type(array), "cached"):
        array.cached = value
    else:
        array.value = value
