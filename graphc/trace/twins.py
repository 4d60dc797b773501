"""Arrays of the trace that may be one and the same when the program runs: after a write into one, the other is refused.

See ``aliases`` for which they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphc.ir.graph import Value
from graphc.trace.session import Session

REFUSAL = (
    "this array may share memory with one that was written into, depending on a branch or on how often a loop ran: "
    "make a copy (c = a.copy()) where the second name is given"
)


def link(session: Session, a: Any, b: Any) -> None:
    """A write into one of the two arrays makes later uses of the other an error."""
    twins = session.root.twins
    for one, other in ((a, b), (b, a)):
        twins.setdefault(id(one), (one, []))[1].append(other)


def retire_twins(session: Session, array: Any) -> None:
    """The array was written into."""
    for other in session.root.twins.get(id(array), (array, ()))[1]:
        retire(other)


@contextmanager
def for_a_try(session: Session) -> Iterator[None]:
    """What the block makes unusable can be used again afterwards: it is traced once more."""
    known = len(session.root.retired)
    try:
        yield
    finally:
        bring_back(session, known)


def bring_back(session: Session, known: int) -> None:
    """Make arrays usable again that became unusable when there were more than ``known`` of them."""
    retired = session.root.retired
    for array, before, value in reversed(retired[known:]):
        array.session, array.value = before, value
    del retired[known:]


def note_before(array: Any, session: Session, value: Value) -> None:
    """The array, unusable now, is this one if it can be used again: the region that made it so has ended."""
    retired = session.root.retired
    for place, (other, *_) in enumerate(retired):
        if other is array:
            retired[place] = (array, session, value)


def retire(array: Any) -> None:
    """Make every later use of the array, and of its views, an error."""
    session = array.session
    if session.refusal:
        return
    ended = Session(session.F.ops, session.name, parent=session, wrap=session.wrap)
    ended.alive, ended.refusal = False, REFUSAL
    session.root.retired.append((array, session, array.value))
    array.value = Value(array.value.type)  # views compare it with what they saw
    array.session = ended
