"""Functions element by element: arithmetic, comparisons, elementary functions, activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import BOOL
from graphc.tensors.functions.function import Function, Saves
from graphc.tensors.functions.promotion import as_value, floating, promoted


def _binary(op: str) -> Callable[..., Value]:
    def build(F: Builder, a: Any, b: Any) -> Value:
        return F.apply(F.ops[op], promoted(F, (a, b)), {})

    return build


def _unary(op: str) -> Callable[..., Value]:
    return lambda F, x: F.apply(F.ops[op], (x,), {})


def _float_unary(op: str) -> Callable[..., Value]:
    return lambda F, x: F.apply(F.ops[op], (floating(F, x),), {})


def div(F: Builder, a: Any, b: Any) -> Value:
    """True division: integers give floats."""
    x, y = promoted(F, (a, b))
    return F.div(floating(F, x), floating(F, y))


def rsqrt(F: Builder, x: Any) -> Value:
    return F.div(1.0, F.sqrt(floating(F, x)))


def power(F: Builder, a: Any, b: Any) -> Value:
    """``a ** b``; a constant small whole exponent is a product."""
    if isinstance(b, int | float) and isinstance(a, Value) and b in (1, 2, 3):
        x = promoted(F, (a, b))[0]
        return [x, F.square(x), F.mul(F.square(x), x)][int(b) - 1]
    return F.apply(F.ops["pow"], promoted(F, (a, b)), {})


def relu(F: Builder, x: Any) -> Value:
    """``max(x, 0)``, NaN where x is; its derivative at 0 is 0."""
    return F.select(F.le(x, 0), F.cast(as_value(F, 0), x.type.dtype), x)


def clamp(F: Builder, x: Any, low: Any, high: Any) -> Value:
    """Between the bounds, either of which may be None; at a bound the gradient goes to x."""
    given = [bound for bound in (low, high) if bound is not None]
    x, *bounds = promoted(F, (x, *given))
    if low is not None:
        bound = bounds.pop(0)
        x = F.select(F.lt(x, bound), bound, x)
    return F.select(F.gt(x, bounds[0]), bounds[0], x) if bounds else x


def absolute(F: Builder, x: Any) -> Value:
    return F.abs(x)


def gelu(F: Builder, x: Any, approximate: str) -> Value:
    """``x * Phi(x)``; ``approximate="tanh"``: the usual approximation by tanh."""
    if approximate == "tanh":
        inner = F.mul(math.sqrt(2.0 / math.pi), F.add(x, F.mul(0.044715, F.mul(x, F.square(x)))))
        return F.mul(F.mul(0.5, x), F.add(1.0, F.tanh(inner)))
    return F.mul(F.mul(x, 0.5), F.add(1.0, F.erf(F.mul(x, math.sqrt(0.5)))))


def softplus(F: Builder, x: Any, beta: float, threshold: float) -> Value:
    """``log(1 + exp(beta x)) / beta``, x itself above the threshold."""
    scaled = F.mul(x, beta)
    return F.select(F.gt(scaled, threshold), x, F.div(F.logaddexp(scaled, 0.0), beta))


def leaky_relu(F: Builder, x: Any, slope: float) -> Value:
    return F.select(F.gt(x, 0.0), x, F.mul(x, slope))


def elu(F: Builder, x: Any, alpha: float) -> Value:
    return F.select(F.gt(x, 0.0), x, F.mul(alpha, F.expm1(F.minimum(x, 0.0))))


def silu(F: Builder, x: Any) -> Value:
    return F.mul(x, F.expit(x))


def where(F: Builder, condition: Any, a: Any, b: Any) -> Value:
    x, y = promoted(F, (a, b))
    return F.select(F.cast(condition, BOOL), x, y)


def maximum(F: Builder, a: Any, b: Any) -> Value:
    return F.maximum(*promoted(F, (a, b)))


def cast(F: Builder, x: Any, dtype: Any) -> Value:
    return F.cast(x, dtype)


def identity(F: Builder, x: Any) -> Value:
    return x


def moved(F: Builder, x: Any, place: int | None) -> Value:
    """The value in another place, which is the affair of the program that computes it."""
    return x


def detach(F: Builder, x: Any) -> Value:
    return F.stop_gradient(x) if x.type.is_float else x


def masked_fill(F: Builder, x: Any, mask: Any, value: Any) -> Value:
    return F.select(mask, F.cast(as_value(F, value), x.type.dtype), x)


def written(F: Builder, x: Any, value: Any) -> Value:
    """The value in x's dtype and shape: what ``copy_`` writes."""
    return F.broadcast_to(F.cast(as_value(F, value), x.type.dtype), x.dims)


def _entries() -> list[Function]:
    binary: dict[str, tuple[str, Saves]] = {
        "add": ("add", "nothing"), "sub": ("sub", "nothing"), "mul": ("mul", "others"), "atan2": ("arctan2", "inputs"),
        "maximum": ("maximum", "inputs"), "minimum": ("minimum", "inputs"), "remainder": ("remainder", "divisor"),
        "floor_divide": ("floor_divide", "nothing"), "fmod": ("fmod", "divisor"), "hypot": ("hypot", "inputs"),
        "logaddexp": ("logaddexp", "inputs"), "xlogy": ("xlogy", "inputs"),
        "fmax": ("fmax", "inputs"), "fmin": ("fmin", "inputs"), "copysign": ("copysign", "inputs"),
        "heaviside": ("heaviside", "nothing"), "gcd": ("gcd", "nothing"), "lcm": ("lcm", "nothing"),
    }  # fmt: skip
    compared = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge",
                "bitwise_and": "bitwise_and", "bitwise_or": "bitwise_or", "bitwise_xor": "bitwise_xor",
                "logical_and": "logical_and", "logical_or": "logical_or", "logical_xor": "logical_xor"}  # fmt: skip
    to_float: dict[str, tuple[str, Saves]] = {
        "exp": ("exp", "result"), "tanh": ("tanh", "result"), "sigmoid": ("expit", "result"),
        "sqrt": ("sqrt", "result"), "reciprocal": ("reciprocal", "result"), "expm1": ("expm1", "result"),
        "exp2": ("exp2", "result"), "log": ("log", "inputs"), "log2": ("log2", "inputs"), "log10": ("log10", "inputs"),
        "log1p": ("log1p", "inputs"), "sin": ("sin", "inputs"), "cos": ("cos", "inputs"), "tan": ("tan", "result"),
        "asin": ("arcsin", "inputs"), "acos": ("arccos", "inputs"), "atan": ("arctan", "inputs"),
        "sinh": ("sinh", "inputs"), "cosh": ("cosh", "inputs"), "asinh": ("arcsinh", "inputs"),
        "acosh": ("arccosh", "inputs"), "atanh": ("arctanh", "inputs"),
        "erf": ("erf", "inputs"), "erfc": ("erfc", "inputs"),
        "lgamma": ("gammaln", "inputs"),
        "digamma": ("digamma", "inputs"), "logit": ("logit", "inputs"),
    }  # fmt: skip
    same: dict[str, tuple[str, Saves]] = {
        "neg": ("neg", "nothing"), "square": ("square", "inputs"), "sign": ("sign", "nothing"),
        "floor": ("floor", "nothing"), "ceil": ("ceil", "nothing"), "round": ("rint", "nothing"),
        "trunc": ("trunc", "nothing"),
    }  # fmt: skip
    tests = {"isnan": "isnan", "isinf": "isinf", "isfinite": "isfinite", "logical_not": "logical_not",
             "bitwise_not": "invert"}  # fmt: skip
    return [
        *(Function(name, _binary(op), saves) for name, (op, saves) in binary.items()),
        *(Function(name, _binary(op), "nothing", differentiable=False) for name, op in compared.items()),
        *(Function(name, _float_unary(op), saves) for name, (op, saves) in to_float.items()),
        *(Function(name, _unary(op), saves) for name, (op, saves) in same.items()),
        *(Function(name, _unary(op), "nothing", differentiable=False) for name, op in tests.items()),
    ]


POINTWISE = [
    *_entries(),
    Function("div", div, "divisor"),
    Function("pow", power),
    Function("rsqrt", rsqrt, "result"),
    Function("abs", absolute),
    Function("relu", relu, "result"),
    Function("gelu", gelu),
    Function("softplus", softplus),
    Function("leaky_relu", leaky_relu),
    Function("elu", elu),
    Function("silu", silu),
    Function("clamp", clamp),
    Function("where", where, "first"),
    Function("masked_fill", masked_fill, "after first"),
    Function("to_copy", cast, "nothing"),
    Function("clone", identity, "nothing"),
    Function("to_device", moved, "nothing"),
    Function("detach", detach, "nothing", differentiable=False),
    Function("copy", written, "nothing"),
]
