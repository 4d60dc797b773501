"""Functions of devices around gamma, zeta, the normal law and exponential integrals: SciPy's or mpmath's values."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
import scipy.special

from tests.nightly import NIGHTLY
from tests.scalar_special.support import errors, values

COUNT = 12 if NIGHTLY else 8  # points of each function, beside the edges
REAL, WIDE, POSITIVE, SHAPE, SHARE, COUNTED, NEGATIVE = range(7)
FINITE, ALL = (0.0, 0.5, 1.0, -1.0, -2.0, 3.0, np.nan), (0.0, 0.5, 1.0, -1.0, -2.0, 3.0, np.nan, np.inf, -np.inf)
SOME = (0.5, 1.0, 3.0)

# name -> what its arguments are, and the numbers of which all combinations are edges
DOMAINS = {
    "binom": ((REAL, REAL), ALL), "poch": ((REAL, REAL), FINITE[:-1]), "exp1": ((POSITIVE,), ALL),
    "expi": ((WIDE,), (*ALL, 0.3725074107813666, 0.37, 0.5, 39.99, 40.01)), "expn": ((COUNTED, POSITIVE), FINITE),
    "zetac": ((WIDE,), ALL), "spence": ((POSITIVE,), ALL), "dawsn": ((WIDE,), (*ALL, 1e-9)), "erfi": ((REAL,), ALL),
    "voigt_profile": ((REAL, POSITIVE, POSITIVE), SOME), "ndtri_exp": ((NEGATIVE,), ALL),
    "powm1": ((POSITIVE, REAL), FINITE), "wrightomega": ((WIDE,), ALL), "owens_t": ((REAL, REAL), ALL),
    "tklmbda": ((REAL, REAL), SOME), "kolmogorov": ((POSITIVE,), ALL), "kolmogi": ((SHARE,), ALL),
    "smirnov": ((COUNTED, SHARE), FINITE), "stdtrit": ((SHAPE, SHARE), SOME),
    "smirnovi": ((COUNTED, SHARE), FINITE), "nrdtrimn": ((SHARE, POSITIVE, REAL), SOME),
    "nrdtrisd": ((REAL, SHARE, REAL), (1.0, 3.0)), "chndtr": ((POSITIVE, SHAPE, POSITIVE), SOME),
    "ncfdtr": ((POSITIVE, POSITIVE, POSITIVE, POSITIVE), SOME),
}  # fmt: skip


def of_mpmath(function):
    def number(*point):
        try:
            with mpmath.workdps(40):
                return float(function(*map(mpmath.mpf, point)))
        except (ValueError, ZeroDivisionError):
            return np.nan

    return np.vectorize(number, otypes=[float])


def tukey(x, shape):
    """SciPy's has 1e-11."""
    if shape > 0 and abs(x) * shape >= 1:
        return float(x > 0)
    start = scipy.special.logit(scipy.special.tklmbda(float(x), float(shape)))

    def gap(u):
        return (1 + mpmath.exp(-u)) ** -shape - (1 + mpmath.exp(u)) ** -shape - shape * x

    return 1 / (1 + mpmath.exp(-mpmath.findroot(gap, float(start))))


def dawson(x):
    return (
        scipy.special.dawsn(float(x))
        if abs(x) > 20
        else mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x)
    )


# Where SciPy's own has but 10 or 12 digits
REFERENCES = {
    "binom": of_mpmath(mpmath.binomial), "poch": of_mpmath(mpmath.rf), "dawsn": of_mpmath(dawson),
    "erfi": of_mpmath(mpmath.erfi), "tklmbda": of_mpmath(tukey),
}  # fmt: skip


def points(name, dtype):
    kinds, edges = DOMAINS[name]
    random = np.random.default_rng(5)
    draws = {
        REAL: lambda: random.normal(size=COUNT) * 10 ** random.uniform(-1.5, 1, COUNT),
        WIDE: lambda: random.normal(size=COUNT) * 10 ** random.uniform(-2, 1.8, COUNT),
        POSITIVE: lambda: 10 ** random.uniform(-2, 1.7, COUNT),
        SHAPE: lambda: 10 ** random.uniform(-0.5, 3, COUNT),
        SHARE: lambda: random.uniform(size=COUNT) ** random.integers(1, 12, COUNT),
        COUNTED: lambda: random.integers(1, 40, COUNT), NEGATIVE: lambda: -(10 ** random.uniform(-8, 3, COUNT)),
    }  # fmt: skip
    spread = np.array([draws[kind]() for kind in kinds], float)
    return [row.astype(dtype) for row in spread], [
        *np.array(list(itertools.product(edges, repeat=len(kinds))), dtype).T
    ]


@pytest.mark.filterwarnings("ignore")  # SciPy's, of what is cut to an integer
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", DOMAINS)
def test_values_are_scipys(name, dtype):
    scipys = getattr(scipy.special, name)
    spread, edges = points(name, dtype)
    for arguments, reference in ((spread, REFERENCES.get(name, scipys)), (edges, scipys)):
        found = values(name, arguments, dtype)
        gaps = errors(found, reference, arguments, dtype)
        with np.errstate(all="ignore"):
            right = reference(*(a.astype(np.float64) for a in arguments))
        gaps[(np.abs(right) < np.finfo(dtype).tiny) & (np.abs(found) < np.finfo(dtype).tiny)] = 0.0
        worst = np.argmax(np.nan_to_num(gaps, nan=np.inf))
        assert gaps[worst] < 50, [a[worst] for a in arguments] + [found[worst], right[worst]]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_faddeeva(dtype):
    """Both parts in all quadrants: near the real axis, where the real part is small, and far out."""
    random = np.random.default_rng(2)
    x = (random.normal(size=60) * 10 ** random.uniform(-3, 1.5, 60)).astype(dtype)
    y = (10 ** random.uniform(-6, 1.5, 60) * np.where(np.abs(x) < 3, random.choice([1, 1, -0.01], 60), 1)).astype(dtype)
    found = values("wofz", [x, y], dtype)
    for k in range(60):
        z = mpmath.mpc(float(x[k]), float(y[k]))
        with mpmath.workdps(60):
            right = mpmath.exp(-z * z) * mpmath.erfc(-1j * z)
        for ours, part in zip(found[k], (right.real, right.imag), strict=True):
            assert abs(float(ours) - part) <= 200 * np.finfo(dtype).eps * abs(part) + np.finfo(dtype).tiny, (z, ours)


def binomial(k, n, chance):
    return scipy.special.betainc(n - k, k + 1, 1 - chance)


def negative(k, n, chance):
    return scipy.special.betainc(n, k + 1, chance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_wright_omega(dtype):
    """On both sides of the cut, around its branch point, and far out; Lambert's W is computed by it."""
    random = np.random.default_rng(6)
    spread, close = random.normal(size=60) * 10 ** random.uniform(-1, 3, 60), 10 ** random.uniform(-6, 0, 60)
    x = np.concatenate([spread, -np.abs(spread), -1 + random.normal(size=60) * close]).astype(dtype)
    y = np.concatenate([spread[::-1], np.pi + random.normal(size=60) * close, np.pi + random.normal(size=60) * close])
    y = y.astype(dtype)
    z = x.astype(float) + 1j * y.astype(float)
    right = scipy.special.wrightomega(z)
    found = values("wrightomega_z", [x, y], dtype).astype(float)
    slope = np.abs(z / (1 + right))
    gap = np.abs(found[:, 0] + 1j * found[:, 1] - right) / (np.abs(right) * (1 + slope) + np.finfo(dtype).tiny)
    assert np.max(gap) < 5 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_exponential_integral_of_complex_numbers(dtype):
    """In all directions and sizes; on either side of the cut, far out by the asymptotic series; the limits."""
    random = np.random.default_rng(8)
    z = 10 ** random.uniform(-3, 1.9, 60) * np.exp(1j * random.uniform(-np.pi, np.pi, 60))
    z = np.concatenate([z, -(10 ** random.uniform(-2, 1.9, 20)) + 1j * random.normal(size=20) * 1e-3, [-60 + 0.5j]])
    x, y = z.real.astype(dtype), z.imag.astype(dtype)
    z = x.astype(float) + 1j * y
    right = np.array([complex(mpmath.e1(complex(p))) for p in z])
    found = values("exp1_z", [x, y], dtype).astype(float)
    scale = np.abs(right) + np.abs(np.exp(-z)) + np.finfo(dtype).tiny
    assert np.max(np.abs(found[:, 0] + 1j * found[:, 1] - right) / scale) < 8 * np.finfo(dtype).eps
    found = values("exp1_z", [[-2.0, -2.0, -60.0, 0.0, np.inf, np.nan], [0.0, -0.0, -0.0, 0.0, 1.0, 0.0]], dtype)
    np.testing.assert_allclose(found[:3, 1], [-np.pi, np.pi, np.pi], rtol=1e-6)
    np.testing.assert_array_equal(found[3:], [[np.inf, 0.0], [0.0, 0.0], [np.nan, np.nan]])


# name -> which argument is the probability, and the law at the value and the other arguments: SciPy's own has 11 digits
PARAMETERS = {
    "chdtriv": (0, scipy.special.chdtr), "gdtrib": (1, lambda b, a, x: scipy.special.gdtr(a, b, x)),
    "pdtrik": (0, lambda k, m: scipy.special.gammaincc(k + 1, m)), "btdtria": (0, scipy.special.betainc),
    "btdtrib": (1, lambda b, a, x: scipy.special.betainc(a, b, x)), "bdtrik": (0, binomial),
    "bdtrin": (1, lambda n, k, chance: binomial(k, n, chance)), "nbdtrik": (0, negative),
    "nbdtrin": (1, lambda n, k, chance: negative(k, n, chance)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_give_back_the_probability(name, dtype):
    position, law = PARAMETERS[name]
    random = np.random.default_rng(4)
    count = getattr(scipy.special, name).nin
    others = [random.integers(3, 40, COUNT) if "bd" in name[:3] else 10 ** random.uniform(-1, 2, COUNT)]
    others += [random.uniform(0.05, 0.95, COUNT)] if count == 3 else []
    p = random.uniform(0.05, 0.95, COUNT)
    arguments = [a.astype(dtype) for a in (*others[:position], p, *others[position:])]
    found = values(name, arguments, dtype).astype(float)
    p, *others = (a.astype(float) for a in (arguments[position], *arguments[:position], *arguments[position + 1 :]))
    counts = name in ("pdtrik", "bdtrik", "nbdtrik")
    floor = law(np.zeros(COUNT), *others) if counts else np.zeros(COUNT)
    np.testing.assert_array_equal(found[p < floor], 0.0)
    inside = p > floor
    step = 1e-6 * (found + counts)  # one more than the count is computed
    slope = np.abs(law(found + step, *others) - law(found - step, *others)) / 2e-6
    gap = np.abs(law(found, *others) - p) / (np.finfo(dtype).eps * (p + slope))
    assert np.max(gap[inside]) < 50  # of which SciPy's betainc has 35


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tukeys_law_of_large_shapes(dtype):
    """By the quantile in many digits; SciPy's is beside."""
    x = np.array([7.5, 0.93, 9.7, -292.2, -40.0, 3e-7, 9.0, 0.002, 0.3], dtype)
    shape = np.array([-29.2, 3.2e-5, -13.2, -2.04, -0.6, 2835.9, -361.5, 400.0, 2.5], dtype)
    with mpmath.workdps(200):
        expected = []
        for u, s in zip(map(float, x), map(float, shape), strict=True):
            low, high = mpmath.mpf("1e-90"), 1 - mpmath.mpf("1e-90")
            for _ in range(400):
                middle = (low + high) / 2
                if (middle**s - (1 - middle) ** s) / s > u:
                    high = middle
                else:
                    low = middle
            expected.append(float(low))
    np.testing.assert_allclose(values("tklmbda", [x, shape], dtype), expected, rtol=200 * np.finfo(dtype).eps)


def test_smirnovs_law_takes_no_loop_over_countless_samples():
    assert np.all(np.isnan(values("smirnov", [[1e20, np.inf], [0.5, 0.5]])))
    assert np.all(np.isnan(values("smirnovi", [[1e20, np.inf], [0.5, 0.5]])))


def test_voigts_profile_far_out_is_0():
    assert values("voigt_profile", [10.5, 3.6e-9, 0.0]) == 0.0
