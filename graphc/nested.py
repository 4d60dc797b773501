"""A compiled function that is called while a trace is active: traced into a graph of its own, transformed, inlined.

Values of the outer trace that the inner function reads, as arguments or through closures, are parameters of the inner
graph; those that are not differentiated arguments are unmarked. So gradients of gradients never confuse their levels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc import pytree
from graphc.autodiff.requires_grad import mark
from graphc.differentiate import (
    Differentiated,
    check_scalar,
    differentiate,
    differentiated,
    float_constant,
    gradients_template,
    leaf_marks,
    split_aux,
)
from graphc.errors import SideEffectError
from graphc.ir.builder import finish
from graphc.ir.graph import Graph, Value
from graphc.ir.rewrite import copy_node, drop_dead, resolve_dims
from graphc.ir.types import ArrayType
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.trace.arguments import ArgumentLeaf, ArgumentWalk, handed_to
from graphc.trace.location import user_location
from graphc.trace.paths import Paths
from graphc.trace.record import Constant, output_leaves, value_in_the_end
from graphc.trace.rewrite import prepare
from graphc.trace.session import Session, current, recording
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.target import Target, argument_names
from graphc.trace.values import TracedValue, unwrap, wrap
from graphc.trace.writes import restore
from graphc.transform import Transform
from graphc.vector_rules import rule_in

if TYPE_CHECKING:
    from graphc.function import CompiledFunction


@dataclass(frozen=True)
class Inner:
    """An inner trace. ``graph``'s parameters take the values ``outer`` of the session around it.

    ``marks``: which parameters are differentiated, or are one element of a batch. ``out``: the result, with ``Output``
    and ``Constant`` leaves. ``kept``: traced arrays of the outer session that were written into, and the number of the
    output that each of them is afterwards.
    """

    graph: Graph
    outer: tuple[Value, ...]
    marks: tuple[bool, ...]
    leaf_marks: tuple[bool, ...]
    arguments: tuple[ArgumentLeaf, ...]
    out: Any
    kept: tuple[tuple[Any, int], ...] = ()

    def keep(self, values: Sequence[Value]) -> None:
        """Give what was written into its new value; ``values``: the outputs in the outer session."""
        for traced, index in self.kept:
            traced.assign(values[index])


def call_nested(function: CompiledFunction, session: Session, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The call as part of the active trace; the result holds traced arrays of ``session``."""
    return call_transformed(session, function._target, function._transform, args, kwargs, int(function._is_method))


def call_transformed(
    session: Session,
    target: Target,
    transform: Transform,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    offset: int,
) -> Any:
    """What the transform makes of the target, called as part of the active trace; ``offset``: 1 before a ``self``."""
    if transform.staged:
        return call_staged(session, target, transform, args, kwargs, offset)
    if transform.kind == "linearize":
        from graphc.nested_modes import call_linearize

        return call_linearize(session, target, args)
    if transform.kind == "vjp":
        from graphc.nested_modes import call_vjp

        return call_vjp(session, target, transform, args, kwargs)
    if not transform.differentiates:
        inner = trace_inner(session, target, args, kwargs, Differentiated((), single=False), keeps=True)
        values = inline(session, optimize(inner.graph, OPS), inner.outer)
        inner.keep(values)
        return result(session, inner.out, values)
    wanted = differentiated(transform, target, len(args), list(kwargs), offset)
    inner = trace_inner(session, target, args, kwargs, wanted, keeps=True)
    return _differentiate(session, target, transform, wanted, inner, [*args, *kwargs.values()])


class Staged:
    """What a trace runs in place of a function that is to be transformed inside it."""

    graphc_takes_frozen = True

    def __init__(self, target: Target, transform: Transform, offset: int):
        self.target, self.transform, self.offset = target, transform, offset
        self.__wrapped__ = target.original  # for the signature

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        session = current()
        assert session is not None
        return call_transformed(session, self.target, self.transform, args, kwargs, self.offset)


def staged(target: Target, transform: Transform, offset: int) -> Target:
    """The transformed function as a target of its own."""
    return Target(Staged(target, transform, offset), target.function, target.name, target.location, target.owner)


def call_staged(
    session: Session,
    target: Target,
    transform: Transform,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    offset: int,
) -> Any:
    """The call of a function under a transform that works inside a trace."""
    from graphc.nested_batch import call_vmap
    from graphc.nested_jacobian import call_hessian, call_hvp, call_jacobian

    calls = {"vmap": call_vmap, "jacobian": call_jacobian, "hessian": call_hessian, "hvp": call_hvp}
    return calls[transform.kind](session, target, transform, args, kwargs, offset)


def _differentiate(
    session: Session,
    target: Target,
    transform: Transform,
    wanted: Differentiated,
    inner: Inner,
    arguments: Sequence[Any],
) -> Any:
    value, aux = split_aux(transform, inner.out, target)
    hints = session.F.facts.hints or {}
    graph, value = float_constant(inner.graph, value, OPS)
    index = check_scalar(transform, value, graph, target, hints).index
    joint, _ = differentiate(mark(_in_front(graph, index), inner.marks), OPS, vectors=rule_in(session))
    count = len(graph.outputs)
    moved = inline(session, joint, inner.outer)
    order = [index, *(i for i in range(count) if i != index)]
    values = [moved[order.index(i)] for i in range(count)]
    inner.keep(values)
    template = gradients_template(arguments, wanted, inner.leaf_marks, 0)
    gradients = result(session, template, moved[count:])
    head = result(session, value, values)
    rest = result(session, aux, values)
    if transform.kind == "grad":
        return (gradients, rest) if transform.has_aux else gradients
    return ((head, rest) if transform.has_aux else head), gradients


def _in_front(graph: Graph, index: int) -> Graph:
    outputs = (graph.outputs[index], *(v for i, v in enumerate(graph.outputs) if i != index))
    return Graph(graph.name, graph.params, graph.nodes, outputs, graph.guards, graph.ints)


def trace_inner(
    session: Session,
    target: Target,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Differentiated,
    *,
    strict: bool = True,
    keeps: bool = False,
) -> Inner:
    """Trace the function for these arguments in a session nested in ``session``.

    ``strict``: a wanted argument that cannot be differentiated is an error, else it has no gradient. ``keeps``: the
    caller calls ``keep`` of what this gives, once the outputs have their values.
    """
    leaves = argument_leaves(target, args, kwargs)
    marks = leaf_marks([_known(argument) for argument in leaves], wanted.positions, target, strict=strict)
    child = session_below(session, target, session.derivatives + int(any(marks)))
    child.keeps = keeps and session.keeps
    return trace_leaves(child, target, args, kwargs, leaves, marks)


def session_below(session: Session, target: Target, derivatives: int) -> Session:
    """A session for tracing the target in ``session``, of whose graph so many derivatives will be taken."""
    child = Session(OPS, target.name, parent=session, wrap=session.wrap)
    child.derivatives = derivatives
    return child


def argument_leaves(target: Target, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Sequence[ArgumentLeaf]:
    names = argument_names(target, len(args), list(kwargs))
    leaves = ArgumentWalk(Paths(), [*args, *kwargs.values()], names).leaves
    session = current()
    frozen = {} if session is None else session.frozen
    for leaf in leaves:
        leaf.frozen = leaf.frozen or id(leaf.leaf) in frozen
    return leaves


def trace_leaves(
    child: Session,
    target: Target,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    leaves: Sequence[ArgumentLeaf],
    marks: Sequence[bool],
    batches: Mapping[int, Value] = {},
) -> Inner:
    """Trace the function in the session, marked leaves being parameters to differentiate by, or an element of a batch.

    ``batches``: for a leaf that is to be an element, all of the batch, along the leading axis.
    """
    session = child.parent
    assert session is not None
    _, spec = pytree.flatten((tuple(args), dict(kwargs)))
    session.F.location = location = user_location()
    outer, param_marks, seen = [], [], []
    for index, (argument, is_marked) in enumerate(zip(leaves, marks, strict=True)):
        leaf = argument.leaf
        if is_marked or isinstance(leaf, TracedValue | np.ndarray):
            whole = batches.get(index)
            value = session.F.value(unwrap(session, leaf)) if whole is None else whole
            type_ = value.type if whole is None else ArrayType(whole.type.dtype, whole.dims[1:])
            param = child.new_param(type_, argument.name)
            if whole is None:
                child.origins[param] = value
            outer.append(value)
            param_marks.append(is_marked)
            seen.append(child.wrap(child, param))
        else:
            seen.append(leaf)
    inner_args, inner_kwargs = pytree.unflatten(spec, handed_to(target, leaves, seen))
    with recording(child):
        out_spec, outputs, values = output_leaves(child, prepare(target.original)(*inner_args, **inner_kwargs))
        kept = _kept(child, leaves, seen, values)
    session.F.location = location
    outer += child.imports
    param_marks += [False] * len(child.imports)
    graph = drop_dead(resolve_dims(finish(child.F, target.name, child.params, values), child.F.facts))
    out = pytree.unflatten(out_spec, outputs)
    return Inner(graph, tuple(outer), tuple(param_marks), tuple(marks), tuple(leaves), out, kept)


def _kept(
    child: Session, leaves: Sequence[ArgumentLeaf], seen: Sequence[Any], values: list[Value]
) -> tuple[tuple[Any, int], ...]:
    """The outer tensors that the function wrote into, as arguments or otherwise, which have their old values again;
    the new ones are added to ``values``."""
    arguments = {id(traced): leaf for leaf, traced in zip(leaves, seen, strict=True) if leaf.of_tensor}
    kept = []
    for traced, before, value in list(child.written.values()):
        leaf = arguments.get(id(traced))
        if leaf is None and before is child:
            continue
        if not child.keeps:
            name = "a tensor" if leaf is None else f"its argument {leaf.name}"
            raise SideEffectError(
                f"{child.name} writes into {name}, under a transform that runs it for several arguments at once, or "
                "more than once: write into a clone() of it, and return that",
                location=user_location(),
            )
        kept.append((traced if leaf is None else leaf.leaf, len(values)))
        values.append(value_in_the_end(child, traced))
        if leaf is None:
            restore(traced, before, value)
    for view, state in reversed(child.moved_views):
        view.session, view.source, view.seen, view.cached = state
    return tuple(kept)


def _known(argument: ArgumentLeaf) -> ArgumentLeaf:
    """The leaf as ``leaf_marks`` judges it: a symbolic size is an int."""
    if not isinstance(argument.leaf, SymbolicInt):
        return argument
    return ArgumentLeaf(0, argument.argument, argument.path, argument.name, argument.frozen, argument.whole, False)


def inline(session: Session, graph: Graph, arguments: Sequence[Value]) -> list[Value]:
    """Append the graph's nodes to the session's, its parameters replaced by ``arguments``; the outputs."""
    new = dict(zip(graph.params, arguments, strict=True))
    for node in graph.nodes:
        outputs = copy_node(session.F, node, tuple(new[v] for v in node.inputs))
        for output in outputs:
            output.grad = False
        new.update(zip(node.outputs, outputs, strict=True))
    return [new[v] for v in graph.outputs]


def result(session: Session, template: Any, values: Sequence[Value]) -> Any:
    """The template with traced arrays and constants in place of its leaves."""
    return pytree.tree_map(_filler(session, values), template)


def _filler(session: Session, values: Sequence[Value]) -> Callable[[Any], Any]:
    def fill(leaf: Any) -> Any:
        if isinstance(leaf, Constant):
            return leaf.value
        value = values[leaf.index]
        if leaf.as_int and value.node is not None and value.node.op.name == "dim":
            return wrap(session, value.node.attrs["dim"])
        return wrap(session, value)

    return fill
