"""The functions of tensors under PyTorch's names: as methods, and as functions of the module.

Each gives ``record`` the function of the table, the operands, and plain Python numbers for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import NumberError, ShapeError, TraceTypeError
from graphc.tensors.converting import clone, to
from graphc.tensors.core import Tensor, record
from graphc.tensors.declaring import (
    Dims,
    Ordered,
    axis_of,
    dims_of,
    given,
    need_rank,
    numpy_named,
    one,
    several,
    several_of,
    two,
)
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.kinds import known_dtype
from graphc.tensors.placing import on_host
from graphc.trace.location import user_location

# --- arithmetic -------------------------------------------------------------------------------------------------------

_add, _sub, _mul, _div = (two(name) for name in ("add", "sub", "mul", "div"))


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """``input + alpha * other``."""
    return _add(input, _scaled(other, alpha))


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """``input - alpha * other``."""
    return _sub(input, _scaled(other, alpha))


def _scaled(other: Any, alpha: float) -> Any:
    """``alpha * other``; of a number a number, which gives way to the dtype of a tensor."""
    return other if alpha == 1 else other * alpha if isinstance(other, int | float) else _mul(other, alpha)


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """``input / other``; with ``rounding_mode`` ``"floor"`` or ``"trunc"`` rounded so."""
    if rounding_mode is None:
        return _div(input, other)
    if rounding_mode not in _ROUNDED:
        message = f"div: rounding_mode={rounding_mode!r}: expected None, 'trunc' or 'floor'"
        raise NumberError(message, location=user_location())
    return record(FUNCTIONS[_ROUNDED[rounding_mode]], (given(input), given(other)))


_ROUNDED = {"floor": "floor_divide", "trunc": "div_trunc"}


def rsub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """``other - alpha * input``."""
    return _sub(other, _scaled(input, alpha))


def addcmul(input: Tensor, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """``input + value * tensor1 * tensor2``."""
    product = _mul(tensor1, tensor2)
    return _add(input, product if value == 1 else _mul(product, value))


def addcdiv(input: Tensor, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """``input + value * tensor1 / tensor2``."""
    quotient = _div(tensor1, tensor2)
    return _add(input, quotient if value == 1 else _mul(quotient, value))


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """``input + weight * (end - input)``, where the weight is a half or more counted from the end."""
    difference = _sub(end, input)
    if not isinstance(weight, Tensor):
        is_late = isinstance(weight, int | float) and abs(weight) >= 0.5
        return _sub(end, _mul(difference, 1 - weight)) if is_late else _add(input, _mul(difference, weight))
    low, high = _add(input, _mul(difference, weight)), _sub(end, _mul(difference, _sub(1, weight)))
    return where(BOTH["lt"](BOTH["abs"](weight), 0.5), low, high)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Each element no lower than ``min`` and no higher than ``max``, numbers or tensors."""
    if min is None and max is None:
        raise NumberError("clamp: at least one of min and max must be given", location=user_location())
    low, high = (None if bound is None else given(bound) for bound in (min, max))
    return record(FUNCTIONS["clamp"], (input, low, high))


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Elements of ``input`` where the condition holds, of ``other`` elsewhere; of a condition alone its positions."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    asked = given(condition)
    if isinstance(asked, Tensor) and asked._kind.dtype not in (np.bool_, np.uint8):
        message = f"where: the condition must be of bools, it is {asked._kind.dtype}: compare it, x > 0 or x != 0"
        raise TraceTypeError(message, location=user_location())
    return record(FUNCTIONS["where"], (asked, given(input), given(other)))


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """The value where the mask is true."""
    if isinstance(value, Tensor) and value.ndim:
        message = f"masked_fill: the value must be a number or a tensor without dimensions, it has shape {value.shape}"
        raise ShapeError(message, location=user_location())
    return record(FUNCTIONS["masked_fill"], (input, given(mask), given(value)))


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements agree within ``atol + rtol * |other|``."""
    several_of("allclose", (input, other))
    return bool(np.allclose(on_host(input), on_host(other), rtol, atol, equal_nan))


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shape and all elements are the same."""
    several_of("equal", (input, other))
    return bool(np.array_equal(on_host(input), on_host(other)))


# --- reductions -------------------------------------------------------------------------------------------------------

SUM, MEAN = FUNCTIONS["sum"], FUNCTIONS["mean"]


def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over the dimensions, all of them by default."""
    return record(SUM, (input,), (dims_of(dim), keepdim, None if dtype is None else known_dtype(dtype)))


def mean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean over the dimensions, all of them by default, of a floating tensor."""
    return record(MEAN, (input if dtype is None else to(input, dtype),), (dims_of(dim), keepdim))


def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over one dimension, all of them by default."""
    return record(FUNCTIONS["prod"], (input if dtype is None else to(input, dtype),), (dim, keepdim))


def _spread(name: str) -> Callable[..., Tensor]:
    def call(
        input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
    ) -> Tensor:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        degrees = int(unbiased) if correction is None else correction
        return record(FUNCTIONS[name], (input,), (dims_of(dim), degrees, keepdim))

    call.__name__ = name
    call.__doc__ = f"The {name} over the dimensions, divided by the number of elements less ``correction`` (1)."
    return call


var, std = _spread("var"), _spread("std")


def norm(input: Tensor, p: Any = "fro", dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The p-norm of the elements over the dimensions, all of them by default; ``"nuc"``: that of a matrix."""
    x = input if dtype is None else to(input, dtype)
    if p == "nuc":
        return record(FUNCTIONS["linalg_matrix_norm"], (x,), ("nuc", keepdim))
    order = 2.0 if p in ("fro", None) else float(p)
    return record(FUNCTIONS["linalg_vector_norm"], (x,), (order, dims_of(dim), keepdim))


def _product(name: str, first: int, second: int) -> Callable[..., Tensor]:
    def call(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor:
        for x, rank in zip(several_of(name, (input, other)), (first, second), strict=True):
            need_rank(name, x, rank, rank)
        result: Tensor = BOTH["matmul"](input, other, out=out)
        return result

    call.__name__ = name
    call.__doc__ = f"The product of tensors of {first} and {second} dimensions."
    return call


def _extreme(name: str, pairwise: str) -> Callable[..., Any]:
    both = two(pairwise)

    def call(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, Tensor):
            return both(input, dim)
        if dim is None:
            return record(FUNCTIONS[name], (input,), (None, False))
        return Ordered(*several(f"{name}_dim", (input,), (int(dim), keepdim)))

    call.__name__ = name
    call.__doc__ = (
        f"The {name} of all elements; along a dimension ``(values, indices)``; of two tensors element by element."
    )
    return call


max, min = _extreme("max", "maximum"), _extreme("min", "minimum")


def amax(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The maximum over the dimensions; equal ones share the gradient."""
    return record(FUNCTIONS["max"], (input,), (dims_of(dim), keepdim))


def amin(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The minimum over the dimensions; equal ones share the gradient."""
    return record(FUNCTIONS["min"], (input,), (dims_of(dim), keepdim))


def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower median of all elements; along a dimension ``(values, indices)``."""
    if dim is None:
        return record(FUNCTIONS["median"], (input,))
    return Ordered(*several("median_dim", (input,), (dim, keepdim)))


def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Ordered:
    """``(values, indices)`` of the element that stands most often along the dimension."""
    return Ordered(*several("mode", (input,), (int(dim), keepdim)))


def _folded(name: str) -> Callable[..., Tensor]:
    def call(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
        if name[:3] == "arg" and dim is not None:
            dim = axis_of(name, input, dim)
        dims = () if name in ("all", "any") and isinstance(dim, list | tuple) and not dim else dims_of(dim)
        return record(FUNCTIONS[name], (input,), (dims, keepdim))

    call.__name__ = name
    return call


def _along(name: str) -> Callable[..., Tensor]:
    def call(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
        x = input if dtype is None else to(input, dtype)
        return record(FUNCTIONS[name], (x,), (int(dim),))

    call.__name__ = name
    return call


def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """``log(sum(exp(x)))`` over the dimensions."""
    return record(FUNCTIONS["logsumexp"], (input,), (dims_of(dim), keepdim))


# --- activations ------------------------------------------------------------------------------------------------------


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``x * Phi(x)``, Phi the normal distribution; ``approximate="tanh"``: the usual approximation."""
    return record(FUNCTIONS["gelu"], (input,), (approximate,))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``log(1 + exp(beta x)) / beta``; x itself where ``beta x`` is above the threshold."""
    return record(FUNCTIONS["softplus"], (input,), (float(beta), float(threshold)))


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where it is positive, else ``negative_slope * x``."""
    return record(FUNCTIONS["leaky_relu"], (input,), (float(negative_slope),))


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where it is positive, else ``alpha * (exp(x) - 1)``."""
    return record(FUNCTIONS["elu"], (input,), (float(alpha),))


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """To so many decimals; of two that are as near the even one."""
    if not decimals:
        return one("round")(input)
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return _div(one("round")(_mul(input, scale)), scale)
    return _mul(one("round")(_div(input, scale)), scale)


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """``log(x / (1 - x))``; with ``eps`` of x brought between that and ``1 - eps``."""
    return one("logit")(input if eps is None else clamp(input, eps, 1 - eps))


def polygamma(n: int, input: Tensor) -> Tensor:
    """The n-th derivative of ``digamma``."""
    return record(FUNCTIONS["polygamma"], (input,), (int(n),))


def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p."""
    return record(FUNCTIONS["multigammaln"], (input,), (int(p),))


def positive(input: Tensor) -> Tensor:
    """The tensor itself. Raises ``TraceTypeError`` for bools."""
    if input._kind.dtype == np.bool_:
        raise TraceTypeError("positive: bools have no sign: convert them, x.int()", location=user_location())
    return input


_ONE = (
    "exp", "log", "tanh", "sigmoid", "sqrt", "relu", "abs", "neg", "square", "rsqrt", "reciprocal", "expm1", "exp2",
    "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh",
    "erf", "erfc", "lgamma", "digamma", "sign", "floor", "ceil", "trunc", "isnan", "isinf",
    "isfinite", "logical_not", "bitwise_not", "erfinv", "sinc", "deg2rad", "rad2deg", "i0", "signbit", "isposinf",
    "isneginf", "isreal",
)  # fmt: skip
_TWO = (
    "mul", "pow", "matmul", "dot", "maximum", "minimum", "remainder", "fmod", "floor_divide", "atan2", "hypot",
    "logaddexp", "xlogy", "float_power", "fmax", "fmin", "copysign", "heaviside", "gcd", "lcm",
    "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "bitwise_and",
    "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "igamma", "igammac", "logaddexp2",
    "ldexp", "nextafter",
)  # fmt: skip

BOTH: dict[str, Callable[..., Any]] = {
    **{name: one(name) for name in _ONE},
    **{name: two(name) for name in _TWO},
    **{f.__name__: f for f in (
        add, sub, div, addcmul, addcdiv, lerp, clamp, where, masked_fill, allclose, equal,
        logit, round, rsub, clone, positive, mvlgamma,
    )},
    **{f.__name__: numpy_named(f) for f in (sum, mean, prod, var, std, norm, max, min, amax, amin, median, mode,
                                           logsumexp)},
    **{name: numpy_named(_folded(name)) for name in ("argmax", "argmin", "all", "any")},
    **{name: numpy_named(_along(name)) for name in ("cumsum", "cumprod", "softmax", "log_softmax")},
}  # fmt: skip
BOTH |= {"absolute": BOTH["abs"], "negative": BOTH["neg"], "clip": clamp, "mm": _product("mm", 2, 2),
         "bmm": _product("bmm", 3, 3), "mv": _product("mv", 2, 1), "multiply": BOTH["mul"], "divide": div,
         "true_divide": div, "subtract": sub,
         "sgn": BOTH["sign"]}  # fmt: skip
ONLY_METHODS: dict[str, Callable[..., Any]] = {
    "polygamma": lambda self, n: polygamma(n, self),
    "where": lambda self, condition, other: where(condition, self, other),
}
IN_PLACE_FUNCTIONS = (
    "abs", "acos", "asin", "atan", "ceil", "clamp", "cos", "cosh", "erf", "erfc", "exp", "exp2", "expm1", "floor",
    "log", "log10", "log1p", "log2", "neg", "reciprocal", "relu", "round", "rsqrt", "sigmoid", "sin", "sinh", "sqrt",
    "square", "tan", "tanh", "trunc", "logit", "sinc", "acosh", "asinh", "atanh", "zero", "fill", "xlogy",
    "gcd", "lcm", "ldexp",
)  # fmt: skip
IN_PLACE = (
    "add", "sub", "mul", "div", "pow", "clamp", "exp", "log", "tanh", "sigmoid", "sqrt", "relu", "abs", "neg", "square",
    "reciprocal", "addcmul", "addcdiv", "lerp", "masked_fill", "floor", "ceil", "round", "remainder", "sin", "cos",
    "rsqrt", "expm1", "exp2", "log2", "log10", "log1p", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh",
    "atanh", "erf", "erfc", "erfinv", "lgamma", "digamma", "logit", "sign", "trunc", "floor_divide", "fmod", "atan2",
    "hypot", "xlogy", "copysign", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor",
    "logical_not", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "cumsum", "cumprod", "tril", "triu",
    "multiply", "divide", "true_divide", "subtract", "absolute", "negative", "clip", "deg2rad", "rad2deg", "sinc", "i0",
    "igamma", "igammac", "mvlgamma", "ldexp", "nextafter", "bitwise_left_shift", "bitwise_right_shift", "float_power",
    "gcd", "lcm", "heaviside", "sgn",
)  # fmt: skip
