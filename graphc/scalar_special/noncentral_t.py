"""The noncentral t law, of ``(Z + nc) / sqrt(W / df)``: Z is normal, W of the chi-square law.

Where t and nc have the same sign, both tails are mixtures of beta laws by Poisson's weights at the multiples of a half
(Johnson, Kotz and Balakrishnan, "Continuous univariate distributions 2", chapter 31), all terms positive. These cancel
where the signs differ: there the tail on t's side is the integral of the normal tail beyond ``t s + nc`` over the
density of ``s = sqrt(W / df)``, by the trapezoidal rule in ``log(s**2)`` (Trefethen and Weideman, "The exponentially
convergent trapezoidal rule", SIAM Review 56, 2014). So it is for many degrees of freedom, where the normal tail changes
so slowly with s that nodes are some hundreds at most.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.gamma_parts import ROOT_2PI, STIRLING_FROM, log1p_less, log_gamma_1p, stirling_rest
from graphc.scalar_special.incomplete_gamma import regularised
from graphc.scalar_special.language import epsilon, exp, expm1, isinf, isnan, log, ndtr, number, sqrt
from graphc.scalar_special.laws import student_tail
from graphc.scalar_special.noncentral_laws import beta_mixture

NAN = math.nan
MOST_NODES = 2000
SMOOTH_FROM, SMOOTH_TO = 100.0, 20.0  # degrees of freedom; t and nc by their root
FAR_OUT = 30.0  # t beside the root of the degrees of freedom, and of what else the tail's first term leaves out
BENT_BELOW = 4.0  # half the degrees of freedom, below which nodes far below the peak are far apart


def log_chi_square(half: Any, y: Any) -> Any:
    """The density of y = log(W / df), half = df/2."""
    moved = expm1(y)
    if half >= STIRLING_FROM:
        bend = log1p_less(moved) if abs(y) < 1.0 else y - moved
        return exp(half * bend - stirling_rest(half)) * (sqrt(half) / ROOT_2PI)
    return half * exp(half * (y - moved + log(half) - 1.0) - log_gamma_1p(half))


def peak_of(half: Any, t: Any, nc: Any, upper: Any) -> Any:
    """Where the integrand of a tail is largest, roughly, as it would be with ``exp(-u u/2)`` for the normal tail."""
    if upper * (nc - t) > 0.0:
        return number(0, t)
    slope, curve = t * (nc / half), 4.0 + t * (t / half) * 2.0
    root = sqrt(0.25 * slope * slope + curve)
    return 2.0 * log(2.0 / (root - 0.5 * slope) if slope < 0.0 else 2.0 * (0.5 * slope + root) / curve)


def integral_tail(df: Any, t: Any, nc: Any, upper: Any) -> Any:
    """The probability below (``upper`` is -1) or above (1) t > 0."""
    half = 0.5 * df
    peak = peak_of(half, t, nc, upper)
    bent = 1.0 if half < BENT_BELOW else 0.0
    sharp = 0.5 * max(nc, t) if nc > 0.0 else number(0, t)  # how fast the normal tail falls, at most
    step = number(0.1, t) if half < BENT_BELOW else 0.4 / sqrt(half + sharp * sharp)
    total = number(0, t)
    for side in range(2):
        v = number(0, t) if side == 0 else -step
        for _ in range(MOST_NODES):
            decay = bent * exp(-v)
            y = peak + v + bent - decay
            found = ndtr(upper * (nc - t * exp(0.5 * y))) * log_chi_square(half, y) * (1.0 + decay)
            total = total + found
            if found <= total * epsilon(t) * 0.01:
                break
            v = v + step if side == 0 else v - step
    return min(total * step, number(1, t))


def same_side_tail(df: Any, t: Any, nc: Any, upper: Any) -> Any:
    """The probability below (``upper`` is -1) or above (1) t > 0, for nc > 0."""
    if nc * epsilon(t) > 1.0:  # beside which Z is nothing
        slowness = nc / t
        return regularised(0.5 * df, 0.5 * df * slowness * slowness, -upper)
    ratio = t / sqrt(df)
    square = ratio * ratio
    if square == 0.0:
        return ndtr(nc) if upper > 0.0 else ndtr(-nc)
    half, rate = number(0, t) + 0.5, 0.5 * nc * nc
    even = beta_mixture(half, 0.5 * df, number(0, t), rate, square, upper)
    odd = beta_mixture(number(1, t), 0.5 * df, half, rate, square, upper)
    found = 0.5 * (even + odd)
    return found if upper > 0.0 else ndtr(-nc) + found


def near_tail(df: Any, t: Any, nc: Any, upper: Any) -> Any:
    """As the following, for t whose square is finite."""
    if nc > 0.0 and not (df > SMOOTH_FROM and max(nc, t) < SMOOTH_TO * sqrt(df)):
        return same_side_tail(df, t, nc, upper)
    if nc > 0.0:
        return integral_tail(df, t, nc, upper)
    beyond = student_tail(df, t) if nc == 0.0 else integral_tail(df, t, nc, number(1, t))
    return beyond if upper > 0.0 else 1.0 - beyond


def noncentral_student_tail(df: Any, t: Any, nc: Any, upper: Any) -> Any:
    """The probability below (``upper`` is -1) or above (1) t >= 0, for df > 0, all finite."""
    if df * epsilon(t) * epsilon(t) > 1.0:
        return ndtr(upper * (nc - t))
    if t == 0.0 or df < epsilon(t) * epsilon(t):  # so few degrees that only infinities are left
        return ndtr(upper * nc)
    limit = sqrt(df) * (FAR_OUT / sqrt(epsilon(t)) * (1.0 + abs(nc) + sqrt(df)))
    if t <= limit:
        return near_tail(df, t, nc, upper)
    beyond = near_tail(df, limit, nc, number(1, t)) * exp(-df * log(t / limit))  # the first term of a series
    return beyond if upper > 0.0 else 1.0 - beyond


def signed_tail(df: Any, nc: Any, t: Any, upper: Any) -> Any:
    """The same for any finite t."""
    if t < 0.0:
        return noncentral_student_tail(df, -t, -nc, -upper)
    return noncentral_student_tail(df, t, nc, upper)


def nctdtr(df: Any, nc: Any, t: Any) -> Any:
    if isnan(df) or isnan(nc) or isnan(t) or df <= 0.0:
        return number(NAN, t)
    if isinf(t):
        return number(1, t) if t > 0.0 else number(0, t)
    if isinf(nc):
        return number(NAN, t)
    if isinf(df):
        return ndtr(t - nc)
    return signed_tail(df, nc, t, number(-1, t))
