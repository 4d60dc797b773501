"""NumPy's and SciPy's ufuncs by name: the op of each, those that are compositions, and their methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.abi import SCIPY_PART
from graphc.errors import TraceTypeError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import I64, is_real_float
from graphc.ops.scipy_functions import SCIPY_FUNCTIONS
from graphc.trace.functions import special_values
from graphc.trace.functions.arguments import as_array, as_dtype
from graphc.trace.functions.complex_values import conjugate
from graphc.trace.functions.products import matmul, vecdot
from graphc.trace.functions.reductions import all_, any_, cumprod, cumsum, max_, min_, prod, sum_
from graphc.trace.location import user_location

EXPONENT = np.dtype(np.int32)

# ``ufunc.__name__`` -> op. An op that stands under the ufunc's own name is listed by that name alone.
RENAMED = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "negative": "neg", "power": "pow",
    "absolute": "abs", "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt",
    "greater_equal": "ge", "degrees": "rad2deg", "radians": "deg2rad", "mod": "remainder",
}  # fmt: skip
SAME_NAME = [
    "add", "positive", "float_power", "square", "reciprocal", "floor_divide", "remainder", "fmod", "copysign",
    "nextafter", "spacing", "ldexp", "heaviside", "deg2rad", "rad2deg", "logical_not", "logical_and", "logical_or",
    "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "invert", "left_shift", "right_shift", "gcd", "lcm",
    "minimum", "maximum", "fmin", "fmax", "fabs", "sign", "floor", "ceil", "trunc", "rint", "isnan", "isinf",
    "isfinite", "signbit", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2",
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh",
    "arctanh", "sqrt", "cbrt", "hypot", "erf", "erfc", "erfcx", "erfinv", "ndtr", "log_ndtr", "expit", "logit",
    "gammaln", "digamma", "xlogy", "xlog1py", "entr",
]  # fmt: skip
_SCIPY_NAMES = [op.name for op in SCIPY_FUNCTIONS if SCIPY_PART not in op.name]
UFUNCS: dict[str, str] = {
    **{name: name for name in SAME_NAME}, **RENAMED, "psi": "digamma",
    "round": "rint",  # SciPy's
    **{name: name for name in _SCIPY_NAMES if name not in special_values.UFUNC_FUNCTIONS},
}  # fmt: skip


def divmod_(F: Builder, x1: Any, x2: Any, /) -> tuple[Value, Value]:
    return F.floor_divide(x1, x2), F.remainder(x1, x2)


def _as_float(F: Builder, ufunc: np.ufunc, x: Any) -> Value:
    """The argument in the dtype that the ufunc computes in: float16 for integers of 8 bits, float32 for those of 16."""
    a = as_array(F, x)
    return a if is_real_float(a.type.dtype) else F.cast(a, ufunc.resolve_dtypes((a.type.dtype, None, None))[0])


def modf(F: Builder, x: Any, /) -> tuple[Value, Value]:
    """The fraction and the whole part, both with the sign of x."""
    a = _as_float(F, np.modf, x)
    whole = F.trunc(a)
    fraction = F.select(F.isinf(a), 0.0, F.sub(a, whole))
    return F.copysign(fraction, a), whole


def frexp(F: Builder, x: Any, /) -> tuple[Value, Value]:
    """``x = mantissa * 2**exponent`` with a mantissa in [1/2, 1); 0, infinities and NaN have exponent 0."""
    a = _as_float(F, np.frexp, x)
    plain = F.logical_and(F.isfinite(a), F.ne(a, 0.0))
    size = F.abs(F.select(plain, a, 1.0))
    guess = F.add(F.cast(F.floor(F.log2(size)), EXPONENT), 1)
    mantissa = F.ldexp(size, F.neg(guess))  # log2 rounds, so the guess may be one off
    off = F.sub(F.cast(F.ge(mantissa, 1.0), EXPONENT), F.cast(F.lt(mantissa, 0.5), EXPONENT))
    exponent = F.select(plain, F.add(guess, off), 0)
    return F.select(plain, F.ldexp(a, F.neg(exponent)), a), F.cast(exponent, EXPONENT)


def bitwise_count(F: Builder, x: Any, /) -> Value:
    """How many bits of the number's size are 1 (uint8): sums of neighbouring bits, pairs, fours; then of all bytes."""
    a = as_array(F, x)
    if a.type.dtype.kind not in "biu":
        raise TraceTypeError(f"bitwise_count: the bits of integers are counted, got {a.type}", location=user_location())
    if a.type.dtype.kind == "i":  # widened first: the size of the least number is no number of its own dtype
        a = F.abs(F.cast(a, I64))
    bits = F.cast(a, np.dtype(np.uint64))
    for shift, mask in ((1, 0x5555555555555555), (2, 0x3333333333333333), (4, 0x0F0F0F0F0F0F0F0F)):
        bits = F.add(F.bitwise_and(bits, mask), F.bitwise_and(F.right_shift(bits, shift), mask))
    return F.cast(F.right_shift(F.mul(bits, 0x0101010101010101), 56), np.dtype(np.uint8))


def matvec(F: Builder, x1: Any, x2: Any, /) -> Value:
    """Matrices times vectors, both in stacks that broadcast."""
    vector = as_array(F, x2)
    result = matmul(F, x1, F.expand_dims(vector, (vector.rank,)))
    return F.squeeze(result, (result.rank - 1,))


def vecmat(F: Builder, x1: Any, x2: Any, /) -> Value:
    """Vectors times matrices, both in stacks that broadcast."""
    vector = as_array(F, x1)
    result = matmul(F, F.expand_dims(vector, (vector.rank - 1,)), x2)
    return F.squeeze(result, (result.rank - 2,))


def in_loop(
    F: Builder, ufunc: np.ufunc, name: str, operands: Sequence[Any], dtype: Any, casting: str
) -> list[Value]:  # fmt: skip
    """The operands in the dtypes of NumPy's loop that gives this dtype."""
    wanted = as_dtype(F, name, dtype)
    values = [as_array(F, operand) for operand in operands]
    given = [{"f": float, "c": complex}.get(v.type.dtype.kind, int) if v.type.weak else v.type.dtype for v in values]
    results = ufunc.nout
    try:
        loop = ufunc.resolve_dtypes(
            (*given, *[None] * results),
            signature=(*[None] * ufunc.nin, *[wanted] * results),
            casting=casting,  # type: ignore[arg-type]
        )
    except (TypeError, ValueError) as error:
        raise TraceTypeError(f"{name} with dtype={wanted}: {error}", location=F.location) from None
    return [F.cast(value, kind) for value, kind in zip(values, loop, strict=False)]


# ufuncs that are no single op
UFUNC_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "matmul": matmul, "vecdot": vecdot, "matvec": matvec, "vecmat": vecmat, "conjugate": conjugate,
    "divmod": divmod_, "modf": modf, "frexp": frexp, "bitwise_count": bitwise_count,
    **special_values.UFUNC_FUNCTIONS,
}  # fmt: skip


def outer_of(op: str) -> Callable[..., Value]:
    """``ufunc.outer``: every element of a with every element of b, shape ``a.shape + b.shape``."""

    def outer(F: Builder, A: Any, B: Any, /) -> Value:
        a, b = as_array(F, A), as_array(F, B)
        wide = F.reshape(a, (*a.dims, *(1,) * b.rank)) if b.rank else a
        return F.apply(F.ops[op], (wide, b), {})

    return outer


def along_first(fold: Callable[..., Value], *, has_dtype: bool) -> Callable[..., Value]:
    """``ufunc.reduce``: as the function of that fold, along axis 0 where none is given."""

    def reduce(
        F: Builder, array: Any, axis: Any = 0, dtype: Any = None, out: None = None, keepdims: bool = False,
        initial: Any = None, where: Any = None,
    ) -> Value:  # fmt: skip
        given = {"dtype": dtype if has_dtype else None, "initial": initial, "where": where}
        named = {name: value for name, value in given.items() if value is not None}
        a = as_array(F, array)
        if dtype is not None and not has_dtype:
            a = F.cast(a, as_dtype(F, "reduce", dtype))
        return fold(F, a, None if a.rank == 0 else axis, keepdims=keepdims, **named)

    return reduce


def running_along_first(scan: Callable[..., Value]) -> Callable[..., Value]:
    def accumulate(F: Builder, array: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Value:
        return scan(F, array, axis, dtype)

    return accumulate


BINARY = [
    "add", "subtract", "multiply", "divide", "true_divide", "power", "arctan2", "hypot", "minimum", "maximum",
    "fmin", "fmax", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logaddexp",
    "logaddexp2", "remainder", "fmod", "floor_divide", "copysign", "logical_and", "logical_or",
]  # fmt: skip

# (ufunc.__name__, method) -> implementation
UFUNC_METHODS: dict[tuple[str, str], Callable[..., Value]] = {
    ("add", "reduce"): along_first(sum_, has_dtype=True),
    ("multiply", "reduce"): along_first(prod, has_dtype=True),
    ("maximum", "reduce"): along_first(max_, has_dtype=False),
    ("minimum", "reduce"): along_first(min_, has_dtype=False),
    ("logical_and", "reduce"): along_first(all_, has_dtype=False),
    ("logical_or", "reduce"): along_first(any_, has_dtype=False),
    ("add", "accumulate"): running_along_first(cumsum),
    ("multiply", "accumulate"): running_along_first(cumprod),
    **{(name, "outer"): outer_of(UFUNCS[name]) for name in BINARY},
}
