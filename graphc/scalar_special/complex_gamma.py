"""The logarithm of the gamma function of complex numbers in the right half plane: Stirling's series (DLMF 5.11.1)."""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.gamma_parts import HALF_LOG_2PI, STIRLING, STIRLING_FROM
from graphc.scalar_special.language import arctan2, hypot, log, number


def log_gamma_right(x: Any, y: Any) -> Any:
    """Its real and imaginary part at x + i y for x > 0; the branch that is real for y = 0."""
    real, imaginary = number(0, x), number(0, x)
    if x < STIRLING_FROM and abs(y) < STIRLING_FROM:  # up by Gamma(z + 1) = z Gamma(z)
        for _ in range(20):
            if x >= STIRLING_FROM:
                break
            real = real - log(hypot(x, y))
            imaginary = imaginary - arctan2(y, x)
            x = x + 1.0
    size = hypot(x, y)
    a, b = x / size / size, -y / size / size  # 1/z
    p, q = (a - b) * (a + b), 2.0 * a * b
    u, v = number(0, x), number(0, x)
    for k in range(len(STIRLING) - 1, -1, -1):
        u, v = u * p - v * q + STIRLING[k], u * q + v * p
    log_size, angle = log(size), arctan2(y, x)
    real = real + ((x - 0.5) * log_size - y * angle - x + HALF_LOG_2PI + (u * a - v * b))
    imaginary = imaginary + ((x - 0.5) * angle + y * (log_size - 1.0) + (u * b + v * a))
    return real, imaginary
