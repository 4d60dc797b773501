"""Folds over dimensions, and what is composed of them: means, variances, norms, softmax, orderings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import IndexRangeError, TraceTypeError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, I64
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import floating
from graphc.trace.functions import exponentials, norms, reductions, statistics
from graphc.trace.functions.arguments import axes_of, axis_of, shape_text
from graphc.trace.functions.indexing import take_along_axis

Dims = int | tuple[int, ...] | None


def of_scalars(build: Callable[..., Any]) -> Callable[..., Any]:
    """The function along dimensions, also of what has none: that counts as one of length 1, which is 0 and -1."""

    def call(F: Builder, x: Value, *statics: Any) -> Any:
        if x.rank:
            return build(F, x, *statics)
        made = build(F, F.reshape(x, (1,)), *statics)
        return tuple(F.reshape(v, ()) for v in made) if isinstance(made, tuple) else F.reshape(made, ())

    return call


def _wide(x: Value) -> np.dtype | None:
    """The dtype in which short integers are added up; None: as NumPy has it."""
    return I64 if x.type.dtype.kind == "u" else None


def _needs_float(F: Builder, name: str, x: Value) -> None:
    if not x.type.is_float:
        message = (
            f"{name} needs a floating tensor, this one is {x.type.dtype}: convert it, x.{name} -> x.float().{name}"
        )
        raise TraceTypeError(message, location=F.location)


def sum_(F: Builder, x: Value, dim: Dims, keepdim: bool, dtype: np.dtype | None) -> Value:
    return reductions.sum_(F, x, dim, dtype or _wide(x), keepdims=keepdim)


def prod(F: Builder, x: Value, dim: Dims, keepdim: bool) -> Value:
    return reductions.prod(F, x, dim, _wide(x), keepdims=keepdim)


def mean(F: Builder, x: Value, dim: Dims, keepdim: bool) -> Value:
    _needs_float(F, "mean", x)
    return statistics.mean(F, x, dim, keepdims=keepdim)


def var(F: Builder, x: Value, dim: Dims, correction: float, keepdim: bool) -> Value:
    _needs_float(F, "var", x)
    return statistics.var(F, x, dim, ddof=correction, keepdims=keepdim)


def std(F: Builder, x: Value, dim: Dims, correction: float, keepdim: bool) -> Value:
    _needs_float(F, "std", x)
    return statistics.std(F, x, dim, ddof=correction, keepdims=keepdim)


def norm(F: Builder, x: Value, order: float, dim: Dims, keepdim: bool) -> Value:
    _needs_float(F, "norm", x)
    if not x.rank and order > 0:
        axes_of(F, "norm", dim, 1)
        return F.abs(x)
    return of_scalars(_norm)(F, x, order, dim, keepdim)


def _norm(F: Builder, x: Value, order: float, dim: Dims, keepdim: bool) -> Value:
    return norms.vector_norms(F, x, order, axes_of(F, "norm", dim, x.rank), keepdim)


def _require_elements(F: Builder, name: str, x: Value, dim: Dims) -> None:
    """Raise ``IndexRangeError`` where there is nothing to choose from along a dimension; other folds of nothing fail
    elsewhere."""
    for axis in axes_of(F, name, dim, x.rank):
        if not F.facts.is_bound(x.dims[axis]) and not F.facts.at_least(x.dims[axis], 1):
            message = f"{name} over dimension {axis} of a tensor of shape {shape_text(x.dims)}: there are no elements"
            raise IndexRangeError(message, location=F.location)


def _extreme(name: str) -> Any:
    def fold(F: Builder, x: Value, dim: Dims, keepdim: bool) -> Value:
        if dim is not None:
            _require_elements(F, name, x, dim)
        return (reductions.max_ if name == "max" else reductions.min_)(F, x, dim, keepdims=keepdim)

    return fold


def _extreme_with_position(name: str) -> Any:
    """The extreme elements along a dimension and their positions; the gradient goes to the first of equal ones."""

    def fold(F: Builder, x: Value, dim: int, keepdim: bool) -> tuple[Value, Value]:
        _require_elements(F, name, x, dim)
        position = getattr(reductions, f"arg{name}")(F, x, dim, keepdims=True)
        return _at(F, x, position, dim, keepdim)

    return fold


def _at(F: Builder, x: Value, position: Value, dim: int, keepdim: bool) -> tuple[Value, Value]:
    """The elements at one position along the dimension, and the position."""
    axis = axis_of(F, "dim", dim, x.rank)
    if not x.rank:
        return x, position
    values = take_along_axis(F, x, position, axis)
    return (values, position) if keepdim else (F.squeeze(values, (axis,)), F.squeeze(position, (axis,)))


def _arg(name: str) -> Any:
    def fold(F: Builder, x: Value, dim: int | None, keepdim: bool) -> Value:
        _require_elements(F, f"arg{name}", x, dim)
        return getattr(reductions, f"arg{name}")(F, x, dim, keepdims=keepdim)

    return fold


def all_(F: Builder, x: Value, dim: Dims, keepdim: bool) -> Value:
    """Bools, of uint8 in that dtype; over no dimension (an empty tuple) each element's truth."""
    return F.cast(reductions.all_(F, x, dim, keepdims=keepdim), x.type.dtype if x.type.dtype == np.uint8 else BOOL)


def any_(F: Builder, x: Value, dim: Dims, keepdim: bool) -> Value:
    """As ``all_``."""
    return F.cast(reductions.any_(F, x, dim, keepdims=keepdim), x.type.dtype if x.type.dtype == np.uint8 else BOOL)


def cumsum(F: Builder, x: Value, dim: int) -> Value:
    return reductions.cumsum(F, x, dim, _wide(x))


def cumprod(F: Builder, x: Value, dim: int) -> Value:
    return reductions.cumprod(F, x, dim, _wide(x))


def softmax(F: Builder, x: Value, dim: int) -> Value:
    if 0 in x.dims:
        axis_of(F, "softmax", dim, x.rank)
        return floating(F, x)
    return exponentials.softmax(F, floating(F, x), dim)


def log_softmax(F: Builder, x: Value, dim: int) -> Value:
    """``x - logsumexp(x)``, without NaN at elements of -inf."""
    x = floating(F, x)
    return F.sub(x, exponentials.logsumexp(F, x, dim, keepdims=True))


def logsumexp(F: Builder, x: Value, dim: Dims, keepdim: bool) -> Value:
    result = exponentials.logsumexp(F, floating(F, x), dim, keepdims=keepdim)
    assert isinstance(result, Value)
    return result


REDUCTIONS = [
    Function("sum", of_scalars(sum_), "nothing"),
    Function("prod", of_scalars(prod), "both"),
    Function("mean", of_scalars(mean), "nothing"),
    Function("var", of_scalars(var)),
    Function("std", of_scalars(std), "both"),
    Function("linalg_vector_norm", norm, "both"),
    Function("max", of_scalars(_extreme("max")), "both"),
    Function("min", of_scalars(_extreme("min")), "both"),
    Function("max_dim", of_scalars(_extreme_with_position("max")), "places"),
    Function("min_dim", of_scalars(_extreme_with_position("min")), "places"),
    Function("argmax", of_scalars(_arg("max")), "nothing", differentiable=False),
    Function("argmin", of_scalars(_arg("min")), "nothing", differentiable=False),
    Function("all", of_scalars(all_), "nothing", differentiable=False),
    Function("any", of_scalars(any_), "nothing", differentiable=False),
    Function("cumsum", of_scalars(cumsum), "nothing"),
    Function("cumprod", of_scalars(cumprod), "both"),
    Function("softmax", of_scalars(softmax), "result"),
    Function("log_softmax", of_scalars(log_softmax), "result"),
    Function("logsumexp", of_scalars(logsumexp), "both"),
]
