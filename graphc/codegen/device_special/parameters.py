"""Inverses of laws by a parameter: where the gamma or beta law has a probability, as a function of its shape.

The logarithm of the smaller tail is solved for the logarithm of the parameter by false position (the Illinois variant:
Dowell and Jarratt, BIT 11, 1971), from an interval that is widened until it holds the solution.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.codegen.device_special.gamma_quantiles import log_of_ratio
from graphc.codegen.device_special.incomplete_beta import beta_tail
from graphc.codegen.device_special.incomplete_gamma import gamma_tail
from graphc.codegen.device_special.language import epsilon, exp, isfinite, isinf, isnan, log, number, pow

NAN, INF = math.nan, math.inf
GAMMA, FIRST, SECOND, BINOMIAL = 0.0, 1.0, 2.0, 3.0  # which law and parameter
STEPS = 100
WIDEST = 300.0  # of the logarithm; float32 ends before


def tail(kind: Any, s: Any, u: Any, v: Any, upper: Any) -> Any:
    """The probability with s as the parameter: P(s, u), I_u(s, v), I_u(v, s), or up to s of u trials of chance v."""
    if kind == GAMMA:
        return gamma_tail(s, u, upper)
    if kind == FIRST:
        return beta_tail(s, v, u, 1.0 - u, upper)
    if kind == SECOND:
        return beta_tail(v, s, u, 1.0 - u, upper)
    return beta_tail(u - s, s + 1.0, 1.0 - v, v, upper)


def gap(kind: Any, log_s: Any, u: Any, v: Any, p: Any, q: Any) -> Any:
    """The logarithm of how far the probability is above the one that is looked for."""
    if p <= q:
        return log_of_ratio(tail(kind, exp(log_s), u, v, -1.0), p)
    return -log_of_ratio(tail(kind, exp(log_s), u, v, 1.0), q)


def parameter(kind: Any, start: Any, most: Any, u: Any, v: Any, p: Any, q: Any) -> Any:
    """The parameter, from the start and not above ``most``; the law grows with it for SECOND and BINOMIAL."""
    sign = 1.0 if kind >= SECOND else -1.0
    a = log(start)
    gap_a = gap(kind, a, u, v, p, q)
    direction = -1.0 if sign * gap_a > 0.0 else 1.0
    step = number(0, u) + 0.5
    b = a
    gap_b = gap_a
    for _ in range(STEPS):
        if not (gap_a * gap_b > 0.0) or abs(b) > WIDEST or b == most:
            break
        a = b
        gap_a = gap_b
        b = min(a + direction * step, most)
        step = 2.0 * step
        gap_b = gap(kind, b, u, v, p, q)
    if gap_a * gap_b > 0.0 or isnan(gap_b):
        return number(NAN, u)
    last = a
    for _ in range(STEPS):
        if gap_b == 0.0:
            break
        middle = (a * gap_b - b * gap_a) / (gap_b - gap_a)
        if not isfinite(gap_a) or not isfinite(gap_b) or not (middle >= min(a, b) and middle <= max(a, b)):
            middle = 0.5 * (a + b)
        found = gap(kind, middle, u, v, p, q)
        if found * gap_b < 0.0:
            a = b
            gap_a = gap_b
        else:
            gap_a = 0.5 * gap_a
        b = middle
        gap_b = found
        if abs(b - last) <= 2.0 * epsilon(u) * (1.0 + abs(b)):
            break
        last = b
    return exp(b)


def far(x: Any) -> Any:
    """No bound of a logarithm."""
    return number(0, x) + 2.0 * WIDEST


# --- of the gamma law -------------------------------------------------------------------------------------------------


def gamma_shape(p: Any, q: Any, x: Any) -> Any:
    """The shape with which P is p and Q is q at x."""
    if isnan(p) or isnan(x) or p < 0.0 or q < 0.0 or x <= 0.0 or isinf(x):
        return number(NAN, x)
    if p == 0.0 or q == 0.0:
        return number(INF, x) if p == 0.0 else number(0, x)
    return parameter(GAMMA, x + 0.25, far(x), x, x, p, q)


def chdtriv(p: Any, x: Any) -> Any:
    return 2.0 * gamma_shape(p, 1.0 - p, 0.5 * x)


def gdtrib(a: Any, p: Any, x: Any) -> Any:
    if a * x == 0.0 and p >= 0.0 and p <= 1.0:
        return number(0, x)
    return gamma_shape(p, 1.0 - p, a * x)


def pdtrik(p: Any, m: Any) -> Any:
    """The count up to which Poisson's law has p, as a real number; 0 where it has more at 0 already."""
    if isnan(p) or isnan(m) or p < 0.0 or p > 1.0 or m < 0.0 or isinf(m) or p == 1.0:
        return number(NAN, m)
    if p <= exp(-m):
        return number(0, m)
    return max(gamma_shape(1.0 - p, p, m) - 1.0, number(0, m))


# --- of the beta law --------------------------------------------------------------------------------------------------


def no_beta(p: Any, shape: Any, x: Any) -> Any:
    return isnan(shape) or isinf(shape) or shape <= 0.0 or not (p > 0.0 and p < 1.0 and x > 0.0 and x < 1.0)


def btdtria(p: Any, b: Any, x: Any) -> Any:
    if no_beta(p, b, x):
        return number(NAN, x)
    return parameter(FIRST, b * x / (1.0 - x), far(x), x, b, p, 1.0 - p)


def btdtrib(a: Any, p: Any, x: Any) -> Any:
    if no_beta(p, a, x):
        return number(NAN, x)
    return parameter(SECOND, a * (1.0 - x) / x, far(x), x, a, p, 1.0 - p)


def nbdtrin(k: Any, p: Any, chance: Any) -> Any:
    """The number of successes: I at the chance with k + 1."""
    return btdtria(p, k + 1.0, chance)


def bdtrin(k: Any, p: Any, chance: Any) -> Any:
    """The number of trials: k more than the first shape of I at 1 - chance."""
    if no_beta(p, k + 1.0, chance):
        return number(NAN, k)
    return k + parameter(SECOND, (k + 1.0) * (1.0 - chance) / chance, far(k), chance, k + 1.0, 1.0 - p, p)


def nbdtrik(p: Any, n: Any, chance: Any) -> Any:
    """The count of failures, as a real number; 0 where the law has more at 0 already."""
    if isnan(p) or not (p >= 0.0 and p < 1.0) or no_beta(number(0, n) + 0.5, n, chance):
        return number(NAN, n)
    if p <= pow(chance, n):
        return number(0, n)
    return max(btdtrib(n, p, chance) - 1.0, number(0, n))


def bdtrik(p: Any, n: Any, chance: Any) -> Any:
    """The count of successes, as a real number; 0 where the law has more at 0 already."""
    if no_beta(number(0, n) + 0.5, n, chance) or not (p >= 0.0 and p <= 1.0):
        return number(NAN, n)
    if p <= pow(1.0 - chance, n):
        return number(0, n)
    if p == 1.0:
        return n
    return parameter(
        BINOMIAL, 0.5 * n * (1.0 + chance) * chance, log(n * (1.0 - 64.0 * epsilon(n))), n, chance, p, 1.0 - p
    )
