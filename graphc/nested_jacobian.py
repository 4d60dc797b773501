"""``jacobian``, ``hessian`` and ``hvp`` as part of an active trace: derivatives along a whole basis at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphc import pytree
from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.batch import Role, batch_graph
from graphc.autodiff.prune import prune
from graphc.autodiff.requires_grad import mark
from graphc.differentiate import differentiated, float_constant, gradients_template, split_aux, with_outputs
from graphc.errors import GradientError
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Graph, Value
from graphc.ir.types import ArrayType
from graphc.nested import Inner, argument_leaves, inline, result, staged, trace_inner
from graphc.nested_modes import call_jvp
from graphc.ops.custom import only_mode
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.trace.location import user_location
from graphc.trace.record import Constant, Output
from graphc.trace.session import Session
from graphc.trace.target import Target
from graphc.transform import Mode, Transform
from graphc.vector_rules import rule_in, tangents_in


def call_jacobian(
    session: Session,
    target: Target,
    transform: Transform,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    offset: int,
) -> Any:
    """The Jacobian of the target at these arguments: in the structure of its result, and in each leaf of that in the
    structure of the differentiated arguments."""
    wanted = differentiated(transform, target, len(args), list(kwargs), offset)
    inner = trace_inner(session, target, args, kwargs, wanted)
    value, aux = split_aux(transform, inner.out, target)
    graph, leaves, spec = _outputs(inner, value, target)
    rows = [leaf.index for leaf in leaves if _is_float(graph, leaf)]
    columns = [position for position, is_marked in enumerate(inner.marks) if is_marked]
    mode = transform.mode
    if not transform.holomorphic:
        mode = _mode_of_complex(graph, rows, columns, mode, target)
    if mode == "auto":
        mode = _cheaper(session, graph, rows, columns)
    derive = _forward if mode == "fwd" else _reverse
    blocks = derive(session, inner, graph, rows, columns)
    template = gradients_template([*args, *kwargs.values()], wanted, inner.leaf_marks, 0)
    parts = []
    for leaf in leaves:
        is_row = _is_float(graph, leaf)
        parts.append(result(session, template, [blocks[leaf.index, c] for c in columns]) if is_row else None)
    derivative = pytree.unflatten(spec, parts)
    if not transform.has_aux:
        return derivative
    return derivative, result(session, aux, inline(session, optimize(graph, OPS), inner.outer))


def call_hessian(
    session: Session,
    target: Target,
    transform: Transform,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    offset: int,
) -> Any:
    """Forward over reverse: the Jacobian of the gradient, or of the Jacobian of what is no scalar."""
    positions = differentiated(transform, target, len(args), list(kwargs), offset).positions
    leaves = [leaf for leaf in argument_leaves(target, args, kwargs) if leaf.argument in positions]
    if leaves and all(leaf.frozen or leaf.quiet for leaf in leaves):  # the gradient is None, which has no Jacobian
        return call_jacobian(session, target, dataclasses.replace(transform, kind="jacobian"), args, kwargs, offset)
    inner = staged(target, dataclasses.replace(transform, kind="jacobian", mode="rev"), offset)
    outer = dataclasses.replace(transform, kind="jacobian", mode="fwd")
    return call_jacobian(session, inner, outer, args, kwargs, offset)


def call_hvp(
    session: Session,
    target: Target,
    transform: Transform,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    offset: int,
) -> Any:
    """The derivative of the gradient along a direction, which stands behind the differentiated argument."""
    assert isinstance(transform.argnums, int)
    place = transform.argnums + offset
    if len(args) < place + 2:
        message = (
            f"hvp: {target.name} is called with argument {place - offset}, then a direction like it, then the rest"
        )
        raise GradientError(message, location=user_location())
    primals = (*args[: place + 1], *args[place + 2 :])
    tangents = tuple(
        args[place + 1] if position == place else pytree.tree_map(lambda _: None, argument)
        for position, argument in enumerate(primals)
    )
    gradient = staged(target, Transform("grad", transform.argnums), offset)
    return call_jvp(session, gradient, primals, tangents, kwargs)[1]


# --- blocks: one output by one parameter ------------------------------------------------------------------------------

Blocks = dict[tuple[int, int], Value]


def _outputs(inner: Inner, value: Any, target: Target) -> tuple[Graph, list[Any], pytree.TreeSpec]:
    """The graph with the constant floats of the result as outputs too, and the result's leaves and structure."""
    graph, (leaves, spec) = inner.graph, pytree.flatten(value)
    for position, leaf in enumerate(leaves):
        graph, leaves[position] = float_constant(graph, leaf, OPS)
    if not any(_is_float(graph, leaf) for leaf in leaves):
        message = f"jacobian: nothing that {target.name} returns is floating, so it has no derivative"
        raise GradientError(message, location=target.location)
    return graph, leaves, spec


def _is_float(graph: Graph, leaf: Output | Constant) -> bool:
    return isinstance(leaf, Output) and graph.outputs[leaf.index].type.is_float


def _mode_of_complex(graph: Graph, rows: Sequence[int], columns: Sequence[int], mode: Mode, target: Target) -> Mode:
    """The mode in which unit arrays are all the directions that there are: complex numbers have another one, i.

    Raises ``GradientError`` where neither is.
    """
    complex_rows = any(graph.outputs[r].type.is_complex for r in rows)
    complex_columns = any(graph.params[c].type.is_complex for c in columns)
    needed: Mode = "fwd" if complex_rows else "rev" if complex_columns else mode
    both = complex_rows and complex_columns
    if both or mode not in ("auto", needed):
        how = "complex results of complex arguments" if both else f"complex, in mode {mode!r}"
        message = (
            f"the Jacobian of {target.name}, {how}: say holomorphic=True if it is, else take the real and the "
            "imaginary part as arguments or results of their own"
        )
        raise GradientError(message, location=target.location)
    return needed


def _cheaper(session: Session, graph: Graph, rows: Sequence[int], columns: Sequence[int]) -> Mode:
    """Where there are fewer directions to go in, or outputs to come from.

    Of as many, the outputs: their rows lie in memory as the result has them. But what loops do, reverse mode saves.
    A rule of the user's own may be for one mode alone.
    """
    only = only_mode(graph)
    if only is not None:
        return "fwd" if only == "fwd" else "rev"
    facts = session.F.facts
    directions = _total(graph.params[c] for c in columns)
    results = _total(graph.outputs[r] for r in set(rows))
    if facts.is_bound(directions) or facts.is_bound(results):
        return "fwd"
    more = 0 if any(node.regions for node in graph.nodes) else 1
    return "fwd" if facts.at_least(results, directions + more) else "rev"


def _total(values: Iterable[Value]) -> Dim:
    total: Dim = 0
    for value in values:
        total = total + product(value.dims)
    return total


def _forward(session: Session, inner: Inner, graph: Graph, rows: Sequence[int], columns: Sequence[int]) -> Blocks:
    """Column by column: the tangents of all outputs along the unit arrays of one parameter."""
    blocks: Blocks = {}
    chosen = with_outputs(graph, rows)
    for c in columns:
        param = graph.params[c]
        primal, _ = prune(optimize(mark(chosen, [k == c for k in range(len(graph.params))]), OPS))
        tangents = with_outputs(tangents_in(session, primal), range(len(rows), 2 * len(rows)))
        for r, moved in zip(rows, _along_basis(session, tangents, inner.outer, param.type), strict=True):
            value, dims = moved, graph.outputs[r].dims
            if param.rank:
                value = session.F.transpose(moved, [*range(1, moved.rank), 0])
            blocks[r, c] = session.F.reshape(value, (*dims, *param.dims))
    return blocks


def _reverse(session: Session, inner: Inner, graph: Graph, rows: Sequence[int], columns: Sequence[int]) -> Blocks:
    """Row by row: the gradients by all parameters of each element of one output."""
    blocks: Blocks = {}
    for r in set(rows):
        output = graph.outputs[r]
        primal, _ = prune(optimize(mark(with_outputs(graph, [r]), inner.marks), OPS))
        joint = joint_vjp(primal, OPS, "params", vectors=rule_in(session))
        gradients = with_outputs(joint, range(1, len(joint.outputs)))
        for c, found in zip(columns, _along_basis(session, gradients, inner.outer, output.type), strict=True):
            blocks[r, c] = session.F.reshape(found, (*output.dims, *graph.params[c].dims))
    return blocks


def _along_basis(session: Session, graph: Graph, outer: Sequence[Value], type_: ArrayType) -> list[Value]:
    """The graph's outputs where its last parameter is each unit array of this type in turn, along a leading axis.

    A scalar has one unit, and needs no axis.
    """
    F = session.F
    if not type_.dims:
        return inline(session, optimize(graph, OPS), [*outer, F.constant(1.0, ArrayType(type_.dtype))])
    roles: list[Role] = ["shared"] * len(outer)
    size = product(type_.dims)
    batched, flags = batch_graph(optimize(graph, OPS), OPS, [*roles, "basis"], size, F.facts.hints)
    values = inline(session, optimize(batched, OPS), outer)
    return [
        v if is_batched else F.broadcast_to(v, (size, *v.dims)) for v, is_batched in zip(values, flags, strict=True)
    ]
