"""Functions of scipy.special. SciPy is imported when a reference is first called, never with graphc."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from graphc.abi import OWN_SPECIAL, SCIPY_PART
from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.opdef import Op, Partials, PartialsRule, Pointwise, resolved_dtypes
from graphc.ir.types import F32, F64, ArrayType
from graphc.ops.pointwise import number
from graphc.ops.printing import helper
from graphc.scalar_special.arrays import over_arrays

SQRT_PI = math.sqrt(math.pi)
ASYMPTOTIC, TERMS = 15.0, 10  # from here on so many terms of the series of erfcx' beat a difference that cancels


@dataclass(frozen=True)
class SpecialFunction:
    """A function of scipy.special by name; where SciPy's values are wrong, graphc's own."""

    name: str

    def __call__(self, *arrays: Any) -> Any:
        if self.name in OWN_SPECIAL:
            return over_arrays(self.name, arrays)[0]
        import scipy.special

        return getattr(scipy.special, self.name)(*arrays)


@dataclass(frozen=True)
class ScipyLoop:
    """The dtypes that a function of scipy.special computes in: float32 or float64, whichever the installed SciPy takes.

    Which one small integers and Python numbers beside float32 take differs from function to function, and between
    releases of SciPy: its ufunc is asked. Arrays of float64 alone, or of float32 alone, keep theirs without it.
    """

    name: str

    def __call__(self, types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
        dtypes = {t.dtype for t in types}
        if dtypes == {F64}:
            result = F64
        elif dtypes == {F32} and not any(t.weak for t in types):
            result = F32
        else:
            result = _scipy_dtype(self.name, tuple((t.dtype, t.weak) for t in types))
        return (result,) * (len(types) + 1)


@cache
def _scipy_dtype(name: str, inputs: tuple[tuple[np.dtype, bool], ...]) -> np.dtype:
    """Of inputs of these dtypes, weak or not."""
    import scipy.special

    if name == "polygamma":
        return _polygamma_dtype(*(dtype for dtype, _ in inputs))
    function = getattr(scipy.special, name.partition(SCIPY_PART)[0], None)
    if not isinstance(function, np.ufunc) or not any(loop.startswith("f") for loop in function.types):
        return F64  # composed of others, or of integers or complex numbers
    types = [ArrayType(dtype, weak=weak) for dtype, weak in inputs]
    return _single(resolved_dtypes(name, function, types)[len(types)])


def _polygamma_dtype(n: np.dtype, x: np.dtype) -> np.dtype:
    """SciPy composes it of three functions, with a float added to the order."""
    from scipy.special import gamma, psi

    order = ArrayType((np.empty(0, n) + 1.0).dtype)
    factors = resolved_dtypes("gamma", gamma, [order])[-1], resolved_dtypes("psi", psi, [ArrayType(x)])[-1]
    return _single(np.result_type(*factors))


def _single(dtype: np.dtype) -> np.dtype:
    return F32 if dtype in (np.float32, np.complex64) else F64


def special(name: str, arity: int, rule: PartialsRule, cost: int) -> Op:
    reference = SpecialFunction(name)
    return Op(
        name, Pointwise(arity), reference, Partials(rule), expr=helper(name, arity), dtypes=ScipyLoop(name), cost=cost
    )


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
    special("erfinv", 1, lambda F, y, x: (gaussian(F, y, SQRT_PI / 2, -1.0),), 30),
    special("ndtr", 1, lambda F, y, x: (gaussian(F, x, math.sqrt(0.5 / math.pi), 0.5),), 25),
    special("log_ndtr", 1, lambda F, y, x: (log_ndtr_partial(F, x),), 40),
]

LOGISTIC = [
    special("expit", 1, lambda F, y, x: (F.mul(y, F.expit(F.neg(x))),), 15),
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
    special("entr", 1, lambda F, y, x: (F.sub(-1.0, F.log(x)),), 15),
]

SPECIAL = ERROR_FUNCTIONS + LOGISTIC + GAMMA + ENTROPY
