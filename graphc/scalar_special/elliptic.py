"""Legendre's elliptic integrals, Jacobi's elliptic functions and the arithmetic-geometric mean.

Integrals by the mean and by Carlson's (DLMF 19.8, 19.25), in forms without differences for parameters up to 1. Jacobi's
functions by Landen's transformations: descending to circular ones for m <= 1/2 (DLMF 22.20(ii)), and ascending to
hyperbolic ones above (DLMF 22.7(ii)), after the argument is brought into a half period.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.carlson import rd, rf, rg
from graphc.scalar_special.language import (
    arcsinh,
    arctan,
    arctan2,
    copysign,
    cos,
    cosh,
    epsilon,
    fma,
    is_single,
    isinf,
    isnan,
    number,
    rint,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)

INF, NAN = float("inf"), float("nan")
PI, HALF_PI = 3.141592653589793, 1.5707963267948966
PI_REST, PI_REST_SINGLE = 1.2246467991473532e-16, -8.742277657347586e-08  # of pi beyond its float


def mean(a: Any, b: Any) -> Any:
    """The arithmetic-geometric mean of numbers > 0."""
    for _ in range(40):
        if abs(a - b) <= sqrt(epsilon(a)) * a:
            break
        a, b = 0.5 * (a + b), sqrt(a) * sqrt(b)
    return 0.5 * (a + b)


def agm(a: Any, b: Any) -> Any:
    if isnan(a) or isnan(b) or (a < 0.0 and b > 0.0) or (a > 0.0 and b < 0.0):
        return number(NAN, a)
    if (isinf(a) and b == 0.0) or (a == 0.0 and isinf(b)):
        return number(NAN, a)
    if a == 0.0 or b == 0.0:
        return number(0, a)
    if isinf(a) or isinf(b):
        return copysign(number(INF, a), a)
    if a == b:
        return a
    return copysign(mean(abs(a), abs(b)), a)


def ellipkm1(p: Any) -> Any:
    if not p > 0.0:
        return number(INF, p) if p == 0.0 else number(NAN, p)
    if isinf(p):
        return number(0, p)
    return HALF_PI / mean(number(1, p), sqrt(p))


def ellipk(m: Any) -> Any:
    return ellipkm1(1.0 - m)


def ellipe(m: Any) -> Any:
    p = 1.0 - m
    if not p >= 0.0:
        return number(NAN, m)
    if isinf(p):
        return p
    return 2.0 * rg(number(0, m), min(p, number(1, m)), max(p, number(1, m)))


def less_turns(phi: Any, n: Any) -> Any:
    """``phi - n pi``."""
    return fma(-n, number(PI_REST_SINGLE if is_single(phi) else PI_REST, phi), fma(-n, number(PI, phi), phi))


def ellipkinc(phi: Any, m: Any) -> Any:
    if isnan(phi) or not m <= 1.0 or (isinf(phi) and isinf(m)):
        return number(NAN, m)
    if isinf(m):
        return number(0, m)
    if isinf(phi):
        return phi
    if m == 1.0:
        return arcsinh(tan(phi)) if abs(phi) < HALF_PI else copysign(number(INF, phi), phi)
    n = rint(phi / PI)
    rest = less_turns(phi, n)
    s, c = sin(rest), cos(rest)
    found = s * rf(c * c, c * c + (1.0 - m) * (s * s), number(1, m))
    return found + 2.0 * n * ellipkm1(1.0 - m) if n != 0.0 else found


def ellipeinc(phi: Any, m: Any) -> Any:
    if isnan(phi) or not m <= 1.0:
        return number(NAN, m)
    if isinf(phi) or isinf(m):
        return phi if isinf(phi) else -m
    n = rint(phi / PI)
    rest = less_turns(phi, n)
    s, c = sin(rest), cos(rest)
    p = 1.0 - m
    square = s * s
    delta = c * c + p * square
    if m > 0.0:
        found = second_below_1(s, c, m)
    else:
        one = number(1, m)
        found = s * (rf(c * c, delta, one) - m / 3.0 * square * rd(c * c, delta, one))
    return found + 2.0 * n * ellipe(m) if n != 0.0 else found


def second_below_1(s: Any, c: Any, m: Any) -> Any:
    """The integral of the second kind for 0 < m <= 1 in a half turn (DLMF 19.25.10)."""
    p, square, one = 1.0 - m, s * s, number(1, m)
    if p == 0.0 or c == 0.0:
        return s if p == 0.0 else copysign(ellipe(m), s)
    delta = c * c + p * square
    return s * (p * (rf(c * c, delta, one) + m / 3.0 * square * rd(c * c, one, delta)) + m * (c / sqrt(delta)))


def ellipj(u: Any, m: Any) -> Any:
    if isnan(u) or isinf(u) or not (m >= 0.0 and m <= 1.0):
        nothing = number(NAN, u)
        return nothing, nothing, nothing, nothing
    if m == 1.0:
        height = 1.0 / cosh(u)
        return tanh(u), height, height, arctan(sinh(u))
    if m <= 0.5:
        angle = amplitude(u, m)
        s, c = sin(angle), cos(angle)
        return s, c, sqrt(c * c + (1.0 - m) * (s * s)), angle
    period = 2.0 * ellipkm1(1.0 - m)
    n = rint(u / period)
    s, c, d = by_hyperbolic(fma(-n, period, u), 1.0 - m)
    angle = arctan2(s, c) + n * PI
    sign = number(1, u) if n == 2.0 * rint(0.5 * n) else number(-1, u)
    return sign * s, sign * c, d, angle


def amplitude(u: Any, m: Any) -> Any:
    """The angle at 0 <= m <= 1/2; the sequence of means is computed anew for each step back."""
    steps = 4 if is_single(u) else 5
    a, b = number(1, u), sqrt(1.0 - m)
    size = u
    for _ in range(steps):
        a, b = 0.5 * (a + b), sqrt(a * b)
        size = 2.0 * size
    angle = size * a
    for level in range(steps, 0, -1):
        a, b, c = number(1, u), sqrt(1.0 - m), sqrt(m)
        for _ in range(level):
            a, b = 0.5 * (a + b), sqrt(a * b)
            c = 0.25 * c * (c / a)
        angle = 0.5 * (angle + arctan2_of_sine(c / a, sin(angle), cos(angle)))
    return angle


def arctan2_of_sine(k: Any, s: Any, c: Any) -> Any:
    """``arcsin(k s)`` for ``s**2 + c**2 = 1`` and 0 <= k <= 1."""
    return arctan(k * s / sqrt(c * c + (1.0 - k) * (1.0 + k) * (s * s)))


def by_hyperbolic(u: Any, p: Any) -> Any:
    """sn, cn and dn in half a period, for ``p = 1 - m <= 1/2``."""
    steps = 3 if is_single(u) else 4
    k, z = sqrt(p), u
    for _ in range(steps):  # k is the complementary modulus
        k = k * k / ((1.0 + sqrt((1.0 - k) * (1.0 + k))) * (1.0 + sqrt((1.0 - k) * (1.0 + k))))
        z = z / (1.0 + k)
    s, c = tanh(z), 1.0 / cosh(z)
    d = c
    for level in range(steps, 0, -1):
        k = sqrt(p)
        for _ in range(level):
            k = k * k / ((1.0 + sqrt((1.0 - k) * (1.0 + k))) * (1.0 + sqrt((1.0 - k) * (1.0 + k))))
        s, c, d = (1.0 + k) * s * c / d, (d * d - k) / ((1.0 - k) * d), (d * d + k) / ((1.0 + k) * d)
    return s, c, d
