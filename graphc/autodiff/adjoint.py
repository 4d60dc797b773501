"""Reverse mode: one joint graph that computes the outputs and the gradient by every marked parameter.

Inactive values get no adjoint, a missing cotangent is None, and zeros are never materialised on the way. The result is
a graph like any other: mark it again and differentiate it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from graphc.autodiff.equal_values import Rule
from graphc.autodiff.sweep import Reached, sweep
from graphc.autodiff.tape import with_tapes
from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import drop_dead
from graphc.ir.shapes import ShapeFacts
from graphc.ir.sizes import bound_sizes
from graphc.ir.types import ArrayType


def joint_vjp(
    graph: Graph, ops: Mapping[str, Op], seeds: Literal["params"] | None = None, vectors: Rule | None = None
) -> Graph:
    """The graph with one more output for each marked parameter: its gradient, of the parameter's dims and dtype.

    ``seeds=None``: the gradient of output 0, which must be a float scalar; it is seeded by 1, and other outputs pass
    through. ``seeds="params"``: one more parameter for each float output, its cotangent (``ct0``, ``ct1``, ... in
    order of the outputs). A parameter that nothing reaches gets zeros. ``vectors``: the rule of nodes that may meet
    equal eigenvalues, but those in loops and branches. Raises ``GradientError``.
    """
    if seeds is None:
        _check_scalar(graph)
    F = Builder(ops, ShapeFacts(graph.guards))
    for name, limit in bound_sizes(graph):
        F.facts.know_bound(name, limit)
    forward = with_tapes(F, graph, joint_region)
    reached, seed_params = _seed(Reached(F, vectors), forward.outputs, seeds)
    sweep(reached, forward)
    gradients = tuple(_gradient(F, reached, p) for p in graph.params if p.grad)
    params, outputs = graph.params + seed_params, (*forward.outputs, *gradients)
    return drop_dead(Graph(graph.name, params, tuple(F.nodes), outputs, graph.guards, graph.ints))


def joint_region(
    region: Graph, ops: Mapping[str, Op], facts: ShapeFacts, first: int, fresh: Collection[int] = ()
) -> Graph:
    """A region with its adjoint: as parameters also a cotangent of each marked output, and what has reached each
    marked parameter from number ``first`` on elsewhere, but for the ``fresh`` ones, which nothing has reached; as
    outputs also what has reached each marked parameter then.

    The new parameters stand after the old ones, those of the outputs first; the new outputs after the old ones.
    """
    F = Builder(ops, facts)
    forward = with_tapes(F, region, joint_region, region.params[1:first])
    reached = Reached(F)
    seeds = [Value(ArrayType(o.type.dtype, o.dims), name=f"ct{k}") for k, o in enumerate(region.outputs) if o.grad]
    later = [p for k, p in enumerate(region.params) if p.grad and k >= first and k not in fresh]
    bases = [Value(ArrayType(p.type.dtype, p.dims), name=f"sum{k}") for k, p in enumerate(later)]
    reached.total.update(zip(later, bases, strict=True))
    for output, seed in zip((o for o in forward.outputs if o.grad), seeds, strict=True):
        reached.add(output, seed)
    sweep(reached, forward)
    outputs = (*forward.outputs, *(reached.so_far(p) for p in region.params if p.grad))
    return drop_dead(Graph(region.name, (*region.params, *seeds, *bases), tuple(F.nodes), outputs))


def _check_scalar(graph: Graph) -> None:
    output = graph.outputs[0]
    location = output.node.location if output.node else None
    if output.dims != ():
        shape = ", ".join(map(str, output.dims)) + ("," if output.rank == 1 else "")
        message = f"grad needs a scalar output, and this one has shape ({shape}): sum it, or use graphc.vjp"
        raise GradientError(message, location=location)
    if not output.type.is_float:
        message = f"grad needs a floating output, and this one is {output.type.dtype}: it has no derivative"
        raise GradientError(message, location=location)


def _seed(reached: Reached, outputs: tuple[Value, ...], seeds: str | None) -> tuple[Reached, tuple[Value, ...]]:
    """Where the reverse sweep starts: 1 at output 0, or a new parameter at each float output."""
    if seeds is None:
        if outputs[0].grad:
            reached.add(outputs[0], reached.F.constant(1.0, ArrayType(outputs[0].type.dtype)))
        return reached, ()
    params: list[Value] = []
    for output in outputs:
        if output.type.is_float:
            seed = Value(ArrayType(output.type.dtype, output.dims), name=f"ct{len(params)}")
            params.append(seed)
            if output.grad:
                reached.add(output, seed)
    return reached, tuple(params)


def _gradient(F: Builder, reached: Reached, param: Value) -> Value:
    found = reached.total.get(param)
    return F.zeros(param.type) if found is None else found
