"""A thousand Hamiltonian Monte Carlo chains at once, wholly inside ``numba.njit``, with gradients of plain NumPy.

python examples/hmc.py [--chains 1000] [--draws 200]

The chains of a block run in step, so that one call gives the gradients of them all; the blocks run in parallel.

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
BLOCK = 64  # chains in step, at least: enough to fill vectors, and few enough that there are blocks for every thread

random = np.random.default_rng(0)
X = random.normal(size=(ROWS, COLUMNS))
y = X @ np.array([1.0, -2.0, 0.5]) + NOISE * random.normal(size=ROWS)


def log_posterior(weights):
    residual = y - X @ weights
    return -0.5 * np.sum(residual**2) / NOISE**2 - 0.5 * np.sum(weights**2) / PRIOR**2


log_posteriors_and_gradients = graphc.vmap(graphc.value_and_grad(log_posterior))  # of the rows of a matrix


@numba.njit
def kinetic(momenta):
    energies = np.zeros(len(momenta))
    for chain in range(len(momenta)):
        for k in range(momenta.shape[1]):
            energies[chain] += 0.5 * momenta[chain, k] ** 2
    return energies


@numba.njit
def transition(positions, gradients, densities, step, leapfrogs):
    """One draw of each chain, a row each, in place; returns which proposals were accepted."""
    momenta = np.random.standard_normal(positions.shape)
    before = densities - kinetic(momenta)
    proposals, slopes, values = positions.copy(), gradients.copy(), densities.copy()
    for _ in range(leapfrogs):
        momenta += 0.5 * step * slopes
        proposals += step * momenta
        log_posteriors_and_gradients(proposals, out=(values, slopes))
        momenta += 0.5 * step * slopes
    took = np.log(np.random.random(len(values))) < values - kinetic(momenta) - before
    for chain in range(len(took)):
        if took[chain]:
            densities[chain] = values[chain]
            for k in range(positions.shape[1]):  # by elements: a row at once takes Numba seconds to compile
                positions[chain, k], gradients[chain, k] = proposals[chain, k], slopes[chain, k]
    return took


@numba.njit(nogil=True)
def run_block(starts, warmup, step, leapfrogs, samples, accepted):
    """Fills ``samples`` (chains, draws, dim) and ``accepted`` (chains), the share of accepted proposals."""
    draws = samples.shape[1]
    positions = starts.copy()
    densities, gradients = log_posteriors_and_gradients(positions)
    accepted.fill(0.0)
    for draw in range(-warmup, draws):
        # a length that varies a little, for all chains of the block: a fixed one may be the period of an orbit
        length = leapfrogs + np.random.randint(-2, 3)
        took = transition(positions, gradients, densities, step, length)
        if draw >= 0:
            for chain in range(len(took)):
                accepted[chain] += took[chain] / draws
                for k in range(positions.shape[1]):
                    samples[chain, draw, k] = positions[chain, k]


@numba.njit(parallel=True, nogil=True)
def sample(starts, draws, warmup, step, leapfrogs, seed):
    """Draws (chains, draws, dim) and the share of accepted proposals of each chain."""
    chains, dim = starts.shape
    samples, accepted = np.full((chains, draws, dim), np.nan), np.full(chains, np.nan)
    blocks = max(chains // BLOCK, 1)
    for block in numba.prange(blocks):
        np.random.seed(seed + block)
        rows = slice(chains * block // blocks, chains * (block + 1) // blocks)
        run_block(starts[rows], warmup, step, leapfrogs, samples[rows], accepted[rows])
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
    if chosen.chains < 2:
        parser.error("--chains must be at least 2: a batch of one is a program of its own")
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
