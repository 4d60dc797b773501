"""Derivatives of samples by the parameters of their laws."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.special import gammainc, gammaincinv

import graphc
from graphc import random
from graphc.random.gamma_paths import log_slope

KEY = random.key(5)


def exact_log_slope(a: float, log_x: float) -> float:
    """By mpmath: -(dP/da) / (x p(x)), the derivative by a of the tail on the side of x."""
    with mpmath.workdps(40):
        a, x = mpmath.mpf(a), mpmath.exp(log_x)
        if x < a:
            by_a = -mpmath.diff(lambda t: mpmath.gammainc(t, 0, x, regularized=True), a)
        else:
            by_a = mpmath.diff(lambda t: mpmath.gammainc(t, x, mpmath.inf, regularized=True), a)
        return float(by_a * mpmath.gamma(a) * mpmath.exp(x) / x**a)


PLACES = [
    (a, q) for a in (1e-3, 0.03, 0.3, 0.7, 0.99, 1.0, 1.5, 10.0, 1e4) for q in (1e-8, 1e-3, 0.4, 0.6, 0.999, 1 - 1e-8)
    if gammaincinv(a, q) > 1e-300
]  # fmt: skip


def test_the_slope_of_gamma_samples():
    """Over all of the distribution, in the series, the quadrature below and above."""
    a, q = np.array(PLACES).T
    log_x = np.log(gammaincinv(a, q))
    expected = [exact_log_slope(*place) for place in zip(a, log_x, strict=True)]
    np.testing.assert_allclose(log_slope(a, log_x), expected, rtol=1e-11)


def test_the_slope_of_samples_too_small_for_numbers():
    """x = (q Gamma(a + 1))**(1 / a), where the series has one term."""
    a, q, step = mpmath.mpf("1e-4"), mpmath.mpf("0.2"), mpmath.mpf("1e-12")
    with mpmath.workdps(40):
        log_x = lambda t: mpmath.log(q * mpmath.gamma(t + 1)) / t  # noqa: E731
        expected = (log_x(a + step) - log_x(a - step)) / (2 * step)
        found = log_slope(np.array(float(a)), np.array(float(log_x(a))))
    assert np.exp(float(log_x(a))) == 0.0
    np.testing.assert_allclose(found, float(expected), rtol=1e-11)


SHAPES = np.array([0.3, 0.9, 1.7, 5.0, 40.0])
QUANTILES = gammainc(SHAPES, random.gamma(KEY, SHAPES))
WEIGHTS = np.array([1.0, -2.0, 0.5, 1.5, 1.0])


def weighted(a):
    return np.sum(WEIGHTS * random.gamma(KEY, a))


def test_gradient_and_hessian():
    """Against differences of the quantile function at the samples' places."""
    step = 1e-3 * SHAPES
    near = [gammaincinv(SHAPES + k * step, QUANTILES) for k in range(-3, 4)]
    first = (near[6] - 9 * near[5] + 45 * near[4] - 45 * near[2] + 9 * near[1] - near[0]) / (60 * step)
    second = (2 * (near[6] + near[0]) - 27 * (near[5] + near[1]) + 270 * (near[4] + near[2]) - 490 * near[3]) / (
        180 * step**2
    )
    np.testing.assert_allclose(graphc.grad(weighted)(SHAPES), WEIGHTS * first, rtol=1e-9)
    with graphc.config.override(disable_jit=True):
        product = graphc.hvp(weighted)(SHAPES, np.ones(5))
    np.testing.assert_allclose(product, WEIGHTS * second, rtol=1e-6)


def differences(function, arguments, step=1e-6):
    """Central ones, an argument at a time."""
    found = []
    for k, argument in enumerate(arguments):
        around = [[*arguments[:k], argument + s, *arguments[k + 1 :]] for s in (step, -step)]
        found.append((function(*around[0]) - function(*around[1])) / (2 * step))
    return found


def beta_by_quantiles(a, b):
    """The sample as a function of its parameters, its gammas at their places."""
    first, second = random.split(KEY)
    places = [gammainc(p, random.gamma(k, p)) for k, p in ((first, 1.3), (second, 0.7))]
    x, y = gammaincinv(a, places[0]), gammaincinv(b, places[1])
    return x / (x + y)


def student_by_quantiles(df):
    first, second = random.split(KEY)
    place = gammainc(2.0, random.gamma(second, 2.0))
    return random.normal(first) * np.sqrt(df / 2 / gammaincinv(df / 2, place))


PATHS = {
    "uniform": (lambda a, b: random.uniform(KEY, minval=a, maxval=b), (-1.0, 2.0), None),
    "pareto": (lambda b: random.pareto(KEY, b), (1.7,), None),
    "weibull_min": (lambda s, c: random.weibull_min(KEY, s, c), (2.0, 1.5), None),
    "lognormal": (lambda s: random.lognormal(KEY, s), (0.7,), None),
    "truncated_normal": (lambda a, b: random.truncated_normal(KEY, a, b), (-1.0, 2.0), None),
    "truncated_tail": (lambda a, b: random.truncated_normal(KEY, a, b), (8.0, 8.2), None),
    "beta": (lambda a, b: random.beta(KEY, a, b), (1.3, 0.7), beta_by_quantiles),
    "student_t": (lambda df: random.student_t(KEY, df), (4.0,), student_by_quantiles),
}


@pytest.mark.parametrize("name", PATHS)
def test_paths_of_other_laws(name):
    """Against differences of the sampler, where the path is its formula; else of the quantiles it is made of."""
    sample, parameters, reference = PATHS[name]
    with graphc.config.override(disable_jit=True):
        found = graphc.grad(sample, argnums=tuple(range(len(parameters))))(*parameters)
    np.testing.assert_allclose(found, differences(reference or sample, parameters), rtol=3e-7)


def test_dirichlet_and_multivariate_normal():
    alpha, mean = np.array([0.4, 1.0, 3.0]), np.array([0.5, -0.5])
    cov = np.array([[2.0, 0.5], [0.5, 1.0]])
    with graphc.config.override(disable_jit=True):
        shares = graphc.jacobian(lambda a: random.dirichlet(KEY, a))(alpha)
        by_mean = graphc.jacobian(lambda m: random.multivariate_normal(KEY, m, cov))(mean)
        along = graphc.jvp(lambda c: random.multivariate_normal(KEY, mean, c), (cov,), (np.eye(2),))[1]
    np.testing.assert_allclose(shares.sum(0), 0, atol=1e-12)  # they add up to 1
    logs = np.log(random.gamma(KEY, alpha))
    share = np.exp(logs) / np.exp(logs).sum()
    expected = (np.diag(share) - np.outer(share, share)) * log_slope(alpha, logs)
    np.testing.assert_allclose(shares, expected, rtol=1e-11)
    np.testing.assert_array_equal(by_mean, np.eye(2))
    shifted = [random.multivariate_normal(KEY, mean, cov + s * np.eye(2)) for s in (1e-6, -1e-6)]
    np.testing.assert_allclose(along, (shifted[0] - shifted[1]) / 2e-6, rtol=1e-8)


def test_float32_stays_float32():
    with graphc.config.override(disable_jit=True):
        slope = graphc.grad(lambda a: random.gamma(KEY, a, dtype=np.float32))(np.float32(2.5))
    assert slope.dtype == np.float32
    sample = random.gamma(KEY, np.float32(2.5), dtype=np.float32)
    expected = sample * log_slope(np.array(2.5), np.log(np.float64(sample)))
    np.testing.assert_allclose(slope, expected, rtol=1e-5)
