"""Inverses of the noncentral chi-square, F and t laws, by the point and by each parameter.

Where no parameter gives the probability they are NaN; SciPy gives the end of what it has searched there.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.gamma_quantiles import gammaincinv
from graphc.scalar_special.language import epsilon, isinf, isnan, ndtr, number
from graphc.scalar_special.laws import fdtri, student_tail
from graphc.scalar_special.noncentral_laws import (
    no_chi_square,
    no_noncentral_ratio,
    noncentral_gamma_tail,
    noncentral_ratio_tail,
)
from graphc.scalar_special.noncentral_t import signed_tail
from graphc.scalar_special.normal_kin import quantile
from graphc.scalar_special.parameters import far, positive
from graphc.scalar_special.roots import EITHER, FALLS, RISES, root

NAN, INF = math.nan, math.inf
MOST_LOG = 14.0  # of noncentralities that are looked at


def inside(p: Any) -> Any:
    return p > 0.0 and p < 1.0


def noncentrality(found: Any, p: Any, at_zero: Any) -> Any:
    """The one that was found; where none is above 0, it is 0 if the law without one has the probability."""
    if found > 0.0:
        return positive(found)
    return number(0, p) if abs(p - at_zero) <= 16.0 * epsilon(p) * p else number(NAN, p)


# --- noncentral chi-square --------------------------------------------------------------------------------------------


def gamma_point(s: Any, df: Any, nc: Any, _: Any, upper: Any) -> Any:
    return noncentral_gamma_tail(s, df, nc, upper)


def gamma_degrees(s: Any, x: Any, nc: Any, _: Any, upper: Any) -> Any:
    return noncentral_gamma_tail(x, s, nc, upper)


def gamma_offset(s: Any, x: Any, df: Any, _: Any, upper: Any) -> Any:
    return noncentral_gamma_tail(x, df, s, upper)


def chndtrix(p: Any, df: Any, nc: Any) -> Any:
    if no_chi_square(df, nc) or not (p >= 0.0 and p <= 1.0):
        return number(NAN, p)
    if nc == 0.0 or not inside(p):
        return 2.0 * gammaincinv(0.5 * df, p)
    return root(gamma_point, RISES, df + nc, far(p), df, nc, nc, p)


def chndtridf(x: Any, p: Any, nc: Any) -> Any:
    if no_chi_square(number(1, p), nc) or not (x > 0.0 and inside(p)) or isinf(x):
        return number(NAN, p)
    return positive(root(gamma_degrees, FALLS, x + 1.0, far(p), x, nc, nc, p))


def chndtrinc(x: Any, df: Any, p: Any) -> Any:
    if no_chi_square(df, number(1, p)) or not (x > 0.0 and inside(p)) or isinf(x):
        return number(NAN, p)
    at_zero = noncentral_gamma_tail(x, df, number(0, p), number(-1, p))
    found = root(gamma_offset, FALLS, max(x - df, number(1, p)), number(MOST_LOG, p), x, df, df, p)
    return noncentrality(found, p, at_zero)


# --- noncentral F -----------------------------------------------------------------------------------------------------


def ratio_point(s: Any, n: Any, d: Any, nc: Any, upper: Any) -> Any:
    return noncentral_ratio_tail(n, d, nc, s, upper)


def first_degrees(s: Any, d: Any, nc: Any, x: Any, upper: Any) -> Any:
    return noncentral_ratio_tail(s, d, nc, x, upper)


def second_degrees(s: Any, n: Any, nc: Any, x: Any, upper: Any) -> Any:
    return noncentral_ratio_tail(n, s, nc, x, upper)


def ratio_offset(s: Any, n: Any, d: Any, x: Any, upper: Any) -> Any:
    return noncentral_ratio_tail(n, d, s, x, upper)


def is_ratio(x: Any) -> Any:
    return x > 0.0 and not isinf(x)


def ncfdtri(n: Any, d: Any, nc: Any, p: Any) -> Any:
    if no_noncentral_ratio(n, d, nc) or not (p >= 0.0 and p <= 1.0):
        return number(NAN, p)
    if nc == 0.0 or not inside(p):
        return fdtri(n, d, p)
    return root(ratio_point, RISES, 1.0 + nc / n, far(p), n, d, nc, p)


def ncfdtridfn(p: Any, d: Any, nc: Any, x: Any) -> Any:
    if no_noncentral_ratio(number(1, p), d, nc) or not (is_ratio(x) and inside(p)):
        return number(NAN, p)
    return root(first_degrees, EITHER, number(5, p), far(p), d, nc, x, p)


def ncfdtridfd(n: Any, p: Any, nc: Any, x: Any) -> Any:
    if no_noncentral_ratio(n, number(1, p), nc) or not (is_ratio(x) and inside(p)):
        return number(NAN, p)
    return root(second_degrees, EITHER, number(5, p), far(p), n, nc, x, p)


def ncfdtrinc(n: Any, d: Any, p: Any, x: Any) -> Any:
    if no_noncentral_ratio(n, d, number(1, p)) or not (is_ratio(x) and inside(p)):
        return number(NAN, p)
    at_zero = noncentral_ratio_tail(n, d, number(0, p), x, number(-1, p))
    found = root(ratio_offset, FALLS, number(5, p), number(MOST_LOG, p), n, d, x, p)
    return noncentrality(found, p, at_zero)


# --- noncentral t -----------------------------------------------------------------------------------------------------


def positive_point(s: Any, df: Any, nc: Any, _: Any, upper: Any) -> Any:
    return signed_tail(df, nc, s, upper)


def negative_point(s: Any, df: Any, nc: Any, _: Any, upper: Any) -> Any:
    return signed_tail(df, nc, -s, upper)


def student_freedom(s: Any, nc: Any, t: Any, _: Any, upper: Any) -> Any:
    return signed_tail(s, nc, t, upper)


def positive_offset(s: Any, df: Any, t: Any, _: Any, upper: Any) -> Any:
    return signed_tail(df, s, t, upper)


def negative_offset(s: Any, df: Any, t: Any, _: Any, upper: Any) -> Any:
    return signed_tail(df, -s, t, upper)


def no_student(df: Any, nc: Any, p: Any) -> Any:
    return not (df > 0.0 and p >= 0.0 and p <= 1.0) or isnan(nc) or isinf(nc)


def nctdtrit(df: Any, nc: Any, p: Any) -> Any:
    if no_student(df, nc, p):
        return number(NAN, p)
    if not inside(p):
        return number(INF, p) if p == 1.0 else number(-INF, p)
    if isinf(df):
        return nc + quantile(p)
    if 1.0 - p < ndtr(nc) if nc < 0.0 else p > ndtr(-nc):
        return root(positive_point, RISES, abs(nc) + 1.0, far(p), df, nc, nc, p)
    return -root(negative_point, FALLS, abs(nc) + 1.0, far(p), df, nc, nc, p)


def nctdtrinc(df: Any, p: Any, t: Any) -> Any:
    if no_student(df, t, p) or not inside(p):
        return number(NAN, p)
    if isinf(df) or t == 0.0:
        return t - quantile(p)
    start, most, beyond = max(abs(t), number(1, t)), number(MOST_LOG, t), student_tail(df, abs(t))
    if 1.0 - p > beyond if t > 0.0 else p < beyond:
        found = root(positive_offset, FALLS, start, most, df, t, t, p)
    else:
        found = -root(negative_offset, RISES, start, most, df, t, t, p)
    return number(NAN, p) if isinf(found) else found


def nctdtridf(p: Any, nc: Any, t: Any) -> Any:
    if no_student(number(1, p), nc, p) or not inside(p) or t == 0.0 or not (abs(t) < INF):
        return number(NAN, p)
    return root(student_freedom, EITHER, number(5, p), far(p), nc, t, t, p)
