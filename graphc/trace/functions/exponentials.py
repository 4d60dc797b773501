"""``scipy.special``'s folds of exponentials: ``logsumexp softmax log_softmax``.

Each subtracts the maximum, through which no gradient flows: the result does not depend on what is subtracted.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
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


def _finite(F: Builder, peak: Value) -> Value:
    return F.select(F.isfinite(peak), peak, 0)


def logsumexp(
    F: Builder, a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Value | tuple[Value, Value]:
    """``log(sum(b * exp(a)))``; where all of a row is -inf the result is -inf and its derivative 0."""
    if b is not None:
        array, weights = promoted(F, [as_array(F, a), as_array(F, b)])
        a = F.select(F.eq(weights, 0), -math.inf, array)  # a weight of 0 silences even an infinite element
    a, axes = _prepared(F, "logsumexp", a, axis)
    peak = _peak(F, a, axes)
    shift = _finite(F, peak)
    terms = F.exp(F.sub(a, shift))
    if b is not None:
        terms = F.mul(F.cast(weights, a.type.dtype), terms)
    total = F.reduce("sum", terms, axes, keepdims=True)
    nothing = F.eq(peak, -math.inf)
    size = F.select(nothing, 1, F.abs(total) if return_sign else total)
    result = F.select(nothing, -math.inf, F.add(F.log(size), shift))
    sign = F.select(nothing, 0, F.sign(total))
    if not keepdims:
        result, sign = F.squeeze(result, axes), F.squeeze(sign, axes)
    return (result, sign) if return_sign else result


def softmax(F: Builder, x: Any, axis: Any = None) -> Value:
    """``exp(x) / sum(exp(x))``."""
    a, axes = _prepared(F, "softmax", x, axis)
    terms = F.exp(F.sub(a, _peak(F, a, axes)))
    return F.div(terms, F.reduce("sum", terms, axes, keepdims=True))


def log_softmax(F: Builder, x: Any, axis: Any = None) -> Value:
    """``x - logsumexp(x)``."""
    a, axes = _prepared(F, "log_softmax", x, axis)
    shifted = F.sub(a, _finite(F, _peak(F, a, axes)))
    return F.sub(shifted, F.log(F.reduce("sum", F.exp(shifted), axes, keepdims=True)))


FUNCTIONS: dict[str, Implementation] = {
    "scipy.special.logsumexp": logsumexp, "scipy.special.softmax": softmax,
    "scipy.special.log_softmax": log_softmax,
}  # fmt: skip
