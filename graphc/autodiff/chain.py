"""The chain rule at one node, in both directions, for every form of derivative that an op can have."""

from __future__ import annotations

import math
from typing import Any

from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import General, Linear, Partials, Pointwise, Unknown
from graphc.passes.facts import NumberFacts

Cotangents = tuple[Value | None, ...]


def scaled(F: Builder, facts: NumberFacts, g: Value, partial: Any, finite: bool) -> Value | None:
    """``g * partial``, where a ``g`` that is exactly zero gives zero whatever the partial; None for a zero partial.

    The guard is left out where it can change nothing: the partial is finite (the rule says so, or it can be proved), or
    ``g`` is never zero.
    """
    if partial is None:
        return None
    if not isinstance(partial, Value):
        if partial == 0:
            return None
        if partial == 1:
            return g
        if partial == -1:
            return F.neg(g)
        if math.isfinite(partial):
            return F.mul(g, partial)
    elif finite or facts.finite(partial) or facts.nonzero(g):
        return F.mul(g, partial)
    return F.guarded_mul(g, partial)


def pull_back(F: Builder, facts: NumberFacts, node: Node, cotangents: Cotangents) -> Cotangents:
    """The cotangent of each input, of that input's own type; None where none arrives or the input is not marked."""
    match node.op.derivative:
        case Partials(rule=rule, finite=finite):
            (g,) = cotangents
            assert g is not None
            partials = rule(F, node.output, *node.inputs)
            pairs = zip(node.inputs, partials, strict=True)
            found = tuple(scaled(F, facts, g, p, finite) if v.grad else None for v, p in pairs)
        case Linear(transpose=transpose):
            (g,) = cotangents
            assert g is not None
            found = transpose(F, g, node)
        case General(vjp=vjp):
            found = vjp(F, node, cotangents)
        case Unknown(reason=reason):
            raise GradientError(reason, location=node.location)
        case _:
            return (None,) * len(node.inputs)
    pairs = zip(node.inputs, found, strict=True)
    return tuple(fit(F, node, v, g) if g is not None and v.grad else None for v, g in pairs)


def fit(F: Builder, node: Node, value: Value, g: Value) -> Value:
    """A cotangent with the dims and dtype of its value: sums over broadcast axes, here and in no rule."""
    if isinstance(node.op.kind, Pointwise):
        g = F.unbroadcast(g, value.dims)
    return F.reshape(F.cast(g, value.type.dtype), value.dims)


def push_forward(F: Builder, facts: NumberFacts, node: Node, tangents: Cotangents) -> Cotangents:
    """The tangent of each output, of that output's own type; None where it is zero."""
    match node.op.derivative:
        case Partials():
            found: Cotangents = (_sum_of_products(F, facts, node, node.op.derivative, tangents),)
        case Linear(wrt=wrt):
            found = (_apply_to_tangents(F, node, wrt, tangents),)
        case General(jvp=jvp):
            found = jvp(F, node, tangents)
        case Unknown(reason=reason):
            raise GradientError(reason, location=node.location)
        case _:
            return (None,) * len(node.outputs)
    pairs = zip(node.outputs, found, strict=True)
    return tuple(_stretch(F, o, t) if t is not None and o.type.is_float else None for o, t in pairs)


def _sum_of_products(
    F: Builder, facts: NumberFacts, node: Node, derivative: Partials, tangents: Cotangents
) -> Value | None:
    total: Value | None = None
    for t, partial in zip(tangents, derivative.rule(F, node.output, *node.inputs), strict=True):
        term = scaled(F, facts, t, partial, derivative.finite) if t is not None else None
        if term is not None:
            total = term if total is None else F.add(total, term)
    return total


def _apply_to_tangents(F: Builder, node: Node, wrt: tuple[int, ...] | None, tangents: Cotangents) -> Value | None:
    """A linear op's tangent is the op itself on the tangents; a missing one is zeros."""
    linear = range(len(node.inputs)) if wrt is None else wrt
    if all(tangents[i] is None for i in linear):
        return None
    operands = list(node.inputs)
    for i in linear:
        t = tangents[i]
        operands[i] = F.zeros(node.inputs[i].type) if t is None else t
    return F.raw(node.op, tuple(operands), node.attrs, node.regions).output


def _stretch(F: Builder, value: Value, t: Value) -> Value:
    return F.broadcast_to(F.cast(t, value.type.dtype), value.dims)
