"""Derivatives of characteristic values: Mathieu's by q, the spheroidal ones by c.

The value that an equation of Sturm and Liouville's kind has for a function changes with a coefficient of the equation
by the coefficient's mean over the square of the function (Hellmann and Feynman). The functions are SciPy's own.

* ``y'' + (a - 2 q cos 2x) y = 0`` (DLMF 28.2.1): a changes by the mean of ``2 cos 2x``, by the trapezoidal rule.
* ``((1 - x**2) y')' + (a - c**2 x**2 - m**2/(1 - x**2)) y = 0`` (DLMF 30.2.1, where a is ``lambda + c**2``): by the
  mean of ``2 c x**2``, for oblate ones less.
"""

from __future__ import annotations

import math

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F64
from graphc.ops.bessel_orders import unit_rule
from graphc.ops.scipy_parts import part
from graphc.ops.scipy_rules import Rule, by_last
from graphc.ops.shape_slopes import column, mean

ANGLES = 128  # of half a turn, after which the square of the function begins again
INSIDE = 1 - 2.0**-40  # the functions are not there at 1


def mathieu_slope(kind: str) -> Rule:
    """Of ``mathieu_a`` (kind cem) or ``mathieu_b`` (sem)."""

    def rule(F: Builder, y: Value, m: Value, q: Value) -> Value:
        order, point = (column(F, F.cast(v, F64)) for v in (m, q))
        degrees = F.mul(F.cast(F.iota(dims=(ANGLES,), axis=0), F64), 180.0 / ANGLES)
        found = F.square(part(F, f"mathieu_{kind}", 0, order, point, degrees))
        return F.cast(mean(F, found, F.mul(F.cos(F.mul(degrees, math.pi / 90)), 2.0)), q.type.dtype)

    return by_last(rule)


def spheroidal_slope(shape: str) -> Rule:
    """Of ``pro_cv`` or ``obl_cv``."""

    def rule(F: Builder, y: Value, m: Value, n: Value, c: Value) -> Value:
        orders = [column(F, F.cast(v, F64)) for v in (m, n, c)]
        share, _, weights = unit_rule(F)
        x = F.minimum(share, INSIDE)
        found = F.mul(weights, F.square(part(F, f"{shape}_ang1", 0, *orders, x)))
        square = F.cast(mean(F, found, F.square(x)), c.type.dtype)
        return F.mul(F.mul(square, c), 2.0 if shape == "pro" else -2.0)

    return by_last(rule)


CHARACTERISTIC_RULES: dict[str, tuple[int, Rule]] = {
    "mathieu_a": (2, mathieu_slope("cem")), "mathieu_b": (2, mathieu_slope("sem")),
    "pro_cv": (3, spheroidal_slope("pro")), "obl_cv": (3, spheroidal_slope("obl")),
}  # fmt: skip
