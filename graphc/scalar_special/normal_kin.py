"""Kin of the normal and logistic laws: quantiles of logarithms, Owen's T, Wright's omega, Tukey's lambda law."""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.language import (
    copysign,
    epsilon,
    erfc,
    exp,
    expm1,
    floor,
    isinf,
    isnan,
    largest,
    log,
    log1p,
    log_ndtr,
    number,
    pow,
    sqrt,
    tanh,
    tiny,
)

PI, NAN, INF = math.pi, math.nan, math.inf
ROOT_HALF = math.sqrt(0.5)
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
LOG_2 = math.log(2.0)
# Gauss-Legendre's 20 points and weights from 0 to 1 (mpmath, 30 digits)
GAUSS_POINTS = (
    0.0034357004074525377, 0.018014036361043106, 0.04388278587433705, 0.0804415140888906, 0.1268340467699246,
    0.1819731596367425, 0.24456649902458646, 0.3131469556422902, 0.38610707442917747, 0.46173673943325133,
    0.5382632605667487, 0.6138929255708225, 0.6868530443577098, 0.7554335009754135, 0.8180268403632576,
    0.8731659532300754, 0.9195584859111094, 0.956117214125663, 0.9819859636389568, 0.9965642995925474,
)  # fmt: skip
GAUSS_WEIGHTS = (
    0.008807003569576059, 0.02030071490019347, 0.031336024167054534, 0.04163837078835238, 0.05096505990862022,
    0.059097265980759206, 0.06584431922458832, 0.07104805465919102, 0.07458649323630187, 0.07637669356536292,
    0.07637669356536292, 0.07458649323630187, 0.07104805465919102, 0.06584431922458832, 0.059097265980759206,
    0.05096505990862022, 0.04163837078835238, 0.031336024167054534, 0.02030071490019347, 0.008807003569576059,
)  # fmt: skip


def lower_normal(log_p: Any) -> Any:
    """Where log_ndtr is ``log_p`` <= -log(2): Newton's steps from Hastings' approximation (A and S, 26.2.23)."""
    t = sqrt(-2.0 * log_p)
    above = (0.010328 * t + 0.802853) * t + 2.515517
    below = ((0.001308 * t + 0.189269) * t + 1.432788) * t + 1.0
    y = above / below - t
    for _ in range(4):
        reached = log_ndtr(y)
        slope = exp(-0.5 * y * y - HALF_LOG_2PI - reached)
        y = y - (reached - log_p) / slope
    return y


def ndtri_exp(log_p: Any) -> Any:
    if isnan(log_p) or log_p > 0.0:
        return number(NAN, log_p)
    if log_p == 0.0 or isinf(log_p):
        return number(INF, log_p) if log_p == 0.0 else number(-INF, log_p)
    if log_p <= -LOG_2:
        return lower_normal(log_p)
    return -lower_normal(log(-expm1(log_p)))


def quantile(p: Any) -> Any:
    """Where the normal distribution is p, from 0 to 1."""
    return ndtri_exp(log(p)) if p <= 0.5 else -ndtri_exp(log1p(-p))


def nrdtrimn(p: Any, deviation: Any, x: Any) -> Any:
    """The mean with which the normal distribution is p at x."""
    if not (p > 0.0 and p < 1.0 and deviation > 0.0):
        return number(NAN, x)
    return x - deviation * quantile(p)


def nrdtrisd(mean: Any, p: Any, x: Any) -> Any:
    """The standard deviation with which the normal distribution is p at x."""
    if not (p > 0.0 and p < 1.0):
        return number(NAN, x)
    return (x - mean) / quantile(p)


def powm1(x: Any, y: Any) -> Any:
    """``x**y - 1``."""
    size = abs(x)
    exponent = y * log(size)
    if not (abs(exponent) < 0.5) or (x < 0.0 and y != 2.0 * floor(0.5 * y)):
        return pow(x, y) - 1.0
    return expm1(exponent)


def wrightomega(z: Any) -> Any:
    """Where ``w + log(w)`` is z, real: Newton's and Fritsch's steps (Fritsch, Shafer and Crowley, CACM 16, 1973)."""
    if isnan(z) or isinf(z):
        return number(0, z) if z < 0.0 else z
    w = exp(z) if z < -2.0 else exp(2.0 * (z - 1.0) / 3.0)
    if z < -2.0:
        w = w / (1.0 + w)
    if z > 1.0:
        w = z - log(z) + log(z) / z
    if w == 0.0:
        return w
    for _ in range(3):
        rest = z - w - log(w)
        full = 1.0 + w
        lead = 2.0 * full * (full + 2.0 / 3.0 * rest)
        w = w * (1.0 + rest / full * (lead - rest) / (lead - 2.0 * rest))
    return w


# --- Owen's T ---------------------------------------------------------------------------------------------------------


def inner_owens_t(h: Any, a: Any) -> Any:
    """For h >= 0 and 0 <= a <= 1, by Gauss and Legendre's rule where the integrand is seen."""
    end = min(a, 9.0 / h) if h > 9.0 else a
    total = number(0, h)
    for k in range(len(GAUSS_POINTS)):
        x = end * GAUSS_POINTS[k]
        square = x * x
        total = total + GAUSS_WEIGHTS[k] * exp(-0.5 * h * h * square) / (1.0 + square)
    return 0.5 / PI * end * exp(-0.5 * h * h) * total


def owens_t(h: Any, a: Any) -> Any:
    if isnan(h) or isnan(a):
        return number(NAN, h)
    h, size = abs(h), abs(a)
    if isinf(h) or size == 0.0:
        return number(0, h)
    tail = 0.5 * erfc(h * ROOT_HALF)
    if isinf(size):
        found = 0.5 * tail
    elif size <= 1.0:
        found = inner_owens_t(h, size)
    else:
        other = 0.5 * erfc(h * size * ROOT_HALF)
        found = 0.5 * (tail + other) - tail * other - inner_owens_t(h * size, 1.0 / size)
    return copysign(found, a)


# --- Tukey's lambda law -----------------------------------------------------------------------------------------------


def tukey_gap(w: Any, shape: Any, wanted: Any) -> Any:
    """``log(abs(shape x))`` at ``w = log((1 - p)/p)`` less what is wanted, and its slope, for p <= 1/2."""
    grown = abs(shape) * w
    height = (grown if shape < 0.0 else number(0, w)) + log(-expm1(-grown)) - shape * log1p(exp(-w))
    slope = 0.5 * (abs(shape) / tanh(0.5 * grown) - shape * tanh(0.5 * w))
    return height - wanted, slope


def tukey_lower(x: Any, shape: Any) -> Any:
    """Where the quantile is x < 0: Newton's steps in log(w), or halves of what is left where those are slow."""
    wanted = log(abs(shape)) + log(abs(x))
    lowest, highest = log(tiny(x)), log(largest(x))
    u, before = log(0.5 + abs(x)), highest - lowest
    for _ in range(200):
        w = exp(u)
        gap, slope = tukey_gap(w, shape, wanted)
        if gap > 0.0:
            highest = u
        else:
            lowest = u
        moved = u - gap / (slope * w)
        if not (moved > lowest and moved < highest and abs(moved - u) <= 0.5 * before):
            moved = 0.5 * (lowest + highest)
        before = abs(moved - u)
        u = moved
        if before <= 0.5 * epsilon(x) * (1.0 + abs(u)):
            break
    small = exp(-exp(u))
    return small / (1.0 + small)


def tklmbda(x: Any, shape: Any) -> Any:
    if isnan(x) or isnan(shape):
        return number(NAN, x)
    if shape > 0.0 and abs(x) * shape >= 1.0:
        return number(0, x) if x < 0.0 else number(1, x)
    if isinf(x):
        return number(0, x) if x < 0.0 else number(1, x)
    if x == 0.0 or isinf(shape):
        return number(0, x) + 0.5
    if shape == 0.0:
        return 1.0 / (1.0 + exp(-x))
    return tukey_lower(x, shape) if x < 0.0 else 1.0 - tukey_lower(-x, shape)
