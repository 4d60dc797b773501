"""Where each differentiable pointwise op is sampled: one tuple of inputs an op, away from kinks and singular points.

Finite differences reach 1/32 to each side. Every combination of the samples must be inside, since they are broadcast
against each other too. An op without an entry fails the test.
"""

from __future__ import annotations

import numpy as np


def span(low: float, high: float, count: int = 4) -> np.ndarray:
    """Points inside the interval, at uneven distances."""
    return low + (high - low) * (np.arange(count) + np.array([0.35, 0.62, 0.28, 0.71])[:count]) / count


def points(*numbers: float) -> np.ndarray:
    return np.array(numbers)


ANY = span(-2.5, 2.5)
POSITIVE = span(0.2, 4.0)
INSIDE = span(-0.9, 0.9)
LEFT, RIGHT = points(-1.3, 0.2, 1.7, 3.1), points(-0.6, 0.9, 2.4, -2.2)  # no ties between the two
NONZERO = points(-2.1, -0.4, 0.3, 1.6)

DOMAINS: dict[str, tuple[np.ndarray, ...]] = {
    # arithmetic
    "add": (ANY, NONZERO),
    "sub": (ANY, NONZERO),
    "difference": (ANY, NONZERO),
    "mul": (ANY, NONZERO),
    "div": (ANY, NONZERO),
    "neg": (ANY,),
    "positive": (ANY,),
    "pow": (POSITIVE, points(-1.4, 0.5, 2.0, 3.3)),
    "float_power": (POSITIVE, points(-1.4, 0.5, 2.0, 3.3)),
    "square": (ANY,),
    "reciprocal": (NONZERO,),
    "remainder": (points(5.3, -4.4, 0.7, 3.9), points(2.1, -1.7, 3.2, -2.5)),
    "fmod": (points(5.3, -4.4, 0.7, 3.9), points(2.1, -1.7, 3.2, -2.5)),
    "copysign": (NONZERO, points(-1.0, 2.0, -0.4, 0.9)),
    "nextafter": (NONZERO, points(-5.0, 6.0, 5.0, -6.0)),
    "ldexp": (ANY, np.array([-2, 0, 1, 3])),
    "heaviside": (NONZERO, ANY),
    "deg2rad": (ANY,),
    "rad2deg": (ANY,),
    "select": (np.array([True, False, False, True]), ANY, NONZERO),
    "cast": (ANY,),
    "guarded_mul": (NONZERO, ANY),
    "absorbing_mul": (NONZERO, NONZERO),
    # order and sign
    "minimum": (LEFT, RIGHT),
    "maximum": (LEFT, RIGHT),
    "fmin": (LEFT, RIGHT),
    "fmax": (LEFT, RIGHT),
    "abs": (NONZERO,),
    "fabs": (NONZERO,),
    # elementary
    "exp": (ANY,),
    "exp2": (ANY,),
    "expm1": (ANY,),
    "log": (POSITIVE,),
    "log2": (POSITIVE,),
    "log10": (POSITIVE,),
    "log1p": (span(-0.8, 3.0),),
    "logaddexp": (ANY, points(-1.5, 0.2, 1.1, 2.8)),
    "logaddexp2": (ANY, points(-1.5, 0.2, 1.1, 2.8)),
    "sin": (span(-6.0, 6.0),),
    "cos": (span(-6.0, 6.0),),
    "tan": (span(-1.2, 1.2),),
    "arcsin": (span(-0.8, 0.8),),
    "arccos": (span(-0.8, 0.8),),
    "arctan": (ANY,),
    "arctan2": (NONZERO, points(-1.5, -0.5, 0.8, 2.2)),
    "sinh": (ANY,),
    "cosh": (ANY,),
    "tanh": (ANY,),
    "arcsinh": (ANY,),
    "arccosh": (span(1.3, 5.0),),
    "arctanh": (span(-0.8, 0.8),),
    "sqrt": (POSITIVE,),
    "length": (POSITIVE,),
    "cbrt": (NONZERO,),
    "hypot": (NONZERO, points(-1.5, -0.5, 0.8, 2.2)),
    # scipy.special
    "erf": (ANY,),
    "erfc": (ANY,),
    "erfcx": (points(-1.5, 0.3, 2.2, 6.0),),
    "erfinv": (span(-0.8, 0.8),),
    "ndtr": (ANY,),
    "log_ndtr": (points(-12.0, -3.0, 0.2, 2.5),),
    "expit": (ANY,),
    "logit": (span(0.15, 0.85),),
    "gammaln": (points(0.4, 1.3, 2.8, 7.0),),
    "digamma": (points(0.4, 1.3, 2.8, 7.0),),
    "polygamma": (points(1.0, 2.0, 3.0, 1.0), points(0.8, 1.3, 2.8, 7.0)),
    "xlogy": (ANY, POSITIVE),
    "xlog1py": (ANY, span(-0.7, 3.0)),
    "entr": (POSITIVE,),
}

ATTRS = {"cast": {"dtype": np.dtype(np.float64)}}
FIXED = {"polygamma": (0,)}  # inputs by which there is no derivative to take

# Where the piecewise constant ops are constant.
STEADY: dict[str, tuple[np.ndarray, ...]] = {
    "floor": (points(-1.4, 0.3, 2.6),),
    "ceil": (points(-1.4, 0.3, 2.6),),
    "trunc": (points(-1.4, 0.3, 2.6),),
    "rint": (points(-1.4, 0.3, 2.6),),
    "sign": (points(-1.4, 0.3, 2.6),),
    "spacing": (points(-1.4, 0.3, 2.6),),
    "floor_divide": (points(5.3, -4.4, 0.7), points(2.1, -1.7, 3.2)),
}

# Zeros, edges of domains, poles, numbers whose squares, exponentials or reciprocals overflow or vanish, and no numbers.
# They are masked out in the tests, and must leave the gradient of the rest alone.
COMMON = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, -3.0, 30.0, -30.0, np.inf, -np.inf, np.nan)
EXTREME = {
    np.float64: (800.0, -800.0, 1e20, -1e20, 1e160, -1e160, 1.7e308, -1.7e308, 1e-170, -1e-170, 5e-324, -5e-324),
    np.float32: (100.0, -100.0, 1e10, -1e10, 1e20, -1e20, 3.4e38, -3.4e38, 1e-22, -1e-22, 1e-45, -1e-45),
}
NASTY = {
    **{np.dtype(kind): np.array([*COMMON, *numbers], kind) for kind, numbers in EXTREME.items()},
    np.dtype(np.int64): np.array([-2000, 0, 1, 2000]),
    np.dtype(np.bool_): np.array([True, False]),
}
