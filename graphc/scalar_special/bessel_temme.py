"""Bessel functions of the second kind of orders mu and mu + 1, -1/2 <= mu <= 1/2, for arguments up to 2.

Temme's series (J. Comput. Phys. 19, 1975, and 21, 1976), which have limits where mu is 0.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.bessel_tables import GAMMA_1, GAMMA_2
from graphc.scalar_special.language import cosh, epsilon, exp, log, number, sin, sinh
from graphc.scalar_special.series import chebyshev

PI = 3.141592653589793


def temme_begin(mu: Any, x: Any) -> Any:
    """``f_0``, ``p_0`` and ``q_0`` of the series of K."""
    t = 8.0 * mu * mu - 1.0
    odd, even = mu * chebyshev(t, GAMMA_1), chebyshev(t, GAMMA_2)
    log_ratio = log(2.0 / x)
    sigma = mu * log_ratio
    angle = PI * mu
    swell = angle / sin(angle) if angle != 0.0 else number(1, x)
    rise = sinh(sigma) / sigma if sigma != 0.0 else number(1, x)
    f = swell * (cosh(sigma) * chebyshev(t, GAMMA_1) + rise * log_ratio * even)
    power = exp(sigma)
    return f, 0.5 * power / (even - odd), 0.5 / power / (even + odd)


def temme_k(mu: Any, x: Any) -> Any:
    """K of the orders mu and mu + 1."""
    f, p, q = temme_begin(mu, x)
    c = number(1, x)
    first, second = f, p
    for k in range(1, 30):
        f = (k * f + p + q) / (number(k, x) * k - mu * mu)
        p = p / (k - mu)
        q = q / (k + mu)
        c = c * (0.25 * x * x) / k
        first = first + c * f
        second = second + c * (p - k * f)
        if c * abs(p - k * f) <= 0.25 * epsilon(x) * abs(second) and c * f <= 0.25 * epsilon(x) * first:
            break
    return first, second * (2.0 / x)


def temme_y(mu: Any, x: Any) -> Any:
    """Y of the orders mu and mu + 1."""
    f, p, q = temme_begin(mu, x)
    f, p, q = 2.0 / PI * f, 2.0 / PI * p, 2.0 / PI * q
    half = sin(0.5 * PI * mu)
    turn = 2.0 * half * (half / mu) if mu != 0.0 else number(0, x)
    c = number(1, x)
    first, second = f + turn * q, p
    for k in range(1, 30):
        f = (k * f + p + q) / (number(k, x) * k - mu * mu)
        p = p / (k - mu)
        q = q / (k + mu)
        c = -c * (0.25 * x * x) / k
        g = f + turn * q
        h = p - k * g
        first = first + c * g
        second = second + c * h
        if abs(c * h) <= 0.25 * epsilon(x) * abs(second) and abs(c * g) <= 0.25 * epsilon(x) * abs(first):
            break
    return -first, -second * (2.0 / x)
