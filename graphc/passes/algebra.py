"""Arithmetic identities that hold for every float, NaN, infinities and signed zeros included.

>>> print(apply_to_text(simplify_algebra, '''
... graph f(%x: f64[n], %y: f64[n]) -> (%4) {
...   %0: f64[] = const dtype=f64 value=4.0 weak=False
...   %1: f64[n] = neg %y
...   %2: f64[n] = sub %x, %1
...   %3: f64[n] = div %2, %0
...   %4: f64[n] = pow %3, %0
... }''', OPS))
graph f(%x: f64[n], %y: f64[n]) -> (%4) {
  %0: f64[n] = add %x, %y
  %1: f64[] = const dtype=f64 value=0.25 weak=False
  %2: f64[n] = mul %0, %1
  %3: f64[n] = square %2
  %4: f64[n] = square %3
}

What is not here is left out on purpose: ``x * 0`` is NaN for an infinite x, ``x + 0.0`` turns -0.0 into 0.0, and
``-(a - b)`` is not ``b - a`` where both are equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.types import ArrayType
from graphc.passes.patterns import constant, is_constant, made_by
from graphc.passes.rewriter import Rewriter, Rules, rewrite


def simplify_algebra(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """One walk with the rules of this file. Values stay equal bit for bit, with two exceptions.

    Powers may differ by 2 ulp, and the sign of the zero that a guard gives is not kept.
    """
    return rewrite(graph, ops, ALGEBRA_RULES)


def _negated(value: Value) -> Value | None:
    node = made_by(value, "neg")
    return node.inputs[0] if node else None


def add(rewriter: Rewriter, node: Node) -> Value | None:
    a, b = node.inputs
    zero = -0.0 if node.output.type.is_float else 0
    if is_constant(b, zero):
        return a
    if is_constant(a, zero):
        return b
    minus_a, minus_b = _negated(a), _negated(b)
    if minus_b is not None:
        return rewriter.F.sub(a, minus_b)
    return rewriter.F.sub(b, minus_a) if minus_a is not None else None


def sub(rewriter: Rewriter, node: Node) -> Value | None:
    a, b = node.inputs
    if is_constant(b, 0.0):
        return a
    minus_b = _negated(b)
    return rewriter.F.add(a, minus_b) if minus_b is not None else None


def mul(rewriter: Rewriter, node: Node) -> Value | None:
    a, b = node.inputs
    for x, factor in ((a, b), (b, a)):
        if is_constant(factor, 1.0):
            return x
        if is_constant(factor, -1.0):
            return rewriter.F.neg(x)
    minus_a, minus_b = _negated(a), _negated(b)
    if minus_a is not None and minus_b is not None:
        return rewriter.F.mul(minus_a, minus_b)
    for minus_x, factor in ((minus_a, b), (minus_b, a)):
        if minus_x is not None and node.output.type.is_float and constant(factor) is not None:
            return rewriter.F.mul(minus_x, _minus(rewriter, factor))
    return scaled_twice(rewriter, a, b) or scaled_twice(rewriter, b, a)


def scaled_twice(rewriter: Rewriter, x: Value, factor: Value) -> Value | None:
    """``x * 2 * c`` is ``x * 2c``, bit for bit: for an inner power of two, both at least 1 in magnitude."""
    outer, inner = constant(factor), made_by(x, "mul")
    if outer is None or inner is None or not x.type.is_float or not 1 <= abs(outer) < math.inf:
        return None
    for source, by in (inner.inputs, inner.inputs[::-1]):
        number = constant(by)
        if number is None or abs(number) < 1 or _exact_inverse(float(number), x.type.dtype) is None:
            continue
        whole = outer * number
        if abs(whole) <= float(np.finfo(x.type.dtype).max):
            return rewriter.F.mul(source, _spread(rewriter, whole, factor if factor.rank >= by.rank else by))
    return None


def _minus(rewriter: Rewriter, value: Value) -> Value:
    """A constant value's negative."""
    number = constant(value)
    assert number is not None
    return _spread(rewriter, -number, value)


def _spread(rewriter: Rewriter, number: float, like: Value) -> Value:
    return rewriter.F.broadcast_to(rewriter.F.constant(number, ArrayType(like.type.dtype)), like.dims)


def div(rewriter: Rewriter, node: Node) -> Value | None:
    a, b = node.inputs
    number = constant(b)
    if number is None or not node.output.type.is_float:
        return None
    if abs(number) == 1:
        return a if number == 1 else rewriter.F.neg(a)
    inverse = _exact_inverse(float(number), node.output.type.dtype)
    return rewriter.F.mul(a, _spread(rewriter, inverse, b)) if inverse is not None else None


def _exact_inverse(number: float, dtype: np.dtype) -> float | None:
    """1 / number where number is a power of two and the inverse a normal number."""
    mantissa, _ = math.frexp(number) if math.isfinite(number) else (0.0, 0)
    if abs(mantissa) != 0.5:
        return None
    info = np.finfo(dtype)
    inverse = 1.0 / number
    return inverse if float(info.tiny) <= abs(inverse) <= float(info.max) else None


def neg(rewriter: Rewriter, node: Node) -> Value | None:
    (x,) = node.inputs
    minus_x = _negated(x)
    if minus_x is not None:
        return minus_x
    product = made_by(x, "mul")
    if product is not None and x.type.is_float:
        a, b = product.inputs
        for other, factor in ((a, b), (b, a)):
            minus_factor = _negated(factor)
            if minus_factor is not None:
                return rewriter.F.mul(other, minus_factor)
            if constant(factor) is not None:
                return rewriter.F.mul(other, _minus(rewriter, factor))
    return None


def power(rewriter: Rewriter, node: Node) -> Value | None:
    """Small whole exponents by multiplication; the square root where the base is known to be no negative number."""
    (x, exponent), F = node.inputs, rewriter.F
    number = constant(exponent)
    if number is None or x.type.dtype != node.output.type.dtype or isinstance(number, bool):
        return None
    if not x.type.is_float:
        return F.mul(x, x) if number == 2 else None
    if number == 0:
        return F.full(node.output.type, 1.0)
    if number == 0.5 and rewriter.numbers.nonnegative(x):
        return F.broadcast_to(F.sqrt(x), node.output.dims)
    if number not in (-2, -1, 1, 2, 3, 4):
        return None
    base = x if number > 0 else F.div(1.0, x)
    squared = F.square(base) if abs(number) > 1 else base
    result = {1: base, 2: squared}.get(int(abs(number)))
    if result is None:
        result = F.mul(squared, x) if number == 3 else F.square(squared)
    return F.broadcast_to(result, node.output.dims)


def even(rewriter: Rewriter, node: Node) -> Value | None:
    """``f(-x)`` is ``f(x)``."""
    minus_x = _negated(node.inputs[0])
    return rewriter.F.apply(node.op, (minus_x,), node.attrs) if minus_x is not None else None


def select(rewriter: Rewriter, node: Node) -> Value | None:
    (condition, a, b), F = node.inputs, rewriter.F
    known = constant(condition)
    if known is not None:
        return F.broadcast_to(a if known else b, node.output.dims)
    if a is b or (constant(a) is not None and repr(constant(a)) == repr(constant(b))):
        return F.broadcast_to(a, node.output.dims)
    opposite = made_by(condition, "logical_not")
    if opposite is not None and opposite.inputs[0].type.dtype == condition.type.dtype:
        return F.select(opposite.inputs[0], b, a)
    inner_a, inner_b = made_by(a, "select"), made_by(b, "select")
    if inner_a is not None and inner_a.inputs[0] is condition:
        return F.select(condition, inner_a.inputs[1], b)
    if inner_b is not None and inner_b.inputs[0] is condition:
        return F.select(condition, a, inner_b.inputs[2])
    return None


def guarded_mul(rewriter: Rewriter, node: Node) -> Value | None:
    """The guard goes where it can change nothing."""
    (g, p), F = node.inputs, rewriter.F
    if rewriter.numbers.finite(p) or rewriter.numbers.nonzero(g):
        return F.mul(g, p)
    if constant(g) == 0:
        return F.broadcast_to(g, node.output.dims)
    return None


def absorbing_mul(rewriter: Rewriter, node: Node) -> Value | None:
    """A factor that is finite needs no other zero, and one that is never zero no guard for itself."""
    (a, b), F, facts = node.inputs, rewriter.F, rewriter.numbers
    if facts.finite(b) or facts.nonzero(a):
        return F.guarded_mul(b, a) if not facts.finite(a) else F.mul(a, b)
    if facts.finite(a) or facts.nonzero(b):
        return F.guarded_mul(a, b)
    return None


ALGEBRA_RULES: Rules = {
    "add": (add,),
    "sub": (sub,),
    "mul": (mul,),
    "div": (div,),
    "neg": (neg,),
    "pow": (power,),
    "square": (even,),
    "abs": (even,),
    "select": (select,),
    "guarded_mul": (guarded_mul,),
    "absorbing_mul": (absorbing_mul,),
}
