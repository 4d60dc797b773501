"""Sliding sums and tables: ``convolve correlate interp``."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F64
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    promoted,
    require_equal,
    shape_error,
)
from graphc.trace.functions.complex_values import conjugated
from graphc.trace.functions.rearranging import flip
from graphc.trace.functions.slicing import take_range
from graphc.trace.functions.sorting import positions_in


def _vector(F: Builder, name: str, a: Any) -> Value:
    value = as_array(F, a)
    if value.rank > 1:
        raise shape_error(F, f"{name}: {value.type} has more than one dimension")
    value = value if value.rank else F.expand_dims(value, (0,))
    if not F.facts.at_least(value.dims[0], 1):
        raise shape_error(F, f"{name}: an array is empty")
    return value


def _slide(F: Builder, longer: Value, shorter: Value, mode: str, name: str, *, to_right: bool = False) -> Value:
    """``sum_j longer[k - j] shorter[j]``, for the k that the mode says."""
    n, m = longer.dims[0], shorter.dims[0]
    if mode == "full":
        start, count = 1 - m, n + m - 1
    elif mode == "same":
        start, count = (1 - m) + (m - (0 if to_right else 1)) // 2, n
    elif mode == "valid":
        start, count = 0, n - m + 1
    else:
        raise shape_error(F, f"{name}: mode={mode!r} is none of 'full', 'same', 'valid'")
    wide = F.embed(longer, starts=(-start,), steps=(1,), dims=(count + m - 1,)) if mode != "valid" else longer
    place = F.add(F.iota(dims=(count, 1), axis=0), F.iota(dims=(1, m), axis=1))
    window = F.gather(wide, place, axes=(0,), checked=False)
    return F.reduce("sum", F.mul(window, F.expand_dims(flip(F, shorter), (0,))), (1,))


def convolve(F: Builder, a: Any, v: Any, mode: str = "full") -> Value:
    """The products of two polynomials' coefficients: ``sum_j a[k - j] v[j]``."""
    first, second = promoted(F, [_vector(F, "convolve", a), _vector(F, "convolve", v)])
    if not F.facts.at_least(first.dims[0], second.dims[0]):
        first, second = second, first
    return _slide(F, first, second, mode, "convolve")


def correlate(F: Builder, a: Any, v: Any, mode: str = "valid") -> Value:
    """``sum_j a[k + j] v[j]``; those of v are conjugated."""
    first, second = promoted(F, [_vector(F, "correlate", a), conjugated(F, _vector(F, "correlate", v))])
    if F.facts.at_least(first.dims[0], second.dims[0]):
        return _slide(F, first, flip(F, second), mode, "correlate")
    return flip(F, _slide(F, second, flip(F, first), mode, "correlate"))


def interp(F: Builder, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Value:
    """A polygon through the points (xp, fp) at x; differentiable by all three. ``xp`` ascends."""
    at = F.cast(as_array(F, x), F64)
    knots, heights = (F.cast(as_array(F, p), F64) for p in (xp, fp))
    if period is not None:
        at, knots, heights = _wrapped(F, at, knots, heights, F.abs(F.cast(as_array(F, period), F64)))
        left = right = None  # which NumPy ignores, too
    if knots.rank != 1 or heights.rank != 1:
        raise shape_error(F, f"interp: {knots.type} and {heights.type} must have one dimension")
    n = knots.dims[0]
    require_equal(F, "interp", n, heights.dims[0], (knots.dims, heights.dims))
    if not F.facts.at_least(n, 1):
        raise shape_error(F, "interp: there are no points")
    first, last = (F.squeeze(take_range(F, heights, 0, k, 1), (0,)) for k in (0, n - 1))
    low, high = (F.squeeze(take_range(F, knots, 0, k, 1), (0,)) for k in (0, n - 1))
    before = first if left is None else F.cast(as_array(F, left), F64)
    after = last if right is None else F.cast(as_array(F, right), F64)
    if not F.facts.at_least(n, 2):
        middle = F.broadcast_to(first, at.dims)
    else:
        found = F.sub(positions_in(F, "interp", knots, F.stop_gradient(at), True), 1)
        place = F.minimum(F.maximum(found, 0), F.sub(n, 2))
        x0, x1 = (F.gather(knots, F.add(place, k), axes=(0,), checked=False) for k in (0, 1))
        y0, y1 = (F.gather(heights, F.add(place, k), axes=(0,), checked=False) for k in (0, 1))
        middle = F.add(F.mul(F.div(F.sub(y1, y0), F.sub(x1, x0)), F.sub(at, x0)), y0)
        middle = F.select(F.eq(at, high), last, middle)
    result = F.select(F.lt(at, low), before, F.select(F.gt(at, high), after, middle))
    return F.select(F.isnan(at), np.nan, result)


def _wrapped(F: Builder, at: Value, knots: Value, heights: Value, period: Value) -> tuple[Value, Value, Value]:
    """All places within one period, the points in order, and one more at each end, from the other end."""
    at, knots = F.remainder(at, period), F.remainder(knots, period)
    order = F.sort(knots)[1]
    knots, heights = (F.gather(points, order, axes=(0,), checked=False) for points in (knots, heights))
    n = knots.dims[0]
    ends = [[take_range(F, points, 0, k, 1) for k in (n - 1, 0)] for points in (knots, heights)]
    before, after = F.sub(ends[0][0], period), F.add(ends[0][1], period)
    return at, F.concat(before, knots, after, axis=0), F.concat(ends[1][0], heights, ends[1][1], axis=0)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.convolve": convolve, "numpy.correlate": correlate, "numpy.interp": interp,
}  # fmt: skip
