"""graphc's elementary and special functions for Numba kernels, vectorised by LLVM."""

from __future__ import annotations

from . import (
    error_function,
    exponential,
    gamma,
    hyperbolic,
    inverse_trigonometric,
    logarithm,
    power,
    rounding,
    trigonometric,
    zeta,
)
from .core import as_intrinsic, fma, reassociating_add, select, wide_vectors

UNARY = {
    "absolute": rounding.absolute,
    "arccos": inverse_trigonometric.arccos,
    "arccosh": hyperbolic.arccosh,
    "arcsin": inverse_trigonometric.arcsin,
    "arcsinh": hyperbolic.arcsinh,
    "arctan": inverse_trigonometric.arctan,
    "arctanh": hyperbolic.arctanh,
    "cbrt": power.cbrt,
    "ceil": rounding.ceil,
    "cos": trigonometric.cos,
    "cosh": hyperbolic.cosh,
    "digamma": gamma.digamma,
    "erf": error_function.erf,
    "erfc": error_function.erfc,
    "erfcx": error_function.erfcx,
    "exp": exponential.exp,
    "exp2": exponential.exp2,
    "expit": exponential.expit,
    "expm1": exponential.expm1,
    "floor": rounding.floor,
    "gamma": gamma.gamma,
    "gammaln": gamma.gammaln,
    "log": logarithm.log,
    "log10": logarithm.log10,
    "log1p": logarithm.log1p,
    "log2": logarithm.log2,
    "log_expit": logarithm.log_expit,
    "log_ndtr": error_function.log_ndtr,
    "logit": logarithm.logit,
    "ndtr": error_function.ndtr,
    "rint": rounding.rint,
    "sign": rounding.sign,
    "sin": trigonometric.sin,
    "sinh": hyperbolic.sinh,
    "softplus": logarithm.softplus,
    "sqrt": power.sqrt,
    "tan": trigonometric.tan,
    "tanh": exponential.tanh,
    "tetragamma": gamma.tetragamma,
    "trigamma": gamma.trigamma,
    "trunc": rounding.trunc,
}
BINARY = {
    "arctan2": inverse_trigonometric.arctan2,
    "copysign": rounding.copysign,
    "floor_divide": rounding.floor_divide,
    "fmod": rounding.fmod,
    "hypot": power.hypot,
    "logaddexp": logarithm.logaddexp,
    "logaddexp2": logarithm.logaddexp2,
    "nextafter": rounding.nextafter,
    "polygamma": zeta.polygamma,
    "pow": power.pow,
    "remainder": rounding.remainder,
    "xlog1py": logarithm.xlog1py,
    "xlogy": logarithm.xlogy,
}

FUNCTIONS = {
    (name, dtype): as_intrinsic(f"{name}_{dtype}", bits, body, arity)
    for table, arity in ((UNARY, 1), (BINARY, 2))
    for name, body in table.items()
    for dtype, bits in (("f64", 64), ("f32", 32))
}
globals().update({f"{name}_{dtype}": function for (name, dtype), function in FUNCTIONS.items()})
