"""More continuous laws: Fisher's, those of lengths and times, skewed, truncated and extreme ones.

Sources as for ``continuous``; the generalised extreme and Pareto laws from S. Coles, An Introduction to Statistical
Modeling of Extreme Values, 2001.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.trace.laws.continuous import EULER, INF, LOG_2PI, PI, special
from graphc.trace.laws.frames import Continuous, Law, constant


def _fisher() -> Law:
    sp = special()
    return Continuous("dfn dfd", {
        "logpdf": lambda z, n, d: (0.5 * (d * np.log(d) + n * np.log(n)) + sp.xlogy(0.5 * n - 1, z)
                                   - 0.5 * (n + d) * np.log(d + n * z) - sp.betaln(0.5 * n, 0.5 * d)),
        "cdf": lambda z, n, d: sp.fdtr(n, d, z), "sf": lambda z, n, d: sp.fdtrc(n, d, z),
        "ppf": lambda q, n, d: sp.fdtri(n, d, q),
        "mean": lambda n, d: np.where(d > 2, d / np.where(d > 2, d - 2, 1.0), INF) + 0 * n,
    }, support=(0.0, INF))  # fmt: skip


def _beta_prime() -> Law:
    sp = special()

    def split(z: Any) -> tuple[Any, Any, Any]:
        """Whether z > 1, z/(1 + z) where it is not, and 1/(1 + z) where it is: a share is exact in the small one."""
        far = z > 1
        near = np.where(far, 1.0, z)
        return far, near / (1 + near), 1 / (1 + np.where(far, z, 1.0))

    def low(z: Any, a: Any, b: Any) -> Any:
        far, x, y = split(z)
        return np.where(far, sp.betaincc(b, a, y), sp.betainc(a, b, x))

    def high(z: Any, a: Any, b: Any) -> Any:
        far, x, y = split(z)
        return np.where(far, sp.betainc(b, a, y), sp.betaincc(a, b, x))

    return Continuous("a b", {
        "logpdf": lambda z, a, b: sp.xlogy(a - 1, z) - sp.xlog1py(a + b, z) - sp.betaln(a, b),
        "cdf": low, "sf": high,
        "mean": lambda a, b: np.where(b > 1, a / np.where(b > 1, b - 1, 1.0), INF),
    }, support=(0.0, INF))  # fmt: skip


def _chi() -> Law:
    sp = special()

    def mean(df: Any) -> Any:
        return math.sqrt(2) * sp.poch(0.5 * df, 0.5)

    return Continuous("df", {
        "logpdf": lambda z, df: (math.log(2) * (1 - 0.5 * df) - sp.gammaln(0.5 * df)
                                 + sp.xlogy(df - 1, z) - 0.5 * z * z),
        "cdf": lambda z, df: sp.gammainc(0.5 * df, 0.5 * z * z),
        "sf": lambda z, df: sp.gammaincc(0.5 * df, 0.5 * z * z),
        "ppf": lambda q, df: np.sqrt(2 * sp.gammaincinv(0.5 * df, q)),
        "isf": lambda q, df: np.sqrt(2 * sp.gammainccinv(0.5 * df, q)),
        "mean": mean, "var": lambda df: df - mean(df) ** 2,
    }, support=(0.0, INF))  # fmt: skip


def _maxwell() -> Law:
    sp = special()
    return Continuous("", {
        "logpdf": lambda z: 0.5 * math.log(2 / PI) + 2 * np.log(z) - 0.5 * z * z,
        "cdf": lambda z: sp.gammainc(1.5, 0.5 * z * z), "sf": lambda z: sp.gammaincc(1.5, 0.5 * z * z),
        "ppf": lambda q: np.sqrt(2 * sp.gammaincinv(1.5, q)), "isf": lambda q: np.sqrt(2 * sp.gammainccinv(1.5, q)),
        "mean": constant(2 * math.sqrt(2 / PI)), "var": constant(3 - 8 / PI),
    }, support=(0.0, INF))  # fmt: skip


def _nakagami() -> Law:
    sp = special()
    return Continuous("nu", {
        "logpdf": lambda z, nu: (math.log(2) + sp.xlogy(nu, nu) - sp.gammaln(nu)
                                 + sp.xlogy(2 * nu - 1, z) - nu * z * z),
        "cdf": lambda z, nu: sp.gammainc(nu, nu * z * z), "sf": lambda z, nu: sp.gammaincc(nu, nu * z * z),
        "ppf": lambda q, nu: np.sqrt(sp.gammaincinv(nu, q) / nu),
        "isf": lambda q, nu: np.sqrt(sp.gammainccinv(nu, q) / nu),
        "mean": lambda nu: sp.poch(nu, 0.5) / np.sqrt(nu),
    }, support=(0.0, INF))  # fmt: skip


def _inverse_gauss() -> Law:
    sp = special()

    def logs(z: Any, mu: Any) -> tuple[Any, Any]:
        root = np.sqrt(z)
        return sp.log_ndtr(root / mu - 1 / root), 2 / mu + sp.log_ndtr(-root / mu - 1 / root)

    def log_cdf(z: Any, mu: Any) -> Any:
        a, b = logs(z, mu)
        return np.logaddexp(a, b)

    def log_sf(z: Any, mu: Any) -> Any:
        end = z == INF
        inner = np.where(end, mu, z)
        a = sp.log_ndtr(1 / np.sqrt(inner) - np.sqrt(inner) / mu)
        return np.where(end, -INF, a + np.log1p(-np.exp(logs(inner, mu)[1] - a)))

    return Continuous("mu", {
        "logpdf": lambda z, mu: -0.5 * (LOG_2PI + 3 * np.log(z)) - ((z - mu) / mu) ** 2 / (2 * z),
        "logcdf": log_cdf, "cdf": lambda z, mu: np.exp(log_cdf(z, mu)),
        "logsf": log_sf, "sf": lambda z, mu: np.exp(log_sf(z, mu)),
        "mean": lambda mu: mu, "var": lambda mu: mu**3,
    }, support=(0.0, INF), closed=False)  # fmt: skip


def _log_logistic() -> Law:
    sp = special()
    return Continuous("c", {
        "logpdf": lambda z, c: np.log(c) - (c + 1) * np.log(z) - 2 * np.log1p(z**-c),
        "cdf": lambda z, c: sp.expit(c * np.log(z)), "sf": lambda z, c: sp.expit(-c * np.log(z)),
        "logcdf": lambda z, c: sp.log_expit(c * np.log(z)), "logsf": lambda z, c: sp.log_expit(-c * np.log(z)),
        "ppf": lambda q, c: np.exp(sp.logit(q) / c), "isf": lambda q, c: np.exp(-sp.logit(q) / c),
    }, support=(0.0, INF), closed=False)  # fmt: skip


def _power() -> Law:
    return Continuous("a", {
        "logpdf": lambda z, a: np.log(a) + special().xlogy(a - 1, z),
        "cdf": lambda z, a: z**a, "logcdf": lambda z, a: a * np.log(z), "sf": lambda z, a: 1 - z**a,
        "ppf": lambda q, a: q ** (1 / a), "isf": lambda q, a: np.exp(np.log1p(-q) / a),
        "mean": lambda a: a / (a + 1), "var": lambda a: a / ((a + 2) * (a + 1) ** 2),
    }, support=(0.0, 1.0))  # fmt: skip


def _half_logistic() -> Law:
    return Continuous("", {
        "logpdf": lambda z: math.log(2) - z - 2 * np.log1p(np.exp(-z)),
        "cdf": lambda z: np.tanh(z / 2), "sf": lambda z: 2 * special().expit(-z),
        "ppf": lambda q: 2 * np.arctanh(q), "isf": lambda q: -np.log(q / (2 - q)),
        "mean": constant(math.log(4)), "var": constant(PI**2 / 3 - math.log(4) ** 2),
    }, support=(0.0, INF))  # fmt: skip


def _gompertz() -> Law:
    return Continuous("c", {
        "logpdf": lambda z, c: np.log(c) + z - c * np.expm1(z),
        "cdf": lambda z, c: -np.expm1(-c * np.expm1(z)), "sf": lambda z, c: np.exp(-c * np.expm1(z)),
        "logsf": lambda z, c: -c * np.expm1(z),
        "ppf": lambda q, c: np.log1p(-np.log1p(-q) / c), "isf": lambda q, c: np.log1p(-np.log(q) / c),
    }, support=(0.0, INF))  # fmt: skip


def _skew_normal() -> Law:
    sp = special()
    return Continuous("a", {
        "logpdf": lambda z, a: math.log(2) - 0.5 * (z * z + LOG_2PI) + sp.log_ndtr(a * z),
        "mean": lambda a: math.sqrt(2 / PI) * a / np.sqrt(1 + a * a),
        "var": lambda a: 1 - 2 / PI * a * a / (1 + a * a),
    }, valid=lambda a: a == a)  # fmt: skip


def _exponential_normal() -> Law:
    sp = special()

    def log_tail(z: Any, k: Any) -> Any:
        """log of exp(1/(2 k k) - z/k) ndtr(z - 1/k), below 1/k by erfcx, whose factor takes the rest."""
        t = z - 1 / k
        below = t < 0
        near, far = np.where(below, t, 0.0), np.where(below, 0.0, t)
        scaled = np.log(0.5 * sp.erfcx(-near / math.sqrt(2))) - 0.5 * np.where(below, z, 0.0) ** 2
        return np.where(below, scaled, 0.5 / (k * k) - np.where(below, 0.0, z) / k + sp.log_ndtr(far))

    return Continuous("K", {
        "logpdf": lambda z, k: log_tail(z, k) - np.log(k),
        "cdf": lambda z, k: sp.ndtr(z) - np.exp(log_tail(z, k)),
        "sf": lambda z, k: sp.ndtr(-z) + np.exp(log_tail(z, k)),
        "mean": lambda k: k, "var": lambda k: 1 + k * k,
    })  # fmt: skip


def _von_mises() -> Law:
    sp = special()
    return Continuous("kappa", {
        "logpdf": lambda z, kappa: kappa * (np.cos(z) - 1) - LOG_2PI - np.log(sp.i0e(kappa)),
        "entropy": lambda kappa: LOG_2PI + np.log(sp.i0e(kappa)) + kappa - kappa * sp.i1e(kappa) / sp.i0e(kappa),
    }, valid=lambda kappa: kappa >= 0)  # fmt: skip


# --- supports that depend on the shapes -------------------------------------------------------------------------------


def _log_difference(a: Any, b: Any) -> Any:
    """log(exp(a) - exp(b)) for a > b."""
    return a + np.log(-np.expm1(b - a))


def _truncated_normal() -> Law:
    """Between a and b, by the tail on the side of 0 where they lie."""
    sp = special()

    def log_mass(a: Any, b: Any) -> Any:
        flip = a > 0
        low, high = np.where(flip, -b, a), np.where(flip, -a, b)
        return _log_difference(sp.log_ndtr(high), sp.log_ndtr(low))

    def shares(z: Any, a: Any, b: Any) -> tuple[Any, Any]:
        return log_mass(a, z) - log_mass(a, b), log_mass(z, b) - log_mass(a, b)

    def quantile(q: Any, a: Any, b: Any) -> Any:
        flip = a > 0
        low, high = np.where(flip, -b, a), np.where(flip, -a, b)
        share = np.where(flip, 1 - q, q)
        logs = np.logaddexp(sp.log_ndtr(low) + np.log1p(-share), sp.log_ndtr(high) + np.log(share))
        return np.where(flip, -1.0, 1.0) * sp.ndtri_exp(logs)

    return Continuous("a b", {
        "logpdf": lambda z, a, b: -0.5 * (z * z + LOG_2PI) - log_mass(a, b),
        "logcdf": lambda z, a, b: shares(z, a, b)[0], "logsf": lambda z, a, b: shares(z, a, b)[1],
        "cdf": lambda z, a, b: np.exp(shares(z, a, b)[0]), "sf": lambda z, a, b: np.exp(shares(z, a, b)[1]),
        "ppf": quantile,
    }, valid=lambda a, b: a < b, ends=lambda a, b: (a, b), middle=_between)  # fmt: skip


def _between(a: Any, b: Any) -> Any:
    """A point between the two, of which one may be infinite."""
    low, high = np.where(np.isinf(a), np.where(np.isinf(b), -1.0, b - 2.0), a), np.where(np.isinf(b), 1.0, b)
    return 0.5 * (low + np.where(np.isinf(b), np.maximum(low + 2.0, high), high))


def _log_uniform() -> Law:
    return Continuous("a b", {
        "logpdf": lambda z, a, b: -np.log(z) - np.log(np.log(b / a)),
        "cdf": lambda z, a, b: np.log(z / a) / np.log(b / a), "sf": lambda z, a, b: np.log(b / z) / np.log(b / a),
        "ppf": lambda q, a, b: a * (b / a) ** q, "isf": lambda q, a, b: b * (a / b) ** q,
        "mean": lambda a, b: (b - a) / np.log(b / a),
        "entropy": lambda a, b: 0.5 * np.log(a * b) + np.log(np.log(b / a)),
    }, valid=lambda a, b: np.logical_and(a > 0, b > a), ends=lambda a, b: (a, b),
       middle=lambda a, b: 0.5 * (a + b))  # fmt: skip


def _triangular() -> Law:
    def split(z: Any, c: Any) -> tuple[Any, Any, Any]:
        left = z < c
        return left, np.where(c > 0, c, 1.0), np.where(c < 1, 1 - c, 1.0)

    def density(z: Any, c: Any) -> Any:
        left, rise, fall = split(z, c)
        return np.where(left, 2 * z / rise, np.where(c < 1, 2 * (1 - z) / fall, 2 * z))

    def share(z: Any, c: Any) -> Any:
        left, rise, fall = split(z, c)
        return np.where(left, z * z / rise, np.where(c < 1, 1 - (1 - z) ** 2 / fall, z * z))

    def quantile(q: Any, c: Any) -> Any:
        left = q < c
        safe = np.where(left, 0.0, 1 - q)
        return np.where(left, np.sqrt(c * np.where(left, q, 1.0)), 1 - np.sqrt((1 - c) * safe))

    return Continuous("c", {
        "pdf": density, "logpdf": lambda z, c: np.log(density(z, c)),
        "cdf": share, "sf": lambda z, c: 1 - share(z, c), "ppf": quantile,
        "mean": lambda c: (c + 1) / 3, "var": lambda c: (1 - c + c * c) / 18,
        "entropy": lambda c: 0.5 - math.log(2) + 0 * c,
    }, valid=lambda c: np.logical_and(c >= 0, c <= 1), support=(0.0, 1.0))  # fmt: skip


def _log_ratio(c: Any, z: Any) -> Any:
    """log1p(c z)/c, which is z for c = 0."""
    near = np.abs(c * z) < 1e-3
    u = np.where(near, c * z, 0.0)
    series = z * (1 - u * (1 / 2 - u * (1 / 3 - u * (1 / 4 - u * (1 / 5 - u / 6)))))
    safe = np.where(near, 1.0, c)
    return np.where(near, series, np.log1p(safe * np.where(near, 0.5, z)) / safe)


def _extreme() -> Law:
    """The generalised law of the largest value; SciPy's c has the opposite sign of most books'."""

    def stretch(z: Any, c: Any) -> Any:
        return _log_ratio(-c, z)

    def quantile(logs: Any, c: Any) -> Any:
        return special().boxcox(-logs, c) * -1.0

    return Continuous("c", {
        "logpdf": lambda z, c: -(1 - c) * stretch(z, c) - np.exp(-stretch(z, c)),
        "logcdf": lambda z, c: -np.exp(-stretch(z, c)), "cdf": lambda z, c: np.exp(-np.exp(-stretch(z, c))),
        "sf": lambda z, c: -np.expm1(-np.exp(-stretch(z, c))),
        "ppf": lambda q, c: quantile(np.log(q), c), "isf": lambda q, c: quantile(np.log1p(-q), c),
        "entropy": lambda c: EULER * (1 - c) + 1,
    }, valid=lambda c: c == c, ends=_extreme_ends, middle=lambda c: 0.0 * c)  # fmt: skip


def _extreme_ends(c: Any) -> tuple[Any, Any]:
    inverse = 1 / np.where(c == 0, 1.0, c)
    return np.where(c < 0, inverse, -INF), np.where(c > 0, inverse, INF)


def _general_pareto() -> Law:
    def high(c: Any) -> Any:
        return np.where(c < 0, -1 / np.where(c < 0, c, -1.0), INF)

    return Continuous("c", {
        "logpdf": lambda z, c: -(c + 1) * _log_ratio(c, z),
        "cdf": lambda z, c: -np.expm1(-_log_ratio(c, z)), "sf": lambda z, c: np.exp(-_log_ratio(c, z)),
        "logsf": lambda z, c: -_log_ratio(c, z),
        "ppf": lambda q, c: -special().boxcox1p(-q, -c), "isf": lambda q, c: -special().boxcox(q, -c),
        "entropy": lambda c: 1 + c,
    }, valid=lambda c: c == c, ends=lambda c: (0.0, high(c)),
       middle=lambda c: np.minimum(0.5, 0.5 * high(c)))  # fmt: skip


MAKERS = {
    "f": _fisher, "betaprime": _beta_prime, "chi": _chi, "maxwell": _maxwell, "nakagami": _nakagami,
    "invgauss": _inverse_gauss, "fisk": _log_logistic, "powerlaw": _power, "halflogistic": _half_logistic,
    "gompertz": _gompertz, "skewnorm": _skew_normal, "exponnorm": _exponential_normal, "vonmises": _von_mises,
    "truncnorm": _truncated_normal, "loguniform": _log_uniform, "reciprocal": _log_uniform, "triang": _triangular,
    "genextreme": _extreme, "genpareto": _general_pareto,
}  # fmt: skip
