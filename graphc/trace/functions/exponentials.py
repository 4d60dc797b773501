"""``scipy.special``'s folds of exponentials: ``logsumexp softmax log_softmax``.

Each subtracts the maximum, through which no gradient flows: the result does not depend on what is subtracted. Where
that is infinite, ``difference`` makes 0 of it instead of NaN, so that infinite elements share the gradient among them.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType
from graphc.trace.functions.arguments import Implementation, as_array, axes_of, mean_dtype, promoted
from graphc.trace.functions.reductions import require_elements


def _prepared(F: Builder, name: str, a: Any, axis: Any) -> tuple[Value, tuple[int, ...]]:
    """The array in a float dtype, and the axes, along which it has elements."""
    value = as_array(F, a)
    value = F.cast(value, mean_dtype(value.type.dtype))
    axes = axes_of(F, name, axis, value.rank)
    require_elements(F, name, value, axes)
    return value, axes


def _peak(F: Builder, a: Value, axes: tuple[int, ...]) -> Value:
    """The maximum over the axes (kept), cut from differentiation."""
    return F.stop_gradient(F.reduce("max", a, axes, keepdims=True))


def logsumexp(
    F: Builder, a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Value | tuple[Value, Value]:
    """``log(sum(b * exp(a)))``; where all of a row is -inf the result is -inf and its derivative 0."""
    array = heard = as_array(F, a)
    weights = None
    if b is not None:
        array, weights = promoted(F, [array, as_array(F, b)])
        heard = F.select(F.eq(weights, 0), -math.inf, array)  # a weight of 0 silences even an infinite element
    if 0 in heard.dims:
        return _of_nothing(F, heard, axis, keepdims, return_sign)
    heard, axes = _prepared(F, "logsumexp", heard, axis)
    peak = _peak(F, heard, axes)
    terms = F.exp(F.difference(F.cast(array, heard.type.dtype), peak))
    nothing = F.eq(peak, -math.inf)
    if weights is None:
        total = F.reduce("sum", terms, axes, keepdims=True)
    else:
        total = _weighted_total(F, F.cast(weights, heard.type.dtype), terms, peak, axes)
        nothing = F.logical_and(nothing, F.ne(total, 0))  # weights that are all 0 do have a derivative: infinite
    size = F.select(nothing, 1, F.abs(total) if return_sign else total)
    result = F.add(F.log(size), peak)
    sign = F.select(nothing, 0, F.sign(total))
    if not keepdims:
        result, sign = F.squeeze(result, axes), F.squeeze(sign, axes)
    return (result, sign) if return_sign else result


def _weighted_total(F: Builder, weights: Value, terms: Value, peak: Value, axes: tuple[int, ...]) -> Value:
    """The sum of the weighted terms; NaN where infinite ones of both signs meet.

    What has weight 0 counts as 0, whatever it is, but its weight has the derivative that it should have.
    """
    weighted = F.guarded_mul(weights, terms)
    total = F.reduce("sum", weighted, axes, keepdims=True)
    magnitude = F.reduce("sum", F.abs(weighted), axes, keepdims=True)
    opposed = F.logical_and(F.eq(peak, math.inf), F.ne(F.abs(total), magnitude))
    return F.select(opposed, math.nan, total)


def _of_nothing(F: Builder, a: Value, axis: Any, keepdims: bool, return_sign: bool) -> Value | tuple[Value, Value]:
    """What SciPy answers for an array without elements: -inf wherever there is a result."""
    axes = axes_of(F, "logsumexp", axis, a.rank)
    dims = tuple(1 if i in axes else dim for i, dim in enumerate(a.dims) if keepdims or i not in axes)
    dtype = mean_dtype(a.type.dtype)
    result, sign = (F.full(ArrayType(dtype, dims), number) for number in (-math.inf, -1.0))
    return (result, sign) if return_sign else result


def softmax(F: Builder, x: Any, axis: Any = None) -> Value:
    """``exp(x) / sum(exp(x))``."""
    a, axes = _prepared(F, "softmax", x, axis)
    terms = F.exp(F.sub(a, _peak(F, a, axes)))
    return F.div(terms, F.reduce("sum", terms, axes, keepdims=True))


def log_softmax(F: Builder, x: Any, axis: Any = None) -> Value:
    """``x - logsumexp(x)``; NaN at infinite elements, as in SciPy."""
    a, axes = _prepared(F, "log_softmax", x, axis)
    peak = _peak(F, a, axes)
    total = F.reduce("sum", F.exp(F.difference(a, peak)), axes, keepdims=True)
    return F.sub(F.sub(a, peak), F.log(total))


FUNCTIONS: dict[str, Implementation] = {
    "scipy.special.logsumexp": logsumexp, "scipy.special.softmax": softmax,
    "scipy.special.log_softmax": log_softmax,
}  # fmt: skip
