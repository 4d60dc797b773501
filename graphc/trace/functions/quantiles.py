"""``median percentile quantile`` and their forms that skip NaN.

They find the neighbours of a place that the method says, and read between them; the gradient goes to those two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Value
from graphc.ir.types import F64, I64
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    axes_of,
    mean_dtype,
    shape_error,
    unsupported,
)
from graphc.trace.functions.slicing import take_range
from graphc.trace.functions.sorting import along_last_axis

Place = Callable[[Builder, Value, Value], Value]  # (F, count, share) -> position, from 0, of a float dtype


def _affine(alpha: float, beta: float) -> Place:
    """Hyndman and Fan's continuous methods: ``share * (n + 1 - alpha - beta) + alpha - 1``."""

    def place(F: Builder, count: Value, share: Value) -> Value:
        return F.add(F.mul(share, F.add(count, 1.0 - alpha - beta)), alpha - 1.0)

    return place


# Of the methods of Hyndman and Fan, "Sample quantiles in statistical packages" (1996), those that are continuous.
_PLACES: dict[str, Place] = {
    "linear": _affine(1.0, 1.0),
    "hazen": _affine(0.5, 0.5),
    "weibull": _affine(0.0, 0.0),
    "median_unbiased": _affine(1 / 3, 1 / 3),
    "normal_unbiased": _affine(3 / 8, 3 / 8),
    "interpolated_inverted_cdf": _affine(0.0, 1.0),
}


def _middle(F: Builder, place: Value) -> Value:
    return F.mul(F.add(F.floor(place), F.ceil(place)), 0.5)


def _averaged(F: Builder, place: Value) -> Value:
    return F.select(F.eq(F.floor(place), place), F.add(place, 0.5), F.ceil(place))


def _closest(F: Builder, place: Value) -> Value:
    """The nearest place; of two, that which has an even number when counted from 1."""
    before = F.sub(place, 0.5)
    even = F.eq(F.remainder(before, 2.0), 0.0)
    return F.select(even, F.add(before, 1.0), F.ceil(before))


# The others step from element to element: of which continuous method, and where to.
_STEPS: dict[str, tuple[str, Callable[[Builder, Value], Value]]] = {
    "lower": ("linear", lambda F, place: F.floor(place)),
    "higher": ("linear", lambda F, place: F.ceil(place)),
    "nearest": ("linear", lambda F, place: F.rint(place)),
    "midpoint": ("linear", _middle),
    "inverted_cdf": ("interpolated_inverted_cdf", lambda F, place: F.ceil(place)),
    "averaged_inverted_cdf": ("interpolated_inverted_cdf", _averaged),
    "closest_observation": ("interpolated_inverted_cdf", _closest),
}
# Those that give an element as it is: also an integer, and one beside an infinity, which no interpolation would keep.
_TAKEN = {"lower", "higher", "nearest", "inverted_cdf", "closest_observation"}
MIDDLE = "the middle"  # what ``median`` asks for: between two elements their mean, as infinities have one
FEW_SHARES = 4  # up to which neighbours are looked for one by one


def _flattened(F: Builder, name: str, a: Any, axis: Any, keeps_integers: bool) -> tuple[Value, tuple[int, ...]]:
    """The array with the axes folded into the last one, in a float dtype if no integers are kept; and the axes."""
    value = as_array(F, a)
    value = value if keeps_integers else F.cast(value, mean_dtype(value.type.dtype))
    axes = axes_of(F, name, axis, value.rank)
    rest = [i for i in range(value.rank) if i not in axes]
    moved = F.transpose(value, [*rest, *axes])
    return F.reshape(moved, (*moved.dims[: len(rest)], product(value.dims[i] for i in axes))), axes


def _kept(F: Builder, found: Value, axes: tuple[int, ...], lead: int, keepdims: bool) -> Value:
    return F.expand_dims(found, [lead + axis for axis in sorted(axes)]) if keepdims else found


def _at_ranks(F: Builder, rows: Value, *ranks: Value) -> list[Value]:
    """The elements of the rows at each of these ranks: found one by one where there are few, else by sorting."""
    count = ranks[0].dims[-1]
    if not rows.type.is_float or not isinstance(count, int) or count > FEW_SHARES:
        ordered = F.sort(rows)[0]
        return [along_last_axis(F, ordered, rank) for rank in ranks]
    axis = ranks[0].rank - 1
    found = F.ranked(rows, F.concat(*ranks, axis=axis) if len(ranks) > 1 else ranks[0])[0]
    return [take_range(F, found, axis, k * count, count) for k in range(len(ranks))]


def _at_places(F: Builder, rows: Value, place: Value, last: Value, method: str) -> Value:
    """In order of the rows, at places (of the rows' batch, and a last axis of their own) that may be between two."""
    place = F.minimum(F.maximum(place, 0.0), F.cast(last, place.type.dtype))
    low = F.cast(F.floor(place), I64)
    if method in _TAKEN:
        return _at_ranks(F, rows, low)[0]
    high = F.minimum(F.add(low, 1), last)
    part = F.sub(place, F.cast(low, place.type.dtype))
    first, second = _at_ranks(F, rows, low, high)
    if method == MIDDLE:
        return F.select(F.eq(part, 0.0), first, F.div(F.add(first, second), 2.0))
    nearer = F.ge(part, 0.5)  # from the nearer end, so that the result never leaves the two
    step = F.sub(second, first)
    up, down = F.add(first, F.mul(step, part)), F.sub(second, F.mul(step, F.sub(1.0, part)))
    return F.select(F.eq(first, second), first, F.select(nearer, down, up))


def _quantiles(F: Builder, name: str, rows: Value, share: Value, method: str, skips_nan: bool) -> Value:
    """For each row, at the shares (a vector): a last axis of the shares' length."""
    size: Dim = rows.dims[-1]
    is_open = F.facts.is_bound(size)  # the count of a mask: of nothing the result is NaN, as NumPy's
    if not is_open and not F.facts.at_least(size, 1):
        raise shape_error(F, f"{name}: the array has no elements")
    last_axis = rows.rank - 1
    lost = F.isnan(rows) if rows.type.is_float else None
    count = F.cast(F.value(size), I64)
    if skips_nan and lost is not None:
        count = F.sub(count, F.reduce("sum", F.cast(lost, I64), [last_axis], keepdims=True))
    last = F.maximum(F.sub(count, 1), 0)
    base, step = _STEPS.get(method, ("linear" if method == MIDDLE else method, None))
    place = _PLACES[base](F, F.cast(count, share.type.dtype), share)
    place = place if step is None else step(F, place)
    if lost is None and is_open:
        raise unsupported(F, f"{name}: method={method!r} of integers that a mask selects; convert with x.astype(float)")
    rows = _never_empty(F, rows) if is_open else rows
    found = _at_places(F, rows, F.broadcast_to(place, (*rows.dims[:-1], share.dims[0])), last, method)
    if lost is None:
        return found
    missing = F.reduce("all" if skips_nan else "any", lost, [last_axis], keepdims=True)
    missing = F.logical_or(missing, F.eq(count, 0)) if is_open else missing
    return F.select(missing, float("nan"), found)


def _never_empty(F: Builder, rows: Value) -> Value:
    """The rows with a NaN behind them, so that the first element is one in any case."""
    size, axis = rows.dims[-1], rows.rank - 1
    longer = F.embed(rows, starts=(0,) * rows.rank, steps=(1,) * rows.rank, dims=(*rows.dims[:-1], size + 1))
    is_own = F.lt(F.iota(dims=(*(1,) * axis, size + 1), axis=axis), F.value(size))
    return F.select(is_own, longer, float("nan"))


def _of_shares(  # noqa: PLR0913, PLR0917 - what quantile and percentile share
    F: Builder, name: str, a: Any, q: Any, axis: Any, method: str, keepdims: bool, whole: float, skips_nan: bool,
) -> Value:  # fmt: skip
    if method not in _PLACES and method not in _STEPS:
        raise unsupported(F, f"{name}: method={method!r} is not supported; there are {', '.join((*_PLACES, *_STEPS))}")
    rows, axes = _flattened(F, name, a, axis, method in _TAKEN)
    share = as_array(F, q)
    alone = share.type.weak and not isinstance(q, list | tuple) and rows.type.is_float  # a list is an array of float64
    share = F.cast(share, rows.type.dtype if alone else np.result_type(share.type.dtype, np.float64))
    flat = F.reshape(F.div(share, whole) if whole != 1.0 else share, (product(share.dims),))
    found = _quantiles(F, name, rows, flat, method, skips_nan)
    front = F.transpose(found, [found.rank - 1, *range(found.rank - 1)])
    result = F.reshape(front, (*share.dims, *rows.dims[:-1]))
    return _kept(F, result, axes, share.rank, keepdims)


def _weighted(F: Builder, name: str, data: tuple[Any, Any, Any, Any], ways: tuple[str, bool, float, bool]) -> Value:
    """The first element up to which the weights add up to the share; no gradient comes to the weights."""
    (a, q, axis, weights), (method, keepdims, whole, skips_nan) = data, ways
    if method != "inverted_cdf" or skips_nan:
        raise unsupported(F, f"{name}: weights= is there for method='inverted_cdf', and where no NaN is skipped")
    rows, axes = _flattened(F, name, a, axis, keeps_integers=True)
    share = F.cast(as_array(F, q), F64)
    flat = F.reshape(F.div(share, whole) if whole != 1.0 else share, (product(share.dims),))
    ordered, order = F.sort(rows)
    given = as_array(F, weights)
    if given.rank == 1:
        given = F.broadcast_to(given, rows.dims)
    elif given.rank == rows.rank + len(axes) - 1:
        given = _flattened(F, name, given, axis, keeps_integers=False)[0]
    else:
        raise shape_error(F, f"{name}: weights={given.type} are no vector, and are not like the array")
    last_axis = rows.rank - 1
    sums = F.cumsum(along_last_axis(F, F.cast(given, F64), order), axis=last_axis, reverse=False, exclusive=False)
    total = take_range(F, sums, last_axis, rows.dims[-1] - 1, 1)
    reached = F.div(sums, total)
    reached = F.select(F.eq(reached, 0.0), -1.0, reached)  # what weighs nothing is no smallest element
    before = F.lt(F.expand_dims(reached, (last_axis,)), F.expand_dims(flat, (1,)))
    place = F.reduce("sum", F.cast(before, I64), (last_axis + 1,))
    found = along_last_axis(F, ordered, F.minimum(place, F.value(rows.dims[-1] - 1)))
    if rows.type.is_float:
        lost = F.reduce("any", F.isnan(rows), [last_axis], keepdims=True)
        found = F.select(lost, float("nan"), found)
    front = F.transpose(found, [found.rank - 1, *range(found.rank - 1)])
    return _kept(F, F.reshape(front, (*share.dims, *rows.dims[:-1])), axes, share.rank, keepdims)


def _function(name: str, whole: float, skips_nan: bool) -> Implementation:
    def quantile(  # noqa: PLR0913 - NumPy's own parameters
        F: Builder, a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
        method: str = "linear", keepdims: bool = False, *, weights: Any = None,
    ) -> Value:  # fmt: skip
        if weights is not None:
            return _weighted(F, name, (a, q, axis, weights), (method, keepdims, whole, skips_nan))
        return _of_shares(F, name, a, q, axis, method, keepdims, whole, skips_nan)

    quantile.__doc__ = f"NumPy's ``{name}``, by interpolation between neighbours in the sorted array."
    return quantile


def _median(name: str, skips_nan: bool) -> Implementation:
    def median(
        F: Builder, a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
    ) -> Value:
        rows, axes = _flattened(F, name, a, axis, keeps_integers=False)
        half = F.cast(F.reshape(F.value(0.5), (1,)), rows.type.dtype)
        found = _quantiles(F, name, rows, half, MIDDLE, skips_nan)
        return _kept(F, F.squeeze(found, (found.rank - 1,)), axes, 0, keepdims)

    median.__doc__ = f"NumPy's ``{name}``: the middle element, or the mean of the two in the middle."
    return median


FUNCTIONS: dict[str, Implementation] = {
    "numpy.median": _median("median", False), "numpy.nanmedian": _median("nanmedian", True),
    "numpy.quantile": _function("quantile", 1.0, False), "numpy.nanquantile": _function("nanquantile", 1.0, True),
    "numpy.percentile": _function("percentile", 100.0, False),
    "numpy.nanpercentile": _function("nanpercentile", 100.0, True),
}  # fmt: skip
