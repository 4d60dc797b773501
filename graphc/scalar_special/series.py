"""Sums of series whose coefficients are tables."""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.language import number, terms


def chebyshev(t: Any, table: tuple[float, ...]) -> Any:
    """The Chebyshev series at t, from -1 to 1, by Clenshaw's recurrence, as far as the precision sees it."""
    last = number(0, t)
    before = number(0, t)
    for k in range(terms(table, t) - 1, 0, -1):
        found = 2.0 * t * last - before + table[k]
        before = last
        last = found
    return t * last - before + table[0]


def polynomial(t: Any, table: tuple[float, ...]) -> Any:
    """The polynomial at t by Horner's scheme, the constant coefficient first."""
    found = number(0, t)
    for k in range(len(table) - 1, -1, -1):
        found = found * t + table[k]
    return found
