"""Generalised linear models: logistic and Poisson regression with a canonical link, groups, offsets and ridge penalty.

With eta = X beta + u[group] + offset, the negative log-likelihoods are

    logistic:  sum_i w_i (log(1 + e^eta_i) - y_i eta_i)
    Poisson:   sum_i w_i (e^eta_i - y_i eta_i + log y_i!)

(McCullagh and Nelder, Generalized Linear Models, 1989). The Laplace approximation of the evidence adds half of the
logarithm of the determinant of X^T W X + lambda I at the mode, which iteratively reweighted least squares find.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tests.programs.frame import Program, check, check_hvp, check_vmap, thorough


class Regression:
    """``family``: "logistic" or "poisson". Missing responses are NaN and count for nothing."""

    def __init__(self, family, ridge=0.5):
        self.family, self.ridge = family, ridge

    def predictor(self, parameters, data):
        eta = data["x"] @ parameters["slopes"] + parameters["intercept"]
        eta += parameters["groups"][data["group"]]
        if self.family == "poisson":
            eta += np.log(data["exposure"])
        return eta

    def deviance_terms(self, eta, y):
        if self.family == "logistic":
            return np.logaddexp(0.0, eta) - y * eta
        return np.exp(eta) - special.xlogy(y, np.exp(eta)) + special.gammaln(y + 1.0)

    def loss(self, parameters, data):
        eta = self.predictor(parameters, data)
        seen = ~np.isnan(data["y"])
        y = np.where(seen, data["y"], 0.0)
        terms = self.deviance_terms(eta, y)
        penalty = sum(np.sum(parameters[name] ** 2) for name in ("slopes", "groups"))
        return np.sum(terms[seen] * data["weight"][seen]) + 0.5 * self.ridge * penalty


def arguments(family, n, features, groups):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, features))
    group = rng.integers(groups, size=n)
    y = rng.poisson(2.0, size=n).astype(float) if family == "poisson" else rng.integers(2, size=n).astype(float)
    y[::7] = np.nan
    parameters = {
        "slopes": 0.3 * rng.normal(size=features),
        "intercept": 0.2,
        "groups": 0.1 * rng.normal(size=groups),
    }
    weight, exposure = rng.uniform(0.5, 2.0, size=(2, n))
    return parameters, {"x": x, "y": y, "group": group, "weight": weight, "exposure": exposure}


PROGRAMS = {
    family: Program(Regression(family).loss, (arguments(family, 20, 3, 4), arguments(family, 45, 6, 5)))
    for family in ("logistic", "poisson")
}


@pytest.mark.parametrize("family", PROGRAMS)
def test_likelihood(family):
    check(PROGRAMS[family])


@thorough
def test_hessian_times_a_vector():
    check_hvp(PROGRAMS["poisson"])


def test_batch_of_gradients():
    check_vmap(PROGRAMS["logistic"])


def laplace_evidence(log_ridge, x, y):
    """The logarithm of the evidence of a logistic regression, by the penalty's strength, through the Newton steps."""
    ridge = np.exp(log_ridge)
    beta = np.zeros(x.shape[1])
    for _ in range(30):
        p = special.expit(x @ beta)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + ridge * np.eye(len(beta))
        step = np.linalg.solve(hessian, x.T @ (y - p) - ridge * beta)
        beta = beta + step
        if np.max(np.abs(step)) < 1e-12:
            break
    eta = x @ beta
    log_posterior = y @ eta - np.logaddexp(0, eta).sum() - 0.5 * ridge * beta @ beta
    return log_posterior + 0.5 * len(beta) * log_ridge - 0.5 * np.linalg.slogdet(hessian)[1]


def test_evidence():
    def call(n, features):
        data = arguments("logistic", n, features, 2)[1]
        return 0.4, data["x"], np.nan_to_num(data["y"])

    check(Program(laplace_evidence, (call(25, 3), call(40, 5))))
