"""The laws on the integers. Distribution functions are those of the gamma and beta laws (DLMF 8.17.5, 8.4.10).

Source: N. L. Johnson, A. W. Kemp, S. Kotz, Univariate Discrete Distributions; the parameters are SciPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.laws.continuous import special
from graphc.trace.laws.frames import Discrete, Law


def _is_share(p: Any) -> Any:
    return np.logical_and(p >= 0, p <= 1)


def _is_count(n: Any) -> Any:
    return np.logical_and(n >= 0, np.floor(n) == n)


def _is_positive_share(p: Any) -> Any:
    return np.logical_and(p > 0, p <= 1)


def _poisson() -> Law:
    sp = special()
    return Discrete("mu", {
        "logpmf": lambda k, mu: sp.xlogy(k, mu) - sp.gammaln(k + 1) - mu,
        "cdf": sp.pdtr, "sf": sp.pdtrc, "ppf": sp.pdtrik,
        "mean": lambda mu: mu, "var": lambda mu: mu,
    }, valid=lambda mu: mu >= 0)  # fmt: skip


def _binomial() -> Law:
    sp = special()
    return Discrete("n p", {
        "logpmf": lambda k, n, p: (sp.gammaln(n + 1) - sp.gammaln(k + 1) - sp.gammaln(n - k + 1)
                                   + sp.xlogy(k, p) + sp.xlog1py(n - k, -p)),
        "cdf": lambda k, n, p: sp.betaincc(k + 1, n - k, p), "sf": lambda k, n, p: sp.betainc(k + 1, n - k, p),
        "ppf": sp.bdtrik, "mean": lambda n, p: n * p, "var": lambda n, p: n * p * (1 - p),
    }, valid=lambda n, p: np.logical_and(_is_count(n), _is_share(p)), last=lambda n, p: n)  # fmt: skip


def _bernoulli() -> Law:
    sp = special()
    return Discrete("p", {
        "logpmf": lambda k, p: sp.xlogy(k, p) + sp.xlog1py(1 - k, -p),
        "cdf": lambda k, p: 1 - p + 0 * k, "sf": lambda k, p: p + 0 * k,
        "ppf": lambda q, p: np.where(q > 1 - p, 1.0, 0.0), "mean": lambda p: p, "var": lambda p: p * (1 - p),
        "entropy": lambda p: -sp.xlogy(p, p) - sp.xlog1py(1 - p, -p),
    }, valid=_is_share, last=lambda p: 1.0)  # fmt: skip


def _geometric() -> Law:
    sp = special()
    return Discrete("p", {
        "logpmf": lambda k, p: sp.xlog1py(k - 1, -p) + np.log(p),
        "cdf": lambda k, p: -np.expm1(sp.xlog1py(k, -p)), "sf": lambda k, p: np.exp(sp.xlog1py(k, -p)),
        "logsf": lambda k, p: sp.xlog1py(k, -p), "ppf": lambda q, p: np.log1p(-q) / np.log1p(-p),
        "mean": lambda p: 1 / p, "var": lambda p: (1 - p) / p**2,
    }, valid=_is_positive_share, support=(1.0, np.inf))  # fmt: skip


def _negative_binomial() -> Law:
    sp = special()
    return Discrete("n p", {
        "logpmf": lambda k, n, p: (sp.gammaln(n + k) - sp.gammaln(k + 1) - sp.gammaln(n)
                                   + n * np.log(p) + sp.xlog1py(k, -p)),
        "cdf": lambda k, n, p: sp.betainc(n, k + 1, p), "sf": lambda k, n, p: sp.betaincc(n, k + 1, p),
        "ppf": sp.nbdtrik, "mean": lambda n, p: n * (1 - p) / p, "var": lambda n, p: n * (1 - p) / p**2,
    }, valid=lambda n, p: np.logical_and(n > 0, _is_positive_share(p)))  # fmt: skip


MAKERS = {
    "poisson": _poisson, "binom": _binomial, "bernoulli": _bernoulli, "geom": _geometric, "nbinom": _negative_binomial,
}  # fmt: skip
