"""Arrays that a list keeps which a loop fills: which of them may be one, or be what a variable holds.

    for i in range(n):
        out.append(x)        # an array; the graph stacks its numbers
        x = f(x)             # another array, so what out holds stays as it is

A row of what is stacked stands for the array as long as neither is written into. What an iteration writes into must be
nothing that an earlier one has appended; after the loop, an array that may be one of several is not used after a write.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from graphc.errors import UnsupportedError
from graphc.trace.aliases import Carried
from graphc.trace.location import user_location
from graphc.trace.session import Session
from graphc.trace.twins import link


def refuse(what: str) -> NoReturn:
    """The error of a loop that fills a list and is no loop of the program: it is then written out."""
    error = UnsupportedError(f"a loop fills a list, and {what}", location=user_location())
    error.of_form = True
    raise error


class KeptArrays:
    """``roots``: of what an iteration appends, None for numbers. ``alike``: of each, whether an earlier one may be the
    same array. Raises where they cannot be stacked.

    ``held``: places of what is carried that may be an array that an earlier iteration has appended. ``begun``: places
    of arrays from outside that the first may append.
    """

    def __init__(self, carried: Carried, roots: Sequence[Any]):
        self.carried, self.count = carried, len(carried.seen)
        self.same = [self._same(array) for array in roots]
        stored = set().union(*self.same)
        self.held = self._held(stored)
        outer = {id(array) for array in carried.outside}
        if any(array is not None and (id(array) in outer or carried.is_outer(array)) for array in roots):
            refuse("one array is appended again and again")
        seen = self._related(k for k, array in enumerate(carried.seen) if id(array) in stored)
        self.begun = {k - self.count for k in seen if k >= self.count}
        arrays = [*(carried.seen[k] for k in self.held), *(carried.outside[k] for k in self.begun)]
        if any(id(array) in carried.inside.written for array in arrays):
            refuse("an array that is appended is written into by a later iteration")
        self.alike = self._alike()

    def _same(self, array: Any) -> set[int]:
        """The array and those that it may be, by id."""
        if array is None:
            return set()
        twins = self.carried.inside.root.twins.get(id(array), (array, ()))[1]
        return {id(array), *map(id, twins)}

    def _alike(self) -> list[bool]:
        """See ``alike``. Where one is appended again that an earlier iteration has appended, neither is alone."""
        before = {id(self.carried.seen[k]) for k in self.held}
        again = [bool(own & before) for own in self.same]
        moved = set().union(*(self._same(self.carried.ends[k]) for k in self.held)) if any(again) else set()
        return [again[k] or bool(own & moved) or _meets(self.same, k) for k, own in enumerate(self.same)]

    def _held(self, stored: set[int]) -> set[int]:
        """See ``held``: what ends an iteration as one of those appended, and what that becomes later on."""
        seen, ends = self.carried.seen, self.carried.ends
        held = {k for k, array in enumerate(ends) if id(array) in stored or self._same(array) & stored}
        while True:
            moved = set().union(*(self._same(seen[k]) for k in held))
            more = {k for k in self._related(held) if k < self.count}
            more |= {k for k, array in enumerate(ends) if self._same(array) & moved}
            if more <= held:
                return held
            held |= more

    def _related(self, places: Any) -> set[int]:
        own = set(places)
        return own | {j for k, j in self.carried.related if k in own}

    def link(self, session: Session, stacks: Sequence[Any], same: Sequence[int | None]) -> None:
        """After a write into an array that a list may hold, the list is not used any more, and the other way round.

        ``same``: the variable that is the last row itself, of each stack.
        """
        results, outside = self.carried.results, self.carried.outside
        for stack, own, one, alike in zip(stacks, self.same, same, self.alike, strict=True):
            others = [results[k] for k in self.held if k != one or alike] + [outside[k] for k in self.begun]
            for array in others:
                if own and array is not None:
                    link(session, stack, array)


def _meets(sets: Sequence[set[int]], place: int) -> bool:
    return any(sets[place] & other for k, other in enumerate(sets) if k != place)
