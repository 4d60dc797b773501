"""Limits of derivatives where eigenvalues or singular values are equal: see ``ops.equal_values`` for the idea."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.chain import Cotangents, fit
from graphc.autodiff.equal_values import CODES, unless
from graphc.autodiff.requires_grad import mark
from graphc.autodiff.tangent import jvp_graph
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import drop_dead, inline, with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.ir.sizes import is_binder
from graphc.ir.types import ArrayType
from graphc.ops.equal_values import any_of
from graphc.ops.spectral_limits import LIMITS, VALUES
from graphc.passes.facts import NumberFacts


class Limits:
    """Limits of the adjoint; where there is none, the program stops."""

    def pull_back(self, F: Builder, facts: NumberFacts, node: Node, cotangents: Cotangents) -> Cotangents:
        def along(outputs: tuple[Value, ...], direction: Value) -> tuple[Cotangents, Cotangents]:
            return moved_cotangents(F, node, cotangents, outputs, direction)

        g, absent = LIMITS[node.op.name](F, node, cotangents, along)
        return (unless(F, absent, CODES[node.op.name], fit(F, node, node.inputs[0], g)),)


def moved_cotangents(
    F: Builder, node: Node, cotangents: Cotangents, outputs: tuple[Value, ...], direction: Value
) -> tuple[Cotangents, Cotangents]:
    """What the node's cotangents are where its outputs are these, and their tangents where its values move."""
    wanted = [g for g in cotangents if g is not None]
    graph, captures = after(F, node, wanted)
    place = VALUES[node.op.name]
    marked = mark(graph, [k == place for k in range(len(graph.params))])
    made = inline(F, jvp_graph(marked, F.ops), [*outputs, *captures, direction])
    parts = iter(made[: len(wanted)]), iter(made[len(wanted) :])
    first, second = (tuple(None if g is None else next(part) for g in cotangents) for part in parts)
    return first, second


def after(F: Builder, node: Node, wanted: list[Value]) -> tuple[Graph, list[Value]]:
    """What is computed of the node's outputs for these values, as a graph by itself, and what else it reads.

    Its parameters are the node's outputs and then the captures. What binds a size is captured: the values are the same.
    """
    reached = set(node.outputs)
    for each in F.nodes:
        if any(v in reached for v in each.inputs) and not is_binder(each):
            reached.update(each.outputs)
    needed, nodes = set(wanted), []
    for each in reversed(F.nodes):
        if each is not node and any(o in needed and o in reached for o in each.outputs):
            nodes.append(each)
            needed.update(each.inputs)
    nodes.reverse()
    made = {o for each in nodes for o in each.outputs}
    captures = list(dict.fromkeys(
        v for v in (*(v for each in nodes for v in each.inputs), *wanted)
        if v not in made and v not in node.outputs
    ))  # fmt: skip
    params = {v: Value(v.type, name=f"a{k}") for k, v in enumerate((*node.outputs, *captures))}
    new, copies = dict(params), []
    for each in nodes:
        copied = with_inputs(each, tuple(new[v] for v in each.inputs))
        new.update(zip(each.outputs, copied.outputs, strict=True))
        copies.append(copied)
    outputs = tuple(new[v] for v in wanted)
    return Graph("after", tuple(params.values()), tuple(copies), outputs), captures


def limit_tangents(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """As ``jvp_graph``, with limits.

    The adjoint with limits is linear in the cotangents of the outputs, and its transpose is what takes tangents of the
    parameters to those of the outputs. It is found by differentiating the adjoint by these cotangents, at such as are
    as good as random, where every choice that it makes of their sizes is that of nearly all. A tangent is NaN where the
    gradient of such a sum of the outputs is.
    """
    joint = joint_vjp(graph, ops, "params", vectors=Limits())
    count, first = len(graph.params), len(graph.outputs)
    gradients = Graph(joint.name, joint.params, joint.nodes, joint.outputs[first:], joint.guards, joint.ints)
    marked = mark(drop_dead(gradients), [k >= count for k in range(len(joint.params))])
    back = joint_vjp(marked, ops, "params")
    F = Builder(ops, ShapeFacts(graph.guards))
    tangents = [Value(ArrayType(p.type.dtype, p.dims), name=f"t_{p.name}") for p in graph.params if p.grad]
    seeds = [as_random(F, p.type, float(k)) for k, p in enumerate(joint.params[count:])]
    found = inline(F, back, [*graph.params, *seeds, *tangents])
    pulled, moved = found[: len(tangents)], found[len(tangents) :]
    wrong = _any_nan(F, pulled)
    moved = [F.select(wrong, float("nan"), t) for t in moved]
    outputs = (*inline(F, graph, graph.params), *moved)
    return drop_dead(Graph(graph.name, (*graph.params, *tangents), tuple(F.nodes), outputs, graph.guards, graph.ints))


def _any_nan(F: Builder, values: list[Value]) -> Value:
    first, *rest = (any_of(F, F.isnan(v)) for v in values)
    for flag in rest:
        first = F.logical_or(first, flag)
    return first


def as_random(F: Builder, type_: ArrayType, shift: float) -> Value:
    """Numbers as good as random between -1 and 1 (of complex ones, both parts)."""
    real = type_.real_dtype
    phase = F.constant(1.7 + shift, ArrayType(real))
    for axis in range(type_.rank):
        place = F.add(F.cast(F.iota(dims=type_.dims, axis=axis), real), 1.0)
        phase = F.add(F.mul(phase, 1.618), F.mul(place, 12.9898 + 65.2432 * axis))
    parts = [F.sin(F.add(phase, float(k))) for k in range(2)]
    return F.complex(*parts) if type_.is_complex else parts[0]
