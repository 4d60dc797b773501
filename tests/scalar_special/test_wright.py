"""Wright's Bessel function and moments of Bessel functions on devices: mpmath's values, as SciPy's lose digits."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from graphc.scalar_special import bessel_moments, wright
from tests.nightly import NIGHTLY, part
from tests.scalar_special.support import errors, exactly, values

COUNT = 60 if NIGHTLY else 3
DTYPES = [np.float64, np.float32]


def log_wright(a, b, x):
    """The sum of terms, both ways from the largest one among powers of a root of 2."""

    def log_term(k):
        shape = a * k + b
        return k * mp.log(x) - mp.loggamma(k + 1) - mp.loggamma(shape) if shape else -mp.inf

    best = max((mp.mpf(0), *(mp.floor(mp.sqrt(2) ** k) for k in range(25))), key=log_term)
    largest, total = log_term(best), mp.mpf(0)
    for step in (1, -1):
        k = best if step > 0 else best - 1
        while k >= 0:
            term = mp.exp(log_term(k) - largest)
            total += term
            if term < 1e-22 * total:
                break
            k += step
    return largest + mp.log(total)


def moment(a, p, v):
    """By the hypergeometric function whose series is the integral's."""
    with mp.workdps(int(30 + 2 * a)):
        first = (v + p + 1) / 2
        return a**v / mp.gamma(v + 1) / (2 * first) * mp.hyp1f2(first, v + 1, first + 1, -a * a)


WRIGHT = [
    (0.5, 1.2, 3.0), (0.01, 0.3, 0.02), (2.5, 0.0, 40.0), (1.0, 1.0, 2e3), (30.0, 0.4, 1e5), (1.0, 1e-30, 0.1),
    *([(0.02, 0.5, 1e3), (0.3, 170.0, 50.0), (1e-3, 12.0, 700.0), (0.7, 60.0, 1e5)] if NIGHTLY else []),
]  # fmt: skip
MOMENTS = [
    (0.3, 0.5, 1.0), (0.9, -0.5, -0.7), (4.0, 2.0, 3.0), (12.0, 0.5, 0.3), (9.0, 33.0, 7.7), (2.7, -0.6, -3.3),
    (30.0, 1.5, 2.0), (45.0, 0.0, 0.0), (3.0, 4.5, 40.0), (25.0, 2.4, 51.0),
    *([(150.0, 30.0, 79.0)] if NIGHTLY else []),
]  # fmt: skip


def spread(dtype, points, draws):
    random = np.random.default_rng(3)
    rows = [*points, *(draws(random) for _ in range(COUNT if NIGHTLY else 0))]
    return [np.array(row, dtype) for row in zip(*rows, strict=True)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["wright_bessel", "log_wright_bessel"])
def test_wright(name, dtype):
    arguments = spread(dtype, part(WRIGHT, 0, 2) if name == "wright_bessel" else part(WRIGHT, 1, 2), lambda r: (
        10 ** r.uniform(-3, 1.5), 10 ** r.uniform(-2, 2), 10 ** r.uniform(-3, 3)))  # fmt: skip
    right = exactly(log_wright if name == "log_wright_bessel" else lambda *point: mp.exp(log_wright(*point)))
    found = values(name, arguments, dtype)
    gaps = errors(found, right, arguments, dtype)
    with np.errstate(over="ignore"):
        beyond = np.isinf(right(*(a.astype(float) for a in arguments)).astype(dtype)) & np.isinf(found)
    assert np.max(gaps[~beyond]) < 20


@pytest.mark.parametrize("dtype", DTYPES)
def test_moments(dtype):
    arguments = spread(dtype, MOMENTS, lambda r: (
        10 ** r.uniform(-2, 2), r.choice([r.integers(6), r.uniform(-0.9, 60)]),
        r.choice([r.integers(8), r.uniform(-6, 8), r.uniform(0, 100)])))  # fmt: skip
    gaps = errors(values("besselpoly", arguments, dtype), exactly(moment), arguments, dtype)
    assert np.max(gaps) < 20


def test_ways_meet():
    """Lommel's functions and the series of Bessel functions, for one and the same numbers; orders far above those of
    the tests before."""
    for a, p, v in np.array([(60.0, 1.5, 0.3), (80.0, -0.5, 7.0), (150.0, 20.0, 30.0)]):
        near, far = bessel_moments.by_orders(2 * a, p, v), bessel_moments.far_out(2 * a, p, v)
        assert near == pytest.approx(far, rel=1e-12, abs=1e-13 / a**1.5)


def test_few_terms_stand_for_all():
    for a, b, x in np.array([(0.05, 2.0, 300.0), (1.0, 40.0, 3e5), (0.3, 0.0, 2e3)]):
        k = wright.peak(a, b, x)
        deviation = 1 / np.sqrt(1 / k + a * a / (a * k + b))
        (first, others), (largest, rest) = wright.summed(a, b, x, k), wright.spread(a, b, x, k, a * k + b, deviation)
        assert largest + np.log1p(rest) == pytest.approx(first + np.log1p(others), rel=1e-14)


EDGES = [
    ("wright_bessel", (0.5, 0.0, 0.0), 0.0), ("wright_bessel", (0.5, 2.0, 0.0), 1.0),
    ("wright_bessel", (0.0, 0.0, 3.0), 0.0), ("wright_bessel", (0.0, 3.0, 1.0), np.e / 2),
    ("wright_bessel", (0.5, 1.0, np.inf), np.inf),
    ("wright_bessel", (np.inf, 1.0, 1.0), np.nan), ("wright_bessel", (-1.0, 1.0, 1.0), np.nan),
    ("wright_bessel", (1.0, 1.0, 1e8), np.inf), ("log_wright_bessel", (1.0, 1.0, 1e308), 2e154),
    ("log_wright_bessel", (0.0, 0.0, 1.0), -np.inf), ("log_wright_bessel", (1.0, 0.0, 0.0), -np.inf),
    ("log_wright_bessel", (0.5, 1.0, np.inf), np.inf), ("log_wright_bessel", (1.0, 1.0, 1e-18), 1e-18),
    ("besselpoly", (0.0, 1.0, 0.0), 0.5), ("besselpoly", (0.0, 1.0, 1.5), 0.0),
    ("besselpoly", (0.0, -1.0, 0.0), np.inf), ("besselpoly", (0.5, -2.0, -1.0), -np.inf),
    ("besselpoly", (1.0, -3.0, 0.0), np.nan),
    ("besselpoly", (-1.0, 0.5, 1.0), np.nan), ("besselpoly", (-1.0, np.inf, 1.0), np.nan),
    ("besselpoly", (np.inf, 0.5, 1.0), np.nan),
    ("besselpoly", (0.5, np.inf, 1.0), 0.0), ("besselpoly", (0.5, 1.0, np.inf), 0.0),
    ("besselpoly", (1e6, 0.5, 1e6), np.nan),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "expected"), EDGES)
def test_ends(name, given, expected):
    with np.errstate(all="ignore"):
        assert values(name, list(given)) == pytest.approx(expected, rel=1e-13, nan_ok=True)
