"""Gamma and beta functions of devices, and the laws by them: SciPy's values over the domain and at its edges."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
import scipy.special

from tests.nightly import NIGHTLY
from tests.scalar_special.support import errors, values

COUNT = 12 if NIGHTLY else 8  # points of each function, beside the edges
SHAPE, ARGUMENT, SHARE, COUNTED, TRIALS, SIGNED, ANY = (
    "shape",
    "argument",
    "share",
    "counted",
    "trials",
    "signed",
    "any",
)
FINITE, WITH_INF = (0.0, 0.5, 1.0, 2.0, -1.0, np.nan), (0.0, 0.5, 1.0, 2.0, -1.0, np.nan, np.inf)

# name -> what its arguments are, and the numbers of which all combinations are edges
DOMAINS = {
    "beta": ((ANY, ANY), (0.5, 1.0, 2.0, -0.5, -1.5)), "betaln": ((ANY, ANY), (0.5, 1.0, 2.0, -0.5)),
    "rgamma": ((SIGNED,), (*WITH_INF, -np.inf)), "gammasgn": ((SIGNED,), (*WITH_INF, -np.inf, -0.0, -1.5)),
    "gammainc": ((SHAPE, ARGUMENT), WITH_INF), "gammaincc": ((SHAPE, ARGUMENT), WITH_INF),
    "gammaincinv": ((SHAPE, SHARE), WITH_INF), "gammainccinv": ((SHAPE, SHARE), WITH_INF),
    "betainc": ((SHAPE, SHAPE, SHARE), WITH_INF), "betaincc": ((SHAPE, SHAPE, SHARE), WITH_INF),
    "betaincinv": ((SHAPE, SHAPE, SHARE), FINITE), "betainccinv": ((SHAPE, SHAPE, SHARE), FINITE),
    "bdtr": ((COUNTED, TRIALS, SHARE), WITH_INF), "bdtrc": ((COUNTED, TRIALS, SHARE), WITH_INF),
    "bdtri": ((COUNTED, TRIALS, SHARE), WITH_INF), "nbdtr": ((COUNTED, TRIALS, SHARE), WITH_INF),
    "nbdtrc": ((COUNTED, TRIALS, SHARE), WITH_INF), "nbdtri": ((COUNTED, TRIALS, SHARE), (1.0, 2.0)),
    "pdtr": ((COUNTED, ARGUMENT), (0.5, 1.0, 2.0, -1.0, np.inf)), "pdtrc": ((COUNTED, ARGUMENT), (0.5, 1.0, -1.0)),
    "pdtri": ((COUNTED, SHARE), FINITE),
    "chdtr": ((SHAPE, ARGUMENT), WITH_INF), "chdtrc": ((SHAPE, ARGUMENT), WITH_INF),
    "chdtri": ((SHAPE, SHARE), FINITE), "gdtr": ((ARGUMENT, SHAPE, ARGUMENT), FINITE),
    "gdtrc": ((ARGUMENT, SHAPE, ARGUMENT), FINITE), "gdtria": ((SHARE, SHAPE, ARGUMENT), (0.5, 1.0, 2.0)),
    "gdtrix": ((ARGUMENT, SHAPE, SHARE), (0.5, 1.0, 2.0)), "fdtr": ((SHAPE, SHAPE, ARGUMENT), FINITE),
    "fdtrc": ((SHAPE, SHAPE, ARGUMENT), FINITE), "fdtri": ((SHAPE, SHAPE, SHARE), (0.5, 1.0, 2.0)),
    "stdtr": ((SHAPE, SIGNED), (*WITH_INF, -np.inf)),
}  # fmt: skip
BETA = np.vectorize(lambda a, b: float(mpmath.beta(a, b)))  # SciPy's has 1e-10 for shapes that differ much
LOG_BETA = np.vectorize(lambda a, b: float(mpmath.log(abs(mpmath.beta(a, b)))) if a + b else -np.inf)
REFERENCES = {"beta": BETA, "betaln": LOG_BETA}
TINY = {np.float64: 1e-300, np.float32: 1e-36}  # smaller values may be 0


def points(name, dtype):
    kinds, edges = DOMAINS[name]
    random = np.random.default_rng(11)
    draws = {
        SHAPE: lambda: 10 ** random.uniform(-1.5, 3, COUNT), ARGUMENT: lambda: 10 ** random.uniform(-2, 3, COUNT),
        SHARE: lambda: random.uniform(size=COUNT) ** random.integers(1, 12, COUNT),
        COUNTED: lambda: random.integers(0, 30, COUNT), TRIALS: lambda: random.integers(30, 200, COUNT),
        SIGNED: lambda: random.normal(size=COUNT) * 10 ** random.uniform(-1, 1.5, COUNT),
        ANY: lambda: 10 ** random.uniform(-2, 5, COUNT),
    }  # fmt: skip
    spread = np.array([draws[kind]() for kind in kinds], float)
    found = np.concatenate([spread, np.array(list(itertools.product(edges, repeat=len(kinds)))).T], axis=1)
    return [row.astype(dtype) for row in found]


@pytest.mark.filterwarnings("ignore:floating point number truncated")
@pytest.mark.filterwarnings("ignore:non-integer arg n")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of arrays at their edges
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", DOMAINS)
def test_values_are_scipys(name, dtype):
    arguments = points(name, dtype)
    reference = REFERENCES.get(name, getattr(scipy.special, name))
    found = values(name, arguments, dtype)
    with np.errstate(all="ignore"):
        right = getattr(scipy.special, name)(*(a.astype(np.float64) for a in arguments))
    gaps = errors(found, reference, arguments, dtype)
    gaps[(np.abs(right) < TINY[dtype]) & (np.abs(found) < TINY[dtype])] = 0.0
    worst = np.argmax(np.nan_to_num(gaps, nan=np.inf))
    assert gaps[worst] < 50, [a[worst] for a in arguments] + [found[worst], right[worst]]
