"""Tracing of loops and branches: each region is a session of its own, and what it reads from outside an operand.

What a loop carries has one type for all iterations. A Python number that it begins with takes the dtype that the body
gives it; everything else that changes is an error, which names the value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.errors import Location, TraceTypeError, UnsupportedError
from graphc.ir.dims import Dim, dim_max
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.types import BOOL, I64, ArrayType
from graphc.trace.location import user_location
from graphc.trace.session import Session, hint_of, recording
from graphc.trace.twins import bring_back, retire
from graphc.trace.values import make_weak, value_in
from graphc.trace.writes import Writes, restore

MOST_NESTED = 40  # loops and branches in each other: more are a recursion
MOST_TRIES = 4  # a dtype can grow from int to float32 to float64

Body = Callable[[Session, list[Value]], list[Value]]  # runs in the region's session; its parameters -> its outputs


@dataclass
class Region:
    """One traced region; ``ends``: what the arrays from outside that it wrote into were at its end, by their id."""

    name: str
    params: list[Value]
    session: Session
    outputs: list[Value]
    ends: dict[int, Value]

    @property
    def imports(self) -> dict[Value, Value]:
        return self.session.imports

    def graph(self, outer: Sequence[Value]) -> Graph:
        """The region with a parameter for each of ``outer``."""
        captures = [self.imports.get(v) or Value(v.type, name=v.name) for v in outer]
        return Graph(self.name, (*self.params, *captures), tuple(self.session.F.nodes), tuple(self.outputs))


def trace_region(
    session: Session,
    name: str,
    types: Sequence[tuple[ArrayType, str]],
    body: Body,
    writes: Writes,
    carry: bool = True,
    is_try: bool = False,
) -> Region:
    """Run the body on parameters of these types and names, in a session below ``session``.

    Arrays from outside that it writes into have their old values again afterwards; they are added to ``writes``. With
    ``carry``, those that are in it already are parameters too, the last ones, and their new values the last outputs.
    ``is_try``: to see what the body does; nothing of what it records is kept.
    """
    _refuse_recursion(session)
    child = Session(session.F.ops, name, parent=session, wrap=session.wrap)
    child.holds = session.holds
    child.is_region, child.keeps = True, session.keeps
    child.is_try = is_try or session.is_try
    child.F.location = session.F.location
    known = list(writes.arrays) if carry else []
    ends: dict[int, Value] = {}
    params = [Value(type_, name=label) for type_, label in types]
    params += [Value(session.import_value(*writes.before[id(a)]).type, name=f"w{k}") for k, a in enumerate(known)]
    with recording(child):
        for array, param in zip(known, params[len(types) :], strict=True):
            array.assign(param)
        try:
            outputs = body(child, params[: len(types)])
            outputs += [value_in(child, array) for array in known]
        finally:
            for array, before, value in child.written.values():
                if before is not child:
                    if not array.session.refusal:
                        ends[id(array)] = array.value
                    restore(array, before, value)
                    writes.note(array, before, value)
            for view, state in reversed(child.moved_views):
                view.session, view.source, view.seen, view.cached = state
    return Region(name, params, child, outputs, ends)


def _refuse_recursion(session: Session) -> None:
    """Both sides of a branch are traced, so a function that calls itself in one would do so for ever."""
    if session.depth >= MOST_NESTED:
        raise UnsupportedError(
            f"branches and loops stand in each other {MOST_NESTED} deep: a function that calls itself until a traced "
            "value says that it is enough cannot be compiled; write a while loop",
            location=user_location(),
        )


def captured(regions: Sequence[Region]) -> list[Value]:
    """Every value that one of the regions reads from outside."""
    return list(dict.fromkeys(outer for region in regions for outer in region.imports))


# --- loops ------------------------------------------------------------------------------------------------------------


def stage_for(
    session: Session,
    trips: Dim,
    start: Sequence[Value],
    names: Sequence[str],
    body: Body,
    *,
    reverse: bool = False,
    seen: Writes | None = None,
) -> list[Value]:
    """A ``for``: ``body(session, [i, carried...])`` gives what is carried on, and then what is stacked.

    Arrays from outside that the body writes into are carried too, and have their new values afterwards. ``seen``: those
    that an earlier trace of the body wrote into.
    """
    index = (ArrayType(I64, weak=True), "i")
    location = user_location()

    def trace(types: list[tuple[ArrayType, str]], writes: Writes) -> Region:
        return trace_region(session, "body", [index, *types], counted(trips, body), writes)

    start, region, writes = _settled(session, start, names, trace, seen)
    count, written = len(start), len(writes.arrays)
    stacked = len(region.outputs) - count - written
    end = len(region.outputs) - written
    region.outputs = [*region.outputs[:count], *region.outputs[end:], *region.outputs[count:end]]
    attrs = {"carried": count + written, "stacked": stacked, "trips": trips, "reverse": reverse}
    outer = captured([region])
    inputs = (*start, *writes.values(session), *outer)
    results = _apply(session, "for", inputs, attrs, [region.graph(outer)], location)
    writes.take(results[count : count + written])
    return results[:count] + results[count + written :]


def counted(trips: Dim, body: Body) -> Body:
    """The body of a loop, where its first parameter is known to be the index."""

    def run(inside: Session, params: list[Value]) -> list[Value]:
        inside.indices[params[0]] = trips, ""
        return body(inside, params)

    return run


def trip_count(session: Session, first: Dim, last: Dim) -> Dim:
    """``last - first``, and 0 where that is less."""
    trips = last - first
    low = session.F.facts.lowest(trips)
    return trips if low is not None and low >= 0 else dim_max(trips, 0)


def stage_while(
    session: Session,
    start: Sequence[Value],
    names: Sequence[str],
    condition: Body,
    body: Body,
    seen: Writes | None = None,
) -> list[Value]:
    """A ``while``: the condition gives one bool, the body what is carried on. ``seen``: as for ``stage_for``."""
    location = user_location()

    def trace(types: list[tuple[ArrayType, str]], writes: Writes) -> Region:
        return trace_region(session, "body", types, body, writes)

    start, region, writes = _settled(session, start, names, trace, seen)
    types = [(p.type, p.name) for p in region.params[: len(start)]]
    test = trace_region(session, "condition", types, condition, writes)
    test.outputs = test.outputs[:1]
    require_flag(session, test.outputs[0], "the condition of a while loop", location)
    outer = captured([test, region])
    regions = [test.graph(outer), region.graph(outer)]
    inputs = (*start, *writes.values(session), *outer)
    results = _apply(session, "while", inputs, {"carried": len(region.outputs)}, regions, location)
    writes.take(results[len(start) :])
    return results[: len(start)]


def _settled(
    session: Session,
    start: Sequence[Value],
    names: Sequence[str],
    trace: Callable[[list[tuple[ArrayType, str]], Writes], Region],
    seen: Writes | None,
) -> tuple[list[Value], Region, Writes]:
    """The values to begin with, cast where they are Python numbers, the body that gives their types back, its writes.

    The body is traced again where it wrote into an array that was not carried yet: another name of that array, or a
    view of it, may have been read before the write. Where it left alone what an earlier trace wrote into (that array
    is one of the variables), it begins with what it did write.
    """
    begin = list(start)
    writes = Writes() if seen is None else seen
    for _ in range(MOST_TRIES):
        known = len(writes.arrays)
        region = trace([(v.type, f"c{k}") for k, v in enumerate(begin)], writes)
        left_alone = _left_alone(region, known)
        after = [o.type for o in region.outputs[: len(begin)]]
        settled = all(_same(session, v.type, t) for v, t in zip(begin, after, strict=True))
        if settled and known == len(writes.arrays) and not left_alone:
            return begin, region, writes
        for k, (value, type_) in enumerate(zip(begin, after, strict=True)):
            if not _same(session, value.type, type_):
                _require_weak(session, value, type_, region.outputs[k], names[k])
                begin[k] = strong(session, value, type_)
        writes = writes.without(left_alone)
    raise TraceTypeError("what the loop carries changes its dtype again and again", location=user_location())


def _left_alone(region: Region, count: int) -> list[int]:
    """Which of the written arrays that the region has as its last ``count`` parameters it gives back as they came."""
    if not count:
        return []
    pairs = zip(region.params[-count:], region.outputs[-count:], strict=True)
    return [k for k, (param, output) in enumerate(pairs) if param is output]


def begin_as(session: Session, value: Value, after: Any) -> Value:
    """A Python number that an iteration made a NumPy one of, as that: the body need not be traced once more for it."""
    if (
        isinstance(after, ArrayType)
        and value.type.weak
        and not after.weak
        and not after.rank
        and _takes(after, value.type)
    ):
        return strong(session, value, after)
    return value


def strong(session: Session, value: Value, type_: ArrayType) -> Value:
    """A Python number as a NumPy scalar of the type's dtype."""
    F = session.F
    if value.type.dtype != type_.dtype:
        return F.cast(value, type_.dtype)
    return F.raw(F.ops["cast"], (value,), {"dtype": type_.dtype}).output


def _same(session: Session, a: ArrayType, b: ArrayType) -> bool:
    """Whether a carried value keeps its type: a Python number may not become a NumPy scalar unseen."""
    facts = session.F.facts
    same_dims = a.rank == b.rank and all(
        d == e or (not facts.is_bound(d - e) and facts.equal(d, e)) for d, e in zip(a.dims, b.dims, strict=True)
    )
    return a.dtype == b.dtype and same_dims and (b.weak or not a.weak)


def _require_weak(session: Session, begin: Value, after: ArrayType, output: Value, name: str) -> None:
    same_rank = begin.rank == after.rank
    if begin.type.weak and not begin.rank and not after.rank and _takes(after, begin.type):
        return
    where = output.node.location if output.node is not None else user_location()
    before_text, after_text = describe(session, begin.type), describe(session, after)
    cause = "dtype" if same_rank and begin.type.dtype != after.dtype else "shape"
    error = TraceTypeError(
        f"{name} changes its {cause} in the loop: it begins as {before_text} and is {after_text} after an iteration; "
        "begin with a value of the type that it has in the end",
        location=where or user_location(),
    )
    error.of_first_iteration, error.of_shape = True, cause == "shape"
    raise error


def _takes(after: ArrayType, begin: ArrayType) -> bool:
    """Whether the number with which a loop begins can have the later type without losing what it is."""
    if after.weak:
        return np.result_type(after.dtype, begin.dtype) == after.dtype
    return dtype_with(after.dtype, begin) == after.dtype


def describe(session: Session, type_: ArrayType) -> str:
    """The type with the sizes of this call."""
    if not type_.dims:
        return f"a {type_.dtype.name} number"
    sizes = [str(hint_of(session, d)) if not session.F.facts.is_bound(d) else str(d) for d in type_.dims]
    return f"a {type_.dtype.name} array of shape ({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


# --- branches ---------------------------------------------------------------------------------------------------------


def stage_cond(session: Session, flag: Value, names: Sequence[str], first: Body, second: Body) -> list[Value]:
    """A ``cond``; branches give values of the same types. A Python number takes the other's dtype; two stay one."""
    location = user_location()
    require_flag(session, flag, "the condition of a branch", location)
    writes = Writes()
    regions, stale = _sides(session, first, second, writes)
    count = len(regions[0].outputs)
    for region in regions:
        region.outputs += [
            region.ends.get(id(array)) or region.session.import_value(*writes.before[id(array)])
            for array in writes.arrays
        ]
    pairs = list(zip(*(region.outputs for region in regions), strict=True))
    for k, pair in enumerate(pairs):
        if pair[0].type.dtype != pair[1].type.dtype and not all(v.rank for v in pair):
            for region in regions:
                region.outputs[k] = _widened(region.session, region.outputs[k], *(v.type for v in pair))
        a, b = (region.outputs[k] for region in regions)
        facts = session.F.facts
        same = a.rank == b.rank and a.type.dtype == b.type.dtype and all(map(facts.equal, a.dims, b.dims))
        if not same:
            raise TraceTypeError(
                f"{names[k] if k < len(names) else f'result {k}'} differs between the branches: "
                f"{describe(session, a.type)} in one, {describe(session, b.type)} in the other",
                location=location,
            )
    outer = captured(regions)
    results = _apply(session, "cond", (flag, *outer), {}, [region.graph(outer) for region in regions], location)
    for result, (a, b) in zip(results, pairs, strict=True):
        if a.type.weak and b.type.weak:
            make_weak(result)
    writes.take(results[count:])
    for array in stale:
        retire(array)
    return results[:count]


def _sides(session: Session, first: Body, second: Body, writes: Writes) -> tuple[list[Region], list[Any]]:
    """The regions of a branch, and the arrays that one of them made unusable: in the other they are as before."""
    regions, stale = [], []
    for name, body in (("yes", first), ("no", second)):
        known = len(session.root.retired)
        regions.append(trace_region(session, name, [], body, writes, carry=False))
        stale += [array for array, *_ in session.root.retired[known:]]
        bring_back(session, known)
    return regions, stale


def _widened(session: Session, value: Value, first: ArrayType, second: ArrayType) -> Value:
    """The value in the dtype that holds both: a Python number takes the other's, but a float is no integer."""
    F = session.F
    if first.weak and second.weak:  # it stays a Python number
        dtype = np.result_type(first.dtype, second.dtype)
        return value if value.type.dtype == dtype else F.mul(value, F.value(dtype.type(1).item()))
    if not first.weak and not second.weak:
        return value
    weak, strong = (first, second) if first.weak else (second, first)
    return F.cast(value, dtype_with(strong.dtype, weak))


def dtype_with(dtype: np.dtype, weak: ArrayType) -> np.dtype:
    """What NumPy makes of the dtype and a Python number of that type.

    >>> dtype_with(np.dtype(np.float32), ArrayType(I64, weak=True))
    dtype('float32')
    """
    return np.result_type(dtype, weak.dtype.type(1).item())


def require_flag(session: Session, flag: Value, what: str, location: Location | None) -> None:
    if flag.rank or flag.type.dtype != BOOL:
        raise TraceTypeError(f"{what} must be one bool, and it is {describe(session, flag.type)}", location=location)


def _apply(
    session: Session, name: str, inputs: Sequence[Value], attrs: dict[str, Any], regions: Sequence[Graph],
    location: Location | None,
) -> list[Value]:  # fmt: skip
    F = session.F
    with F.at(location):
        node: Node = F.raw(F.ops[name], tuple(inputs), attrs, tuple(regions))
    return list(node.outputs)
