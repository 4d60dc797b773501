"""Batches of values with a derivative rule of the user's, and of calls of foreign functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphc.autodiff.lanes import Dense, Lane
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.rewrite import drop_dead
from graphc.ir.types import I64, ArrayType

if TYPE_CHECKING:
    from graphc.autodiff.batch import Batcher


def batch_custom(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> list[Lane]:
    """The lanes of a ``custom_rule``'s results: each differs between elements."""
    results, arguments, backward, forward, _ = node.attrs["counts"]
    first = results + arguments
    own = lanes[results:first]
    attrs = dict(node.attrs)
    if attrs["backward"] is not None:
        known = lanes[first : first + backward]
        attrs["backward"] = _batched(batcher, attrs["backward"], known, [own[k] for k in attrs["reached"]])
    if attrs["forward"] is not None:
        known = lanes[first + backward : first + backward + forward]
        given = [lane for lane, v in zip(own, node.inputs[results:first], strict=True) if v.type.is_float]
        attrs["forward"] = _batched(batcher, attrs["forward"], [*known, *given], [None] * len(attrs["forward"].outputs))
    inputs = [batcher.dense(lane) for lane in lanes[:results]]
    inputs += [lane if isinstance(lane, Value) else batcher.dense(lane) for lane in lanes[results:]]
    return [Dense(output) for output in batcher.F.raw(node.op, tuple(inputs), attrs).outputs]


def batch_foreign(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> list[Lane]:
    """A loop that calls the function for each element in turn."""
    F = batcher.F
    operands = tuple(lane if isinstance(lane, Value) else batcher.dense(lane) for lane in lanes)
    index = Value(ArrayType(I64), name="i")
    params = [Value(v.type, name=f"c{k}") for k, v in enumerate(operands)]
    R = Builder(F.ops, F.facts)
    own = []
    for lane, param, one in zip(lanes, params, node.inputs, strict=True):
        if isinstance(lane, Value):
            own.append(param)
            continue
        starts = (index, *(R.value(0) for _ in one.dims))
        block = R.read(param, *starts, steps=(1,) * param.rank, dims=(1, *one.dims))
        own.append(R.reshape(block, one.dims))
    results = R.raw(node.op, tuple(own), node.attrs).outputs
    region = Graph("each", (index, *params), tuple(R.nodes), results)
    attrs = {"carried": 0, "stacked": len(results), "trips": batcher.size, "reverse": False}
    return [Dense(output) for output in F.raw(F.ops["for"], operands, attrs, (region,)).outputs]


def _batched(batcher: Batcher, rule: Graph, known: Sequence[Lane], wanted: Sequence[Lane | None]) -> Graph:
    """The rule for all elements at once. Parameters beyond the known ones differ between elements.

    ``wanted``: where it is a shared value, the result is its cotangent, and the sum over the elements.
    """
    from graphc.autodiff.batch import Batcher

    inner = Batcher(Builder(batcher.F.ops, batcher.F.facts), batcher.size, sizes=batcher.sizes)
    lanes = [
        inner.parameter(param, "shared" if k < len(known) and isinstance(known[k], Value) else "batched")
        for k, param in enumerate(rule.params)
    ]
    outputs = []
    for lane, kind in zip(inner.run(rule, lanes), wanted, strict=True):
        value = inner.dense(lane)
        outputs.append(inner.F.reduce("sum", value, (0,)) if isinstance(kind, Value) else value)
    params = tuple(lane if isinstance(lane, Value) else inner.dense(lane) for lane in lanes)
    return drop_dead(Graph(rule.name, params, tuple(inner.F.nodes), tuple(outputs)))
