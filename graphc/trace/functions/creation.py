"""Arrays made from sizes and numbers: ``zeros ones full arange linspace eye`` and their ``_like`` forms, ``meshgrid``.

Sizes may be symbolic, so that ``np.zeros(x.shape[0])`` serves every size.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, ceildiv, product
from graphc.ir.graph import Value
from graphc.ir.types import F64, I64, ArrayType, is_floating, is_real_float
from graphc.trace.extents import dim_of_number
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dim,
    as_dims,
    as_dtype,
    axis_of,
    not_negative,
    promotes_as,
    shape_error,
    unsupported,
)
from graphc.trace.functions.shaping import ignore_order


def filled(F: Builder, name: str, shape: Any, fill: Any, dtype: Any) -> Value:
    """An array of one number (which may be traced); the number's own dtype without one."""
    number = as_array(F, fill)
    number = F.cast(number, number.type.dtype if dtype is None else as_dtype(F, name, dtype))
    return F.broadcast_to(number, as_dims(F, name, shape))


def zeros(F: Builder, shape: Any, dtype: Any = float, order: str = "C", *, device: None = None) -> Value:
    ignore_order(F, order)
    return filled(F, "zeros", shape, 0, F64 if dtype is None else dtype)


def ones(F: Builder, shape: Any, dtype: Any = None, order: str = "C", *, device: None = None) -> Value:
    ignore_order(F, order)
    return filled(F, "ones", shape, 1, F64 if dtype is None else dtype)


def full(F: Builder, shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", *, device: None = None) -> Value:
    ignore_order(F, order)
    return filled(F, "full", shape, fill_value, dtype)


def _like(F: Builder, name: str, a: Any, fill: Any, dtype: Any, order: str | None, shape: Any) -> Value:
    ignore_order(F, order)
    a = as_array(F, a)
    return filled(F, name, a.dims if shape is None else shape, fill, a.type.dtype if dtype is None else dtype)


def zeros_like(
    F: Builder, a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
    device: None = None,
) -> Value:  # fmt: skip
    return _like(F, "zeros_like", a, 0, dtype, order, shape)


def ones_like(
    F: Builder, a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
    device: None = None,
) -> Value:  # fmt: skip
    return _like(F, "ones_like", a, 1, dtype, order, shape)


def full_like(
    F: Builder, a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
    device: None = None,
) -> Value:  # fmt: skip
    return _like(F, "full_like", a, fill_value, dtype, order, shape)


def positions(F: Builder, dims: tuple[Dim, ...], axis: int) -> Value:
    """int64 array of these dims that counts along one axis."""
    return F.iota(dims=dims, axis=axis)


def _is_whole(number: Any) -> bool:
    return isinstance(number, Expr | int | np.integer) and not isinstance(number, bool)


def arange(F: Builder, start: Any, stop: Any = None, step: Any = 1, dtype: Any = None, *, device: None = None) -> Value:
    """NumPy's ``arange`` over ints and symbolic sizes, or over plain Python floats."""
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    start, stop = (_as_bound(b) for b in (start, stop))
    bounds = (start, stop, step)
    if any(isinstance(b, Value) for b in bounds):
        raise unsupported(F, "arange: the length would depend on a traced value; use Python numbers or np.linspace")
    whole = all(_is_whole(b) for b in bounds)
    if not whole and any(isinstance(b, Expr) for b in bounds):
        if all(isinstance(b, Expr) or float(b).is_integer() for b in bounds):
            start, stop, step = (b if isinstance(b, Expr) else int(b) for b in bounds)
            return arange(F, start, stop, step, F64 if dtype is None else dtype)
        message = "arange: a symbolic size with a step or bound that is no whole number; write start + step * "
        raise unsupported(F, message + "np.arange(n)")
    if not isinstance(step, Expr) and step == 0:
        raise shape_error(F, "arange: the step is zero")
    count = _whole_count(F, start, stop, step) if whole else max(math.ceil((stop - start) / step), 0)
    steps = positions(F, (count,), 0)
    result_dtype = as_dtype(F, "arange", (I64 if whole else F64) if dtype is None else dtype)
    if whole and (start, step) == (0, 1):
        return F.cast(steps, result_dtype)
    return F.cast(F.add(F.mul(F.cast(steps, I64 if whole else F64), step), start), result_dtype)


def _as_bound(bound: Any) -> Any:
    """A number that is made of loop indices and sizes, as a size."""
    dim = dim_of_number(bound) if isinstance(bound, Value) else None
    return bound if dim is None else dim


def _whole_count(F: Builder, start: Any, stop: Any, step: Any) -> Dim:
    if isinstance(step, Expr):
        raise unsupported(F, f"arange: the step must be a plain Python int, got the symbolic {step}")
    distance = not_negative(F, stop - start if step > 0 else start - stop)
    return ceildiv(distance, abs(int(step)))


def linspace(  # noqa: PLR0913 - NumPy's own parameters
    F: Builder, start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0, *, device: None = None,
) -> Value | tuple[Value, Value]:  # fmt: skip
    """``num`` evenly spaced values from start to stop, which may be traced arrays; differentiable by both."""
    first, last = as_array(F, start), as_array(F, stop)
    count = as_dim(F, "linspace", num)
    float_type = _float_of(first, last)
    first, last = F.cast(first, float_type), F.cast(last, float_type)
    parts = count - 1 if endpoint else count
    distance = F.sub(last, first)
    step = F.div(distance, parts) if F.facts.at_least(parts, 1) else F.constant(math.nan, ArrayType(F64))
    index = F.cast(positions(F, (count, *(1,) * distance.rank), 0), float_type)
    if not F.facts.at_least(parts, 1):
        result = F.broadcast_to(first, (count, *distance.dims))
    else:
        result = F.add(F.mul(index, step), first)
        if endpoint:  # the last value is stop itself, not what rounding leaves of it
            result = F.select(F.eq(index, F.cast(F.value(parts), float_type)), last, result)
    result = result if dtype is None else _to_dtype(F, result, as_dtype(F, "linspace", dtype))
    along = axis_of(F, "linspace", axis, result.rank)
    result = F.transpose(result, [*range(1, along + 1), 0, *range(along + 1, result.rank)]) if along else result
    return (result, step) if retstep else result


def _float_of(*values: Value) -> np.dtype:
    """The dtype between two ends: of integers float64, and Python's numbers give way to NumPy's."""
    common = np.result_type(*(promotes_as(v) for v in values))
    return common if is_floating(common) else F64


def _to_dtype(F: Builder, value: Value, dtype: np.dtype) -> Value:
    return F.cast(value if is_real_float(dtype) else F.floor(value), dtype)


def tri(F: Builder, N: Any, M: Any = None, k: Any = 0, dtype: Any = float) -> Value:
    """Ones at and below the k-th diagonal."""
    rows = as_dim(F, "tri", N)
    dims = (rows, rows if M is None else as_dim(F, "tri", M))
    return F.cast(below(F, dims, k), as_dtype(F, "tri", dtype))


def below(F: Builder, dims: tuple[Dim, ...], k: Any) -> Value:
    """bool matrix: column <= row + k."""
    return F.le(positions(F, dims, len(dims) - 1), F.add(positions(F, dims, len(dims) - 2), k))


def eye(
    F: Builder, N: Any, M: Any = None, k: Any = 0, dtype: Any = float, order: str = "C", *, device: None = None
) -> Value:
    """Ones on the k-th diagonal."""
    ignore_order(F, order)
    rows = as_dim(F, "eye", N)
    dims = (rows, rows if M is None else as_dim(F, "eye", M))
    hits = F.eq(positions(F, dims, 1), F.add(positions(F, dims, 0), k))
    return F.cast(hits, as_dtype(F, "eye", dtype))


def identity(F: Builder, n: Any, dtype: Any = None) -> Value:
    return eye(F, n, dtype=F64 if dtype is None else dtype)


def meshgrid(F: Builder, *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Value, ...]:
    """Coordinate matrices from coordinate vectors."""
    vectors = [as_array(F, x) for x in xi]
    vectors = [F.reshape(v, (product(v.dims),)) for v in vectors]
    rank = len(vectors)
    order = [1, 0, *range(2, rank)] if indexing == "xy" and rank > 1 else list(range(rank))
    if indexing not in ("xy", "ij"):
        raise shape_error(F, f"meshgrid: indexing={indexing!r} is neither 'xy' nor 'ij'")
    grids = [F.expand_dims(v, [a for a in range(rank) if a != order[i]]) for i, v in enumerate(vectors)]
    if sparse:
        return tuple(grids)
    dims: list[Dim] = [1] * rank
    for i, v in enumerate(vectors):
        dims[order[i]] = v.dims[0]
    return tuple(F.broadcast_to(g, tuple(dims)) for g in grids)


def copy(F: Builder, a: Any, order: str = "K", subok: bool = False) -> Value:
    """The array itself: arrays of the program are values, which nothing changes."""
    ignore_order(F, order)
    return as_array(F, a)


def astype(F: Builder, x: Any, dtype: Any, /, *, copy: bool = True, device: None = None) -> Value:
    """The elements in another dtype; differentiable between float dtypes."""
    return F.cast(as_array(F, x), as_dtype(F, "astype", dtype))


FUNCTIONS: dict[str, Implementation] = {
    "numpy.zeros": zeros, "numpy.ones": ones, "numpy.empty": zeros, "numpy.full": full, "numpy.zeros_like": zeros_like,
    "numpy.ones_like": ones_like, "numpy.empty_like": zeros_like, "numpy.full_like": full_like,
    "numpy.arange": arange, "numpy.linspace": linspace, "numpy.tri": tri, "numpy.eye": eye,
    "numpy.identity": identity, "numpy.meshgrid": meshgrid, "numpy.copy": copy, "numpy.astype": astype,
}  # fmt: skip
