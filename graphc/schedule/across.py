"""Rows as vector lanes: kernels over many rows, each of which is small.

A batch of small problems (``vmap`` of a gradient by three parameters) has loops of a few elements in each of very many
rows. Vectors that run along a row are mostly empty, and the functions that a row computes once are scalar code. So the
rows of a *tile* run together, as lanes, inside of all other loops (``codegen.row_lanes``).

That rows are small is known from the guards of a program: ``vmap`` asks for it where the sizes at hand are.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from graphc.ir.dims import SMALL, Dim, Expr, symbol, symbols_of
from graphc.ir.graph import Graph
from graphc.ir.opdef import Reduce
from graphc.ir.shapes import ShapeFacts
from graphc.schedule.fuse import Group
from graphc.schedule.loopnest import Nest
from graphc.schedule.scalars import BLOCK_AXIS, Affine, Condition, walk
from graphc.schedule.tasks import Task, is_index_fold

MOST_PACKED = 6  # buffers of a kernel that are turned around for each tile: they share the first level of cache


class SmallSizes:
    """Which sizes of a graph its guards say to be small."""

    def __init__(self, graph: Graph):
        self._facts = ShapeFacts(graph.guards)
        self._known: dict[str, bool] = {}

    def __contains__(self, dim: object) -> bool:
        assert isinstance(dim, int | Expr)
        return dim <= SMALL if isinstance(dim, int) else all(map(self._is_small, symbols_of(dim)))

    def any(self) -> bool:
        """Whether a size that the program does not know is small."""
        names = {name for guard in self._facts.guards for name in symbols_of(guard.expr)}
        return any(map(self._is_small, names))

    def _is_small(self, name: str) -> bool:
        if name not in self._known:
            self._known[name] = self._facts.proves_at_least(SMALL, symbol(name))
        return self._known[name]


def runs_across(group: Group, space: Sequence[Dim], small: Container[Dim]) -> bool:
    """Whether the rows of a group over this space (its axes merged) are to be lanes: small rows, and many of them."""
    if group.lanes or len(space) < 2 or space[0] in small:
        return False
    return all(dim in small for dim in space[1:]) and all(_keeps_rows_apart(m.task) for m in group.members)


def packed_rows(nest: Nest, size_of: Callable[[int], Dim], small: Container[Dim]) -> dict[int, Dim]:
    """The buffers of which a row of the nest has a part of its own, a few elements, and the size of that part.

    A position inside the buffer for every row alike is inside the part of each row: ``i * size + rest`` with i from 0
    to the number of rows is only then neither negative nor beyond the end.
    """
    places: list[tuple[int, Affine, tuple[Condition, ...]]] = []
    for scalar in walk(nest.scalars()):
        if scalar.form == "load":
            places.append((scalar.data.buffer, scalar.data.index, scalar.data.conditions))
    for phase in nest.phases:
        places += [(store.buffer, store.index, ()) for store in phase.stores]
    found: dict[int, Dim] = {}
    for buffer in dict.fromkeys(buffer for buffer, _, _ in places):
        own = [(index, conditions) for b, index, conditions in places if b == buffer]
        size = own[0][0].coefficient(0)
        alike = all(i.coefficient(0) == size and BLOCK_AXIS not in i.axes for i, _ in own)
        inside = all(0 not in c.index.axes for _, conditions in own for c in conditions)
        whole = size_of(buffer) == nest.space[0] * size
        if size not in (0, 1) and alike and inside and whole and size in small and _is_short(size):
            found[buffer] = size
    return dict(list(found.items())[:MOST_PACKED])


def _is_short(size: Dim) -> bool:
    """Whether a size that is small is no product of such."""
    return isinstance(size, int) or any(size == symbol(name) for name in symbols_of(size))


def _keeps_rows_apart(task: Task) -> bool:
    """Whether rows may run in any order and at once; a fold over everything has the order of its blocks."""
    if task.kind in ("map", "place"):
        return True
    if task.kind != "fold" or not isinstance(task.node.op.kind, Reduce) or is_index_fold(task):
        return False
    return 0 not in task.reduced or len(task.reduced) == len(task.space)
