"""Decisions by a traced value: ``if``, conditional expressions, ``and``, ``or``, ``not`` and chains of comparisons.

See ``staging`` for what calls them. Where nothing traced decides they do what Python does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from graphc import pytree
from graphc.errors import UnsupportedError
from graphc.ir.graph import Value
from graphc.trace import dispatch
from graphc.trace.aliases import link_results, root
from graphc.trace.location import user_location
from graphc.trace.made import is_constant
from graphc.trace.regions import Writes, stage_cond, trace_region
from graphc.trace.session import Session, current
from graphc.trace.tracer import Tracer
from graphc.trace.trees import ValueTree, value_of
from graphc.trace.twins import for_a_try
from graphc.trace.values import TracedValue, session_of
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

Piece = Callable[..., Any]


class Signal:
    """How a piece of a function ended before its last statement; ``value``: what it returns."""

    def __init__(self, name: str, value: Any = None):
        self.name, self.value = name, value


BREAK, CONTINUE = Signal("break"), Signal("continue")


def leaving(value: Any) -> Signal:
    return Signal("return", value)


def is_open(flag: Any) -> bool:
    """Whether it is a traced number whose value shows when the program runs."""
    if not isinstance(flag, TracedValue) or is_constant(flag) or flag.value.dims:
        return False
    return session_of((flag,)).captures.concrete_number(flag) is None


def branch(
    test: Any, yes: Piece, no: Piece, get: Any, set_: Any, names: Sequence[str], watched: Readers = ()
) -> Signal | None:
    """``if test: yes`` and ``else: no``; the signal of the branch that was taken."""
    test = dispatch.truth(test)
    session = current()
    if session is None or not is_open(test):
        return (yes if test else no)()
    session.F.location = user_location()
    variables = Variables(get, set_, names, watched)
    before = variables.read()
    with containers_unchanged(watched):
        found = [_outcome(session, variables, before, piece) for piece in (yes, no)]
    signal = _common_signal(*(signal for signal, _ in found))
    moved = {name for _, after in found for name in changed(before, after, names)}
    defined = [n for n in names if n in moved and all(is_defined(after[n]) for _, after in found)]
    trees: list[ValueTree] = []
    ways: list[list[Any]] = []

    def body(piece: Piece) -> Callable[[Session, list[Value]], list[Value]]:
        def run(inside: Session, params: list[Value]) -> list[Value]:
            variables.write(before)
            ended = piece()
            after = variables.read()
            result = {"the returned value": ended.value} if signal is not None and signal.name == "return" else {}
            state = {**{name: after[name] for name in defined}, **result}
            ways.append([root(leaf) for leaf in pytree.flatten(state)[0]])
            if not trees:
                trees.append(tree_of(inside, state))
                return trees[0].values
            return trees[0].values_of(inside, state, "the second branch")

        return run

    try:
        values = stage_cond(session, value_of(session, test), _Late(trees), body(yes), body(no))
    finally:
        variables.write(before)
    state = trees[0].seen(session, values)
    link_results(session, pytree.flatten(state)[0], ways)
    ended = state.pop("the returned value", None)
    one_sided = {
        n: Undefined(n, "is assigned in one branch only: give it a value before the branch, or in both")
        for n in moved
        if n not in defined
    }
    variables.write({**before, **one_sided, **state})
    return leaving(ended) if signal is not None and signal.name == "return" else signal


class _Late(Sequence[str]):
    """The names of the first branch's results, once they are known."""

    def __init__(self, trees: list[ValueTree]):
        self.trees = trees

    def __len__(self) -> int:
        return len(self.trees[0].names)

    def __getitem__(self, k: Any) -> Any:
        return self.trees[0].names[k]


def _outcome(session: Session, variables: Variables, before: State, piece: Piece) -> tuple[Any, State]:
    """The signal and the variables after the piece, which is traced for that alone."""
    found: list[tuple[Any, State]] = []

    def run(inside: Session, params: list[Value]) -> list[Value]:
        variables.write(before)
        signal = piece()
        found.append((signal, variables.read()))
        return []

    try:
        with for_a_try(session):
            trace_region(session, "discovery", [], run, Writes(), carry=False)
    finally:
        variables.write(before)
    return found[0]


def _common_signal(first: Signal | None, second: Signal | None) -> Signal | None:
    if first is second:
        return first
    if first is not None and second is not None and first.name == second.name:
        return first
    left = first if first is not None else second
    assert left is not None
    raise UnsupportedError(
        f"`{left.name}` in one branch of a decision by a traced value, and not in the other, is not supported here: "
        "give both branches a result and go on with it",
        location=user_location(),
    )


def choose(test: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
    """``yes if test else no``"""
    test = dispatch.truth(test)
    session = current()
    if session is None or not is_open(test):
        return yes() if test else no()
    signal = branch(test, lambda: leaving(yes()), lambda: leaving(no()), lambda: (), lambda new: None, ())
    assert signal is not None
    return signal.value


def first_false(first: Any, *rest: Callable[[], Any]) -> Any:
    """``first and ...``: the first operand that is false, else the last."""
    for following in rest:
        if current() is not None and is_open(first):
            first = choose(_flag(first), following, partial(_itself, first))
        else:
            if not dispatch.truth(first):
                return first
            first = following()
    return first


def first_true(first: Any, *rest: Callable[[], Any]) -> Any:
    """``first or ...``: the first operand that is true, else the last."""
    for following in rest:
        if current() is not None and is_open(first):
            first = choose(_flag(first), partial(_itself, first), following)
        else:
            if dispatch.truth(first):
                return first
            first = following()
    return first


def _itself(value: Any) -> Any:
    return value


def raising(error: Any) -> Any:
    """What ``raise error`` raises: a loop or branch that the compiled program runs cannot raise an exception."""
    session = current()
    if session is None or not session.is_region:
        return error
    name = getattr(error, "__name__", type(error).__name__)
    return UnsupportedError(
        f"`raise {name}` in a loop or branch of the compiled program, which cannot raise it: look at the arguments "
        "before the call, or return a value that shows it, such as np.nan",
        location=user_location(),
    )


def both(first: Any, *rest: Callable[[], Any]) -> Any:
    """``first and ...``, of which only the truth counts."""
    for following in rest:
        if current() is not None and is_open(first):
            first = choose(_flag(first), partial(_flag_of, following), lambda: np.False_)
        else:
            if not dispatch.truth(first):
                return first
            first = following()
    return first


def either(first: Any, *rest: Callable[[], Any]) -> Any:
    """``first or ...``, of which only the truth counts."""
    for following in rest:
        if current() is not None and is_open(first):
            first = choose(_flag(first), lambda: np.True_, partial(_flag_of, following))
        else:
            if dispatch.truth(first):
                return first
            first = following()
    return first


_PLAIN: dict[str, Callable[[Any, Any], Any]] = {
    "Is": operator.is_, "IsNot": operator.is_not, "In": lambda a, b: a in b, "NotIn": lambda a, b: a not in b,
}  # fmt: skip


def compared(left: Any, name: str, right: Any, *rest: Any) -> Any:
    """``left < right < ...``; what follows comes as pairs of an operator's name and a function that gives its right."""
    first = _PLAIN[name](left, right) if name in _PLAIN else dispatch.binary(name, left, right)
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


def _flag_of(compute: Callable[[], Any]) -> Any:
    return _flag(compute())


def _flag(value: Any) -> Any:
    """A truth value of the program: a traced number is compared with zero."""
    value = dispatch.truth(value)
    if isinstance(value, Tracer):
        return value if value.dtype == np.bool_ else value != 0  # type: ignore[comparison-overlap]
    return np.bool_(bool(value))
