"""graphc's elementary and special functions for Numba kernels, vectorised by LLVM.

``FUNCTIONS[name, dtype]`` and the attributes ``exp_f64``, ``exp_f32``, ... are Numba intrinsics: they are called in
compiled code, emit their instructions into the caller, and compile nothing on import. They cover the whole range
(subnormals, huge arguments of sin, infinities, NaN, signed zeros), under any fast-math flags of the caller. Each module
tells its methods; ``emit`` and ``routine`` tell how the code is made and how loops with rare branches still vectorise.

    function      ulp f64 f32   ns f64    f32   NumPy f64    f32   ms f64  f32
    absolute      exact         0.47   0.49      0.3    0.3      0    0
    arccos        0.69 0.68     2.85   1.22      2.5    0.9     11   20
    arccosh       0.98 0.88     5.13   2.28      4.2    1.5     21   28
    arcsin        0.74 0.64     2.58   1.15      2.4    0.9      9    6
    arcsinh       1.14 1.15     4.97   2.01      4.0    1.1     16   21
    arctan        0.93 0.79     2.13   0.99      1.9    0.6      7   10
    arctanh       0.76 0.75     2.89   1.38      2.5    0.9     13   16
    cbrt          0.53 0.50     2.10   1.34      1.6    0.6     14   21
    ceil          exact         0.60   0.44      0.4    0.2      2    0
    cos           0.75 0.76     2.26   1.15     21.7    1.2     37   39
    cosh          1.26 1.23     1.72   0.70      1.5    0.6      3    3
    digamma         *    *      4.26   1.79     31.5   33.7     40   50
    erf           0.82 1.08     3.78   0.75     29.5   21.5     28   20
    erfc          1.58 2.45     5.63   2.04     28.1   30.4     27   34
    erfcx         1.72 2.13     6.00   1.97     46.8   47.6     26   21
    exp           0.85 0.86     1.46   0.67      1.2    0.7      5    4
    exp2          0.91 0.92     1.65   0.79      1.2    0.5      6   10
    expit         1.11 1.43     2.47   1.25     10.8    7.9      9   20
    expm1         1.76 1.35     1.67   0.73      2.3    0.6     10   11
    floor         exact         0.64   0.42      0.4    0.3      0    0
    gamma         2.19 3.06    10.52   4.29     33.1   35.6     43   62
    gammaln         *    *      6.11   2.63     38.3   38.8     58   69
    log           0.78 0.80     1.93   0.93      1.7    0.7     15   23
    log10         0.69 0.68     2.67   1.18      1.6    0.5     20   27
    log1p         0.76 0.80     2.31   1.13      2.0    0.9     24   31
    log2          0.81 0.79     2.62   1.27      1.7    0.5     18   23
    log_expit     1.26 1.50     4.78   2.14     36.5   31.6     30   32
    log_ndtr      1.95 2.98    11.35   4.33     48.4   51.8     39   57
    logit         0.93 1.12     4.33   2.08     25.6   25.1     15   29
    ndtr          1.93 2.74     6.81   2.46     30.9   31.9     28   36
    rint          exact         0.61   0.40      0.4    0.2      4    5
    sign          exact         0.73   0.43      1.5    1.1      8    7
    sin           0.73 0.76     2.25   1.15     19.9    1.1     44   47
    sinh          1.53 1.56     2.29   0.94      2.2    0.7     10   17
    softplus      1.35 1.49     5.00   2.13     37.9   33.7     28   38
    sqrt          0.50 0.50     1.52   0.63      1.3    0.4      0    4
    tan           0.96 0.89     3.32   1.71      2.9    0.9     49   58
    tanh          1.41 1.43     2.58   1.19      2.7    0.6     14   11
    tetragamma    2.52 3.85     3.19   1.30    425.6  632.8     31   40
    trigamma      2.59 3.04     2.74   0.85    647.4  571.9     28   26
    trunc         exact         0.41   0.29      0.3    0.2      5    0
    arctan2       0.79 0.75     4.07   1.87      3.6    1.2     28   38
    copysign      exact         0.64   0.43      1.3    1.2     12    6
    floor_divide  exact         2.78   1.14     27.3   26.3     22   43
    fmod          exact         1.19   0.68     22.2   24.9     19   18
    hypot         0.79 0.84     1.51   0.73     23.2    6.0      1   12
    logaddexp     1.48 1.80     4.86   2.52     28.9   36.1     27   35
    logaddexp2    1.51 2.43     6.85   2.96     43.1   38.1     20   32
    nextafter     exact         0.75   0.48     23.9   16.6      9   11
    polygamma       *    *    106.64  33.95    488.4  563.5    157  176
    pow           0.79 0.88     7.57   3.02      4.1    1.4     42   53
    remainder     exact         1.49   0.85     27.4   26.9     27   28
    xlog1py       1.25 1.64     2.43   1.12     12.3   13.0     16   21
    xlogy         1.14 1.67     2.04   1.01     11.5    8.6     10   14

ulp: the largest error found in sweeps against mpmath and long double (f64) and against the f64 functions (f32). gamma
and the polygammas: for positive arguments; ``*``, and these below 0: at most 4 half ulp of the condition, which is the
value plus x times the derivative. polygamma: below 12 ulp for orders up to 11 (tested); NaN below -10000, and in f32
from order 34 on. gamma may lose bits where its result is subnormal.
ns: an element in a loop over 16384, and NumPy's or SciPy's loop beside it. ms: what a call adds to the processor time
of compiling a loop. Measured on two AVX-512 cores shared with other work, at about half of their speed: ratios are
rough, and ms is uncertain by 5.
"""

from __future__ import annotations

from collections.abc import Mapping

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

__all__ = ["BINARY", "FUNCTIONS", "UNARY", "fma", "reassociating_add", "select", "wide_vectors"]

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

BITS = {"f64": 64, "f32": 32}


class _Functions(Mapping):
    """``(name, dtype) -> function``. Each is made when it is first asked for: all of them would take 8 ms."""

    def __init__(self):
        self._made = {}
        self._keys = [(name, dtype) for name in (*UNARY, *BINARY) for dtype in BITS]

    def __getitem__(self, key):
        if key not in self._made:
            name, dtype = key
            body, arity = (UNARY[name], 1) if name in UNARY else (BINARY[name], 2)
            # two threads that ask at once must get one object: setdefault keeps the first
            self._made.setdefault(key, as_intrinsic(f"{name}_{dtype}", BITS[dtype], body, arity))
        return self._made[key]

    def __iter__(self):
        return iter(self._keys)

    def __len__(self):
        return len(self._keys)


FUNCTIONS = _Functions()


def __getattr__(attribute):
    name, _, dtype = attribute.rpartition("_")
    try:
        return FUNCTIONS[name, dtype]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}") from None
