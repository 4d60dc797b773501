"""Sine and cosine of multiples of pi."""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.language import rint, sin

PI = 3.141592653589793


def sin_pi(x: Any) -> Any:
    """``sin(pi x)``, exactly 0 for integers."""
    rest = x - 2.0 * rint(0.5 * x)
    if rest > 0.5:
        rest = 1.0 - rest
    if rest < -0.5:
        rest = -1.0 - rest
    return sin(PI * rest)


def cos_pi(x: Any) -> Any:
    """``cos(pi x)``, exactly 0 half-way between integers."""
    return sin_pi(0.5 - abs(x - 2.0 * rint(0.5 * x)))
