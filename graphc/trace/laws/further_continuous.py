"""Continuous laws with closed forms: of incomes and lifetimes, skewed and peaked ones, angles, transformed normal ones.

Sources as for ``continuous``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.trace.laws.continuous import EULER, INF, LOG_2PI, PI, special
from graphc.trace.laws.frames import Continuous, Law, constant


def _levy() -> Law:
    sp = special()
    return Continuous("", {
        "logpdf": lambda z: -0.5 * LOG_2PI - 1.5 * np.log(z) - 0.5 / z,
        "cdf": lambda z: sp.erfc(np.sqrt(0.5 / z)), "sf": lambda z: sp.erf(np.sqrt(0.5 / z)),
        "ppf": lambda q: 1 / sp.ndtri(0.5 * q) ** 2, "isf": lambda q: 0.5 / sp.erfinv(q) ** 2,
    }, support=(0.0, INF), closed=False)  # fmt: skip


def _lomax() -> Law:
    return Continuous("c", {
        "logpdf": lambda z, c: np.log(c) - (c + 1) * np.log1p(z),
        "cdf": lambda z, c: -np.expm1(-c * np.log1p(z)), "sf": lambda z, c: np.exp(-c * np.log1p(z)),
        "logsf": lambda z, c: -c * np.log1p(z),
        "ppf": lambda q, c: np.expm1(-np.log1p(-q) / c), "isf": lambda q, c: np.expm1(-np.log(q) / c),
    }, support=(0.0, INF))  # fmt: skip


def _inverse_weibull() -> Law:
    return Continuous("c", {
        "logpdf": lambda z, c: np.log(c) - (c + 1) * np.log(z) - z**-c,
        "cdf": lambda z, c: np.exp(-(z**-c)), "logcdf": lambda z, c: -(z**-c),
        "sf": lambda z, c: -np.expm1(-(z**-c)),
        "ppf": lambda q, c: (-np.log(q)) ** (-1 / c), "isf": lambda q, c: (-np.log1p(-q)) ** (-1 / c),
    }, support=(0.0, INF), closed=False)  # fmt: skip


def _burr_third() -> Law:
    return Continuous("c d", {
        "logpdf": lambda z, c, d: np.log(c * d) - (c + 1) * np.log(z) - (d + 1) * np.log1p(z**-c),
        "cdf": lambda z, c, d: np.exp(-d * np.log1p(z**-c)), "logcdf": lambda z, c, d: -d * np.log1p(z**-c),
        "sf": lambda z, c, d: -np.expm1(-d * np.log1p(z**-c)),
        "ppf": lambda q, c, d: np.expm1(-np.log(q) / d) ** (-1 / c),
    }, support=(0.0, INF), closed=False)  # fmt: skip


def _burr_twelfth() -> Law:
    return Continuous("c d", {
        "logpdf": lambda z, c, d: np.log(c * d) + special().xlogy(c - 1, z) - (d + 1) * np.log1p(z**c),
        "cdf": lambda z, c, d: -np.expm1(-d * np.log1p(z**c)), "sf": lambda z, c, d: np.exp(-d * np.log1p(z**c)),
        "logsf": lambda z, c, d: -d * np.log1p(z**c),
        "ppf": lambda q, c, d: np.expm1(-np.log1p(-q) / d) ** (1 / c),
    }, support=(0.0, INF))  # fmt: skip


def _hyperbolic_secant() -> Law:
    return Continuous("", {
        "logpdf": lambda z: math.log(2 / PI) - np.logaddexp(z, -z),
        "cdf": lambda z: 2 / PI * np.arctan(np.exp(z)), "sf": lambda z: 2 / PI * np.arctan(np.exp(-z)),
        "ppf": lambda q: np.log(np.tan(0.5 * PI * q)), "isf": lambda q: -np.log(np.tan(0.5 * PI * q)),
        "mean": constant(0.0), "var": constant(PI * PI / 4),
    })  # fmt: skip


def _semicircle() -> Law:
    return Continuous("", {
        "logpdf": lambda z: math.log(2 / PI) + 0.5 * np.log1p(-z * z),
        "cdf": lambda z: 0.5 + (z * np.sqrt(1 - z * z) + np.arcsin(z)) / PI,
        "sf": lambda z: 0.5 - (z * np.sqrt(1 - z * z) + np.arcsin(z)) / PI,
        "mean": constant(0.0), "var": constant(0.25),
    }, support=(-1.0, 1.0), inner=0.0)  # fmt: skip


def _moyal() -> Law:
    sp = special()
    return Continuous("", {
        "logpdf": lambda z: -0.5 * (z + np.exp(-z)) - 0.5 * LOG_2PI,
        "cdf": lambda z: sp.erfc(np.exp(-0.5 * z) / math.sqrt(2)),
        "sf": lambda z: sp.erf(np.exp(-0.5 * z) / math.sqrt(2)),
        "ppf": lambda q: -np.log(2 * sp.erfcinv(q) ** 2), "isf": lambda q: -np.log(2 * sp.erfinv(q) ** 2),
        "mean": constant(EULER + math.log(2)), "var": constant(PI * PI / 2),
    })  # fmt: skip


def _general_logistic() -> Law:
    sp = special()
    return Continuous("c", {
        "logpdf": lambda z, c: np.log(c) - z + (c + 1) * sp.log_expit(z),
        "cdf": lambda z, c: np.exp(c * sp.log_expit(z)), "logcdf": lambda z, c: c * sp.log_expit(z),
        "sf": lambda z, c: -np.expm1(c * sp.log_expit(z)),
        "ppf": lambda q, c: -np.log(np.expm1(-np.log(q) / c)),
    })  # fmt: skip


def _general_normal() -> Law:
    sp = special()

    def tail(z: Any, b: Any) -> Any:
        """The share beyond z > 0."""
        return 0.5 * sp.gammaincc(1 / b, np.abs(z) ** b)

    return Continuous("beta", {
        "logpdf": lambda z, b: np.log(0.5 * b) - sp.gammaln(1 / b) - np.abs(z) ** b,
        "cdf": lambda z, b: np.where(z < 0, tail(z, b), 1 - tail(z, b)),
        "sf": lambda z, b: np.where(z > 0, tail(z, b), 1 - tail(z, b)),
        "mean": lambda b: 0.0 * b, "var": lambda b: np.exp(sp.gammaln(3 / b) - sp.gammaln(1 / b)),
    })  # fmt: skip


def _folded_normal() -> Law:
    sp = special()
    return Continuous("c", {
        "logpdf": lambda z, c: -0.5 * LOG_2PI - 0.5 * (z * z + c * c) + np.logaddexp(c * z, -c * z),
        "cdf": lambda z, c: sp.ndtr(z - c) - sp.ndtr(-z - c), "sf": lambda z, c: sp.ndtr(c - z) + sp.ndtr(-z - c),
    }, support=(0.0, INF), valid=lambda c: c >= 0)  # fmt: skip


def _johnson_unbounded() -> Law:
    sp = special()
    return Continuous("a b", {
        "logpdf": lambda z, a, b: (np.log(b) - 0.5 * (np.log1p(z * z) + LOG_2PI + (a + b * np.arcsinh(z)) ** 2)),
        "cdf": lambda z, a, b: sp.ndtr(a + b * np.arcsinh(z)), "sf": lambda z, a, b: sp.ndtr(-a - b * np.arcsinh(z)),
        "logcdf": lambda z, a, b: sp.log_ndtr(a + b * np.arcsinh(z)),
        "ppf": lambda q, a, b: np.sinh((sp.ndtri(q) - a) / b),
    }, valid=lambda a, b: b > 0)  # fmt: skip


def _johnson_bounded() -> Law:
    sp = special()
    return Continuous("a b", {
        "logpdf": lambda z, a, b: (np.log(b) - np.log(z) - np.log1p(-z)
                                   - 0.5 * (LOG_2PI + (a + b * sp.logit(z)) ** 2)),
        "cdf": lambda z, a, b: sp.ndtr(a + b * sp.logit(z)), "sf": lambda z, a, b: sp.ndtr(-a - b * sp.logit(z)),
        "ppf": lambda q, a, b: sp.expit((sp.ndtri(q) - a) / b),
    }, valid=lambda a, b: b > 0, support=(0.0, 1.0), closed=False)  # fmt: skip


MAKERS = {
    "levy": _levy, "lomax": _lomax, "invweibull": _inverse_weibull, "burr": _burr_third, "burr12": _burr_twelfth,
    "hypsecant": _hyperbolic_secant, "semicircular": _semicircle, "moyal": _moyal, "genlogistic": _general_logistic,
    "gennorm": _general_normal, "foldnorm": _folded_normal, "johnsonsu": _johnson_unbounded,
    "johnsonsb": _johnson_bounded,
}  # fmt: skip
