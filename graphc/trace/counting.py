"""``while`` loops that Python's own numbers decide: one that counts becomes a ``for`` of the program.

k = 0                       The test is traced once with the numbers that the loop changes as traced ones. Where it
while k < len(x):           then is a traced bool, the loop can be one of the program, whatever the size. Where it
    s = s + x[k]            compares counters, to which each iteration adds the same, the number of iterations is
    k += 1                  known before the loop, and k is an expression of the index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from graphc.errors import GraphcError
from graphc.ir.dims import Dim, ceildiv, substitute, symbol, symbols_of
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, F64, I64, ArrayType
from graphc.trace import dispatch
from graphc.trace.branches import Piece
from graphc.trace.extents import dim_of
from graphc.trace.iteration import Elements
from graphc.trace.openness import is_open
from graphc.trace.regions import trace_region, trip_count
from graphc.trace.session import Session, current
from graphc.trace.symbolic import SymbolicInt, as_dim, wrap_dim
from graphc.trace.tracer import Tracer
from graphc.trace.trees import value_of
from graphc.trace.values import wrap
from graphc.trace.variables import Variables
from graphc.trace.writes import Writes

_TYPES = {bool: BOOL, int: I64, SymbolicInt: I64, float: F64}
_STRICT = {"lt": True, "le": False, "gt": True, "ge": False}
Steps = Mapping[str, Callable[[], Any]]  # what each iteration adds to a counter


class Counted(Elements):
    """The iterations of a ``while``; ``counters``: what each begins with, and what an iteration adds to it."""

    def __init__(self, trips: Dim, counters: Mapping[str, tuple[Dim, int]]):
        self.trips, self.counters = trips, counters

    def count(self, session: Session) -> Dim:
        return self.trips

    def at(self, inside: Session, k: Any) -> dict[str, Any]:
        """The counters as the k-th iteration finds them."""
        return {name: k * step + wrap_dim(inside, start) for name, (start, step) in self.counters.items()}

    def after(self, session: Session) -> dict[str, Any]:
        """The counters after the loop, where no iteration ends it."""
        return {name: number_of(session, start + self.trips * step) for name, (start, step) in self.counters.items()}

    def plain(self) -> Iterable[Any]:
        """The counters of each iteration."""
        session = current()
        assert session is not None
        return [self.at(session, k) for k in range(wrap_dim(session, self.trips))]


def number_of(session: Session, dim: Dim) -> Any:
    """The size as the user's code sees it; one that shows when the program runs is a traced number."""
    return wrap(session, session.F.value(dim)) if session.F.facts.is_bound(dim) else wrap_dim(session, dim)


def staged_as(session: Session, test: Piece, variables: Variables, steps: Steps) -> Counted | bool:
    """How the loop can be one of the program: as ``Counted``, by its test (True), or not at all (False)."""
    refused, found = session.captures.refused, []
    try:
        opened = variables.opened()
        before = opened.read()
        tried = {name: before[name] for name in opened.alive if _is_number(before[name])}
        types = [(_type_of(value), name) for name, value in tried.items()]

        def run(inside: Session, params: list[Value]) -> list[Value]:
            opened.write({**before, **{name: wrap(inside, p) for name, p in zip(tried, params, strict=True)}})
            flag = dispatch.truth(test())
            if is_open(flag):
                found.append(_counted(session, inside, flag.value, dict(zip(tried, params, strict=True)), tried, steps))
            return []

        try:
            trace_region(session, "discovery", types, run, Writes(), carry=False)
        finally:
            opened.write(before)
    except GraphcError:  # the test needs the numbers themselves
        session.captures.refused = refused
        return False
    return (found[0] or True) if found else False


def _is_number(value: Any) -> bool:
    return type(value) in _TYPES or (isinstance(value, Tracer) and not value.ndim and value.dtype.kind == "i")


def _type_of(value: Any) -> ArrayType:
    return value.value.type if isinstance(value, Tracer) else ArrayType(_TYPES[type(value)], weak=True)


def _counted(
    session: Session, inside: Session, flag: Value, params: Mapping[str, Value], begun: Mapping[str, Any], steps: Steps
) -> Counted | None:
    """The loop that goes on while the flag is true, if it compares counters: ``distance > 0`` that shrinks steadily."""
    distance = _distance(inside, flag, params)
    if distance is None:
        return None
    known = {name: _start_and_step(session, begun[name], steps[name]()) for name in params if name in steps}
    counters = {name: counter for name, counter in known.items() if counter is not None}
    trip, starts = symbol("trip"), {_symbol(name): start for name, (start, _) in counters.items()}
    moved = {_symbol(name): start + trip * step for name, (start, step) in counters.items()}
    first, then = substitute(distance, starts), substitute(distance, moved)
    rate = substitute(then, {"trip": 1}) - first
    if not isinstance(rate, int) or rate >= 0 or then != first + rate * trip:
        return None
    if symbols_of(first) & {_symbol(name) for name in params}:
        return None
    return Counted(trip_count(session, 0, ceildiv(first, -rate)), counters)


def _symbol(name: str) -> str:
    return f"counter {name}"  # never that of a size


def _distance(inside: Session, flag: Value, params: Mapping[str, Value]) -> Dim | None:
    """What is greater than 0 as long as the loop goes on, of the counters' symbols."""
    is_negated = False
    while flag.node is not None and flag.node.op.name == "logical_not":
        flag, is_negated = flag.node.inputs[0], not is_negated
    if flag.node is None or flag.node.op.name not in _STRICT:
        return None
    for name, param in params.items():
        if param.type.dtype == I64:
            inside.indices[param] = 0, _symbol(name)
    low, high = (dim_of(inside, v) for v in flag.node.inputs)
    if low is None or high is None:
        return None
    distance = high - low if flag.node.op.name in ("lt", "le") else low - high
    if not _STRICT[flag.node.op.name]:
        distance += 1
    return 1 - distance if is_negated else distance


def _start_and_step(session: Session, start: Any, step: Any) -> tuple[Dim, int] | None:
    begin = dim_of(session, value_of(session, start)) if isinstance(start, Tracer) else as_dim(start)
    if begin is None or type(start) is bool or type(step) is not int or step == 0:
        return None
    return begin, step
