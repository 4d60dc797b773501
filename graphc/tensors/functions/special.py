"""Special functions element by element: Bessel, gamma and error functions, and what is near them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, F64
from graphc.tensors.functions.function import Function, Saves
from graphc.tensors.functions.promotion import as_value, floating, promoted
from graphc.trace.functions import NUMPY_FUNCTIONS as NUMPY

_ONE: dict[str, tuple[str, Saves]] = {
    "erfinv": ("erfinv", "result"), "i0": ("i0", "inputs"), "special_i0e": ("i0e", "both"),
    "special_i1": ("i1", "both"), "special_i1e": ("i1e", "both"), "special_erfcx": ("erfcx", "both"),
    "special_entr": ("entr", "inputs"), "special_ndtr": ("ndtr", "inputs"), "special_log_ndtr": ("log_ndtr", "both"),
    "special_ndtri": ("ndtri", "result"), "special_bessel_j0": ("j0", "inputs"), "special_bessel_j1": ("j1", "inputs"),
    "special_bessel_y0": ("y0", "inputs"), "special_bessel_y1": ("y1", "inputs"),
    "special_modified_bessel_k0": ("k0", "inputs"), "special_modified_bessel_k1": ("k1", "inputs"),
    "special_scaled_modified_bessel_k0": ("k0e", "inputs"), "special_scaled_modified_bessel_k1": ("k1e", "inputs"),
    "special_airy_ai": ("airy__0", "inputs"), "deg2rad": ("deg2rad", "nothing"), "rad2deg": ("rad2deg", "nothing"),
}  # fmt: skip
_TWO: dict[str, tuple[str, Saves]] = {
    "igamma": ("gammainc", "inputs"), "igammac": ("gammaincc", "inputs"), "logaddexp2": ("logaddexp2", "inputs"),
    "special_xlog1py": ("xlog1py", "inputs"),
}  # fmt: skip


def _one(op: str) -> Callable[..., Value]:
    return lambda F, x: F.apply(F.ops[op], (floating(F, x),), {})


def _two(op: str) -> Callable[..., Value]:
    def build(F: Builder, a: Any, b: Any) -> Value:
        x, y = promoted(F, (a, b))
        return F.apply(F.ops[op], (floating(F, x), floating(F, y)), {})

    return build


def zeta(F: Builder, a: Any, b: Any) -> Value:
    """Hurwitz' zeta function."""
    x, y = (floating(F, v) for v in promoted(F, (a, b)))
    return F.cast(NUMPY["scipy.special.zeta"](F, F.cast(x, F64), F.cast(y, F64)), x.type.dtype)


def polygamma(F: Builder, x: Any, n: int) -> Value:
    """The n-th derivative of digamma."""
    x = floating(F, x)
    return F.cast(NUMPY["scipy.special.polygamma"](F, n, x), x.type.dtype) if n else F.digamma(x)


def spherical_bessel_j0(F: Builder, x: Any) -> Value:
    """``sin(x) / x``, 1 at 0."""
    return F.cast(NUMPY["numpy.sinc"](F, F.div(floating(F, x), math.pi)), floating(F, x).type.dtype)


def multigammaln(F: Builder, x: Any, p: int) -> Value:
    """The logarithm of the multivariate gamma function of dimension p."""
    x = floating(F, x)
    total = F.add(F.gammaln(x), p * (p - 1) / 4 * math.log(math.pi))
    for k in range(1, p):
        total = F.add(total, F.gammaln(F.sub(x, k / 2)))
    return total


def ldexp(F: Builder, a: Any, b: Any) -> Value:
    """``a * 2**b``."""
    x, y = promoted(F, (a, b))
    return F.mul(floating(F, x), F.exp2(floating(F, y)))


def nextafter(F: Builder, a: Any, b: Any) -> Value:
    """The next number after a towards b."""
    return F.apply(F.ops["nextafter"], promoted(F, (a, b)), {})


def shifted(op: str) -> Callable[..., Value]:
    """Bits moved to the left or right."""

    def build(F: Builder, a: Any, b: Any) -> Value:
        return F.apply(F.ops[op], promoted(F, (a, b)), {})

    return build


def signbit(F: Builder, x: Any) -> Value:
    """Whether the sign is set, of -0.0 too."""
    return F.signbit(x) if x.type.is_float else F.lt(x, 0) if x.type.dtype.kind == "i" else _nowhere(F, x)


def _nowhere(F: Builder, x: Value) -> Value:
    return F.broadcast_to(F.cast(as_value(F, 0), BOOL), x.dims)


def infinite(sign: float) -> Callable[..., Value]:
    """Whether it is the infinity of this sign."""
    return lambda F, x: F.eq(x, sign * math.inf) if x.type.is_float else _nowhere(F, x)


def isreal(F: Builder, x: Any) -> Value:
    """True everywhere: there are no complex tensors."""
    return F.logical_not(_nowhere(F, x))


SPECIAL = [
    *(Function(name, _one(op), saves) for name, (op, saves) in _ONE.items()),
    *(Function(name, _two(op), saves) for name, (op, saves) in _TWO.items()),
    Function("special_zeta", zeta),
    Function("polygamma", polygamma),
    Function("special_spherical_bessel_j0", spherical_bessel_j0),
    Function("multigammaln", multigammaln),
    Function("ldexp", ldexp, "others"),
    Function("nextafter", nextafter, "nothing", differentiable=False),
    Function("bitwise_left_shift", shifted("left_shift"), "nothing", differentiable=False),
    Function("bitwise_right_shift", shifted("right_shift"), "nothing", differentiable=False),
    Function("signbit", signbit, "nothing", differentiable=False),
    Function("isposinf", infinite(1.0), "nothing", differentiable=False),
    Function("isneginf", infinite(-1.0), "nothing", differentiable=False),
    Function("isreal", isreal, "nothing", differentiable=False),
]
