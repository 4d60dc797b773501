"""The continuous laws, as formulas of the standard variable (no location, scale 1).

Sources: N. L. Johnson, S. Kotz, N. Balakrishnan, Continuous Univariate Distributions, volumes 1 and 2; the parameters
are SciPy's. Tails are written without cancellation (``sf`` by its own function, never ``1 - cdf``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.trace.laws.frames import Continuous, Law, constant

INF, NAN, PI, EULER = math.inf, math.nan, math.pi, 0.5772156649015329
LOG_2PI = math.log(2 * PI)


def special() -> Any:
    """``scipy.special``, imported at the first use."""
    import scipy.special

    return scipy.special


def _weibull_mean(c: Any) -> Any:
    return special().gamma(1 + 1 / c)


def _normal() -> Law:
    sp = special()
    return Continuous("", {
        "logpdf": lambda z: -0.5 * z * z - 0.5 * LOG_2PI,
        "pdf": lambda z: np.exp(-0.5 * z * z) / math.sqrt(2 * PI),
        "cdf": sp.ndtr, "sf": lambda z: sp.ndtr(-z), "logcdf": sp.log_ndtr, "logsf": lambda z: sp.log_ndtr(-z),
        "ppf": sp.ndtri, "isf": lambda q: -sp.ndtri(q),
        "mean": constant(0.0), "var": constant(1.0), "entropy": constant(0.5 * (LOG_2PI + 1)),
    })  # fmt: skip


def _student() -> Law:
    sp = special()

    def entropy(df: Any) -> Any:
        half, more = df / 2, (df + 1) / 2
        return more * (sp.digamma(more) - sp.digamma(half)) + 0.5 * np.log(df) + sp.betaln(half, 0.5)

    return Continuous("df", {
        "logpdf": lambda z, df: (np.log(sp.poch(0.5 * df, 0.5)) - 0.5 * (np.log(df) + math.log(PI))
                                 - 0.5 * (df + 1) * np.log1p(z * z / df)),
        "cdf": lambda z, df: sp.stdtr(df, z), "sf": lambda z, df: sp.stdtr(df, -z),
        "ppf": lambda q, df: sp.stdtrit(df, q), "isf": lambda q, df: -sp.stdtrit(df, q),
        "mean": lambda df: np.where(df > 1, 0.0, INF),
        "var": lambda df: np.where(df > 2, df / np.where(df > 2, df - 2, 1.0), np.where(df > 1, INF, NAN)),
        "entropy": entropy,
    })  # fmt: skip


def _gamma() -> Law:
    sp = special()
    return Continuous("a", {
        "logpdf": lambda z, a: sp.xlogy(a - 1, z) - z - sp.gammaln(a),
        "cdf": lambda z, a: sp.gammainc(a, z), "sf": lambda z, a: sp.gammaincc(a, z),
        "ppf": lambda q, a: sp.gammaincinv(a, q), "isf": lambda q, a: sp.gammainccinv(a, q),
        "mean": lambda a: a, "var": lambda a: a,
        "entropy": lambda a: sp.digamma(a) * (1 - a) + a + sp.gammaln(a),
    }, support=(0.0, INF))  # fmt: skip


def _inverse_gamma() -> Law:
    sp = special()
    return Continuous("a", {
        "logpdf": lambda z, a: -(a + 1) * np.log(z) - sp.gammaln(a) - 1 / z,
        "cdf": lambda z, a: sp.gammaincc(a, 1 / z), "sf": lambda z, a: sp.gammainc(a, 1 / z),
        "ppf": lambda q, a: 1 / sp.gammainccinv(a, q), "isf": lambda q, a: 1 / sp.gammaincinv(a, q),
        "mean": lambda a: np.where(a > 1, 1 / np.where(a > 1, a - 1, 1.0), INF),
        "entropy": lambda a: a - (a + 1) * sp.digamma(a) + sp.gammaln(a),
    }, support=(0.0, INF), closed=False)  # fmt: skip


def _beta() -> Law:
    sp = special()

    def entropy(a: Any, b: Any) -> Any:
        return (sp.betaln(a, b) - (a - 1) * sp.digamma(a) - (b - 1) * sp.digamma(b)
                + (a + b - 2) * sp.digamma(a + b))  # fmt: skip

    return Continuous("a b", {
        "logpdf": lambda z, a, b: sp.xlog1py(b - 1, -z) + sp.xlogy(a - 1, z) - sp.betaln(a, b),
        "cdf": lambda z, a, b: sp.betainc(a, b, z), "sf": lambda z, a, b: sp.betaincc(a, b, z),
        "ppf": lambda q, a, b: sp.betaincinv(a, b, q), "isf": lambda q, a, b: sp.betainccinv(a, b, q),
        "mean": lambda a, b: a / (a + b), "var": lambda a, b: a * b / ((a + b) ** 2 * (a + b + 1)),
        "entropy": entropy,
    }, support=(0.0, 1.0))  # fmt: skip


def _chi_square() -> Law:
    sp = special()

    def entropy(df: Any) -> Any:
        half = 0.5 * df
        return half + math.log(2) + sp.gammaln(half) + (1 - half) * sp.digamma(half)

    return Continuous("df", {
        "logpdf": lambda z, df: (sp.xlogy(df / 2 - 1, z) - z / 2 - sp.gammaln(df / 2) - 0.5 * math.log(2) * df),
        "cdf": lambda z, df: sp.chdtr(df, z), "sf": lambda z, df: sp.chdtrc(df, z),
        "ppf": lambda q, df: 2 * sp.gammaincinv(0.5 * df, q), "isf": lambda q, df: sp.chdtri(df, q),
        "mean": lambda df: df, "var": lambda df: 2 * df, "entropy": entropy,
    }, support=(0.0, INF))  # fmt: skip


def _exponential() -> Law:
    return Continuous("", {
        "logpdf": lambda z: -z,
        "cdf": lambda z: -np.expm1(-z), "sf": lambda z: np.exp(-z), "logsf": lambda z: -z,
        "ppf": lambda q: -np.log1p(-q), "isf": lambda q: -np.log(q),
        "mean": constant(1.0), "var": constant(1.0), "entropy": constant(1.0),
    }, support=(0.0, INF))  # fmt: skip


def _log_normal() -> Law:
    sp = special()
    return Continuous("s", {
        "logpdf": lambda z, s: -0.5 * (np.log(z) / s) ** 2 - np.log(s * z) - 0.5 * LOG_2PI,
        "cdf": lambda z, s: sp.ndtr(np.log(z) / s), "sf": lambda z, s: sp.ndtr(-np.log(z) / s),
        "logcdf": lambda z, s: sp.log_ndtr(np.log(z) / s), "logsf": lambda z, s: sp.log_ndtr(-np.log(z) / s),
        "ppf": lambda q, s: np.exp(s * sp.ndtri(q)), "isf": lambda q, s: np.exp(-s * sp.ndtri(q)),
        "mean": lambda s: np.exp(0.5 * s * s), "var": lambda s: np.expm1(s * s) * np.exp(s * s),
        "entropy": lambda s: 0.5 * (1 + LOG_2PI) + np.log(s),
    }, support=(0.0, INF), closed=False)  # fmt: skip


def _uniform() -> Law:
    return Continuous("", {
        "logpdf": lambda z: 0.0 * z,
        "cdf": lambda z: z, "sf": lambda z: 1 - z, "ppf": lambda q: q, "isf": lambda q: 1 - q,
        "mean": constant(0.5), "var": constant(1 / 12), "entropy": constant(0.0),
    }, support=(0.0, 1.0))  # fmt: skip


def _cauchy() -> Law:
    return Continuous("", {
        "logpdf": lambda z: -math.log(PI) - np.log1p(z * z),
        "cdf": lambda z: np.arctan2(1.0, -z) / PI, "sf": lambda z: np.arctan2(1.0, z) / PI,
        "ppf": lambda q: -1 / np.tan(PI * q), "isf": lambda q: 1 / np.tan(PI * q),
        "mean": constant(NAN), "var": constant(NAN), "entropy": constant(math.log(4 * PI)),
    })  # fmt: skip


def _half_cauchy() -> Law:
    return Continuous("", {
        "logpdf": lambda z: math.log(2 / PI) - np.log1p(z * z),
        "cdf": lambda z: 2 / PI * np.arctan(z), "sf": lambda z: 2 / PI * np.arctan2(1.0, z),
        "ppf": lambda q: np.tan(PI / 2 * q), "isf": lambda q: 1 / np.tan(PI / 2 * q),
        "mean": constant(INF), "var": constant(INF), "entropy": constant(math.log(2 * PI)),
    }, support=(0.0, INF))  # fmt: skip


def _half_normal() -> Law:
    sp = special()
    return Continuous("", {
        "logpdf": lambda z: 0.5 * math.log(2 / PI) - 0.5 * z * z,
        "cdf": lambda z: sp.erf(z / math.sqrt(2)), "sf": lambda z: 2 * sp.ndtr(-z),
        "ppf": lambda q: sp.ndtri((1 + q) / 2), "isf": lambda q: -sp.ndtri(q / 2),
        "mean": constant(math.sqrt(2 / PI)), "var": constant(1 - 2 / PI),
        "entropy": constant(0.5 * math.log(PI / 2) + 0.5),
    }, support=(0.0, INF))  # fmt: skip


def _laplace() -> Law:
    def tail(z: Any) -> Any:
        return 0.5 * np.exp(-np.abs(z))

    def quantile(q: Any) -> Any:
        upper = q > 0.5
        return np.where(upper, -1.0, 1.0) * np.log(2 * np.where(upper, 1 - q, q))

    return Continuous("", {
        "logpdf": lambda z: -math.log(2) - np.abs(z),
        "cdf": lambda z: np.where(z > 0, 1 - tail(z), tail(z)), "sf": lambda z: np.where(z > 0, tail(z), 1 - tail(z)),
        "logcdf": lambda z: np.where(z > 0, np.log1p(-tail(z)), z - math.log(2)),
        "logsf": lambda z: np.where(z > 0, -z - math.log(2), np.log1p(-tail(z))),
        "ppf": quantile, "isf": lambda q: -quantile(q),
        "mean": constant(0.0), "var": constant(2.0), "entropy": constant(math.log(2) + 1),
    })  # fmt: skip


def _logistic() -> Law:
    sp = special()
    return Continuous("", {
        "logpdf": lambda z: -np.abs(z) - 2 * np.log1p(np.exp(-np.abs(z))),
        "cdf": sp.expit, "sf": lambda z: sp.expit(-z),
        "logcdf": sp.log_expit, "logsf": lambda z: sp.log_expit(-z),
        "ppf": sp.logit, "isf": lambda q: -sp.logit(q),
        "mean": constant(0.0), "var": constant(PI**2 / 3), "entropy": constant(2.0),
    })  # fmt: skip


def _gumbel(sign: float) -> Law:
    """The law of the largest value (sign 1), or of the smallest (sign -1): its mirror image."""

    def low(z: Any) -> Any:
        return np.exp(-np.exp(-sign * z))

    def high(z: Any) -> Any:
        return -np.expm1(-np.exp(-sign * z))

    def log_low(z: Any) -> Any:
        return -np.exp(-sign * z)

    def log_high(z: Any) -> Any:
        return np.log1p(-low(z))

    def quantile(q: Any) -> Any:
        return -sign * np.log(-np.log(q))

    def mirrored(q: Any) -> Any:
        return -sign * np.log(-np.log1p(-q))

    names = (
        ("cdf", "sf", "logcdf", "logsf", "ppf", "isf") if sign > 0 else ("sf", "cdf", "logsf", "logcdf", "isf", "ppf")
    )
    return Continuous("", {
        "logpdf": lambda z: -sign * z - np.exp(-sign * z),
        **dict(zip(names, (low, high, log_low, log_high, quantile, mirrored), strict=True)),
        "mean": constant(sign * EULER), "var": constant(PI**2 / 6), "entropy": constant(EULER + 1),
    })  # fmt: skip


def _weibull(sign: float) -> Law:
    """The law on the positive numbers (sign 1), or its mirror image (sign -1)."""

    def power(z: Any, c: Any) -> Any:
        return (sign * z) ** c

    def near(q: Any, c: Any) -> Any:
        return sign * (-np.log1p(-q)) ** (1 / c)

    def far(q: Any, c: Any) -> Any:
        return sign * (-np.log(q)) ** (1 / c)

    names = ("sf", "cdf", "logsf", "isf", "ppf") if sign > 0 else ("cdf", "sf", "logcdf", "ppf", "isf")
    formulas = (lambda z, c: np.exp(-power(z, c)), lambda z, c: -np.expm1(-power(z, c)), lambda z, c: -power(z, c))
    return Continuous("c", {
        "logpdf": lambda z, c: np.log(c) + special().xlogy(c - 1, sign * z) - power(z, c),
        **dict(zip(names, (*formulas, far, near), strict=True)),
        "mean": lambda c: sign * _weibull_mean(c), "var": lambda c: _weibull_mean(c / 2) - _weibull_mean(c) ** 2,
        "entropy": lambda c: EULER * (1 - 1 / c) - np.log(c) + 1,
    }, support=(0.0, INF) if sign > 0 else (-INF, 0.0), inner=0.5 * sign)  # fmt: skip


def _pareto() -> Law:
    return Continuous("b", {
        "logpdf": lambda z, b: np.log(b) - (b + 1) * np.log(z),
        "cdf": lambda z, b: -np.expm1(-b * np.log(z)), "sf": lambda z, b: z**-b,
        "ppf": lambda q, b: np.exp(-np.log1p(-q) / b), "isf": lambda q, b: q ** (-1 / b),
        "mean": lambda b: np.where(b > 1, b / np.where(b > 1, b - 1, 1.0), INF),
        "entropy": lambda b: 1 + 1 / b - np.log(b),
    }, support=(1.0, INF), inner=2.0)  # fmt: skip


def _rayleigh() -> Law:
    return Continuous("", {
        "logpdf": lambda z: np.log(z) - 0.5 * z * z,
        "cdf": lambda z: -np.expm1(-0.5 * z * z), "sf": lambda z: np.exp(-0.5 * z * z),
        "logsf": lambda z: -0.5 * z * z,
        "ppf": lambda q: np.sqrt(-2 * np.log1p(-q)), "isf": lambda q: np.sqrt(-2 * np.log(q)),
        "mean": constant(math.sqrt(PI / 2)), "var": constant((4 - PI) / 2),
        "entropy": constant(EULER / 2 + 1 - 0.5 * math.log(2)),
    }, support=(0.0, INF))  # fmt: skip


MAKERS = {
    "norm": _normal, "t": _student, "gamma": _gamma, "invgamma": _inverse_gamma, "beta": _beta, "chi2": _chi_square,
    "expon": _exponential, "lognorm": _log_normal, "uniform": _uniform, "cauchy": _cauchy,
    "halfcauchy": _half_cauchy, "halfnorm": _half_normal, "laplace": _laplace, "logistic": _logistic,
    "gumbel_r": lambda: _gumbel(1.0), "gumbel_l": lambda: _gumbel(-1.0),
    "weibull_min": lambda: _weibull(1.0), "weibull_max": lambda: _weibull(-1.0),
    "pareto": _pareto, "rayleigh": _rayleigh,
}  # fmt: skip
