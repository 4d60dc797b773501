"""Loops that Python runs while the function is traced: each iteration is a piece of the program.

Where there are many, their operations take seconds to compile, and the user is told so, at the loop's line.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from graphc.errors import GraphcError, GraphcWarning, UnsupportedError
from graphc.trace.branches import Piece, going_on
from graphc.trace.iteration import Elements
from graphc.trace.location import user_location
from graphc.trace.session import Session
from graphc.trace.signals import BREAKS, Signal
from graphc.trace.variables import Variables

MOST_OPEN = 200  # iterations of a loop that nothing known ends
MANY_ITERATIONS, MANY_OPERATIONS = 50, 500  # from which on they take seconds


def written_out(session: Session | None, values: Iterable[Any]) -> Iterator[Any]:
    """What a loop runs over whose iterations are written out; warns (``GraphcWarning``) where they become many.

    One over ``graphc.unroll`` is meant to be, and is not run through this.
    """
    if session is None or session.is_try:
        yield from values
        return
    location, before, told = user_location(), len(session.F.nodes), False
    for count, value in enumerate(values, 1):
        yield value
        operations = len(session.F.nodes) - before
        if told or count < MANY_ITERATIONS or operations < MANY_OPERATIONS or location is None:
            continue
        told = True
        message = (
            f"{location}: this loop is written out, iteration by iteration, since its body reads or fills a list, "
            f"tuple, dict or string, or its iterations differ: {operations} operations after {count} iterations, and "
            "the time to compile grows with them. Keep what it reads and fills in arrays (out = np.zeros((n, m)) "
            "before the loop, out[k] = row in it), and it is a loop of the program"
        )
        warnings.warn_explicit(message, GraphcWarning, location.file, location.line)


def run_all(values: Any, body: Piece, variables: Variables, most: int | None = None, reason: str = "") -> Signal | None:
    """The iterations one after the other; the signal with which the last one ended.

    ``most``: iterations after which traced values decide whether there is another one; ``reason``: why that is not
    a loop of the program.
    """
    signal: Signal | None = None
    count = 0
    for value in values:
        signal = going_on(signal, BREAKS, lambda value=value: body(value), variables)
        below = True if signal is None else signal.below(BREAKS)
        if below is False:
            break
        count += below is not True
        if most is not None and count > most:
            raise UnsupportedError(
                f"a loop that only a traced value ends is written out{reason}, and has not ended after {most} "
                "iterations: write it as a while loop, with numbers and arrays that an iteration computes from the "
                "last one's, or bound it (range(n))",
                location=user_location(),
            )
    return signal


def write_out(
    session: Session, elements: Elements, body: Piece, variables: Variables, reason: GraphcError
) -> Signal | None:
    """The loop that could not be staged, for that reason, which ``explain()`` tells."""
    session.note(f"{user_location()}: a loop is written out, iteration by iteration: {reason.message}")
    return run_all(written_out(session, elements.plain()), body, variables)
