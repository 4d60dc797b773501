"""Sine, cosine and Fresnel integrals by Chebyshev series, and the hyperbolic ones by series of positive terms.

Far out the integrals are auxiliary functions without oscillation times sines and cosines (DLMF 6.5, 7.5); the
hyperbolic ones are half of ``Ei`` there, by its asymptotic series (DLMF 6.12.2).
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.language import (
    copysign,
    cos,
    epsilon,
    exp,
    fma,
    fmod,
    is_single,
    isinf,
    isnan,
    log,
    number,
    sin,
)
from graphc.scalar_special.series import chebyshev
from graphc.scalar_special.sine_integral_tables import (
    C_NEAR,
    CIN_NEAR,
    F_FAR,
    G_FAR,
    S_NEAR,
    SI_F,
    SI_G,
    SI_NEAR,
)

INF, NAN = float("inf"), float("nan")
PI, HALF_PI = 3.141592653589793, 1.5707963267948966
EULER = 0.5772156649015329
FRESNEL_NEAR = 2.5
SERIES_END, SERIES_END_SINGLE = 40.0, 20.0


def fresnel(x: Any) -> Any:
    """S and C."""
    size = abs(x)
    if size < FRESNEL_NEAR:
        square = x * x
        t = square * square * 0.0512 - 1.0
        return x * square * chebyshev(t, S_NEAR), x * chebyshev(t, C_NEAR)
    if isnan(x) or isinf(size * size):
        found = x if isnan(x) else copysign(number(0.5, x), x)
        return found, found
    square = size * size
    rest = fma(size, size, -square)
    t = 78.125 / square / square - 1.0
    f, g = chebyshev(t, F_FAR) / (PI * size), chebyshev(t, G_FAR) / (PI * size) / (PI * square)
    angle = HALF_PI * (fmod(square, number(4, x)) + rest)
    sine, cosine = sin(angle), cos(angle)
    return copysign(0.5 - f * cosine - g * sine, x), copysign(0.5 + f * sine - g * cosine, x)


def sici(x: Any) -> Any:
    """Si, and Ci of the absolute value."""
    size = abs(x)
    if size < 8.0:
        square = x * x
        t = square * 0.03125 - 1.0
        return x * chebyshev(t, SI_NEAR), square * chebyshev(t, CIN_NEAR) + (log(size) + EULER)
    if isinf(x):
        return copysign(number(HALF_PI, x), x), number(0, x) if x > 0.0 else number(NAN, x)
    t = 8.0 / size * (16.0 / size) - 1.0
    f, g = chebyshev(t, SI_F) / size, chebyshev(t, SI_G) / size / size
    sine, cosine = sin(size), cos(size)
    return copysign(HALF_PI - f * cosine - g * sine, x), f * sine - g * cosine


def shichi(x: Any) -> Any:
    """Shi, and Chi of the absolute value."""
    size = abs(x)
    if isinf(x):
        return x, size
    if size > (SERIES_END_SINGLE if is_single(x) else SERIES_END):
        found = half_exponential_integral(size)
        return copysign(found, x), found
    square = x * x
    term = number(1, x)
    odd, even = term, number(0, x)
    for k in range(1, 80):
        term = term * square / (2 * k * (2 * k - 1))
        even = even + term / (2 * k)
        odd = odd + term / (number(2 * k + 1, x) * (2 * k + 1))
        if term < 0.25 * epsilon(x) * odd:
            break
    return x * odd, log(size) + EULER + even


def half_exponential_integral(x: Any) -> Any:
    term = number(1, x)
    total = term
    for k in range(1, 40):
        term = term * (k / x)
        total = total + term
        if term < 0.25 * epsilon(x):
            break
    half = exp(0.5 * x)
    return half * (0.5 * total / x) * half
