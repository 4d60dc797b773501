"""Along an axis, step by step: running sums that skip NaN, slopes, areas, angles without jumps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_int,
    axes_of,
    axis_of,
    mean_dtype,
    require_equal,
    shape_error,
)
from graphc.trace.functions.differences import diff
from graphc.trace.functions.reductions import cumprod, cumsum
from graphc.trace.functions.slicing import take_range


def _without_nan(F: Builder, a: Any, neutral: float) -> Value:
    value = as_array(F, a)
    return F.select(F.isnan(value), neutral, value) if value.type.is_float else value


def nancumsum(F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Value:
    """Running sums in which NaN counts as 0."""
    return cumsum(F, _without_nan(F, a, 0.0), axis, dtype)


def nancumprod(F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Value:
    """Running products in which NaN counts as 1."""
    return cumprod(F, _without_nan(F, a, 1.0), axis, dtype)


def _cumulative(name: str, scan: Implementation, start: int) -> Implementation:
    def cumulative(
        F: Builder, x: Any, /, *, axis: Any = None, dtype: Any = None, out: None = None, include_initial: bool = False
    ) -> Value:
        value = as_array(F, x)
        if axis is None and value.rank != 1:
            raise shape_error(F, f"{name}: give axis= for an array of {value.rank} dimensions")
        along = 0 if axis is None else axis_of(F, name, axis, value.rank)
        found: Value = scan(F, value, along, dtype)
        if not include_initial:
            return found
        dims = tuple(1 if i == along else dim for i, dim in enumerate(found.dims))
        first = F.broadcast_to(F.cast(F.value(start), found.type.dtype), dims)
        return F.concat(first, found, axis=along)

    cumulative.__doc__ = f"The array API's ``{name}``."
    return cumulative


# --- slopes -----------------------------------------------------------------------------------------------------------


def _cut(F: Builder, a: Value, axis: int, start: Dim, length: Dim) -> Value:
    return take_range(F, a, axis, start, length)


def _even_slopes(F: Builder, a: Value, axis: int, step: Value, order: int) -> Value:
    """Central differences over even steps, one-sided ones at the ends."""
    n = a.dims[axis]
    inner = F.div(F.sub(_cut(F, a, axis, 2, n - 2), _cut(F, a, axis, 0, n - 2)), F.mul(step, 2.0))
    first, second = (_cut(F, a, axis, k, 1) for k in (0, 1))
    last, before = (_cut(F, a, axis, n - k, 1) for k in (1, 2))
    if order == 1:
        ends = F.div(F.sub(second, first), step), F.div(F.sub(last, before), step)
    else:
        third, earlier = _cut(F, a, axis, 2, 1), _cut(F, a, axis, n - 3, 1)
        left = F.sub(F.mul(second, 2.0), F.add(F.mul(first, 1.5), F.mul(third, 0.5)))
        right = F.sub(F.add(F.mul(last, 1.5), F.mul(earlier, 0.5)), F.mul(before, 2.0))
        ends = F.div(left, step), F.div(right, step)
    return F.concat(ends[0], inner, ends[1], axis=axis)


def _uneven_slopes(F: Builder, a: Value, axis: int, at: Value, order: int) -> Value:
    """The slope of the parabola through each element and its neighbours, over coordinates."""
    n = a.dims[axis]
    steps = F.expand_dims(diff(F, at), [i for i in range(a.rank) if i != axis])
    near, far = _cut(F, steps, axis, 0, n - 2), _cut(F, steps, axis, 1, n - 2)
    both = F.add(near, far)
    weights = (
        F.neg(F.div(far, F.mul(near, both))),
        F.div(F.sub(far, near), F.mul(near, far)),
        F.div(near, F.mul(far, both)),
    )
    inner = _weighted(F, weights, [_cut(F, a, axis, k, n - 2) for k in range(3)])
    if order == 1:
        begin, end = (_cut(F, steps, axis, k, 1) for k in (0, n - 2))
        first = F.div(F.sub(_cut(F, a, axis, 1, 1), _cut(F, a, axis, 0, 1)), begin)
        last = F.div(F.sub(_cut(F, a, axis, n - 1, 1), _cut(F, a, axis, n - 2, 1)), end)
        return F.concat(first, inner, last, axis=axis)
    h, k = (_cut(F, steps, axis, i, 1) for i in (0, 1))
    both = F.add(h, k)
    weights = (
        F.neg(F.div(F.add(F.mul(h, 2.0), k), F.mul(h, both))),
        F.div(both, F.mul(h, k)),
        F.neg(F.div(h, F.mul(k, both))),
    )
    first = _weighted(F, weights, [_cut(F, a, axis, i, 1) for i in range(3)])
    h, k = (_cut(F, steps, axis, i, 1) for i in (n - 3, n - 2))
    both = F.add(h, k)
    weights = (
        F.div(k, F.mul(h, both)),
        F.neg(F.div(both, F.mul(h, k))),
        F.div(F.add(F.mul(k, 2.0), h), F.mul(k, both)),
    )
    last = _weighted(F, weights, [_cut(F, a, axis, n - i, 1) for i in (3, 2, 1)])
    return F.concat(first, inner, last, axis=axis)


def _weighted(F: Builder, weights: Sequence[Value], parts: Sequence[Value]) -> Value:
    result = F.mul(weights[0], parts[0])
    for weight, part in zip(weights[1:], parts[1:], strict=True):
        result = F.add(result, F.mul(weight, part))
    return result


def gradient(F: Builder, f: Any, *varargs: Any, axis: Any = None, edge_order: Any = 1) -> Value | tuple[Value, ...]:
    """Slopes along each axis, over even steps or coordinates: ``numpy.gradient``."""
    value = as_array(F, f)
    value = F.cast(value, mean_dtype(value.type.dtype))
    axes, order = axes_of(F, "gradient", axis, value.rank), as_int(F, "gradient", "edge_order", edge_order)
    spacings = [as_array(F, v) for v in varargs] or [as_array(F, 1.0)]
    spacings = spacings * len(axes) if len(spacings) == 1 and not spacings[0].rank else spacings
    if len(spacings) != len(axes) or order not in (1, 2):
        raise shape_error(F, f"gradient: {len(spacings)} spacings for {len(axes)} axes, edge_order={order}")
    results = []
    for along, spacing in zip(axes, spacings, strict=True):
        if not F.facts.at_least(value.dims[along], order + 1):
            raise shape_error(F, f"gradient: axis {along} of {value.type} needs {order + 1} elements or more")
        if spacing.rank:
            require_equal(F, "gradient", spacing.dims[0], value.dims[along], (spacing.dims, value.dims))
            results.append(_uneven_slopes(F, value, along, F.cast(spacing, value.type.dtype), order))
        else:
            results.append(_even_slopes(F, value, along, F.cast(spacing, value.type.dtype), order))
    return results[0] if len(results) == 1 else tuple(results)


def trapezoid(F: Builder, y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Value:
    """The area under a polygon along the axis; differentiable by both coordinates."""
    heights = as_array(F, y)
    along = axis_of(F, "trapezoid", axis, heights.rank)
    n = heights.dims[along]
    if not F.facts.at_least(n, 1):
        raise shape_error(F, f"trapezoid: axis {along} of {heights.type} has no elements")
    both = F.add(_cut(F, heights, along, 1, n - 1), _cut(F, heights, along, 0, n - 1))
    widths = as_array(F, dx)
    if x is not None:
        at = as_array(F, x)
        if at.rank == 1:
            widths = F.expand_dims(diff(F, at), [i for i in range(heights.rank) if i != along])
        else:
            widths = diff(F, at, axis=axis)
    areas = F.div(F.mul(widths, both), 2.0)  # of more axes than y where x has more
    return F.reduce("sum", areas, (axis_of(F, "trapezoid", axis, areas.rank),))


def unwrap(F: Builder, p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * math.pi) -> Value:
    """Angles without jumps of more than half a period."""
    value = as_array(F, p)
    along = axis_of(F, "unwrap", axis, value.rank)
    steps = diff(F, value, axis=along)
    dtype = np.result_type(steps.type.dtype, np.float64 if isinstance(period, float) and not value.type.is_float else
                           steps.type.dtype)  # fmt: skip
    steps = F.cast(steps, dtype)
    whole = as_array(F, period)
    whole = F.cast(whole, dtype) if whole.type.weak else whole
    is_whole = dtype.kind in "iu" and whole.type.dtype.kind in "iu"
    half = F.floor_divide(whole, 2) if is_whole else F.div(whole, 2.0)
    folded = F.sub(F.remainder(F.add(steps, half), whole), half)
    at_edge = F.logical_and(F.eq(folded, F.neg(half)), F.gt(steps, 0))
    if is_whole:  # of an odd period no integer is half
        at_edge = F.logical_and(at_edge, F.eq(F.remainder(whole, 2), 0))
    folded = F.select(at_edge, half, folded)
    limit = F.div(whole, 2.0) if discont is None else as_array(F, discont)
    change = F.sub(folded, steps)
    change = F.select(F.lt(F.abs(steps), limit), F.cast(F.value(0), change.type.dtype), change)
    dims = tuple(1 if i == along else dim for i, dim in enumerate(value.dims))
    nothing = F.broadcast_to(F.cast(F.value(0), change.type.dtype), dims)
    total = F.cumsum(F.concat(nothing, change, axis=along), axis=along, reverse=False, exclusive=False)
    return F.add(value, total)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.nancumsum": nancumsum, "numpy.nancumprod": nancumprod,
    "numpy.cumulative_sum": _cumulative("cumulative_sum", cumsum, 0),
    "numpy.cumulative_prod": _cumulative("cumulative_prod", cumprod, 1),
    "numpy.gradient": gradient, "numpy.trapezoid": trapezoid, "numpy.unwrap": unwrap,
}  # fmt: skip
