"""The forward part of a joint graph: loops that are differentiated save what their adjoints read.

A body and its adjoint are one joint graph, and a minimum cut over bytes divides it (``partition``): what crosses is
saved, one entry an iteration, stacked by the forward loop and read again by the backward one. What the backward part
can compute from the index, from captures and from what is saved anyway, it computes again. So a linear loop saves
nothing, and a loop that overwrites one element of an array saves an element, not the array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from graphc.autodiff.backward_loops import AgainPlan, BranchPlan, LoopPlan, Plan
from graphc.autodiff.estimate import number, size_bytes
from graphc.autodiff.partition import RegionSplit, split_region
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.regions import carried
from graphc.ir.rewrite import inline, with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType
from graphc.passes.pipeline import optimize_region

JointRegion = Callable[..., Graph]  # ``adjoint.joint_region``
Dear = frozenset[int]  # places of operands
PREFERENCE = 4  # an array that is saved whole once is better than as many bytes in entries, which take time


@dataclass(frozen=True)
class Forward:
    """``plans``: how the adjoint of each node with regions is made."""

    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    plans: Mapping[Node, Plan]


def with_tapes(F: Builder, graph: Graph, joint_region: JointRegion, states: Sequence[Value] = ()) -> Forward:
    """Append the graph's nodes to the builder's; loops that are differentiated save what their adjoints read.

    ``states``: the parameters that differ from one iteration to the next, where the graph is the body of a loop.
    """
    varying = set(states)
    new: dict[Value, Value] = {}
    plans: dict[Node, Plan] = {}
    for node in graph.nodes:
        if any(v in varying for v in node.inputs):
            varying.update(node.outputs)
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        outputs = current.outputs
        if current.regions and any(o.grad for o in current.outputs):
            with F.at(node.location):
                dear = frozenset(k for k, v in enumerate(node.inputs) if v in varying)
                current, plan = _MAKERS[node.op.name](F, current, joint_region, dear)
            plans[current] = plan
            outputs = current.outputs[: len(node.outputs)]
        else:
            F.nodes.append(current)
        new.update((a, b) for a, b in zip(node.outputs, outputs, strict=True) if a is not b)
    return Forward(tuple(F.nodes), tuple(new.get(v, v) for v in graph.outputs), plans)


def _tape_for(F: Builder, node: Node, joint_region: JointRegion, dear: Dear = frozenset()) -> tuple[Node, LoopPlan]:
    (body,) = node.regions
    parts = split_body(body, carried(node), F.ops, F.facts, joint_region, dear, node.attrs["trips"])
    attrs = {**node.attrs, "stacked": node.attrs["stacked"] + len(parts.saved)}
    taped = F.raw(node.op, node.inputs, attrs, (parts.forward,))
    for old, fresh in zip(node.outputs, taped.outputs, strict=False):
        fresh.grad = old.grad
    for fresh in taped.outputs[len(node.outputs) :]:
        fresh.grad = False
    return taped, LoopPlan(body, parts, len(node.outputs))


def split_body(
    body: Graph,
    count: int,
    ops: Mapping[str, Op],
    facts: ShapeFacts,
    joint_region: JointRegion,
    dear: Dear = frozenset(),
    trips: Dim = 1,
) -> RegionSplit:
    """The body of a loop, its index before the ``count`` values that it carries, with its adjoint, as two.

    ``dear``: the operands that a loop around this one has to save once for all of its ``trips``.
    """
    joint = optimize_region(joint_region(body, ops, facts, 1 + count), ops, facts)
    free = dict.fromkeys([joint.params[0], *joint.params[1 + count : len(body.params)]], 0)
    for k in dear:
        if k >= count:
            whole = number(size_bytes(joint.params[1 + k]), {})
            free[joint.params[1 + k]] = whole // (PREFERENCE * number(trips, {}))
    return split_region(joint, ops, facts, len(body.params), len(body.outputs), free)


def _tape_cond(F: Builder, node: Node, joint_region: JointRegion, dear: Dear) -> tuple[Node, Plan]:
    def joint(region: Graph, fresh: frozenset[int]) -> Graph:
        return optimize_region(joint_region(region, F.ops, F.facts, 0, fresh), F.ops, F.facts)

    F.nodes.append(node)
    return node, BranchPlan(joint)


def _tape_while(F: Builder, node: Node, joint_region: JointRegion, dear: Dear) -> tuple[Node, Plan]:
    """The loop counts its iterations; it runs again, as a ``for``, to save what its adjoint reads."""
    body = node.regions[1]
    counted, steps = _counted(F, node)
    size = F.facts.bound_symbol("trips")
    F.bind_size(steps, symbol=str(size))
    index = Value(ArrayType(I64), name="i")
    region = Graph(body.name, (index, *body.params), body.nodes, body.outputs)
    attrs = {"carried": carried(node), "stacked": 0, "trips": size, "reverse": False}
    types = [o.type for o in node.outputs]
    loop = Node(F.ops["for"], node.inputs, attrs, types, regions=(region,), location=node.location)
    for old, fresh, first in zip(node.outputs, loop.outputs, counted.outputs, strict=False):
        fresh.grad = first.grad = old.grad
    again, plan = _tape_for(F, loop, joint_region, dear)
    return counted, AgainPlan(again, plan)


def _counted(F: Builder, node: Node) -> tuple[Node, Value]:
    """The ``while``, with the number of its iterations as one more result."""
    condition, body = node.regions
    count = carried(node)
    R = Builder(F.ops, F.facts)
    steps = Value(ArrayType(I64), name="steps")
    results = inline(R, body, body.params)
    more: Value = R.add(steps, 1)
    params = (*body.params[:count], steps, *body.params[count:])
    counting = Graph(body.name, params, tuple(R.nodes), (*results[:count], more))
    own = condition.params
    asked = Graph(condition.name, (*own[:count], Value(steps.type), *own[count:]), condition.nodes, condition.outputs)
    inputs = (*node.inputs[:count], F.constant(0, ArrayType(I64)), *node.inputs[count:])
    counted = F.raw(node.op, inputs, {"carried": count + 1}, (asked, counting))
    return counted, counted.outputs[count]


_MAKERS = {"for": _tape_for, "while": _tape_while, "cond": _tape_cond, "checkpoint": _tape_cond}
