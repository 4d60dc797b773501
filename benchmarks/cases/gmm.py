"""ADBench's Gaussian mixture model: a log-sum-exp over triangular transforms of the data.

The objective of ADBench (https://github.com/microsoft/ADBench): the log posterior of mixture weights ``alphas``,
means, and inverse covariance factors ``icf``, each a row of ``d`` log diagonal entries and then the entries below the
diagonal, column after column. ``positions`` and ``below`` unpack such a row to a matrix: they say where each entry is,
and which entries there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln, logsumexp

from benchmarks.case import Case
from benchmarks.roofline import FUNCTION, Work

WISHART_GAMMA, WISHART_M = 1.0, 0


def log_posterior(alphas, means, icf, x, positions, below):
    n, d = x.shape
    k = means.shape[0]
    log_diagonals = icf[:, :d]
    diagonals = np.exp(log_diagonals)
    lower = np.where(below, icf[:, positions], 0.0)
    log_determinants = np.sum(log_diagonals, axis=1)

    centred = x[None, :, :] - means[:, None, :]
    transformed = centred * diagonals[:, None, :] + centred @ np.swapaxes(lower, 1, 2)
    terms = (alphas + log_determinants)[:, None] - 0.5 * np.sum(transformed**2, axis=2)
    likelihood = np.sum(logsumexp(terms, axis=0)) - n * logsumexp(alphas)

    spread = np.sum(diagonals**2) + np.sum(lower**2)
    prior = 0.5 * WISHART_GAMMA**2 * spread - WISHART_M * np.sum(log_determinants)
    return likelihood + prior - constant(n, d, k)


def constant(n, d, k):
    """What depends on sizes alone: normalisation of the Gaussians, and of the Wishart prior."""
    freedom = d + WISHART_M + 1
    log_gamma = 0.25 * np.log(np.pi) * d * (d - 1) + np.sum(gammaln(0.5 * (freedom - np.arange(d))))
    wishart = freedom * d * (np.log(WISHART_GAMMA) - 0.5 * np.log(2.0)) - log_gamma
    return 0.5 * n * d * np.log(2.0 * np.pi) + k * wishart


def inputs(rng: np.random.Generator, n: int, d: int, k: int) -> tuple[Any, ...]:
    columns, rows = np.triu_indices(d, 1)  # column after column, from just below the diagonal
    positions = np.zeros((d, d), dtype=np.int64)
    positions[rows, columns] = d + np.arange(rows.size)
    alphas, means = rng.standard_normal(k), rng.uniform(0.0, 1.0, (k, d))
    icf = 0.3 * rng.standard_normal((k, d + rows.size))
    return alphas, means, icf, rng.standard_normal((n, d)), positions, np.tri(d, k=-1, dtype=bool)


def work(n: int, d: int, k: int) -> Work:
    """The triangular products forward, and backward by both factors; an exponential for each point and component."""
    packed = d * (d + 1) // 2
    products = 3 * n * k * d * (d - 1)
    moved = 8 * (n * d + 2 * k * (1 + d + packed))
    return Work("float64", moved, products + n * k * (FUNCTION + 8 * d))


def autograd_version():
    import autograd.numpy as np
    from autograd.scipy.special import logsumexp

    def log_posterior(alphas, means, icf, x, positions, below):
        n, d = x.shape
        log_diagonals = icf[:, :d]
        diagonals = np.exp(log_diagonals)
        lower = np.where(below, icf[:, positions], 0.0)
        log_determinants = np.sum(log_diagonals, axis=1)
        centred = x[None, :, :] - means[:, None, :]
        transformed = centred * diagonals[:, None, :] + np.matmul(centred, np.swapaxes(lower, 1, 2))
        terms = (alphas + log_determinants)[:, None] - 0.5 * np.sum(transformed**2, axis=2)
        likelihood = np.sum(logsumexp(terms, axis=0)) - n * logsumexp(alphas)
        spread = np.sum(diagonals**2) + np.sum(lower**2)
        prior = 0.5 * WISHART_GAMMA**2 * spread - WISHART_M * np.sum(log_determinants)
        return likelihood + prior - constant(n, d, means.shape[0])

    return log_posterior


def torch_version():
    import torch

    def log_posterior(alphas, means, icf, x, positions, below):
        n, d = x.shape
        log_diagonals = icf[:, :d]
        diagonals = log_diagonals.exp()
        lower = torch.where(below, icf[:, positions], 0.0)
        log_determinants = log_diagonals.sum(dim=1)
        centred = x[None, :, :] - means[:, None, :]
        transformed = torch.baddbmm(centred * diagonals[:, None, :], centred, lower.mT)
        terms = (alphas + log_determinants)[:, None] - 0.5 * transformed.square().sum(dim=2)
        likelihood = torch.logsumexp(terms, dim=0).sum() - n * torch.logsumexp(alphas, dim=0)
        spread = diagonals.square().sum() + lower.square().sum()
        prior = 0.5 * WISHART_GAMMA**2 * spread - WISHART_M * log_determinants.sum()
        return likelihood + prior - constant(n, d, means.shape[0])

    return log_posterior


def jax_version():
    import jax.numpy as jnp
    from jax.scipy.special import logsumexp

    def log_posterior(alphas, means, icf, x, positions, below):
        n, d = x.shape
        log_diagonals = icf[:, :d]
        diagonals = jnp.exp(log_diagonals)
        lower = jnp.where(below, icf[:, positions], 0.0)
        log_determinants = jnp.sum(log_diagonals, axis=1)
        centred = x[None, :, :] - means[:, None, :]
        transformed = centred * diagonals[:, None, :] + centred @ jnp.swapaxes(lower, 1, 2)
        terms = (alphas + log_determinants)[:, None] - 0.5 * jnp.sum(transformed**2, axis=2)
        likelihood = jnp.sum(logsumexp(terms, axis=0)) - n * logsumexp(alphas)
        spread = jnp.sum(diagonals**2) + jnp.sum(lower**2)
        prior = 0.5 * WISHART_GAMMA**2 * spread - WISHART_M * jnp.sum(log_determinants)
        return likelihood + prior - constant(n, d, means.shape[0])

    return log_posterior


def pytensor_version():
    import pytensor.tensor as pt

    def log_posterior(alphas, means, icf, x, positions, below):
        n, d = x.shape
        log_diagonals = icf[:, :d]
        diagonals = pt.exp(log_diagonals)
        lower = pt.where(below, icf[:, positions], 0.0)
        log_determinants = pt.sum(log_diagonals, axis=1)
        centred = x[None, :, :] - means[:, None, :]
        transformed = centred * diagonals[:, None, :] + pt.matmul(centred, lower.transpose(0, 2, 1))
        terms = (alphas + log_determinants)[:, None] - 0.5 * pt.sum(transformed**2, axis=2)
        likelihood = pt.sum(pt.logsumexp(terms, axis=0)) - n * pt.logsumexp(alphas)
        spread = pt.sum(diagonals**2) + pt.sum(lower**2)
        prior = 0.5 * WISHART_GAMMA**2 * spread - WISHART_M * pt.sum(log_determinants)
        freedom = d + WISHART_M + 1
        log_gamma = 0.25 * np.log(np.pi) * d * (d - 1) + pt.sum(pt.gammaln(0.5 * (freedom - pt.arange(d))))
        wishart = freedom * d * (np.log(WISHART_GAMMA) - 0.5 * np.log(2.0)) - log_gamma
        return likelihood + prior - 0.5 * n * d * np.log(2.0 * np.pi) - means.shape[0] * wishart

    return log_posterior


CASES = (
    Case(
        "gmm",
        "ADBench's Gaussian mixture, n=1000 d=20 k=25, f64",
        log_posterior,
        inputs,
        {"n": 1000, "d": 20, "k": 25},
        {"n": 12, "d": 3, "k": 4},
        {
            "autograd": autograd_version,
            "torch": torch_version,
            "jax": jax_version,
            "pytensor": pytensor_version,
        },
        argnums=(0, 1, 2),
        work=work,
    ),
)
