"""What staged loops do when they run: see ``staging`` for what calls them, and ``branches`` for decisions.

Where nothing traced decides, they do what Python does. A loop over a range is a ``for`` of the program, unless it is
very short or its body needs its index as a number; one over a container runs here, piece by piece. A ``while`` whose
condition is a traced bool is one of the program, and so is a loop that ``break`` or ``return`` ends by a traced value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import length_hint
from typing import Any

import numpy as np

from graphc.errors import GraphcError, UnsupportedError
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.ir.types import I64, ArrayType
from graphc.trace import dispatch
from graphc.trace.branches import Piece, both, branch, flag_of, going_on
from graphc.trace.counting import Counted, Steps, staged_as
from graphc.trace.filling import FilledList, Fills, lists_of
from graphc.trace.grids import Chosen, Grid
from graphc.trace.iteration import Elements, Rest, as_elements
from graphc.trace.location import user_location
from graphc.trace.openness import is_open
from graphc.trace.regions import stage_for, stage_while
from graphc.trace.session import Session, current, hint_of
from graphc.trace.signals import BREAK, BREAKS, FALLS, Signal, ended_loop
from graphc.trace.staged import StagedLoop
from graphc.trace.symbolic import wrap_dim
from graphc.trace.trees import value_of
from graphc.trace.twins import bring_back
from graphc.trace.values import wrap
from graphc.trace.variables import Readers, Variables, changed
from graphc.trace.written_out import MOST_OPEN, run_all, write_out, written_out

UNROLLED = 4  # a loop over a range of so few numbers is written out
MOST_GROWING = 64  # iterations that are written out where each changes the shape of what it carries
MOST_FILLING = 1000  # ... where each fills one of Python's containers, or needs its index as a number


# --- loops ------------------------------------------------------------------------------------------------------------


def loop(
    iterable: Any,
    body: Piece,
    variables: Variables,
    otherwise: Piece | None,
    targets: Sequence[str],
    peek: Readers,
    filled: Fills = (),
) -> Signal | None:
    """``for target in iterable: body`` and ``else: otherwise``; the signal with which the loop was left.

    ``filled``: of the names that the body only appends to.
    """
    session, elements = current(), as_elements(iterable)
    lists = None if session is None else lists_of(session, filled)
    if isinstance(iterable, Grid):
        signal = _run_grid(iterable, (), body, variables, targets, (*peek, *(read for _, read, _ in filled)))
    elif elements is None:
        values = dispatch.iterated(iterable)
        signal = run_all(values, body, variables, MOST_OPEN if length_hint(values, -1) < 0 else None)
    elif session is None or lists is None or needs_numbers(session, elements, peek) or (lists and not elements.ends):
        signal = run_all(written_out(session, elements.plain()), body, variables)
    elif not elements.ends:
        signal = _run_endless(session, elements, body, variables, targets)
    else:
        signal = _stage_or_peel(session, elements, body, variables, targets, lists)
    return _ended(signal, otherwise, variables)


def _run_grid(
    grid: Grid, chosen: Chosen, body: Piece, variables: Variables, targets: Sequence[str], peek: Readers
) -> Signal | None:
    """The loops of the grid inside those that are at ``chosen``; what breaks one of them breaks all."""
    session, elements = current(), grid.axes[len(chosen)](chosen)

    def piece(value: Any) -> Signal | None:
        now = (*chosen, value)
        if len(now) == len(grid.axes):
            return body(grid.value(now))
        return _run_grid(grid, now, body, variables, targets, peek)

    if session is None or needs_numbers(session, elements, peek):
        return run_all(written_out(session, elements.plain()), piece, variables)
    return _stage_or_peel(session, elements, piece, variables, targets)


def _ended(signal: Signal | None, otherwise: Piece | None, variables: Variables) -> Signal | None:
    """What follows the last iteration, which ended with the signal; what ``otherwise`` leaves is around the loop."""
    if otherwise is None:
        if signal is not None:
            variables.update(signal.known_from(FALLS))
        return ended_loop(signal)
    return going_on(signal, BREAKS, otherwise, variables, ended_loop)


def needs_numbers(session: Session, elements: Elements, peek: Readers) -> bool:
    """Whether the loop runs here: it is short, or reads or fills Python's containers at its index."""
    count = elements.count(session)
    return (isinstance(count, int) and count <= UNROLLED) or _reads_containers(peek)


def _reads_containers(peek: Readers) -> bool:
    return any(isinstance(_peeked(reader), list | tuple | dict | str) for reader in peek)


def _peeked(reader: Callable[[], Any]) -> Any:
    try:
        return reader()
    except NameError:
        return None


def _run_endless(
    session: Session, elements: Elements, body: Piece, variables: Variables, targets: Sequence[str]
) -> Signal | None:
    """A loop that ends where its body says so; where that knows it while it is traced, Python runs it."""
    usable, refused = len(session.root.retired), session.captures.refused
    try:
        signal = _stage_for(session, elements, body, StagedLoop(session, variables, targets))
    except GraphcError as error:
        bring_back(session, usable)
        session.captures.refused = refused
        if not error.of_first_iteration:
            return run_all(elements.plain(), body, variables, MOST_OPEN, f" ({error.message})")
        signal = _stage_or_peel(session, elements, body, variables, targets)
    return None if signal is None else signal.from_(BREAKS)


def _stage_or_peel(
    session: Session,
    elements: Elements,
    body: Piece,
    variables: Variables,
    targets: Sequence[str],
    lists: Sequence[FilledList] = (),
) -> Signal | None:
    """The loop; where its first iteration differs from the others (``best = None`` before it), that and the rest.

    The rest is written out where an array has another shape in each iteration, unless it is long; so is the whole loop
    where it fills lists, or goes through them, and cannot be staged.
    """
    by_python = bool(lists) or elements.by_python
    usable, refused = len(session.root.retired), session.captures.refused
    try:
        return _stage_for(session, elements, body, StagedLoop(session, variables, targets, lists=_now(lists)))
    except GraphcError as error:
        can_peel = _can_peel(session, error, elements.count(session))
        if not can_peel and (not by_python or error.of_state):
            raise
        differs = error
    bring_back(session, usable)
    session.captures.refused = refused
    if not can_peel:
        return write_out(session, elements, body, variables, differs)

    def rest() -> Signal | None:
        usable = len(session.root.retired)
        try:
            return _stage_for(session, Rest(elements), body, StagedLoop(session, variables, targets, lists=_now(lists)))
        except GraphcError as error:
            most = MOST_FILLING if error.of_form else MOST_GROWING if error.of_shape else 0
            if (not by_python or error.of_state) and not _is_short(session, elements.count(session), most):
                raise
            reason = error
        bring_back(session, usable)
        session.captures.refused = refused
        return write_out(session, Rest(elements), body, variables, reason)

    try:
        return going_on(body(elements.at(session, 0)), BREAKS, rest, variables)
    except GraphcError as error:
        raise differs if error.of_first_iteration else error from None


def _now(lists: Sequence[FilledList]) -> list[FilledList]:
    return [filled.again() for filled in lists]


def _stage_for(session: Session, elements: Elements, body: Piece, staged: StagedLoop) -> Signal | None:
    session.F.location = user_location()
    trips = elements.count(session)
    if staged.filling is not None:
        trips = staged.filling.begin(session, trips)

    def piece(inside: Session, index: Value) -> Any:
        inside.indices[index] = trips, ""
        return body(elements.at(inside, wrap(inside, index)))

    index = (ArrayType(I64, weak=True), "i")
    staged.discover([index], lambda inside, params: piece(inside, params[0]), lambda: _runs(session, trips))

    def run(inside: Session, params: list[Value]) -> list[Value]:
        values = staged.run(inside, params[1:], lambda: piece(inside, params[0]))
        elements.require_unwritten([*staged.seen.arrays, *staged.stale])
        return values

    def run_and_count(inside: Session, params: list[Value]) -> list[Value]:
        more = value_of(inside, wrap(inside, params[0]) + 1)
        return [more, *run(inside, params)]

    def ask(inside: Session, params: list[Value]) -> list[Value]:
        return [value_of(inside, np.logical_and(wrap(inside, params[0]) < wrap_dim(inside, trips), staged.goes_on()))]

    def stage() -> list[Value]:
        tree = staged.tree
        if not staged.stops and not elements.ends:
            raise UnsupportedError("nothing in the loop's body ends it", location=user_location())
        if staged.stops and staged.filling is not None:
            staged.filling.refuse_stopping()
        if not staged.stops:
            return stage_for(session, trips, tree.values, tree.names, run, seen=staged.writes())
        start = [value_of(session, 0), *tree.values]
        names = ["the index", *tree.names]
        return stage_while(session, start, names, staged.asking(ask, skipped=1), run_and_count, staged.writes())[1:]

    signal = staged.finish(stage)
    elements.note_use()
    return signal


def _can_peel(session: Session, error: GraphcError, trips: Dim) -> bool:
    """Whether the first iteration can be taken out of the loop, and the others may do without the error."""
    may_help = error.of_first_iteration or (error.of_form and _is_short(session, trips, MOST_FILLING))
    return may_help and _runs(session, trips)


def _is_short(session: Session, trips: Dim, most: int) -> bool:
    """Whether the loop can be written out where its iterations differ."""
    return not session.F.facts.is_bound(trips) and hint_of(session, trips) <= most


def _runs(session: Session, trips: Dim) -> bool:
    """Whether the loop runs at least once: what is not known of sizes becomes a guard."""
    facts = session.F.facts
    if facts.is_bound(trips):
        return (facts.lowest(trips) or 0) >= 1
    return facts.at_least(trips, 1)


def repeat(
    test: Piece, body: Piece, variables: Variables, otherwise: Piece | None, steps: Steps | None, peek: Readers | None,
    filled: Fills = (),
) -> Signal | None:  # fmt: skip
    """``while test: body`` and ``else: otherwise``; the signal with which the loop was left.

    ``steps``: of the counters; without them, and ``peek``, the test is not computed but where Python does.
    """
    session = current()
    tries = 0 if session is None or steps is None or _reads_containers(peek or ()) else 2
    if session is not None and lists_of(session, filled) is None:
        tries = 0
    while True:
        if session is not None and steps is not None and tries:
            staged, tries = _try_to_stage(session, test, body, variables, steps, tries, filled)
            if staged is not None:
                signal = staged.signal
                break
        state = None if session is None else _Changes(session, variables)
        flag = dispatch.truth(test())
        is_decided = session is None or not is_open(flag)
        if state is not None and not is_decided and not state.any():
            signal = _stage_while(state.session, test, body, StagedLoop(state.session, variables, ()))
            break
        signal = None
        if is_decided and not flag:
            break
        if is_decided:
            signal = body()
        else:  # the test does something itself: it is a part of every iteration
            signal = branch(flag, body, _breaking, variables)
            test, body = _always, partial(_tested, test, body, variables)
        below = True if signal is None else signal.below(BREAKS)
        if below is True:
            continue
        if below is not False and session is not None:
            signal = _stage_while(session, test, body, StagedLoop(session, variables, (), signal))
        break
    return _ended(signal, otherwise, variables)


class _Changes:
    """What the variables and arrays were, to tell whether something has changed them."""

    def __init__(self, session: Session, variables: Variables):
        self.session, self._variables = session, variables.opened()
        self._before = self._variables.read()
        self._written = {key: array.value for key, (array, *_) in session.written.items()}

    def any(self) -> bool:
        names = (*self._variables.own, *self._variables.slots)
        if changed(self._before, self._variables.read(), names) or not self._variables.have_same_form():
            return True
        return any(a.value is not self._written.get(key) for key, (a, *_) in self.session.written.items())


def _always() -> bool:
    return True


def _breaking() -> Signal:
    return BREAK


def _tested(test: Piece, body: Piece, variables: Variables) -> Signal | None:
    """An iteration of ``while True`` that begins with the test."""
    return branch(test(), body, _breaking, variables)


@dataclass(frozen=True)
class _Staged:
    """A loop that is one of the program now, and how its last iteration ended."""

    signal: Signal | None


def _try_to_stage(
    session: Session, test: Piece, body: Piece, variables: Variables, steps: Steps, tries: int, filled: Fills
) -> tuple[_Staged | None, int]:
    """The loop, if it can be one of the program although Python's numbers decide it; and how often to try again.

    Where its body needs the numbers themselves, Python runs it; where the first iteration differs, only that.
    """
    form, lists = staged_as(session, test, variables, steps), lists_of(session, filled) or ()
    if lists and not isinstance(form, Counted):
        return None, 0
    if form is False or (isinstance(form, Counted) and isinstance(form.trips, int) and form.trips <= UNROLLED):
        return None, 0
    usable, refused = len(session.root.retired), session.captures.refused
    try:
        if isinstance(form, Counted):
            return _Staged(_stage_count(session, form, body, variables, lists)), 0
        return _Staged(_stage_while(session, test, body, StagedLoop(session, variables, ()), partial(_begins, test))), 0
    except GraphcError as error:
        if error.of_state or is_open(dispatch.truth(test())):
            raise
        bring_back(session, usable)
        session.captures.refused = refused
        if error.of_first_iteration and tries > 1:
            return None, 1
        session.note(f"{user_location()}: a while loop is written out, iteration by iteration: {error.message}")
        return None, 0


def _stage_count(
    session: Session, counted: Counted, body: Piece, variables: Variables, lists: Sequence[FilledList]
) -> Signal | None:
    """The loop as a ``for``; what is counted is carried only where an iteration may end the loop."""
    staged = StagedLoop(session, variables, (), driven=counted.counters, lists=lists)

    def piece(counters: dict[str, Any]) -> Signal | None:
        variables.write({**variables.read(), **counters})
        return body()

    signal = _stage_for(session, counted, piece, staged)
    if staged.driven and not staged.stops:
        variables.write({**variables.read(), **counted.after(session)})
    return signal


def _begins(test: Piece) -> bool:
    """Whether Python's own numbers decide that the loop runs at least once, so that what it assigns has a value."""
    flag = dispatch.truth(test())
    return not is_open(flag) and bool(flag)


def _stage_while(
    session: Session, test: Piece, body: Piece, staged: StagedLoop, begins: Callable[[], bool] = lambda: False
) -> Signal | None:
    session.F.location = user_location()
    staged.discover([], lambda inside, params: body(), begins)

    are_open = []

    def ask(inside: Session, params: list[Value]) -> list[Value]:
        flag = dispatch.truth(test())
        are_open.append(is_open(flag))
        return [value_of(inside, both(staged.goes_on(), lambda: flag_of(flag)))]

    def run(inside: Session, params: list[Value]) -> list[Value]:
        return staged.run(inside, params, body)

    asking = staged.asking(ask, skipped=0)

    def stage() -> list[Value]:
        return stage_while(session, staged.tree.values, staged.tree.names, asking, run, staged.writes())

    signal = staged.finish(stage)
    return signal if signal is None or are_open[-1] else signal.from_(BREAKS)  # nothing but an iteration ends it
