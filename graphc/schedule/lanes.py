"""Sums over a short inner axis, with vector lanes along the axis outside of it.

``sum((x[:, None, :] - y[None, :, :]) ** 2, axis=2)`` has its longest contiguous loop over the coordinates: three in a
simulation of bodies, ten in a clustering. A loop so short is mostly overhead. So for each row (a point of x) the lanes
run along the axis before it (the points of y), and the coordinates are the loop outside: the sums of a row are an array
that stays in cache. What is read across the lanes, like y, is the same for all rows, and is copied once, transposed.

A group of tasks in this form has three levels: a row, the *lanes* of a row, and the elements (lanes times the short
axis). ``LaneShaper`` brings the phases of elements into shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from graphc.ir.dims import Dim, product
from graphc.ir.opdef import Reduce
from graphc.schedule.loopnest import Fold, Nest, Phase, Store, storing_nest
from graphc.schedule.lower import linear
from graphc.schedule.scalars import BLOCK_AXIS, Affine, Scalar, Scalars, walk
from graphc.schedule.tasks import Task, is_index_fold, weights

CHEAP = 2  # operations of a scalar of the lanes up to which it is computed again for each element


def opens_lanes(task: Task) -> bool:
    """Whether the task is a fold over a last axis whose lanes should run along the axis before it."""
    inner = len(task.space) - 1
    if task.kind != "fold" or inner < 2 or task.reduced != {inner} or not runs_in_lanes(task, inner - 1):
        return False
    return any(load.data.index.coefficient(inner - 1) not in (0, 1) for load in _loads(task)) and _is_sum(task)


def _is_sum(task: Task) -> bool:
    return task.node.op.name == "sum" and task.source.type.is_float


def fits_lanes(task: Task, lane: int, rank: int) -> bool:
    """Whether a task may join a group whose lanes run along axis ``lane`` of ``rank`` axes."""
    level = len(task.space) - lane
    if level not in (0, 1, 2) or not task.space or len(task.space) > rank:
        return False
    if task.kind == "map":
        return level < 2
    reduced = task.reduced
    if task.kind != "fold" or not isinstance(task.node.op.kind, Reduce) or is_index_fold(task):
        return False
    everything, rows = len(reduced) == len(task.space), reduced <= set(range(lane)) and 0 in reduced
    if level < 2:
        return everything or rows or (level == 1 and reduced == {lane})
    kept_well = everything or rows or reduced in ({lane}, {lane, lane + 1}) or (reduced == {lane + 1} and _is_sum(task))
    return kept_well and runs_in_lanes(task, lane)


def runs_in_lanes(task: Task, lane: int) -> bool:
    """Whether what the task reads lies along the lanes, or can be copied so that it does, for several rows at once."""
    scalars = walk(task.visited.values())
    if any(s.form == "holds" for s in scalars):
        return False
    for load in (s for s in scalars if s.form == "load"):
        position = load.data.index
        along = position.coefficient(lane) in (0, 1)
        if load.data.conditions or load.args or (not along and position.axes >= set(range(lane))):
            return False
    return True


def _loads(task: Task) -> list[Scalar]:
    return [s for s in walk(task.visited.values()) if s.form == "load"]


def zero_where(scalar: Scalar, inner: int) -> Scalar | None:
    """A scalar that does not vary along the inner axis, is often 0, and makes this one 0 wherever it is.

    Such is the gradient of a minimum: all but one of the cotangents of a row are zero.
    """
    if scalar.form != "apply" or scalar.dtype not in ("f64", "f32"):
        return None
    if scalar.data.op == "select":
        is_zero = scalar.args[2].form == "literal" and float(scalar.args[2].data) == 0.0
        return scalar if is_zero and inner not in scalar.axes else None
    if scalar.data.op in ("neg", "guarded_mul"):
        return zero_where(scalar.args[0], inner)
    return None


class LaneShaper:
    """Rewrites the phases over (short axis, lanes) of one nest.

    What a phase computes for a lane alone is kept for the loops over the short axis, in an array; what it reads across
    lanes is read from a transposed copy. After it, ``packs`` holds the nests that make those copies.
    """

    def __init__(self, nest: Nest, scalars: Scalars, new_buffer: Callable[[str, Dim], int], blocks: Dim):
        self.nest, self.scalars, self.new_buffer, self.blocks = nest, scalars, new_buffer, blocks
        self.lane, self.inner = nest.row, nest.row + 1
        self.packs: list[Nest] = []
        self._packed: dict[tuple[int, Affine], tuple[int, Affine]] = {}

    def shape(self, lanes: Phase, after: Phase, elements: Phase) -> None:
        """``lanes`` and ``after``, which reads its folds, run before ``elements``, once for each lane."""
        known: dict[int, Scalar] = {}
        at_hand = {(store.buffer, store.index): store.scalar for store in lanes.stores}
        made = {fold.key for fold in lanes.folds}

        def visit(scalar: Scalar) -> Scalar | None:
            if scalar.form == "load":
                return self._packed_load(scalar)
            if self.lane in scalar.axes and self.inner not in scalar.axes and weights(scalar) > CHEAP:
                if any(s.form == "folded" and s.data in made for s in walk([scalar])):
                    return self._kept(scalar, after)
                return self._kept(self.scalars.rebuilt(scalar, reload, {}), lanes)
            return None

        def reload(scalar: Scalar) -> Scalar | None:
            return at_hand.get((scalar.data.buffer, scalar.data.index)) if scalar.form == "load" else None

        def shaped(fold: Fold) -> Fold:
            return replace(fold, scalar=self.scalars.rebuilt(fold.scalar, visit, known))

        elements.stores = [replace(s, scalar=self.scalars.rebuilt(s.scalar, visit, known)) for s in elements.stores]
        elements.folds = [shaped(fold) for fold in elements.folds]
        elements.totals = [replace(t, fold=shaped(t.fold)) for t in elements.totals]
        elements.lanes = [replace(lane, fold=shaped(lane.fold)) for lane in elements.lanes]

    def _kept(self, scalar: Scalar, lanes: Phase) -> Scalar:
        size = self.nest.space[self.lane]
        buffer = self.new_buffer(scalar.dtype, self.blocks * size)
        position = Affine.make(0, [(BLOCK_AXIS, size), (self.lane, 1)])
        lanes.stores.append(Store(buffer, position, scalar))
        return self.scalars.reload(scalar.dtype, buffer, position)

    def _packed_load(self, scalar: Scalar) -> Scalar:
        buffer, index = scalar.data.buffer, scalar.data.index
        if index.coefficient(self.lane) in (0, 1):
            return scalar
        if (buffer, index) not in self._packed:
            self._packed[buffer, index] = self._pack(scalar)
        return self.scalars.reload(scalar.dtype, *self._packed[buffer, index])

    def _pack(self, scalar: Scalar) -> tuple[int, Affine]:
        index = scalar.data.index
        axes = sorted(index.axes)
        space = tuple(self.nest.space[a] for a in axes)
        packed = self.new_buffer(scalar.dtype, product(space))
        target = lanes_last(self.nest.space, axes, self.lane)
        own = {axis: k for k, axis in enumerate(axes)}
        source = self.scalars.reload(scalar.dtype, scalar.data.buffer, renamed(index, own))
        self.packs.append(storing_nest(space, Store(packed, renamed(target, own), source)))
        return packed, target


def lanes_last(space: Sequence[Dim], axes: Sequence[int], lane: int) -> Affine:
    """The position in an array of these axes in which the lanes are the last."""
    order = [a for a in axes if a != lane] + [lane] * (lane in axes)
    return linear([space[a] for a in order], [Affine.axis(a) for a in order])


def renamed(position: Affine, names: Mapping[int, int]) -> Affine:
    return Affine.make(position.offset, [(names[a], c) for a, c in position.terms])
