"""Bessel functions J and Y of real order.

By Debye's expansions where these hold. Else a start below x, by an integral along a path of steepest descent (of order
mu, -1/2 <= mu <= 1/2), by Debye's expansions or for small x by Temme's series, goes up by the recurrence (DLMF 10.6.1),
which is stable for both up to the order x, and for Y beyond. From there on J follows from Y, the Wronskian and the
continued fraction of the ratio of neighbours (DLMF 10.5.2, 10.10.1); for small x it is its power series.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.bessel_debye import LEAST, LEAST_SINGLE, debye_jy, is_debye
from graphc.scalar_special.bessel_temme import temme_y
from graphc.scalar_special.half_turns import cos_pi, sin_pi
from graphc.scalar_special.language import (
    arctan,
    cbrt,
    cos,
    cosh,
    epsilon,
    exp,
    floor,
    gamma,
    integer,
    is_single,
    isinf,
    isnan,
    number,
    pow,
    rint,
    sin,
    sinh,
    sqrt,
    trunc,
)

INF, NAN = float("inf"), float("nan")
PI = 3.141592653589793
TWO_OVER_PI = 0.6366197723675814
NEAR = 1.0  # up to this argument Temme's series
BELOW, BELOW_SINGLE = 12.0, 4.8  # so many cube roots of x below x Debye's expansions hold
FARTHEST = 1e9  # from here on, nobody goes through the orders near x one by one


def plain_jy(v: Any, x: Any) -> Any:
    """J and Y of an order v >= 0 for finite x > 0."""
    if is_debye(v, x) > 0.0:
        return debye_jy(v, x)
    if x > FARTHEST:
        return number(NAN, x), number(NAN, x)
    w, j, after_j, y, after_y = start(v, x)
    steps = integer(rint(v - w))
    for k in range(1, steps + 1):
        factor = 2.0 * (w + k) / x
        j, after_j = after_j, factor * after_j - j
        y, after_y = after_y, factor * after_y - y
        if isinf(after_y):
            if k < steps:
                y = after_y
            break
    if x * x <= 4.0 * (v + 1.0):
        return pow(0.5 * x, v) / gamma(v + 1.0) * j_series(v, x), y
    if v > x:
        if isinf(after_y):
            return number(0, x), y
        j = TWO_OVER_PI / x / (ratio(v, x) * y - after_y)
    return j, y


def start(v: Any, x: Any) -> Any:
    """An order w that is v less an integer, and J of it and of the next one, and Y of both."""
    if x >= (LEAST_SINGLE if is_single(x) else LEAST):
        highest = x - (BELOW_SINGLE if is_single(x) else BELOW) * cbrt(x) - 1.0
        w = v - min(floor(v), max(floor(v - highest) + 1.0, number(0, x)))
        j, y = debye_jy(w, x)
        after_j, after_y = debye_jy(w + 1.0, x)
        return w, j, after_j, y, after_y
    mu = v - rint(v)
    if x <= NEAR:
        y, after_y = temme_y(mu, x)
        return mu, number(0, x), number(0, x), y, after_y
    j, after_j, y, after_y = integral_jy(mu, x)
    return mu, j, after_j, y, after_y


def integral_jy(mu: Any, x: Any) -> Any:
    """J of the orders mu and mu + 1, -1/2 <= mu <= 1/2, and Y of both, for x from 1 to 40.

    Hankel's function is the integral of ``exp(i x cosh(t)) cosh(mu t)`` (DLMF 10.9.10), here by the trapezoidal rule
    along ``t = u + i gd(u)``, with Gudermann's function, where ``cosh(t) = 1 + i sinh(u) tanh(u)``.
    """
    step = (0.8 if is_single(x) else 0.45) / sqrt(x + 8.0)
    reach = 20.0 if is_single(x) else 42.0
    re, im = number(0.5, x), number(0.5, x)
    after_re, after_im = re, im
    for k in range(1, 300):
        u = step * k
        rise, slope = sinh(u), 1.0 / cosh(u)
        run, lift = rise * slope, rise * (rise * slope)  # sinh(t) = run + i rise, cosh(t) = 1 + i lift
        weight, angle = exp(-x * lift), mu * arctan(rise)
        a, b = cosh(mu * u) * cos(angle), sinh(mu * u) * sin(angle)  # of cosh(mu t)
        c, d = sinh(mu * u) * cos(angle), cosh(mu * u) * sin(angle)  # of sinh(mu t)
        re, im = re + weight * (a - slope * b), im + weight * (b + slope * a)
        e, f = a - b * lift + c * run - d * rise, a * lift + b + c * rise + d * run
        after_re, after_im = after_re + weight * (e - slope * f), after_im + weight * (f + slope * e)
        if x * lift - 1.5 * u > reach:
            break
    phase = x - 0.5 * PI * mu
    p, q = TWO_OVER_PI * step * cos(phase), TWO_OVER_PI * step * sin(phase)
    return im * p + re * q, after_im * q - after_re * p, im * q - re * p, -after_im * p - after_re * q


def j_series(v: Any, x: Any) -> Any:
    """J over the first term of its power series (DLMF 10.2.2)."""
    term = number(1, x)
    total = term
    for k in range(1, 100):
        term = -term * (0.25 * x * x) / (k * (v + k))
        total = total + term
        if abs(term) < 0.25 * epsilon(x) * abs(total):
            break
    return total


def ratio(v: Any, x: Any) -> Any:
    """J of the order v + 1 over J of v > x, by Steed's way through the continued fraction."""
    d = x / (2.0 * (v + 1.0))
    term = d
    total = d
    for k in range(2, 20000):
        b = 2.0 * (v + k) / x
        d = 1.0 / (b - d)
        term = (b * d - 1.0) * term
        total = total + term
        if term < 0.25 * epsilon(x) * total:
            break
    return total


def jv(v: Any, x: Any) -> Any:
    """Of a negative order by DLMF 10.4.6, of a negative argument where the order is an integer."""
    is_whole = v == floor(v)
    if isnan(x) or isnan(v) or isinf(v) or (x < 0.0 and not is_whole):
        return number(NAN, x)
    is_odd = v != 2.0 * floor(0.5 * v)
    sign = number(-1 if is_whole and is_odd and (x < 0.0) != (v < 0.0) else 1, x)
    x, size = abs(x), abs(v)
    if isinf(x):
        return number(NAN, x)
    if x == 0.0:
        if size == 0.0:
            return number(1, x)
        return x if v > 0.0 or is_whole else number(INF if sin_pi(size) > 0.0 else -INF, x)
    j, y = plain_jy(size, x)
    if v < 0.0 and not is_whole:
        return cos_pi(size) * j - sin_pi(size) * y
    return sign * j


def yv(v: Any, x: Any) -> Any:
    """Of a negative order by DLMF 10.4.6."""
    size = abs(v)
    if isnan(v) or isinf(v) or isinf(x) or not x >= 0.0:
        return number(NAN, x)
    j, y = number(0, x), number(-INF, x)
    if x > 0.0:
        j, y = plain_jy(size, x)
    if v >= 0.0:
        return y
    cosine = cos_pi(size)
    return sin_pi(size) * j + (cosine * y if cosine != 0.0 else cosine)


def yn(n: Any, x: Any) -> Any:
    """Of integer orders, as which SciPy takes others towards 0."""
    return yv(trunc(n), x)
