"""How far a device's function is from the truth, in units in the last place, over points of its domain."""

from __future__ import annotations

import numpy as np

from graphc.codegen.device_special.table import FUNCTIONS


def values(name, arguments, dtype=np.float64):
    """What the function gives, run as plain Python: an array for each of its results."""
    rows = np.broadcast_arrays(*(np.asarray(a, dtype) for a in arguments))
    with np.errstate(all="ignore"):
        found = [FUNCTIONS[name](*point) for point in zip(*(row.ravel() for row in rows), strict=True)]
    kinds = {type(part) for numbers in found for part in np.atleast_1d(np.array(numbers, object))}
    assert kinds == {np.dtype(dtype).type}, f"{name} gives {kinds} for {np.dtype(dtype)}"
    return np.array(found, dtype).reshape(rows[0].shape + np.shape(found[0]))


def errors(found, reference, arguments, dtype=np.float64):
    """In epsilons of the value and of what an epsilon of each argument makes of it; equal infinities and NaN are right.

    ``reference`` is right far beyond the precision of the dtype (over float64 numbers at least for float32).
    """
    given = [np.asarray(a, dtype).astype(np.float64) for a in arguments]
    with np.errstate(all="ignore"):
        right = np.asarray(reference(*given), np.float64)
        scale = np.abs(right)
        for k, x in enumerate(given):
            step = 1e-6 / (1 + np.abs(np.nan_to_num(x)))  # far out some functions oscillate
            ends = [reference(*(x * (1 + s) if j == k else a for j, a in enumerate(given))) for s in (step, -step)]
            change = np.abs(ends[0] - ends[1]) / (2 * step)
            scale = scale + np.where(np.isfinite(change), change, 0.0)
        limits = np.finfo(dtype)
        gap = np.abs(found.astype(np.float64) - right) / (limits.eps * scale + float(limits.smallest_subnormal))
        same = (found == right.astype(dtype)) | (np.isnan(found) & np.isnan(right))
    return np.where(same, 0.0, gap)
