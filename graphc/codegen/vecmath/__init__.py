"""graphc's elementary and special functions for Numba kernels, vectorised by LLVM."""

from __future__ import annotations

from . import error_function, exponential, logarithm, power, trigonometric
from .core import as_intrinsic, fma, reassociating_add, select, wide_vectors

UNARY = {
    "exp": exponential.exp,
    "exp2": exponential.exp2,
    "expm1": exponential.expm1,
    "tanh": exponential.tanh,
    "expit": exponential.expit,
    "log": logarithm.log,
    "log2": logarithm.log2,
    "log10": logarithm.log10,
    "log1p": logarithm.log1p,
    "sqrt": power.sqrt,
    "erf": error_function.erf,
    "erfc": error_function.erfc,
    "sin": trigonometric.sin,
    "cos": trigonometric.cos,
    "tan": trigonometric.tan,
}
BINARY = {"pow": power.pow}

FUNCTIONS = {
    (name, dtype): as_intrinsic(f"{name}_{dtype}", bits, body, arity)
    for table, arity in ((UNARY, 1), (BINARY, 2))
    for name, body in table.items()
    for dtype, bits in (("f64", 64), ("f32", 32))
}
globals().update({f"{name}_{dtype}": function for (name, dtype), function in FUNCTIONS.items()})
