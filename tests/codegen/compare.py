"""How far two arrays are apart, counted in units in the last place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def distances(found: np.ndarray, expected: np.ndarray, least: float = 0.0) -> np.ndarray:
    """In ulps of the expected number, or of ``least`` where that is larger.

    0 where both are NaN or the same infinity, infinite where only one is.
    """
    with np.errstate(all="ignore"):
        gap = np.abs(found.astype(np.longdouble) - expected.astype(np.longdouble))
        ulps = gap / np.spacing(np.maximum(np.abs(expected), found.dtype.type(least))).astype(np.longdouble)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    return np.where(same, 0, np.where(np.isnan(ulps), np.inf, ulps)).astype(float)


def exact_distance(found: Any, exact: Any, least: float) -> float:
    """The same of one number from mpmath's."""
    import mpmath

    size = found.dtype.type(max(abs(exact), least))
    return float(abs(mpmath.mpf(float(found)) - exact) / mpmath.mpf(float(np.spacing(size))))


def assert_close(
    found: np.ndarray,
    expected: np.ndarray,
    inputs: Sequence[np.ndarray],
    bound: float,
    *,
    exact: Callable[..., Any] | None = None,
    signed_zeros: bool = True,
    least: float = 0.0,
    what: str = "",
) -> None:
    """Same shape and dtype, at most ``bound`` ulps apart; where more, ``exact`` (of mpmath) decides who is right."""
    assert found.shape == expected.shape, what
    assert found.dtype == expected.dtype, what
    if found.dtype.kind != "f":
        far = found != expected
    else:
        far = distances(found, expected, least) > bound
        if signed_zeros:
            far |= (found == 0) & (expected == 0) & (np.signbit(found) != np.signbit(expected))
    for place in map(tuple, np.argwhere(far)):
        arguments = [x[place] for x in inputs]
        if exact is not None and np.isfinite([found[place], *arguments]).all():
            import mpmath

            with mpmath.workdps(40):
                apart = exact_distance(found[place], exact(*(mpmath.mpf(float(a)) for a in arguments)), least)
            if apart <= bound:
                continue
        raise AssertionError(f"{what}{arguments}: found {found[place]!r}, expected {expected[place]!r}")
