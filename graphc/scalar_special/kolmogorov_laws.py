"""Kolmogorov's and Smirnov's laws: theta functions (DLMF 20.7.32), and Birnbaum and Tingey's sum (1951)."""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.language import (
    epsilon,
    exp,
    expm1,
    floor,
    isnan,
    log,
    log1p,
    number,
    pow,
    sqrt,
    trunc,
)

PI, NAN, INF = math.pi, math.nan, math.inf
ROOT_2PI = math.sqrt(2 * math.pi)
TURN = 0.82  # where one series takes over from the other
MIDDLE = 0.8275735551899077  # where the law is 1/2
MOST = 1e8  # samples, each of which is a term


def kolmogorov_lower(y: Any) -> Any:
    """1 - kolmogorov(y) for 0 < y."""
    scale = PI / y
    total = number(0, y)
    for j in range(1, 9, 2):
        total = total + exp(-0.125 * j * j * scale * scale)
    return ROOT_2PI / y * total


def kolmogorov_upper(y: Any) -> Any:
    """kolmogorov(y) for y not near 0."""
    total, sign = number(0, y), number(2, y)
    for j in range(1, 6):
        total = total + sign * exp(-2.0 * j * j * y * y)
        sign = -sign
    return total


def kolmogorov(y: Any) -> Any:
    if isnan(y):
        return y
    if y <= 0.0:
        return number(1, y)
    return 1.0 - kolmogorov_lower(y) if y < TURN else kolmogorov_upper(y)


def density(y: Any) -> Any:
    """Minus the derivative of kolmogorov at y > 0."""
    total = number(0, y)
    if y < TURN:
        inverse = 1.0 / (y * y)
        for j in range(1, 9, 2):
            rate = 0.125 * j * j * PI * PI * inverse
            total = total + exp(-rate) * (2.0 * rate - 1.0)
        return total * ROOT_2PI * inverse
    sign = number(8, y)
    for j in range(1, 6):
        total = total + sign * (j * j) * y * exp(-2.0 * j * j * y * y)
        sign = -sign
    return total


def kolmogi(p: Any) -> Any:
    """Newton's steps on the logarithm of the smaller tail."""
    if isnan(p) or p < 0.0 or p > 1.0:
        return number(NAN, p)
    if p == 0.0:
        return number(INF, p)
    if p == 1.0:
        return number(0, p)
    q = 1.0 - p
    if p <= 0.5:
        y = sqrt(-0.5 * log(0.5 * p))
    else:  # the first term alone, by iteration
        y = number(0, p) + 0.7
        for _ in range(4):
            y = PI / sqrt(8.0 * log(ROOT_2PI / (q * y)))
    for _ in range(20):
        if p <= 0.5:
            found = kolmogorov(y)
            step = log(found / p) * found / density(y)
        else:
            found = kolmogorov_lower(y)
            step = -log(found / q) * found / density(y)
        y = y + step
        if abs(step) <= 0.05 * sqrt(epsilon(p)) * y:
            break
    return y


def smirnov(n: Any, d: Any) -> Any:
    n = trunc(n)
    if isnan(n) or isnan(d) or n > MOST or n < 1.0 or d < 0.0 or d > 1.0:
        return number(NAN, d)
    if d * (1.0 - d) == 0.0:
        return 1.0 - d
    total, j = pow(1.0 - d, n), number(1, d)
    last = floor(n * (1.0 - d))
    log_choice = number(0, d)  # of n over j
    while j <= last:
        log_choice = log_choice + log((n - j + 1.0) / j)
        share = d + j / n
        if share < 1.0:
            exponent = log_choice + (j - 1.0) * log(share) + (n - j) * log1p(-share)
            total = total + d * exp(exponent)
        j = j + 1.0
    return min(total, number(1, d))


def smirnovi(n: Any, p: Any) -> Any:
    """Where smirnov is p: false position (Illinois) on its logarithm, between bounds that hold for every n."""
    n = trunc(n)
    if isnan(n) or n > MOST or n < 1.0 or not (p >= 0.0 and p <= 1.0):
        return number(NAN, p)
    if p * (1.0 - p) == 0.0:
        return 1.0 - p
    a, b = -expm1(log(p) / n), min(sqrt(-0.5 * log(p) / n), number(1, p))
    gap_a, gap_b, last = log(smirnov(n, a) / p), log(smirnov(n, b) / p), a
    if gap_a <= 0.0:
        return a
    for _ in range(60):
        middle = (a * gap_b - b * gap_a) / (gap_b - gap_a)
        if not (middle >= min(a, b) and middle <= max(a, b)):
            middle = 0.5 * (a + b)
        found = log(smirnov(n, middle) / p)
        if found * gap_b < 0.0:
            a = b
            gap_a = gap_b
        else:
            gap_a = 0.5 * gap_a
        b = middle
        gap_b = found
        if found == 0.0 or abs(b - last) <= 2.0 * epsilon(p) * abs(b):
            break
        last = b
    return b
