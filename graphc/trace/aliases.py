"""Arrays that may be the same one, depending on what the program does when it runs.

    c = a if flag else b     # c is a, or b
    c[0] = 1.0               # which of them was written into shows at run time: a and b cannot be used any more

What a branch gives, and what a loop carries, is an array of its own in the program. As long as none of those that may
share memory is written into, that makes no difference; after a write into one, every use of another is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from graphc.errors import UnsupportedError
from graphc.trace.location import user_location
from graphc.trace.made import Made
from graphc.trace.session import Session
from graphc.trace.tracer import Tracer
from graphc.trace.twins import link

Pairs = set[tuple[int, int]]


def root(array: Any) -> Any:
    """The traced array whose memory this one lies in; None for what is no array that can be written into."""
    if not isinstance(array, Tracer) or not array.is_array:
        return None
    while getattr(array, "base", None) is not None:
        array = array.base
    return array.as_traced() if isinstance(array, Made) else array


def link_results(session: Session, results: Sequence[Any], ways: Sequence[Sequence[Any]]) -> None:
    """``results``: what a branch gave; ``ways``: the roots of that at the end of each of its two sides."""
    roots = [root(result) for result in results]
    for memory in ways:
        for k, own in enumerate(memory):
            if own is None or roots[k] is None:
                continue
            if is_of(session, own):
                link(session, roots[k], own)
            for j in range(k):
                if memory[j] is own and roots[j] is not None:
                    link(session, roots[k], roots[j])


def is_of(session: Session, array: Any) -> bool:
    """Whether the array was there before the regions that the session runs."""
    return array.session.encloses(session)


class Carried:
    """Which of the arrays that a loop carries may be the same, in some iteration, or be one from outside of it."""

    def __init__(self, inside: Session, before: Sequence[Any], seen: Sequence[Any], after: Sequence[Any]):
        self.inside = inside
        self.before, self.seen = [root(leaf) for leaf in before], [root(leaf) for leaf in seen]
        self.ends = ends = [root(leaf) for leaf in after]
        self.outside = list({id(a): a for a in self.before if a is not None}.values())
        known = {id(a) for a in (*self.outside, *self.seen)}
        outer = {id(a): a for a in ends if a is not None and id(a) not in known and self.is_outer(a)}
        self.outside += outer.values()
        self.related: Pairs = set()
        self.related = self._pairs(self.before)
        while True:
            new = self.related | self._pairs(ends)
            if new == self.related:
                break
            self.related = new

    def is_outer(self, array: Any) -> bool:
        """Whether the array was there before this iteration, and the loop does not carry it as a variable."""
        written = self.inside.written.get(id(array))
        return (written[1] if written is not None else array.session) is not self.inside

    def _pairs(self, arrays: Sequence[Any]) -> Pairs:
        """The pairs of places, carried and then outside, that share memory where these are what is carried."""
        every = [*arrays, *self.outside]
        stands = {id(a): k for k, a in enumerate(self.seen) if a is not None}
        stands |= {id(a): k + len(arrays) for k, a in enumerate(self.outside)}
        found: Pairs = set()
        for (k, a), (j, b) in product(enumerate(every[: len(arrays)]), enumerate(every)):
            if k == j or a is None or b is None:
                continue
            places = stands.get(id(a)), stands.get(id(b))
            if a is b or (None not in places and places in self.related):
                found |= {(k, j), (j, k)}
        return found

    def require_one_name(self) -> list[Any]:
        """The arrays from outside that no later use may lead to; raises where the body itself uses two names of one.

        A variable that the loop both writes into and gives to another array has no memory of its own for all
        iterations: a second name for it would see the first iteration's writes and no others.
        """
        count = len(self.seen)
        written = [k for k, a in enumerate([*self.seen, *self.outside]) if id(a) in self.inside.written]
        read = {v for node in self.inside.F.nodes for v in node.inputs}
        partners = {j for k in written for j in range(count + len(self.outside)) if (k, j) in self.related}
        stale = [self.outside[j - count] for j in partners if j >= count]
        values = {a.value for a in stale}
        carried = any(j < count and (j in written or self.seen[j].value in read) for j in partners)
        if carried or any(_made_of(v) in values for v in self.inside.imports if v.rank):
            raise UnsupportedError(
                "a loop writes into an array, gives its name to another one, and uses it under a second name: make a "
                "copy before the loop (u = u.copy()), or write the new values into the array (u[:] = ...)",
                location=user_location(),
            )
        return stale

    def link(self, session: Session, results: Sequence[Any]) -> None:
        """What was found, for the arrays after the loop."""
        self.results = every = [*(root(result) for result in results), *self.outside]
        for k, j in self.related:
            if k < j and every[k] is not None and every[j] is not None:
                link(session, every[k], every[j])


def _made_of(value: Any) -> Any:
    """The value that this is a rearrangement of."""
    while value.node is not None and value.node.op.name in ("slice", "reshape", "transpose", "broadcast_to"):
        value = value.node.inputs[0]
    return value
