"""Products in which a zero wins: what the chain rule multiplies with.

``guarded_mul``    g p    g * p, and 0 where g is 0, whatever p is
``absorbing_mul``  a b    a * b, and 0 where either is 0

A cotangent that is exactly zero contributes zero even where the partial is infinite or NaN. That is an op, and no
``select(g == 0, 0, g * p)``: the derivative of that select by g is 0 at g == 0, where the product's is p, and second
derivatives would be silently wrong wherever a first one vanishes. The product is not symmetric: an infinite cotangent
times a zero partial is NaN, for there the derivative is not known (``cbrt(x**3)`` at 0). What reaches p, in turn, is
zero for either reason: a masked place (g is 0) stays masked in every order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import General, Op, Pointwise
from graphc.ir.types import C64, ArrayType

Slots = tuple[Value | None, ...]


def of_both_floats(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    """The loop of a product of floats; a real number times a complex one is complex."""
    if not all(t.is_float for t in types):
        raise InvalidGraphError(f"a product of floats is given {', '.join(map(str, types))}")
    first = types[0].dtype
    dtype = np.result_type(first, C64) if types[1].is_complex else first
    return dtype, dtype, dtype


def guarded_mul_ref(g: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.where(g == 0, g, g * p)


def absorbing_mul_ref(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(a == 0, a, np.where(b == 0, b, a * b))


def guarded_mul_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (ct,), (g, p) = cotangents, node.inputs
    if ct is None:
        return None, None
    return (F.guarded_mul(ct, p) if g.grad else None), (F.absorbing_mul(ct, g) if p.grad else None)


def guarded_mul_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (tg, tp), (g, p) = tangents, node.inputs
    by_g = F.guarded_mul(tg, p) if tg is not None else None
    by_p = F.absorbing_mul(g, tp) if tp is not None else None
    return (_sum(F, by_g, by_p),)


def absorbing_mul_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (ct,), (a, b) = cotangents, node.inputs
    if ct is None:
        return None, None
    return (F.absorbing_mul(ct, b) if a.grad else None), (F.absorbing_mul(ct, a) if b.grad else None)


def absorbing_mul_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (ta, tb), (a, b) = tangents, node.inputs
    by_a = F.absorbing_mul(ta, b) if ta is not None else None
    by_b = F.absorbing_mul(a, tb) if tb is not None else None
    return (_sum(F, by_a, by_b),)


def _sum(F: Builder, a: Value | None, b: Value | None) -> Value | None:
    if a is None or b is None:
        return a if b is None else b
    return F.add(a, b)


COTANGENT = [
    Op("guarded_mul", Pointwise(2), guarded_mul_ref, General(guarded_mul_vjp, guarded_mul_jvp),
       expr="select({0} == 0, {0}, {0} * {1})", dtypes=of_both_floats, complex=True),
    Op("absorbing_mul", Pointwise(2), absorbing_mul_ref, General(absorbing_mul_vjp, absorbing_mul_jvp),
       expr="select({0} == 0, {0}, select({1} == 0, {1}, {0} * {1}))", dtypes=of_both_floats, complex=True),
]  # fmt: skip
