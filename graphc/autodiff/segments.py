"""Long loops in segments of which only the beginning is saved: what their adjoints read is computed again.

    for i in range(n)        ->      for s in range(ceil(n / every))
        body                             checkpoint
                                             for j in range(min(every, n - s * every))
                                                 body, i = s * every + j

The outer loop saves the state at the beginning of each segment. Its adjoint runs the segment again, which saves what
its own adjoint reads, in memory that the segments share. So every iteration runs twice forward, and once backward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.autodiff.adjoint import joint_region
from graphc.autodiff.requires_grad import mark
from graphc.autodiff.tape import split_body
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, ceildiv, dim_min, product
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.regions import carried
from graphc.ir.rewrite import inline
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType


def checkpointed(F: Builder, region: Graph, operands: Sequence[Value]) -> tuple[Value, ...]:
    """What the region gives for these operands, computed again in the adjoint."""
    return F.raw(F.ops["checkpoint"], tuple(operands), {}, (region,)).outputs


def in_segments(F: Builder, node: Node, inputs: Sequence[Value], every: int) -> Sequence[Value]:
    """The loop, appended to ``F`` over these inputs, in segments of so many iterations; its results."""
    return _for(F, node, inputs, every) if node.op.name == "for" else _while(F, node, inputs, every)


def state_bytes(node: Node) -> Dim:
    """What the loop carries from one iteration to the next, which a segment saves."""
    total: Dim = 0
    for value in node.inputs[: carried(node)]:
        total = total + product(value.dims) * value.type.dtype.itemsize
    return total


def entry_bytes(node: Node, ops: Mapping[str, Op], facts: ShapeFacts) -> Dim:
    """What an iteration of a ``for`` saves at most: as if all that it reads were differentiated."""
    body = node.regions[0]
    marked = mark(body, [p.type.is_float for p in body.params])
    parts = split_body(marked, carried(node), ops, facts, joint_region)
    total: Dim = 0
    for value in parts.forward.outputs[len(body.outputs) :]:
        total = total + product(value.dims) * value.type.dtype.itemsize
    return total


# --- for --------------------------------------------------------------------------------------------------------------


def _fresh(values: Sequence[Value], name: str) -> list[Value]:
    return [Value(ArrayType(v.type.dtype, v.dims), name=f"{name}{k}") for k, v in enumerate(values)]


def _for(F: Builder, node: Node, inputs: Sequence[Value], every: int) -> Sequence[Value]:
    (body,) = node.regions
    count, trips = carried(node), node.attrs["trips"]
    segments = ceildiv(trips, every)
    state, captures = _fresh(inputs[:count], "c"), _fresh(inputs[count:], "x")
    stacks = _fresh(node.outputs[count:], "stack")
    s = Value(ArrayType(I64), name="s")
    O = Builder(F.ops, F.facts)  # noqa: E741 - a builder, as F is one
    O.location = node.location
    number = F.facts.bound_symbol("segment", segments - 1)
    O.bind_size(s, symbol=str(number), limit=segments - 1)
    first = O.mul(s, every)
    length = every if isinstance(trips, int) and trips % every == 0 else dim_min(every, trips - number * every)
    segment = _segment(F, node, body, length, first)
    results = checkpointed(O, segment, [*state, *captures, first])
    written = [
        O.update(stack, entries, first, *(O.value(0) for _ in entries.dims[1:]), steps=(1,) * stack.rank)
        for stack, entries in zip(stacks, results[count:], strict=True)
    ]
    region = Graph(body.name, (s, *state, *stacks, *captures), tuple(O.nodes), (*results[:count], *written))
    empty = [F.zeros(stack.type) for stack in stacks]
    attrs = {**node.attrs, "carried": count + len(stacks), "stacked": 0, "trips": segments}
    outer = F.raw(node.op, (*inputs[:count], *empty, *inputs[count:]), attrs, (region,))
    return outer.outputs


def _segment(F: Builder, node: Node, body: Graph, length: Dim, first: Value) -> Graph:
    """(carried..., captures..., the number of the first iteration) -> (carried..., stacked...)."""
    params = _fresh(body.params[1:], "c")
    begin, j = Value(first.type, name="first"), Value(ArrayType(I64), name="j")
    inner = _fresh(body.params[1:], "c")
    own = Value(first.type, name="first")
    B = Builder(F.ops, F.facts)
    B.location = node.location
    outputs = inline(B, body, [B.add(own, j), *inner])
    region = Graph(body.name, (j, *inner, own), tuple(B.nodes), tuple(outputs))
    S = Builder(F.ops, F.facts)
    S.location = node.location
    loop = S.raw(node.op, (*params, begin), {**node.attrs, "trips": length}, (region,))
    return Graph("segment", (*params, begin), tuple(S.nodes), loop.outputs)


# --- while ------------------------------------------------------------------------------------------------------------


def _while(F: Builder, node: Node, inputs: Sequence[Value], every: int) -> Sequence[Value]:
    condition, body = node.regions
    segment = _bounded(F, node, every)
    B = Builder(F.ops, F.facts)
    B.location = node.location
    params = _fresh(body.params, "c")
    results = checkpointed(B, segment, params)
    region = Graph(body.name, tuple(params), tuple(B.nodes), results)
    return F.raw(node.op, tuple(inputs), node.attrs, (condition, region)).outputs


def _bounded(F: Builder, node: Node, every: int) -> Graph:
    """The loop for at most so many iterations: it carries their number, too."""
    condition, body = node.regions
    count = carried(node)
    asked, stepped = (_fresh(region.params, "c") for region in (condition, body))
    numbers = [Value(ArrayType(I64), name="steps") for _ in range(2)]
    A, B, S = (Builder(F.ops, F.facts) for _ in range(3))
    (goes_on,) = inline(A, condition, asked)
    flag = A.logical_and(goes_on, A.lt(numbers[0], every))
    test = Graph(condition.name, (*asked[:count], numbers[0], *asked[count:]), tuple(A.nodes), (flag,))
    after = [*inline(B, body, stepped), B.add(numbers[1], 1)]
    step = Graph(body.name, (*stepped[:count], numbers[1], *stepped[count:]), tuple(B.nodes), tuple(after))
    S.location = node.location
    params = _fresh(body.params, "c")
    zero = S.constant(0, ArrayType(I64))
    loop = S.raw(node.op, (*params[:count], zero, *params[count:]), {"carried": count + 1}, (test, step))
    return Graph("segment", tuple(params), tuple(S.nodes), loop.outputs[:count])
