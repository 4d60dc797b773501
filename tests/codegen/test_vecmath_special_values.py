"""Infinities, NaN, zeros and their signs, subnormals: as NumPy and SciPy have them, in both dtypes."""

import mpmath as mp
import numpy as np
import pytest
import scipy.special

from graphc.codegen import vecmath
from tests.codegen.vecmath_support import DTYPES, arity, compiled

POINTS = [
    0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5, 0.25, 0.75, 1.5, -1.5, 2.5, -2.5,
    7.0, 0.1, -0.3, 1e-20, -1e-20, 1e-310, -1e-310, 5e-324, -5e-324, 1e300, -1e300, 1.7e308, -1.7e308, 1e10, -1e10,
    1e16, 750.0, -750.0, 710.4, -710.4, 100.0, -100.0, 88.8, -88.8, 104.0, -104.0, 1024.0, 9007199254740993.0,
    -9007199254740991.0,
]  # fmt: skip

OTHER_NAMES = {
    "pow": np.power,
    "trigamma": lambda x: scipy.special.polygamma(1, x),
    "tetragamma": lambda x: scipy.special.polygamma(2, x),
    "softplus": lambda x: np.logaddexp(x, x.dtype.type(0)),
}
EXACT = {
    "absolute",
    "ceil",
    "copysign",
    "floor",
    "fmod",
    "nextafter",
    "remainder",
    "floor_divide",
    "rint",
    "sign",
    "trunc",
    "sqrt",
}
# at some of the points the peer's own value has a larger error, or is 0 where there is a subnormal result
BETTER_THAN_PEERS = {"tetragamma", "digamma", "trigamma", "ndtr", "log_ndtr", "logaddexp", "logaddexp2", "expit"}


def reference(name):
    if name in OTHER_NAMES:
        return OTHER_NAMES[name]
    return getattr(np, name, None) or getattr(scipy.special, name)


def points(dtype):
    with np.errstate(over="ignore"):
        return np.array(POINTS).astype(DTYPES[dtype])


def assert_same(name, dtype, got, want, where):
    both_nan = np.isnan(got) & np.isnan(want)
    same = (got == want) & (np.signbit(got) == np.signbit(want)) | both_nan
    tolerance = 0 if name in EXACT else 4 * np.finfo(DTYPES[dtype]).eps
    with np.errstate(invalid="ignore"):
        ordinary = np.isfinite(want) & np.isfinite(got) & (want != 0)
        close = np.isfinite(want) & (want != 0) & (np.abs(got - want) <= tolerance * np.abs(want))
        near = ordinary & (np.abs(got - want) <= 1e-5 * np.abs(want))
    if name in BETTER_THAN_PEERS:
        same |= near | ((want == 0) & (np.abs(got) < np.finfo(DTYPES[dtype]).tiny))
    wrong = ~(same | close)
    assert not wrong.any(), [(*(w[wrong][0] for w in where), got[wrong][0], want[wrong][0])]


SINGLE = sorted(n for n in vecmath.UNARY if n not in ("gammaln", "gamma"))


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("name", SINGLE)
def test_special_points(name, dtype):
    x = points(dtype)
    with np.errstate(all="ignore"):
        want = reference(name)(x)
    assert_same(name, dtype, compiled(name, dtype)(x), want.astype(DTYPES[dtype]), [x])


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("name", sorted(n for n in vecmath.BINARY if n != "polygamma"))
def test_special_pairs(name, dtype):
    x, y = (p.ravel() for p in np.meshgrid(points(dtype), points(dtype)))
    with np.errstate(all="ignore"):
        want = reference(name)(x, y)
    assert_same(name, dtype, compiled(name, dtype)(x, y), want, [x, y])


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_gamma_and_its_logarithm(dtype):
    gammaln, gamma = compiled("gammaln", dtype), compiled("gamma", dtype)
    np.testing.assert_array_equal(
        gammaln([0.0, -0.0, 1, 2, -1, -7, np.inf, -np.inf]), [np.inf, np.inf, 0, 0, np.inf, np.inf, np.inf, -np.inf]
    )
    assert not np.signbit(gammaln([1.0, 2.0])).any()
    np.testing.assert_array_equal(
        gamma([0.0, -0.0, 1, 2, 3, 4, 5, 6, 7, np.inf]), [np.inf, -np.inf, 1, 1, 2, 6, 24, 120, 720, np.inf]
    )
    assert np.isnan(gamma([-1.0, -7.0, -1e20, -np.inf, np.nan])).all()
    assert np.isnan(gammaln([np.nan])).all()
    tiny = np.finfo(DTYPES[dtype]).smallest_subnormal
    np.testing.assert_allclose(gammaln([tiny, -tiny]), -np.log(np.float64(tiny)), rtol=1e-6)  # SciPy: inf
    large = np.array([171.0, 171.7] if dtype == "f64" else [35.0, 35.1])
    np.testing.assert_array_equal(np.isinf(gamma(large)), [False, True])


def test_subnormal_results_are_rounded_once():
    x = np.linspace(-745.1, -708.4, 400)
    exact = [mp.exp(mp.mpf(v)) for v in x.tolist()]
    smallest = mp.mpf(2) ** -1074
    errors = [
        float(abs(mp.mpf(g) - e) / smallest) for g, e in zip(compiled("exp", "f64")(x).tolist(), exact, strict=True)
    ]
    assert max(e for e, v in zip(errors, x, strict=True) if v < -712) <= 0.51  # from there on, half of the last place
    np.testing.assert_array_equal(compiled("exp", "f64")([-745.13, -745.14]), [5e-324, 0.0])


@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide", "nextafter", "copysign"])
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_selections_and_remainders_of_random_bits_are_numpy_s(name, dtype):
    rng = np.random.default_rng(11)
    bits = rng.integers(0, 2**64, (2, 50_000), dtype=np.uint64)
    x, y = bits.view(np.float64) if dtype == "f64" else (bits >> 32).astype(np.uint32).view(np.float32)
    with np.errstate(over="ignore"):
        near = (y * rng.uniform(-50, 50, y.size)).astype(y.dtype)
    for first in (x, near):
        with np.errstate(all="ignore"):
            want = getattr(np, name)(first, y)
        got = compiled(name, dtype)(first, y)
        np.testing.assert_array_equal(got, want)
        number = ~np.isnan(want)
        np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(want[number]))


def test_polygamma_outside_of_its_domain():
    polygamma = compiled("polygamma", "f64")
    n = [0, 1, 2, 0.5, -1, 3, 3, np.nan, 2]
    x = [1.0, 0.0, 0.0, 1.0, 1.0, -1e5, np.nan, 1.0, np.inf]
    np.testing.assert_allclose(
        polygamma(n, x), [-np.euler_gamma, np.inf, -np.inf, np.nan, np.nan, np.nan, np.nan, np.nan, 0], rtol=1e-14
    )
    assert arity("polygamma") == 2
