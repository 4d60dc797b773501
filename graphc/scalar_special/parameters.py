"""Inverses of laws by a parameter: where the gamma or beta law has a probability, as a function of its shape."""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.incomplete_beta import beta_tail
from graphc.scalar_special.incomplete_gamma import gamma_tail
from graphc.scalar_special.language import epsilon, exp, isinf, isnan, log, number, pow
from graphc.scalar_special.laws import ratio_tail, student_tail
from graphc.scalar_special.roots import EITHER, FALLS, RISES, root

NAN, INF = math.nan, math.inf


def first_shape(s: Any, x: Any, b: Any, _: Any, upper: Any) -> Any:
    return beta_tail(s, b, x, 1.0 - x, upper)


def second_shape(s: Any, x: Any, a: Any, _: Any, upper: Any) -> Any:
    return beta_tail(a, s, x, 1.0 - x, upper)


def second_shape_above(s: Any, x: Any, a: Any, _: Any, upper: Any) -> Any:
    return beta_tail(a, s, x, 1.0 - x, -upper)


def gamma_shape(s: Any, x: Any, _v: Any, _w: Any, upper: Any) -> Any:
    return gamma_tail(s, x, upper)


def gamma_shape_above(s: Any, x: Any, _v: Any, _w: Any, upper: Any) -> Any:
    return gamma_tail(s, x, -upper)


def successes(s: Any, n: Any, chance: Any, _: Any, upper: Any) -> Any:
    """Up to s successes in n trials."""
    return beta_tail(n - s, s + 1.0, 1.0 - chance, chance, upper)


def far(x: Any) -> Any:
    """No bound of a logarithm."""
    return number(INF, x)


def positive(s: Any) -> Any:
    """The parameter, where there is one."""
    return number(NAN, s) if s == 0.0 or isinf(s) else s


# --- of the gamma law -------------------------------------------------------------------------------------------------


def shape_with(p: Any, x: Any) -> Any:
    """The shape with which P is p at x."""
    if not (p >= 0.0 and p <= 1.0 and x > 0.0) or isinf(x):
        return number(NAN, x)
    if p == 0.0:
        return number(INF, x)
    if p == 1.0:
        return number(0, x)
    return positive(root(gamma_shape, FALLS, x + 0.25, far(x), x, x, x, p))


def chdtriv(p: Any, x: Any) -> Any:
    return 2.0 * shape_with(p, 0.5 * x)


def gdtrib(a: Any, p: Any, x: Any) -> Any:
    if a * x == 0.0 and p >= 0.0 and p <= 1.0:
        return number(0, x)
    return shape_with(p, a * x)


def pdtrik(p: Any, m: Any) -> Any:
    """The count up to which Poisson's law has p, as a real number; 0 where it has more at 0 already."""
    if not (p >= 0.0 and p < 1.0 and m >= 0.0) or isinf(m):
        return number(NAN, m)
    if p <= exp(-m):
        return number(0, m)
    return max(positive(root(gamma_shape_above, RISES, m + 0.25, far(m), m, m, m, p)) - 1.0, number(0, m))


# --- of the beta law --------------------------------------------------------------------------------------------------


def no_beta(p: Any, shape: Any, x: Any) -> Any:
    return isnan(shape) or isinf(shape) or shape <= 0.0 or not (p > 0.0 and p < 1.0 and x > 0.0 and x < 1.0)


def btdtria(p: Any, b: Any, x: Any) -> Any:
    if no_beta(p, b, x):
        return number(NAN, x)
    return positive(root(first_shape, FALLS, b * x / (1.0 - x), far(x), x, b, b, p))


def btdtrib(a: Any, p: Any, x: Any) -> Any:
    if no_beta(p, a, x):
        return number(NAN, x)
    return positive(root(second_shape, RISES, a * (1.0 - x) / x, far(x), x, a, a, p))


def nbdtrin(k: Any, p: Any, chance: Any) -> Any:
    """The number of successes: I at the chance with k + 1."""
    return btdtria(p, k + 1.0, chance)


def bdtrin(k: Any, p: Any, chance: Any) -> Any:
    """The number of trials: k more than the first shape of I at 1 - chance."""
    if no_beta(p, k + 1.0, chance):
        return number(NAN, k)
    first = k + 1.0
    return k + positive(root(second_shape_above, FALLS, first * (1.0 - chance) / chance, far(k), chance, first, k, p))


def nbdtrik(p: Any, n: Any, chance: Any) -> Any:
    """The count of failures, as a real number; 0 where the law has more at 0 already."""
    if isnan(p) or not (p >= 0.0 and p < 1.0) or no_beta(number(0, n) + 0.5, n, chance):
        return number(NAN, n)
    if p <= pow(chance, n):
        return number(0, n)
    return max(btdtrib(n, p, chance) - 1.0, number(0, n))


def bdtrik(p: Any, n: Any, chance: Any) -> Any:
    """The count of successes, as a real number; 0 where the law has more at 0 already."""
    if no_beta(number(0, n) + 0.5, n, chance) or not (p >= 0.0 and p <= 1.0):
        return number(NAN, n)
    if p <= pow(1.0 - chance, n):
        return number(0, n)
    if p == 1.0:
        return n
    start, most = 0.5 * n * (1.0 + chance) * chance, log(n * (1.0 - 64.0 * epsilon(n)))
    return positive(root(successes, RISES, start, most, n, chance, chance, p))


# --- degrees of freedom of Student's and Fisher's laws ----------------------------------------------------------------


def student_degrees(s: Any, t: Any, _v: Any, _w: Any, upper: Any) -> Any:
    """The probability beyond t as the lower tail."""
    beyond = student_tail(s, t)
    return 1.0 - beyond if upper > 0.0 else beyond


def stdtridf(p: Any, t: Any) -> Any:
    if not (p > 0.0 and p < 1.0) or isinf(t) or not ((p - 0.5) * t > 0.0):
        return number(NAN, t)
    return positive(root(student_degrees, FALLS, number(5, t), far(t), abs(t), t, t, min(p, 1.0 - p)))


def ratio_degrees(s: Any, n: Any, x: Any, _: Any, upper: Any) -> Any:
    return ratio_tail(n, s, x, upper)


def fdtridfd(n: Any, p: Any, x: Any) -> Any:
    if not (p > 0.0 and p < 1.0 and n > 0.0 and x > 0.0) or isinf(n) or isinf(x):
        return number(NAN, x)
    return root(ratio_degrees, EITHER, number(5, x), far(x), n, x, x, p)
