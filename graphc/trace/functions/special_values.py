"""scipy.special's functions that are no single op: several results, complex ones, orders that are integers.

What is written here over the builder has numbers that only ops give; the rest is NumPy, in
``trace/algorithms/special_functions.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.abi import SCIPY_PART, SCIPY_SIGNATURES
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F64
from graphc.ops.more_rules import hurwitz
from graphc.ops.scipy_parts import PARTS
from graphc.trace.functions.arguments import Implementation, as_array, as_int, mean_dtype, unsupported

HALLEY_STEPS = 5
SMALL, TERMS = 3e-3, 7  # up to this size lambertw is so many terms of its power series


def parts_of(name: str) -> Implementation:
    """A function with several real results."""
    _, rules = PARTS[name]

    def function(F: Builder, *arguments: Any) -> tuple[Value, ...]:
        return tuple(F.apply(F.ops[f"{name}{SCIPY_PART}{k}"], arguments, {}) for k in range(len(rules)))

    return function


def complex_parts_of(name: str) -> Implementation:
    """A function of a real number with several complex results."""
    numbers = parts_of(name)

    def function(F: Builder, *arguments: Any) -> tuple[Value, ...]:
        found = numbers(F, *arguments)
        return tuple(F.complex(a, b) for a, b in zip(found[::2], found[1::2], strict=True))

    return function


def kelvin(F: Builder, x: Any, /) -> tuple[Value, ...]:
    """``ber + i bei``, ``ker + i kei``, and their derivatives."""
    pairs = (F.ber, F.bei), (F.ker, F.kei), (F.berp, F.beip), (F.kerp, F.keip)
    return tuple(F.complex(real(x), imaginary(x)) for real, imaginary in pairs)


def _half_turns(F: Builder, v: Any) -> tuple[Value, Value]:
    """Cosine and sine of pi times v: exact zeros, and signs, at integers."""
    whole = F.rint(v)
    part = F.mul(F.sub(v, whole), math.pi)
    sign = F.sub(1.0, F.mul(F.remainder(whole, 2.0), 2.0))
    return F.mul(sign, F.cos(part)), F.mul(sign, F.sin(part))


def hankel(kind: int, *, scaled: bool) -> Implementation:
    """``jv + i yv`` (kind 1) or ``jv - i yv``, for a real argument; scaled by exp(-iz) or exp(iz).

    Of negative numbers the continuation through the upper half plane: DLMF 10.11.3 to 10.11.5, with m = 1.
    """
    sign = 1.0 if kind == 1 else -1.0

    def function(F: Builder, v: Any, z: Any, /) -> Value:
        size, is_negative = F.abs(z), F.lt(z, 0.0)
        first, second = F.jv(v, size), F.yv(v, size)
        cosine, sine = _half_turns(F, v)
        turned = F.sub(F.mul(sine, second), F.mul(cosine, first)), F.add(F.mul(cosine, second), F.mul(sine, first))
        if kind == 2:
            turned = (
                F.sub(F.mul(F.mul(cosine, first), 3.0), F.mul(sine, second)),
                F.sub(F.mul(sine, first), F.mul(cosine, second)),
            )
        plain = first, F.mul(second, sign)
        real, imaginary = (F.select(is_negative, one, other) for one, other in zip(turned, plain, strict=True))
        if not scaled:
            return F.complex(real, imaginary)
        cosine, sine = F.cos(z), F.mul(F.sin(z), sign)
        return F.complex(
            F.add(F.mul(real, cosine), F.mul(imaginary, sine)), F.sub(F.mul(imaginary, cosine), F.mul(real, sine))
        )

    return function


def wofz(F: Builder, z: Any, /) -> Value:
    """The Faddeeva function exp(-z**2) erfc(-iz); of real numbers exp(-x**2) + 2i/sqrt(pi) dawsn(x)."""
    a = as_array(F, z)
    if not a.type.is_complex:
        return F.complex(F.exp(F.neg(F.square(a))), F.mul(F.dawsn(a), 2 / math.sqrt(math.pi)))
    return F.complex(*(F.apply(F.ops[f"wofz{SCIPY_PART}{k}"], (F.real(a), F.imag(a)), {}) for k in (0, 1)))


def wrightomega(F: Builder, z: Any, /) -> Value:
    """The solution of w + log(w) = z."""
    a = as_array(F, z)
    if not a.type.is_complex:
        found: Value = F.wrightomega(a)
        return found
    return F.complex(*_omega(F, F.real(a), F.imag(a)))


def _omega(F: Builder, x: Value, y: Value) -> tuple[Value, Value]:
    real, imaginary = (F.apply(F.ops[f"wrightomega_z{SCIPY_PART}{k}"], (x, y), {}) for k in (0, 1))
    return real, imaginary


def lambertw(F: Builder, z: Any, k: Any = 0, tol: float = 1e-8) -> Value:
    """``W_k(z)``, complex as SciPy's: Wright's omega of ``log(z) + 2 pi i k``; near 0 on branch 0 its power series.

    (Corless and Jeffrey, "The Wright omega function", 2002; Corless et al., "On the Lambert W function", 1996.)
    """
    a, branch = as_array(F, z), as_array(F, k)
    x = F.real(a) if a.type.is_complex else F.cast(a, mean_dtype(a.type.dtype))
    y = F.imag(a) if a.type.is_complex else F.mul(x, 0.0)
    y = F.select(F.eq(y, 0.0), 0.0, y)  # not -0, which is below the cut
    near = F.logical_and(F.lt(F.hypot(x, y), SMALL), F.eq(branch, 0))
    on_cut = F.logical_and(F.logical_and(F.eq(y, 0.0), F.logical_and(F.lt(x, 0.0), F.ge(x, -1 / math.e))),
                           F.logical_or(F.eq(branch, 0), F.eq(branch, -1)))  # fmt: skip
    taken = F.logical_or(near, on_cut)
    far_x, far_y = F.select(taken, 1.0, x), F.select(taken, 0.0, y)
    turns = F.mul(F.cast(branch, x.type.dtype), 2 * math.pi)
    real, imaginary = _omega(F, F.log(F.hypot(far_x, far_y)), F.add(F.arctan2(far_y, far_x), turns))
    z = F.complex(F.select(near, x, 0.0), F.select(near, y, 0.0))
    series = F.mul(z, 0.0)
    for n in range(TERMS, 0, -1):
        series = F.mul(F.add(series, (-n) ** (n - 1) / math.factorial(n)), z)
    real = F.select(on_cut, _real_lambertw(F, F.select(on_cut, x, -0.1), F.eq(branch, 0)), real)
    imaginary = F.select(on_cut, 0.0, imaginary)
    return F.complex(F.select(near, F.real(series), real), F.select(near, F.imag(series), imaginary))


def _real_lambertw(F: Builder, x: Value, upper: Value) -> Value:
    """The branch above -1 or that below it, for -1/e <= x < 0: Halley's iteration from a series or a logarithm.

    Wright's omega, cut along this line, cannot tell the two apart there. An iteration more than the value needs gives
    every derivative one order more.
    """
    root = F.sqrt(F.maximum(F.mul(F.add(F.mul(x, math.e), 1.0), 2.0), 0.0))
    p = F.select(upper, root, F.neg(root))
    guess = F.add(F.mul(F.sub(F.mul(F.add(F.mul(p, 11 / 72), -1 / 3), p), -1.0), p), -1.0)
    deep = F.logical_and(F.logical_not(upper), F.gt(x, -0.2))
    log_x = F.log(F.neg(F.select(deep, x, -0.1)))
    log_log = F.log(F.neg(log_x))
    w = F.select(deep, F.add(F.sub(log_x, log_log), F.div(log_log, log_x)), guess)
    settled = F.gt(root, 1e-5)  # nearer to the branch point the series is exact, and the steps are noise
    for _ in range(HALLEY_STEPS):
        power, more = F.exp(w), F.add(w, 1.0)
        residue = F.sub(F.mul(w, power), x)
        safe = F.select(settled, more, 1.0)
        slope = F.sub(F.mul(power, safe), F.div(F.mul(F.add(w, 2.0), residue), F.mul(safe, 2.0)))
        w = F.select(settled, F.sub(w, F.div(residue, slope)), w)
    return w


def zeta(F: Builder, x: Any, q: Any = None, out: None = None) -> Value:
    """Riemann's function, or with q that of Hurwitz, for x > 1: infinite at q = 0, -1, ..., NaN between these."""
    s = as_array(F, x)
    dtype = mean_dtype(s.type.dtype)
    if q is None:
        return F.add(F.zetac(F.cast(s, dtype)), 1.0)
    start = as_array(F, q)
    dtype = mean_dtype(F.add(s, start).type.dtype)
    s, start = F.cast(s, F64), F.cast(start, F64)
    pole = F.logical_or(F.eq(s, 1.0), F.logical_and(F.le(start, 0.0), F.eq(start, F.floor(start))))
    inside = F.logical_and(F.gt(s, 1.0), F.logical_and(F.gt(start, 0.0), F.lt(start, math.inf)))
    total = hurwitz(F, F.select(inside, s, 2.0), F.select(inside, start, 1.0), slope=False)
    far = F.select(F.logical_and(F.gt(s, 1.0), F.eq(start, math.inf)), 0.0, math.nan)
    outside = F.select(F.logical_and(pole, F.ge(s, 1.0)), math.inf, far)
    return F.cast(F.select(inside, total, outside), dtype)


def polygamma(F: Builder, n: Any, x: Any) -> Value:
    """The n-th derivative of digamma."""
    order = as_array(F, n)
    if order.node is not None and order.node.op.name == "const" and order.node.attrs["value"] == 0:
        first: Value = F.digamma(x)
        return first
    zero = F.eq(order, 0)
    return F.select(zero, F.digamma(x), F.polygamma(F.select(zero, 1, order), x))


def softplus(F: Builder, x: Any) -> Value:
    """``log(1 + exp(x))``."""
    return F.logaddexp(as_array(F, x), 0.0)


def of_integer(name: str) -> Implementation:
    """One whose first argument must be of integers."""

    def function(F: Builder, n: Any, x: Any, /) -> Value:
        degree = as_array(F, n)
        if degree.type.dtype.kind not in "iub":
            raise unsupported(F, f"scipy.special.{name}: n must be of integers, not {degree.type.dtype}")
        found: Value = F.apply(F.ops[name], (F.cast(degree, np.dtype(np.float64)), x), {})
        return found

    return function


def spherical(name: str) -> Implementation:
    """A spherical Bessel function or, with ``derivative=True``, its derivative (DLMF 10.51)."""
    plain = of_integer(name)
    below_sign, above_sign = {"in": (1, 1), "kn": (-1, -1)}.get(name[-2:], (1, -1))

    def function(F: Builder, n: Any, z: Any, derivative: Any = False) -> Value:
        value = plain(F, n, z)
        if not as_int(F, name, "derivative", derivative):
            return value
        degree = F.cast(as_array(F, n), np.dtype(np.float64))
        below = F.apply(F.ops[name], (F.maximum(F.sub(degree, 1.0), 0.0), z), {})
        lower = F.select(F.lt(degree, 0.5), 0.0, F.mul(F.mul(below, degree), below_sign))
        above = F.apply(F.ops[name], (F.add(degree, 1.0), z), {})
        upper = F.mul(F.mul(above, F.add(degree, 1.0)), above_sign)
        return F.div(F.add(lower, upper), F.add(F.mul(degree, 2.0), 1.0))

    return function


_REAL_PARTS = [name for name in PARTS if "z" not in SCIPY_SIGNATURES[name]]
UFUNC_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: parts_of(name) for name in _REAL_PARTS},
    **{name: complex_parts_of(name) for name in ("modfresnelp", "modfresnelm")},
    "kelvin": kelvin, "wofz": wofz, "wrightomega": wrightomega,
    "hankel1": hankel(1, scaled=False), "hankel1e": hankel(1, scaled=True),
    "hankel2": hankel(2, scaled=False), "hankel2e": hankel(2, scaled=True),
    "eval_hermite": of_integer("eval_hermite"), "eval_hermitenorm": of_integer("eval_hermitenorm"),
}  # fmt: skip
FUNCTIONS: dict[str, Implementation] = {
    "scipy.special.lambertw": lambertw, "scipy.special.zeta": zeta, "scipy.special.polygamma": polygamma,
    "scipy.special.softplus": softplus,
    **{f"scipy.special.spherical_{kind}": spherical(f"spherical_{kind}") for kind in ("jn", "yn", "in", "kn")},
}  # fmt: skip
TAKES_COMPLEX = frozenset(["scipy.special.wofz", "scipy.special.wrightomega", "scipy.special.lambertw"])
