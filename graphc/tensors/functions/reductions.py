"""Folds over dimensions, and what is composed of them: means, variances, norms, softmax, orderings."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import TraceTypeError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import floating
from graphc.trace.functions import exponentials, norms, reductions, statistics
from graphc.trace.functions.arguments import axes_of, axis_of
from graphc.trace.functions.indexing import take_along_axis

Dims = int | tuple[int, ...] | None


def _needs_float(F: Builder, name: str, x: Value) -> None:
    if not x.type.is_float:
        message = (
            f"{name} needs a floating tensor, this one is {x.type.dtype}: convert it, x.{name} -> x.float().{name}"
        )
        raise TraceTypeError(message, location=F.location)


def sum_(F: Builder, x: Value, dim: Dims, keepdim: bool, dtype: np.dtype | None) -> Value:
    return reductions.sum_(F, x, dim, dtype, keepdims=keepdim)


def prod(F: Builder, x: Value, dim: Dims, keepdim: bool) -> Value:
    return reductions.prod(F, x, dim, keepdims=keepdim)


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
    return norms.vector_norms(F, x, order, axes_of(F, "norm", dim, x.rank), keepdim)


def _extreme(name: str) -> Any:
    def fold(F: Builder, x: Value, dim: Dims, keepdim: bool) -> Value:
        return (reductions.max_ if name == "max" else reductions.min_)(F, x, dim, keepdims=keepdim)

    return fold


def _extreme_with_position(name: str) -> Any:
    """The extreme elements along a dimension and their positions; the gradient goes to the first of equal ones."""

    def fold(F: Builder, x: Value, dim: int, keepdim: bool) -> tuple[Value, Value]:
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
        return getattr(reductions, f"arg{name}")(F, x, dim, keepdims=keepdim)

    return fold


def all_(F: Builder, x: Value, dim: Dims, keepdim: bool) -> Value:
    return reductions.all_(F, x, dim, keepdims=keepdim)


def any_(F: Builder, x: Value, dim: Dims, keepdim: bool) -> Value:
    return reductions.any_(F, x, dim, keepdims=keepdim)


def cumsum(F: Builder, x: Value, dim: int) -> Value:
    return reductions.cumsum(F, x, dim)


def cumprod(F: Builder, x: Value, dim: int) -> Value:
    return reductions.cumprod(F, x, dim)


def softmax(F: Builder, x: Value, dim: int) -> Value:
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
    Function("sum", sum_, "nothing"),
    Function("prod", prod),
    Function("mean", mean, "nothing"),
    Function("var", var),
    Function("std", std),
    Function("linalg_vector_norm", norm),
    Function("max", _extreme("max")),
    Function("min", _extreme("min")),
    Function("max_dim", _extreme_with_position("max")),
    Function("min_dim", _extreme_with_position("min")),
    Function("argmax", _arg("max"), "nothing", differentiable=False),
    Function("argmin", _arg("min"), "nothing", differentiable=False),
    Function("all", all_, "nothing", differentiable=False),
    Function("any", any_, "nothing", differentiable=False),
    Function("cumsum", cumsum, "nothing"),
    Function("cumprod", cumprod),
    Function("softmax", softmax, "result"),
    Function("log_softmax", log_softmax, "result"),
    Function("logsumexp", logsumexp),
]
