"""Integrals of Struve's functions of order 0: of H and L from 0 on, and of H over its argument from x on.

Of H by Chebyshev series, from 8 on by the integrals of Y and of what H has beside Y (DLMF 11.5.2), which falls without
oscillation; of L by its power series, whose terms are positive.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.bessel_integral_tables import (
    STRUVE_SHARE_FAR,
    STRUVE_SHARE_MIDDLE,
    STRUVE_SHARE_NEAR,
    STRUVE_WHOLE_FAR,
    STRUVE_WHOLE_NEAR,
)
from graphc.scalar_special.bessel_integrals import (
    EULER,
    HALF_PI,
    HIGH,
    LOW,
    PI,
    integrals_beyond,
    shares_beyond,
)
from graphc.scalar_special.language import epsilon, isinf, isnan, log, number
from graphc.scalar_special.series import chebyshev


def itstruve0(x: Any) -> Any:
    x = abs(x)
    if isinf(x):
        return x
    if x < HIGH:
        return x * x * chebyshev(x * x * 0.03125 - 1.0, STRUVE_WHOLE_NEAR)
    _j, y = integrals_beyond(x)
    rest = chebyshev(128.0 / (x * x) - 1.0, STRUVE_WHOLE_FAR) / x / x
    return (log(2.0 * x) + EULER) / HALF_PI - rest - y


def it2struve0(x: Any) -> Any:
    """From x on; of x < 0 what is lacking to pi at -x, as the integrand is even."""
    size = abs(x)
    if isinf(x):
        found = number(0, x)
    elif size < LOW:
        found = HALF_PI - size * chebyshev(size * size * (2.0 / (LOW * LOW)) - 1.0, STRUVE_SHARE_NEAR)
    elif size < HIGH:
        found = chebyshev((size - 0.5 * (LOW + HIGH)) * (2.0 / (HIGH - LOW)), STRUVE_SHARE_MIDDLE)
    else:
        _j, y = shares_beyond(size)
        found = y + chebyshev(128.0 / size / size - 1.0, STRUVE_SHARE_FAR) / size
    return PI - found if x < 0.0 else found


def itmodstruve0(x: Any) -> Any:
    square = x * x
    if isnan(x) or isinf(square):
        return square
    term = number(1.0 / PI, x)
    total = term
    for k in range(1, 1000):
        odd = number(2 * k + 1, x)
        term = term * (square / (odd * odd))
        total = total + term / (k + 1)
        if term < 0.25 * epsilon(x) * total or isinf(total):
            break
    return square * total
