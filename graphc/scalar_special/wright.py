"""Wright's generalised Bessel function, the sum of ``x**k / (k! gamma(a k + b))`` (DLMF 10.46.1), and its logarithm.

All terms are positive and their logarithms concave in k. They are summed in both directions from near the largest one,
as shares of it. Where hundreds of them count, each of some dozens stands for its neighbours, too (as in
``noncentral_laws``), and their logarithms are differences of Stirling's series (DLMF 5.11.1) in which nothing large
cancels.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.beta_function import rgamma
from graphc.scalar_special.gamma_parts import log1p_less, stirling_rest
from graphc.scalar_special.language import (
    epsilon,
    exp,
    floor,
    gammaln,
    isinf,
    log,
    log1p,
    number,
    pow,
    sqrt,
)

NAN, INF = math.nan, math.inf
LOG_2PI = math.log(2.0 * math.pi)
MOST_TERMS = 1000
SUMMED_DEVIATION, SUMMED_SHAPE = 16.0, 20.0  # up to here terms are summed, and log(gamma) taken as it is


def peak(a: Any, b: Any, x: Any) -> Any:
    """The number k > 0 for which ``k (a k + b)**a`` is x, by Newton's method for log(k), in which it is convex."""
    log_x = log(x)
    found = log_x
    for _ in range(60):
        k = exp(found)
        shape = a * k + b
        gap = found + a * log(shape) - log_x
        change = gap / (1.0 + a * (a * k / shape))
        found = found - change
        if abs(change) < 1e-3:
            break
    return exp(found)


# --- term by term -----------------------------------------------------------------------------------------------------


def log_term(a: Any, b: Any, log_x: Any, k: Any) -> Any:
    shape = a * k + b
    if shape == 0.0:
        return number(-INF, b)
    return k * log_x - gammaln(k + 1.0) - gammaln(shape)


def summed(a: Any, b: Any, x: Any, start: Any) -> Any:
    """The logarithm of a term, and what the others are together beside it."""
    log_x, first = log(x), floor(start)
    largest = log_term(a, b, log_x, first)
    for _ in range(MOST_TERMS):
        following = log_term(a, b, log_x, first + 1.0)
        if not (following > largest):
            break
        largest = following
        first = first + 1.0
    others = number(0, x)
    for side in range(2):
        k = first
        for _ in range(MOST_TERMS):
            k = k + 1.0 if side == 0 else k - 1.0
            if k < 0.0:
                break
            term = exp(log_term(a, b, log_x, k) - largest)
            others = others + term
            if term <= (1.0 + others) * epsilon(x) * 0.01 and term <= others * epsilon(x) * 0.01:
                break
    return largest, others


# --- by differences of Stirling's series ------------------------------------------------------------------------------


def stirling_change(z: Any, change: Any, at: Any) -> Any:
    """``log(gamma(z + change) / gamma(z)) - change log(z)``, less its parts in ``(1/2 - at) log(1 + change/z)``."""
    share = change / z
    bend = log1p_less(share)
    smooth = -z * bend - change * (share + bend)
    return -smooth + (at - 0.5) * log1p(share) + (stirling_rest(z + change) - stirling_rest(z))


def spread(a: Any, b: Any, x: Any, k: Any, shape: Any, deviation: Any) -> Any:
    """As ``summed``, with real k near the peak, where the terms have this deviation."""
    is_large = shape >= SUMMED_SHAPE
    log_ratio = log(x / k / pow(shape, a)) if is_large else log(x / k)
    largest = k * log_ratio + k - 0.5 * (LOG_2PI + log(k)) - stirling_rest(k)
    if is_large:
        largest = largest + (shape - (b - 0.5) * log(shape) - 0.5 * LOG_2PI - stirling_rest(shape))
    else:
        largest = largest - gammaln(shape)
    if k * epsilon(x) > 64.0:  # beside which the logarithm of their number is nothing
        return largest, number(0, x)
    step, total = 0.4 * deviation, number(1, x)
    for side in range(2):
        moved = number(0, x)
        for _ in range(MOST_TERMS):
            moved = moved + step if side == 0 else moved - step
            change = a * moved
            other = (
                stirling_change(shape, change, number(0, x)) if is_large else gammaln(shape + change) - gammaln(shape)
            )
            term = exp(moved * log_ratio - stirling_change(k, moved, number(1, x)) - other)
            total = total + term
            if term <= total * epsilon(x) * 0.01 or k + moved < 20.0:
                break
    return largest, total * step - 1.0


def parts(a: Any, b: Any, x: Any) -> Any:
    """The logarithm of a term, and the sum of the others beside it, for positive finite a and x."""
    k = peak(a, b, x)
    shape = a * k + b
    deviation = 1.0 / sqrt(1.0 / k + a * (a / shape))
    if deviation > SUMMED_DEVIATION:
        largest, others = spread(a, b, x, k, shape, deviation)
    else:
        largest, others = summed(a, b, x, k)
    return largest, others


def is_outside(a: Any, b: Any, x: Any) -> Any:
    return not (a >= 0.0 and b >= 0.0 and x >= 0.0) or isinf(a) or isinf(b)


def wright_bessel(a: Any, b: Any, x: Any) -> Any:
    if is_outside(a, b, x):
        return number(NAN, x)
    if isinf(x):
        return number(INF, x)
    if x == 0.0:
        return rgamma(b)
    if a == 0.0:
        return number(0, x) if b == 0.0 else exp(x - gammaln(b))
    largest, others = parts(a, b, x)
    return exp(largest) * (1.0 + others)


def log_wright_bessel(a: Any, b: Any, x: Any) -> Any:
    if is_outside(a, b, x):
        return number(NAN, x)
    if isinf(x):
        return number(INF, x)
    if x == 0.0 or a == 0.0:
        return number(-INF, x) if b == 0.0 else x - gammaln(b)
    largest, others = parts(a, b, x)
    return largest + log1p(others)
