"""Special functions of complex numbers: mpmath's values, derivatives by their differential equations, SciPy's edges."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.special

import graphc
from graphc.config import override, settings
from graphc.trace.functions.complex_special import COMPLEX_FORMS
from tests.nightly import NIGHTLY

ROOT_PI = np.sqrt(np.pi)
EDGES = np.array([0.0, -0.0 - 0.0j, 3.0, -3.5, complex(-1.5, -0.0), -1.5, 1e5 + 1j, complex(np.nan, 1), 1e200 + 1j])


def scaled_normal(z):
    return mpmath.erfc(-z / mpmath.sqrt(2)) / 2


# name -> mpmath's function, and the derivative by z and the value
FUNCTIONS = {
    "erf": (mpmath.erf, lambda z, w: 2 / ROOT_PI * np.exp(-z * z)),
    "erfc": (mpmath.erfc, lambda z, w: -2 / ROOT_PI * np.exp(-z * z)),
    "erfcx": (lambda z: mpmath.exp(z * z) * mpmath.erfc(z), lambda z, w: 2 * z * w - 2 / ROOT_PI),
    "erfi": (mpmath.erfi, lambda z, w: 2 / ROOT_PI * np.exp(z * z)),
    "dawsn": (lambda z: mpmath.exp(-z * z) * mpmath.erfi(z) * mpmath.sqrt(mpmath.pi) / 2, lambda z, w: 1 - 2 * z * w),
    "ndtr": (scaled_normal, lambda z, w: np.exp(-z * z / 2) / np.sqrt(2 * np.pi)),
    "loggamma": (mpmath.loggamma, lambda z, w: scipy.special.psi(z)),
    "gamma": (mpmath.gamma, lambda z, w: w * scipy.special.psi(z)),
    "rgamma": (mpmath.rgamma, lambda z, w: -w * scipy.special.psi(z)),
    "exp1": (mpmath.e1, lambda z, w: -np.exp(-z) / z),
    "expi": (mpmath.ei, lambda z, w: np.exp(z) / z),
    "psi": (mpmath.digamma, lambda z, w: np.array([complex(mpmath.psi(1, complex(p))) for p in z])),
}


def points(count):
    """Of all sizes and directions, close to the axes, on both sides of where formulas meet."""
    random = np.random.default_rng(3)
    spread = random.normal(size=(2, count)) * 10 ** random.uniform(-3, 1, (2, count))
    thin, wide = random.normal(size=(2, count)) * [[1e-9], [3.0]]
    met = np.array([0.5, 0.499, -0.5, 0.5j, 1.2 - 0.1j, 49.9 + 3j, 50.2 + 2j, 2.5 + 0j, -2.5 + 0j])
    return np.concatenate([spread[0] + 1j * spread[1], thin + 1j * wide, wide + 1j * thin, met])


def exactly(function, z):
    with mpmath.workdps(40):
        return np.array([complex(function(mpmath.mpc(p))) for p in z])


def test_all_are_tested():
    assert COMPLEX_FORMS.keys() == FUNCTIONS.keys() | {"xlogy", "xlog1py"}


@pytest.mark.parametrize("name", ["xlogy", "xlog1py"])
def test_logarithms_times_0(name):
    x, y = np.array([0.0, 0.0, 2.0 + 1j, -1.0, 0.0]), np.array([0.0, 1j, 0.3 - 2j, -0.5 + 0j, np.nan])
    with override(disable_jit=True):
        function = getattr(scipy.special, name)
        found, moved = graphc.jvp(function, (x, y), (np.ones_like(x), np.ones_like(y)))
        np.testing.assert_allclose(found, function(x, y), rtol=1e-14)
    inner = y[2:4] + (name == "xlog1py")
    np.testing.assert_allclose(moved[2:4], np.log(inner) + x[2:4] / inner, rtol=1e-14)


def sizes(name, z):
    """The exact values, their slopes, the size that errors go by, and which of them are numbers in single precision."""
    function, slope = FUNCTIONS[name]
    exact = exactly(function, z)
    with np.errstate(all="ignore"):
        slopes = slope(z, exact)
        size = np.abs(exact) + np.abs(z * slopes)
    return exact, slopes, size, (np.abs(exact) < 1e37) & (np.abs(exact) > 1e-36)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of infinite ones
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_derivatives(name):
    """At edges SciPy's, but where one part of the value is infinite, the other may be NaN."""
    function, z = getattr(scipy.special, name), points(200 if NIGHTLY else 12)
    with override(disable_jit=True):
        found, moved = graphc.jvp(function, (np.append(z, EDGES),), (np.ones(len(z) + len(EDGES), complex),))
    expected, found_at_edges = function(EDGES), found[len(z) :]
    finite = np.isfinite(expected)
    np.testing.assert_allclose(found_at_edges[finite], expected[finite], rtol=3e-14, atol=1e-15)
    assert not np.any(np.isfinite(found_at_edges) & ~finite)
    found, moved = found[: len(z)], moved[: len(z)]
    exact, slopes, size, seen = sizes(name, z)
    digits = 1e-13 if name in ("exp1", "expi") else 100 * np.finfo(float).eps  # SciPy's own, which cancel up to 5
    assert np.all((np.abs(found - exact) < digits * size)[seen])
    assert np.all((np.abs(moved - slopes) < 1e-12 * (np.abs(slopes) + np.abs(z * exact)))[seen])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["erf", "erfc", "erfcx", "erfi", "dawsn", "ndtr"])
@pytest.mark.parametrize("dtype", ["c16", "c8"])
def test_error_functions_have_their_limits(name, dtype):
    """At infinite real parts, on the real axis, and far up the imaginary one, where both parts meet inf times 0."""
    function = getattr(scipy.special, name)
    ends = np.array([np.inf, -np.inf, 30.0, -40.0, 1e4], dtype)
    z = np.concatenate([ends, 1j * ends[2:], ends[:2] + 1 if name == "erfi" else ends[:2] + 1j]).astype(dtype)
    with override(disable_jit=True):
        found, moved = graphc.jvp(function, (z,), (np.ones_like(z),))
    np.testing.assert_allclose(found, function(z), rtol=1e-13 if dtype == "c16" else 1e-5)
    flat = np.isfinite(found) & np.isinf(z.real) & (name != "erfcx")
    assert np.all(moved[flat] == 0)


@pytest.mark.parametrize("name", ["erf", "dawsn"])
def test_slopes_just_below_overflow_on_the_imaginary_axis(name):
    z = np.array([25.9j, 26.1j, -26.3j, 26.5j])
    function, slope = FUNCTIONS[name]
    with override(disable_jit=True):
        found, moved = graphc.jvp(getattr(scipy.special, name), (z,), (np.ones_like(z),))
    exact = exactly(function, z)
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    np.testing.assert_allclose(moved, slope(z, exact), rtol=1e-12)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", FUNCTIONS if NIGHTLY else ["dawsn", "expi", "loggamma"])
def test_single_precision(name):
    z = points(200 if NIGHTLY else 12).astype("c8")
    with override(disable_jit=True):
        found, _ = graphc.jvp(getattr(scipy.special, name), (z,), (np.ones_like(z),))
    assert found.dtype == np.complex64
    exact, _slopes, size, seen = sizes(name, z.astype(complex))
    assert np.all((np.abs(found - exact) < 200 * np.finfo("f4").eps * size)[seen])


@pytest.mark.skipif(settings.disable_jit or not NIGHTLY, reason="compiles programs of some hundred operations")
def test_a_device_has_the_cpus_values():
    z = points(3)

    def loss(z):
        special = scipy.special
        found = special.erf(z) * special.dawsn(z) + special.erfcx(np.abs(np.real(z)) + 1j)
        return np.sum(np.abs(found + special.loggamma(z) + special.rgamma(z) * special.psi(z)) ** 2)

    expected = graphc.value_and_grad(loss)(z)
    with override(cuda_emulator=True):
        found = graphc.value_and_grad(loss, target="cuda")(z)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-10)
