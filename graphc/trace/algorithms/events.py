"""Events of initial value problems: when a function of time and state crosses zero, and what the state is then.

The crossing is found by halving, through which no derivative flows. Two steps of Newton's method from there are part of
the program: by the implicit function theorem ``dt = -dg / (dg/dt)`` is the derivative of the time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphc.trace.values import held

ROOM = 1000  # for the times of each event
_HALVINGS = 30  # as near as two steps of Newton bring to rounding


class Events(NamedTuple):
    """The functions, with SciPy's attributes ``terminal`` and ``direction``, and their further arguments."""

    functions: list[Any]
    args: tuple[Any, ...]

    def values(self, t: Any, y: Any) -> Any:
        return np.stack([self.value(k, t, y) for k in range(len(self.functions))])

    def value(self, k: int, t: Any, y: Any) -> Any:
        return np.reshape(np.asarray(self.functions[k](t, y, *self.args)) * 1.0, ())

    def terminal(self, k: int) -> int:
        """How often the event happens before the integration ends; 0 for any number."""
        return int(getattr(self.functions[k], "terminal", None) or 0)

    def can_end(self) -> bool:
        return any(self.terminal(k) > 0 for k in range(len(self.functions)))


class Happened(NamedTuple):
    """``times`` (k, room) and ``states`` (k, room, n), of which ``counts`` (k,) are known; ``values`` (k,) now."""

    times: Any
    states: Any
    counts: Any
    values: Any


def none_yet(events: Events, t: Any, y: Any) -> Happened:
    count = len(events.functions)
    return Happened(
        np.full((count, ROOM), np.nan), np.full((count, ROOM, len(y)), np.nan, y.dtype),
        np.zeros(count, np.int64), events.values(t, y),
    )  # fmt: skip


def happened(events: Events, seen: Happened, inside: Any, t: Any, after: Any, new: Any,
             direction: Any) -> tuple[Happened, Any, Any]:  # fmt: skip
    """What happened in the step, whether that ends the integration, and when; ``inside``: the states at times."""
    values = events.values(after, new)
    times, states, counts, olds = np.copy(seen.times), np.copy(seen.states), seen.counts, seen.values
    crossed = [_crosses(events.functions[k], olds[k], values[k]) for k in range(len(events.functions))]
    found = [_time(events, k, crossed[k], olds[k], inside, t, after) for k in range(len(events.functions))]
    ended, cut = False, after
    for k in range(len(events.functions)):
        if events.terminal(k) > 0:
            ends = crossed[k] & (counts[k] + 1 >= events.terminal(k))
            cut = np.where(ends & (direction * (found[k] - cut) <= 0), found[k], cut)
            ended = ended | ends
    for k in range(len(events.functions)):
        if crossed[k] & (direction * (found[k] - cut) <= 0):
            if counts[k] >= ROOM:
                raise ValueError("scipy.integrate.solve_ivp: an event of traced values happens more than 1000 times")
            times[k, counts[k]] = found[k]
            states[k, counts[k]] = inside(found[k])
            counts = counts + (np.arange(len(events.functions)) == k)
    return Happened(times, states, counts, values), ended, cut


def _crosses(function: Any, old: Any, new: Any) -> Any:
    way = float(getattr(function, "direction", None) or 0.0)
    up, down = (old <= 0) & (new >= 0), (old >= 0) & (new <= 0)
    return up if way > 0 else down if way < 0 else up | down


def _time(events: Events, k: int, crosses: Any, old: Any, inside: Any, t: Any, after: Any) -> Any:
    """When the event's function is 0 between the two times."""
    found = 1.0 * after
    if crosses:
        place = inside.known()
        low, high = t * 1.0, after * 1.0
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            is_before = held(events.value(k, middle, place(middle))) * held(old) > 0
            low, high = np.where(is_before, middle, low), np.where(is_before, high, middle)
        found = held(0.5 * (low + high))
        width = 1e-5 * (after - t)
        ahead, behind = found + width, found - width
        rate = held((events.value(k, ahead, place(ahead)) - events.value(k, behind, place(behind))) / (2 * width))
        found = found - events.value(k, found, place(found)) / rate
        found = found - events.value(k, found, place(found)) / rate
    return found
