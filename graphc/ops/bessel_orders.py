"""Derivatives of Bessel functions by their order, by integrals along paths of steepest descent.

On such a path (DLMF 10.9, Watson, "A treatise on the theory of Bessel functions", 8.3) the integrand has one sign and
decays both ways, so that nothing cancels; differentiating by the order multiplies it by minus the path's own variable.

* ``K``: ``exp(-x cosh t) cosh(v t)`` over t > 0. The derivative is K times the mean of ``t tanh(v t)``.
* ``I``: the terms of its power series, which are positive: I times the mean of ``log(x/2) - digamma(v + k + 1)``.
* ``J``, ``Y``: Hankel's function, ``exp(x sinh z - v z)`` from minus infinity to infinity + i pi. For x < v along the
  real axis to the saddle, and then along ``z = s + i phi`` with ``x cosh(s) sin(phi) = v phi``; for x >= v through the
  saddle ``i beta``, ``cos(beta) = v/x``.

Orders below 0 are reflected (DLMF 10.4.1, 10.27). All is computed in float64, for x > 0; where x is 0 or below, the
derivative is not a number, as the functions of orders nearby are not real.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F64
from graphc.ops.scipy_rules import PI, Rule, Slope, call, neighbours, scaled_neighbours
from graphc.ops.shape_slopes import FIRST, LAST, column, mean, rule

GONE = 44.0  # what has this in its exponent less than the largest term is not seen
NODES = 128  # of K's trapezoidal rule
TERMS = 160  # of the series of I
UNIT_NODES, UNIT_END, SIDE_NODES = 160, 3.3, 240
UNIT_STEP, RULE_STEP = 2 * UNIT_END / (UNIT_NODES - 1), (LAST - FIRST) / (SIDE_NODES - 1)  # between nodes
SCALED_FAR, SCALED_TERMS = 40.0, 16  # from where on I is taken by Hankel's series


# --- modified functions -----------------------------------------------------------------------------------------------


def k_share(F: Builder, v: Value, x: Value) -> Value:
    """The derivative of ``log(kv(v, x))`` by v."""
    size, end = F.abs(F.stop_gradient(v)), F.stop_gradient(x)  # the range is any
    top = F.arcsinh(F.div(size, end))  # where the integrand is largest
    right = F.arccosh(F.add(F.div(GONE, F.hypot(size, end)), 1.0))
    ratio = F.div(GONE, F.maximum(size, 1e-3))
    start = F.maximum(F.sub(top, F.add(ratio, F.sqrt(F.mul(ratio, 2.0)))), 0.0)
    steps = _steps(F, NODES)
    t = F.add(column(F, start), F.mul(steps, column(F, F.mul(F.sub(F.add(top, right), start), 1 / (NODES - 1)))))
    order, middle = column(F, F.abs(v)), column(F, top)
    gap, twice = F.sub(t, middle), F.add(t, middle)
    fall = F.mul(F.mul(F.sinh(F.mul(twice, 0.5)), F.sinh(F.mul(gap, 0.5))), 2.0)  # cosh(t) less cosh(top)
    exponent = F.sub(F.mul(order, gap), F.mul(column(F, x), fall))
    weights = F.mul(F.exp(exponent), F.add(F.exp(F.mul(F.mul(order, t), -2.0)), 1.0))
    weights = F.mul(weights, F.select(F.eq(t, 0.0), 0.5, 1.0))
    return mean(F, weights, F.mul(t, F.tanh(F.mul(column(F, v), t))))


def i_share(F: Builder, v: Value, x: Value) -> Value:
    """The derivative of ``log(iv(v, x))`` by v >= 0."""
    far = F.gt(x, F.add(F.mul(F.square(v), 4.0), SCALED_FAR))
    distant = _far_share(F, v, F.select(far, x, 1e3))
    x = F.select(far, 1.0, x)
    end, size = F.stop_gradient(x), F.stop_gradient(v)
    middle = F.div(F.mul(F.square(end), 0.5), F.add(F.hypot(size, end), size))  # of the terms by size
    spread = F.add(F.mul(F.sqrt(F.add(middle, 1.0)), 9.0), 12.0)
    start = F.maximum(F.floor(F.sub(middle, spread)), 0.0)
    step = F.maximum(F.mul(spread, 2.0 / (TERMS - 1)), 1.0)
    k = F.add(column(F, start), F.mul(_steps(F, TERMS), column(F, step)))
    order, log_half = column(F, v), column(F, F.log(F.mul(x, 0.5)))
    first = F.add(column(F, middle), 1.0)
    total = F.add(F.add(order, k), 1.0)
    size = F.sub(F.sub(F.mul(F.mul(k, log_half), 2.0), F.gammaln(F.add(k, 1.0))), F.gammaln(total))
    largest = F.sub(
        F.sub(F.mul(F.mul(F.sub(first, 1.0), log_half), 2.0), F.gammaln(first)), F.gammaln(F.add(order, first))
    )
    near = mean(F, F.exp(F.sub(size, largest)), F.sub(log_half, F.digamma(total)))
    return F.select(far, distant, near)


def _far_share(F: Builder, v: Value, x: Value) -> Value:
    """The same by Hankel's series (DLMF 10.40.1)."""
    square, inverse = F.mul(F.square(v), 4.0), F.div(-1.0, x)
    term, slope = F.add(F.mul(v, 0.0), 1.0), F.mul(v, 0.0)
    total, total_slope = term, slope
    for k in range(1, SCALED_TERMS):
        factor = F.mul(F.mul(F.sub(square, float((2 * k - 1) ** 2)), 1 / (8 * k)), inverse)
        slope = F.add(F.mul(slope, factor), F.mul(F.mul(term, F.mul(v, 1 / k)), inverse))
        term = F.mul(term, factor)
        total, total_slope = F.add(total, term), F.add(total_slope, slope)
    return F.div(total_slope, total)


# --- ordinary functions -----------------------------------------------------------------------------------------------


class Complex(NamedTuple):
    re: Value
    im: Value


def plain_slopes(F: Builder, v: Value, x: Value) -> tuple[Value, Value]:
    """The derivatives of J and Y by v >= 0."""
    is_below = F.lt(x, v)
    below = below_order(F, F.select(is_below, v, 2.0), F.select(is_below, x, 1.0))
    above = above_order(F, F.select(is_below, 1.0, v), F.select(is_below, 2.0, x))
    j, y = (F.select(is_below, *pair) for pair in zip(below, above, strict=True))
    return j, y


def below_order(F: Builder, v: Value, x: Value) -> tuple[Value, Value]:
    """For 0 < x < v: Hankel's path goes along the real axis to the saddle, which gives Y, and then to both sides."""
    order, point = F.stop_gradient(v), F.stop_gradient(x)  # the path is any
    saddle = F.arccosh(F.div(order, point))
    curve = F.sqrt(F.mul(F.sub(order, point), F.add(order, point)))
    depth = F.sub(curve, F.mul(order, saddle))  # the exponent at the saddle
    nothing = F.mul(depth, 0.0)
    width = F.div(1.0, F.maximum(F.add(F.sqrt(curve), F.cbrt(F.mul(order, 1 / 6))), 1.0))
    share, _, weights = unit_rule(F)
    reach = F.minimum(F.mul(saddle, 2.0), F.add(F.div(14.0, F.sqrt(curve)), F.div(GONE, order)))
    near = F.add(F.mul(column(F, reach), F.sub(share, 1.0)), column(F, saddle))
    nodes, tail = rule(F, SIDE_NODES)
    far = F.add(F.mul(nodes, column(F, width)), column(F, saddle))
    start = Complex(F.neg(depth), nothing)
    height = F.mul(F.exp(F.neg(depth)), 1 / PI)
    sides = [
        F.mul(
            _moment(
                F, v, x, Complex(F.neg(u), F.mul(u, 0.0)), Complex(F.add(F.mul(u, 0.0), 1.0), F.mul(u, 0.0)), w, start
            ).re,
            F.mul(size, step),
        )
        for u, w, size, step in ((near, weights, reach, UNIT_STEP), (far, tail, width, RULE_STEP))
    ]
    z, dz, unit_weights, size = _side_path(F, order, point, curve)
    rest = _moment(F, v, x, z, dz, unit_weights, Complex(depth, nothing))
    scale = F.mul(F.mul(F.exp(depth), UNIT_STEP / PI), size)
    return F.neg(F.mul(rest.im, scale)), F.add(F.mul(rest.re, scale), F.mul(F.add(*sides), height))


def _side_path(F: Builder, v: Value, x: Value, curve: Value) -> tuple[Complex, Complex, Value, Value]:
    """From the saddle to infinity + i pi: points, their derivatives by the angle, weights, the largest angle."""
    size = F.minimum(F.div(12.0, F.sqrt(curve)), PI)
    share, rest, weights = unit_rule(F)
    order, point, end = column(F, v), column(F, x), column(F, size)
    phi = F.mul(end, share)
    other = F.add(F.sub(PI, end), F.mul(end, rest))
    sine, first_half = F.sin(F.minimum(phi, other)), F.lt(phi, other)
    cosine = F.mul(F.cos(F.minimum(phi, other)), F.select(first_half, 1.0, -1.0))
    swell, small = F.div(phi, sine), F.lt(phi, 0.1)
    bend = F.select(small, _cubic_gap(F, F.select(small, phi, 0.0)), F.sub(sine, F.mul(phi, cosine)))
    root = F.sqrt(F.mul(F.sub(F.mul(order, swell), point), F.add(F.mul(order, swell), point)))  # x sinh(s)
    turn = F.div(F.mul(order, F.div(bend, F.square(sine))), F.maximum(root, 1e-300))
    return Complex(F.arcsinh(F.div(root, point)), phi), Complex(turn, F.add(F.mul(phi, 0.0), 1.0)), weights, size


def above_order(F: Builder, v: Value, x: Value) -> tuple[Value, Value]:
    """For x >= v >= 0: half lines from the saddle to minus infinity, and to infinity + i pi."""
    order, point = F.stop_gradient(v), F.stop_gradient(x)
    beta = F.arccos(F.div(order, point))
    curve = F.sqrt(F.mul(F.sub(point, order), F.add(point, order)))
    width = F.div(1.0, F.maximum(F.add(F.sqrt(curve), F.cbrt(F.mul(point, 1 / 3))), 1.0))
    nodes, weights = rule(F, SIDE_NODES)
    s, middle = F.mul(nodes, column(F, width)), column(F, beta)
    phase = F.sub(curve, F.mul(order, beta))
    total = Complex(F.mul(phase, 0.0), F.mul(phase, 0.0))
    for sign, room in ((1.0, F.sub(PI, middle)), (-1.0, middle)):
        safe = F.maximum(room, 1e-300)
        share = F.tanh(F.div(s, safe))
        z = Complex(F.mul(s, sign), F.add(middle, F.mul(F.mul(safe, share), sign)))
        dz = Complex(F.add(F.mul(s, 0.0), 1.0), F.mul(F.sub(1.0, share), F.add(1.0, share)))
        part = _moment(F, v, x, z, dz, weights, Complex(F.mul(phase, 0.0), phase))
        total = Complex(F.add(total.re, part.re), F.add(total.im, part.im))
    scale, cosine, sine = F.mul(width, RULE_STEP / PI), F.cos(phase), F.sin(phase)
    re = F.sub(F.mul(total.re, cosine), F.mul(total.im, sine))
    im = F.add(F.mul(total.re, sine), F.mul(total.im, cosine))
    return F.neg(F.mul(im, scale)), F.mul(re, scale)


def _moment(F: Builder, v: Value, x: Value, z: Complex, dz: Complex, weights: Value, largest: Complex) -> Complex:
    """The sum of ``z exp(x sinh z - v z - largest) dz`` over points of a path."""
    order, point = column(F, v), column(F, x)
    growing, turning = F.mul(F.sinh(z.re), F.cos(z.im)), F.mul(F.cosh(z.re), F.sin(z.im))
    exponent = F.sub(F.sub(F.mul(point, growing), F.mul(order, z.re)), column(F, largest.re))
    angle = F.sub(F.sub(F.mul(point, turning), F.mul(order, z.im)), column(F, largest.im))
    size = F.mul(weights, F.exp(exponent))
    a, b = F.mul(size, F.cos(angle)), F.mul(size, F.sin(angle))
    p, q = F.sub(F.mul(z.re, dz.re), F.mul(z.im, dz.im)), F.add(F.mul(z.re, dz.im), F.mul(z.im, dz.re))
    last = (z.re.rank - 1,)
    return Complex(F.reduce("sum", F.sub(F.mul(a, p), F.mul(b, q)), last),
                   F.reduce("sum", F.add(F.mul(a, q), F.mul(b, p)), last))  # fmt: skip


# --- rules ------------------------------------------------------------------------------------------------------------


def _positive(F: Builder, v: Value, x: Value) -> tuple[Value, Value, Value]:
    """Whether x > 0, the size of the order, and an x that is positive, in float64."""
    x = F.cast(x, F64)
    inside = F.logical_and(F.gt(x, 0.0), F.isfinite(x))
    return inside, F.abs(F.cast(v, F64)), F.select(inside, x, 1.0)


def _guarded(F: Builder, v: Value, x: Value, inside: Value, found: Value) -> Value:
    """0 for a positive order at x = 0, where the function is 0; not a number for x < 0."""
    outside = F.select(F.logical_and(F.eq(x, 0.0), F.gt(v, 0.0)), 0.0, math.nan)
    return F.cast(F.select(inside, found, F.cast(outside, F64)), v.type.dtype)


def k_by_order(F: Builder, y: Value, v: Value, x: Value) -> Value:
    """Of ``kv``, or of ``kve``."""
    inside, _, point = _positive(F, v, x)
    return F.mul(y, _guarded(F, v, x, inside, k_share(F, F.cast(v, F64), point)))


def i_by_order(name: str) -> Slope:
    """Of ``iv``, or of ``ive``; ``I(-u) = I(u) + 2/pi sin(pi u) K(u)``."""

    def slope(F: Builder, y: Value, v: Value, x: Value) -> Value:
        inside, size, point = _positive(F, v, x)
        upper = F.mul(call(F, name, size, point), i_share(F, size, point))
        other = call(F, "kve" if name == "ive" else "kv", size, point)
        if name == "ive":
            other = F.mul(other, F.exp(F.mul(point, -2.0)))
        turned = F.mul(size, PI)
        added = F.add(F.cos(turned), F.mul(F.mul(F.sin(turned), k_share(F, size, point)), 1 / PI))
        lower = F.neg(F.add(upper, F.mul(F.mul(added, other), 2.0)))
        return _guarded(F, v, x, inside, F.select(F.lt(F.cast(v, F64), 0.0), lower, upper))

    return slope


def j_by_order(F: Builder, y: Value, v: Value, x: Value) -> Value:
    """``J(-u) = cos(pi u) J(u) - sin(pi u) Y(u)``."""
    inside, size, point = _positive(F, v, x)
    by_j, by_y = plain_slopes(F, size, point)
    j, y_ = call(F, "jv", size, point), call(F, "yv", size, point)
    cosine, sine = F.cos(F.mul(size, PI)), F.sin(F.mul(size, PI))
    lower = F.sub(F.mul(sine, F.add(F.mul(j, PI), by_y)), F.mul(cosine, F.sub(by_j, F.mul(y_, PI))))
    return _guarded(F, v, x, inside, F.select(F.lt(F.cast(v, F64), 0.0), lower, by_j))


def y_by_order(F: Builder, y: Value, v: Value, x: Value) -> Value:
    """``Y(-u) = sin(pi u) J(u) + cos(pi u) Y(u)``."""
    inside, size, point = _positive(F, v, x)
    by_j, by_y = plain_slopes(F, size, point)
    j, y_ = call(F, "jv", size, point), call(F, "yv", size, point)
    cosine, sine = F.cos(F.mul(size, PI)), F.sin(F.mul(size, PI))
    lower = F.sub(F.mul(sine, F.sub(F.mul(y_, PI), by_j)), F.mul(cosine, F.add(F.mul(j, PI), by_y)))
    found = _guarded(F, F.cast(v, F64), x, inside, F.select(F.lt(F.cast(v, F64), 0.0), lower, by_y))
    return F.cast(F.select(F.eq(F.cast(x, F64), 0.0), math.nan, found), v.type.dtype)


def _both(by_order: Slope, by_argument: Slope) -> tuple[int, Rule]:
    def partials(F: Builder, y: Value, v: Value, x: Value) -> tuple[Value | None, Value]:
        return by_order(F, y, v, x) if v.grad else None, by_argument(F, y, v, x)

    return 2, partials


BESSEL_RULES: dict[str, tuple[int, Rule]] = {
    "jv": _both(j_by_order, neighbours("jv", minus=True)), "jve": _both(j_by_order, neighbours("jve", minus=True)),
    "yv": _both(y_by_order, neighbours("yv", minus=True)), "yve": _both(y_by_order, neighbours("yve", minus=True)),
    "iv": _both(i_by_order("iv"), neighbours("iv")), "ive": _both(i_by_order("ive"), scaled_neighbours("ive", 1.0)),
    "kv": _both(k_by_order, neighbours("kv", sign=-1.0)), "kve": _both(k_by_order, scaled_neighbours("kve", -1.0)),
}  # fmt: skip

# --- pieces -----------------------------------------------------------------------------------------------------------


def _cubic_gap(F: Builder, phi: Value) -> Value:
    """``sin(phi) - phi cos(phi)`` for small phi."""
    square = F.square(phi)
    series: Value = F.mul(square, 0.0)
    for n in range(6, 0, -1):
        series = F.mul(F.add(series, 2 * n / math.factorial(2 * n + 1) * (1 if n % 2 else -1)), square)
    return F.mul(series, phi)


def _steps(F: Builder, count: int) -> Value:
    return F.cast(F.iota(dims=(count,), axis=0), F64)


def unit_rule(F: Builder) -> tuple[Value, Value, Value]:
    """Nodes on (0, 1), one less them, and their weights but for a factor (Takahasi and Mori)."""
    tau = F.add(F.mul(_steps(F, UNIT_NODES), 2 * UNIT_END / (UNIT_NODES - 1)), -UNIT_END)
    bent = F.mul(F.sinh(tau), PI)
    share, rest = F.expit(bent), F.expit(F.neg(bent))
    return share, rest, F.mul(F.mul(F.cosh(tau), PI), F.mul(share, rest))
