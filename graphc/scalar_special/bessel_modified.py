"""Modified Bessel functions of real order.

For ``s = hypot(v, x)`` from 40 on, by Debye's expansions. Below, I by its power series, whose terms are positive, and K
by the trapezoidal rule over ``exp(v t - x cosh(t))`` (DLMF 10.32.9) around its largest value, which gains digits
exponentially with the nodes, or for orders up to 2 and arguments up to 1 by Temme's series.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.bessel_debye import LEAST, LEAST_SINGLE, debye_ik
from graphc.scalar_special.bessel_temme import temme_k
from graphc.scalar_special.half_turns import sin_pi
from graphc.scalar_special.language import (
    epsilon,
    exp,
    floor,
    gamma,
    hypot,
    is_single,
    isinf,
    isnan,
    log1p,
    number,
    pow,
    rint,
    sinh,
    sqrt,
    trunc,
)

INF, NAN = float("inf"), float("nan")
PI = 3.141592653589793
NEAR, LOW = 1.0, 2.0  # up to this argument and this order, Temme's series


def sinh_excess(u: Any) -> Any:
    """``sinh(u) - u`` for u >= 0."""
    if u > 0.7:
        return sinh(u) - u
    square = u * u
    total = number(0, u)
    for k in range(8, 0, -1):
        total = (1.0 + total) * square / (2 * k * (2 * k + 1))
    return u * total


def integral_k(v: Any, x: Any, s: Any, scaled: Any) -> Any:
    """K for ``s = hypot(v, x)`` from 1 on, by the trapezoidal rule from the integrand's maximum to both sides.

    At a distance u from it the exponent has fallen by ``s (cosh(u) - 1) -+ v (sinh(u) - u)``.
    """
    step = (1.0 if is_single(x) else 0.7) / sqrt(s + 6.0)
    reach = 19.0 if is_single(x) else 40.0
    total = number(0.5, x)
    for k in range(1, 400):
        u = step * k
        half = sinh(0.5 * u)
        fall, skew = 2.0 * s * half * half, v * sinh_excess(u)
        total = total + 0.5 * (exp(-fall - skew) + exp(skew - fall))
        if fall - skew > reach:
            break
    shift = v * (v / (s + x))  # s - x
    return exp(v * log1p((v + shift) / x) - (shift if scaled > 0.0 else s)) * (step * total)


def upper_k(v: Any, x: Any, scaled: Any) -> Any:
    """K of an order v >= 0 for x > 0, times ``exp(x)`` where ``scaled`` is 1 and not 0."""
    s = hypot(v, x)
    if s >= (LEAST_SINGLE if is_single(x) else LEAST):
        _i, k = debye_ik(v, x, s, scaled)
        return k
    if v > LOW or x > NEAR:
        return integral_k(v, x, s, scaled)
    n = rint(v)
    mu = v - n
    k, after = temme_k(mu, x)
    scale = exp(scaled * x)
    if n == 0.0:
        return scale * k
    if n == 2.0:
        return scale * (k + 2.0 * (mu + 1.0) / x * after)
    return scale * after


def upper_i(v: Any, x: Any, scaled: Any) -> Any:
    """I of an order v >= 0 for x > 0, times ``exp(-x)`` where ``scaled`` is 1 and not 0."""
    s = hypot(v, x)
    if s >= (LEAST_SINGLE if is_single(x) else LEAST):
        i, _k = debye_ik(v, x, s, scaled)
        return i
    return pow(0.5 * x, v) / gamma(v + 1.0) * exp(-scaled * x) * i_series(v, x)


def i_series(v: Any, x: Any) -> Any:
    """I over the first term of its power series (DLMF 10.25.2)."""
    term = number(1, x)
    total = term
    for k in range(1, 200):
        term = term * (0.25 * x * x) / (k * (v + k))
        total = total + term
        if abs(term) < 0.25 * epsilon(x) * abs(total):
            break
    return total


def any_k(v: Any, x: Any, scaled: Any) -> Any:
    """K of any order and argument."""
    if not x > 0.0 or isnan(v) or isinf(v):
        return number(INF, x) if x == 0.0 and not isnan(v) else number(NAN, x)
    if isinf(x):
        return number(0, x)
    return upper_k(abs(v), x, scaled)


def kve(v: Any, x: Any) -> Any:
    return any_k(v, x, number(1, x))


def kv(v: Any, x: Any) -> Any:
    return any_k(v, x, number(0, x))


def kn(n: Any, x: Any) -> Any:
    """Of integer orders, as which SciPy takes others towards 0."""
    return kv(trunc(n), x)


def any_i(v: Any, x: Any, scaled: Any) -> Any:
    """I of any order, a negative one by DLMF 10.27.2; of a negative argument where the order is an integer."""
    is_whole = v == floor(v)
    if isnan(x) or isnan(v) or isinf(v) or (x < 0.0 and not is_whole):
        return number(NAN, x)
    sign = number(-1 if x < 0.0 and v != 2.0 * floor(0.5 * v) else 1, x)
    x, size = abs(x), abs(v)
    if x == 0.0:
        if size == 0.0:
            return number(1, x)
        return x if v > 0.0 or is_whole else number(INF if sin_pi(size) > 0.0 else -INF, x)
    if isinf(x):
        return number(0, x) if scaled > 0.0 else sign * x
    found = upper_i(size, x, scaled)
    if v < 0.0 and not is_whole:
        added = 2.0 / PI * sin_pi(size) * upper_k(size, x, number(1, x))
        found = found + (exp(-x) * (exp(-scaled * x) * added))
    return sign * found


def ive(v: Any, x: Any) -> Any:
    return any_i(v, x, number(1, x))


def iv(v: Any, x: Any) -> Any:
    return any_i(v, x, number(0, x))
