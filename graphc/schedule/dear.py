"""Which inlined values are stored after all: those that are dear, and would be computed again, or one by one.

What several places read is computed at each of them, and what lacks an outer axis along all of it: where that costs
more than to read it, it is stored. And a loop whose rounds must follow each other (a running sum, additions at places
that are looked up, a product) is no vector code: a function of NumPy's in it would be computed element by element, so
what it reads is made before, in a loop of vectors.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from graphc.ir.dims import product
from graphc.ir.graph import Value
from graphc.ir.opdef import Create, Movement, Pointwise, Scan
from graphc.schedule.scalars import Scalar, walk
from graphc.schedule.tasks import Task, is_index_fold, weights

DEAR = 10  # operations of a value above which it is stored rather than computed again
DEAR_ALONG = 6  # the same of one that an outer loop would compute again in each round
APART = 8  # operations that a load costs more where the elements of a vector do not lie side by side
FEW = 64  # elements that are not worth a loop of their own

Place = tuple[int, int]  # a group and a time in it: what two phases of one kernel read is kept in a row of temporaries


def dear_values(places: Sequence[tuple[Place, Task]], stored: dict[Value, int]) -> list[Value]:
    """Inlined values that are dear and computed at more than one place, or again and again along an outer axis.

    Operands are decided before what reads them, and what is chosen counts as read from then on: in a chain of values
    each of which is read in all later phases, every one that adds enough is stored.
    """
    visits = _Visits(places, stored)
    chosen = dict.fromkeys(value for _, task in places for value in _read_in_order(task, stored))
    known: dict[int, set[int]] = {}  # task -> numbers of its scalars that are chosen
    for value, tasks in visits.tasks.items():
        if value in chosen or not visits.is_repeated(value):
            continue
        scalar, read = tasks[0].visited[value], known.get(id(tasks[0]), ())
        extra = _loads_apart(scalar, tasks[0], read) if value in visits.along_outer else 0
        if weights(scalar, read) + extra >= (DEAR_ALONG if value in visits.along_outer else DEAR):
            best = visits.outermost(value)
            chosen[best] = None
            for task in visits.tasks[best]:
                known.setdefault(id(task), set()).add(task.visited[best].number)
    return list(chosen)


def _loads_apart(scalar: Scalar, task: Task, known: Collection[int]) -> int:
    """What loads cost more that jump from element to element of the innermost loop; those in ``known`` are read."""
    innermost, found = len(task.space) - 1, 0
    for s in walk([scalar]):
        if s.form == "load" and s.number not in known and s.data.index.coefficient(innermost) not in (0, 1):
            found += APART
    return found


def _read_in_order(task: Task, stored: Collection[Value]) -> list[Value]:
    """The operands of a loop in order that functions lead to, as they are before they are repeated along an axis."""
    size = product(task.space)
    if not _runs_in_order(task) or (isinstance(size, int) and size <= FEW):
        return []
    operands = task.node.inputs if isinstance(task.node.op.kind, Scan) else (task.source,)
    return [v for v in map(_before_repetition, operands) if _has_function(v, task, stored)]


def is_made_in_vectors(made: Task, reader: Task) -> bool:
    """Whether what the reader takes is better made in a loop before its own, in the same kernel."""
    return _runs_in_order(reader) and any(map(_is_function, made.visited.keys() | {made.value}))


def _runs_in_order(task: Task) -> bool:
    """Sums and extremes are taken in parts, for vectors; a product of parts could overflow where NumPy's does not.

    So it is taken in order, but for the blocks of one over all elements.
    """
    if task.kind == "fold":
        return (task.node.op.name == "prod" or is_index_fold(task)) and len(task.space) - 1 in task.reduced
    return task.kind in ("scan", "scatter", "compact")


def _is_function(value: Value) -> bool:
    node = value.node
    return node is not None and isinstance(node.op.kind, Pointwise) and node.op.cost >= DEAR


def _before_repetition(value: Value) -> Value:
    while value.node is not None and value.node.op.name == "broadcast_to":
        value = value.node.inputs[0]
    return value


def _has_function(value: Value, task: Task, stored: Collection[Value]) -> bool:
    """Whether what is inlined for the value has a function that is dear, such as an exponential."""
    stack, seen = [value], set[Value]()
    while stack:
        v = stack.pop()
        if v in seen or v in stored or v not in task.visited or v.node is None or _is_size_one(v):
            continue
        if _is_function(v):
            return True
        seen.add(v)
        stack.extend(v.node.inputs)
    return False


class _Visits:
    """Which tasks inline each value that is not stored, operands first; at which places; what reads it there."""

    def __init__(self, places: Sequence[tuple[Place, Task]], stored: dict[Value, int]):
        self.tasks: dict[Value, list[Task]] = {}
        self.places: dict[Value, set[Place]] = {}
        self.readers: dict[Value, set[Value]] = {}
        self.along_outer: set[Value] = set()
        for place, task in places:
            for value, scalar in task.visited.items():
                if value in stored:
                    continue
                self.tasks.setdefault(value, []).append(task)
                self.places.setdefault(value, set()).add(place)
                self._note_reader(value)
                if _repeats(scalar, len(task.space)) and not _is_size_one(value):
                    self.along_outer.add(value)
            self._note_reader(task.value)

    def _note_reader(self, value: Value) -> None:
        for operand in value.node.inputs if value.node is not None else ():
            self.readers.setdefault(operand, set()).add(value)

    def is_repeated(self, value: Value) -> bool:
        return _storable(value) and (len(self.places[value]) > 1 or value in self.along_outer)

    def outermost(self, value: Value) -> Value:
        """The last of the values that follow it one by one, each read only by the next, at the same places."""
        while len(readers := self.readers.get(value, set())) == 1:
            reader = next(iter(readers))
            if self.places.get(reader) != self.places[value] or reader.dims != value.dims or not _storable(reader):
                break
            value = reader
        return value


def _storable(value: Value) -> bool:
    node = value.node
    return node is not None and not isinstance(node.op.kind, Create | Movement) and value.type.is_float


def _is_size_one(value: Value) -> bool:
    return product(value.dims) == 1


def _repeats(scalar: Scalar, rank: int) -> bool:
    """Whether the scalar lacks an axis outside its innermost one, so that a loop would compute it again."""
    return bool(scalar.axes) and scalar.axes != frozenset(range(max(scalar.axes) + 1))
