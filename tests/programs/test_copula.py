"""A Gaussian copula: the joint law of a gamma, a lognormal and a normal margin, from their joint samples.

With z_j = Phi^-1(F_j(x_j)) and the correlations' Cholesky factor L,

    log p(x) = sum_j log f_j(x_j) + 1/2 |z|^2 - 1/2 |L^-1 z|^2 - sum log L_jj

(Joe, Dependence Modeling with Copulas, 2014, chapter 1). The rows of L have length 1; partial correlations, tanh of
free numbers, give them (Lewandowski, Kurowicka and Joe, 2009).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from tests.programs.frame import Program, check


def correlation_factor(free, d):
    partial = np.tanh(free)
    L = np.zeros((d, d))
    L[0, 0] = 1.0
    k = 0
    for i in range(1, d):
        left = 1.0
        for j in range(i):
            L[i, j] = partial[k] * np.sqrt(left)
            left -= L[i, j] ** 2
            k += 1
        L[i, i] = np.sqrt(left)
    return L


def negative_log_likelihood(parameters, x):
    laws = [
        stats.gamma(np.exp(parameters["log_shape"]), scale=np.exp(parameters["log_scale"])),
        stats.lognorm(np.exp(parameters["log_width"])),
        stats.norm(parameters["mean"], np.exp(parameters["log_deviation"])),
    ]
    log_density = 0.0
    z = np.empty_like(x)
    for j, law in enumerate(laws):
        z[:, j] = stats.norm.ppf(np.clip(law.cdf(x[:, j]), 1e-10, 1 - 1e-10))
        log_density = log_density + np.sum(law.logpdf(x[:, j]))
    L = correlation_factor(parameters["free"], x.shape[1])
    white = np.linalg.solve(L, z.T)
    return 0.5 * np.sum(white**2) - 0.5 * np.sum(z**2) + len(x) * np.sum(np.log(np.diag(L))) - log_density


def arguments(n):
    rng = np.random.default_rng(n)
    z = rng.normal(size=(n, 3)) @ np.array([[1.0, 0.5, 0.2], [0.0, 0.8, 0.3], [0.0, 0.0, 0.9]])
    x = np.column_stack([rng.gamma(2.0, 1.0, n) + np.exp(z[:, 0]), np.exp(0.5 * z[:, 1]), z[:, 2]])
    free = np.array([0.3, -0.2, 0.4])
    margins = {"log_shape": 0.5, "log_scale": 0.4, "log_width": -0.4, "mean": 0.2, "log_deviation": 0.1}
    return {**margins, "free": free}, x


CALLS = (arguments(12), arguments(25))


def test_likelihood():
    check(Program(negative_log_likelihood, CALLS), dear=True)


def test_factor_is_one_of_a_correlation():
    L = correlation_factor(np.array([0.3, -0.2, 0.4, 1.0, -2.0, 0.1]), 4)
    np.testing.assert_allclose(np.diag(L @ L.T), 1.0)
    assert np.all(np.linalg.eigvalsh(L @ L.T) > 0)
