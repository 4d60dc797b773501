"""A noisy track with gaps: the Kalman filter's likelihood, the smoother's track and what it is uncertain of.

    predict  m = A m, P = A P A^T + Q        update  S = C P C^T + R, K = P C^T S^-1, m += K v, P -= K S K^T
    smooth   G = P A^T (A P A^T + Q)^-1,     m += G (m' - A m),       P += G (P' - A P A^T - Q) G^T

(Rauch, Tung and Striebel, 1965; Sarkka, Bayesian Filtering and Smoothing, 2013, chapters 4 and 8). The value beside
it is of all times at once: states and observations are one Gaussian vector, conditioned on what was seen.
"""

from __future__ import annotations

import numpy as np

from tests.programs.frame import Program, check


def kalman_filter(A, Q, C, R, m, P, y):
    T, d = len(y), len(m)
    means, covariances = np.zeros((T, d)), np.zeros((T, d, d))
    log_likelihood = 0.0
    for t in range(T):
        if t > 0:
            m, P = A @ m, A @ P @ A.T + Q
        if not np.isnan(y[t]).any():
            S = C @ P @ C.T + R
            v = y[t] - C @ m
            K = np.linalg.solve(S, C @ P).T
            log_likelihood -= 0.5 * (v @ np.linalg.solve(S, v) + np.linalg.slogdet(2 * np.pi * S)[1])
            m, P = m + K @ v, P - K @ S @ K.T
        means[t], covariances[t] = m, P
    return log_likelihood, means, covariances


def smoother(A, Q, means, covariances):
    m, P = means.copy(), covariances.copy()
    for t in range(len(m) - 2, -1, -1):
        ahead = A @ covariances[t] @ A.T + Q
        G = np.linalg.solve(ahead, A @ covariances[t]).T
        m[t] += G @ (m[t + 1] - A @ means[t])
        P[t] += G @ (P[t + 1] - ahead) @ G.T
    return m, P


def model(parameters, dt):
    A = np.array([[1.0, dt], [0.0, parameters["decay"]]])
    Q = np.exp(parameters["log_q"]) * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
    return A, Q, parameters["C"], np.diag(np.exp(parameters["log_r"]))


def objective(parameters, y, dt):
    A, Q, C, R = model(parameters, dt)
    log_likelihood, means, covariances = kalman_filter(A, Q, C, R, np.zeros(2), 2.0 * np.eye(2), y)
    m, P = smoother(A, Q, means, covariances)
    bending = np.sum((m[2:] - 2 * m[1:-1] + m[:-2]) ** 2)
    return -log_likelihood + 0.1 * bending + 0.01 * np.sum(np.trace(P, axis1=1, axis2=2))


def arguments(T):
    t = 0.3 * np.arange(T)
    y = np.column_stack([np.sin(t), np.cos(t)]) + 0.1 * np.random.default_rng(T).normal(size=(T, 2))
    y[T // 2] = np.nan
    y[T // 3, 0] = np.nan
    C = np.array([[1.0, 0.2], [0.1, 0.9]])
    return {"decay": 0.9, "log_q": -0.5, "C": C, "log_r": np.array([-1.0, -2.0])}, y, 0.5


def test_objective():
    check(Program(objective, (arguments(8), arguments(14))), dear=True)


def test_value_of_all_times_at_once():
    parameters, y, dt = arguments(8)
    A, Q, C, R = model(parameters, dt)
    T = len(y)
    whole = np.zeros((2 * T, 2 * T))  # the states as sums of what came before: x = L e, e independent
    L, noise = np.eye(2 * T), np.kron(np.eye(T), Q)
    noise[:2, :2] = 2.0 * np.eye(2)
    for s in range(T):
        for t in range(s + 1, T):
            L[2 * t : 2 * t + 2, 2 * s : 2 * s + 2] = np.linalg.matrix_power(A, t - s)
    whole = L @ noise @ L.T
    seen = np.repeat(~np.isnan(y).any(axis=1), 2)
    H = np.kron(np.eye(T), C)[seen]
    S = H @ whole @ H.T + np.kron(np.eye(T), R)[np.ix_(seen, seen)]
    values = y.ravel()[seen]
    expected = -0.5 * (values @ np.linalg.solve(S, values) + np.linalg.slogdet(2 * np.pi * S)[1])
    log_likelihood, means, covariances = kalman_filter(A, Q, C, R, np.zeros(2), 2.0 * np.eye(2), y)
    np.testing.assert_allclose(log_likelihood, expected, rtol=1e-10)
    track, P = smoother(A, Q, means, covariances)
    np.testing.assert_allclose(track.ravel(), whole @ H.T @ np.linalg.solve(S, values), rtol=1e-9, atol=1e-12)
    rest = whole - whole @ H.T @ np.linalg.solve(S, H @ whole)
    np.testing.assert_allclose(P[3], rest[6:8, 6:8], rtol=1e-9, atol=1e-12)
