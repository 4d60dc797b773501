"""Traced integers as sizes: bounds of slices and ranges that differ from one iteration of a loop to the next.

The index of a loop is a size in its body, as a symbol that ``bind_size`` binds there: a slice ``u[:i]`` has the dim
``i0``, which is known to be from 0 to the number of iterations less one. What is computed of indices and sizes by
``+``, ``-`` and ``*`` is an expression over such symbols, so that ``a[k, :k] @ b[:k]`` fits. Any other integer is
brought into its limits as a number first, and the result bound to a symbol of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, evaluate, substitute, symbol, symbols_of
from graphc.ir.graph import Value
from graphc.ir.opdef import Pointwise
from graphc.ir.types import F64, I64
from graphc.trace.session import Session, current

_ARITHMETIC: dict[str, Callable[[Dim, Dim], Dim]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
}


def dim_of(session: Session, value: Value) -> Dim | None:
    """The integer scalar of this session as an expression over sizes and loop indices; None where it is another."""
    if value.rank or value.type.dtype.kind not in "iu":
        return None
    return _followed(session, value, _index)


def _followed(
    session: Session,
    value: Value,
    of_index: Callable[[Session, Value], Dim],
    of_number: Callable[[Value], Dim] | None = None,
) -> Dim | None:
    """``of_number``: what stands for a number that is made in another way; without it there is no expression."""

    def followed(part: Value, owner: Session = session) -> Dim | None:
        return _followed(owner, part, of_index, of_number)

    if value in session.indices:
        return of_index(session, value)
    node = value.node
    if node is None and (session.parent is None or value not in session.origins):
        return None if of_number is None else of_number(value)
    if node is None:
        assert session.parent is not None
        return followed(session.origins[value], session.parent)
    match node.op.name if _keeps_integers(value) else "":
        case "const":
            return int(node.attrs["value"])
        case "dim":
            found: Dim = node.attrs["dim"]
            return found
        case "cast" | "reshape":
            return followed(node.inputs[0])
        case "neg":
            inner = followed(node.inputs[0])
            return None if inner is None else -inner
        case "add" | "sub" | "mul":
            a, b = map(followed, node.inputs)
            return None if a is None or b is None else _ARITHMETIC[node.op.name](a, b)
    return None if of_number is None else of_number(value)


def _keeps_integers(value: Value) -> bool:
    """Whether a number that is computed of integers by ``+``, ``-`` and ``*`` is that integer still.

    It may be a double, as in ``int(2.0 * n)``; but no fraction is one of its parts.
    """
    assert value.node is not None
    if value.node.op.name == "const" and value.type.dtype == F64:
        return float(value.node.attrs["value"]).is_integer()
    return value.type.dtype == F64 or (value.type.dtype.kind in "iu" and value.type.dtype.itemsize >= 4)


def distance(start: Value, stop: Value) -> Dim | None:
    """How far the second integer is from the first, where that is known: of ``2 * k`` and ``2 * k + 3`` it is 3."""
    session = current()
    assert session is not None
    known: list[Value] = []

    def of_number(value: Value) -> Dim:
        for k, other in enumerate(known):
            if same_value(value, other):
                return symbol(f"number {k}")
        known.append(value)
        return symbol(f"number {len(known) - 1}")

    def of_index(owner: Session, value: Value) -> Dim:
        return of_number(value)

    first, last = (_followed(session, value, of_index, of_number) for value in (start, stop))
    if first is None or last is None or any(name.startswith("number ") for name in symbols_of(last - first)):
        return None
    return last - first


def settle_position(value: Value, size: Dim) -> None:
    """Have the sizes decide whether a position that is made of loop indices is inside of its axis.

    Where it is in this call, that is a guard, by which a pass drops the check of each iteration.
    """
    session = current()
    if session is None or value.rank or value.type.dtype.kind not in "iu":
        return
    names: dict[Value, str] = {}
    limits: dict[str, Dim] = {}

    def passing(owner: Session, index: Value) -> Dim:
        trips, name = owner.indices[index]
        if not name:  # a symbol of no program: the loop is not asked to bind it
            name = names.setdefault(index, f"index {len(names)}")
            limits[name] = trips - 1
        return symbol(name)

    dim, facts = _followed(session, value, passing), session.F.facts
    if dim is None or isinstance(dim, int):
        return
    ends = [facts.lowest_end(_at_lowest(facts.resolve(end), limits)) for end in (dim, size - 1 - dim)]
    if not any(symbols_of(end) & limits.keys() or facts.is_bound(end) for end in ends) and all(map(facts.holds, ends)):
        for end in ends:
            facts.at_least(end, 0)


def _at_lowest(dim: Dim, limits: Mapping[str, Dim]) -> Dim:
    """The least that the dim is in loops over these indices, as far as that can be said."""
    for name, limit in limits.items():
        slope = substitute(dim, {name: 1}) - substitute(dim, {name: 0})
        if isinstance(slope, int) and substitute(dim, {name: 2}) - substitute(dim, {name: 1}) == slope:
            dim = substitute(dim, {name: 0 if slope >= 0 else limit})
    return dim


def dim_of_number(value: Value) -> Dim | None:
    """The same for a number of the session that is recording."""
    session = current()
    return None if session is None else dim_of(session, value)


def number_in_call(value: Value) -> int | None:
    """The integer in this call, where it follows from sizes and constants alone: the program is then for these."""
    session, names = current(), set[str]()
    number = None if session is None else _in_call(session, value, names)
    if session is None or number is None:
        return None
    facts = session.F.facts
    for name in sorted(names):
        facts.equal(symbol(name), (facts.hints or {})[name])
        session.note(f"specialised to {session.symbols.get(name, name)}: a length is computed of it")
    return int(number)


def _in_call(session: Session, value: Value, names: set[str]) -> Any:
    """What the number is; ``names``: the symbols that it is made of are added. None where it follows from more."""
    node, facts = value.node, session.F.facts
    if node is None:
        outer = session.origins.get(value)
        return None if outer is None or session.parent is None else _in_call(session.parent, outer, names)
    if node.op.name == "dim":
        dim = facts.resolve(node.attrs["dim"])
        names |= symbols_of(dim)
        return None if facts.is_bound(dim) else evaluate(dim, facts.hints or {})
    if value.rank or (node.op.name not in ("const", "checked_index") and not isinstance(node.op.kind, Pointwise)):
        return None
    parts = [_in_call(session, part, names) for part in node.inputs]
    return None if any(part is None for part in parts) else node.op.ref(*parts, **node.attrs)


def _index(session: Session, value: Value) -> Dim:
    """The symbol of a loop's index, bound at the beginning of the body."""
    trips, name = session.indices[value]
    if not name:
        size = session.F.facts.bound_symbol("i", trips - 1)
        name = str(size)
        session.indices[value] = trips, name
        session.F.bind_size(value, symbol=name, limit=trips - 1)
    return symbol(name)


def bound_size(F: Builder, value: Any, limit: Dim | None = None) -> Dim:
    """The symbol of an integer that is not negative, and at most ``limit``: the same one for the same number."""
    number = F.cast(F.value(value), I64)
    attrs = {} if limit is None else {"limit": limit}
    for node in F.nodes:
        if node.op.name == "bind_size" and same_value(node.inputs[0], number):
            return symbol(node.attrs["symbol"])
    size = F.facts.bound_symbol("size", limit)
    F.bind_size(number, symbol=str(size), **attrs)
    return size


def same_value(a: Value, b: Value, seen: set[tuple[Value, Value]] | None = None) -> bool:
    """Whether both are computed alike from the same values."""
    seen = set() if seen is None else seen
    if a is b or (a, b) in seen:
        return True
    one, other = a.node, b.node
    if one is None or other is None or one.op is not other.op or a.index != b.index or one.regions or other.regions:
        return False
    same = one.attrs == other.attrs and len(one.inputs) == len(other.inputs)
    if same and all(same_value(x, y, seen) for x, y in zip(one.inputs, other.inputs, strict=True)):
        seen.add((a, b))
        return True
    return False
