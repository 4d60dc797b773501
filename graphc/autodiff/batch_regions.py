"""Batching of loops and branches.

``for``     one loop for the whole batch; what it carries is dense where an iteration makes it so. Where the number of
            iterations differs, all do the largest, and each element keeps what it has after its last.
``while``   where its condition is shared, the same. Else it runs until all elements are done; those that are keep what
            they carry, since each iteration selects.
``checkpoint``  its region, for the whole batch.
``cond``    where its flag is shared, one branch runs. Else both do, and each element selects.

An element that is done, or is in the other branch, computes with what it has, and the result is thrown away. It must
not read outside of an array meanwhile, nor loop for ever: it reads at position 0, and its inner loops end at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.autodiff.batch import Batcher
from graphc.autodiff.lanes import Dense, Lane, along
from graphc.errors import UnsupportedError
from graphc.ir.builder import Builder
from graphc.ir.dims import symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.regions import carried, own_params
from graphc.ir.types import BOOL, I64, ArrayType


def batch_regions(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> list[Lane]:
    """The lanes of the outputs of a node with regions."""
    lanes = [lane if isinstance(lane, Value) else Dense(batcher.dense(lane)) for lane in lanes]
    if node.op.name == "checkpoint":
        return _again(batcher, node, lanes)
    if node.op.name == "cond":
        flag = lanes[0]
        return _one_branch(batcher, node, lanes) if isinstance(flag, Value) else _both_branches(batcher, node, lanes)
    counts = batcher.own_length(node)
    if counts is not None:
        return _loop_of_own_length(batcher, node, lanes, counts)
    is_dense = _settled(batcher, node, lanes)
    if node.op.name == "while":
        condition = _Region(batcher, node.regions[0], is_dense)
        if batcher.mask is not None or isinstance(condition.results[0], Dense):
            return _until_all_are_done(batcher, node, lanes)
    return _loop(batcher, node, lanes, is_dense)


# --- regions ----------------------------------------------------------------------------------------------------------


class _Region:
    """A region being batched: parameters of its own, dense or shared, then the mask where there is one.

    ``capture``: the dtype of one more parameter over the batch, which the caller uses. Where that is bool, it is the
    mask in place of the one outside.
    """

    def __init__(
        self,
        batcher: Batcher,
        graph: Graph,
        is_dense: Sequence[bool],
        *,
        capture: np.dtype | None = None,
        run: bool = True,
    ):
        size = batcher.size
        require_no_own_sizes(batcher, graph)
        self.name = graph.name
        self.lanes: list[Lane] = []
        self.params: list[Value] = []
        for param, dense in zip(graph.params, is_dense, strict=True):
            dims = (size, *param.dims) if dense else param.dims
            fresh = Value(ArrayType(param.type.dtype, dims, param.type.weak and not dense), param.grad, param.name)
            self.params.append(fresh)
            self.lanes.append(Dense(fresh) if dense else fresh)
        dtype = BOOL if capture is None and batcher.mask is not None else capture
        own = None if dtype is None else Value(ArrayType(dtype, (size,)), name="elements")
        self.captures: tuple[Value, ...] = () if own is None else (own,)
        mask = own if dtype == BOOL else None
        self.batcher = Batcher(Builder(batcher.F.ops, batcher.F.facts), size, mask, sizes=batcher.sizes)
        self.results = self.batcher.run(graph, self.lanes) if run else []

    def finished(self, outputs: Sequence[Value]) -> Graph:
        return Graph(self.name, (*self.params, *self.captures), tuple(self.batcher.F.nodes), tuple(outputs))

    def graph(self, is_dense: Sequence[bool]) -> Graph:
        """The batched region, with these of its outputs dense."""
        pairs = zip(self.results, is_dense, strict=True)
        return self.finished([self.batcher.dense(r) if dense else _shared(r) for r, dense in pairs])


def require_no_own_sizes(batcher: Batcher, graph: Graph) -> None:
    """Raise where a region computes with a size that differs between elements."""
    for node in graph.nodes if batcher.counts else ():
        sizes = [d for d in (node.attrs.get("dim"), node.attrs.get("trips")) if d is not None]
        if any(symbols_of(d) & batcher.counts.keys() for d in sizes):
            message = "vmap: a loop inside a loop whose number of iterations differs from element to element"
            raise UnsupportedError(message, location=node.location)
        for region in node.regions:
            require_no_own_sizes(batcher, region)


def _shared(lane: Lane) -> Value:
    assert isinstance(lane, Value)
    return lane


def _operands(batcher: Batcher, lanes: Sequence[Lane], is_dense: Sequence[bool]) -> list[Value]:
    pairs = zip(lanes, is_dense, strict=True)
    return [batcher.dense(lane) if dense else _shared(lane) for lane, dense in pairs]


def _mask(batcher: Batcher) -> tuple[Value, ...]:
    return () if batcher.mask is None else (batcher.mask,)


def _dense_results(results: Sequence[Lane]) -> list[bool]:
    return [not isinstance(lane, Value) for lane in results]


# --- loops ------------------------------------------------------------------------------------------------------------


def _settled(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> list[bool]:
    """Which operands are dense when the loop has run on: a carried one becomes so where an iteration makes it so."""
    is_dense = [not isinstance(lane, Value) for lane in lanes]
    body, count = node.regions[-1], carried(node)
    while True:
        given = [*(False,) * own_params(node), *is_dense]
        region = _Region(batcher, body, given)
        after = _dense_results(region.results)
        grown = [k for k in range(count) if after[k] and not is_dense[k]]
        if not grown:
            return is_dense
        for k in grown:
            is_dense[k] = True


def _loop(batcher: Batcher, node: Node, lanes: Sequence[Lane], is_dense: Sequence[bool]) -> list[Lane]:
    """The loop with batched regions; a ``while`` with a shared condition has no mask."""
    F, count = batcher.F, carried(node)
    given = [*(False,) * own_params(node), *is_dense]
    body = _Region(batcher, node.regions[-1], given)
    after = [*is_dense[:count], *_dense_results(body.results)[count:]]
    conditions = [_Region(batcher, region, is_dense).graph([False]) for region in node.regions[:-1]]
    inputs = (*_operands(batcher, lanes, is_dense), *_mask(batcher))
    outputs = F.raw(node.op, inputs, node.attrs, (*conditions, body.graph(after))).outputs
    return _loop_lanes(F, outputs, after, count)


def _loop_lanes(F: Builder, outputs: Sequence[Value], is_dense: Sequence[bool], count: int) -> list[Lane]:
    """What is stacked has one entry an iteration, each with the batch in front: the batch goes before those."""
    found: list[Lane] = []
    for k, (output, dense) in enumerate(zip(outputs, is_dense, strict=True)):
        if k >= count and dense:
            output = F.transpose(output, (1, 0, *range(2, output.rank)))  # noqa: PLW2901
        found.append(Dense(output) if dense else output)
    return found


def _loop_of_own_length(batcher: Batcher, node: Node, lanes: Sequence[Lane], counts: Value) -> list[Lane]:
    """A loop in which element k counts for the first ``counts[k]`` iterations."""
    F, count = batcher.F, carried(node)
    is_dense = [*(True,) * count, *(not isinstance(lane, Value) for lane in lanes[count:])]
    body = _Region(batcher, node.regions[0], [False, *is_dense], capture=I64, run=False)
    inner, own = body.batcher, body.captures[0]
    inner.mask = inner.F.lt(body.params[0], own)
    inner.kept = {v: v for v in body.params[1 : count + 1]}
    stepped = inner.run(node.regions[0], body.lanes)
    before = body.lanes[1 : count + 1]
    pairs = zip(before, stepped, strict=False)
    kept = [_chosen(inner, inner.mask, new, old) for old, new in pairs]
    nothing = [inner.F.zeros(o.type) for o in node.regions[0].outputs[count:]]
    stacked = [_chosen(inner, inner.mask, new, zero) for new, zero in zip(stepped[count:], nothing, strict=True)]
    if batcher.mask is not None:
        counts = F.select(batcher.mask, counts, 0)
    inputs = (*_operands(batcher, lanes, is_dense), counts)
    outputs = F.raw(node.op, inputs, node.attrs, (body.finished([*kept, *stacked]),)).outputs
    return _loop_lanes(F, outputs, [True] * len(outputs), count)


def _until_all_are_done(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> list[Lane]:
    """Carries also which elements go on: (carried..., go on, captures...)."""
    F, count = batcher.F, carried(node)
    condition, body = node.regions
    is_dense = [*(True,) * count, *(not isinstance(lane, Value) for lane in lanes[count:])]
    state: list[Lane] = [Dense(batcher.dense(lane)) for lane in lanes[:count]]
    first = _going_on(batcher, condition, [*state, *lanes[count:]])
    whole = _Region(batcher, body, is_dense, capture=BOOL, run=False)
    inner, active = whole.batcher, whole.captures[0]
    before, captures = whole.lanes[:count], whole.lanes[count:]
    inner.kept = {v: v for v in whole.params[:count]}
    stepped = inner.run(body, whole.lanes)
    pairs = zip(before, stepped, strict=True)
    after = [_chosen(inner, active, new, old) for old, new in pairs]
    on = _going_on(inner, condition, [*(Dense(v) for v in after), *captures])
    params = (*whole.params[:count], active, *whole.params[count:])
    new_body = Graph(body.name, params, tuple(inner.F.nodes), (*after, on))
    asked = _Region(batcher, body, is_dense, capture=BOOL, run=False)
    any_left = asked.batcher.F.reduce("any", asked.captures[0], (0,))
    asked_params = (*asked.params[:count], *asked.captures, *asked.params[count:])
    new_condition = Graph(condition.name, asked_params, tuple(asked.batcher.F.nodes), (any_left,))
    operands = _operands(batcher, [*state, *lanes[count:]], is_dense)
    inputs = (*operands[:count], first, *operands[count:])
    attrs = {**node.attrs, "carried": count + 1}
    outputs = F.raw(node.op, inputs, attrs, (new_condition, new_body)).outputs
    return [Dense(output) for output in outputs[:count]]


def _going_on(batcher: Batcher, condition: Graph, lanes: Sequence[Lane]) -> Value:
    """Which elements begin another iteration."""
    (found,) = batcher.run(condition, lanes)
    asked = batcher.dense(found)
    return asked if batcher.mask is None else batcher.F.logical_and(asked, batcher.mask)


def _chosen(batcher: Batcher, flags: Value, yes: Lane, no: Lane) -> Value:
    """For each element one of two; the first, where that is the second but for writes by the flags."""
    a, b = batcher.dense(yes), batcher.dense(no)
    if flags is batcher.mask and batcher.kept.get(a) is b:
        return a
    return batcher.F.select(along(batcher.F, flags, a), a, b)


# --- branches ---------------------------------------------------------------------------------------------------------


def _one_branch(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> list[Lane]:
    flag, *captures = lanes
    is_dense = [not isinstance(lane, Value) for lane in captures]
    regions = [_Region(batcher, region, is_dense) for region in node.regions]
    either = [any(pair) for pair in zip(*(_dense_results(r.results) for r in regions), strict=True)]
    inputs = (_shared(flag), *_operands(batcher, captures, is_dense), *_mask(batcher))
    outputs = batcher.F.raw(node.op, inputs, node.attrs, tuple(r.graph(either) for r in regions)).outputs
    return [Dense(output) if dense else output for output, dense in zip(outputs, either, strict=True)]


def _again(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> list[Lane]:
    is_dense = [not isinstance(lane, Value) for lane in lanes]
    region = _Region(batcher, node.regions[0], is_dense)
    after = _dense_results(region.results)
    inputs = (*_operands(batcher, lanes, is_dense), *_mask(batcher))
    outputs = batcher.F.raw(node.op, inputs, node.attrs, (region.graph(after),)).outputs
    return [Dense(output) if dense else output for output, dense in zip(outputs, after, strict=True)]


def _both_branches(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> list[Lane]:
    F, (flag, *captures) = batcher.F, lanes
    flags = batcher.dense(flag)
    sides, results = [], []
    for region, takes in zip(node.regions, (flags, F.logical_not(flags)), strict=True):
        mask = takes if batcher.mask is None else F.logical_and(takes, batcher.mask)
        side = Batcher(F, batcher.size, mask, sizes=batcher.sizes)
        side.counts.update(batcher.counts)
        side.kept = {lane.value: lane.value for lane in captures if isinstance(lane, Dense)}
        sides.append(side)
        results.append(side.run(region, captures))
    found: list[Lane] = []
    for yes, no in zip(*results, strict=True):
        written = _written_by_one(batcher, sides, yes, no)
        found.append(written or (yes if yes is no else Dense(_chosen(batcher, flags, yes, no))))
    return found


def _written_by_one(batcher: Batcher, sides: Sequence[Batcher], yes: Lane, no: Lane) -> Lane | None:
    """Where a branch only writes into what the other gives back, what has been written, for all elements."""
    for side, mine, other in zip(sides, (yes, no), (no, yes), strict=True):
        if isinstance(mine, Dense) and isinstance(other, Dense) and side.kept.get(mine.value) is other.value:
            if other.value in batcher.kept:
                batcher.kept[mine.value] = batcher.kept[other.value]
            return mine
    return None
