"""Integrals of Bessel functions of order 0 from 0 on.

Of J and Y by Struve functions (DLMF 10.22.2); of I by its power series, whose terms are positive; of K by its series up
to 2, and from there on as pi/2 less what is beyond x, by the trapezoidal rule over ``exp(-x cosh(t)) / cosh(t)``.
"""

from __future__ import annotations

from typing import Any

from graphc.codegen.device_special.bessel_01 import j0, j1, y0, y1
from graphc.codegen.device_special.language import cosh, epsilon, exp, is_single, isinf, isnan, log, number, sqrt
from graphc.codegen.device_special.struve_functions import struve

NAN = float("nan")
PI, HALF_PI = 3.141592653589793, 1.5707963267948966
EULER = 0.5772156649015329
NEAR = 2.0


def itj0y0(x: Any) -> Any:
    """The integrals of J and of Y, that of Y for x >= 0."""
    size = abs(x)
    if size == 0.0 or isinf(x):
        nothing = number(0, x) if size == 0.0 else number(NAN, x)
        return nothing, nothing
    first, second = struve(number(0, x), size), struve(number(1, x), size)
    j, y = j0(size), y0(size)
    by_j = size * (j + HALF_PI * (j1(size) * first - j * second))
    by_y = size * (y + HALF_PI * (y1(size) * first - y * second))
    return by_j if x > 0.0 else -by_j, by_y if x > 0.0 else number(NAN, x)


def iti0k0(x: Any) -> Any:
    """The integrals of I and of K, that of K for x >= 0."""
    quarter = 0.25 * x * x
    if isnan(x) or isinf(x):
        return x, number(NAN, x) if isnan(x) or x < 0.0 else number(HALF_PI, x)
    term = number(1, x)
    total = term
    for k in range(1, 1000):
        term = term * quarter / (number(k, x) * k)
        total = total + term / (2 * k + 1)
        if term < 0.25 * epsilon(x) * total or isinf(total):
            break
    return x * total, integral_of_k(x)


def integral_of_k(x: Any) -> Any:
    if not x > 0.0:
        return number(0, x) if x == 0.0 else number(NAN, x)
    if x > NEAR:
        return HALF_PI - rest_of_k(x)
    other = -EULER - log(0.5 * x)  # digamma(k + 1) less log(x/2)
    term = number(1, x)
    total = other + 1.0
    for k in range(1, 30):
        term = term * (0.25 * x * x) / (number(k, x) * k)
        other = other + 1.0 / k
        share = 1.0 / (2 * k + 1)
        total = total + term * share * (other + share)
        if term < 0.1 * epsilon(x):
            break
    return x * total


def rest_of_k(x: Any) -> Any:
    """The integral of K from x on."""
    step = (1.0 if is_single(x) else 0.7) / sqrt(x + 6.0)
    reach = 19.0 if is_single(x) else 40.0
    total = number(0.5, x)
    for k in range(1, 100):
        height = cosh(step * k)
        fall = x * (height - 1.0)
        total = total + exp(-fall) / height
        if fall > reach:
            break
    return exp(-x) * (step * total)
