"""Derivatives of the noncentral t law by its noncentrality and its point.

With s the root of a chi-square variable over its degrees of freedom, the distribution function is the mean of
``Phi(t s - nc)`` over s; its derivatives are those of ``phi(t s - nc)``, with ``-1`` and ``s`` for a factor, so that
all terms have one sign. They are summed over ``log s``, to both sides of where they are largest. (Johnson, Kotz,
Balakrishnan, "Continuous univariate distributions" 2, 31.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F64
from graphc.ops.scipy_rules import PI
from graphc.ops.shape_slopes import FIRST, LAST, column, rule

NODES = 240  # to each side


def noncentral_t_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    """Of degrees of freedom, noncentrality and point; by the degrees it has no derivative here."""
    if k == 0:
        message = "the noncentral t law has no derivative by its degrees of freedom here"
        raise GradientError(f"{message}; pass them through graphc.stop_gradient", location=F.location)
    dtype = arguments[0].type.dtype
    df, nc, t = (F.cast(value, F64) for value in arguments)
    inside = F.logical_and(F.gt(df, 0.0), F.logical_and(F.isfinite(nc), F.isfinite(t)))
    end = F.logical_and(F.gt(df, 0.0), F.isinf(t))
    df, nc, t = (F.select(inside, value, 1.0) for value in (df, nc, t))
    found = _mean(F, df, nc, t, 0.0 if k == 1 else 1.0)
    return F.cast(F.select(inside, F.neg(found) if k == 1 else found, F.select(end, 0.0, math.nan)), dtype)


def _mean(F: Builder, df: Value, nc: Value, t: Value, power: float) -> Value:
    """The mean of ``phi(t s - nc) s**power``."""
    first, middle = F.stop_gradient(F.add(df, F.square(t))), F.stop_gradient(F.mul(t, nc))  # the range is any
    order = F.stop_gradient(df)
    root = F.hypot(middle, F.mul(F.sqrt(F.mul(order, first)), 2.0))
    near = F.gt(middle, 0.0)
    top = F.select(near, F.div(F.mul(F.add(middle, root), 0.5), first),
                   F.div(F.mul(order, 2.0), F.sub(root, F.select(near, 0.0, middle))))  # fmt: skip
    curve = F.sqrt(F.add(order, F.mul(first, F.square(top))))
    nodes, weights = rule(F, NODES)
    total = F.mul(df, 0.0)
    for sign, width in ((-1.0, F.add(F.div(1.0, order), F.div(1.0, curve))), (1.0, F.div(1.0, F.maximum(curve, 1.0)))):
        u = F.add(column(F, F.log(top)), F.mul(nodes, column(F, F.mul(width, sign))))
        distance = F.sub(F.mul(column(F, t), F.exp(u)), column(F, nc))
        law = F.mul(column(F, df), F.sub(u, F.mul(F.expm1(F.mul(u, 2.0)), 0.5)))
        exponent = F.sub(law, F.mul(F.square(distance), 0.5))
        terms = F.mul(weights, F.exp(F.add(exponent, F.mul(u, power)) if power else exponent))
        total = F.add(total, F.mul(F.reduce("sum", terms, (terms.rank - 1,)), width))
    half = F.mul(df, 0.5)
    scale = F.exp(F.sub(F.sub(F.mul(half, F.log(half)), half), F.gammaln(half)))  # of the law of s, at s = 1
    return F.mul(F.mul(total, scale), 2 / math.sqrt(2 * PI) * (LAST - FIRST) / (NODES - 1))
