"""Decisions by a traced value: ``if``, conditional expressions, ``and``, ``or``, ``not`` and chains of comparisons.

See ``staging`` for what calls them, and ``signals`` for how a branch may end. Where nothing traced decides they do what
Python does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import numpy as np

from graphc import pytree
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType
from graphc.trace import dispatch
from graphc.trace.aliases import link_results, root
from graphc.trace.location import user_location
from graphc.trace.openness import as_flag, is_open
from graphc.trace.raising import attempted, raise_again
from graphc.trace.regions import stage_cond, trace_region
from graphc.trace.session import Session, current
from graphc.trace.signals import FALLS, NOWHERE, RAISES, RETURNS, Signal, Ways, leaving, raises, way_of, ways_of
from graphc.trace.tracer import Tracer
from graphc.trace.trees import Places, Skeleton, ValueTree, changing_flags, value_of
from graphc.trace.twins import for_a_try
from graphc.trace.variables import (
    State,
    Undefined,
    Variables,
    changed,
    is_defined,
    seen_by,
    tree_of,
)
from graphc.trace.writes import Writes

Piece = Callable[..., Any]
VALUE, WAY = "the returned value", "the way on"  # what branches and loops give beside variables


def branch(test: Any, yes: Piece, no: Piece, variables: Variables) -> Signal | None:
    """``if test: yes`` and ``else: no``; the signal of the branch that was taken."""
    test = dispatch.truth(test)
    session = current()
    if session is None or not is_open(test):
        return (yes if test else no)()
    session.F.location = user_location()
    merge = _Merge(session, variables)
    merge.look_at(yes, no)
    try:
        values = stage_cond(
            session, value_of(session, flag_of(test)), _Late(merge.trees), merge.body(yes, 0), merge.body(no, 1)
        )
    finally:
        merge.variables.write(merge.before)
    return merge.results(values)


def after(signal: Signal | None, rest: Piece, variables: Variables) -> Signal | None:
    """``rest``, which follows a statement that may have left; the signal of either."""
    return going_on(signal, FALLS + 1, rest, variables)


def going_on(
    signal: Signal | None,
    limit: int,
    rest: Piece,
    variables: Variables,
    left: Callable[[Signal], Signal | None] = lambda signal: signal,
) -> Signal | None:
    """``rest`` where the signal is below the limit; else ``left`` of the signal."""
    if signal is None:
        return rest()
    known, below = signal, signal.below(limit)

    def proceed() -> Signal | None:
        variables.update(known.known_below(limit))
        return rest()

    def leave() -> Signal | None:
        variables.update(known.known_from(limit))
        return left(known.from_(limit))

    if isinstance(below, bool):
        return proceed() if below else leave()
    return branch(below, proceed, leave, variables)


class _Side:
    """What one of two branches does: how it ends, and what the variables are then.

    ``kinds``: of the variables that it changes, those included that have a value only at some ways (``where``);
    ``kind`` and ``way``: of what it returns, and of the number that says how it ends. ``writes``: arrays that it writes
    into.
    """

    writes: Writes

    def __init__(self, inside: Session, signal: Signal | None, before: State, after: State, names: Sequence[str]):
        self.ways = ways_of(signal)
        self.changed = changed(before, after, names)
        self.defined = {name for name in names if is_defined(after[name])}
        self.error: Any = signal.value if raises(signal) else None
        known = {} if signal is None else {name: value for name, (value, _) in signal.known.items()}
        self.where = dict.fromkeys(self.defined, self.ways)
        if signal is not None:
            self.where |= {n: ways & self.ways for n, (_, ways) in signal.known.items() if n not in self.defined}
        self.kinds = {name: Skeleton(inside, after[name]) for name in self.changed if name in self.defined}
        self.kinds |= {name: Skeleton(inside, value) for name, value in known.items() if name not in self.defined}
        returned = signal.value if signal is not None and RETURNS in signal.ways else None
        for leaf in pytree.flatten(returned)[0]:
            if isinstance(leaf, Undefined):
                leaf.refuse_returned()
        self.kind = Skeleton(inside, returned)
        self.way = Skeleton(inside, way_of(signal))

    @property
    def returns(self) -> bool:
        """Always, or it raises: its variables are of no interest, but for those that outlive the function."""
        return min(self.ways) >= RETURNS

    def counts(self, name: str, outliving: Collection[str]) -> bool:
        """Whether what the variable is after it may be read."""
        return not self.returns or (RETURNS in self.ways and name in outliving)


class _Merge:
    """What comes out of two branches: variables, the value that is returned, and which way it goes on."""

    def __init__(self, session: Session, variables: Variables):
        self.session, self.variables = session, variables.opened()
        self.before = self.variables.read()
        self.trees: list[ValueTree] = []
        self.memory: list[list[Any]] = []  # the arrays that each side gives

    def look_at(self, yes: Piece, no: Piece) -> None:
        """``full``: the variables that have a value afterwards; ``partly``: those that have one at some of the ways."""
        self.sides = [self._side(piece) for piece in (yes, no)]
        ways = self.sides[0].ways | self.sides[1].ways
        self.ways = ways - {RAISES} or ways
        moved = {name for side in self.sides for name in side.changed if self._counts(side, name)}
        self.moved = [name for name in self.variables.alive if name in moved]
        self.full = [n for n in self.moved if all(n in s.defined for s in self.sides if self._counts(s, n))]
        rest = [n for n in self.moved if n not in self.full] if len(self.ways) > 1 else []
        found = {n: self._where(n) for n in rest}
        self.partly = {n: ways for n, ways in found.items() if ways - {RETURNS}}
        self.kinds = {name: self._kinds(name) for name in (*self.full, *self.partly, VALUE)}

    def _where(self, name: str) -> Ways:
        """The ways at which the variable has a value, whichever of the two branches led there."""
        absent = [side.ways - side.where.get(name, NOWHERE) for side in self.sides]
        return self.ways.difference(*absent)

    def _counts(self, side: _Side, name: str) -> bool:
        return side.counts(name, self.variables.outliving)

    def _side(self, piece: Piece) -> _Side:
        """The piece is traced for what it does alone."""
        found: list[_Side] = []
        writes = Writes()

        def run(inside: Session, params: list[Value]) -> list[Value]:
            self.variables.write(self.before)
            with self.variables.kept():
                signal = attempted(inside, piece)
            side = _Side(inside, signal, self.before, self.variables.read(), self.variables.alive)
            self.variables.require_one_change(self.before, side.changed)
            found.append(side)
            return []

        try:
            with for_a_try(self.session):
                trace_region(self.session, "discovery", [], run, writes, carry=False, is_try=True)
        finally:
            self.variables.write(self.before)
        found[0].writes = writes
        return found[0]

    @property
    def is_known(self) -> bool:
        """Whether what comes out of both sides has sizes that are known before them."""
        facts = self.session.F.facts
        kinds = [kind for side in self.sides for kind in (*side.kinds.values(), side.kind)]
        types = [leaf for kind in kinds for leaf in kind.leaves if isinstance(leaf, ArrayType)]
        return not any(facts.is_bound(dim) for type_ in types for dim in type_.dims)

    def body(self, piece: Piece, side: int) -> Callable[[Session, list[Value]], list[Value]]:
        """Of the region of a side.

        Where the region is thrown away, it gives zeros of the kinds that ``look_at`` saw: traced once more, branches in
        branches would be traced twice for each that is around them.
        """
        if self.session.is_try and self.is_known:
            return lambda inside, params: self._alike(inside, self.sides[side])

        def run(inside: Session, params: list[Value]) -> list[Value]:
            self.variables.write(self.before)
            state = self._state(inside, attempted(inside, piece), self.variables.read(), self.sides[side])
            self.memory.append([root(leaf) for leaf in pytree.flatten(state)[0]])
            return self._values(inside, state)

        return run

    def _values(self, inside: Session, state: State) -> list[Value]:
        if not self.trees:
            self.trees.append(tree_of(inside, state, self._flags()))
            return self.trees[0].values
        return self.trees[0].values_of(inside, state, "the second branch")

    def _alike(self, inside: Session, side: _Side) -> list[Value]:
        """What the side gives, in zeros; it writes into what the side writes into."""
        state: State = {}
        for name in (*self.full, *self.partly):
            if self._counts(side, name) and name in side.defined and name not in side.kinds:
                state[name] = self.before[name]
            else:
                own = side.kinds.get(name) if self._counts(side, name) else None
                state[name] = (own or self.kinds[name][0]).zeros(inside)
        if RETURNS in self.ways:
            state[VALUE] = (side.kind if RETURNS in side.ways else self.kinds[VALUE][0]).zeros(inside)
        if len(self.ways) > 1:
            state[WAY] = side.way.zeros(inside)
        for array in side.writes.arrays:
            kind = array.value.type
            array.assign(inside.F.full(kind, kind.dtype.type(0).item()))
        return self._values(inside, state)

    def _state(self, inside: Session, ended: Signal | None, after: State, side: _Side) -> State:
        state: State = {}
        for name in (*self.full, *self.partly):
            value = after[name]
            if ended is not None and not is_defined(value) and name in ended.known:
                value = ended.known[name][0]
            if not self._counts(side, name) or not is_defined(value):
                value = self.kinds[name][0].zeros(inside)
            state[name] = value
        if RETURNS in self.ways:
            has_value = ended is not None and RETURNS in ended.ways
            state[VALUE] = ended.value if ended is not None and has_value else self.kinds[VALUE][0].zeros(inside)
        if len(self.ways) > 1:
            state[WAY] = way_of(ended)
        return state

    def _kinds(self, name: str) -> list[Skeleton]:
        """Of the variable after each side that counts, where it has a value then; asked before a side has begun, since
        arrays that a side writes into are its own until it has ended."""
        if name == VALUE:
            return [side.kind for side in self.sides if RETURNS in side.ways]
        found = []
        for side in self.sides:
            if name in side.kinds:
                found.append(side.kinds[name])
            elif name in side.defined and self._counts(side, name):
                found.append(Skeleton(self.session, self.before[name]))
        return found

    def _flags(self) -> dict[str, Places]:
        """The bools that differ between the sides."""
        return {name: changing_flags(*kinds) for name, kinds in self.kinds.items() if len(kinds) == 2}

    def results(self, values: Sequence[Value]) -> Signal | None:
        """The signal of both; gives the variables their values."""
        state = self.trees[0].seen(self.session, values)
        link_results(self.session, pytree.flatten(state)[0], self.memory)
        value, way = state.pop(VALUE, None), state.pop(WAY, min(self.ways))
        known = {name: (state.pop(name), ways) for name, ways in self.partly.items()}
        undefined = {
            n: Undefined(n, "is assigned in one branch only: give it a value before the branch, or in both")
            for n in self.moved
            if n not in self.full
        }
        self.variables.write({**self.before, **undefined, **state})
        if self.ways == frozenset([FALLS]):
            return None
        if self.ways == frozenset([RAISES]):
            raise_again(self.session, self.sides[0].error)
        return Signal(self.ways, way, value, known)


class _Late(Sequence[str]):
    """The names of the first branch's results, once they are known."""

    def __init__(self, trees: list[ValueTree]):
        self.trees = trees

    def __len__(self) -> int:
        return len(self.trees[0].names)

    def __getitem__(self, k: Any) -> Any:
        return self.trees[0].names[k]


def choose(test: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
    """``yes if test else no``"""
    test = dispatch.truth(test)
    session = current()
    if session is None or not is_open(test):
        return yes() if test else no()
    signal = branch(test, lambda: leaving(yes()), lambda: leaving(no()), seen_by(yes, no))
    assert signal is not None
    return signal.value


def first_false(first: Any, *rest: Callable[[], Any]) -> Any:
    """``first and ...``: the first operand that is false, else the last."""
    for following in rest:
        if current() is not None and is_open(first):
            first = choose(flag_of(first), following, partial(_itself, first))
        else:
            if not dispatch.truth(first):
                return first
            first = following()
    return first


def first_true(first: Any, *rest: Callable[[], Any]) -> Any:
    """``first or ...``: the first operand that is true, else the last."""
    for following in rest:
        if current() is not None and is_open(first):
            first = choose(flag_of(first), partial(_itself, first), following)
        else:
            if dispatch.truth(first):
                return first
            first = following()
    return first


def _itself(value: Any) -> Any:
    return value


def both(first: Any, *rest: Callable[[], Any]) -> Any:
    """``first and ...``, of which only the truth counts."""
    for following in rest:
        if current() is not None and is_open(first):
            first = choose(flag_of(first), partial(_computed_flag, following), lambda: np.False_)
        else:
            if not dispatch.truth(first):
                return first
            first = following()
    return first


def either(first: Any, *rest: Callable[[], Any]) -> Any:
    """``first or ...``, of which only the truth counts."""
    for following in rest:
        if current() is not None and is_open(first):
            first = choose(flag_of(first), lambda: np.True_, partial(_computed_flag, following))
        else:
            if dispatch.truth(first):
                return first
            first = following()
    return first


def compared(left: Any, name: str, right: Any, *rest: Any) -> Any:
    """``left < right < ...``; what follows comes as pairs of an operator's name and a function that gives its right."""
    first = dispatch.binary(name, left, right)
    if not rest:
        return first
    following, later, *more = rest
    return both(first, lambda: compared(right, following, later(), *more))


def negated(value: Any) -> Any:
    """``not value``"""
    value = dispatch.truth(value)
    if current() is not None and is_open(value):
        return np.logical_not(value)
    return not value


def _computed_flag(compute: Callable[[], Any]) -> Any:
    return flag_of(compute())


def flag_of(value: Any) -> Any:
    """A truth value of the program: a traced number is compared with zero."""
    value = dispatch.truth(value)
    if isinstance(value, Tracer):
        return as_flag(value)
    return np.bool_(bool(value))
