"""Arithmetic, comparisons and selection. The transcendental families stand in files of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.ir.opdef import Linear, NotDifferentiable, Op, Partials, Pointwise
from graphc.ir.types import BOOL, ArrayType

COMPARISON = NotDifferentiable("a comparison")


def select_dtypes(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    """The condition is bool; the two branches promote to one dtype (NEP 50)."""
    _, a, b = types
    result = np.add.resolve_dtypes((*map(_signature, (a, b)), None))[2] if not (a.weak and b.weak) else None
    if result is None or (a.dtype == BOOL and b.dtype == BOOL):
        result = np.result_type(a.dtype, b.dtype)
    return BOOL, result, result, result


def _signature(type_: ArrayType) -> type | np.dtype:
    if not type_.weak:
        return type_.dtype
    return float if type_.dtype.kind == "f" else int


ARITHMETIC = [
    Op("add", Pointwise(2), np.add, Partials(lambda F, y, a, b: (1.0, 1.0), finite=True),
       expr=lambda t: "({0} | {1})" if t == "bool" else "({0} + {1})"),
    Op("sub", Pointwise(2), np.subtract, Partials(lambda F, y, a, b: (1.0, -1.0), finite=True), expr="({0} - {1})"),
    Op("mul", Pointwise(2), np.multiply, Partials(lambda F, y, a, b: (b, a)),
       expr=lambda t: "({0} & {1})" if t == "bool" else "({0} * {1})"),
    Op("div", Pointwise(2), np.divide,
       Partials(lambda F, y, a, b: (F.div(1.0, b), F.neg(F.div(y, b)))), expr="({0} / {1})", cost=4),
    Op("neg", Pointwise(1), np.negative, Partials(lambda F, y, x: (-1.0,), finite=True), expr="(-{0})"),
]  # fmt: skip

SELECTION = [
    Op("select", Pointwise(3), np.where,
       Linear(lambda F, g, node: (None, F.select(node.inputs[0], g, 0.0), F.select(node.inputs[0], 0.0, g)), wrt=(1, 2)),
       dtypes=select_dtypes, expr="select({0}, {1}, {2})"),
]  # fmt: skip

COMPARISONS = [
    Op("eq", Pointwise(2), np.equal, COMPARISON, expr="({0} == {1})"),
    Op("ne", Pointwise(2), np.not_equal, COMPARISON, expr="({0} != {1})"),
    Op("lt", Pointwise(2), np.less, COMPARISON, expr="({0} < {1})"),
    Op("le", Pointwise(2), np.less_equal, COMPARISON, expr="({0} <= {1})"),
    Op("gt", Pointwise(2), np.greater, COMPARISON, expr="({0} > {1})"),
    Op("ge", Pointwise(2), np.greater_equal, COMPARISON, expr="({0} >= {1})"),
    Op("logical_not", Pointwise(1), np.logical_not, COMPARISON, expr="({0} == 0)"),
]  # fmt: skip

POINTWISE = ARITHMETIC + SELECTION + COMPARISONS
