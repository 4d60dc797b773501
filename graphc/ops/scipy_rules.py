"""Derivatives of scipy.special's functions, as programs of the op table.

Rules are from the Digital Library of Mathematical Functions (DLMF): 5.4 and 8.8 (gamma), 7 (error functions), 10.6,
10.29 (Bessel), 13.3, 15.5 (hypergeometric), 18.9 (polynomials), 19.4 (elliptic), 25.11 (zeta). Distribution functions
have their densities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType

PI, ROOT_PI = math.pi, math.sqrt(math.pi)
Rule = Callable[..., tuple[Any, ...]]


# --- the forms of rules -----------------------------------------------------------------------------------------------


def by_last(rule: Callable[..., Value]) -> Rule:
    """A rule for the last input alone: ``rule(F, y, *inputs)``. The others must not be differentiated."""

    def partials(F: Builder, y: Value, /, *inputs: Value) -> tuple[Any, ...]:
        *parameters, _ = inputs
        if any(p.grad for p in parameters):
            name = y.node.op.name if y.node is not None else "the function"
            message = f"{name} has no derivative by its first arguments here; pass them through graphc.stop_gradient"
            raise GradientError(message, location=F.location)
        return *(None for _ in parameters), rule(F, y, *inputs)

    return partials


def call(F: Builder, name: str, *arguments: Any) -> Value:
    return F.apply(F.ops[name], arguments, {})


def exp_of(F: Builder, *terms: Any) -> Value:
    """exp of the sum of the terms."""
    total = terms[0]
    for term in terms[1:]:
        total = F.add(total, term)
    return F.exp(total)


def half(F: Builder, a: Value, b: Value, *, minus: bool = False) -> Value:
    return F.mul(F.sub(a, b) if minus else F.add(a, b), 0.5)


Slope = Callable[[Builder, Value, Value, Value], Value]  # of a function of an order and an argument


def neighbours(name: str, *, minus: bool = False, sign: float = 1.0) -> Slope:
    """Of a Bessel function by its argument: half of the one below and the one above in order."""

    def slope(F: Builder, y: Value, v: Value, x: Value) -> Value:
        found = half(F, call(F, name, F.sub(v, 1.0), x), call(F, name, F.add(v, 1.0), x), minus=minus)
        return F.mul(found, sign) if sign != 1.0 else found

    return slope


def scaled_neighbours(name: str, sign: float) -> Slope:
    """Of one that is scaled by an exponential: as above, and what the scale does (``ive``: by exp(-\\|x\\|))."""

    def slope(F: Builder, y: Value, v: Value, x: Value) -> Value:
        found = half(F, call(F, name, F.sub(v, 1.0), x), call(F, name, F.add(v, 1.0), x))
        near = F.sub(found, F.mul(y, F.sign(x))) if sign > 0 else F.sub(y, found)
        return scaled_far(F, v, x, near, -1.0 if sign > 0 else 1.0)

    return slope


SCALED_FAR, SCALED_TERMS = 40.0, 14  # from this argument on the terms of the derivative cancel


def scaled_far(F: Builder, v: Any, x: Value, near: Value, sign: float) -> Value:
    """The derivative of ``ive`` (sign -1) or ``kve`` (1) by x: ``near``, or for large x by Hankel's series.

    (DLMF 10.40: the sum of ``sign**k a_k(v) / x**k`` over the root of x.)
    """
    square = F.mul(F.square(v), 4.0) if isinstance(v, Value) else 4.0 * v * v
    far = F.gt(x, F.add(square, SCALED_FAR))
    size = F.select(far, x, 1e3)
    inverse = F.div(1.0, size)
    term = F.div(F.mul(inverse, math.sqrt(0.5 / PI) if sign < 0 else math.sqrt(PI / 2)), F.sqrt(size))
    total = F.mul(term, -0.5)
    for k in range(1, SCALED_TERMS):
        step = F.mul(F.sub(square, float((2 * k - 1) ** 2)), sign / (8 * k))
        term = F.mul(F.mul(term, step), inverse)
        total = F.sub(total, F.mul(term, k + 0.5))
    return F.select(far, total, near)


def shifted(factor: Callable[..., Value], name: str, count: int) -> Rule:
    """Of a hypergeometric function: a factor times the same with all parameters one higher."""

    def rule(F: Builder, y: Value, *inputs: Value) -> Value:
        raised = [F.add(p, 1.0) for p in inputs[:count]]
        return F.mul(factor(F, *inputs), call(F, name, *raised, inputs[count]))

    return by_last(rule)


def lower_degree(name: str, factor: Callable[..., Any], raised: tuple[Any, ...]) -> Rule:
    """Of a polynomial: a factor times another one of one degree less, 0 for degree 0."""

    def rule(F: Builder, y: Value, n: Value, *rest: Value) -> Value:
        *parameters, x = rest
        others = [F.add(p, r) if isinstance(p, Value) else r for p, r in zip(parameters or raised, raised, strict=True)]
        found = F.mul(call(F, name, F.sub(n, 1.0), *others, x), factor(F, n, *parameters))
        return F.select(F.lt(n, 0.5), 0.0, found)

    return by_last(rule)


# --- gamma and beta ---------------------------------------------------------------------------------------------------


def beta_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    gone = F.logical_and(F.eq(y, 0.0), F.logical_or(F.eq(a, math.inf), F.eq(b, math.inf)))
    a, b = F.select(gone, 1.0, a), F.select(gone, 1.0, b)
    by_a, by_b = betaln_partials(F, y, a, b)
    return F.mul(y, by_a), F.mul(y, by_b)


def betaln_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    return F.neg(digamma_difference(F, a, b)), F.neg(digamma_difference(F, b, a))


CLOSE = 0.003  # the share of a from which on digamma(a + b) - digamma(a) does not cancel


def digamma_difference(F: Builder, a: Value, b: Value) -> Value:
    """``digamma(a + b) - digamma(a)``, by Taylor's series around the middle where b is small beside a > 0."""
    close = F.lt(F.abs(b), F.mul(a, CLOSE))
    small = F.select(close, b, 0.0)
    middle = F.select(close, F.add(a, F.mul(small, 0.5)), 1.0)
    first, third = (F.polygamma(F.constant(n, ArrayType(a.type.dtype)), middle) for n in (1.0, 3.0))
    taylor = F.mul(small, F.add(first, F.mul(F.mul(F.square(small), third), 1 / 24)))
    return F.select(close, taylor, F.sub(F.digamma(F.add(a, b)), F.digamma(a)))


def rgamma_slope(F: Builder, y: Value, x: Value) -> Value:
    """``-y digamma(x)``; below 1/2 that of ``sin(pi x) gamma(1 - x) / pi``, since there both have poles and zeros."""
    below = F.lt(x, 0.5)
    point = F.select(below, x, 0.0)
    whole = F.rint(point)
    sign = F.sub(1.0, F.mul(F.abs(F.remainder(whole, 2.0)), 2.0))
    angle, mirrored = F.mul(F.sub(point, whole), PI), F.sub(1.0, point)
    turned = F.sub(F.cos(angle), F.mul(F.mul(F.sin(angle), F.digamma(mirrored)), 1 / PI))
    reflected = F.mul(F.mul(sign, turned), F.gamma(mirrored))
    ordinary = F.logical_not(F.logical_or(below, F.eq(x, math.inf)))
    return F.select(below, reflected, F.neg(F.mul(y, F.digamma(F.select(ordinary, x, 1.0)))))


def _is_pole(F: Builder, x: Value) -> Value:
    """Whether gamma has a pole at x: 0, -1, -2 ..."""
    return F.logical_and(F.le(x, 0.0), F.eq(F.floor(x), x))


def binom_partials(F: Builder, y: Value, n: Value, k: Value) -> tuple[Value, Value]:
    """By digamma; where k > n, or k < 0, are integers the value is 0, but the reciprocal of a gamma has a slope."""
    a, b, c = F.add(n, 1.0), F.add(k, 1.0), F.add(F.sub(n, k), 1.0)
    rest_pole = F.logical_and(_is_pole(F, c), F.logical_not(F.logical_or(_is_pole(F, a), _is_pole(F, b))))
    own_pole = F.logical_and(_is_pole(F, b), F.logical_not(F.logical_or(_is_pole(F, a), _is_pole(F, c))))
    pole = F.logical_or(rest_pole, own_pole)
    a, b, c = (F.select(pole, 1.0, v) for v in (a, b, c))
    by_n, by_k = F.sub(F.digamma(a), F.digamma(c)), F.sub(F.digamma(c), F.digamma(b))
    turned = F.select(rest_pole, F.add(F.sub(n, k), 1.0), 1.0), F.select(own_pole, F.add(k, 1.0), 1.0)
    top = F.gamma(F.select(pole, F.add(n, 1.0), 1.0))
    rest = F.mul(F.mul(top, F.rgamma(F.select(rest_pole, F.add(k, 1.0), 1.0))), rgamma_slope(F, y, turned[0]))
    own = F.mul(F.mul(top, F.rgamma(F.select(own_pole, F.add(F.sub(n, k), 1.0), 1.0))), rgamma_slope(F, y, turned[1]))
    at_pole = F.select(rest_pole, rest, 0.0), F.select(rest_pole, F.neg(rest), own)
    return F.select(pole, at_pole[0], F.mul(y, by_n)), F.select(pole, at_pole[1], F.mul(y, by_k))


def poch_partials(F: Builder, y: Value, z: Value, m: Value) -> tuple[Value, Value]:
    return F.mul(y, digamma_difference(F, z, m)), F.mul(y, F.digamma(F.add(z, m)))


# --- error functions, exponential integrals ---------------------------------------------------------------------------


def gauss(F: Builder, x: Value, factor: float, rate: float) -> Value:
    return F.mul(F.exp(F.mul(F.square(x), rate)), factor)


DAWSON_FAR, DAWSON_TERMS = 12.0, 10  # from this size of x on, 1 - 2 x y cancels


def dawson_slope(F: Builder, y: Value, x: Value) -> Value:
    """``1 - 2 x y``, far out by the asymptotic series (DLMF 7.12.2)."""
    far = F.gt(F.abs(x), DAWSON_FAR)
    inverse_square = F.select(far, F.div(1.0, F.square(F.select(far, x, 1.0))), 0.0)
    series = F.mul(inverse_square, 0.0)
    for k in range(DAWSON_TERMS, 0, -1):  # the k-th term is -(2k - 1)!! / (2 x**2)**k
        series = F.mul(F.sub(series, math.prod(range(1, 2 * k, 2)) / 2**k), inverse_square)
    return F.select(far, series, F.sub(1.0, F.mul(F.mul(F.select(far, 0.0, x), y), 2.0)))


def ndtri_exp_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    return (F.mul(exp_of(F, x, F.mul(F.square(y), 0.5)), math.sqrt(2 * PI)),)


def exprel_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    """(exp(x) - y)/x, near 0 by its series."""
    near = F.lt(F.abs(x), 0.05)
    small, safe = F.select(near, x, 0.0), F.select(near, 1.0, x)
    series = F.mul(small, 0.0)
    for k in range(7, 0, -1):  # the k-th term is (k + 1) x**k / (k + 2)!
        series = F.mul(F.add(series, (k + 1) / math.factorial(k + 2)), small)
    return (F.select(near, F.add(series, 0.5), F.div(F.sub(F.exp(safe), y), safe)),)


def owens_partials(F: Builder, y: Value, h: Value, a: Value) -> tuple[Value, Value]:
    one = F.add(F.square(a), 1.0)
    by_h = F.mul(gauss(F, h, -0.5 / math.sqrt(2 * PI), -0.5), F.erf(F.mul(F.mul(a, h), math.sqrt(0.5))))
    return by_h, F.div(exp_of(F, F.mul(F.mul(F.square(h), one), -0.5)), F.mul(one, 2 * PI))


def spence_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    """log(x)/(1 - x), near 1 by its series."""
    off = F.sub(x, 1.0)
    near = F.lt(F.abs(off), 0.05)
    small, safe = F.select(near, off, 0.0), F.select(near, 1.0, off)
    series = F.mul(small, 0.0)
    for k in range(13, 0, -1):
        series = F.mul(F.add(series, 1.0 / (k + 1)), F.neg(small))
    return (F.select(near, F.neg(F.add(series, 1.0)), F.neg(F.div(F.log(F.select(near, 2.0, x)), safe))),)


# --- Bessel functions of orders 0 and 1 -------------------------------------------------------------------------------


def order(F: Builder, name: str, v: float, x: Value) -> Value:
    """A Bessel function of this order: rules by neighbours divide by nothing, and hold at 0 to every order."""
    return call(F, name, F.constant(v, ArrayType(x.type.dtype)), x)


def i0e_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    sign = F.select(F.lt(x, 0.0), -1.0, 1.0)
    near = F.sub(F.i1e(F.abs(x)), y)
    return (F.mul(scaled_far(F, 0.0, F.abs(x), near, -1.0), F.select(F.eq(x, 0.0), 0.0, sign)),)


def i1e_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    near = F.sub(half(F, F.i0e(x), order(F, "ive", 2.0, x)), F.mul(F.sign(x), y))
    return (scaled_far(F, 1.0, F.abs(x), near, -1.0),)


# --- elliptic integrals -----------------------------------------------------------------------------------------------

FEW, TERMS = 0.02, 10  # up to this parameter a series of so many terms beats a difference that cancels
_SQUARES = [math.comb(2 * n, n) ** 2 / 16**n for n in range(TERMS + 1)]  # K(m) = pi/2 sum of these m**n (DLMF 19.5)
K_SERIES = tuple(n * _SQUARES[n] for n in range(1, TERMS + 1))
E_SERIES = tuple(-n * _SQUARES[n] / (2 * n - 1) for n in range(1, TERMS + 1))


def elliptic(series: tuple[float, ...], formula: Callable[..., Value]) -> Rule:
    def rule(F: Builder, y: Value, m: Value) -> tuple[Value]:
        near = F.lt(F.abs(m), FEW)
        small, safe = F.select(near, m, 0.0), F.select(near, 0.5, m)
        total: Value = F.mul(small, 0.0)
        for coefficient in reversed(series):
            total = F.add(F.mul(total, small), coefficient * PI / 2)
        return (F.select(near, total, formula(F, y, safe)),)

    return rule


def ellipk_formula(F: Builder, y: Value, m: Value) -> Value:
    rest = F.sub(1.0, m)
    return F.div(F.sub(F.ellipe(m), F.mul(rest, F.ellipk(m))), F.mul(F.mul(m, rest), 2.0))


def ellipe_formula(F: Builder, y: Value, m: Value) -> Value:
    return F.div(F.sub(F.ellipe(m), F.ellipk(m)), F.mul(m, 2.0))


def amplitude_slope(F: Builder, phi: Value, m: Value, power: float = -0.5) -> Value:
    """The derivative of ``ellipkinc(phi, m)`` (power -1/2) or ``ellipeinc`` (1/2) by m, by Carlson's R_D (DLMF 19.25).

    It is the integral of ``-power sin**2 (1 - m sin**2)**(power - 1)``, of which each half turn adds twice the quarter.
    """
    turns = F.rint(F.div(phi, PI))
    rest = F.sub(phi, F.mul(turns, PI))
    sine, cosine = F.sin(rest), F.cos(rest)
    delta, one = F.sub(1.0, F.mul(m, F.square(sine))), F.add(F.mul(m, 0.0), 1.0)
    ends = (one, delta) if power < 0 else (delta, one)
    quarter = (one, F.sub(1.0, m)) if power < 0 else (F.sub(1.0, m), one)
    inner = F.mul(F.mul(F.square(sine), sine), call(F, "elliprd", F.square(cosine), *ends))
    outer = F.mul(turns, F.mul(call(F, "elliprd", F.mul(m, 0.0), *quarter), 2.0))
    return F.mul(F.add(inner, F.select(F.eq(turns, 0.0), 0.0, outer)), 1 / 6 if power < 0 else -1 / 6)


def incomplete(power: float) -> Rule:
    """By the amplitude: (1 - m sin**2)**power."""

    def rule(F: Builder, y: Value, phi: Value, m: Value) -> tuple[Value, Value | None]:
        by_amplitude = F.pow(F.sub(1.0, F.mul(m, F.square(F.sin(phi)))), power)
        return by_amplitude, amplitude_slope(F, phi, m, power) if m.grad else None

    return rule


# --- others -----------------------------------------------------------------------------------------------------------


def rel_entr_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    ratio = F.div(a, b)
    return F.add(F.log(ratio), 1.0), F.neg(ratio)


def kl_div_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    ratio = F.div(a, b)
    return F.log(ratio), F.sub(1.0, ratio)


def huber_partials(F: Builder, y: Value, delta: Value, r: Value) -> tuple[Value, Value]:
    inner = F.le(F.abs(r), delta)
    return F.select(inner, 0.0, F.sub(F.abs(r), delta)), F.select(inner, r, F.mul(delta, F.sign(r)))


def pseudo_huber_partials(F: Builder, y: Value, delta: Value, r: Value) -> tuple[Value, Value]:
    """``(h - delta)**2 / h`` and ``delta r / h`` with ``h = hypot(delta, r)``; r**2 / 2 has 0 and r, 0 has 0."""
    h = F.hypot(delta, r)
    square, safe = F.isinf(delta), F.select(F.eq(h, 0.0), 1.0, h)
    share, less = F.div(r, safe), F.div(r, F.add(safe, delta))  # r less = h - delta, without the difference
    by_delta = F.mul(F.mul(r, F.square(less)), share)
    return F.select(square, 0.0, by_delta), F.select(square, r, F.mul(delta, share))


def powm1_partials(F: Builder, y: Value, x: Value, p: Value) -> tuple[Value, Value]:
    return F.mul(p, F.pow(x, F.sub(p, 1.0))), F.mul(F.pow(x, p), F.log(x))
