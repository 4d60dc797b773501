"""The noncentral chi-square and F laws: gamma and beta laws mixed by Poisson's weights.

(Johnson, Kotz and Balakrishnan, "Continuous univariate distributions 2", chapters 29 and 30.) Up to ``SUMMED_RATE``
all terms are summed, where the law's values follow from each other by adding positive terms (DLMF 8.8.5, 8.17.20):
the lower tail's downwards, the upper one's upwards. For higher rates each of some dozens of terms stands for its
neighbours, too: the terms are so smooth that the sum of every h-th one times h is the sum of them all, but for about
``exp(-2 (pi deviation / h)**2)`` (Poisson's summation formula). Where their deviation is less than the distance of
floats, the law at the rate stands for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphc.scalar_special.beta_function import beta_kernel
from graphc.scalar_special.gamma_parts import gamma_kernel
from graphc.scalar_special.incomplete_beta import beta_tail
from graphc.scalar_special.incomplete_gamma import gamma_tail, regularised
from graphc.scalar_special.language import epsilon, exp, floor, hypot, isinf, isnan, largest, log, number, sqrt
from graphc.scalar_special.laws import ratio_tail, shares

NAN = math.nan
SUMMED_RATE = 150.0
MOST_TERMS = 2000
DIFFERENCE = 0.0
# Of a shape, another shape, a place and what is asked: the lower tail (-1), the upper one (1), or by how much the lower
# one is less for the next higher shape (0)
Law = Callable[[Any, Any, Any, Any], Any]


def gamma_law(shape: Any, _: Any, x: Any, what: Any) -> Any:
    return gamma_kernel(shape, x) if what == DIFFERENCE else gamma_tail(shape, x, what)


def beta_law(shape: Any, other: Any, ratio: Any, what: Any) -> Any:
    """At x, of which the ratio is x / (1 - x)."""
    x, y = shares(ratio)
    return beta_kernel(shape, other, x, y) / shape if what == DIFFERENCE else beta_tail(shape, other, x, y, what)


def lower_sum(law: Law, shape: Any, other: Any, skipped: Any, rate: Any, x: Any, middle: Any) -> Any:
    """Downwards from above all weights, as far as terms below the middle count."""
    j = floor(rate + 10.0 * sqrt(rate) + 40.0)
    law_of_j, total = law(shape + j, other, x, -1.0), number(0, x)
    for _ in range(MOST_TERMS):
        term = gamma_kernel(j + skipped, rate) * law_of_j
        total = total + term
        if j < 1.0 or (j < middle and term < total * epsilon(x) * 0.01):
            break
        j = j - 1.0
        law_of_j = law_of_j + law(shape + j, other, x, DIFFERENCE)
    return total


def upper_sum(law: Law, shape: Any, other: Any, skipped: Any, rate: Any, x: Any, middle: Any) -> Any:
    """Upwards from below all weights, as far as terms above the middle count."""
    j = max(floor(rate - 10.0 * sqrt(rate) - 40.0), number(0, x))
    law_of_j, total = law(shape + j, other, x, 1.0), number(0, x)
    for _ in range(MOST_TERMS):
        term = gamma_kernel(j + skipped, rate) * law_of_j
        total = total + term
        if j > middle and term <= total * epsilon(x) * 0.01:
            break
        law_of_j = law_of_j + law(shape + j, other, x, DIFFERENCE)
        j = j + 1.0
    return total


def sparse_sum(law: Law, shape: Any, other: Any, skipped: Any, rate: Any, x: Any, upper: Any, middle: Any) -> Any:
    """Both ways from the middle, with steps of a part of the terms' deviation."""
    step = max(floor(0.3 * sqrt(min(middle, rate))), number(1, x))
    step = (2.0 * middle + step) - 2.0 * middle  # so that j is exact
    if step == 0.0:
        return law(shape + rate, other, x, upper)
    total = number(0, x)
    for side in range(2):
        j = middle if side == 0 else middle - step
        for _ in range(MOST_TERMS):
            if j < 0.0:
                break
            term = gamma_kernel(j + skipped, rate) * law(shape + j, other, x, upper)
            total = total + term
            if term <= total * epsilon(x) * 0.01:
                break
            j = j + step if side == 0 else j - step
    return total * step


def mixture(law: Law, shape: Any, other: Any, skipped: Any, rate: Any, x: Any, upper: Any, peak: Any) -> Any:
    """The sum over j of Poisson's weights of the rate at ``j + skipped`` times the law of ``shape + j``.

    ``peak``: where terms are largest, if it is below the rate for the lower tail, or above for the upper one.
    """
    middle = floor(max(peak, rate) if upper > 0.0 else min(peak, rate))
    if rate > SUMMED_RATE:
        return sparse_sum(law, shape, other, skipped, rate, x, upper, middle)
    if upper > 0.0:
        return upper_sum(law, shape, other, skipped, rate, x, middle)
    return lower_sum(law, shape, other, skipped, rate, x, middle)


# --- noncentral chi-square --------------------------------------------------------------------------------------------


def gamma_mixture(shape: Any, rate: Any, x: Any, upper: Any) -> Any:
    """For positive finite numbers; ``upper`` is 1 for the upper tail, -1 for the lower one."""
    root = hypot(shape, 2.0 * sqrt(rate) * sqrt(x))  # as its square may overflow
    peak = 2.0 * rate * (x / (shape + root))  # where (shape + j) j = rate x
    found = mixture(gamma_law, shape, shape, number(0, x), rate, x, upper, peak)
    return min(found, number(1, x))


def noncentral_gamma_tail(x: Any, df: Any, nc: Any, upper: Any) -> Any:
    """Of the noncentral chi-square law, for positive finite x and df."""
    if nc == 0.0:
        return gamma_tail(0.5 * df, 0.5 * x, upper)
    return gamma_mixture(0.5 * df, 0.5 * nc, 0.5 * x, upper)


def no_chi_square(df: Any, nc: Any) -> Any:
    return not (df > 0.0 and nc >= 0.0) or isinf(df) or isinf(nc)


def chndtr(x: Any, df: Any, nc: Any) -> Any:
    if isnan(x) or x < 0.0 or no_chi_square(df, nc):
        return number(NAN, x)
    if x == 0.0 or isinf(x):
        return regularised(0.5 * df, x, number(-1, x))
    return noncentral_gamma_tail(x, df, nc, number(-1, x))


# --- noncentral F -----------------------------------------------------------------------------------------------------


def beta_mixture(shape: Any, other: Any, skipped: Any, rate: Any, ratio: Any, upper: Any) -> Any:
    """For positive finite numbers, at x / (1 - x); ``upper`` is 1 for the upper tail, -1 for the lower one."""
    x, _y = shares(ratio)
    # where (shape + j) j = rate x (shape + other + j)
    first = shape - rate * x
    root = hypot(first, 2.0 * sqrt(rate * x) * sqrt(shape + other))
    peak = 0.5 * (root - first) if first < 0.0 else 2.0 * rate * (x * ((shape + other) / (root + first)))
    return min(mixture(beta_law, shape, other, skipped, rate, ratio, upper, peak), number(1, x))


def noncentral_ratio_tail(n: Any, d: Any, nc: Any, x: Any, upper: Any) -> Any:
    """Of the noncentral F law, for positive finite n, d and x."""
    if nc == 0.0:
        return ratio_tail(n, d, x, upper)
    ratio = n * x / d
    if isinf(ratio):  # far out the upper tail is a power of it
        far = largest(x) * epsilon(x)
        beyond = exp(0.5 * d * (log(far) - (log(n) + log(x) - log(d))))
        tail = beyond * beta_mixture(0.5 * n, 0.5 * d, number(0, x), 0.5 * nc, far, number(1, x))
        return tail if upper > 0.0 else 1.0 - tail
    return beta_mixture(0.5 * n, 0.5 * d, number(0, x), 0.5 * nc, ratio, upper)


def no_noncentral_ratio(n: Any, d: Any, nc: Any) -> Any:
    return not (n > 0.0 and d > 0.0 and nc >= 0.0) or isinf(n) or isinf(d) or isinf(nc)


def ncfdtr(n: Any, d: Any, nc: Any, x: Any) -> Any:
    if no_noncentral_ratio(n, d, nc) or not (x >= 0.0):
        return number(NAN, x)
    if x == 0.0 or isinf(x):
        return number(0, x) if x == 0.0 else number(1, x)
    return noncentral_ratio_tail(n, d, nc, x, number(-1, x))
