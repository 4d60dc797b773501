"""What functions of this room may call: NumPy's functions over one number, for the kernel's vector math and helpers.

So a function of the room runs as plain Python over ``np.float64`` or ``np.float32`` numbers, with the values that its
kernel has but for what rounds otherwise. What asks for the precision is known when a kernel is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

OF_NUMPY = (
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "copysign", "cos", "cosh", "exp",
    "expm1", "floor", "fmod", "hypot", "log", "log1p", "pow", "rint", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
OF_SCIPY = ("digamma", "erf", "erfc", "erfcx", "gamma", "gammaln", "log_ndtr", "ndtr")
VECTOR_MATH = frozenset((*OF_NUMPY, *OF_SCIPY))  # all of which kernels have without SciPy

arccos, arccosh, arcsin, arcsinh, arctan = np.arccos, np.arccosh, np.arcsin, np.arcsinh, np.arctan
arctan2, arctanh, cbrt, copysign, cos, cosh = np.arctan2, np.arctanh, np.cbrt, np.copysign, np.cos, np.cosh
exp, expm1, floor, fmod, hypot, log, log1p = np.exp, np.expm1, np.floor, np.fmod, np.hypot, np.log, np.log1p
pow, rint, sin, sinh, sqrt, tan, tanh, trunc = (
    np.power, np.rint, np.sin, np.sinh, np.sqrt, np.tan, np.tanh, np.trunc,
)  # fmt: skip
isnan, isinf, isfinite = np.isnan, np.isinf, np.isfinite


def _of_scipy(name: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        import scipy.special

        return type(x)(getattr(scipy.special, name)(x))

    return function


digamma, erf, erfc, erfcx, gamma, gammaln, log_ndtr, ndtr = map(_of_scipy, OF_SCIPY)


def number(k: Any, like: Any) -> Any:
    """The integer (or literal) as a float of the function's precision."""
    return type(like)(k)


def integer(x: Any) -> int:
    """The float, which is finite and below 2**62, as an integer, towards zero."""
    return int(x)


def fma(x: Any, y: Any, z: Any) -> Any:
    """``x y + z``, rounded once."""
    kind = type(x)
    if kind is np.float32:
        return kind(np.float64(x) * np.float64(y) + np.float64(z))
    from fractions import Fraction

    if not all(map(np.isfinite, (x, y, z))):
        return x * y + z
    try:
        return kind(Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z)))
    except OverflowError:
        return x * y + z


def is_single(x: Any) -> bool:
    """Whether the function is compiled for float32."""
    return isinstance(x, np.float32)


def epsilon(x: Any) -> Any:
    """The distance from 1 to the next float of the precision."""
    return type(x)(np.finfo(type(x)).eps)


def tiny(x: Any) -> Any:
    """The smallest normal float of the precision."""
    return type(x)(np.finfo(type(x)).tiny)


def largest(x: Any) -> Any:
    """The largest float of the precision."""
    return type(x)(np.finfo(type(x)).max)


def terms(table: tuple[float, ...], x: Any) -> int:
    """How many of the coefficients of a series, from the first on, are seen at the precision of x.

    Those after them are all below half an ulp of the largest one.
    """
    return needed(table, 2.0**-26 if is_single(x) else 2.0**-56)


def needed(table: tuple[float, ...], share: float) -> int:
    """The number of coefficients up to the last whose size is not below this share of the largest."""
    least = share * max(map(abs, table))
    return max(k for k, coefficient in enumerate(table, 1) if abs(coefficient) >= least)
