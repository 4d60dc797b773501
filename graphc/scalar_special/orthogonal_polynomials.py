"""Orthogonal polynomials: by their recurrences in the degree (DLMF 18.9), for other degrees by hypergeometric functions
(DLMF 18.5.7 to 18.5.12); and associated Legendre functions (DLMF 14.3.1, 14.10.3).
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.confluent import hyp1f1
from graphc.scalar_special.hypergeometric import hyp2f1
from graphc.scalar_special.language import arccos, cos, floor, isnan, number, pow, sin, trunc
from graphc.scalar_special.rising_factorials import binom, poch

NAN = math.nan
MOST = 2000.0  # the highest degree that is reached step by step


def has_steps(n: Any) -> Any:
    return n >= 0.0 and n <= MOST and n == floor(n)


def eval_jacobi(n: Any, a: Any, b: Any, x: Any) -> Any:
    total = a + b
    if not has_steps(n) or total <= -2.0:
        return binom(n + a, n) * hyp2f1(-n, n + total + 1.0, a + 1.0, 0.5 * (1.0 - x))
    before, found, k = number(1, x), a + 1.0 + 0.5 * (total + 2.0) * (x - 1.0), number(1, x)
    if n == 0.0:
        return before
    while k < n:
        double = 2.0 * k + total
        first = (double + 1.0) * ((a - b) * total + double * (double + 2.0) * x)
        second = 2.0 * (k + a) * (k + b) * (double + 2.0)
        following = (first * found - second * before) / (2.0 * (k + 1.0) * (k + total + 1.0) * double)
        before = found
        found = following
        k = k + 1.0
    return found


def ultraspherical(n: Any, a: Any, x: Any) -> Any:
    """Gegenbauer's polynomial of an integer degree by its recurrence; Legendre's with a of 1/2."""
    before, found, k = number(1, x), 2.0 * a * x, number(1, x)
    if n == 0.0:
        return before
    while k < n:
        following = (2.0 * (k + a) * x * found - (k + 2.0 * a - 1.0) * before) / (k + 1.0)
        before = found
        found = following
        k = k + 1.0
    return found


def eval_gegenbauer(n: Any, a: Any, x: Any) -> Any:
    if has_steps(n):
        return ultraspherical(n, a, x)
    scale = poch(n + 1.0, 2.0 * a - 1.0) / (poch(number(1, x), 2.0 * a - 1.0))
    return scale * hyp2f1(-n, n + 2.0 * a, a + 0.5, 0.5 * (1.0 - x))


def eval_legendre(n: Any, x: Any) -> Any:
    if n < 0.0:
        n = -n - 1.0
    if has_steps(n):
        return ultraspherical(n, number(0, x) + 0.5, x)
    return hyp2f1(-n, n + 1.0, number(1, x), 0.5 * (1.0 - x))


def chebyshev(n: Any, x: Any, slope: Any) -> Any:
    """What has the values 1 and ``slope x`` for the degrees 0 and 1, and follows Chebyshev's recurrence."""
    before, found, k = number(1, x), slope * x, number(1, x)
    if n == 0.0:
        return before
    while k < n:
        following = 2.0 * x * found - before
        before = found
        found = following
        k = k + 1.0
    return found


def eval_chebyt(n: Any, x: Any) -> Any:
    if n < 0.0:
        n = -n
    if has_steps(n):
        return chebyshev(n, x, number(1, x))
    return cos(n * arccos(x)) if abs(x) <= 1.0 else hyp2f1(-n, n, number(0, x) + 0.5, 0.5 * (1.0 - x))


def eval_chebyu(n: Any, x: Any) -> Any:
    if has_steps(n):
        return chebyshev(n, x, number(2, x))
    if abs(x) < 0.9:
        angle = arccos(x)
        return sin((n + 1.0) * angle) / sin(angle)
    return (n + 1.0) * hyp2f1(-n, n + 2.0, number(0, x) + 1.5, 0.5 * (1.0 - x))


def eval_chebyc(n: Any, x: Any) -> Any:
    return 2.0 * eval_chebyt(n, 0.5 * x)


def eval_chebys(n: Any, x: Any) -> Any:
    return eval_chebyu(n, 0.5 * x)


def eval_sh_chebyt(n: Any, x: Any) -> Any:
    return eval_chebyt(n, 2.0 * x - 1.0)


def eval_sh_chebyu(n: Any, x: Any) -> Any:
    return eval_chebyu(n, 2.0 * x - 1.0)


def eval_sh_legendre(n: Any, x: Any) -> Any:
    return eval_legendre(n, 2.0 * x - 1.0)


def eval_sh_jacobi(n: Any, p: Any, q: Any, x: Any) -> Any:
    return eval_jacobi(n, p - q, q - 1.0, 2.0 * x - 1.0) / binom(2.0 * n + p - 1.0, n)


def eval_genlaguerre(n: Any, a: Any, x: Any) -> Any:
    if a <= -1.0:
        return number(NAN, x)
    if not has_steps(n):
        return binom(n + a, n) * hyp1f1(-n, a + 1.0, x)
    before, found, k = number(1, x), 1.0 + a - x, number(1, x)
    if n == 0.0:
        return before
    while k < n:
        following = ((2.0 * k + a + 1.0 - x) * found - (k + a) * before) / (k + 1.0)
        before = found
        found = following
        k = k + 1.0
    return found


def eval_laguerre(n: Any, x: Any) -> Any:
    return eval_genlaguerre(n, number(0, x), x)


def eval_hermitenorm(n: Any, x: Any) -> Any:
    n = trunc(n)
    if isnan(n) or isnan(x):
        return number(NAN, x)
    before, found, k = number(0, x), number(1, x), number(0, x)
    if n < 0.0:
        return before
    while k < n:
        following = x * found - k * before
        before = found
        found = following
        k = k + 1.0
    return found


def eval_hermite(n: Any, x: Any) -> Any:
    n = trunc(n)
    if isnan(n) or isnan(x):
        return number(NAN, x)
    before, found, k = number(0, x), number(1, x), number(0, x)
    if n < 0.0:
        return before
    while k < n:
        following = 2.0 * (x * found - k * before)
        before = found
        found = following
        k = k + 1.0
    return found


def associated(m: Any, v: Any, x: Any) -> Any:
    """Ferrers' function of order m >= 0 and degree v >= -1/2, of abs(x) < 1."""
    if v == floor(v) and m > v:
        return number(0, x)
    sign = 1.0 if m == 2.0 * floor(0.5 * m) else -1.0
    root = pow((1.0 - x) * (1.0 + x), 0.5 * m) * sign
    if not has_steps(v):
        scale = poch(v - m + 1.0, 2.0 * m) / (poch(number(1, x), m) * pow(number(2, x), m))
        return scale * root * hyp2f1(m - v, m + v + 1.0, m + 1.0, 0.5 * (1.0 - x))
    found, before, k = root, number(0, x), number(0, x)  # the order m of degree m
    while k < m:
        k = k + 1.0
        found = found * (2.0 * k - 1.0)
    while k < v:
        following = ((2.0 * k + 1.0) * x * found - (k + m) * before) / (k - m + 1.0)
        before = found
        found = following
        k = k + 1.0
    return found


def lpmv(m: Any, v: Any, x: Any) -> Any:
    if isnan(m) or isnan(v) or not (abs(x) <= 1.0) or m != floor(m):
        return number(NAN, x)
    if v < -0.5:
        v = -v - 1.0
    order = abs(m)
    if abs(x) == 1.0 and (v == floor(v) or x == 1.0):
        if m != 0.0:
            return number(0, x)
        return number(1, x) if x == 1.0 or v == 2.0 * floor(0.5 * v) else number(-1, x)
    found = associated(order, v, x)
    if m < 0.0:
        sign = 1.0 if order == 2.0 * floor(0.5 * order) else -1.0
        found = number(NAN, x) if order > v and v == floor(v) else found * sign / poch(v - order + 1.0, 2.0 * order)
    return found
