"""Loops that Python runs while the function is traced: each iteration is a piece of the program.

Where there are many, their operations take seconds to compile, and the user is told so, at the loop's line.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from graphc.errors import GraphcWarning
from graphc.trace.location import user_location
from graphc.trace.session import Session

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
