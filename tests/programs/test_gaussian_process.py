"""Gaussian process regression: the hyper-parameters' negative log marginal likelihood, for several kernels.

With covariances K = k(X, X) + noise^2 I = L L^T and residuals r = y - mean,

    -log p(y | X) = 1/2 |L^-1 r|^2 + sum_i log L_ii + n/2 log 2 pi

(Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, equation 2.30 and algorithm 2.1). Kernels are
the squared exponential with a length scale for each input, Matern 5/2, the periodic one, and sums and products of them.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular

from tests.programs.frame import Program, check, check_hvp, thorough


def squared_distances(a, b):
    return np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1)[None, :] - 2 * a @ b.T


def squared_exponential(parameters, a, b):
    scale = np.exp(parameters["log_length"])
    return np.exp(2 * parameters["log_amplitude"]) * np.exp(-0.5 * squared_distances(a / scale, b / scale))


def matern52(parameters, a, b):
    scale = np.exp(parameters["log_length"])
    distance = np.sqrt(np.maximum(5 * squared_distances(a / scale, b / scale), 0.0))
    return np.exp(2 * parameters["log_amplitude"]) * (1 + distance + distance**2 / 3) * np.exp(-distance)


def periodic(parameters, a, b):
    offset = np.pi * np.abs(a[:, :1] - b[:, 0]) / np.exp(parameters["log_period"])
    return np.exp(-2 * np.sin(offset) ** 2 / np.exp(2 * parameters["log_width"]))


KERNELS = {"squared_exponential": squared_exponential, "matern52": matern52, "periodic": periodic}


class GaussianProcess:
    """A sum of products of kernels: ``[["squared_exponential", "periodic"], ["matern52"]]``."""

    def __init__(self, terms):
        self.terms = terms

    def covariance(self, parameters, a, b):
        total = 0.0
        for k, term in enumerate(self.terms):
            product = np.ones((len(a), len(b)))
            for name in term:
                product *= KERNELS[name](parameters["kernels"][k][name], a, b)
            total = total + product
        return total

    def negative_log_likelihood(self, parameters, x, y):
        n = x.shape[0]
        k = self.covariance(parameters, x, x)
        k[np.diag_indices(n)] += np.exp(2 * parameters["log_noise"]) + 1e-8
        lower = cholesky(k, lower=True)
        residual = y - parameters["mean"]
        white = solve_triangular(lower, residual, lower=True)
        return 0.5 * white @ white + np.log(np.diag(lower)).sum() + 0.5 * n * np.log(2 * np.pi)

    def predict(self, parameters, x, y, new):
        """Mean and variance of the latent function at new points."""
        k = self.covariance(parameters, x, x) + np.exp(2 * parameters["log_noise"]) * np.eye(len(x))
        factor = cho_factor(k, lower=True)
        cross = self.covariance(parameters, new, x)
        mean = parameters["mean"] + cross @ cho_solve(factor, y - parameters["mean"])
        variance = np.diag(self.covariance(parameters, new, new)) - np.sum(cross.T * cho_solve(factor, cross.T), axis=0)
        return mean, variance


def parameters_of(terms, dimension):
    scale = {"log_length": np.full(dimension, -0.3), "log_amplitude": 0.2}
    initial = {
        "squared_exponential": scale,
        "matern52": scale,
        "periodic": {"log_period": np.array(-0.1), "log_width": 0.3},
    }
    return {
        "mean": 0.1,
        "log_noise": np.log(0.3),
        "kernels": [{name: dict(initial[name]) for name in term} for term in terms],
    }


def arguments(terms, n, dimension):
    rng = np.random.default_rng(n)
    x = rng.uniform(-1, 1, size=(n, dimension))
    y = np.sin(5 * x[:, 0]) + 0.3 * rng.normal(size=n)
    return parameters_of(terms, dimension), x, y


ONE = [["squared_exponential"]]
SEVERAL = [["squared_exponential", "periodic"], ["matern52"]]
PLAIN, SUMMED = (
    Program(GaussianProcess(terms).negative_log_likelihood, (arguments(terms, 9, 2), arguments(terms, 16, 3)))
    for terms in (ONE, SEVERAL)
)


@pytest.mark.parametrize("program", [PLAIN, SUMMED], ids=["one kernel", "several"])
def test_likelihood(program):
    check(program)


@thorough
def test_hessian_times_a_vector():
    check_hvp(PLAIN)


@thorough
def test_held_out_points():
    """The predictive log density of new points, by the same hyper-parameters."""

    def score(parameters, x, y, new, seen):
        mean, variance = GaussianProcess(SEVERAL).predict(parameters, x, y, new)
        variance = variance + np.exp(2 * parameters["log_noise"])
        return -0.5 * np.sum((seen - mean) ** 2 / variance + np.log(2 * np.pi * variance))

    def call(n, dimension):
        rng = np.random.default_rng(2)
        return (*arguments(SEVERAL, n, dimension), rng.normal(size=(4, dimension)), rng.normal(size=4))

    check(Program(score, (call(9, 2), call(14, 3))))
