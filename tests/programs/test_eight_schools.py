"""A Bayesian hierarchical model: eight schools, non-centred.

School j reports an effect y_j with standard error s_j. With theta_j = mu + tau eta_j,

    y_j ~ N(theta_j, s_j),  eta_j ~ N(0, 1),  mu ~ N(0, 5),  tau ~ half-Cauchy(5)

(Gelman et al., Bayesian Data Analysis, 2013, section 5.5; data from Rubin, 1981). tau is positive, so its logarithm is
the parameter, and the log-density has the logarithm of the Jacobian, log tau. What is here is what HMC asks for: the
log-density and its gradient, and one trajectory of leapfrog steps made of them, which is differentiable as well.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

import graphc
from tests.programs.frame import Program, check, check_hvp, check_jit, check_vmap, differences, thorough


class Schools(NamedTuple):
    effect: np.ndarray
    error: np.ndarray


class Position(NamedTuple):
    mu: float
    log_tau: float
    eta: np.ndarray


def log_posterior(position, schools):
    tau = np.exp(position.log_tau)
    theta = position.mu + tau * position.eta
    log_prior = stats.norm.logpdf(position.mu, 0, 5) + stats.halfcauchy.logpdf(tau, scale=5) + position.log_tau
    log_prior += stats.norm.logpdf(position.eta).sum()
    return log_prior + stats.norm.logpdf(schools.effect, loc=theta, scale=schools.error).sum()


RUBIN = Schools(np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18]))


def arguments(count):
    rng = np.random.default_rng(count)
    schools = Schools(*(np.resize(data, count) for data in RUBIN))
    return Position(4.2, 0.7, rng.normal(size=count)), schools


PROGRAM = Program(log_posterior, (arguments(8), arguments(13)))


def test_log_posterior():
    check(PROGRAM)


def test_hessian_times_a_vector():
    check_hvp(PROGRAM)


@thorough
def test_value_alone():
    check_jit(PROGRAM)


@thorough
def test_batch_of_chains():
    check_vmap(PROGRAM)


def energy_error(start, momentum, step, schools, trajectory):
    """What a trajectory of leapfrog steps changes the Hamiltonian by, whose derivative by the step tunes it."""

    def potential(q):
        return -log_posterior(Position(q[0], q[1], q[2:]), schools)

    gradient = graphc.grad(potential)
    q, p = start.copy(), momentum - 0.5 * step * gradient(start)
    for _ in range(trajectory):
        q += step * p
        p -= step * gradient(q)
    p += 0.5 * step * gradient(q)
    return potential(q) + 0.5 * p @ p - potential(start) - 0.5 * momentum @ momentum


def gradient_by_hand(q, schools):
    """Of minus the log posterior."""
    tau, eta = np.exp(q[1]), q[2:]
    pull = (q[0] + tau * eta - schools.effect) / schools.error**2
    by_log_tau = np.sum(pull * tau * eta) + 2 * tau**2 / (25 + tau**2) - 1
    return np.concatenate([[np.sum(pull) + q[0] / 25, by_log_tau], pull * tau + eta])


def energy_error_by_hand(start, momentum, step, schools, trajectory):
    def potential(q):
        return -log_posterior(Position(q[0], q[1], q[2:]), schools)

    q, p = start, momentum
    for _ in range(trajectory):
        p = p - 0.5 * step * gradient_by_hand(q, schools)
        q = q + step * p
        p = p - 0.5 * step * gradient_by_hand(q, schools)
    return potential(q) + 0.5 * p @ p - potential(start) - 0.5 * momentum @ momentum


def test_leapfrog():
    def call(count, trajectory):
        rng = np.random.default_rng(count)
        start = np.concatenate([[4.2, 0.7], rng.normal(size=count)])
        return start, rng.normal(size=count + 2), 0.07, Schools(*(np.resize(d, count) for d in RUBIN)), trajectory

    derivative = differences(energy_error_by_hand, step=1e-3)  # of a small difference of large numbers
    check(Program(energy_error, (call(8, 5), call(11, 9)), derivative, plain=energy_error_by_hand))
