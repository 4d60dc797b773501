"""Windows of a symbolic length, ``hamming hanning bartlett blackman kaiser``, and grids of numbers in a ratio.

The windows are as in Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.2, and NumPy:
symmetric, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F64
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dim,
    as_dims,
    as_dtype,
    not_negative,
)
from graphc.trace.functions.creation import linspace, ones
from graphc.trace.functions.shaping import moveaxis


def _window(name: str, at: Callable[[Builder, Value], Value]) -> Implementation:
    """``at``: the window's value at places from -1 to 1."""

    def window(F: Builder, M: Any) -> Value:
        count = not_negative(F, as_dim(F, name, M))
        if not F.facts.at_least(count, 2):
            return ones(F, count)
        doubled = F.sub(F.mul(F.iota(dims=(count,), axis=0), 2), count - 1)
        return at(F, F.div(F.cast(doubled, F64), count - 1))

    window.__doc__ = f"NumPy's {name} window of M points."
    return window


def _cosines(*factors: float) -> Callable[[Builder, Value], Value]:
    """``a + b cos(pi t) + c cos(2 pi t)``."""

    def at(F: Builder, t: Value) -> Value:
        total = F.add(F.mul(F.cos(F.mul(t, math.pi)), factors[1]), factors[0])
        for k, factor in enumerate(factors[2:], 2):
            total = F.add(total, F.mul(F.cos(F.mul(t, k * math.pi)), factor))
        return total

    return at


def kaiser(F: Builder, M: Any, beta: Any) -> Value:
    """The Kaiser window of M points, ``i0(beta * sqrt(1 - t**2)) / i0(beta)``; differentiable by beta."""
    count = not_negative(F, as_dim(F, "kaiser", M))
    if not F.facts.at_least(count, 2):
        return ones(F, count)
    index = F.cast(F.iota(dims=(count,), axis=0), F64)
    half = F.div(F.value(count - 1), 2.0)
    t = F.div(F.sub(index, half), half)
    shape = F.cast(as_array(F, beta), F64)
    return F.div(F.i0(F.mul(shape, F.sqrt(F.sub(1.0, F.mul(t, t))))), F.i0(shape))


def logspace(
    F: Builder, start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None,
    axis: int = 0,
) -> Value:  # fmt: skip
    """``base ** linspace(start, stop, num)``; differentiable by all three."""
    power = F.pow(as_array(F, base), linspace(F, start, stop, num, endpoint=endpoint, axis=axis))
    return power if dtype is None else F.cast(power, as_dtype(F, "logspace", dtype))


def geomspace(
    F: Builder, start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Value:
    """``num`` numbers of one sign from start to stop, each the same multiple of the one before, along a new axis."""
    first, last = as_array(F, start), as_array(F, stop)
    float_type = np.result_type(first.type.dtype, last.type.dtype, F64)
    first, last = F.cast(first, float_type), F.cast(last, float_type)
    count = as_dim(F, "geomspace", num)
    rank = max(first.rank, last.rank)
    parts = as_array(F, linspace(F, 0.0, 1.0, count, endpoint=endpoint))
    parts = F.expand_dims(parts, range(1, rank + 1))
    found = F.mul(first, F.pow(F.div(last, first), parts))
    if endpoint and F.facts.at_least(count, 2):  # the last one is stop itself, not what rounding leaves of it
        is_last = F.eq(F.iota(dims=parts.dims, axis=0), F.value(count - 1))
        found = F.select(is_last, last, found)
    found = moveaxis(F, found, 0, axis)
    return found if dtype is None else F.cast(found, as_dtype(F, "geomspace", dtype))


def indices(F: Builder, dimensions: Any, dtype: Any = int, sparse: bool = False) -> Any:
    """Positions along each axis at every element of an array of these sizes."""
    dims = as_dims(F, "indices", dimensions)
    kind = as_dtype(F, "indices", dtype)
    if sparse:
        own = [tuple(dim if j == i else 1 for j in range(len(dims))) for i, dim in enumerate(dims)]
        return tuple(F.cast(F.iota(dims=shape, axis=i), kind) for i, shape in enumerate(own))
    grids = [F.expand_dims(F.cast(F.iota(dims=dims, axis=i), kind), (0,)) for i in range(len(dims))]
    return F.concat(*grids, axis=0)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.hanning": _window("hanning", _cosines(0.5, 0.5)),
    "numpy.hamming": _window("hamming", _cosines(0.54, 0.46)),
    "numpy.blackman": _window("blackman", _cosines(0.42, 0.5, 0.08)),
    "numpy.bartlett": _window("bartlett", lambda F, t: F.sub(1.0, F.abs(t))),
    "numpy.kaiser": kaiser, "numpy.logspace": logspace, "numpy.geomspace": geomspace, "numpy.indices": indices,
}  # fmt: skip
