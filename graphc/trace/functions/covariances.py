"""How variables vary together: ``cov corrcoef``; and the positions of extremes that skip NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import I64
from graphc.ops.index import NOTHING
from graphc.ops.matrices import diagonal
from graphc.trace.functions.arguments import Implementation, as_array, as_flag, promoted, require_equal, shape_error
from graphc.trace.functions.joining import join
from graphc.trace.functions.reductions import argmax, argmin
from graphc.trace.functions.shaping import two_axes


def _observations(F: Builder, name: str, m: Any, y: Any, rowvar: Any, dtype: Any) -> Value:
    """Variables as rows, in a float dtype."""
    parts = [two_axes(F, as_array(F, m))]
    by_rows = as_flag(F, name, "rowvar", rowvar)
    if as_array(F, m).rank > 2:
        raise shape_error(F, f"{name}: {as_array(F, m).type} has more than two dimensions")

    def turned(x: Value) -> Value:
        return x if by_rows or x.dims[0] == 1 else F.transpose(x, (1, 0))

    parts = [turned(parts[0])]
    if y is not None:
        parts.append(turned(two_axes(F, as_array(F, y))))
    whole = join(F, name, promoted(F, parts), 0)
    return F.cast(whole, np.result_type(whole.type.dtype, np.float64) if dtype is None else np.dtype(dtype))


def cov(  # noqa: PLR0913 - NumPy's own parameters
    F: Builder, m: Any, y: Any = None, rowvar: Any = True, bias: Any = False, ddof: Any = None, fweights: Any = None,
    aweights: Any = None, *, dtype: Any = None,
) -> Value:  # fmt: skip
    """The covariances of variables, given as rows (or as columns, by ``rowvar=False``)."""
    x = _observations(F, "cov", m, y, rowvar, dtype)
    free = (0 if as_flag(F, "cov", "bias", bias) else 1) if ddof is None else ddof
    weights: Value | None = None
    for given in (fweights, aweights):
        if given is not None:
            one = F.cast(as_array(F, given), x.type.dtype)
            require_equal(F, "cov", one.dims[0], x.dims[1], (one.dims, x.dims))
            weights = one if weights is None else F.mul(weights, one)
    if weights is None:
        mean = F.div(F.reduce("sum", x, (1,), keepdims=True), x.dims[1])
        norm = F.sub(F.cast(F.value(x.dims[1]), x.type.dtype), free)
        off = F.sub(x, mean)
        scaled = off
    else:
        total = F.reduce("sum", weights, (0,))
        mean = F.div(F.reduce("sum", F.mul(x, weights), (1,), keepdims=True), total)
        if aweights is None:
            norm = F.sub(total, free)
        else:
            squares = F.reduce("sum", F.mul(weights, F.cast(as_array(F, aweights), x.type.dtype)), (0,))
            norm = F.sub(total, F.div(F.mul(squares, free), total))
        off = F.sub(x, mean)
        scaled = F.mul(off, weights)
    result = F.div(F.matmul(off, F.transpose(scaled, (1, 0))), F.maximum(norm, 0.0))
    return F.squeeze(result, [i for i, dim in enumerate(result.dims) if dim == 1]) if 1 in result.dims else result


def corrcoef(F: Builder, x: Any, y: Any = None, rowvar: Any = True, *, dtype: Any = None) -> Value:
    """Correlation coefficients, between -1 and 1."""
    c = cov(F, x, y, rowvar, dtype=dtype)
    if not c.rank:
        return F.div(c, c)
    spread = F.sqrt(diagonal(F, c))
    scaled = F.div(F.div(c, F.expand_dims(spread, (1,))), F.expand_dims(spread, (0,)))
    return F.minimum(F.maximum(scaled, -1.0), 1.0)


def _nan_position(name: str, find: Implementation, worst: float) -> Implementation:
    def position(F: Builder, a: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Value:
        value = as_array(F, a)
        if not value.type.is_float:
            return find(F, value, axis, keepdims=keepdims)
        lost = F.isnan(value)
        found = find(F, F.select(lost, worst, value), axis, keepdims=keepdims)
        axes = tuple(range(value.rank)) if axis is None else (axis % value.rank,)
        nothing = F.reduce("all", lost, axes, keepdims)
        return F.add(found, F.checked_index(F.cast(nothing, I64), axis=NOTHING, size=1))

    position.__doc__ = f"NumPy's ``{name}``; a row of NaN alone is an error where the program runs."
    return position


FUNCTIONS: dict[str, Implementation] = {
    "numpy.cov": cov, "numpy.corrcoef": corrcoef,
    "numpy.nanargmax": _nan_position("nanargmax", argmax, -np.inf),
    "numpy.nanargmin": _nan_position("nanargmin", argmin, np.inf),
}  # fmt: skip
