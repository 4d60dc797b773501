"""The elementary functions: exponentials, logarithms, trigonometric and hyperbolic ones with inverses, roots.

Partials are written so that they neither overflow nor cancel where the derivative itself is an ordinary number.

``length`` is the root of a sum of squares, as norms and standard deviations have it: ``sqrt`` with derivative 0 at 0,
which lies among the subgradients of a norm, and NaN where the sum is infinite. There ``sqrt`` has 0, and a cotangent of
0 would pass for one that nothing depends on.
"""

from __future__ import annotations

import math

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.opdef import Op, Partials, PartialsRule, Pointwise
from graphc.ops.printing import helper

LN2, LN10 = math.log(2.0), math.log(10.0)


def unary(name: str, ref: np.ufunc, rule: PartialsRule, cost: int) -> Op:
    holds_complex = any(signature.startswith("D") for signature in ref.types)
    return Op(name, Pointwise(1), ref, Partials(rule), expr=helper(name), cost=cost, complex=holds_complex)


def binary(name: str, ref: np.ufunc, rule: PartialsRule, cost: int) -> Op:
    return Op(name, Pointwise(2), ref, Partials(rule), expr=helper(name, 2), cost=cost)


def one_minus_square(F: Builder, x: Value) -> Value:
    """1 - x*x without cancellation near 1."""
    return F.mul(F.sub(1.0, x), F.add(1.0, x))


def inverse_sqrt(F: Builder, x: Value) -> Value:
    return F.div(1.0, F.sqrt(x))


def arccosh_partial(F: Builder, x: Value) -> Value:
    return F.div(1.0, F.mul(F.sqrt(F.sub(x, 1.0)), F.sqrt(F.add(x, 1.0))))


def arcsinh_partial(F: Builder, x: Value) -> Value:
    root = F.sqrt(F.add(F.square(x), 1.0)) if x.type.is_complex else F.hypot(x, 1.0)
    return F.div(1.0, root)


def length_partial(F: Builder, y: Value, x: Value) -> Value:
    """0.5/y as y/(2x): not a number where the sum of squares has overflowed; 0 at 0."""
    at_zero = F.eq(x, 0.0)
    return F.select(at_zero, 0.0, F.div(F.mul(y, 0.5), F.select(at_zero, 1.0, x)))


def hypot_partials(F: Builder, y: Value, /, *inputs: Value) -> tuple[Value, Value]:
    """a/y and b/y; 0 at the origin."""
    at_origin = F.eq(y, 0.0)
    length = F.select(at_origin, 1.0, y)
    a, b = (F.select(at_origin, 0.0, F.div(x, length)) for x in inputs)
    return a, b


def arctan2_partials(F: Builder, y: Value, /, *inputs: Value) -> tuple[Value, Value]:
    """b/r**2 and -a/r**2, divided twice by r so that nothing overflows; 0 at the origin and at infinity."""
    a, b = inputs
    length = F.hypot(a, b)
    degenerate = F.logical_or(F.eq(length, 0.0), F.isinf(length))
    safe = F.select(degenerate, 1.0, length)
    by_a, by_b = (F.select(degenerate, 0.0, F.div(F.div(x, safe), safe)) for x in (b, F.neg(a)))
    return by_a, by_b


def share_of_exponents(F: Builder, a: Value, b: Value, scale: float) -> tuple[Value, Value]:
    """What each has in the sum of exponentials; equal infinities have half each."""
    difference = F.difference(a, b)
    if scale != 1.0:
        difference = F.mul(difference, scale)
    return F.expit(difference), F.expit(F.neg(difference))


EXPONENTIAL = [
    unary("exp", np.exp, lambda F, y, x: (y,), 10),
    unary("exp2", np.exp2, lambda F, y, x: (F.mul(y, LN2),), 10),
    unary("expm1", np.expm1, lambda F, y, x: (F.exp(x),), 15),
    unary("log", np.log, lambda F, y, x: (F.div(1.0, x),), 12),
    unary("log2", np.log2, lambda F, y, x: (F.div(1.0 / LN2, x),), 12),
    unary("log10", np.log10, lambda F, y, x: (F.div(1.0 / LN10, x),), 12),
    unary("log1p", np.log1p, lambda F, y, x: (F.div(1.0, F.add(x, 1.0)),), 15),
    binary("logaddexp", np.logaddexp, lambda F, y, a, b: share_of_exponents(F, a, b, 1.0), 25),
    binary("logaddexp2", np.logaddexp2, lambda F, y, a, b: share_of_exponents(F, a, b, LN2), 25),
]

TRIGONOMETRIC = [
    unary("sin", np.sin, lambda F, y, x: (F.cos(x),), 15),
    unary("cos", np.cos, lambda F, y, x: (F.neg(F.sin(x)),), 15),
    unary("tan", np.tan, lambda F, y, x: (F.add(F.square(y), 1.0),), 20),
    unary("arcsin", np.arcsin, lambda F, y, x: (inverse_sqrt(F, one_minus_square(F, x)),), 20),
    unary("arccos", np.arccos, lambda F, y, x: (F.neg(inverse_sqrt(F, one_minus_square(F, x))),), 20),
    unary("arctan", np.arctan, lambda F, y, x: (F.div(1.0, F.add(F.square(x), 1.0)),), 20),
    binary("arctan2", np.arctan2, arctan2_partials, 25),
]

HYPERBOLIC = [
    unary("sinh", np.sinh, lambda F, y, x: (F.cosh(x),), 20),
    unary("cosh", np.cosh, lambda F, y, x: (F.sinh(x),), 20),
    unary("tanh", np.tanh, lambda F, y, x: (one_minus_square(F, y),), 20),
    unary("arcsinh", np.arcsinh, lambda F, y, x: (arcsinh_partial(F, x),), 25),
    unary("arccosh", np.arccosh, lambda F, y, x: (arccosh_partial(F, x),), 25),
    unary("arctanh", np.arctanh, lambda F, y, x: (F.div(1.0, one_minus_square(F, x)),), 25),
]

# fmt: off
ROOTS = [
    unary("sqrt", np.sqrt, lambda F, y, x: (F.mul(F.div(1.0, y), 0.5),), 5),  # exact, and 1 / y is often at hand
    Op("length", Pointwise(1), np.sqrt, Partials(lambda F, y, x: (length_partial(F, y, x),)),
       expr="sqrt_{t}({0})", cost=5),
    unary("cbrt", np.cbrt, lambda F, y, x: (F.div(1.0, F.mul(F.square(y), 3.0)),), 20),
    binary("hypot", np.hypot, hypot_partials, 10),
]
# fmt: on

ELEMENTARY = EXPONENTIAL + TRIGONOMETRIC + HYPERBOLIC + ROOTS
