"""More derivatives of scipy.special's functions: transformations of data, Struve, Kelvin, zeta, statistics.

Rules are from the Digital Library of Mathematical Functions: 10.63 and 10.61 (Kelvin), 11.4 (Struve), 14.10 (Legendre),
18.9 (polynomials), 19.8 (the arithmetic-geometric mean), 25.11 (zeta, by Euler and Maclaurin), 10.46 (Wright).
"""

from __future__ import annotations

import math
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F64
from graphc.ops.carlson import CARLSON_RULES
from graphc.ops.scipy_rules import (
    FEW,
    K_SERIES,
    PI,
    ROOT_PI,
    Rule,
    by_last,
    call,
    ellipk_formula,
    elliptic,
    exp_of,
    exprel_partial,
    half,
)

# --- transformations of data ------------------------------------------------------------------------------------------


def exprel_slope(F: Builder, u: Value) -> Value:
    """The derivative of exprel(u) = (exp(u) - 1)/u."""
    (slope,) = exprel_partial(F, F.exprel(u), u)
    found: Value = slope
    return found


def boxcox_slope(F: Builder, log_x: Value, power: Value) -> Value:
    """By the power: boxcox = log(x) exprel(power log(x))."""
    return F.mul(F.square(log_x), exprel_slope(F, F.mul(power, log_x)))


def boxcox_partials(F: Builder, y: Value, x: Value, power: Value) -> tuple[Any, Any]:
    return F.pow(x, F.sub(power, 1.0)), boxcox_slope(F, F.log(x), power) if power.grad else None


def boxcox1p_partials(F: Builder, y: Value, x: Value, power: Value) -> tuple[Any, Any]:
    log_x = F.log1p(x)
    return F.exp(F.mul(log_x, F.sub(power, 1.0))), boxcox_slope(F, log_x, power) if power.grad else None


def _inverse_slopes(F: Builder, y: Value, power: Value, inverse: Value) -> tuple[Value, Value]:
    """Of ``exp(log1p(power y)/power)``, which is given; by the power near 0 with a series."""
    u = F.mul(power, y)
    near = F.lt(F.abs(u), 0.02)
    small, safe = F.select(near, u, 0.0), F.select(near, 1.0, u)
    series = F.mul(small, 0.0)
    for n in range(9, 0, -1):  # u/(1 + u) - log(1 + u) over u**2: -1/2 + 2u/3 - 3u**2/4 ...
        series = F.mul(F.add(series, (n + 1) / (n + 2) * (1 if n % 2 else -1)), small)
    far = F.div(F.sub(F.div(safe, F.add(safe, 1.0)), F.log1p(safe)), F.square(safe))
    bend = F.select(near, F.add(series, -0.5), far)
    return F.div(inverse, F.add(u, 1.0)), F.mul(F.mul(inverse, F.square(y)), bend)


def inverse_boxcox_partials(F: Builder, x: Value, y: Value, power: Value) -> tuple[Value, Value]:
    return _inverse_slopes(F, y, power, x)


def inverse_boxcox1p_partials(F: Builder, x: Value, y: Value, power: Value) -> tuple[Value, Value]:
    return _inverse_slopes(F, y, power, F.add(x, 1.0))


def tukey_partials(F: Builder, p: Value, x: Value, shape: Value) -> tuple[Any, Any]:
    """One over the derivative of the quantile, ``(p**shape - (1-p)**shape)/shape``; 0 outside of the support."""
    inside = F.logical_and(F.gt(p, 0.0), F.lt(p, 1.0))
    p = F.select(inside, p, 0.5)
    rest, less = F.sub(1.0, p), F.sub(shape, 1.0)
    density = F.div(1.0, F.add(F.pow(p, less), F.pow(rest, less)))
    density = F.select(inside, density, 0.0)
    if not shape.grad:
        return density, None
    moved = F.sub(boxcox_slope(F, F.log(p), shape), boxcox_slope(F, F.log(rest), shape))
    return density, F.neg(F.mul(density, moved))


# --- Kolmogorov's law -------------------------------------------------------------------------------------------------

TERMS, TURN = 5, 0.82  # of its two series, and where the one takes over from the other
GONE = 40.0  # beyond it, and below its reciprocal, the density is 0


def kolmogorov_density(F: Builder, y: Value) -> Value:
    """Minus the derivative of ``kolmogorov(y)``, by two series in theta functions (DLMF 20.7.32)."""
    large, positive = F.logical_and(F.gt(y, TURN), F.lt(y, GONE)), F.logical_and(F.gt(y, 1 / GONE), F.le(y, TURN))
    far, near = F.select(large, y, 1.0), F.select(positive, y, 1.0)
    outer, inner = F.mul(y, 0.0), F.mul(y, 0.0)
    for j in range(1, TERMS + 1):
        term = F.mul(F.exp(F.mul(F.square(far), -2.0 * j * j)), 8.0 * j * j * (1 if j % 2 else -1))
        outer = F.add(outer, F.mul(term, far))
        rate = ((2 * j - 1) * PI) ** 2 / 8
        inverse = F.div(1.0, F.square(near))
        bracket = F.sub(F.mul(inverse, 2 * rate), 1.0)
        inner = F.add(inner, F.mul(F.mul(F.exp(F.mul(inverse, -rate)), bracket), inverse))
    return F.select(large, outer, F.select(positive, F.mul(inner, math.sqrt(2 * PI)), 0.0))


# --- zeta -------------------------------------------------------------------------------------------------------------

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
BEYOND = 1e12  # orders where nothing is left of the tail, whose factors overflow
SUMMED = 12  # terms before Euler and Maclaurin's series, which then holds for s > -15


def hurwitz(F: Builder, s: Value, q: Value, *, slope: bool) -> Value:
    """zeta(s, q) = the sum of (q + k)**-s, or its derivative by s."""
    k = F.cast(F.iota(dims=(SUMMED,), axis=0), F64)
    starts = F.add(F.expand_dims(q, (q.rank,)), k)
    powers = F.pow(starts, F.neg(F.expand_dims(s, (s.rank,))))
    terms = F.neg(F.mul(powers, F.log(starts))) if slope else powers
    head = F.reduce("sum", terms, (terms.rank - 1,))
    end, less = F.add(q, float(SUMMED)), F.sub(s, 1.0)
    power = F.pow(end, F.neg(s))
    whole, rising = F.add(F.div(end, less), 0.5), s  # of the power; (s)_(2j-1)
    whole_slope, rising_slope = F.neg(F.div(end, F.square(less))), F.add(F.mul(s, 0.0), 1.0)
    scale = F.div(1.0, end)
    for j, number in enumerate(BERNOULLI, 1):
        factor = F.mul(scale, number / math.factorial(2 * j))
        whole = F.add(whole, F.mul(rising, factor))
        whole_slope = F.add(whole_slope, F.mul(rising_slope, factor))
        for step in (2 * j - 1, 2 * j):
            shifted = F.add(s, float(step))
            rising_slope = F.add(F.mul(rising_slope, shifted), rising)
            rising = F.mul(rising, shifted)
        scale = F.div(scale, F.square(end))
    tail = F.sub(whole_slope, F.mul(F.log(end), whole)) if slope else whole
    return F.add(head, F.select(F.lt(s, BEYOND), F.mul(power, tail), 0.0))


def zeta_slope(F: Builder, s: Value) -> Value:
    """The derivative of Riemann's zeta; for s < -1/2 by reflection (DLMF 25.4.1)."""
    dtype, s = s.type.dtype, F.cast(s, F64)
    end = F.eq(s, math.inf)
    s = F.select(end, 2.0, s)
    below = F.lt(s, -0.5)
    mirrored = F.select(below, F.sub(1.0, s), s)
    direct = hurwitz(F, mirrored, F.add(F.mul(s, 0.0), 2.0), slope=True)  # without the term 1, of which there is none
    r = F.select(below, mirrored, 2.0)
    value = F.add(F.zetac(r), 1.0)
    angle = F.mul(s, PI / 2)
    inner = F.sub(F.mul(F.sub(math.log(2 * PI), F.digamma(r)), value), direct)
    bracket = F.add(F.mul(F.sin(angle), inner), F.mul(F.mul(F.cos(angle), value), PI / 2))
    scale = F.div(exp_of(F, F.mul(F.select(below, s, -1.0), math.log(2 * PI)), F.gammaln(r)), PI)
    return F.cast(F.select(end, 0.0, F.select(below, F.mul(scale, bracket), direct)), dtype)


# --- others -----------------------------------------------------------------------------------------------------------


def kelvin_slope(partner: str, sign: float, at_zero: float) -> Rule:
    """Of ber', bei', ker' and kei': ``x y' = sign x partner - y`` (DLMF 10.61.3); the limit at 0."""

    def rule(F: Builder, y: Value, x: Value) -> tuple[Value]:
        zero = F.eq(x, 0.0)
        safe = F.select(zero, 1.0, x)
        found = F.sub(F.mul(call(F, partner, safe), sign), F.div(y, safe))
        return (F.select(zero, at_zero, found),)

    return rule


def struve_slope(name: str, sign: float) -> Rule:
    """Half of the neighbours' sum or difference and ``(x/2)**v / (sqrt(pi) gamma(v + 3/2))`` (DLMF 11.4.26, 28)."""

    def rule(F: Builder, y: Value, v: Value, x: Value) -> Value:
        below, above = call(F, name, F.sub(v, 1.0), x), call(F, name, F.add(v, 1.0), x)
        power = F.mul(F.mul(F.pow(F.mul(x, 0.5), v), F.rgamma(F.add(v, 1.5))), 1 / ROOT_PI)
        return half(F, F.add(below, F.mul(above, sign)), power)

    return by_last(rule)


def struve_integral_slope(F: Builder, y: Value, x: Value) -> tuple[Value]:
    """Of the integral of H0(t)/t from x on: -H0(x)/x, -2/pi at 0."""
    zero = F.eq(x, 0.0)
    return (F.select(zero, -2 / PI, F.neg(F.div(F.struve(0.0, x), F.select(zero, 1.0, x)))),)


def mean_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    """Of the larger one, a, and b: pi a / (2 K(m)) with 1 - m = (b/a)**2, homogeneous of degree 1; inf by a b of 0."""
    swapped = F.gt(b, a)
    large, small = F.select(swapped, b, a), F.select(swapped, a, b)
    rest = F.square(F.div(small, large))
    m = F.sub(1.0, rest)
    complete = F.ellipkm1(rest)
    near = F.lt(m, FEW)
    (series,) = elliptic(K_SERIES, ellipk_formula)(F, complete, F.select(near, m, 0.0))
    far = F.div(F.sub(F.ellipe(m), F.mul(rest, complete)), F.select(near, 1.0, m))  # 2 (1 - m) dK/dm
    share = F.div(F.select(near, F.mul(F.mul(rest, series), 2.0), far), complete)
    zero = F.eq(small, 0.0)
    by_small = F.select(zero, math.inf, F.mul(F.div(y, F.select(zero, 1.0, small)), share))
    by_large = F.mul(F.div(y, large), F.sub(1.0, F.select(zero, 0.0, share)))
    return F.select(swapped, by_small, by_large), F.select(swapped, by_large, by_small)


def ellipkm1_partial(F: Builder, y: Value, p: Value) -> tuple[Value]:
    """Minus the derivative of ellipk at 1 - p, whose own value is exact for small p."""
    (slope,) = elliptic(K_SERIES, lambda F, y, m: F.div(F.sub(F.ellipe(m), F.mul(p, y)), F.mul(F.mul(m, p), 2.0)))(
        F, y, F.sub(1.0, p)
    )
    return (F.neg(slope),)


def shifted_gegenbauer(order: float, scale: float, stretch: float, shift: float) -> Rule:
    """``scale C_(n-1)^(order)(stretch x + shift)``; the rule times n where the order is 1."""

    def rule(F: Builder, y: Value, n: Value, x: Value) -> Value:
        inner = F.add(F.mul(x, stretch), shift)
        found = F.mul(call(F, "eval_gegenbauer", F.sub(n, 1.0), order, inner), scale)
        return F.select(F.lt(n, 0.5), 0.0, F.mul(found, n) if order == 1.0 else found)

    return by_last(rule)


def shifted_jacobi(F: Builder, y: Value, n: Value, p: Value, q: Value, x: Value) -> Value:
    found = F.mul(n, call(F, "eval_sh_jacobi", F.sub(n, 1.0), F.add(p, 2.0), F.add(q, 1.0), x))
    return F.select(F.lt(n, 0.5), 0.0, found)


def hermite_slope(name: str, factor: float) -> Rule:
    def rule(F: Builder, y: Value, n: Value, x: Value) -> Value:
        lower = F.select(F.lt(n, 0.5), 0.0, F.sub(n, 1.0))
        return F.mul(F.mul(call(F, name, lower, x), n), factor)

    return by_last(rule)


def spherical_slope(name: str, signs: tuple[float, float]) -> Rule:
    """``(n y_(n-1) s + (n+1) y_(n+1) t) / (2n + 1)`` (DLMF 10.51), which divides by no x."""

    def rule(F: Builder, y: Value, n: Value, x: Value) -> Value:
        below, above = call(F, name, F.maximum(F.sub(n, 1.0), 0.0), x), call(F, name, F.add(n, 1.0), x)
        lower = F.select(F.lt(n, 0.5), 0.0, F.mul(F.mul(below, n), signs[0]))
        return F.div(F.add(lower, F.mul(F.mul(above, F.add(n, 1.0)), signs[1])), F.add(F.mul(n, 2.0), 1.0))

    return by_last(rule)


def bessel_integral_slope(F: Builder, y: Value, a: Value, power: Value, order: Value) -> tuple[Any, ...]:
    """The integral of x**power J_order(2 a x) over 0 to 1, by a: that of 2 x**(power + 1) J'."""
    for value in (power, order):
        by_last(lambda F, y, *inputs: y)(F, y, value, a)
    more = F.add(power, 1.0)
    return F.sub(F.besselpoly(a, more, F.sub(order, 1.0)), F.besselpoly(a, more, F.add(order, 1.0))), None, None


def legendre_slope(F: Builder, y: Value, m: Value, v: Value, x: Value) -> Value:
    """``((v x) P_v^m - (v + m) P_(v-1)^m) / (x**2 - 1)`` (DLMF 14.10.5)."""
    below = call(F, "lpmv", m, F.sub(v, 1.0), x)
    return F.div(F.sub(F.mul(F.mul(v, x), y), F.mul(F.add(v, m), below)), F.sub(F.square(x), 1.0))


def voigt_partials(F: Builder, y: Value, x: Value, sigma: Value, gamma: Value) -> tuple[Value, Value, Value]:
    """The real part of the Faddeeva function of ``z = (x + i gamma)/(sigma sqrt(2))`` over ``sigma sqrt(2 pi)``."""
    from graphc.ops.scipy_parts import faddeeva_slope, part

    scale = F.div(math.sqrt(0.5), sigma)
    z = F.mul(x, scale), F.mul(gamma, scale)
    real, imaginary = faddeeva_slope(F, z, (part(F, "wofz", 0, *z), part(F, "wofz", 1, *z)))
    factor = F.div(F.mul(scale, 1 / math.sqrt(2 * PI)), sigma)
    by_x, by_gamma = F.mul(real, factor), F.neg(F.mul(imaginary, factor))
    moved = F.add(F.mul(by_x, x), F.mul(by_gamma, gamma))  # the profile is homogeneous of degree -1
    return by_x, F.neg(F.div(F.add(y, moved), sigma)), by_gamma


MORE_RULES: dict[str, tuple[int, Rule]] = {
    **CARLSON_RULES,
    "boxcox": (2, boxcox_partials), "boxcox1p": (2, boxcox1p_partials),
    "inv_boxcox": (2, inverse_boxcox_partials), "inv_boxcox1p": (2, inverse_boxcox1p_partials),
    "tklmbda": (2, tukey_partials), "agm": (2, mean_partials), "ellipkm1": (1, ellipkm1_partial),
    "kolmogorov": (1, lambda F, p, y: (F.neg(kolmogorov_density(F, y)),)),
    "kolmogi": (1, lambda F, y, p: (F.neg(F.div(1.0, kolmogorov_density(F, y))),)),
    "zetac": (1, lambda F, y, x: (zeta_slope(F, x),)),
    "berp": (1, kelvin_slope("bei", -1.0, 0.0)), "beip": (1, kelvin_slope("ber", 1.0, 0.5)),
    "kerp": (1, kelvin_slope("kei", -1.0, math.inf)), "keip": (1, kelvin_slope("ker", 1.0, math.inf)),
    "struve": (2, struve_slope("struve", -1.0)), "modstruve": (2, struve_slope("modstruve", 1.0)),
    "it2struve0": (1, struve_integral_slope),
    "eval_chebyc": (2, shifted_gegenbauer(1.0, 1.0, 0.5, 0.0)),
    "eval_chebys": (2, shifted_gegenbauer(2.0, 1.0, 0.5, 0.0)),
    "eval_sh_chebyt": (2, shifted_gegenbauer(1.0, 2.0, 2.0, -1.0)),
    "eval_sh_chebyu": (2, shifted_gegenbauer(2.0, 4.0, 2.0, -1.0)),
    "eval_sh_legendre": (2, shifted_gegenbauer(1.5, 2.0, 2.0, -1.0)),
    "eval_sh_jacobi": (4, by_last(shifted_jacobi)),
    "eval_hermite": (2, hermite_slope("eval_hermite", 2.0)),
    "eval_hermitenorm": (2, hermite_slope("eval_hermitenorm", 1.0)),
    "spherical_jn": (2, spherical_slope("spherical_jn", (1.0, -1.0))),
    "spherical_yn": (2, spherical_slope("spherical_yn", (1.0, -1.0))),
    "spherical_in": (2, spherical_slope("spherical_in", (1.0, 1.0))),
    "spherical_kn": (2, spherical_slope("spherical_kn", (-1.0, -1.0))),
    "besselpoly": (3, bessel_integral_slope), "lpmv": (3, by_last(legendre_slope)),
    "voigt_profile": (3, voigt_partials),
    "wright_bessel": (3, by_last(lambda F, y, a, b, x: F.wright_bessel(a, F.add(a, b), x))),
    "log_wright_bessel": (3, by_last(
        lambda F, y, a, b, x: F.exp(F.sub(F.log_wright_bessel(a, F.add(a, b), x), y)))),
    "radian": (3, lambda F, y, d, m, s: (PI / 180, PI / 10800, PI / 648000)),
}  # fmt: skip
