"""The numbers at which ufuncs are asked: of each dtype those at which rounding, overflow and signs show."""

from __future__ import annotations

import numpy as np

WHOLE = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
FLOATS = ("f2", "f4", "f8")
COMPLEX = ("c8", "c16")
DTYPES = ("?", *WHOLE, *FLOATS, *COMPLEX)


def edges(code: str) -> np.ndarray:
    """Halves, both zeros, infinities, NaN, the smallest and the largest of the dtype, and plain numbers."""
    dtype = np.dtype(code)
    if dtype.kind == "b":
        return np.array([True, False])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        signed = [-1, -2, -3, -7, limits.min + 1] if dtype.kind == "i" else []
        return np.array([0, 1, 2, 3, 5, 7, 8, 100, *signed, limits.min, limits.max, limits.max - 1], dtype)
    if dtype.kind == "f":
        limits = np.finfo(dtype)
        halves = [0.0, 0.5, 1.5, 2.5, 1.0, 3.0, 0.1, 0.7, 7.25, 100.5]
        ends = [limits.max, limits.tiny, limits.smallest_subnormal, 1 / limits.eps, 0.5 / limits.eps - 0.5, np.inf]
        return np.array([*halves, *ends, *[-x for x in [*halves, *ends]], np.nan], dtype)
    parts = [0.0, -0.0, 1.0, -1.5, 0.3, np.inf, np.nan, -2.0]
    return np.array([complex(a, b) for a in parts for b in parts], dtype)


def units_apart(found: np.ndarray, expected: np.ndarray, *, any_zero: bool) -> np.ndarray:
    """By how many units in the last place each element differs; infinite where no such number says it.

    ``any_zero``: 0.0 and -0.0 are the same.
    """
    if expected.dtype.kind in "biu":
        return np.where(found == expected, 0.0, np.inf)
    if expected.dtype.kind == "c":
        parts = [(found.real, expected.real), (found.imag, expected.imag)]
        return np.maximum(*(units_apart(*pair, any_zero=any_zero) for pair in parts))
    with np.errstate(all="ignore"):
        same = (found == expected) & (any_zero | (np.signbit(found) == np.signbit(expected)))
        same |= np.isnan(found) & np.isnan(expected)
        unit = np.spacing(np.maximum(np.abs(found), np.abs(expected))).astype(np.float64)
        apart = np.abs(found.astype(np.float64) - expected.astype(np.float64)) / unit
    apart = np.where(np.isfinite(apart) & (apart > 0), apart, np.inf)
    return np.where(same, 0.0, apart)
