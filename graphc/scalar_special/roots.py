"""Where a law has a probability, as a function of one of its positive arguments.

The logarithm of the smaller tail is solved for the logarithm of the argument by false position (the Illinois variant:
Dowell and Jarratt, BIT 11, 1971), from an interval that is widened until it holds the solution.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphc.scalar_special.gamma_quantiles import log_of_ratio
from graphc.scalar_special.language import epsilon, exp, is_single, isfinite, isnan, log, number

NAN, INF = math.nan, math.inf
STEPS = 100
FALLS, RISES, EITHER = -1.0, 1.0, 0.0  # how the law changes with the argument


def gap(tail: Callable[..., Any], log_s: Any, u: Any, v: Any, w: Any, p: Any) -> Any:
    """The logarithm of how far the probability is above the one that is looked for."""
    if p <= 0.5:
        return log_of_ratio(tail(exp(log_s), u, v, w, -1.0), p)
    return -log_of_ratio(tail(exp(log_s), u, v, w, 1.0), 1.0 - p)


def widest(x: Any) -> Any:
    """How far logarithms of arguments may be from 0."""
    return number(87, x) if is_single(x) else number(708, x)


def bracket(tail: Callable[..., Any], sense: Any, start: Any, most: Any, u: Any, v: Any, w: Any, p: Any) -> Any:
    """Logarithms with the solution between them, and the gaps there, which are of one sign where there is none."""
    low = log(start)
    high, gap_low = low, gap(tail, low, u, v, w, p)
    gap_high, bound = gap_low, widest(u)
    step = number(0.25, u) if sense == EITHER else number(0.5, u)
    growth = number(1.25, u) if sense == EITHER else number(2, u)  # where two solutions may be near each other
    up, down = sense * gap_low <= 0.0, sense * gap_low >= 0.0
    for _ in range(STEPS):
        if isnan(gap_low) or isnan(gap_high) or not (up or down):
            break
        if up:
            further = min(high + step, most, bound)
            found = gap(tail, further, u, v, w, p)
            if not (found * gap_high > 0.0):
                return high, further, gap_high, found
            high = further
            gap_high = found
            up = high < min(most, bound)
        if down:
            further = max(low - step, -bound)
            found = gap(tail, further, u, v, w, p)
            if not (found * gap_low > 0.0):
                return low, further, gap_low, found
            low = further
            gap_low = found
            down = low > -bound
        step = growth * step
    return low, high, gap_low, gap_high


def root(tail: Callable[..., Any], sense: Any, start: Any, most: Any, u: Any, v: Any, w: Any, p: Any) -> Any:
    """The argument s with which ``tail(s, u, v, w, -1)`` is p and ``tail(s, u, v, w, 1)``, the upper tail, is 1 - p.

    The smaller one is what counts. The argument is looked for from the start on, up to the logarithm ``most``. Where it
    is beyond all numbers that are looked at, the result is 0 or infinity for a law that falls or rises, and NaN for one
    that does either.
    """
    a, b, gap_a, gap_b = bracket(tail, sense, start, most, u, v, w, p)
    if isnan(gap_a) or isnan(gap_b):
        return number(NAN, u)
    if gap_a * gap_b > 0.0:
        if sense == EITHER:
            return number(NAN, u)
        return number(0, u) if sense * gap_a > 0.0 else number(INF, u)
    last = a
    for _ in range(STEPS):
        if gap_b == 0.0:
            break
        middle = (a * gap_b - b * gap_a) / (gap_b - gap_a)
        if not isfinite(gap_a) or not isfinite(gap_b) or not (middle >= min(a, b) and middle <= max(a, b)):
            middle = 0.5 * (a + b)
        found = gap(tail, middle, u, v, w, p)
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
