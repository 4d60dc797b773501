"""What the head of a loop may hold beside a range: rows of arrays, ``enumerate``, ``zip`` and ``reversed`` of those.

    for k, (row, w) in enumerate(zip(a, weights)): ...

is a loop over an index i, in which k is i, row is ``a[i]``, a view, and w is ``weights[i]``. Where a part is one of
Python's own containers, the loop runs in Python.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from graphc.errors import NumberError, TraceTypeError, UnsupportedError
from graphc.ir.dims import Dim, ceildiv
from graphc.ir.graph import Value
from graphc.ir.rows import row_of
from graphc.trace import dispatch
from graphc.trace.extents import bound_size, dim_of, number_in_call
from graphc.trace.functions.arguments import smaller
from graphc.trace.location import user_location
from graphc.trace.openness import is_open
from graphc.trace.regions import trip_count
from graphc.trace.session import Session, current
from graphc.trace.symbolic import SymbolicInt, as_dim, wrap_dim
from graphc.trace.tracer import Tracer, View
from graphc.trace.trees import value_of
from graphc.trace.twins import link
from graphc.trace.values import make_weak, wrap

FEWEST_ROWS = 5  # of a list, to be more than Python's
MOST = 2**62  # iterations of a loop that its body ends


class Elements(ABC):
    """Things that are counted, of which the k-th can be had for a traced k."""

    ends = True  # by itself, and not only where the body of the loop says so
    by_python = False  # whether Python may run the loop, where it cannot be one of the program

    @abstractmethod
    def count(self, session: Session) -> Dim:
        """How many there are."""

    @abstractmethod
    def at(self, inside: Session, k: Any) -> Any:
        """The k-th, in the session of a loop's body."""

    def parts_used(self) -> Sequence[Elements]:
        """What it is made of."""
        return ()

    def note_use(self) -> None:
        """The loop is one of the program: what an iteration has seen stands for other objects."""
        for part in self.parts_used():
            part.note_use()

    def require_unwritten(self, written: Sequence[Any]) -> None:
        """Raise where an iteration writes into one of these arrays, and a later one would see it as it was before."""
        for part in self.parts_used():
            part.require_unwritten(written)

    @abstractmethod
    def plain(self) -> Iterable[Any]:
        """What Python iterates over: the program is then for this count."""


class Numbers(Elements):
    """A range, whose bounds may be symbols or traced numbers."""

    def __init__(self, start: Any, stop: Any, step: int):
        self.start, self.stop, self.step = start, stop, step

    def count(self, session: Session) -> Dim:
        """A number that is computed from arrays is bound to a symbol."""
        first, last = (self.start, self.stop) if self.step > 0 else (self.stop, self.start)
        step = abs(self.step)
        low, high = (_dim(session, b) for b in (first, last))
        if low is None or high is None:
            F = session.F
            distance = F.maximum(F.sub(value_of(session, last), value_of(session, first)), 0)
            return bound_size(F, distance if step == 1 else F.floor_divide(F.add(distance, step - 1), step))
        if step == 1:
            return trip_count(session, low, high)
        return trip_count(session, 0, ceildiv(high - low, step))

    def at(self, inside: Session, k: Any) -> Any:
        return (k if self.step == 1 else k * self.step) + self.start

    def plain(self) -> Iterable[Any]:
        return range(self.start, self.stop, self.step)


class Rows(Elements):
    """The rows of an array, or the numbers of one with one axis."""

    def __init__(self, array: Tracer):
        self.array = array

    def count(self, session: Session) -> Dim:
        return self.array.value.dims[0]

    def at(self, inside: Session, k: Any) -> Any:
        return self.array[k]

    def plain(self) -> Iterable[Any]:
        return self.array


class RowsInList(Elements):
    """A list of rows of one array that follow each other, such as a loop has filled (``filling``): ``start`` is the
    first one, and each next one is ``step`` further.

    """

    by_python = True

    def __init__(self, items: Sequence[Tracer], array: Tracer, start: int, step: int):
        self.items, self.array, self.start, self.step = items, array, start, step

    def count(self, session: Session) -> Dim:
        return len(self.items)

    def at(self, inside: Session, k: Any) -> Any:
        row = self.array[k * self.step + self.start]
        if self.items[0].value.type.weak:
            make_weak(row.value)
        if isinstance(row, View):
            row.kind = "read-only"  # a write is one into an array of the list
        return row

    def note_use(self) -> None:
        for item in self.items:
            if not isinstance(item, View):
                link(item.session, self.array, item)

    def require_unwritten(self, written: Sequence[Any]) -> None:
        """A variable that is an item has memory of its own in the program: its row does not see what is written."""
        known = {id(array) for array in written}
        if any(id(item) in known and not isinstance(item, View) for item in self.items):
            error = UnsupportedError(
                "a loop goes through a list, and writes into an array that is an item of it and a variable",
                location=user_location(),
            )
            error.of_form = True
            raise error

    def plain(self) -> Iterable[Any]:
        return self.items


class Endless(Elements):
    """``itertools.count``, ``repeat`` or ``cycle``: ``make`` gives the k-th element, ``again`` Python's iterator."""

    ends = False

    def __init__(self, make: Callable[[Any], Any], again: Callable[[], Iterable[Any]]):
        self.make, self.again = make, again

    def count(self, session: Session) -> Dim:
        return MOST

    def at(self, inside: Session, k: Any) -> Any:
        return self.make(k)

    def plain(self) -> Iterable[Any]:
        return self.again()


class Counted(Elements):
    """``enumerate(inner, first)``"""

    def __init__(self, inner: Elements, first: Any):
        self.inner, self.first, self.ends, self.by_python = inner, first, inner.ends, inner.by_python

    def count(self, session: Session) -> Dim:
        return self.inner.count(session)

    def at(self, inside: Session, k: Any) -> Any:
        return k + self.first, self.inner.at(inside, k)

    def parts_used(self) -> Sequence[Elements]:
        return (self.inner,)

    def plain(self) -> Iterable[Any]:
        return enumerate(self.inner.plain(), self.first)


class Zipped(Elements):
    """``zip(*parts)``: as many as there are in the shortest."""

    def __init__(self, parts: Sequence[Elements], strict: bool):
        self.parts, self.strict = parts, strict
        self.ends, self.by_python = any(part.ends for part in parts), any(part.by_python for part in parts)

    def count(self, session: Session) -> Dim:
        counts = [part.count(session) for part in self.parts if part.ends or self.strict or not self.ends]
        least = counts[0]
        for count in counts[1:]:
            if self.strict and not session.F.facts.equal(least, count):
                raise NumberError(
                    "zip(strict=True): one of the arguments has more elements than another",
                    location=user_location(),
                )
            least = smaller(session.F, least, count)
        return least

    def at(self, inside: Session, k: Any) -> Any:
        return tuple([part.at(inside, k) for part in self.parts])

    def parts_used(self) -> Sequence[Elements]:
        return self.parts

    def plain(self) -> Iterable[Any]:
        return zip(*(part.plain() for part in self.parts), strict=self.strict)


class Reversed(Elements):
    """``reversed(inner)``"""

    def __init__(self, inner: Elements):
        self.inner, self.by_python = inner, inner.by_python

    def count(self, session: Session) -> Dim:
        self.total = self.inner.count(session)
        return self.total

    def at(self, inside: Session, k: Any) -> Any:
        return self.inner.at(inside, wrap_dim(inside, self.total) - 1 - k)

    def parts_used(self) -> Sequence[Elements]:
        return (self.inner,)

    def plain(self) -> Iterable[Any]:
        return reversed(list(self.inner.plain()))


class Rest(Elements):
    """All but the first."""

    def __init__(self, inner: Elements):
        self.inner, self.ends, self.by_python = inner, inner.ends, inner.by_python

    def count(self, session: Session) -> Dim:
        return self.inner.count(session) - 1

    def at(self, inside: Session, k: Any) -> Any:
        return self.inner.at(inside, k + 1)

    def parts_used(self) -> Sequence[Elements]:
        return (self.inner,)

    def plain(self) -> Iterable[Any]:
        return islice(self.inner.plain(), 1, None)


def as_elements(obj: Any) -> Elements | None:
    """The object as something to count; None for what Python iterates over itself."""
    if isinstance(obj, Elements):
        return obj
    if isinstance(obj, range):
        return Numbers(obj.start, obj.stop, obj.step)
    if type(obj) in (list, tuple):
        return _rows_in(obj)
    return Rows(obj) if isinstance(obj, Tracer) and obj.ndim else None


def _rows_in(items: Sequence[Any]) -> RowsInList | None:
    """The list as rows of one array; None where it is another."""
    if len(items) < FEWEST_ROWS or any(type(item) not in (Tracer, View) for item in items):
        return None
    rows = [row_of(item.value) for item in items]
    first, second = rows[:2]
    if first is None or second is None or items[0].session is not items[-1].session:
        return None
    step = second.start - first.start
    for k, (item, row) in enumerate(zip(items, rows, strict=True)):
        if row is None or row.source is not first.source or row.start != first.start + k * step:
            return None
        if item.session is not items[0].session or row.dims != row.source.dims[1:]:
            return None
    if not isinstance(first.start, int) or not isinstance(step, int):
        return None
    array = _array_of(items, first.source)
    return None if array is None else RowsInList(items, array, first.start, step)


def _array_of(items: Sequence[Any], source: Value) -> Tracer | None:
    """The array that the items are views of; what is none of its views may still be what a row stands for."""
    bases = {id(item.base): item.base for item in items if isinstance(item, View)}
    if len(bases) > 1 or any(base is None or base.value is not source for base in bases.values()):
        return None
    return next(iter(bases.values())) if bases else wrap(items[0].session, source)


def combined(function: Any, strict: Any, *args: Any) -> Any:
    """``enumerate``, ``zip`` or ``reversed`` in the head of a loop."""
    parts = [as_elements(arg) for arg in (args[:1] if function is enumerate else args)]
    known = [part for part in parts if part is not None and (part.ends or function is not reversed)]
    if function in _COMBINED and parts and len(known) == len(parts) and (function is zip or len(known) == 1):
        return _COMBINED[function](known, args, bool(strict))
    plain = [arg.plain() if isinstance(arg, Elements) else dispatch.iterated(arg) for arg in args]
    return function(*plain, strict=bool(strict)) if function is zip and strict else function(*plain)


_COMBINED: dict[Any, Callable[[Sequence[Elements], Sequence[Any], bool], Elements]] = {
    enumerate: lambda parts, args, strict: Counted(parts[0], args[1] if len(args) > 1 else 0),
    zip: lambda parts, args, strict: Zipped(parts, strict),
    reversed: lambda parts, args, strict: Reversed(parts[0]),
}


def span(function: Any, *bounds: Any) -> Any:
    """``range(...)`` in the head of a loop. Raises ``TraceTypeError`` for a bound that is no integer."""
    if len(bounds) == 3:
        bounds = (*bounds[:2], _step_in_call(bounds[2]))
    step = bounds[2] if len(bounds) == 3 else 1
    is_open_range = function is range and 0 < len(bounds) <= 3 and any(is_open(b) for b in bounds)
    if is_open_range:
        _require_integers(bounds, step)
    symbolic = any(isinstance(b, SymbolicInt) for b in bounds)
    if function is not range or not (symbolic or is_open_range) or type(step) is not int or step == 0:
        return function(*bounds)
    if not is_open_range and any(as_dim(b) is None for b in bounds):
        return function(*bounds)
    start, stop = (0, bounds[0]) if len(bounds) == 1 else bounds[:2]
    return Numbers(start, stop, step)


def _step_in_call(step: Any) -> Any:
    """The step as a number, where it is made of sizes alone."""
    session = current()
    known = number_in_call(value_of(session, step)) if session is not None and is_open(step) else None
    return step if known is None else known


def _require_integers(bounds: Sequence[Any], step: Any) -> None:
    session = current()
    if session is None:
        return
    kinds = [value_of(session, b).type.dtype.kind for b in bounds]
    if any(kind not in "iu" for kind in kinds):
        raise TraceTypeError(
            "range() takes integers, and got a floating number: use .astype(int) where it is whole",
            location=user_location(),
        )
    if is_open(step):
        raise UnsupportedError(
            "range() with a step that is a traced value is not supported: loop over range(count), and compute the "
            "number from the index (start + k * step)",
            location=user_location(),
        )


def _dim(session: Session, bound: Any) -> Dim | None:
    dim = as_dim(bound)
    return dim if dim is not None else dim_of(session, value_of(session, bound))
