"""What a thread has recorded: a path through states, each made when it is first reached and found again by one lookup.

A step is a kind (a tensor from outside comes in) or ``(function, enabled, operands, statics)``: the operands are
positions of values recorded before, or None, or ``(number, type)`` for a constant. The values of a path are numbered as
they come. A state knows its parent, so that the path need not be kept: the state is the key of all that was recorded,
and a loop that does the same again walks over the same states.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import ref

from graphc.config import settings
from graphc.errors import Location
from graphc.tensors.kinds import Kind, kind_of

if TYPE_CHECKING:
    from graphc.tensors.autocasting import Mode
    from graphc.tensors.core import Tensor

LIMIT = 256  # values of a recording; at a fixed length, so that the next loop is cut at the same places
MOST_STATES = 100_000  # of all recordings; when there are more, all are forgotten

Step = Any  # a Kind, or (function, enabled, operands, statics)


class State:
    """Where a recording stands after its last ``step``, which made the values from ``position`` on, of these kinds.

    ``next``: the states that were reached from here, by step. ``programs`` and ``plans`` keep what was made for this
    path; ``foresights`` what followed, by the values that were held. ``numbers``: the steps that were seen with a
    constant; with another one the constant becomes an input.
    """

    __slots__ = (
        "foresights", "kind", "kinds", "location", "next", "numbers", "parent", "plans", "position", "programs", "step",
    )  # fmt: skip

    def __init__(self, parent: State | None, step: Step, kinds: tuple[Kind, ...], location: Location | None):
        self.parent, self.step, self.kinds, self.location = parent, step, kinds, location
        self.kind: Any = kinds[0] if kinds else None
        self.position = parent.end if parent is not None else 0
        self.next: dict[Step, State] = {}
        self.programs: dict[Any, Any] = {}
        self.plans: dict[Any, Any] = {}
        self.numbers: set[Any] = set()
        self.foresights: dict[Any, Any] = {}

    @property
    def end(self) -> int:
        """How many values the path has."""
        return self.position + len(self.kinds)

    def path(self) -> list[State]:
        """The states from the first step to this one."""
        found = []
        state: State | None = self
        while state is not None and state.parent is not None:
            found.append(state)
            state = state.parent
        return found[::-1]

    def grow(self, step: Step, kinds: tuple[Kind, ...], location: Location | None = None) -> State:
        """The state after a step that was never taken from here."""
        _made[0] += 1
        if _made[0] > MOST_STATES:
            forget()
        return self.next.setdefault(step, State(self, step, kinds, location))


ROOT = State(None, None, (), None)
_made = [0]  # states since all were forgotten


def forget() -> None:
    """Let go of all states: recordings in progress go on, new ones learn anew."""
    _made[0] = 0
    ROOT.next.clear()


for _name in ("disable_jit", "contract", "deterministic", "cuda_atomics", "nan"):
    settings.on_change(_name, forget)


class Recording:
    """The values of one thread that are not computed yet.

    ``refs``: for each value of the path, in order, the tensor that holds it; None for what came from outside, which
    is in ``tensors`` (None for a number) and ``arrays``, as it was then. ``overwritten``, ``freed`` and ``cuts`` are as
    in ``Segment``.
    """

    __slots__ = ("arrays", "cuts", "freed", "overwritten", "refs", "state", "tensors")
    traced = False  # whether it stands for a trace, which is what records then
    enclosed = False  # whether it becomes one step of another recording
    redraws = False  # whether random numbers that are drawn meanwhile are drawn anew when its program runs again

    def __init__(self) -> None:
        self.state = ROOT
        self.refs: list[ref[Tensor] | None] = []
        self.tensors: list[Tensor | None] = []
        self.arrays: list[Any] = []
        self.overwritten = 0
        self.freed = 0
        self.cuts: dict[int, Tensor] = {}

    def input(self, kind: Kind, tensor: Tensor | None, array: Any) -> int:
        """A value from outside; its position."""
        state = self.state.next.get(kind)
        if state is None:
            state = self.state.grow(kind, (kind,))
        self.state = state
        self.refs.append(None)
        self.tensors.append(tensor)
        self.arrays.append(array)
        return state.position

    def number(self, number: float) -> int:
        """A Python number that differs between rounds of a loop; its position."""
        from graphc.ir.types import F64, I64

        dtype = F64 if type(number) is float else I64
        return self.input(kind_of(dtype, (), weak=True), None, number if dtype is F64 else dtype.type(number))

    def alive(self) -> Iterator[tuple[int, Tensor]]:
        """The values that a tensor still holds, each with its tensor."""
        for position, reference in enumerate(self.refs):
            if reference is not None:
                tensor = reference()
                if tensor is not None and tensor._recording is self and tensor._position == position:
                    yield position, tensor


class Repeated(Recording):
    """Becomes a program that runs at every step of a training."""

    __slots__ = ()
    redraws = True


class Enclosed(Recording):
    """Becomes one step of another recording (``recomputing``), so nothing of it can be computed before that."""

    __slots__ = ()
    enclosed = redraws = True


class _Now(threading.local):
    """What the thread records into, whether gradients flow, and in which precision operations are recorded.

    ``mode``: what steps are looked up by: ``enabled``; or the mode of ``autocast``, by which none is found, so that its
    operands are cast first. (Other operations need not ask whether there is one.)
    ``outer``: what it recorded into before the traces that are active. ``switched_in``: the trace in which ``enabled``
    was set, None where that was outside of any.
    """

    def __init__(self) -> None:
        self.recording = Recording()
        self.outer: list[Recording] = []
        self._enabled = True
        self.switched_in: Any = None
        self._autocast: Mode | None = None
        self.mode: Any = True
        self.passed: list[tuple[State, tuple[int, ...], list[ref[Tensor] | None]]] = []  # see ``note_path``
        self.inference = False

    @property
    def enabled(self) -> bool:
        return self._enabled

    @enabled.setter
    def enabled(self, flag: bool) -> None:
        self._enabled = flag
        self.mode = flag if self._autocast is None else self._autocast

    @property
    def autocast(self) -> Mode | None:
        return self._autocast

    @autocast.setter
    def autocast(self, mode: Mode | None) -> None:
        self._autocast = mode
        self.mode = self._enabled if mode is None else mode


now = _Now()


@contextmanager
def switched(enabled: bool) -> Iterator[None]:
    """In the block gradients are recorded, or are not, whatever the user's setting."""
    before, now.enabled = now.enabled, enabled
    try:
        yield
    finally:
        now.enabled = before
