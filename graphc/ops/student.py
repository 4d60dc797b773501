"""Student's law: its density, and the derivative of its distribution function by the degrees of freedom.

Few degrees: the tail is half of a beta law, whose derivative by the shape is added to that by the point. Towards the
normal law these two cancel, so from ``MANY`` degrees on the derivative of the density is integrated. With ``t =
sqrt(df) sinh v`` the law has the density ``cosh(v)**-df`` but for a factor, and the derivative of its logarithm is

    s(v) = (c + (1 + 1/df) tanh(v)**2 + log(1 - tanh(v)**2)) / 2,   c = psi((df + 1)/2) - psi(df/2) - 1/df

which changes its sign once for v > 0; it is integrated over the side of the point on which it has one sign.
(Johnson, Kotz, Balakrishnan, "Continuous univariate distributions" 2, 28; DLMF 5.11 for c and the density's factor.)
"""

from __future__ import annotations

import math

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F64
from graphc.ops.scipy_rules import PI, exp_of
from graphc.ops.shape_slopes import Share, column, first_slope, mean, rule

MANY = 30.0
LOG_FACTOR = (-1 / 4, 1 / 24, -1 / 20, 17 / 112, -31 / 36)  # in odd powers of 1/df
CENTER = (1 / 2, -1 / 4, 1 / 2, -17 / 8, 31 / 2)  # c in even powers of 1/df
INNER_NODES, INNER_END = 64, 3.1
TERMS, FEW = 14, 0.1  # of log(1 - h) + h, for small h


def student_density(F: Builder, df: Value, t: Value) -> Value:
    many = F.gt(df, MANY)
    exponent = F.mul(F.mul(F.add(df, 1.0), -0.5), F.log1p(F.div(F.square(t), df)))
    inverse = F.div(1.0, F.select(many, df, MANY))
    far = F.mul(exp_of(F, exponent, F.mul(inverse, _series(F, F.square(inverse), LOG_FACTOR))), 1 / math.sqrt(2 * PI))
    few = F.select(many, 1.0, df)
    return F.select(many, far, F.div(F.exp(exponent), F.mul(F.sqrt(few), F.beta(0.5, F.mul(few, 0.5)))))


def student_slope(F: Builder, df: Value, t: Value) -> Value:
    """By the degrees of freedom; 0 at 0 and at the ends."""
    dtype, df, t = df.type.dtype, F.cast(df, F64), F.cast(t, F64)
    inside = F.logical_and(F.logical_and(F.gt(df, 0.0), F.ne(t, 0.0)), F.isfinite(t))
    outside = F.select(F.logical_or(F.isnan(t), F.le(df, 0.0)), math.nan, 0.0)
    df, t = F.select(inside, df, 1.0), F.select(inside, t, 1.0)
    ratio = F.div(F.square(t), df)
    x, y, a = F.div(1.0, F.add(ratio, 1.0)), F.div(ratio, F.add(ratio, 1.0)), F.mul(df, 0.5)
    near = F.lt(ratio, 1.0)  # a share is exact in the one of x and y that is small
    half, low_x, low_y = F.add(F.mul(a, 0.0), 0.5), F.select(near, 0.5, x), F.select(near, y, 0.5)
    lower = F.select(near, F.betaincc(half, a, low_y), F.betainc(a, half, low_x))
    upper = F.select(near, F.betainc(half, a, low_y), F.betaincc(a, half, low_x))
    slope = F.mul(first_slope(F, Share(a, half, x, y, F.neg(F.log1p(ratio))), lower, upper), 0.5)
    moved = F.abs(F.div(F.mul(student_density(F, df, t), t), df))  # of the share, times the beta density
    many = F.gt(df, MANY)
    by_parts = F.mul(F.add(moved, slope), -0.5)
    found = F.select(many, _integrated(F, F.select(many, df, MANY), F.abs(t), lower, upper), by_parts)
    return F.cast(F.select(inside, F.mul(found, F.sign(t)), outside), dtype)


def _integrated(F: Builder, df: Value, t: Value, lower: Value, upper: Value) -> Value:
    """At t > 0; ``lower`` and ``upper``: the shares beyond and within plus or minus t."""
    inverse = F.div(1.0, df)
    center = F.mul(F.square(inverse), _series(F, F.square(inverse), CENTER))
    v = F.arcsinh(F.mul(t, F.sqrt(inverse)))
    within = F.ge(_score(F, v, inverse, center)[0], 0.0)
    df_, inverse_, center_ = (column(F, value) for value in (df, inverse, center))
    part, weights = _unit_rule(F)
    inner = _mean_score(F, F.mul(column(F, F.select(within, v, 1.0)), part), weights, df_, inverse_, center_)
    nodes, tail_weights = rule(F)
    end = F.select(within, 1.0, v)
    scale = F.stop_gradient(F.div(1.0, F.add(F.mul(df, F.tanh(end)), F.sqrt(df))))
    points = F.add(column(F, end), F.mul(nodes, column(F, scale)))
    outer = _mean_score(F, points, tail_weights, df_, inverse_, center_, column(F, end))
    return F.mul(F.select(within, F.mul(upper, inner), F.neg(F.mul(lower, outer))), 0.5)


def _mean_score(
    F: Builder, v: Value, weights: Value, df: Value, inverse: Value, center: Value, start: Value | None = None
) -> Value:
    """The mean of s over the law at these points, whose density is measured by that at the start, or at 0."""
    score, log_rest = _score(F, v, inverse, center)
    if start is not None:
        log_rest = F.sub(log_rest, _score(F, start, inverse, center)[1])
    return mean(F, F.mul(weights, F.exp(F.mul(F.mul(df, 0.5), log_rest))), score)


def _score(F: Builder, v: Value, inverse: Value, center: Value) -> tuple[Value, Value]:
    """s, and ``log(1 - tanh(v)**2)``."""
    h = F.square(F.tanh(v))
    small, far = F.lt(h, FEW), F.gt(v, 1.0)
    rest = F.log1p(F.neg(F.select(far, 0.0, h)))
    beyond = F.select(far, v, 1.0)
    outer = F.mul(F.add(F.sub(beyond, math.log(2.0)), F.log1p(F.exp(F.mul(beyond, -2.0)))), -2.0)
    log_rest = F.select(far, outer, rest)
    little = F.select(small, h, 0.0)
    series = F.mul(F.square(little), _series(F, little, [-1 / (k + 2) for k in range(TERMS)]))
    bend = F.select(small, series, F.add(log_rest, h))
    return F.mul(F.add(F.add(center, F.mul(h, inverse)), bend), 0.5), log_rest


def _series(F: Builder, x: Value, coefficients: tuple[float, ...] | list[float]) -> Value:
    total: Value = F.add(F.mul(x, 0.0), coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = F.add(F.mul(total, x), coefficient)
    return total


def _unit_rule(F: Builder) -> tuple[Value, Value]:
    """Nodes on (0, 1), and their weights but for a factor (Takahasi and Mori)."""
    steps = F.cast(F.iota(dims=(INNER_NODES,), axis=0), F64)
    tau = F.add(F.mul(steps, 2 * INNER_END / (INNER_NODES - 1)), -INNER_END)
    share = F.expit(F.mul(F.sinh(tau), PI))
    return share, F.mul(F.cosh(tau), F.mul(share, F.sub(1.0, share)))
