"""Functions of scipy.special. SciPy is imported when a reference is first called, never with graphc."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.opdef import Op, Partials, PartialsRule, Pointwise
from graphc.ir.types import F32, F64, ArrayType
from graphc.ops.pointwise import number
from graphc.ops.printing import helper

SQRT_PI = math.sqrt(math.pi)
ASYMPTOTIC, TERMS = 15.0, 10  # from here on so many terms of the series of erfcx' beat a difference that cancels


@dataclass(frozen=True)
class SpecialFunction:
    """A function of scipy.special by name."""

    name: str

    def __call__(self, *arrays: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, self.name)(*arrays)


def float64_first(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    """float32 alone stays float32; all else, Python numbers beside float32 included, is float64, as in SciPy."""
    result = F32 if all(t.dtype == F32 and not t.weak for t in types) else F64
    return (result,) * (len(types) + 1)


def float32_first(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    """SciPy's functions that list their float32 loop first take small integers in it too."""
    result = F32 if all(np.can_cast(t.dtype, F32) for t in types) else F64
    return (result,) * (len(types) + 1)


def special(
    name: str,
    arity: int,
    rule: PartialsRule,
    cost: int,
    dtypes: Callable[[Sequence[ArrayType]], tuple[np.dtype, ...]] = float64_first,
) -> Op:
    reference = SpecialFunction(name)
    return Op(name, Pointwise(arity), reference, Partials(rule), expr=helper(name, arity), dtypes=dtypes, cost=cost)


def gaussian(F: Builder, x: Value, factor: float, rate: float) -> Value:
    """factor * exp(-rate * x*x)."""
    return F.mul(F.exp(F.mul(F.square(x), -rate)), factor)


def erfcx_partial(F: Builder, y: Value, x: Value) -> Value:
    """2 x y - 2/sqrt(pi), which cancels for large x; there its asymptotic series."""
    far = F.gt(x, ASYMPTOTIC)
    near_value = F.sub(F.mul(F.mul(F.select(far, 0.0, x), y), 2.0), 2 / SQRT_PI)
    inverse_square = F.square(F.div(1.0, F.select(far, x, 1.0)))
    series: Value = F.mul(inverse_square, 0.0)
    for k in range(TERMS, 0, -1):  # the k-th term is 2 (2k - 1)!! / (-2 x**2)**k
        series = F.mul(F.add(series, 2 * math.prod(range(1, 2 * k, 2)) / (-2) ** k), inverse_square)
    return F.select(far, F.mul(series, 1 / SQRT_PI), near_value)


def log_ndtr_partial(F: Builder, x: Value) -> Value:
    """The normal density over its distribution function, by erfcx, which holds for every x."""
    return F.div(math.sqrt(2 / math.pi), F.erfcx(F.mul(x, -math.sqrt(0.5))))


def polygamma_partials(F: Builder, y: Value, /, *inputs: Value) -> tuple[None, Value]:
    order, x = inputs
    if order.grad:
        raise GradientError("polygamma has no derivative by its order; pass the order through stop_gradient")
    return None, F.polygamma(F.add(order, 1.0), x)


ERROR_FUNCTIONS = [
    special("erf", 1, lambda F, y, x: (gaussian(F, x, 2 / SQRT_PI, 1.0),), 20),
    special("erfc", 1, lambda F, y, x: (gaussian(F, x, -2 / SQRT_PI, 1.0),), 25),
    special("erfcx", 1, lambda F, y, x: (erfcx_partial(F, y, x),), 25),
    special("erfinv", 1, lambda F, y, x: (gaussian(F, y, SQRT_PI / 2, -1.0),), 30, float32_first),
    special("ndtr", 1, lambda F, y, x: (gaussian(F, x, math.sqrt(0.5 / math.pi), 0.5),), 25),
    special("log_ndtr", 1, lambda F, y, x: (log_ndtr_partial(F, x),), 40),
]

LOGISTIC = [
    special("expit", 1, lambda F, y, x: (F.mul(y, F.sub(1.0, y)),), 15),
    special("logit", 1, lambda F, y, x: (F.div(1.0, F.mul(x, F.sub(1.0, x))),), 20),
]

GAMMA = [
    special("gammaln", 1, lambda F, y, x: (F.digamma(x),), 40),
    special("digamma", 1, lambda F, y, x: (F.polygamma(number(F, x, 1.0), x),), 40),
    special("polygamma", 2, polygamma_partials, 100),
]

ENTROPY = [
    special("xlogy", 2, lambda F, y, a, b: (F.log(b), F.guarded_mul(a, F.div(1.0, b))), 15),
    special("xlog1py", 2, lambda F, y, a, b: (F.log1p(b), F.guarded_mul(a, F.div(1.0, F.add(b, 1.0)))), 18),
    special("entr", 1, lambda F, y, x: (F.sub(-1.0, F.log(x)),), 15, float32_first),
]

SPECIAL = ERROR_FUNCTIONS + LOGISTIC + GAMMA + ENTROPY
