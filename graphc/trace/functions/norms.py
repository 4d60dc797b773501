"""Norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    axes_of,
    mean_dtype,
    shape_error,
    specialised,
)
from graphc.trace.functions.complex_values import squared_size
from graphc.trace.functions.reductions import max_, of_something, require_elements


def _as_float(F: Builder, x: Any) -> Value:
    a = as_array(F, x)
    return F.cast(a, mean_dtype(a.type.dtype))


def two_norm(F: Builder, a: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    """The root of the sum of squares; its derivative at 0 is 0."""
    return F.length(F.reduce("sum", squared_size(F, a), axes, keepdims))


def power_norm(F: Builder, a: Value, order: Any, axes: tuple[int, ...], keepdims: bool) -> Value:
    """``sum(|a|**p) ** (1/p)``; for p > 0 its derivative at 0 is 0, and where the sum is infinite NaN."""
    total = F.reduce("sum", F.pow(F.abs(a), order), axes, keepdims)
    if order < 0:
        return F.pow(total, 1 / order)
    at_zero = F.eq(total, 0)
    root = F.pow(F.select(at_zero, 1, total), 1 / order)
    root = F.select(F.isinf(total), F.hypot(total, 0), root)  # whose derivative is no 0 that would hide an infinite one
    return F.select(at_zero, 0, root)


def norm_of_traced_order(F: Builder, a: Value, order: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    """The norm of an order known only when the program runs: one of all that it may be."""
    order = F.cast(order, a.type.real_dtype)
    total = F.reduce("sum", F.pow(F.abs(a), order), axes, keepdims)
    result = F.pow(total, F.div(1.0, order))
    for special in (0.0, math.inf, -math.inf):
        result = F.select(F.eq(order, special), vector_norms(F, a, special, axes, keepdims), result)
    return result


def vector_norms(F: Builder, a: Value, order: Any, axes: tuple[int, ...], keepdims: bool) -> Value:
    """The norm of the elements over the axes."""
    if isinstance(order, Value):
        return norm_of_traced_order(F, a, order, axes, keepdims)
    if order is None or order == 2:
        return two_norm(F, a, axes, keepdims)
    if isinstance(order, str):
        raise shape_error(F, f"norm: ord={order!r} is a norm of matrices; {a.type} over axes {axes} gives vectors")
    if order in (math.inf, -math.inf):
        if order > 0 and any(a.dims[axis] == 0 or F.facts.is_bound(a.dims[axis]) for axis in axes):
            return max_(F, F.abs(a), axes, None, keepdims, 0.0)  # of nothing: 0
        require_elements(F, "norm", a, axes)
        return of_something(F, a, axes, lambda: F.reduce("max" if order > 0 else "min", F.abs(a), axes, keepdims))
    if order == 0:
        return F.reduce("sum", F.cast(F.ne(a, 0), a.type.real_dtype), axes, keepdims)
    if order == 1:
        return F.reduce("sum", F.abs(a), axes, keepdims)
    return power_norm(F, a, order, axes, keepdims)


def matrix_norms(F: Builder, a: Value, order: Any, axes: tuple[int, ...], keepdims: bool) -> Value:
    """The norm of the matrices in the plane (rows, columns) of two axes."""
    if order in (None, "fro", "f"):
        return two_norm(F, a, axes, keepdims)
    if order in (2, -2, "nuc"):
        return _singular_norms(F, a, order, axes, keepdims)
    if order not in (1, -1, math.inf, -math.inf):
        raise shape_error(
            F, f"norm: ord={order!r} is no norm of matrices; there are 'fro', 'nuc', 1, 2, inf and negatives"
        )
    rows, columns = axes
    summed, folded = (rows, columns) if abs(order) == 1 else (columns, rows)
    require_elements(F, "norm", a, (folded,))
    sums = F.reduce("sum", F.abs(a), (summed,), keepdims=True)
    name = "max" if order > 0 else "min"
    result = of_something(F, a, (folded,), lambda: F.reduce(name, sums, (folded,), keepdims=True))
    return result if keepdims else F.squeeze(result, axes)


def _singular_norms(F: Builder, a: Value, order: Any, axes: tuple[int, ...], keepdims: bool) -> Value:
    """The largest, the smallest or all singular values together."""
    rest = [axis for axis in range(a.rank) if axis not in axes]
    _, singular, _ = F.svd(F.transpose(a, [*rest, *axes]))
    name = {2: "max", -2: "min", "nuc": "sum"}[order]
    return F.expand_dims(F.reduce(name, singular, [singular.rank - 1]), sorted(axes) if keepdims else ())


def norm(F: Builder, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    """NumPy's ``linalg.norm``."""
    a, ord = _as_float(F, x), specialised(F, ord)
    axes = axes_of(F, "norm", axis, a.rank)
    if axis is None and ord is None:
        return two_norm(F, a, axes, keepdims)
    if len(axes) == 1:
        return vector_norms(F, a, ord, axes, keepdims)
    if len(axes) == 2:
        return matrix_norms(F, a, ord, axes, keepdims)
    raise shape_error(F, f"norm: ord={ord!r} needs one axis (vectors) or two (matrices) of {a.type}")


def vector_norm(F: Builder, x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Value:
    """The norm over any axes; of all elements without."""
    a, ord = _as_float(F, x), specialised(F, ord)
    return vector_norms(F, a, ord, axes_of(F, "vector_norm", axis, a.rank), keepdims)


def matrix_norm(F: Builder, x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Value:
    """The norm over the last two axes."""
    a, ord = _as_float(F, x), specialised(F, ord)
    return matrix_norms(F, a, ord, axes_of(F, "matrix_norm", (-2, -1), a.rank), keepdims)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.linalg.norm": norm, "numpy.linalg.vector_norm": vector_norm, "numpy.linalg.matrix_norm": matrix_norm,
}  # fmt: skip
