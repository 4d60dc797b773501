"""A recorded path as a graph: its steps are taken again, with symbols for sizes, through the compiler's builder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from graphc.autodiff.requires_grad import mark
from graphc.differentiate import differentiate
from graphc.ir.builder import Builder, finish
from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.rewrite import copy_node, drop_dead, resolve_dims
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ops.table import OPS
from graphc.tensors.functions.function import built
from graphc.tensors.functions.table import GRADIENT
from graphc.tensors.halves import rounded
from graphc.tensors.kinds import Kind
from graphc.tensors.recording import State
from graphc.trace.session import Vectors


class Replay:
    """``values``: what stands at each position of the path; ``params`` those that come from outside.

    ``wanted``: the positions that are read afterwards. ``vectors``: how gradients treat those of equal eigenvalues.
    """

    def __init__(self, state: State, wanted: Sequence[int], vectors: Vectors = "watched"):
        self.F = Builder(OPS, ShapeFacts(hints={}))
        self.params: list[Value] = []
        self.values: list[Value] = []
        path = state.path()
        self.wanted, self.vectors = wanted, vectors
        self.differentiates = any(s.step[0] is GRADIENT for s in path if not isinstance(s.step, Kind))
        for index, reached in enumerate(path):
            self.F.location = reached.location
            if isinstance(reached.step, Kind):
                self.values.append(self._param(reached.step))
            elif reached.step[0] is GRADIENT:
                self.values += self._stored(self._gradient(reached.step, path[index + 1 :]), reached.kinds)
            else:
                self.values += self._stored(self._function(reached.step), reached.kinds)
        self.kinds = [kind for reached in path for kind in reached.kinds]

    def graph(self) -> Graph:
        """The graph of the wanted values."""
        F = self.F
        outputs = [F.cast(self.values[p], self.kinds[p].dtype) for p in self.wanted]
        return resolve_dims(finish(self.F, "tensors", self.params, outputs), self.F.facts)

    def _param(self, kind: Kind) -> Value:
        facts = self.F.facts
        dims: list[Dim] = []
        for size in kind.shape:
            dims.append(size if size < 2 else facts.new_symbol(f"n{len(facts.hints or ())}", size, lower=2))
        value = Value(ArrayType(kind.spec.dtype, tuple(dims), kind.weak), name=f"x{len(self.params)}")
        self.params.append(value)
        return self.F.cast(value, kind.computed) if kind.is_half else value

    def _stored(self, values: Sequence[Value], kinds: Sequence[Kind]) -> list[Value]:
        """The values as they would be after they were stored."""
        return [rounded(self.F, v, k.dtype) if k.is_half else v for v, k in zip(values, kinds, strict=True)]

    def _function(self, step: Any) -> list[Value]:
        function, enabled, operands, statics = step
        given = [self._operand(x) for x in operands]
        cut = self.differentiates and not enabled
        return [self._own(value, given, cut) for value in built(self.F, function, given, statics)]

    def _own(self, value: Value, given: Sequence[Any], cut: bool) -> Value:
        """A value of its own for each position, through which no gradient flows where it is cut."""
        if not value.type.is_float:
            return value
        if cut:
            return self.F.stop_gradient(value)
        return self.F.positive(value) if any(value is x for x in given) else value

    def _operand(self, operand: Any) -> Any:
        if isinstance(operand, int):
            return self.values[operand]
        return None if operand is None else operand[0]

    # --- gradients ----------------------------------------------------------------------------------------------------

    def _gradient(self, step: Any, later: Sequence[State]) -> list[Value]:
        """The gradients by the positions after the roots and the seeds; see ``backward`` for the step.

        What lies between is replaced by the forward part of the joint graph, where it is read later.
        """
        from graphc.autodiff.equal_values import WatchedAgain
        from graphc.vector_rules import rule_of

        _, _, operands, (count,) = step
        given = [self._operand(x) for x in operands]
        roots, seeds, sources = given[:count], given[count : 2 * count], given[2 * count :]
        loss = self._loss(roots, seeds)
        inner = _between(self.F.nodes, sources, loss)
        made = {output for node in inner for output in node.outputs}
        kept = [p for p in sorted(self._read(later)) if p < len(self.values) and self.values[p] in made]
        graph, outer, marks = _cut_out(self.F, inner, sources, [loss, *(self.values[p] for p in kept)])
        again = any(not isinstance(s.step, Kind) and s.step[0] is GRADIENT for s in later)
        rule = WatchedAgain() if again else rule_of(self.vectors)
        joint, _ = differentiate(mark(graph, marks), OPS, vectors=rule)
        moved = self._inline(joint, outer)
        for position, value in zip(kept, moved[1:], strict=False):
            self.values[position] = value
        return moved[1 + len(kept) :]

    def _loss(self, roots: Sequence[Value], seeds: Sequence[Value | None]) -> Value:
        """The number whose gradient is wanted: the root itself, or the sum of the roots, each times its seed."""
        F = self.F
        if len(roots) == 1 and seeds[0] is None and not roots[0].rank:
            return roots[0]
        total: Value | None = None
        for root, seed in zip(roots, seeds, strict=True):
            part = root if seed is None else F.mul(root, F.cast(seed, root.type.dtype))
            part = F.reduce("sum", part, range(part.rank))
            total = part if total is None else F.add(total, part)
        assert total is not None
        return total

    def _read(self, later: Sequence[State]) -> set[int]:
        """The positions that are read after this step."""
        found = set(self.wanted)
        for state in later:
            if not isinstance(state.step, Kind):
                found.update(x for x in state.step[2] if isinstance(x, int))
        return found

    def _inline(self, graph: Graph, arguments: Sequence[Value]) -> list[Value]:
        new = dict(zip(graph.params, arguments, strict=True))
        for node in graph.nodes:
            outputs = copy_node(self.F, node, tuple(new[v] for v in node.inputs))
            for output in outputs:
                output.grad = False
            new.update(zip(node.outputs, outputs, strict=True))
        return [new[v] for v in graph.outputs]


def replayed(F: Builder, state: State, params: Sequence[Value]) -> list[Value]:
    """The steps of a path without gradients taken in ``F``; the value of each position. ``params`` came in."""
    values: list[Value] = []
    given = iter(params)
    for reached in state.path():
        if isinstance(reached.step, Kind):
            values.append(next(given))
            continue
        function, enabled, operands, statics = reached.step
        found = [values[x] if isinstance(x, int) else x if x is None else x[0] for x in operands]
        with F.at(reached.location):
            made = built(F, function, found, statics)
            made = tuple([rounded(F, v, k.dtype) if k.is_half else v for v, k in zip(made, reached.kinds, strict=True)])
            values += [v if enabled or not v.type.is_float else F.stop_gradient(v) for v in made]
    return values


def _between(nodes: Iterable[Node], sources: Sequence[Value], root: Value) -> list[Node]:
    """The nodes on differentiable paths from the sources to the root; none that leads to a source."""
    nodes, stops = list(nodes), set(sources)
    reached = set(sources)
    forward = []
    for node in nodes:
        if node.op.differentiable and any(v in reached for v in node.inputs):
            reached.update(o for o in node.outputs if o.type.is_float)
            forward.append(node)
    needed, found = {root} - stops, []
    for node in reversed(forward):
        if any(o in needed for o in node.outputs):
            found.append(node)
            needed.update(v for v in node.inputs if v in reached and v not in stops)
    return found[::-1]


def _cut_out(
    F: Builder, inner: Sequence[Node], sources: Sequence[Value], outputs: Sequence[Value]
) -> tuple[Graph, list[Value], list[bool]]:
    """The inner nodes as a graph; the values that its parameters stand for, the sources first; which are sources."""
    made = {output for node in inner for output in node.outputs} - set(sources)
    read = (*(v for node in inner for v in node.inputs), *outputs)
    outer = list(dict.fromkeys((*sources, *(v for v in read if v not in made))))
    marks = [k < len(sources) for k in range(len(outer))]
    new = {value: Value(value.type, name=value.name or f"c{k}") for k, value in enumerate(outer)}
    params = tuple(new.values())
    builder = Builder(OPS, F.facts)
    for node in inner:
        copies = copy_node(builder, node, tuple(new[v] for v in node.inputs))
        new.update((old, copy) for old, copy in zip(node.outputs, copies, strict=True) if old not in new)
    guards = F.facts.final_guards()
    graph = Graph("tensors", params, tuple(builder.nodes), tuple(new[v] for v in outputs), guards)
    return drop_dead(resolve_dims(graph, F.facts)), outer, marks
