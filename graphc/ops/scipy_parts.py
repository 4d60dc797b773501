"""scipy.special's functions with several results, or complex ones: an op for each number that they give.

``airy__1`` is the second result of ``airy``; of complex results each is two, its real and imaginary part. Kernels call
SciPy's function once for all of them. Rules are from the Digital Library of Mathematical Functions: 6.2 (sine and
cosine integrals), 7.2 (Fresnel), 9.2 (Airy), 12.2 and 12.14 (parabolic cylinder), 22.13 (elliptic), 28.2 (Mathieu),
30.2 (spheroidal); those of analytic functions by the Cauchy-Riemann equations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.abi import OWN_SPECIAL, SCIPY_PART, SCIPY_SIGNATURES
from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.opdef import Op, Partials, Pointwise
from graphc.ops.printing import helper
from graphc.ops.scipy_rules import PI, ROOT_PI, Rule, amplitude_slope, call
from graphc.ops.special import ScipyLoop, SpecialFunction
from graphc.scalar_special.arrays import over_arrays

PREFIX = "scipy_"
DEGREE = PI / 180
Pair = tuple[Value, Value]  # a complex number


def part(F: Builder, name: str, k: int, *arguments: Any) -> Value:
    return call(F, f"{name}{SCIPY_PART}{k}", *arguments)


def along(slope: Callable[..., Value], what: str) -> Rule:
    """The rule by the last argument, ``slope(F, y, *inputs)``; the others, ``what``, must not be differentiated."""

    def partials(F: Builder, y: Value, /, *inputs: Value) -> tuple[Any, ...]:
        if any(value.grad for value in inputs[:-1]):
            name = y.node.op.name.partition(SCIPY_PART)[0] if y.node is not None else "the function"
            message = f"scipy.special.{name} has no derivative by its {what}; pass it through graphc.stop_gradient"
            raise GradientError(message, location=F.location)
        return *(None for _ in inputs[:-1]), slope(F, y, *inputs)

    return partials


def over(F: Builder, top: Value, x: Value, at_zero: float) -> Value:
    """``top / x``, which has a limit at 0."""
    zero = F.eq(x, 0.0)
    return F.select(zero, at_zero, F.div(top, F.select(zero, 1.0, x)))


def vanishing(F: Builder, x: Value, found: Value) -> Value:
    """What is 0 in the limit of an infinite x, where a sine or cosine is NaN."""
    return F.select(F.isinf(x), 0.0, found)


# --- integrals --------------------------------------------------------------------------------------------------------


def quarter(F: Builder, x: Value) -> Value:
    """The phase of the Fresnel integrals, pi x**2 / 2, less a multiple of 2 pi."""
    return F.mul(F.remainder(F.mul(x, x), 4.0), PI / 2)


def itairy_rules() -> list[Rule]:
    return [
        along(lambda F, y, x: part(F, "airy", 0, x), ""),
        along(lambda F, y, x: part(F, "airy", 2, x), ""),
        along(lambda F, y, x: part(F, "airy", 0, F.neg(x)), ""),
        along(lambda F, y, x: part(F, "airy", 2, F.neg(x)), ""),
    ]  # fmt: skip


def modified_fresnel(sign: float) -> list[Rule]:
    """F = integral of exp(sign i t**2) from x on, and K = exp(-sign i (x**2 + pi/4)) F / sqrt(pi)."""
    name = "modfresnelp" if sign > 0 else "modfresnelm"
    root = math.sqrt(0.5) / ROOT_PI

    def real(F: Builder, y: Value, x: Value) -> Value:
        return F.sub(F.mul(F.mul(x, part(F, name, 3, x)), 2.0 * sign), root)

    def imaginary(F: Builder, y: Value, x: Value) -> Value:
        return F.add(F.mul(F.mul(x, part(F, name, 2, x)), -2.0 * sign), sign * root)

    return [
        along(lambda F, y, x: F.neg(F.cos(F.square(x))), ""),
        along(lambda F, y, x: F.mul(F.sin(F.square(x)), -sign), ""),
        along(real, ""), along(imaginary, ""),
    ]  # fmt: skip


# --- solutions of second order equations: the function, its derivative, and the coefficient of the function -----------


def oscillator(name: str, what: str, coefficient: Callable[..., Value], *, scale: float = 1.0) -> list[Rule]:
    """Of y and y' with ``y'' = coefficient(F, *inputs) y``; the argument is measured in units of ``scale``."""

    def first(F: Builder, y: Value, *inputs: Value) -> Value:
        slope = part(F, name, 1, *inputs)
        return F.mul(slope, scale) if scale != 1.0 else slope

    def second(F: Builder, y: Value, *inputs: Value) -> Value:
        found = F.mul(coefficient(F, *inputs), part(F, name, 0, *inputs))
        return F.mul(found, scale) if scale != 1.0 else found

    return [along(first, what), along(second, what)]


def mathieu(kind: str) -> list[Rule]:
    """``y'' = -(a - 2 q cos 2x) y`` for an angle in degrees; radial ones have cosh in place of cos, and + for -."""
    characteristic = "mathieu_a" if "cem" in kind else "mathieu_b"
    radial = "mod" in kind

    def coefficient(F: Builder, m: Value, q: Value, x: Value) -> Value:
        wave = F.cosh(F.mul(x, 2.0)) if radial else F.cos(F.mul(x, 2 * DEGREE))
        rest = F.sub(call(F, characteristic, m, q), F.mul(F.mul(q, wave), 2.0))
        return rest if radial else F.neg(rest)

    return oscillator(f"mathieu_{kind}", "order and parameter", coefficient, scale=1.0 if radial else DEGREE)


def spheroidal(shape: str, kind: str) -> list[Rule]:
    """``((1 - x**2) S')' + (cv - c**2 x**2 - m**2/(1 - x**2)) S = 0``; oblate: c**2 negative; radial ones of i x."""
    name, given = f"{shape}_{kind}", kind.endswith("_cv")
    sign = 1.0 if shape == "pro" else -1.0
    imaginary = shape == "obl" and kind.startswith("rad")  # in x' = i x

    def second(F: Builder, y: Value, *inputs: Value) -> Value:
        m, n, c, *rest = inputs
        x = rest[-1]
        cv = rest[0] if given else call(F, f"{shape}_cv", m, n, c)
        square = F.square(x)
        gap = F.add(square, 1.0) if imaginary else F.sub(1.0, square)
        stretch = F.mul(F.mul(F.square(c), square), -sign if not imaginary else 1.0)
        pull = F.add(F.add(F.neg(cv) if imaginary else cv, stretch),
                     F.mul(F.div(F.square(m), gap), 1.0 if imaginary else -1.0))  # fmt: skip
        drift = F.mul(F.mul(x, y), 2.0)
        push = F.mul(pull, part(F, name, 0, *inputs))
        return F.div(F.neg(F.add(drift, push)) if imaginary else F.sub(drift, push), gap)

    what = "orders and parameters"
    return [along(lambda F, y, *inputs: part(F, name, 1, *inputs), what), along(second, what)]


def scaled_airy() -> list[Rule]:
    """Of Ai, Ai', Bi, Bi', the first two times exp(2/3 x**(3/2)), the last two times its reciprocal for x > 0."""

    def rule(k: int) -> Rule:
        def slope(F: Builder, y: Value, x: Value) -> Value:
            root = F.sqrt(F.maximum(x, 0.0))
            other = part(F, "airye", k + 1, x) if k % 2 == 0 else F.mul(x, part(F, "airye", k - 1, x))
            moved = F.mul(root, y)
            return F.add(other, moved) if k < 2 else F.sub(other, moved)

        return along(slope, "")

    return [rule(k) for k in range(4)]


# --- Jacobi's elliptic functions --------------------------------------------------------------------------------------


def jacobi_rule(k: int) -> Rule:
    """sn, cn, dn and the amplitude: by u the amplitude moves with dn; by m with -dn times dF/dm at the amplitude."""

    def partials(F: Builder, y: Value, u: Value, m: Value) -> tuple[Any, Any]:
        sn, cn, dn, amplitude = (part(F, "ellipj", j, u, m) for j in range(4))
        direct = (cn, F.neg(sn), F.neg(F.div(F.mul(m, F.mul(sn, cn)), dn)), 1.0)[k]
        by_u = F.mul(direct, dn)
        if not m.grad:
            return by_u, None
        moved = F.neg(F.mul(by_u, amplitude_slope(F, amplitude, m)))
        return by_u, F.sub(moved, F.div(F.mul(F.square(sn), 0.5), dn)) if k == 2 else moved

    return partials


# --- analytic functions of a complex number ---------------------------------------------------------------------------


def analytic(name: str, slope: Callable[[Builder, Pair, Pair], Pair]) -> list[Rule]:
    """The real and imaginary part u, v of a function with ``slope(F, z, w) = dw/dz``."""

    def rule(k: int) -> Rule:
        def partials(F: Builder, y: Value, *z: Value) -> tuple[Value, Value]:
            real, imaginary = slope(F, (z[0], z[1]), (part(F, name, 0, *z), part(F, name, 1, *z)))
            return (real, F.neg(imaginary)) if k == 0 else (imaginary, real)

        return partials

    return [rule(0), rule(1)]


def product(F: Builder, a: Pair, b: Pair) -> Pair:
    return F.sub(F.mul(a[0], b[0]), F.mul(a[1], b[1])), F.add(F.mul(a[0], b[1]), F.mul(a[1], b[0]))


def quotient(F: Builder, a: Pair, b: Pair) -> Pair:
    square = F.add(F.square(b[0]), F.square(b[1]))
    top = product(F, a, (b[0], F.neg(b[1])))
    return F.div(top[0], square), F.div(top[1], square)


FADDEEVA_FAR, FADDEEVA_TERMS = 100.0, 12  # from this square of abs(z) on, -2 z w + 2i/sqrt(pi) cancels


def faddeeva_slope(F: Builder, z: Pair, w: Pair) -> Pair:
    """``-2 z w + 2i/sqrt(pi)``, far from 0 in the upper half plane by its asymptotic series (DLMF 7.12.1)."""
    far = F.logical_and(F.gt(F.add(F.square(z[0]), F.square(z[1])), FADDEEVA_FAR), F.ge(z[1], 0.0))
    near = product(F, z, w)
    safe = F.select(far, z[0], 1.0), F.select(far, z[1], 0.0)
    one = F.add(F.mul(safe[0], 0.0), 1.0)
    inverse = quotient(F, (one, F.mul(one, 0.0)), safe)
    square = product(F, inverse, inverse)
    series = F.mul(one, 0.0), F.mul(one, 0.0)
    for n in range(FADDEEVA_TERMS, 0, -1):  # the term n is (2n-1)!! (2n+1) / 2**n / z**(2n)
        coefficient = math.prod(range(1, 2 * n, 2)) * (2 * n + 1) / 2**n
        series = product(F, (F.add(series[0], coefficient), series[1]), square)
    whole = product(F, (F.add(series[0], 1.0), series[1]), square)
    return (
        F.select(far, F.mul(whole[1], 1 / ROOT_PI), F.mul(near[0], -2.0)),
        F.select(far, F.mul(whole[0], -1 / ROOT_PI), F.sub(2 / ROOT_PI, F.mul(near[1], 2.0))),
    )


def omega_slope(F: Builder, z: Pair, w: Pair) -> Pair:
    return quotient(F, w, (F.add(w[0], 1.0), w[1]))


def exp1_slope(F: Builder, z: Pair, w: Pair) -> Pair:
    """``-exp(-z) / z``."""
    size = F.neg(F.exp(F.neg(z[0])))
    return quotient(F, (F.mul(size, F.cos(z[1])), F.neg(F.mul(size, F.sin(z[1])))), z)


# --- the table --------------------------------------------------------------------------------------------------------


def bessel_integrals(first: str, second: str) -> list[Rule]:
    return [along(lambda F, y, x: call(F, first, x), ""), along(lambda F, y, x: call(F, second, x), "")]


def repeated_integrals(first: str, second: str, sign: float) -> list[Rule]:
    """Of (1 - J0)/t from 0 and of Y0/t from x on; for the modified ones (I0 - 1)/t."""
    return [
        along(lambda F, y, x: over(F, F.mul(F.sub(1.0, call(F, first, x)), sign), x, 0.0), ""),
        along(lambda F, y, x: F.neg(F.div(call(F, second, x), x)), ""),
    ]


def cylinder(name: str, sign: float, shift: float) -> list[Rule]:
    """``y'' = (sign x**2/4 + a) y`` with a = shift - v, or v itself for ``pbwa``."""

    def coefficient(F: Builder, v: Value, x: Value) -> Value:
        a = v if sign < 0 else F.sub(shift, v)
        return F.add(F.mul(F.square(x), 0.25 * sign), a)

    return oscillator(name, "order", coefficient)


# name -> (number of inputs, a rule for each part)
PARTS: dict[str, tuple[int, list[Rule]]] = {
    "sici": (1, [along(lambda F, y, x: vanishing(F, x, over(F, F.sin(x), x, 1.0)), ""),
                 along(lambda F, y, x: vanishing(F, x, F.div(F.cos(x), x)), "")]),
    "shichi": (1, [along(lambda F, y, x: over(F, F.sinh(x), x, 1.0), ""),
                   along(lambda F, y, x: F.div(F.cosh(x), x), "")]),
    "fresnel": (1, [along(lambda F, y, x: F.sin(quarter(F, x)), ""), along(lambda F, y, x: F.cos(quarter(F, x)), "")]),
    "itj0y0": (1, bessel_integrals("j0", "y0")), "iti0k0": (1, bessel_integrals("i0", "k0")),
    "it2j0y0": (1, repeated_integrals("j0", "y0", 1.0)), "it2i0k0": (1, repeated_integrals("i0", "k0", -1.0)),
    "airy": (1, [*oscillator("airy", "", lambda F, x: x), along(lambda F, y, x: part(F, "airy", 3, x), ""),
                 along(lambda F, y, x: F.mul(x, part(F, "airy", 2, x)), "")]),
    "airye": (1, scaled_airy()), "itairy": (1, itairy_rules()),
    "modfresnelp": (1, modified_fresnel(1.0)), "modfresnelm": (1, modified_fresnel(-1.0)),
    "pbdv": (2, cylinder("pbdv", 1.0, -0.5)), "pbvv": (2, cylinder("pbvv", 1.0, -0.5)),
    "pbwa": (2, cylinder("pbwa", -1.0, 0.0)),
    "ellipj": (2, [jacobi_rule(k) for k in range(4)]),
    **{f"mathieu_{kind}": (3, mathieu(kind)) for kind in ("cem", "sem", "modcem1", "modcem2", "modsem1", "modsem2")},
    **{f"{shape}_{kind}": (5 if kind.endswith("_cv") else 4, spheroidal(shape, kind)) for shape in ("pro", "obl")
       for kind in ("ang1", "rad1", "rad2", "ang1_cv", "rad1_cv", "rad2_cv")},
    "wofz": (2, analytic("wofz", faddeeva_slope)), "wrightomega_z": (2, analytic("wrightomega_z", omega_slope)),
    "exp1_z": (2, analytic("exp1_z", exp1_slope)),
}  # fmt: skip


class Part(SpecialFunction):
    """One number of the results of a function of scipy.special."""

    def __call__(self, *arrays: Any) -> Any:
        name, _, k = self.name.partition(SCIPY_PART)
        if name in OWN_SPECIAL:
            return over_arrays(name, arrays)[int(k)]
        import scipy.special

        function = getattr(scipy.special, name.removesuffix("_z"))
        if SCIPY_SIGNATURES[name] == "z->z":
            z = np.empty(np.broadcast(*arrays).shape, np.complex128)
            z.real, z.imag = arrays
            found = function(z)
            return found.imag if k == "1" else found.real
        return function(*arrays)[int(k)]


def op_of(name: str, count: int, k: int, rule: Rule) -> Op:
    full = f"{name}{SCIPY_PART}{k}"
    expr = helper(PREFIX + full, count)
    return Op(full, Pointwise(count), Part(full), Partials(rule), expr=expr, dtypes=ScipyLoop(full), cost=300)


SCIPY_PARTS = [op_of(name, count, k, rule) for name, (count, rules) in PARTS.items() for k, rule in enumerate(rules)]
