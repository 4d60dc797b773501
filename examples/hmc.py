"""A thousand Hamiltonian Monte Carlo chains at once, wholly inside ``numba.njit``, with gradients of plain NumPy.

python examples/hmc.py [--chains 1000] [--draws 200]

The model is a linear regression with known noise, whose posterior is a Gaussian that can be written down: the mean and
the covariance of the draws are compared with it.
"""

from __future__ import annotations

import argparse
import time

import numba
import numpy as np

import graphc

ROWS, COLUMNS, NOISE, PRIOR = 40, 3, 0.5, 2.0

random = np.random.default_rng(0)
X = random.normal(size=(ROWS, COLUMNS))
y = X @ np.array([1.0, -2.0, 0.5]) + NOISE * random.normal(size=ROWS)


def log_posterior(weights):
    residual = y - X @ weights
    return -0.5 * np.sum(residual**2) / NOISE**2 - 0.5 * np.sum(weights**2) / PRIOR**2


log_posterior_and_gradient = graphc.value_and_grad(log_posterior)


@numba.njit
def transition(position, gradient, density, step, leapfrogs):
    """One draw: (position, gradient and log density there, whether the proposal was accepted)."""
    momentum = np.random.standard_normal(position.size)
    energy = density - 0.5 * np.sum(momentum**2)
    proposal, slope, value = position.copy(), gradient.copy(), density
    for _ in range(leapfrogs):
        momentum += 0.5 * step * slope
        proposal += step * momentum
        value, _ = log_posterior_and_gradient(proposal, out=(None, slope))
        momentum += 0.5 * step * slope
    if np.log(np.random.random()) < value - 0.5 * np.sum(momentum**2) - energy:
        return proposal, slope, value, True
    return position, gradient, density, False


@numba.njit(nogil=True)
def run_chain(start, warmup, step, leapfrogs, samples):
    """Fills ``samples`` (draws, dim) from one chain; returns the share of accepted proposals."""
    draws, dim = samples.shape
    accepted = 0
    position = start.copy()
    density, gradient = log_posterior_and_gradient(position)
    for draw in range(-warmup, draws):
        # a length that varies a little: a fixed one may be the period of an orbit
        length = leapfrogs + np.random.randint(-2, 3)
        position, gradient, density, took = transition(position, gradient, density, step, length)
        if draw >= 0:
            accepted += took
            for k in range(dim):
                samples[draw, k] = position[k]
    return accepted / draws


@numba.njit(parallel=True, nogil=True)
def sample(starts, draws, warmup, step, leapfrogs, seed):
    """Draws (chains, draws, dim) and the share of accepted proposals of each chain."""
    chains, dim = starts.shape
    samples, accepted = np.empty((chains, draws, dim)), np.empty(chains)
    for chain in numba.prange(chains):
        np.random.seed(seed + chain)
        accepted[chain] = run_chain(starts[chain], warmup, step, leapfrogs, samples[chain])
    return samples, accepted


def posterior() -> tuple[np.ndarray, np.ndarray]:
    """The mean and the covariance that the draws should have."""
    covariance = np.linalg.inv(X.T @ X / NOISE**2 + np.eye(COLUMNS) / PRIOR**2)
    return covariance @ (X.T @ y) / NOISE**2, covariance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=200)
    chosen = parser.parse_args()
    starts = np.random.default_rng(1).normal(size=(chosen.chains, COLUMNS))
    sample(starts[:2], 1, 0, 0.05, 3, 0)  # compiles

    begin = time.perf_counter()
    samples, accepted = sample(starts, chosen.draws, 50, 0.04, 4, 7)
    seconds = time.perf_counter() - begin
    each = 1e9 * seconds / (chosen.chains * (chosen.draws + 50) * 4)
    print(f"{chosen.chains} chains of {chosen.draws} draws: {seconds:.2f} s, {each:.0f} ns a gradient")
    print(f"accepted: {np.mean(accepted):.0%}")

    mean, covariance = posterior()
    flat = samples.reshape(-1, COLUMNS)
    deviation = np.sqrt(np.diag(covariance))
    off_mean = np.max(np.abs(flat.mean(0) - mean) / deviation)
    off_covariance = np.max(np.abs(np.cov(flat.T) - covariance) / np.outer(deviation, deviation))
    print(f"off the mean by {off_mean:.4f} standard deviations, off the covariance by {off_covariance:.2%}")


if __name__ == "__main__":
    main()
