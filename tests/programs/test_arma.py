"""The exact likelihood of an autoregressive moving average, by a Kalman filter from the stationary state.

With r = max(p, q + 1), y[t] = first component of a state that moves by

    a <- T a + R e,    T = [[phi_1, 1, 0, ...], [phi_2, 0, 1, ...], ...],    R = (1, theta_1, ..., theta_{r-1})

(Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, 1989, section 3.3). The first covariance
solves P = T P T^T + R R^T. Coefficients come from partial autocorrelations in (-1, 1), so that any parameters give
a stationary, invertible process (Monahan, 1984).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_discrete_lyapunov, toeplitz
from scipy.stats import multivariate_normal

from tests.programs.frame import Program, check


def coefficients(partial):
    """Durbin and Levinson's recursion."""
    phi = np.zeros(0)
    for k in range(len(partial)):
        phi = np.append(phi - partial[k] * phi[::-1], partial[k])
    return phi


def state_space(phi, theta):
    r = max(len(phi), len(theta) + 1)
    transition, noise = np.zeros((r, r)), np.zeros(r)
    transition[: len(phi), 0] = phi
    transition[:-1, 1:] = np.eye(r - 1)
    noise[0] = 1.0
    noise[1 : len(theta) + 1] = theta
    return transition, noise


def negative_log_likelihood(parameters, y):
    phi = coefficients(np.tanh(parameters["ar"]))
    theta = -coefficients(np.tanh(parameters["ma"]))
    T, R = state_space(phi, theta)
    Q = np.outer(R, R)
    a, P = np.zeros(len(R)), solve_discrete_lyapunov(T, Q)
    variance = np.exp(parameters["log_variance"])
    total = 0.0
    for t in range(len(y)):
        error = y[t] - parameters["mean"] - a[0]
        F = P[0, 0]
        gain = T @ P[:, 0] / F
        total += np.log(2 * np.pi * variance * F) + error**2 / (F * variance)
        a = T @ a + gain * error
        P = T @ P @ T.T - F * np.outer(gain, gain) + Q
    return 0.5 * total


def arguments(n, ar, ma):
    rng = np.random.default_rng(n)
    noise = rng.normal(size=n + 2)
    y = np.zeros(n)
    for t in range(2, n):
        y[t] = 0.7 * y[t - 1] - 0.2 * y[t - 2] + noise[t] + 0.4 * noise[t - 1]
    return {"ar": np.array(ar), "ma": np.array(ma), "log_variance": 0.1, "mean": 0.05}, y


CALLS = (arguments(25, [0.3, -0.1], [0.2]), arguments(60, [0.3, -0.1], [0.2]))


def test_likelihood():
    check(Program(negative_log_likelihood, CALLS), dear=True)


def test_value_by_the_autocovariances():
    parameters, y = CALLS[0]
    phi, theta = coefficients(np.tanh(parameters["ar"])), -coefficients(np.tanh(parameters["ma"]))
    response = np.zeros(400)
    for k in range(400):
        response[k] = float(k == 0) + sum(theta[j] for j in range(len(theta)) if j + 1 == k)
        response[k] += sum(phi[j] * response[k - j - 1] for j in range(len(phi)) if k > j)
    covariances = [np.exp(0.1) * response[: 400 - k] @ response[k:] for k in range(len(y))]
    law = multivariate_normal(np.full(len(y), 0.05), toeplitz(covariances))
    np.testing.assert_allclose(negative_log_likelihood(parameters, y), -law.logpdf(y), rtol=1e-10)
