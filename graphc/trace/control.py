"""What staged loops do when they run: see ``staging`` for what calls them, and ``branches`` for decisions.

Where nothing traced decides, they do what Python does. A loop over a range is a ``for`` of the program, unless it is
very short or its body needs its index as a number; one over a container runs here, piece by piece. A ``while`` whose
condition is a traced bool is one of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from graphc import pytree
from graphc.errors import UnsupportedError
from graphc.ir.dims import Dim, ceildiv
from graphc.ir.graph import Value
from graphc.ir.types import I64, ArrayType
from graphc.trace import dispatch
from graphc.trace.aliases import Carried
from graphc.trace.branches import BREAK, CONTINUE, Piece, Signal, is_open
from graphc.trace.location import user_location
from graphc.trace.regions import Writes, stage_for, stage_while, trace_region, trip_count
from graphc.trace.session import Session, current
from graphc.trace.symbolic import SymbolicInt, as_dim, wrap_dim
from graphc.trace.trees import ValueTree, value_of
from graphc.trace.twins import for_a_try, retire
from graphc.trace.values import wrap
from graphc.trace.variables import (
    Readers,
    State,
    Undefined,
    Variables,
    changed,
    containers_unchanged,
    is_defined,
    tree_of,
)

UNROLLED = 4  # a loop over a range of so few numbers is written out


class Span:
    """A range with a bound that is a symbol."""

    def __init__(self, start: Any, stop: Any, step: int):
        self.start, self.stop, self.step = start, stop, step

    def specialised(self) -> range:
        return range(self.start, self.stop, self.step)


def span(function: Any, *bounds: Any) -> Any:
    """``range(...)`` in the head of a loop. Raises ``UnsupportedError`` for a bound that is a traced value."""
    if function is range and any(is_open(b) for b in bounds):
        raise UnsupportedError(
            "the range of a loop depends on a traced value, such as the index of a loop around it, which is not "
            "supported yet: loop over the largest range that there can be, and leave out the rest with an `if`",
            location=user_location(),
        )
    symbolic = any(isinstance(b, SymbolicInt) for b in bounds)
    step = bounds[2] if len(bounds) == 3 else 1
    if function is not range or not symbolic or type(step) is not int or step == 0:
        return function(*bounds)
    if any(as_dim(b) is None for b in bounds):
        return function(*bounds)
    start, stop = (0, bounds[0]) if len(bounds) == 1 else bounds[:2]
    return Span(start, stop, step)


# --- loops ------------------------------------------------------------------------------------------------------------


def loop(
    iterable: Any,
    body: Piece,
    get: Any,
    set_: Any,
    names: Sequence[str],
    watched: Readers,
    targets: Sequence[str],
    peek: Readers,
) -> Signal | None:
    """``for target in iterable: body``; the signal with which the body returned from the function."""
    session = current()
    if session is None or not isinstance(iterable, Span | range) or _needs_numbers(iterable, peek):
        values = iterable.specialised() if isinstance(iterable, Span) else dispatch.iterated(iterable)
        return _run_all(values, body)
    _stage_for(session, iterable, body, Variables(get, set_, names, watched), targets)
    return None


def _needs_numbers(numbers: Span | range, peek: Sequence[Callable[[], Any]]) -> bool:
    """Whether the loop runs here: it is short, or reads or fills Python's containers at its index."""
    if isinstance(numbers, range) and len(numbers) <= UNROLLED:
        return True
    return any(isinstance(_peeked(reader), list | tuple | dict | str) for reader in peek)


def _peeked(reader: Callable[[], Any]) -> Any:
    try:
        return reader()
    except NameError:
        return None


def _run_all(values: Any, body: Piece) -> Signal | None:
    for value in values:
        signal = body(value)
        if signal is BREAK:
            return None
        if signal is not None and signal is not CONTINUE:
            return signal
    return None


def _stage_for(
    session: Session, numbers: Span | range, body: Piece, variables: Variables, targets: Sequence[str]
) -> None:
    session.F.location = user_location()
    start, stop = (as_dim(b) for b in (numbers.start, numbers.stop))
    assert start is not None
    assert stop is not None
    trips = _trips(session, start, stop, numbers.step)

    def piece(inside: Session, index: Value) -> Any:
        i = wrap(inside, index)
        return body((i if numbers.step == 1 else i * numbers.step) + wrap_dim(inside, start))

    index = (ArrayType(I64, weak=True), "i")
    staged = _Staged(session, variables, targets)
    staged.discover([index], lambda inside, params: _end_of_body(piece(inside, params[0])))

    def run(inside: Session, params: list[Value]) -> list[Value]:
        return staged.run(inside, params[1:], lambda: _end_of_body(piece(inside, params[0])))

    staged.finish(lambda: stage_for(session, trips, staged.tree.values, staged.tree.names, run))


def _trips(session: Session, start: Dim, stop: Dim, step: int) -> Dim:
    if step in (1, -1):
        return trip_count(session, start, stop) if step == 1 else trip_count(session, stop, start)
    count = ceildiv(stop - start, step) if step > 0 else ceildiv(start - stop, -step)
    return trip_count(session, 0, count)


def _end_of_body(signal: Any) -> None:
    if signal is not None and signal is not CONTINUE:
        refuse_signal(signal)


def refuse_signal(signal: Signal) -> NoReturn:
    raise UnsupportedError(
        f"`{signal.name}` inside a loop of the compiled program is not supported yet: put it into the condition of a "
        "while loop, compute on with np.where, or write the loop out with graphc.unroll(range(n))",
        location=user_location(),
    )


def repeat(test: Piece, body: Piece, get: Any, set_: Any, names: Sequence[str], watched: Readers) -> Signal | None:
    """``while test: body``"""
    while True:
        flag = dispatch.truth(test())
        session = current()
        if session is not None and is_open(flag):
            _stage_while(session, test, body, Variables(get, set_, names, watched))
            return None
        if not flag:
            return None
        signal = body()
        if signal is BREAK:
            return None
        if signal is not None and signal is not CONTINUE:
            return signal


def _stage_while(session: Session, test: Piece, body: Piece, variables: Variables) -> None:
    session.F.location = user_location()
    staged = _Staged(session, variables, ())
    staged.discover([], lambda inside, params: _end_of_body(body()))

    def ask(inside: Session, params: list[Value]) -> list[Value]:
        staged.enter(inside, params)
        return [value_of(inside, dispatch.truth(test()))]

    def run(inside: Session, params: list[Value]) -> list[Value]:
        return staged.run(inside, params, lambda: _end_of_body(body()))

    staged.finish(lambda: stage_while(session, staged.tree.values, staged.tree.names, ask, run))


class _MoreCarried(Exception):
    """Variables that an iteration gives to other objects, and the first one did not."""

    def __init__(self, names: list[str]):
        super().__init__(names)
        self.names = names


class _Staged:
    """The variables of one staged loop: those that are carried, and those that only its body knows."""

    def __init__(self, session: Session, variables: Variables, targets: Sequence[str]):
        self.session, self.variables, self.targets = session, variables, targets
        self.before = variables.read()
        self.outside: State = {
            name: value if is_defined(value) and name not in targets else self._unknown(name)
            for name, value in self.before.items()
        }
        self.carried: list[str] = []
        self.aliases: Carried | None = None
        self.stale: list[Any] = []

    def _unknown(self, name: str) -> Undefined:
        return Undefined(
            name,
            "is first assigned in a loop, so it has no value where the loop does not run: assign it before the loop "
            "(a value of the same shape and dtype; what it is does not matter)",
        )

    def discover(self, types: Sequence[tuple[ArrayType, str]], body: Callable[[Session, list[Value]], None]) -> None:
        """Find out which variables the body gives to other objects."""
        found: list[str] = []

        def run(inside: Session, params: list[Value]) -> list[Value]:
            self.variables.write(self.outside)
            body(inside, params)
            known = [name for name, value in self.outside.items() if is_defined(value)]
            found.extend(changed(self.outside, self.variables.read(), known))
            return []

        with containers_unchanged(self.variables.watched), for_a_try(self.session):
            self._undone(lambda: trace_region(self.session, "discovery", types, run, Writes(), carry=False))
        self._carry(found)

    def enter(self, inside: Session, values: Sequence[Value]) -> State:
        seen: State = self.tree.seen(inside, values)
        self.variables.write({**self.outside, **seen})
        return seen

    def run(self, inside: Session, values: Sequence[Value], body: Callable[[], None]) -> list[Value]:
        seen = self.enter(inside, values)
        body()
        after = self.variables.read()
        begun = {name: self.before[name] for name in self.carried}
        ends = {name: after[name] for name in self.carried}
        self.aliases = Carried(inside, *(pytree.flatten(state)[0] for state in (begun, seen, ends)))
        self.stale = self.aliases.require_one_name()
        known = [name for name, value in self.outside.items() if is_defined(value) and name not in self.carried]
        late = changed(self.outside, after, known)
        if late:
            raise _MoreCarried(late)
        return self.tree.values_of(inside, ends, "the body of the loop")

    def finish(self, stage: Callable[[], list[Value]]) -> None:
        """Stage the loop, and give the variables their values after it."""
        results = self._undone(lambda: self._with_all_carried(stage))
        after = self.tree.seen(self.session, results)
        if self.aliases is not None:
            self.aliases.link(self.session, pytree.flatten(after)[0])
        for array in self.stale:
            retire(array)
        self.variables.write({**self.outside, **after})

    def _with_all_carried(self, stage: Callable[[], list[Value]]) -> list[Value]:
        """A variable may be found late: ``a, b = c, a`` leaves b the same number where both begin with 0."""
        while True:
            try:
                return stage()
            except _MoreCarried as more:
                self._carry([*self.carried, *more.names])

    def _carry(self, names: list[str]) -> None:
        self.carried = names
        self.tree: ValueTree = tree_of(self.session, {name: self.before[name] for name in names})

    def _undone(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        finally:
            self.variables.write(self.before)
