"""Derivatives of scipy.special's distribution functions and of their inverses, by every argument.

A *law* is a distribution function as its partial derivatives: ``law(F, arguments, k)`` is that by argument k, None
where the function is a step there. From it follow those of the upper tail and those of each inverse: where
``G(a, b, x) = p`` is solved for one argument, its derivative by p is ``1/G_k``, and by another one ``-G_j/G_k``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ops.noncentral_t import noncentral_t_law
from graphc.ops.scipy_rules import Rule, exp_of
from graphc.ops.shape_slopes import beta_slopes, gamma_slope
from graphc.ops.student import student_density, student_slope

PI = math.pi
LARGE = 40.0  # shapes from which on the terms of a density's logarithm cancel, and Stirling's series is exact
Law = Callable[[Builder, Sequence[Value], int], Value | None]


def forward(law: Law, sign: float = 1.0) -> Rule:
    """The rule of a distribution function (sign 1) or of its upper tail (-1)."""

    def partials(F: Builder, y: Value, /, *inputs: Value) -> tuple[Any, ...]:
        found = (law(F, inputs, k) if value.grad else None for k, value in enumerate(inputs))
        return tuple(F.neg(p) if p is not None and sign < 0 else p for p in found)

    return partials


def inverse(law: Law, position: int, sign: float = 1.0) -> Rule:
    """The rule of the function that solves for the argument at the position, where the probability is given instead."""

    def partials(F: Builder, y: Value, /, *inputs: Value) -> tuple[Any, ...]:
        arguments = [y if k == position else value for k, value in enumerate(inputs)]
        slope = law(F, arguments, position)
        assert slope is not None
        found: list[Any] = []
        for k, value in enumerate(inputs):
            other = law(F, arguments, k) if value.grad and k != position else None
            if k == position:
                found.append(F.div(sign, slope) if value.grad else None)
            else:
                found.append(None if other is None else F.neg(F.div(other, slope)))
        return tuple(found)

    return partials


# --- densities --------------------------------------------------------------------------------------------------------


def gamma_density(F: Builder, a: Value, x: Value) -> Value:
    """x**(a-1) exp(-x) / gamma(a); for large a by Stirling's series, since the logarithms cancel."""
    large, end = F.gt(a, LARGE), F.eq(x, math.inf)
    x = F.select(end, 0.0, x)
    plain = exp_of(F, F.xlogy(F.sub(a, 1.0), x), F.neg(x), F.neg(F.gammaln(a)))
    inner = F.logical_and(large, F.gt(x, 0.0))
    safe, point = F.select(inner, a, LARGE), F.select(inner, x, LARGE)
    exponent = F.mul(safe, _log1p_less(F, F.div(F.sub(point, safe), safe)))
    scaled = F.div(F.sqrt(F.mul(safe, 0.5 / PI)), point)
    found = F.mul(scaled, exp_of(F, exponent, F.neg(_stirling(F, safe))))
    return F.select(end, 0.0, F.select(large, F.select(inner, found, 0.0), plain))


def beta_density(F: Builder, a: Value, b: Value, x: Value) -> Value:
    """x**(a-1) (1-x)**(b-1) / beta(a, b), as above."""
    logs = F.xlogy(F.sub(a, 1.0), x), F.xlog1py(F.sub(b, 1.0), F.neg(x))
    plain = exp_of(F, *logs, F.neg(F.betaln(a, b)))
    large = F.logical_and(F.gt(a, LARGE), F.gt(b, LARGE))
    inner = F.logical_and(large, F.logical_and(F.gt(x, 0.0), F.lt(x, 1.0)))
    a, b, x = (F.select(inner, value, safe) for value, safe in ((a, LARGE), (b, LARGE), (x, 0.5)))
    total, rest = F.add(a, b), F.sub(1.0, x)
    off = F.sub(F.mul(x, b), F.mul(rest, a))  # (a + b) times the distance from the mean
    exponents = F.mul(a, _log1p_less(F, F.div(off, a))), F.mul(b, _log1p_less(F, F.div(F.neg(off), b)))
    corrections = F.sub(F.sub(_stirling(F, total), _stirling(F, a)), _stirling(F, b))
    scaled = F.div(F.sqrt(F.div(F.mul(F.mul(a, b), 0.5 / PI), total)), F.mul(x, rest))
    return F.select(large, F.select(inner, F.mul(scaled, exp_of(F, *exponents, corrections)), 0.0), plain)


def _log1p_less(F: Builder, u: Value) -> Value:
    """log(1 + u) - u."""
    return F.sub(F.log1p(u), u)


def _stirling(F: Builder, a: Value) -> Value:
    """What log(gamma(a)) has beside Stirling's formula (DLMF 5.11.1), for a > LARGE."""
    inverse_square = F.div(1.0, F.square(a))
    series: Value = F.mul(inverse_square, -1 / 1680)
    for coefficient in (1 / 1260, -1 / 360):
        series = F.mul(F.add(series, coefficient), inverse_square)
    return F.div(F.add(series, 1 / 12), a)


def noncentral_density(F: Builder, x: Value, df: Value, nc: Value) -> Value:
    """Of the noncentral chi-square law, by a Bessel function; where nc * x is small by a hypergeometric one."""
    product, order = F.mul(x, nc), F.sub(F.mul(df, 0.5), 1.0)
    small = F.lt(product, 1.0)
    safe_x, safe_nc = F.select(small, 1.0, x), F.select(small, 1.0, nc)
    gap = F.mul(F.square(F.sub(F.sqrt(safe_x), F.sqrt(safe_nc))), -0.5)
    bessel = F.ive(order, F.sqrt(F.mul(safe_x, safe_nc)))
    far = F.mul(F.mul(F.exp(gap), F.pow(F.div(safe_x, safe_nc), F.mul(order, 0.5))), F.mul(bessel, 0.5))
    logs = F.xlogy(order, F.mul(x, 0.5)), F.mul(F.add(x, nc), -0.5), F.neg(F.gammaln(F.add(order, 1.0)))
    series = F.hyp0f1(F.add(order, 1.0), F.mul(F.select(small, product, 0.0), 0.25))
    return F.select(small, F.mul(F.mul(exp_of(F, *logs), series), 0.5), far)


# --- laws -------------------------------------------------------------------------------------------------------------


def gamma_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    a, x = arguments
    return gamma_slope(F, a, x) if k == 0 else gamma_density(F, a, x)


def beta_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    a, b, x = arguments
    return beta_density(F, a, b, x) if k == 2 else beta_slopes(F, a, b, x, k)


def chi_square_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    return F.mul(gamma_law(F, [F.mul(v, 0.5) for v in arguments], k), 0.5)


def rated_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    """The gamma law of shape b at a * x."""
    a, b, x = arguments
    product = F.mul(a, x)
    if k == 1:
        return gamma_slope(F, b, product)
    return F.mul(gamma_density(F, b, product), x if k == 0 else a)


def ratio_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    """Fisher's: the beta law of shapes n/2 and d/2 at n x / (n x + d)."""
    n, d, x = arguments
    total = F.add(F.mul(n, x), d)
    a, b, share = F.mul(n, 0.5), F.mul(d, 0.5), F.div(F.mul(n, x), total)
    moved = (F.mul(d, x), F.neg(F.mul(n, x)), F.mul(n, d))[k]
    end = F.eq(x, math.inf)
    found = F.select(end, 0.0, F.mul(beta_density(F, a, b, share), F.div(moved, F.square(total))))
    return found if k == 2 else F.select(end, 0.0, F.add(found, F.mul(beta_slopes(F, a, b, share, k), 0.5)))


def student_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    df, t = arguments
    if k == 1:
        return student_density(F, df, t)
    return student_slope(F, df, t)


def poisson_law(F: Builder, arguments: Sequence[Value], k: int) -> Value | None:
    """Of the counts up to k: the upper tail of the gamma law of shape k + 1; a step in k."""
    count, m = arguments
    return None if k == 0 else F.neg(gamma_density(F, F.add(F.floor(count), 1.0), m))


def smooth_poisson_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    """The same for any k, as the inverse by k takes it."""
    count, m = arguments
    return F.neg(gamma_law(F, [F.add(count, 1.0), m], k))


def binomial_law(F: Builder, arguments: Sequence[Value], k: int) -> Value | None:
    """Of the successes up to k of n: the upper tail of the beta law of shapes k + 1 and n - k; a step in k and n."""
    count, n, p = arguments
    return smooth_binomial_law(F, [F.floor(count), F.floor(n), p], 2) if k == 2 else None


def smooth_binomial_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    count, n, p = arguments
    a, b = F.add(count, 1.0), F.sub(n, count)
    if k == 0:
        return F.sub(beta_slopes(F, a, b, p, 1), beta_slopes(F, a, b, p, 0))
    return F.neg(beta_law(F, [a, b, p], k))


def waiting_law(F: Builder, arguments: Sequence[Value], k: int) -> Value | None:
    """Of the failures up to k before n successes: the beta law of shapes n and k + 1; a step in k and n."""
    count, n, p = arguments
    return smooth_waiting_law(F, [F.floor(count), F.floor(n), p], 2) if k == 2 else None


def smooth_waiting_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    count, n, p = arguments
    return beta_law(F, [n, F.add(count, 1.0), p], (1, 0, 2)[k])


def normal_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    """Of mean, standard deviation and the point."""
    mean, deviation, x = arguments
    z = F.div(F.sub(x, mean), deviation)
    density = F.div(F.mul(F.exp(F.mul(F.square(z), -0.5)), 1 / math.sqrt(2 * PI)), deviation)
    return (F.neg(density), F.neg(F.mul(density, z)), density)[k]


def noncentral_law(F: Builder, arguments: Sequence[Value], k: int) -> Value:
    """The noncentral chi-square law: by its noncentrality, the density of two more degrees of freedom."""
    x, df, nc = arguments
    if k == 1:
        message = "the noncentral chi-square law has no derivative by its degrees of freedom here"
        raise GradientError(f"{message}; pass them through graphc.stop_gradient", location=F.location)
    end = F.eq(x, math.inf)
    x = F.select(end, 1.0, x)
    found = noncentral_density(F, x, df, nc) if k == 0 else F.neg(noncentral_density(F, x, F.add(df, 2.0), nc))
    return F.select(end, 0.0, found)


LAW_RULES: dict[str, tuple[int, Rule]] = {
    "gammainc": (2, forward(gamma_law)), "gammaincc": (2, forward(gamma_law, -1)),
    "gammaincinv": (2, inverse(gamma_law, 1)), "gammainccinv": (2, inverse(gamma_law, 1, -1)),
    "betainc": (3, forward(beta_law)), "betaincc": (3, forward(beta_law, -1)),
    "betaincinv": (3, inverse(beta_law, 2)), "betainccinv": (3, inverse(beta_law, 2, -1)),
    "btdtria": (3, inverse(beta_law, 0)), "btdtrib": (3, inverse(beta_law, 1)),
    "stdtr": (2, forward(student_law)), "stdtrit": (2, inverse(student_law, 1)),
    "stdtridf": (2, inverse(student_law, 0)),
    "chdtr": (2, forward(chi_square_law)), "chdtrc": (2, forward(chi_square_law, -1)),
    "chdtri": (2, inverse(chi_square_law, 1, -1)), "chdtriv": (2, inverse(chi_square_law, 0)),
    "gdtr": (3, forward(rated_law)), "gdtrc": (3, forward(rated_law, -1)),
    "gdtria": (3, inverse(rated_law, 0)), "gdtrib": (3, inverse(rated_law, 1)), "gdtrix": (3, inverse(rated_law, 2)),
    "fdtr": (3, forward(ratio_law)), "fdtrc": (3, forward(ratio_law, -1)), "fdtri": (3, inverse(ratio_law, 2)),
    "fdtridfd": (3, inverse(ratio_law, 1)),
    "pdtr": (2, forward(poisson_law)), "pdtrc": (2, forward(poisson_law, -1)), "pdtri": (2, inverse(poisson_law, 1)),
    "pdtrik": (2, inverse(smooth_poisson_law, 0)),
    "bdtr": (3, forward(binomial_law)), "bdtrc": (3, forward(binomial_law, -1)),
    "bdtri": (3, inverse(binomial_law, 2)), "bdtrik": (3, inverse(smooth_binomial_law, 0)),
    "bdtrin": (3, inverse(smooth_binomial_law, 1)),
    "nbdtr": (3, forward(waiting_law)), "nbdtrc": (3, forward(waiting_law, -1)),
    "nbdtri": (3, inverse(waiting_law, 2)), "nbdtrik": (3, inverse(smooth_waiting_law, 0)),
    "nbdtrin": (3, inverse(smooth_waiting_law, 1)),
    "nrdtrimn": (3, inverse(normal_law, 0)), "nrdtrisd": (3, inverse(normal_law, 1)),
    "chndtr": (3, forward(noncentral_law)), "chndtrix": (3, inverse(noncentral_law, 0)),
    "nctdtr": (3, forward(noncentral_t_law)), "nctdtrit": (3, inverse(noncentral_t_law, 2)),
    "nctdtrinc": (3, inverse(noncentral_t_law, 1)),
    "chndtrinc": (3, inverse(noncentral_law, 2)),
}  # fmt: skip
