"""Means and spreads, and the folds that skip NaN."""

from __future__ import annotations

from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, dim_max, product
from graphc.ir.graph import Value
from graphc.ir.types import F64, I64, ArrayType, is_floating, is_real_float, result_type
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dtype,
    axes_of,
    mask_of,
    mean_dtype,
    require_equal,
    require_same_dims,
    shape_error,
    unsupported,
)
from graphc.trace.functions.complex_values import squared_size
from graphc.trace.functions.reductions import masked, max_, min_, of_something, prod, require_elements, sum_


def element_count(F: Builder, a: Value, axes: tuple[int, ...], keepdims: bool, mask: Value | None) -> Value | Dim:
    """How many elements each result folds: a dim, or with a mask an int64 value."""
    if mask is None:
        return product(a.dims[axis] for axis in axes)
    return F.reduce("sum", F.cast(F.broadcast_to(mask, a.dims), I64), axes, keepdims)


def _mean(F: Builder, a: Value, axes: tuple[int, ...], keepdims: bool, mask: Value | None) -> Value:
    """The mean of an array that is already in the dtype to compute in."""
    total = F.reduce("sum", masked(F, a, mask, 0), axes, keepdims)
    return F.cast(F.div(total, element_count(F, a, axes, keepdims, mask)), total.type.dtype)


def mean(
    F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *,
    where: Any = None,
) -> Value:  # fmt: skip
    """NumPy's ``mean``: float32 stays, integers give float64."""
    a = as_array(F, a)
    a = F.cast(a, mean_dtype(a.type.dtype) if dtype is None else as_dtype(F, "mean", dtype))
    return _mean(F, a, axes_of(F, "mean", axis, a.rank), keepdims, mask_of(F, where))


def _degrees(F: Builder, count: Value | Dim, ddof: Any) -> Value | Dim:
    """``max(count - ddof, 0)``, as a dim where both are."""
    if isinstance(count, int | Expr) and isinstance(ddof, int | Expr):
        free = count - ddof
        low = F.facts.lower_bound(free)
        return free if low is not None and low >= 0 else dim_max(free, 0)
    return F.maximum(F.sub(count, ddof), 0)


def var(  # noqa: PLR0913 - NumPy's own parameters
    F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0, keepdims: bool = False, *,
    where: Any = None, mean: Any = None, correction: Any = None,
) -> Value:  # fmt: skip
    """NumPy's ``var``, in its two passes: the mean first, then the mean square of what differs from it."""
    a, mask = as_array(F, a), mask_of(F, where)
    wanted = mean_dtype(a.type.dtype) if dtype is None else as_dtype(F, "var", dtype)
    if not is_floating(wanted):
        raise unsupported(F, f"var: dtype={wanted} would cut off what each step rounds; take a float dtype and round")
    axes = axes_of(F, "var", axis, a.rank)
    centre = _mean(F, F.cast(a, wanted), axes, True, mask) if mean is None else as_array(F, mean)
    squares = F.cast(squared_size(F, F.sub(a, centre)), ArrayType(wanted).real_dtype)
    total = F.reduce("sum", masked(F, squares, mask, 0), axes, keepdims)
    count = element_count(F, a, axes, keepdims, mask)
    result = F.cast(F.div(total, _degrees(F, count, _one_of(F, ddof, correction))), squares.type.dtype)
    return result if dtype is None else F.cast(result, wanted)


def _one_of(F: Builder, ddof: Any, correction: Any) -> Any:
    """What is taken off the count, by either of its names."""
    if correction is not None and not (isinstance(ddof, int) and ddof == 0):
        raise shape_error(F, "ddof and correction are two names of one argument: give one of them")
    return ddof if correction is None else correction


def std(  # noqa: PLR0913 - NumPy's own parameters
    F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0, keepdims: bool = False, *,
    where: Any = None, mean: Any = None, correction: Any = None,
) -> Value:  # fmt: skip
    """NumPy's ``std``; its derivative at constant data is 0."""
    return _root(F, var(F, a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction))


def _root(F: Builder, variance: Value) -> Value:
    """In the variance's dtype, which is complex only where that was asked for."""
    return F.cast(F.length(F.real(variance)), variance.type.dtype) if variance.type.is_complex else F.length(variance)


def average(
    F: Builder, a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False
) -> Value | tuple[Value, Value]:
    """The mean weighted by ``weights``, which has the array's shape or lies along the one axis."""
    a = as_array(F, a)
    axes = axes_of(F, "average", axis, a.rank)
    if weights is None:
        result = mean(F, a, axes, keepdims=keepdims)
        if not returned:
            return result
        count = F.cast(F.value(product(a.dims[i] for i in axes)), result.type.dtype)
        return result, F.broadcast_to(count, result.dims)
    w = as_array(F, weights)
    if a.type.dtype.kind in "biu":
        a = F.cast(a, result_type(w.type.dtype, F64))
    if w.rank != a.rank:
        if axis is None or len(axes) != w.rank:
            raise shape_error(F, f"average: weights {w.type} need the shape of {a.type}, or axis= for their dimensions")
        for place, along in enumerate(axes):
            require_equal(F, "average", w.dims[place], a.dims[along], (w.dims, a.dims))
        order = sorted(range(len(axes)), key=lambda place: axes[place])
        w = F.expand_dims(F.transpose(w, order), tuple(i for i in range(a.rank) if i not in axes))
    else:
        require_same_dims(F, "average", w, a)
    scale = F.reduce("sum", F.cast(F.broadcast_to(w, a.dims), F.mul(a, w).type.dtype), axes, keepdims)
    result = F.div(F.reduce("sum", F.mul(a, w), axes, keepdims), scale)
    return (result, scale) if returned else result


# --- folds that skip NaN ----------------------------------------------------------------------------------------------


def present(F: Builder, a: Value, where: Any) -> Value | None:
    """The mask of the elements that count: ``where=``, less the NaNs; None for all."""
    mask = mask_of(F, where)
    if not a.type.is_float:
        return mask
    real = F.logical_not(F.isnan(a))
    return real if mask is None else F.logical_and(real, mask)


def nansum(
    F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
    initial: Any = None, where: Any = None,
) -> Value:  # fmt: skip
    """The sum of what is not NaN."""
    a = as_array(F, a)
    return sum_(F, a, axis, dtype, None, keepdims, initial, present(F, a, where))


def nanprod(
    F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
    initial: Any = None, where: Any = None,
) -> Value:  # fmt: skip
    """The product of what is not NaN."""
    a = as_array(F, a)
    return prod(F, a, axis, dtype, None, keepdims, initial, present(F, a, where))


def _nan_extreme(F: Builder, name: str, a: Value, axis: Any, keepdims: bool, where: Any) -> Value:
    if where is not None and where is not True:
        raise shape_error(F, f"nan{name}: with where=, give initial= too: an empty selection has no {name}")
    axes = axes_of(F, name, axis, a.rank)
    require_elements(F, name, a, axes)
    lost = F.isnan(a)
    masked_out = F.select(lost, float("-inf" if name == "max" else "inf"), a)
    kept = of_something(F, a, axes, lambda: F.reduce(name, masked_out, axes, keepdims))
    return F.select(F.reduce("all", lost, axes, keepdims), float("nan"), kept)


def nanmax(
    F: Builder, a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
    where: Any = None,
) -> Value:  # fmt: skip
    """The greatest of what is not NaN; NaN where everything is."""
    a = as_array(F, a)
    if not is_real_float(a.type.dtype) or initial is not None:
        return max_(F, a, axis, None, keepdims, initial, present(F, a, where))
    return _nan_extreme(F, "max", a, axis, keepdims, where)


def nanmin(
    F: Builder, a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
    where: Any = None,
) -> Value:  # fmt: skip
    """The smallest of what is not NaN; NaN where everything is."""
    a = as_array(F, a)
    if not is_real_float(a.type.dtype) or initial is not None:
        return min_(F, a, axis, None, keepdims, initial, present(F, a, where))
    return _nan_extreme(F, "min", a, axis, keepdims, where)


def nanmean(
    F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *,
    where: Any = None,
) -> Value:  # fmt: skip
    """The mean of what is not NaN."""
    a = as_array(F, a)
    return mean(F, a, axis, dtype, None, keepdims, where=present(F, a, where))


def nanvar(  # noqa: PLR0913 - NumPy's own parameters
    F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0, keepdims: bool = False, *,
    where: Any = None, mean: Any = None, correction: Any = None,
) -> Value:  # fmt: skip
    """The variance of what is not NaN; NaN where fewer than ``ddof + 1`` elements are left."""
    a = as_array(F, a)
    mask = present(F, a, where)
    result = var(F, a, axis, dtype, None, ddof, keepdims, where=mask, mean=mean, correction=correction)
    if mask is None:
        return result
    axes = axes_of(F, "nanvar", axis, a.rank)
    count = element_count(F, a, axes, keepdims, mask)
    return F.select(F.gt(count, _one_of(F, ddof, correction)), result, float("nan"))


def nanstd(  # noqa: PLR0913 - NumPy's own parameters
    F: Builder, a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0, keepdims: bool = False, *,
    where: Any = None, mean: Any = None, correction: Any = None,
) -> Value:  # fmt: skip
    """The standard deviation of what is not NaN."""
    return _root(F, nanvar(F, a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction))


FUNCTIONS: dict[str, Implementation] = {
    "numpy.mean": mean, "numpy.var": var, "numpy.std": std, "numpy.average": average, "numpy.nansum": nansum,
    "numpy.nanprod": nanprod, "numpy.nanmax": nanmax, "numpy.nanmin": nanmin, "numpy.nanmean": nanmean,
    "numpy.nanvar": nanvar, "numpy.nanstd": nanstd,
}  # fmt: skip
