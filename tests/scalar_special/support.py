"""How far a device's function is from the truth, in units in the last place, over points of its domain."""

from __future__ import annotations

import mpmath as mp
import numpy as np

from graphc.scalar_special.table import FUNCTIONS


def values(name, arguments, dtype=np.float64):
    """What the function gives, run as plain Python: an array, with a last axis for those with several results."""
    rows = np.broadcast_arrays(*(np.asarray(a, dtype) for a in arguments))
    with np.errstate(all="ignore"):
        found = [FUNCTIONS[name](*point) for point in zip(*(row.ravel() for row in rows), strict=True)]
    kinds = {type(part) for numbers in found for part in (numbers if isinstance(numbers, tuple) else (numbers,))}
    assert kinds == {np.dtype(dtype).type}, f"{name} gives {kinds} for {np.dtype(dtype)}"
    return np.array(found, dtype).reshape(rows[0].shape + np.shape(found[0]))


def exactly(function):
    """The function of mpmath over arrays, as float64."""

    def over(*arguments):
        with mp.workdps(25):
            points = zip(*(np.ravel(a) for a in np.broadcast_arrays(*arguments)), strict=True)
            found = [float(mp.re(function(*map(mp.mpf, map(float, point))))) for point in points]
        return np.reshape(found, np.broadcast(*arguments).shape)

    return over


def errors(found, reference, arguments, dtype=np.float64, fixed=()):
    """In epsilons of the value and what an epsilon of each argument makes of it; equal infinities and NaN are right.

    ``reference`` is right beyond float64, or for float32 in float64; ``fixed``: numbers of arguments that are exact.
    """
    given = [np.asarray(a, dtype).astype(np.float64) for a in arguments]
    with np.errstate(all="ignore"):
        right = np.asarray(reference(*given), np.float64)
        scale = np.abs(right)
        for k, x in enumerate(given):
            if k in fixed:
                continue
            step = 1e-6 / (1 + np.abs(np.nan_to_num(x)))  # far out some functions oscillate
            ends = [reference(*(x * (1 + s) if j == k else a for j, a in enumerate(given))) for s in (step, -step)]
            change = np.abs(ends[0] - ends[1]) / (2 * step)
            scale = scale + np.where(np.isfinite(change), change, 0.0)
        limits = np.finfo(dtype)
        gap = np.abs(found.astype(np.float64) - right) / (limits.eps * scale + float(limits.smallest_normal))
        same = (found == right.astype(dtype)) | (np.isnan(found) & np.isnan(right))
    return np.where(same, 0.0, gap)
