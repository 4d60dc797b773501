"""Counts from a hidden Markov chain: the likelihood and the states' uncertainty, by forward and backward recursions.

    alpha_t = (alpha_{t-1} A) * b_t / c_t,    beta_t = A (b_{t+1} * beta_{t+1}) / c_{t+1},    gamma = alpha * beta

with c_t what makes alpha_t sum to 1, and log p = sum log c_t (Rabiner, 1989). The gradient of log p is Fisher's: by the
logarithm of a rate it is sum_t gamma_t (count_t - rate), which is Baum and Welch's step set to zero.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, softmax

from tests.programs.frame import Program, check


def recursions(start, transition, b):
    T, K = b.shape
    alpha, beta, scale = np.zeros((T, K)), np.ones((T, K)), np.zeros(T)
    alpha[0] = start * b[0]
    for t in range(T):
        if t > 0:
            alpha[t] = (alpha[t - 1] @ transition) * b[t]
        scale[t] = alpha[t].sum()
        alpha[t] /= scale[t]
    for t in range(T - 2, -1, -1):
        beta[t] = transition @ (b[t + 1] * beta[t + 1]) / scale[t + 1]
    return alpha, beta, scale


def posterior(parameters, counts):
    """The log likelihood, and the probabilities of each state at each time."""
    log_b = counts[:, None] * parameters["log_rate"] - np.exp(parameters["log_rate"]) - gammaln(counts + 1)[:, None]
    top = log_b.max(axis=1, keepdims=True)
    start, transition = softmax(parameters["start"]), softmax(parameters["transition"], axis=1)
    alpha, beta, scale = recursions(start, transition, np.exp(log_b - top))
    return np.sum(np.log(scale)) + np.sum(top), alpha * beta


def objective(parameters, counts, weight):
    log_likelihood, gamma = posterior(parameters, counts)
    uncertainty = -np.sum(gamma * np.log(gamma))
    return -log_likelihood + weight * uncertainty


def arguments(T, K, weight=0.1):
    rng = np.random.default_rng(T)
    parameters = {
        "start": rng.normal(size=K),
        "transition": rng.normal(size=(K, K)),
        "log_rate": np.log(1.0 + 2 * np.arange(K)),
    }
    return parameters, rng.poisson(3.0, T).astype(float), weight


def test_likelihood_and_uncertainty():
    value_and_gradient = check(Program(objective, (arguments(7, 2), arguments(9, 3))), dear=True)
    parameters, counts, _ = arguments(9, 3)
    gradient = value_and_gradient(parameters, counts, 0.0)[1]
    _, gamma = posterior(parameters, counts)
    fisher = np.sum(gamma * (counts[:, None] - np.exp(parameters["log_rate"])), axis=0)
    np.testing.assert_allclose(gradient["log_rate"], -fisher, rtol=1e-10)
