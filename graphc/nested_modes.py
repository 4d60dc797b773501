"""``vjp``, ``jvp`` and ``linearize`` as part of an active trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc import pytree
from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.partition import Split, split
from graphc.autodiff.prune import prune
from graphc.autodiff.requires_grad import mark
from graphc.differentiate import Differentiated, gradients_template, split_aux
from graphc.errors import GradientError
from graphc.ir.graph import Graph, Value
from graphc.linear_map import tangent_leaves, tangent_template
from graphc.nested import Inner, inline, result, trace_inner
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.pullback import cotangents_by_output
from graphc.trace.location import user_location
from graphc.trace.session import Session, current, hint_of
from graphc.trace.target import Target, make_target
from graphc.trace.values import alive, unwrap
from graphc.transform import Transform
from graphc.vector_rules import rule_in, tangents_in


def call_vjp(
    session: Session, target: Target, transform: Transform, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """``(out, pullback)`` of the function at these arguments, both part of the active trace."""
    wanted = Differentiated(tuple(range(len(args))), single=False)
    inner = trace_inner(session, target, args, kwargs, wanted, strict=False, keeps=True)
    value, aux = split_aux(transform, inner.out, target)
    count = len(inner.graph.outputs)
    primal, _ = prune(optimize(mark(inner.graph, inner.marks), OPS))
    joint = optimize(joint_vjp(primal, OPS, "params", vectors=rule_in(session)), OPS)
    parts = split(joint, OPS, len(inner.graph.params), count, session.F.facts.hints)
    values = inline(session, parts.forward, inner.outer)
    inner.keep(values)
    residuals = values[count : count + len(parts.residuals)]
    template = gradients_template([*args, *kwargs.values()], wanted, inner.leaf_marks, 0)
    pullback = NestedPullback(session, inner, value, parts, (tuple(values[:count]), tuple(residuals)), template)
    out = result(session, value, values)
    return (out, pullback, result(session, aux, values)) if transform.has_aux else (out, pullback)


class NestedPullback:
    """``pullback(cotangent)`` inside a trace."""

    def __init__(
        self,
        session: Session,
        inner: Inner,
        out: Any,
        parts: Split,
        values: tuple[tuple[Value, ...], tuple[Value, ...]],
        template: Any,
    ):
        self._session, self._inner, self._out, self._parts, self._template = session, inner, out, parts, template
        self._outputs, self._residuals = values

    def __call__(self, cotangent: Any) -> Any:
        session = self._session
        here = current()
        if here is not session:  # an inner function's trace: the values become parameters of its graph
            if here is None:
                alive(session.wrap(session, self._outputs[0]))
            assert here is not None
            residuals = [here.import_value(session, value) for value in self._residuals]
            session = here
        else:
            residuals = list(self._residuals)
        given = cotangents_by_output(self._out, cotangent)
        seeds = []
        for index, (value, output) in enumerate(zip(self._inner.graph.outputs, self._outputs, strict=True)):
            if value.type.is_float:
                seeds.append(seed_value(session, given.get(index), output))
        gradients = inline(session, self._parts.backward, [*residuals, *seeds])
        return result(session, self._template, gradients)


def seed_value(session: Session, cotangent: Any, like: Value) -> Value:
    """A cotangent or tangent as a value of the dtype and dims of another. Raises ``GradientError``."""
    F = session.F
    F.location = user_location()
    if cotangent is None:
        return F.zeros(like.type)
    value = F.value(unwrap(session, cotangent))
    if value.type.is_complex and not like.type.is_complex:
        message = f"the tangent or cotangent of a {like.type.dtype} value is real; this one is {value.type.dtype}"
        raise GradientError(message, location=F.location)
    value = F.cast(value, like.type.dtype)
    facts = F.facts
    if value.rank != like.rank or not all(map(facts.equal, value.dims, like.dims)):
        wanted, given = (tuple(d if facts.is_bound(d) else hint_of(session, d) for d in v.dims) for v in (like, value))
        raise GradientError(
            f"a tangent or cotangent must have the shape of its value, {wanted}; this one has {given}",
            location=F.location,
        )
    return value


class JvpOf:
    """The function ``(primals, tangents) -> (out, tangent of out)``; always called inside a trace."""

    graphc_takes_frozen = True

    def __init__(self, function: Callable[..., Any]):
        self.differentiated, self.target = function, make_target(function)
        self.__name__ = f"jvp_{self.target.name}"

    def __call__(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        session = current()
        assert session is not None
        return call_jvp(session, self.target, tuple(primals), tuple(tangents))


def call_linearize(session: Session, target: Target, primals: Sequence[Any]) -> Any:
    """``(out, linear map)`` of the function at these primals, both part of the active trace."""
    wanted = Differentiated(tuple(range(len(primals))), single=False)
    inner = trace_inner(session, target, primals, {}, wanted, strict=False)
    value, _ = split_aux(Transform("linearize"), inner.out, target)
    primal, _ = prune(optimize(mark(inner.graph, inner.marks), OPS))
    linear_map = NestedLinearMap(session, inner, optimize(tangents_in(session, primal), OPS), value, tuple(primals))
    return result(session, value, inline(session, primal, inner.outer)), linear_map


class NestedLinearMap:
    """``linear_map(*tangents)`` inside a trace, where what it shares with the function's value is computed once."""

    def __init__(self, session: Session, inner: Inner, both: Graph, out: Any, primals: tuple[Any, ...]):
        self._session, self._inner, self._both, self._out = session, inner, both, out
        _, self._spec = pytree.flatten_as_arrays(pytree.bare(primals))

    def __call__(self, *tangents: Any) -> Any:
        inner, here = self._inner, current()
        if here is None:
            alive(self._session.wrap(self._session, inner.outer[0]))
        assert here is not None
        leaves = tangent_leaves(self._spec, tangents)
        outer = [here.import_value(self._session, value) for value in inner.outer]
        marked = [v for v, is_marked in zip(outer, inner.marks, strict=True) if is_marked]
        given = [t for t, is_marked in zip(leaves, inner.leaf_marks, strict=True) if is_marked]
        seeds = [seed_value(here, t, v) for t, v in zip(given, marked, strict=True)]
        values = inline(here, self._both, [*outer, *seeds])
        return result(here, _tangent_template(inner, self._out), values)


def call_jvp(
    session: Session,
    target: Target,
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    kwargs: Mapping[str, Any] = {},
) -> Any:
    """``(out, tangent of out)`` at these primals as part of the active trace; ``kwargs`` do not move."""
    _, spec = pytree.flatten_as_arrays(pytree.bare(primals))
    leaves = tangent_leaves(spec, tangents)
    wanted = Differentiated(tuple(range(len(primals))), single=False)
    inner = trace_inner(session, target, primals, kwargs, wanted, strict=False)
    value, _ = split_aux(Transform("jit"), inner.out, target)
    primal, _ = prune(optimize(mark(inner.graph, inner.marks), OPS))
    both = optimize(tangents_in(session, primal), OPS)
    marked_values = [v for v, is_marked in zip(inner.outer, inner.marks, strict=True) if is_marked]
    marked_tangents = [t for t, is_marked in zip(leaves, inner.leaf_marks, strict=False) if is_marked]
    seeds = [seed_value(session, t, v) for t, v in zip(marked_tangents, marked_values, strict=True)]
    values = inline(session, both, [*inner.outer, *seeds])
    return result(session, value, values), result(session, _tangent_template(inner, value), values)


def _tangent_template(inner: Inner, out: Any) -> Any:
    return tangent_template(inner.graph, out, len(inner.graph.outputs))
