"""How the pieces of a function end: by their last statement, ``continue``, ``break`` or ``return``.

A piece gives None where it ends by its last statement, else a ``Signal``. Where a traced value decides, several ways
are possible, and which it was is a traced number. Where a piece raises an exception, the program ends: of two ways of
which one raises, the other is the one that is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeGuard

import numpy as np

from graphc.errors import UnsupportedError
from graphc.trace.location import user_location

FALLS, CONTINUES, BREAKS, RETURNS, RAISES = range(5)
WORDS = {CONTINUES: "continue", BREAKS: "break", RETURNS: "return"}
Ways = frozenset[int]
NOWHERE: Ways = frozenset()
_ENDED: Ways = frozenset([FALLS])


class Signal:
    """``ways``: those that are possible; ``way``: which it is, a traced number where there are several.

    ``value``: what is returned if it is ``RETURNS``, or the exception where it raises. ``known``: variables that have a
    value if it is one of some ways, and otherwise none.
    """

    __slots__ = ("known", "value", "way", "ways")

    def __init__(self, ways: Ways, way: Any, value: Any = None, known: Mapping[str, tuple[Any, Ways]] | None = None):
        self.ways, self.way, self.value, self.known = ways, way, value, known or {}

    @property
    def is_settled(self) -> bool:
        return len(self.ways) == 1

    def below(self, limit: int) -> Any:
        """Whether the way is less than the limit: a bool, traced where that is open."""
        if max(self.ways) < limit:
            return True
        return False if min(self.ways) >= limit else self.way < limit

    def from_(self, limit: int) -> Signal:
        """The signal where its way is not less than the limit."""
        ways = frozenset(way for way in self.ways if way >= limit)
        return Signal(ways, min(ways) if len(ways) == 1 else self.way, self.value, self.known)

    def known_below(self, limit: int) -> dict[str, Any]:
        """The variables that have a value where the way is less than the limit."""
        return self._known_at(way for way in self.ways if way < limit)

    def known_from(self, limit: int) -> dict[str, Any]:
        """The variables that have a value where it is not."""
        return self._known_at(way for way in self.ways if way >= limit)

    def _known_at(self, ways: Iterable[int]) -> dict[str, Any]:
        at = frozenset(ways)
        return {name: value for name, (value, where) in self.known.items() if at <= where}

    @property
    def word(self) -> str:
        """What the user wrote, of the ways that leave."""
        return WORDS[max(self.ways)]


BREAK, CONTINUE = (Signal(frozenset([way]), way) for way in (BREAKS, CONTINUES))


def leaving(value: Any) -> Signal:
    return Signal(frozenset([RETURNS]), RETURNS, value)


def raises(signal: Signal | None) -> TypeGuard[Signal]:
    return signal is not None and RAISES in signal.ways


def ways_of(signal: Signal | None) -> Ways:
    return _ENDED if signal is None else signal.ways


def way_of(signal: Signal | None) -> Any:
    return FALLS if signal is None else signal.way


def ended_loop(signal: Signal | None) -> Signal | None:
    """The signal of a loop as a statement, of the one with which its last iteration ended."""
    if signal is None or not signal.ways & {RETURNS, RAISES}:
        return None
    if signal.is_settled:
        return signal
    return Signal(frozenset([FALLS, RETURNS]), np.where(signal.way < RETURNS, FALLS, RETURNS), signal.value)


def passed_on(signal: Signal, is_final: bool) -> Signal:
    """``is_final``: what follows is left out whatever the signal is, which must then be settled."""
    if is_final and not signal.is_settled:
        refuse(signal)
    return signal


def returned(signal: Signal, is_final: bool) -> Any:
    """What the function returns that ends with the signal."""
    if signal.is_settled or (signal.value is None and not is_final):
        return signal.value
    if is_final:
        refuse(signal)
    raise UnsupportedError(
        "the function returns a value in one case, and ends without one in another, which a traced value decides: end "
        "it with a `return` of a value of the same shape and dtype",
        location=user_location(),
    )


def refuse(signal: Signal) -> NoReturn:
    raise UnsupportedError(
        f"`{signal.word}`, decided by a traced value, inside of a `finally`, or before a statement with `global` "
        "or `yield`: use `if`, or put the statement around the loop",
        location=user_location(),
    )
