"""Noncentral laws of devices and inverses by parameters: against SciPy's laws, integrals, and what they give back."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
import scipy.integrate
import scipy.special

from graphc.scalar_special import noncentral_laws, noncentral_t
from tests.nightly import NIGHTLY
from tests.scalar_special.support import values

COUNT = 40 if NIGHTLY else 2
DTYPES = [np.float64, np.float32]
SHAPE, POINT, OFFSET, ANY = range(4)


def noncentral_t_law(df, nc, t):
    """The integral of the normal law over the density of ``log(s)``, piece by piece."""

    def number(df, nc, t):
        with mpmath.workdps(25):
            half = mpmath.mpf(df) / 2
            constant = float(half * mpmath.log(half) - half - mpmath.loggamma(half))

        def part(v):
            density = 2 * math.exp(constant + df * (v - np.expm1(2 * v) / 2))
            return scipy.special.ndtr(t * math.exp(v) - nc) * density

        width = 1 / math.sqrt(2 * df)
        lowest = -60 / df - 14 * width
        ends = [lowest, *(k * width for k in range(-14, 9, 2)), *([math.log(nc / t)] if nc / t > 0 else [])]
        ends = sorted(v for v in ends if lowest <= v <= 8 * width)
        pieces = [scipy.integrate.quad(part, *span, epsabs=0, epsrel=1e-13)[0] for span in itertools.pairwise(ends)]
        return math.fsum(pieces)

    return np.vectorize(number, otypes=[float])(df, nc, t)


# name -> the law, which of its arguments is looked for, and which one of the inverse's is the probability
INVERSES = {
    "stdtridf": ("stdtr", 0, 0), "fdtridfd": ("fdtr", 1, 1), "chndtrix": ("chndtr", 0, 0),
    "chndtridf": ("chndtr", 1, 1), "chndtrinc": ("chndtr", 2, 2), "ncfdtri": ("ncfdtr", 3, 3),
    "ncfdtridfd": ("ncfdtr", 1, 1), "ncfdtridfn": ("ncfdtr", 0, 0), "ncfdtrinc": ("ncfdtr", 2, 2),
    "nctdtrit": ("nctdtr", 2, 2), "nctdtridf": ("nctdtr", 0, 0), "nctdtrinc": ("nctdtr", 1, 1),
}  # fmt: skip
KINDS = {
    "stdtr": (SHAPE, ANY), "fdtr": (SHAPE, SHAPE, POINT), "chndtr": (POINT, SHAPE, OFFSET),
    "ncfdtr": (SHAPE, SHAPE, OFFSET, POINT), "nctdtr": (SHAPE, ANY, ANY),
}  # fmt: skip
LAWS = {name: getattr(scipy.special, name) for name in KINDS} | {"nctdtr": noncentral_t_law}


def points(law, dtype, seed=4):
    random = np.random.default_rng(seed)
    draws = {
        SHAPE: lambda: 10 ** random.uniform(-0.5, 2, COUNT), POINT: lambda: 10 ** random.uniform(-1, 1.2, COUNT),
        OFFSET: lambda: 10 ** random.uniform(-1, 1.7, COUNT), ANY: lambda: random.normal(size=COUNT) * 3,
    }  # fmt: skip
    return [draws[kind]().astype(dtype) for kind in KINDS[law]]


def in_ulps(found, law, arguments, dtype):
    """How far the probability is from the law's, beside what rounding of it and of each argument makes."""
    right = law(*arguments)
    scale = np.abs(right)
    for k in range(len(arguments)):
        ends = [law(*(a * (1 + s) if j == k else a for j, a in enumerate(arguments))) for s in (1e-5, -1e-5)]
        scale = scale + np.abs(ends[0] - ends[1]) / 2e-5
    return np.abs(found - right) / (np.finfo(dtype).eps * scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", INVERSES)
def test_inverses_give_back_the_probability(name, dtype):
    law, position, place = INVERSES[name]
    arguments = points(law, dtype)
    p = np.asarray(LAWS[law](*(a.astype(float) for a in arguments))).astype(dtype)
    counts = (p > 1e-6) & (p < 1 - 1e-6)
    assert counts.any()
    p, arguments = p[counts], [a[counts] for a in arguments]
    others = [a for k, a in enumerate(arguments) if k != position]
    found = values(name, [*others[:place], p, *others[place:]], dtype).astype(float)
    missed = np.isnan(found)  # where the law is not monotone, two solutions may be too near each other to be seen
    assert np.mean(missed) <= (0.1 if "df" in name[4:] else 0.0)
    given = [found if k == position else a.astype(float) for k, a in enumerate(arguments)]
    assert np.max(in_ulps(p.astype(float), LAWS[law], given, dtype)[~missed]) < 50


@pytest.mark.parametrize("dtype", DTYPES)
def test_noncentral_t(dtype):
    """All four quadrants of t and nc, also where the tail is small."""
    df, nc, t = (np.array(row, dtype) for row in zip(
        (0.3, 2, 1.5), (3, -2, 1.5), (3, 2, -1.5), (12, 5, -4), (40, -3, -5), (150, 25, 20), (7.9, -0.5, 0.7),
        *(row for row in np.transpose(points("nctdtr", float)) if NIGHTLY), strict=True))  # fmt: skip
    found = values("nctdtr", [df, nc, t], dtype).astype(float)
    df, nc, t = (a.astype(float) for a in (df, nc, t))
    assert np.max(in_ulps(found, noncentral_t_law, (df, nc, t), dtype)) < 40


@pytest.mark.parametrize("side", [-1, 1])
def test_terms_may_stand_for_their_neighbours(side):
    """The sum of all terms, and that of some, where either is right."""
    upper = np.float64(side)
    for df, nc, x in np.array([(3.0, 290.0, 200.0), (80.0, 299.0, 500.0), (0.5, 250.0, 90.0)]):
        ours = noncentral_laws.noncentral_gamma_tail(x, df, nc, upper)
        law, middle = noncentral_laws.gamma_law, np.floor(nc / 2)
        some = noncentral_laws.sparse_sum(law, df / 2, df, np.float64(0), nc / 2, x / 2, upper, middle)
        assert some == pytest.approx(ours, rel=1e-13)


EDGES = [
    ("nctdtr", (2.0, 1.0, np.inf), 1.0), ("nctdtr", (2.0, 1.0, -np.inf), 0.0), ("nctdtr", (2.0, np.inf, 1.0), np.nan),
    ("nctdtr", (0.0, 1.0, 1.0), np.nan), ("nctdtr", (np.inf, 1.0, 1.0), 0.5), ("nctdtr", (3.0, 0.0, 0.0), 0.5),
    ("nctdtr", (1e300, 2.0, 2.0), 0.5),
    ("nctdtr", (1e-200, 0.0, 5.0), 0.5), ("nctdtrit", (2.0, 1.0, 0.0), -np.inf), ("nctdtrit", (2.0, 1.0, 1.0), np.inf),
    ("nctdtrit", (2.0, 1.0, 1.5), np.nan), ("nctdtrit", (np.inf, 1.5, 0.5), 1.5), ("nctdtrit", (2.0, 0.0, 0.5), 0.0),
    ("nctdtrinc", (3.0, 0.5, 0.0), 0.0), ("nctdtrinc", (np.inf, 0.5, 1.5), 1.5), ("nctdtridf", (0.5, 0.0, 0.0), np.nan),
    ("nctdtridf", (0.9, 1.0, 1.5), np.nan), ("stdtridf", (0.9, 0.3), np.nan), ("stdtridf", (0.4, 0.3), np.nan),
    ("stdtridf", (1.0, 2.0), np.nan), ("fdtridfd", (2.0, 0.99, 0.5), np.nan), ("fdtridfd", (2.0, 1.0, 0.5), np.nan),
    ("chndtrix", (0.0, 2.0, 3.0), 0.0), ("chndtrix", (1.0, 2.0, 3.0), np.inf), ("chndtrix", (1.1, 2.0, 3.0), np.nan),
    ("chndtrix", (0.5, 0.0, 3.0), np.nan), ("chndtrinc", (3.0, 3.0, 0.9), np.nan),
    ("chndtridf", (0.0, 0.3, 1.0), np.nan),
    ("chndtrinc", (3.0, 2.0, float(scipy.special.chndtr(3.0, 2.0, 0.0))), 0.0), ("ncfdtri", (2.0, 3.0, 1.0, 0.0), 0.0),
    ("ncfdtri", (2.0, 3.0, 1.0, 1.0), np.inf), ("ncfdtri", (2.0, np.inf, 1.0, 0.5), np.nan),
    ("ncfdtrinc", (2.0, 3.0, 0.9, 0.5), np.nan), ("ncfdtridfd", (3.0, 0.9, 3.0, 0.7), np.nan),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "expected"), EDGES)
def test_ends_and_what_has_no_solution(name, given, expected):
    with np.errstate(all="ignore"):
        assert values(name, list(given)) == pytest.approx(expected, abs=1e-15, nan_ok=True)


def test_the_noncentral_t_law_far_out():
    """Against the limits for many degrees of freedom, and for far points a power law; nothing overflows on the way."""
    df, nc = np.float64(3.0), np.float64(-1.0)
    tails = [noncentral_t.noncentral_student_tail(df, np.float64(t), nc, np.float64(1)) for t in (1e6, 1e12)]
    assert tails[0] / tails[1] == pytest.approx(1e18, rel=1e-10)
    assert values("nctdtr", [1e14, -2.0, -5.0]) == pytest.approx(scipy.special.ndtr(-3.0), rel=1e-12)
    assert values("nctdtr", [3.0, 1000.0, 1e300]) == 1.0
    far = [1 - values("nctdtr", [0.01, 1.0, t]) for t in (1e100, 1e300)]
    assert far[0] / far[1] == pytest.approx(100, rel=1e-12)
    with np.errstate(over="ignore"):
        assert values("nctdtrit", [0.01, 1.0, 0.9], np.float32) == np.inf


@pytest.mark.parametrize("dtype", DTYPES)
def test_offsets_beside_which_their_spread_is_nothing(dtype):
    """What is left is a chi-square law of the denominator; squares of the offsets may be beyond all floats."""
    precision = np.finfo(dtype).eps
    for nc in (0.3 / precision, 2 / precision, 1e15 / precision, np.finfo(dtype).max / 8):
        t = np.array([0.5, 1.0, 2.0]) * nc
        found = values("nctdtr", [3.0, nc, t], dtype)
        np.testing.assert_allclose(found, scipy.special.chdtrc(3.0, [12.0, 3.0, 0.75]), rtol=100 * precision)
    for nc in (0.1 / precision**2, 50 / precision**2, np.finfo(dtype).max / 8):
        x = np.array([0.5, 1.0, 2.0]) * nc
        found = values("ncfdtr", [3.0, 5.0, nc, x / 3], dtype)
        np.testing.assert_allclose(found, scipy.special.chdtrc(5.0, [10.0, 5.0, 2.5]), rtol=20 * precision)
        np.testing.assert_allclose(values("chndtr", [x, 3.0, nc], dtype), [0, 0.5, 1], atol=4 * precision)


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_degrees_of_freedom_are_a_normal_law(dtype):
    """Also where x and the mean of the beta law are both 1 for all that floats show."""
    df, t = np.array([1e12, 1e18, 1e30])[:, None], np.array([-3e-4, -0.5, -3.0, 4e-9])
    found = values("stdtr", [df, t], dtype)
    np.testing.assert_allclose(found, np.tile(scipy.special.ndtr(t), (3, 1)), rtol=200 * np.finfo(dtype).eps + 5e-11)
    assert np.isnan(values("stdtridf", [0.24, -3e-4], dtype))


@pytest.mark.parametrize("side", [-1, 1])
def test_integrals_and_sums_of_the_noncentral_t_law_meet(side):
    for df, nc, t in np.array([(110.0, 3.0, 4.5), (300.0, 12.0, 10.0), (150.0, 0.1, 30.0)]):
        sums = noncentral_t.same_side_tail(df, t, nc, np.float64(side))
        assert noncentral_t.integral_tail(df, t, nc, np.float64(side)) == pytest.approx(sums, rel=2e-13)


def test_fishers_law_of_hardly_any_degrees_of_freedom():
    """Its tail is a power there, and 0.73 no probability that it has (DLMF 8.17.5)."""
    d = np.array([1e-307, 1e-310, 0.5, 1e-3])
    x = np.array([2.0, 2.0, 1e308, 1e308])
    upper = [float(mpmath.betainc(a / 2, 1.5, 0, a / (a + 3 * v), regularized=True)) for a, v in
             zip(map(mpmath.mpf, d), map(mpmath.mpf, x), strict=True)]  # fmt: skip
    np.testing.assert_allclose(values("fdtrc", [3.0, d, x]), upper, rtol=1e-12)
    np.testing.assert_allclose(values("ncfdtr", [3.0, d[2:], 1e-12, x[2:]]), 1 - np.array(upper[2:]), rtol=1e-10)
    assert np.isnan(values("fdtridfd", [27.97, 0.7297, 0.4425]))
