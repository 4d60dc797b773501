"""Functions of scipy.special as elementary ones, where SciPy's own compiled code cannot be called: on a device.

On the CPU kernels call SciPy, whose values are the standard. These agree with it to some units in the last place, also
where a formula as it stands would cancel or overflow; the tests say how far.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.regions import map_regions
from graphc.ir.rewrite import with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.passes.pipeline import optimize

Form = Callable[..., Value]
ROOT_2 = math.sqrt(2.0)
NEAR = 0.5  # of ratios to 1, within a factor of 2


def log_ratio(F: Builder, a: Value, b: Value) -> Value:
    """log(a/b), also where the two are nearly the same."""
    ratio = F.div(a, b)
    near = F.logical_and(F.gt(ratio, NEAR), F.lt(ratio, 1 / NEAR))
    apart = F.sub(F.log(a), F.log(b))  # where the ratio would overflow
    inside = F.logical_and(F.gt(ratio, 1e-290), F.lt(ratio, 1e290))
    return F.select(near, F.log1p(F.div(F.sub(a, b), b)), F.select(inside, F.log(ratio), apart))


def rel_entr(F: Builder, a: Value, b: Value) -> Value:
    return _entropy(F, a, b, F.mul(a, log_ratio(F, a, b)), 0.0)


def kl_div(F: Builder, a: Value, b: Value) -> Value:
    return _entropy(F, a, b, F.add(F.sub(F.mul(a, log_ratio(F, a, b)), a), b), b)


def _entropy(F: Builder, a: Value, b: Value, inside: Value, at_zero: Value | float) -> Value:
    """``inside`` for positive numbers, ``at_zero`` where a is 0 and b is not negative, and infinity elsewhere."""
    positive = F.logical_and(F.gt(a, 0.0), F.gt(b, 0.0))
    edge = F.logical_and(F.eq(a, 0.0), F.ge(b, 0.0))
    unknown = F.logical_or(F.isnan(a), F.isnan(b))
    outside = F.select(unknown, F.add(a, b), math.inf)
    return F.select(positive, inside, F.select(edge, at_zero, outside))


def huber(F: Builder, delta: Value, r: Value) -> Value:
    size = F.abs(r)
    outer = F.mul(delta, F.sub(size, F.mul(delta, 0.5)))
    found = F.select(F.le(size, delta), F.mul(F.square(r), 0.5), outer)
    return F.select(F.lt(delta, 0.0), math.inf, found)


def pseudo_huber(F: Builder, delta: Value, r: Value) -> Value:
    """``delta**2 (sqrt(1 + v**2) - 1)`` with ``v = r / delta``, without the difference."""
    v = F.div(r, delta)
    found = F.mul(F.mul(delta, r), F.div(v, F.add(F.hypot(v, 1.0), 1.0)))
    found = F.select(F.isinf(v), F.mul(delta, F.abs(r)), found)
    nothing = F.logical_or(F.eq(delta, 0.0), F.eq(r, 0.0))
    return F.select(F.lt(delta, 0.0), math.inf, F.select(nothing, 0.0, found))


def exprel(F: Builder, x: Value) -> Value:
    found = F.select(F.gt(x, 717.0), math.inf, F.div(F.expm1(x), x))
    return F.select(F.lt(F.abs(x), 1e-16), 1.0, found)


def cosm1(F: Builder, x: Value) -> Value:
    return F.mul(F.square(F.sin(F.mul(x, 0.5))), -2.0)


def boxcox(F: Builder, x: Value, power: Value) -> Value:
    return _powered(F, F.log(x), power)


def boxcox1p(F: Builder, x: Value, power: Value) -> Value:
    return _powered(F, F.log1p(x), power)


def _powered(F: Builder, log_x: Value, power: Value) -> Value:
    return F.select(F.lt(F.abs(power), 1e-19), log_x, F.div(F.expm1(F.mul(power, log_x)), power))


def inv_boxcox(F: Builder, y: Value, power: Value) -> Value:
    return F.select(F.eq(power, 0.0), F.exp(y), F.exp(F.div(_log_of_one_and(F, power, y), power)))


def inv_boxcox1p(F: Builder, y: Value, power: Value) -> Value:
    found = F.expm1(F.div(_log_of_one_and(F, power, y), power))
    found = F.select(F.lt(F.abs(F.mul(power, y)), 1e-154), y, found)
    return F.select(F.eq(power, 0.0), F.expm1(y), found)


def _log_of_one_and(F: Builder, power: Value, y: Value) -> Value:
    """log(1 + power y), also where the product overflows."""
    product = F.mul(power, y)
    return F.select(F.eq(product, math.inf), F.add(F.log(F.abs(power)), F.log(F.abs(y))), F.log1p(product))


def loggamma(F: Builder, x: Value) -> Value:
    return F.select(F.lt(x, 0.0), math.nan, F.gammaln(x))


def ndtri(F: Builder, p: Value) -> Value:
    """Near the middle by ``erfinv``; in the tails by Newton's steps on the logarithm of the smaller probability.

    They begin at Hastings' approximation (Abramowitz and Stegun, 26.2.23), whose error is below 4.5e-4.
    """
    upper = F.gt(p, 0.5)
    rest = F.select(upper, F.sub(1.0, p), p)
    y = _lower_tail(F, F.log(rest))
    found = F.select(F.lt(F.abs(F.sub(p, 0.5)), 0.3), _middle(F, p), F.select(upper, F.neg(y), y))
    found = F.select(F.eq(p, 0.0), -math.inf, F.select(F.eq(p, 1.0), math.inf, found))
    return F.select(F.logical_or(F.lt(p, 0.0), F.gt(p, 1.0)), math.nan, found)


def _middle(F: Builder, p: Value) -> Value:
    return F.mul(F.erfinv(F.sub(F.mul(p, 2.0), 1.0)), ROOT_2)


def _lower_tail(F: Builder, log_p: Value) -> Value:
    """Where the normal distribution's logarithm is ``log_p``, which is below -0.69."""
    t = F.sqrt(F.mul(log_p, -2.0))
    above = F.add(F.mul(F.add(F.mul(t, 0.010328), 0.802853), t), 2.515517)
    below = F.add(F.mul(F.add(F.mul(F.add(F.mul(t, 0.001308), 0.189269), t), 1.432788), t), 1.0)
    y = F.sub(F.div(above, below), t)
    for _ in range(4):
        reached = F.log_ndtr(y)
        log_slope = F.sub(F.sub(F.mul(F.square(y), -0.5), 0.5 * math.log(2 * math.pi)), reached)
        y = F.sub(y, F.div(F.sub(reached, log_p), F.exp(log_slope)))
    return y


def erfcinv(F: Builder, x: Value) -> Value:
    return F.mul(ndtri(F, F.mul(x, 0.5)), -1 / ROOT_2)


FORMS: Mapping[str, Form] = {
    "rel_entr": rel_entr, "kl_div": kl_div, "huber": huber, "pseudo_huber": pseudo_huber, "exprel": exprel,
    "cosm1": cosm1, "exp10": lambda F, x: F.pow(10.0, x), "boxcox": boxcox, "boxcox1p": boxcox1p,
    "inv_boxcox": inv_boxcox, "inv_boxcox1p": inv_boxcox1p, "loggamma": loggamma, "ndtri": ndtri, "erfcinv": erfcinv,
}  # fmt: skip


def with_device_forms(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with these functions written out, optimised again; the same object where there are none."""
    return optimize(_expand(graph, ops, ShapeFacts(graph.guards)), ops) if _has_any(graph) else graph


def _has_any(graph: Graph) -> bool:
    return any(node.op.name in FORMS or any(map(_has_any, node.regions)) for node in graph.nodes)


def _expand(graph: Graph, ops: Mapping[str, Op], facts: ShapeFacts) -> Graph:
    F = Builder(ops, facts)
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        if current.regions:
            current = map_regions(current, lambda region: _expand(region, ops, facts))
        new.update(zip(node.outputs, _expanded(F, current), strict=True))
    return replace(graph, nodes=tuple(F.nodes), outputs=tuple(new.get(v, v) for v in graph.outputs))


def _expanded(F: Builder, node: Node) -> tuple[Value, ...]:
    form: Any = FORMS.get(node.op.name)
    if form is None:
        F.nodes.append(node)
        return node.outputs
    dtype = node.output.type.dtype
    with F.at(node.location):
        return (F.cast(form(F, *(F.cast(value, dtype) for value in node.inputs)), dtype),)
