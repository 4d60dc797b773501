"""Samples follow their laws: Kolmogorov's and Pearson's tests with fixed keys, by the plain NumPy form.

Compiled samples are the same: ``test_keys``. A right sampler fails each of these with probability 1e-3; keys are fixed.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from graphc import random
from graphc.errors import NumberError

KEY = random.key(2024)
SIZE = (4000,)
LEAST = 1e-3  # probability that a right sampler gives what is farther off

CONTINUOUS = {
    "uniform": (random.uniform(KEY, SIZE, minval=-1.0, maxval=3.0), stats.uniform(-1, 4)),
    "normal": (random.normal(KEY, SIZE), stats.norm),
    "normal_f32": (random.normal(KEY, SIZE, np.float32), stats.norm),
    "lognormal": (random.lognormal(KEY, 0.7, SIZE), stats.lognorm(0.7)),
    "exponential": (random.exponential(KEY, SIZE), stats.expon),
    "laplace": (random.laplace(KEY, SIZE), stats.laplace),
    "logistic": (random.logistic(KEY, SIZE), stats.logistic),
    "gumbel": (random.gumbel(KEY, SIZE), stats.gumbel_r),
    "cauchy": (random.cauchy(KEY, SIZE), stats.cauchy),
    "pareto": (random.pareto(KEY, 2.5, SIZE), stats.pareto(2.5)),
    "rayleigh": (random.rayleigh(KEY, 1.5, SIZE), stats.rayleigh(scale=1.5)),
    "weibull_min": (random.weibull_min(KEY, 2.0, 1.5, SIZE), stats.weibull_min(1.5, scale=2.0)),
    "truncated_normal": (random.truncated_normal(KEY, -0.5, 2.0, SIZE), stats.truncnorm(-0.5, 2.0)),
    "truncated_tail": (random.truncated_normal(KEY, 8.0, np.inf, SIZE), stats.truncnorm(8.0, np.inf)),
    **{f"gamma_{a}": (random.gamma(KEY, a, SIZE), stats.gamma(a)) for a in (0.05, 0.8, 1.0, 3.5, 900.0)},
    "gamma_f32": (random.gamma(KEY, np.float32(2.5), SIZE, np.float32), stats.gamma(2.5)),
    "loggamma": (random.loggamma(KEY, 0.3, SIZE), stats.loggamma(0.3)),
    "chisquare": (random.chisquare(KEY, 5.0, SIZE), stats.chi2(5)),
    "beta": (random.beta(KEY, 0.7, 2.5, SIZE), stats.beta(0.7, 2.5)),
    "student_t": (random.student_t(KEY, 3.0, SIZE), stats.t(3)),
    "f": (random.f(KEY, 4.0, 7.0, SIZE), stats.f(4, 7)),
    "dirichlet": (random.dirichlet(KEY, np.array([0.5, 1.5, 2.0]), SIZE)[:, 1], stats.beta(1.5, 2.5)),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name):
    samples, law = CONTINUOUS[name]
    assert samples.shape == SIZE
    assert stats.kstest(samples, law.cdf).pvalue > LEAST


WEIGHTS = np.array([0.1, 0.2, 0.3, 0.4])
WEIGHTED = stats.rv_discrete(values=(range(4), WEIGHTS))
DISCRETE = {
    "randint": (random.randint(KEY, SIZE, -3, 4), stats.randint(-3, 4)),
    "bernoulli": (random.bernoulli(KEY, 0.3, SIZE), stats.bernoulli(0.3)),
    "rademacher": ((random.rademacher(KEY, SIZE) + 1) // 2, stats.bernoulli(0.5)),
    "categorical": (random.categorical(KEY, np.log(5 * WEIGHTS), shape=SIZE), WEIGHTED),
    "choice": (random.choice(KEY, 4, SIZE, p=WEIGHTS), WEIGHTED),
    "choice_equal": (random.choice(KEY, np.arange(5), SIZE), stats.randint(0, 5)),
    "geometric": (random.geometric(KEY, 0.3, SIZE), stats.geom(0.3)),
    "poisson_few": (random.poisson(KEY, 2.3, SIZE), stats.poisson(2.3)),
    "poisson_many": (random.poisson(KEY, 31.0, SIZE), stats.poisson(31.0)),
    "binomial_few": (random.binomial(KEY, 9, 0.2, SIZE), stats.binom(9, 0.2)),
    "binomial_many": (random.binomial(KEY, 60, 0.45, SIZE), stats.binom(60, 0.45)),
    "binomial_turned": (random.binomial(KEY, 200, 0.85, SIZE), stats.binom(200, 0.85)),
}  # fmt: skip


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete(name):
    """Pearson's test over the values that are to be expected at least ten times, the rest together."""
    samples, law = DISCRETE[name]
    values = np.arange(law.ppf(0.0), law.ppf(1 - 1e-12) + 1)
    expected = law.pmf(values) * samples.size
    frequent = expected >= 10
    counts = (samples[:, None] == values[frequent]).sum(0)
    rest = samples.size - counts.sum(), samples.size - expected[frequent].sum()
    if rest[1] < 1e-6:
        assert rest[0] == 0
        assert stats.chisquare(counts, expected[frequent] * samples.size / expected[frequent].sum()).pvalue > LEAST
    else:
        assert stats.chisquare([*counts, rest[0]], [*expected[frequent], rest[1]]).pvalue > LEAST


@pytest.mark.parametrize("method", ["cholesky", "eigh", "svd"])
def test_multivariate_normal(method):
    cov = np.array([[2.0, 0.6], [0.6, 1.0]])
    samples = random.multivariate_normal(KEY, np.array([1.0, -1.0]), cov, SIZE, method=method)
    white = np.linalg.solve(np.linalg.cholesky(cov), (samples - [1.0, -1.0]).T)
    assert min(stats.kstest(row, stats.norm.cdf).pvalue for row in white) > LEAST
    assert stats.pearsonr(*white).pvalue > LEAST


def test_permutations_and_choices_keep_what_is_there():
    rows = np.arange(12.0).reshape(4, 3)
    moved = random.permutation(KEY, rows)
    assert sorted(map(tuple, moved)) == sorted(map(tuple, rows))
    alone = random.permutation(KEY, rows, axis=0, independent=True)
    np.testing.assert_array_equal(np.sort(alone, 0), rows)
    assert not np.array_equal(np.argsort(alone, 0)[:, 0], np.argsort(alone, 0)[:, 1])
    assert sorted(random.choice(KEY, 6, (2, 3), replace=False).ravel()) == list(range(6))
    firsts = [int(random.choice(random.fold_in(KEY, k), 4, (2,), replace=False, p=WEIGHTS)[0]) for k in range(200)]
    assert stats.chisquare(np.bincount(firsts), WEIGHTS * 200).pvalue > LEAST
    orders = random.permutation(KEY, np.tile(np.arange(3), (1500, 1)), axis=1, independent=True)
    assert stats.chisquare(np.unique(orders, axis=0, return_counts=True)[1]).pvalue > LEAST
    with pytest.raises(NumberError, match="4 of 3 parts"):
        random.choice(KEY, 3, (4,), replace=False)


def test_what_is_no_law():
    for bad in (np.nan, -1.0, np.inf):
        assert np.isnan(random.gamma(KEY, bad))
        assert random.poisson(KEY, bad) == -1
        assert random.binomial(KEY, bad, 0.5) == -1
        assert random.binomial(KEY, 5, bad) == -1
    assert random.poisson(KEY, 0.0) == 0
    assert random.binomial(KEY, 7, np.array([0.0, 1.0])).tolist() == [0, 7]
