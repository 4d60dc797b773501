"""Functions element by element: arithmetic, comparisons, elementary functions, activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import TraceTypeError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, F64, I64
from graphc.tensors.functions.function import Function, Saves
from graphc.tensors.functions.promotion import as_value, floating, promoted
from graphc.trace.functions.shaping import broadcast_to


def _binary(op: str) -> Callable[..., Value]:
    def build(F: Builder, a: Any, b: Any) -> Value:
        return F.apply(F.ops[op], promoted(F, (a, b)), {})

    return build


def _unary(op: str) -> Callable[..., Value]:
    return lambda F, x: F.apply(F.ops[op], (x,), {})


def _float_unary(op: str) -> Callable[..., Value]:
    return lambda F, x: F.apply(F.ops[op], (floating(F, x),), {})


def _float_binary(op: str) -> Callable[..., Value]:
    def build(F: Builder, a: Any, b: Any) -> Value:
        x, y = promoted(F, (a, b))
        return F.apply(F.ops[op], (floating(F, x), floating(F, y)), {})

    return build


def subtract(F: Builder, a: Any, b: Any) -> Value:
    """The difference. Raises ``TraceTypeError`` for bools."""
    if any(isinstance(x, bool) or (isinstance(x, Value) and x.type.dtype == BOOL) for x in (a, b)):
        message = "subtraction of bools is not defined: ~x inverts a mask, x ^ y tells where two differ"
        raise TraceTypeError(message, location=F.location)
    return F.sub(*promoted(F, (a, b)))


def sign(F: Builder, x: Value) -> Value:
    """1, 0 or -1; 0 for NaN; bools as they are."""
    if x.type.dtype == BOOL:
        return F.logical_or(x, x)
    return F.sub(F.cast(F.gt(x, 0), x.type.dtype), F.cast(F.lt(x, 0), x.type.dtype))


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
        x = F.select(_or_nan(F, F.lt(x, bounds[0]), low, bounds[0]), bounds[0], x)
    return x if high is None else F.select(_or_nan(F, F.gt(x, bounds[-1]), high, bounds[-1]), bounds[-1], x)


def _or_nan(F: Builder, condition: Value, given: Any, bound: Value) -> Value:
    """The condition, or that the bound is NaN where it may be."""
    may_be = bound.type.is_float and (isinstance(given, Value) or given != given)
    return F.logical_or(condition, F.isnan(bound)) if may_be else condition


def hardtanh(F: Builder, x: Any, low: float, high: float) -> Value:
    """x between two numbers, in its dtype; at a bound, and beyond it, no gradient."""
    x = as_value(F, x)
    if x.type.dtype == BOOL:
        raise TraceTypeError("hardtanh: bools have no range: convert them, x.float()", location=F.location)
    if not x.type.is_float:
        limits = np.iinfo(x.type.dtype)
        low, high = (min(max(int(bound), limits.min), limits.max) for bound in (low, high))
    lowest, highest = (F.cast(as_value(F, bound), x.type.dtype) for bound in (low, high))
    return F.select(F.le(x, lowest), lowest, F.select(F.ge(x, highest), highest, x))


def _fold_numbers(op: str, test: str) -> Callable[..., Value]:
    """The larger or smaller of two, and of a number and NaN the number; the first of equal ones has the gradient."""

    def build(F: Builder, a: Any, b: Any) -> Value:
        x, y = promoted(F, (a, b))
        if not x.type.is_float:
            return F.apply(F.ops[op], (x, y), {})
        return F.select(F.logical_or(F.apply(F.ops[test], (x, y), {}), F.isnan(y)), x, y)

    return build


def rounded(F: Builder, x: Value) -> Value:
    """To the nearest whole number, of two the even one; integers are."""
    return F.rint(x) if x.type.is_float else x


def square(F: Builder, x: Value) -> Value:
    return F.square(F.cast(x, I64) if x.type.dtype == BOOL else x)


def float_power(F: Builder, a: Any, b: Any) -> Value:
    """``a ** b`` in double precision."""
    return power(F, F.cast(as_value(F, a), F64), b if isinstance(b, int | float) else F.cast(b, F64))


def div_trunc(F: Builder, a: Any, b: Any) -> Value:
    """The quotient rounded towards 0, in the dtype of the operands."""
    x, y = promoted(F, (a, b))
    if x.type.is_float:
        return F.trunc(F.div(x, y))
    whole = F.floor_divide(x, y)
    is_short = F.logical_and(F.lt(whole, 0), F.ne(F.sub(x, F.mul(whole, y)), 0))
    return F.add(whole, F.cast(is_short, whole.type.dtype))


def heaviside(F: Builder, a: Any, b: Any) -> Value:
    x, y = promoted(F, (a, b))
    return F.select(F.eq(x, 0), y, F.cast(F.gt(x, 0), y.type.dtype))


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
    is_positive = F.gt(x, 0.0)
    return F.select(is_positive, x, F.mul(alpha, F.expm1(F.select(is_positive, F.cast(F.value(0), x.type.dtype), x))))


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
    return broadcast_to(F, F.cast(as_value(F, value), x.type.dtype), x.dims)


def _entries() -> list[Function]:
    binary: dict[str, tuple[str, Saves]] = {
        "add": ("add", "nothing"), "mul": ("mul", "others"),
        "maximum": ("maximum", "inputs"), "minimum": ("minimum", "inputs"), "remainder": ("remainder", "divisor"),
        "floor_divide": ("floor_divide", "nothing"), "fmod": ("fmod", "divisor"), "hypot": ("hypot", "inputs"),
        "logaddexp": ("logaddexp", "inputs"), "xlogy": ("xlogy", "inputs"),
        "gcd": ("gcd", "nothing"), "lcm": ("lcm", "nothing"),
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
        "neg": ("neg", "nothing"),
        "floor": ("floor", "nothing"), "ceil": ("ceil", "nothing"),
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
    Function("sub", subtract, "nothing"),
    Function("sign", sign, "nothing"),
    Function("atan2", _float_binary("arctan2")),
    Function("copysign", _float_binary("copysign")),
    Function("div", div, "divisor"),
    Function("div_trunc", div_trunc, "nothing"),
    Function("pow", power),
    Function("float_power", float_power),
    Function("square", square),
    Function("round", rounded, "nothing"),
    Function("heaviside", heaviside, "nothing"),
    Function("fmax", _fold_numbers("maximum", "ge")),
    Function("fmin", _fold_numbers("minimum", "le")),
    Function("hardtanh", hardtanh),
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
