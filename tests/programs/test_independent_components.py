"""Independent component analysis: sources that are mixed linearly, by maximum likelihood.

With whitened observations z (mean 0, covariance I) and an unmixing matrix W, the negative log-likelihood is

    -log |det W| + mean_t sum_i log cosh(w_i . z_t)

for sources of super-Gaussian density (Bell and Sejnowski, 1995; MacKay, 1996). Orthogonal W are the exponential of a
skew-symmetric matrix, or decorrelated symmetrically, (W W^T)^(-1/2) W, as in FastICA (Hyvarinen, 1999), whose
fixed-point iteration is here, too:

    w_i <- mean(z g(w_i . z)) - mean(g'(w_i . z)) w_i,   g = tanh
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from tests.programs.frame import Program, check, check_hvp, check_jit, thorough


def log_cosh(s):
    return np.abs(s) + np.log1p(np.exp(-2 * np.abs(s))) - np.log(2)


def whiten(observations):
    """Signals in rows, of covariance I."""
    centred = observations - observations.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(centred @ centred.T / centred.shape[1])
    return (vectors / np.sqrt(values)) @ vectors.T @ centred  # which does not depend on the vectors' signs


def negative_log_likelihood(unmixing, observations):
    z = whiten(observations)
    return np.mean(np.sum(log_cosh(unmixing @ z), axis=0)) - np.linalg.slogdet(unmixing)[1]


def contrast(angles, observations):
    """Of the rotation that a skew-symmetric matrix generates; ``angles``: its entries above the diagonal."""
    n = len(observations)
    generator = np.zeros((n, n))
    generator[np.triu_indices(n, 1)] = angles
    return np.mean(np.sum(log_cosh(expm(generator - generator.T) @ whiten(observations)), axis=0))


def decorrelated(w):
    values, vectors = np.linalg.eigh(w @ w.T)
    return (vectors / np.sqrt(values)) @ vectors.T @ w


def non_gaussianity(observations, start, iterations):
    """Of what FastICA finds, by the observations: what an outlier does to it."""
    z = whiten(observations)
    w = decorrelated(start)
    for _ in range(iterations):
        g = np.tanh(w @ z)
        w = decorrelated(g @ z.T / z.shape[1] - np.mean(1 - g**2, axis=1)[:, None] * w)
    return np.mean(np.sum(log_cosh(w @ z), axis=0))


def mixtures(n, samples):
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, n)) @ rng.laplace(size=(n, samples))


def unmixing(n):
    return np.eye(n) + 0.2 * np.random.default_rng(1).normal(size=(n, n))


def angles(n):
    return np.random.default_rng(2).uniform(-0.5, 0.5, n * (n - 1) // 2)


LIKELIHOOD = Program(negative_log_likelihood, ((unmixing(3), mixtures(3, 20)), (unmixing(5), mixtures(5, 31))))
ROTATION = Program(contrast, ((angles(3), mixtures(3, 20)), (angles(5), mixtures(5, 31))))
FAST = Program(non_gaussianity, ((mixtures(3, 20), unmixing(3), 4), (mixtures(4, 31), unmixing(4), 7)))


def test_likelihood():
    check(LIKELIHOOD)


@thorough
def test_rotation():
    check(ROTATION)


def test_fixed_points():
    check(FAST)


@thorough
def test_hessian_times_a_vector():
    check_hvp(LIKELIHOOD)


@thorough
def test_value_alone():
    check_jit(FAST)
