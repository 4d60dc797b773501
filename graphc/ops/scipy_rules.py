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


def neighbours(name: str, *, minus: bool = False, sign: float = 1.0) -> Rule:
    """Of a Bessel function: half of the one below and the one above in order."""

    def rule(F: Builder, y: Value, v: Value, x: Value) -> Value:
        found = half(F, call(F, name, F.sub(v, 1.0), x), call(F, name, F.add(v, 1.0), x), minus=minus)
        return F.mul(found, sign) if sign != 1.0 else found

    return by_last(rule)


def scaled_neighbours(name: str, sign: float) -> Rule:
    """Of one that is scaled by an exponential: as above, and what the scale does (``ive``: by exp(-\\|x\\|))."""

    def rule(F: Builder, y: Value, v: Value, x: Value) -> Value:
        found = half(F, call(F, name, F.sub(v, 1.0), x), call(F, name, F.add(v, 1.0), x))
        return F.sub(found, F.mul(y, F.sign(x))) if sign > 0 else F.sub(y, found)

    return by_last(rule)


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
    whole = F.digamma(F.add(a, b))
    return F.mul(y, F.sub(F.digamma(a), whole)), F.mul(y, F.sub(F.digamma(b), whole))


def betaln_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    whole = F.digamma(F.add(a, b))
    return F.sub(F.digamma(a), whole), F.sub(F.digamma(b), whole)


def binom_partials(F: Builder, y: Value, n: Value, k: Value) -> tuple[Value, Value]:
    rest = F.digamma(F.add(F.sub(n, k), 1.0))
    by_n = F.sub(F.digamma(F.add(n, 1.0)), rest)
    return F.mul(y, by_n), F.mul(y, F.sub(rest, F.digamma(F.add(k, 1.0))))


def poch_partials(F: Builder, y: Value, z: Value, m: Value) -> tuple[Value, Value]:
    end = F.digamma(F.add(z, m))
    return F.mul(y, F.sub(end, F.digamma(z))), F.mul(y, end)


# --- error functions, exponential integrals ---------------------------------------------------------------------------


def gauss(F: Builder, x: Value, factor: float, rate: float) -> Value:
    return F.mul(F.exp(F.mul(F.square(x), rate)), factor)


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
    return (F.select(near, F.neg(F.add(series, 1.0)), F.neg(F.div(F.log1p(safe), safe))),)


# --- Bessel functions of orders 0 and 1 -------------------------------------------------------------------------------


def order(F: Builder, name: str, v: float, x: Value) -> Value:
    """A Bessel function of this order: rules by neighbours divide by nothing, and hold at 0 to every order."""
    return call(F, name, F.constant(v, ArrayType(x.type.dtype)), x)


def i0e_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    return (F.sub(F.i1e(x), F.mul(F.sign(x), y)),)


def i1e_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    return (F.sub(half(F, F.i0e(x), order(F, "ive", 2.0, x)), F.mul(F.sign(x), y)),)


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
    root = F.sqrt(F.add(F.square(F.div(r, delta)), 1.0))
    square = F.square(F.div(r, delta))
    return F.mul(delta, F.sub(F.mul(F.sub(root, 1.0), 2.0), F.div(square, root))), F.div(r, root)


def powm1_partials(F: Builder, y: Value, x: Value, p: Value) -> tuple[Value, Value]:
    return F.mul(p, F.pow(x, F.sub(p, 1.0))), F.mul(F.pow(x, p), F.log(x))
