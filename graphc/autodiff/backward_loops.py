"""Adjoints of loops and branches: the loop back, which reads what the forward one saved.

Cotangents of carried values are carried. What reaches a capture is carried too, beginning with what has reached it from
elsewhere, so that a read inside the loop is added to it in place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.regions import carried, lead
from graphc.ir.rewrite import inline
from graphc.ir.types import I64, ArrayType

if TYPE_CHECKING:
    from graphc.autodiff.partition import RegionSplit
    from graphc.autodiff.sweep import Reached


class Plan(Protocol):
    """How cotangents go back through one node with regions."""

    def pull_back(self, reached: Reached, node: Node) -> None: ...


def strong(type_: ArrayType) -> ArrayType:
    return ArrayType(type_.dtype, type_.dims)


def like(values: Sequence[Value], name: str) -> list[Value]:
    """Parameters of a region for these operands."""
    return [Value(strong(v.type), name=f"{name}{k}") for k, v in enumerate(values)]


def entry(F: Builder, stacked: Value, i: Value) -> Value:
    """What a loop stacked in iteration i."""
    rest = stacked.dims[1:]
    starts = [i, *(F.value(0) for _ in rest)]
    block = F.read(stacked, *starts, steps=(1,) * stacked.rank, dims=(1, *rest))
    return F.reshape(block, rest)


class _Bases:
    """What has reached the marked captures of a node: the beginning of what is carried back."""

    def __init__(self, reached: Reached, captures: Sequence[Value]):
        self.reached, self.captures = reached, captures
        seen: set[Value] = set()
        self.values = []
        for value in captures:
            self.values.append(reached.F.zeros(value.type) if value in seen else reached.so_far(value))
            seen.add(value)

    def replace(self, results: Sequence[Value]) -> None:
        seen: set[Value] = set()
        for value, total in zip(self.captures, results, strict=True):
            if value in seen:
                self.reached.add(value, total)
            else:
                self.reached.total[value] = total
            seen.add(value)


@dataclass(frozen=True)
class LoopPlan:
    """``body``: as it was before it saved; ``results``: the loop's outputs before what it saves."""

    body: Graph
    parts: RegionSplit
    results: int

    def pull_back(self, reached: Reached, node: Node) -> None:
        F, count = reached.F, carried(node)
        params = self.body.params[1:]
        passed = self._passed_by(F, node)
        states = [k for k in range(count) if params[k].grad or self.body.outputs[k].grad or k in passed]
        bases = _Bases(reached, [v for v, p in zip(node.inputs[count:], params[count:], strict=True) if p.grad])
        back = [reached.so_far(node.outputs[k]) for k in states] + bases.values
        tapes = node.outputs[self.results :]
        stacked = [k for k in range(count, self.results) if self.body.outputs[k].grad]
        free = [node.inputs[k] for k in self.parts.free if k is not None]
        captures = [*tapes, *(reached.so_far(node.outputs[k]) for k in stacked), *free]
        region = self._region(F, node, states, stacked, back, captures)
        attrs = {**node.attrs, "carried": len(back), "stacked": 0, "reverse": not node.attrs["reverse"]}
        results = F.raw(node.op, (*back, *captures), attrs, (region,)).outputs
        bases.replace(results[len(states) :])
        for k, g in zip(states, results, strict=False):
            if params[k].grad or k in passed:
                reached.add(node.inputs[k], g)

    def _passed_by(self, F: Builder, node: Node) -> set[int]:
        """The states that an iteration overwrites unread, where the loop may not run: they come out as they went in."""
        low = F.facts.lower_bound(node.attrs["trips"])
        if low is not None and low >= 1:
            return set()
        params = self.body.params[1:]
        return {k for k in range(carried(node)) if node.inputs[k].grad and node.outputs[k].grad and not params[k].grad}

    def _region(
        self,
        F: Builder,
        node: Node,
        states: Sequence[int],
        stacked: Sequence[int],
        back: Sequence[Value],
        captures: Sequence[Value],
    ) -> Graph:
        """The body of the loop back: (i, cotangents..., bases..., tapes..., stacked cotangents..., captures...)."""
        R = Builder(F.ops, F.facts)
        R.location = F.location
        i = Value(ArrayType(I64), name="i")
        given, outside = like(back, "ct"), like(captures, "s")
        tapes = len(node.outputs) - self.results
        saved = [entry(R, tape, i) for tape in outside[:tapes]]
        late = [entry(R, tape, i) for tape in outside[tapes : tapes + len(stacked)]]
        rest = iter(outside[tapes + len(stacked) :])
        free = [i if k is None else next(rest) for k in self.parts.free]
        by_state = dict(zip(states, given, strict=False))
        seeds = [by_state[k] for k in range(carried(node)) if self.body.outputs[k].grad] + late
        arguments = [*saved, *free, *seeds, *given[len(states) :]]
        found = iter(inline(R, self.parts.backward, arguments))
        params = self.body.params[1:]  # a state that an iteration makes and none reads: its last cotangent counts alone
        before = [next(found) if params[k].grad else R.zeros(given[n].type) for n, k in enumerate(states)]
        return Graph(f"{node.regions[0].name}_back", (i, *given, *outside), tuple(R.nodes), (*before, *found))


@dataclass(frozen=True)
class AgainPlan:
    """``again``: the loop that runs once more to save; what reaches the results of the first run is for it."""

    again: Node
    plan: LoopPlan

    def pull_back(self, reached: Reached, node: Node) -> None:
        for first, second in zip(node.outputs, self.again.outputs, strict=False):
            if first in reached.total:
                reached.total[second] = reached.total[first]
        self.plan.pull_back(reached, self.again)


@dataclass(frozen=True)
class BranchPlan:
    """``joint(branch, fresh)``: a branch with its adjoint, which computes again what it needs of the branch that was
    taken; its ``fresh`` parameters are those that no cotangent has reached before. A checkpoint has one branch."""

    joint: Callable[[Graph, frozenset[int]], Graph]

    def pull_back(self, reached: Reached, node: Node) -> None:
        F = reached.F
        captures = node.inputs[lead(node) :]
        marked = [k for k in range(len(captures)) if any(r.params[k].grad for r in node.regions)]
        wanted = [k for k, o in enumerate(node.outputs) if any(r.outputs[k].grad for r in node.regions)]
        first = {captures[k]: k for k in reversed(marked)}  # an operand may come twice, and be marked once
        fresh = frozenset(k for k in marked if first[captures[k]] < k or reached.total.get(captures[k]) is None)
        bases = _Bases(reached, [captures[k] for k in marked])
        known = [base for k, base in zip(marked, bases.values, strict=True) if k not in fresh]
        operands = [*captures, *(reached.so_far(node.outputs[k]) for k in wanted), *known]
        regions = [
            _branch_back(F, branch, self.joint(branch, fresh), operands, wanted, marked, fresh)
            for branch in node.regions
        ]
        inputs = (*node.inputs[: lead(node)], *operands)
        bases.replace(F.raw(node.op, inputs, {}, tuple(regions)).outputs)


def _branch_back(
    F: Builder,
    branch: Graph,
    joint: Graph,
    operands: Sequence[Value],
    wanted: Sequence[int],
    marked: Sequence[int],
    fresh: Collection[int],
) -> Graph:
    """(captures..., cotangents of results..., bases...) -> what has then reached each marked capture."""
    R = Builder(F.ops, F.facts)
    R.location = F.location
    params = like(operands, "x")
    captures = params[: len(branch.params)]
    seeds = dict(zip(wanted, params[len(captures) :], strict=False))
    later = [k for k in marked if k not in fresh]
    bases = dict(zip(later, params[len(captures) + len(wanted) :], strict=True))
    arguments = [*captures, *(seeds[k] for k, o in enumerate(branch.outputs) if o.grad)]
    arguments += [bases[k] for k, p in enumerate(branch.params) if p.grad and k in bases]
    found = iter(inline(R, joint, arguments)[len(branch.outputs) :])
    totals = {k: next(found) for k, p in enumerate(branch.params) if p.grad}
    outputs = tuple(totals[k] if k in totals else bases[k] if k in bases else R.zeros(captures[k].type) for k in marked)
    return Graph(f"{branch.name}_back", tuple(params), tuple(R.nodes), outputs)
