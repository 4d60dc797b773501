"""Calls of functions with a derivative rule of the user's, as part of a trace: see ``ops.custom``.

The rules are traced with the call. A rule that calls its function again, as a second derivative wants it to, is traced
as often as derivatives are taken of it, and no deeper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from graphc import pytree
from graphc.api import vjp
from graphc.custom import _WithRule, custom_jvp, custom_vjp
from graphc.errors import GradientError, Location
from graphc.foreign_functions import Opaque
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Value
from graphc.ir.opdef import Custom
from graphc.ir.types import ArrayType
from graphc.nested import Inner, argument_leaves, inline, result, session_below, trace_leaves
from graphc.ops.table import OPS
from graphc.trace.location import user_location
from graphc.trace.record import Constant, Output
from graphc.trace.rewrite import prepare
from graphc.trace.session import Session, current, hint_of
from graphc.trace.target import Target, make_target
from graphc.trace.values import TracedValue, unwrap


@dataclass(frozen=True)
class Rule:
    """A traced rule: ``known`` are the values of the session around it that its first parameters stand for.

    ``outside``: how many of the last of them it read by itself. ``reached``: see ``ops.custom``.
    """

    graph: Graph | None
    known: tuple[Value, ...]
    outside: int = 0
    reached: tuple[int, ...] = ()


NO_RULE = Rule(None, ())

# of functions whose rules are being traced: how many derivatives of calls inside the rule are taken
_left: ContextVar[Mapping[_WithRule, int]] = ContextVar("_left", default=MappingProxyType({}))


class Call:
    """One call, in the session at hand: the arguments that are differentiated, and those that are fixed."""

    def __init__(self, session: Session, function: _WithRule, args: Sequence[Any]):
        self.session, self.function, self.args = session, function, list(args)
        self.name = function.target.name
        self.location: Location | None = user_location()
        self.fixed, self.moving = function.split(args)
        self.leaves, self.spec = pytree.flatten(self.moving)
        self.values = [_traced(session, leaf) for leaf in self.leaves]
        self.wanted = [value for value in self.values if value is not None and value.type.is_float]

    def refuse(self, rule: str, what: str) -> GradientError:
        return GradientError(f"the {rule} rule of {self.name} {what}", location=self.location)


def call_with_rule(function: _WithRule, args: Sequence[Any]) -> Any:
    """The value of the function, with its rule. Raises ``GradientError`` for a rule that does not fit."""
    session = current()
    assert session is not None
    call = Call(session, function, args)
    left = min(session.derivatives, _left.get().get(function, session.derivatives))
    plain = function.traced if isinstance(function, Opaque) else prepare(function.function)
    has_rule = not isinstance(function, Opaque) or function.vjp is not None or function.jvp is not None
    if not left or not call.wanted or not has_rule:
        return plain(*args)
    token = _left.set({**_left.get(), function: left - 1})
    try:
        if isinstance(function, custom_vjp):
            return _with_vjp(call, function)
        return _with_jvp(call, plain)
    finally:
        _left.reset(token)


def _with_vjp(call: Call, function: custom_vjp) -> Any:
    forward, backward = function.rules()
    inner = _trace(call, make_target(forward), call.args)
    if not isinstance(inner.out, tuple | list) or len(inner.out) != 2:
        raise call.refuse("forward", f"returns {_kind(inner.out)}: it returns (out, residuals)")
    values = inline(call.session, inner.graph, inner.outer)
    out, residuals = inner.out
    seeds, cotangents = _placeholders(call, out, values)
    arguments = [*call.fixed, result(call.session, residuals, values), cotangents]
    rule = _backward(call, make_target(backward), arguments, seeds)
    return _finish(call, inner, out, values, rule, NO_RULE)


def _with_jvp(call: Call, plain: Callable[..., Any]) -> Any:
    """The value of the plain function, with what rules there are; a forward rule alone is transposed.

    Rules that are given the value have it as the function's, with a rule itself where a second derivative may follow.
    """
    rule, reverse, takes_value = _rules(call)
    inner = _trace(call, make_target(call.function if takes_value else plain), call.args)
    values = inline(call.session, inner.graph, inner.outer)
    known = [result(call.session, inner.out, _known(call.session, values))] if takes_value else []
    forward = NO_RULE
    if rule is not None:
        tangents = [_zeros(call, value) for value in call.values]
        given = [*call.fixed, *known, tuple(call.moving), tuple(pytree.unflatten(call.spec, tangents))]
        forward = _forward_rule(call, _trace(call, make_target(rule), given), inner, given, tangents)
        reverse = reverse or _transposed(call, rule)
    assert reverse is not None
    seeds, cotangent = _placeholders(call, inner.out, values)
    arguments = [*call.fixed, *known, tuple(call.moving), cotangent]
    return _finish(call, inner, inner.out, values, _backward(call, make_target(reverse), arguments, seeds), forward)


def _known(session: Session, values: Sequence[Value]) -> list[Value]:
    """The value as a rule is given it: its derivative is that of a rule, or none is taken."""
    F = session.F
    has_rule = [v.node is not None and isinstance(v.node.op.kind, Custom) for v in values]
    pairs = zip(values, has_rule, strict=True)
    return [v if has or not v.type.is_float else F.stop_gradient(v) for v, has in pairs]


Rules = tuple[Callable[..., Any] | None, Callable[..., Any] | None, bool]


def _rules(call: Call) -> Rules:
    """``rule(*fixed, primals, tangents)`` and ``reverse(*fixed, primals, cotangent)``, where there are such.

    The last says whether they are given the value, before the primals.
    """
    function = call.function
    if isinstance(function, Opaque):
        return _opaque_rules(function)
    assert isinstance(function, custom_jvp)
    if function.rule is None:
        raise GradientError(f"{call.name} is a custom_jvp without a rule: call defjvp(rule)", location=call.location)
    return function.rule, function.reverse, function.reverse is not None


def _opaque_rules(function: Opaque) -> Rules:
    vjp_rule, jvp_rule = function.vjp, function.jvp

    def forward(out: Any, primals: Any, tangents: Any) -> Any:
        assert jvp_rule is not None
        return out, jvp_rule(tangents, out, *primals)

    def reverse(out: Any, primals: Any, cotangent: Any) -> Any:
        assert vjp_rule is not None
        return vjp_rule(cotangent, out, *primals)

    return (None if jvp_rule is None else forward), (None if vjp_rule is None else reverse), True


def _transposed(call: Call, rule: Callable[..., Any]) -> Callable[..., Any]:
    """The reverse rule of a forward rule: its transpose in the tangents."""

    def backward(*arguments: Any) -> Any:
        *fixed, primals, cotangent = arguments
        leaves, spec = pytree.flatten(list(primals))
        moves = [value is not None and value.type.is_float for value in call.values]

        def tangent(*given: Any) -> Any:
            rest = iter(given)
            parts = [next(rest) if is_moving else None for is_moving in moves]
            return rule(*fixed, primals, tuple(pytree.unflatten(spec, parts)))[1]

        zeros = [np.zeros_like(leaf) for leaf, is_moving in zip(leaves, moves, strict=True) if is_moving]
        found = iter(vjp(tangent, *zeros)[1](cotangent))
        return tuple(pytree.unflatten(spec, [next(found) if is_moving else None for is_moving in moves]))

    return backward


# --- tracing rules ----------------------------------------------------------------------------------------------------


def _traced(session: Session, leaf: Any) -> Value | None:
    return session.F.value(unwrap(session, leaf)) if isinstance(leaf, TracedValue | np.ndarray) else None


def _trace(call: Call, target: Target, args: Sequence[Any]) -> Inner:
    """A function of the rule, traced in a session of its own: it is one of the derivatives that are taken."""
    leaves = argument_leaves(target, args, {})
    child = session_below(call.session, target, call.session.derivatives - 1)
    return trace_leaves(child, target, args, {}, leaves, [False] * len(leaves))


def _zeros(call: Call, value: Value | None) -> Any:
    """A stand-in for a tangent or cotangent, an object of its own: None for what has none."""
    if value is None or not value.type.is_float:
        return None
    F = call.session.F
    zeros = F.raw(F.ops["broadcast_to"], (F.constant(0.0, ArrayType(value.type.dtype)),), {"dims": value.dims}).output
    return call.session.wrap(call.session, zeros)


def _placeholders(call: Call, out: Any, values: Sequence[Value]) -> tuple[list[Any], Any]:
    """Stand-ins for the cotangents of a result: in order of its float leaves, and in its structure."""
    leaves, spec = pytree.flatten(out)
    seeds = [_zeros(call, values[leaf.index]) if isinstance(leaf, Output) else None for leaf in leaves]
    return [seed for seed in seeds if seed is not None], pytree.unflatten(spec, seeds)


def _rule(inner: Inner, args: Sequence[Any], given: Sequence[Any], outputs: Sequence[Value]) -> Rule:
    """The rule's graph with the parameters for ``given`` (traced arrays among the leaves of ``args``) in the end."""
    places = {id(obj): k for k, obj in enumerate(given)}
    traced = [leaf for leaf in pytree.flatten((tuple(args), {}))[0] if isinstance(leaf, TracedValue | np.ndarray)]
    last: dict[int, Value] = {}
    known, params = [], []
    for k, (param, outer) in enumerate(zip(inner.graph.params, inner.outer, strict=True)):
        if k < len(traced) and id(traced[k]) in places:
            last[places[id(traced[k])]] = param
        else:
            params.append(param)
            known.append(outer)
    params += [last[k] for k in range(len(given))]
    graph = Graph(inner.graph.name, tuple(params), inner.graph.nodes, tuple(outputs))
    return Rule(graph, tuple(known), len(inner.outer) - len(traced))


def _backward(call: Call, target: Target, args: Sequence[Any], seeds: Sequence[Any]) -> Rule:
    inner = _trace(call, target, args)
    found = _cotangent_leaves(call, inner.out)
    nodes, outputs, reached = list(inner.graph.nodes), [], []
    floats = [k for k, value in enumerate(call.values) if value is not None]
    for position, k in enumerate(floats):
        value, leaf = call.values[k], found[k]
        assert value is not None
        if leaf is None or not value.type.is_float:
            continue
        output = _as_value(inner, leaf, nodes)
        _require_shape(call, "backward", f"a cotangent of argument {_argument(call, k)}", output, value)
        outputs.append(output)
        reached.append(position)
    graph = Graph(inner.graph.name, inner.graph.params, tuple(nodes), tuple(outputs))
    rule = _rule(Inner(graph, inner.outer, (), (), (), None), args, seeds, outputs)
    return Rule(rule.graph, rule.known, rule.outside, tuple(reached))


def _cotangent_leaves(call: Call, out: Any) -> list[Any]:
    """For each leaf of the moving arguments what the rule returned: ``Output``, a number, or None for zeros."""
    count = len(call.moving)
    if not isinstance(out, tuple | list) or len(out) != count:
        given = f"{len(out)} of them" if isinstance(out, tuple | list) else _kind(out)
        what = f"returns {given}: it returns a tuple of {count} cotangent{'s' * (count != 1)}, one for each argument"
        raise call.refuse("backward", what)
    found: list[Any] = []
    for k, (argument, cotangent) in enumerate(zip(call.moving, out, strict=True)):
        spec = pytree.flatten(argument)[1]
        if isinstance(cotangent, Constant) and cotangent.value is None:
            found += [None] * len(pytree.flatten(argument)[0])
            continue
        parts = _parts(call, "backward", spec, cotangent, f"a cotangent of another structure than argument {k}")
        found += [None if isinstance(part, Constant) and part.value is None else part for part in parts]
    return found


def _forward_rule(call: Call, traced: Inner, inner: Inner, args: Sequence[Any], tangents: Sequence[Any]) -> Rule:
    if not isinstance(traced.out, tuple | list) or len(traced.out) != 2:
        raise call.refuse("forward", f"returns {_kind(traced.out)}: it returns (out, tangent of out)")
    leaves, spec = pytree.flatten(inner.out)
    parts = _parts(call, "forward", spec, traced.out[1], "a tangent of another structure than the result")
    nodes, outputs = list(traced.graph.nodes), []
    for leaf, part in zip(leaves, parts, strict=True):
        value = inner.graph.outputs[leaf.index] if isinstance(leaf, Output) else None
        if value is None or not value.type.is_float:
            continue
        output = _as_value(traced, Constant(0.0) if isinstance(part, Constant) and part.value is None else part, nodes)
        if not output.rank and value.rank:  # a plain number: zeros, as a rule may write them
            F = Builder(OPS, call.session.F.facts)
            output = F.broadcast_to(output, value.dims)
            nodes += F.nodes
        _require_shape(call, "forward", "a tangent of the result", output, value)
        outputs.append(output)
    graph = Graph(traced.graph.name, traced.graph.params, tuple(nodes), tuple(outputs))
    given = [tangent for tangent in tangents if tangent is not None]
    return _rule(Inner(graph, traced.outer, (), (), (), None), args, given, outputs)


def _parts(call: Call, rule: str, spec: pytree.TreeSpec, tree: Any, wrong: str) -> list[Any]:
    """What stands at each leaf of a structure in what a rule returned."""
    try:
        parts = spec.flatten_up_to(tree)
    except ValueError as error:
        raise call.refuse(rule, f"returns {wrong}: {error}") from None
    if not all(isinstance(part, Output | Constant) for part in parts):
        raise call.refuse(rule, f"returns {wrong}: containers where it has arrays")
    return list(parts)


def _as_value(inner: Inner, leaf: Any, nodes: list[Any]) -> Value:
    if isinstance(leaf, Output):
        return inner.graph.outputs[leaf.index]
    from graphc.ir.shapes import ShapeFacts

    F = Builder(OPS, ShapeFacts())
    value = F.constant(float(leaf.value), ArrayType(np.dtype(np.float64)))
    nodes += F.nodes
    return value


def _argument(call: Call, leaf: int) -> int:
    """The number of the moving argument that this leaf stands in."""
    for k, argument in enumerate(call.moving):
        leaf -= len(pytree.flatten(argument)[0])
        if leaf < 0:
            return k
    raise AssertionError(leaf)


def _require_shape(call: Call, rule: str, what: str, found: Value, like: Value) -> None:
    facts = call.session.F.facts
    if found.rank == like.rank and all(map(facts.equal, found.dims, like.dims)):
        return
    shapes = [
        tuple(d if facts.is_bound(d) else hint_of(call.session, facts.resolve(d)) for d in v.dims)
        for v in (found, like)
    ]
    raise call.refuse(rule, f"returns {what} of shape {shapes[0]}, where {shapes[1]} is due")


def _finish(call: Call, inner: Inner, out: Any, values: Sequence[Value], backward: Rule, forward: Rule) -> Any:
    """The node, and the function's result made of its outputs."""
    session = call.session
    leaves, _ = pytree.flatten(out)
    indices = list(dict.fromkeys(leaf.index for leaf in leaves if isinstance(leaf, Output)))
    if not indices:
        return result(session, out, values)
    with session.F.at(call.location):
        results = [session.F.stop_gradient(values[k]) if values[k].type.is_float else values[k] for k in indices]
    arguments = [value for value in call.values if value is not None]
    outside = list(inner.outer[_count(call.args) :])
    for rule in (backward, forward):
        outside += rule.known[len(rule.known) - rule.outside :]
    counts = (len(results), len(arguments), len(backward.known), len(forward.known), len(outside))
    attrs = {
        "name": call.name,
        "counts": counts,
        "reached": backward.reached,
        "backward": backward.graph,
        "forward": forward.graph,
    }
    inputs = (*results, *arguments, *backward.known, *forward.known, *outside)
    with session.F.at(call.location):
        node = session.F.raw(OPS["custom_rule"], inputs, attrs)
    new = dict(zip(indices, node.outputs, strict=True))
    return result(session, out, [new.get(k, value) for k, value in enumerate(values)])


def _kind(out: Any) -> str:
    """What a rule returned, in words."""
    if isinstance(out, tuple | list):
        return f"a {type(out).__name__} of {len(out)}"
    if isinstance(out, Output):
        return "an array alone"
    return f"a {type(out.value if isinstance(out, Constant) else out).__name__}"


def _count(args: Sequence[Any]) -> int:
    leaves = pytree.flatten((tuple(args), {}))[0]
    return sum(isinstance(leaf, TracedValue | np.ndarray) for leaf in leaves)
