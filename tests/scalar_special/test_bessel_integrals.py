"""Integrals of Bessel, Struve, Airy and Fresnel functions on devices, beside quadrature."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.special

from tests.nightly import NIGHTLY
from tests.scalar_special.support import errors, exactly, values

NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
X = np.array([1e-3, 0.2, 1.4, 1.6, 1.99, 2.01, 2.99, 3.01, 6.0, 7.99, 8.01, 12.3, 37.0])
FAR = 60.0


def integral(function, start, end):
    """Gauss' rule over pieces of length 1 at most."""
    ends = np.linspace(start, end, 2 + int(abs(end - start)))
    half, middle = np.diff(ends)[:, None] / 2, (ends[1:] + ends[:-1])[:, None] / 2
    return np.sum(half * WEIGHTS * function(middle + half * NODES))


def up_to(function):
    return np.vectorize(lambda x: integral(function, 0.0, x), otypes=[float])


def from_on(function, beyond=0.0):
    return np.vectorize(lambda x: integral(function, x, FAR) + beyond, otypes=[float])


def airy(k, sign):
    return up_to(lambda t: scipy.special.airy(sign * t)[k])


def beyond(over):
    """The integral of Hankel's function, over its argument or not, from FAR on by its asymptotic series."""
    total, coefficient = 0.0, 1.0
    for k in range(25):  # of H: a_k (i/z)**k, whose integrals by parts follow each other
        part, power = 0.0, k + 0.5 + over
        factor = 1.0
        for n in range(25):
            part += 1j * factor / FAR ** (power + n)
            factor *= -1j * (power + n)
        total += 1j**k * coefficient * part
        coefficient *= -((2 * k + 1) ** 2) / (8 * (k + 1))
    return total * np.sqrt(2 / np.pi) * np.exp(1j * (FAR - np.pi / 4))


def squares(part, sign=1):
    return lambda x: sign * (np.sqrt(np.pi / 8) - up_to(lambda t: part(t * t))(x))


REFERENCES = {
    "itj0y0": (up_to(scipy.special.j0), lambda x: -from_on(scipy.special.y0, beyond(0).imag)(x)),
    "iti0k0": (up_to(scipy.special.i0), lambda x: np.pi / 2 - from_on(scipy.special.k0)(x)),
    "it2j0y0": (
        up_to(lambda t: (1 - scipy.special.j0(t)) / t),
        from_on(lambda t: scipy.special.y0(t) / t, beyond(1).imag),
    ),
    "it2i0k0": (
        up_to(lambda t: (scipy.special.i0(t) - 1) / t),
        from_on(lambda t: scipy.special.k0(t) / t),
    ),
    "itstruve0": (up_to(lambda t: scipy.special.struve(0, t)),),
    "it2struve0": (lambda x: np.pi / 2 - up_to(lambda t: scipy.special.struve(0, t) / t)(x),),
    "itmodstruve0": (up_to(lambda t: scipy.special.modstruve(0, t)),),
    "itairy": (airy(0, 1), airy(2, 1), airy(0, -1), airy(2, -1)),
    "modfresnelp": (squares(np.cos), squares(np.sin)), "modfresnelm": (squares(np.cos), squares(np.sin, -1)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFERENCES)
def test_values(name):
    x = X[(X > 1) & (X < 20)]
    found = values(name, [x]).reshape(len(x), -1)
    for k, reference in enumerate(REFERENCES[name]):
        expected = reference(x)
        assert np.max(np.abs(found[:, k] - expected) / (np.abs(expected) + 0.3)) < 2e-14  # as quadrature's is absolute
    single = values(name, [X], np.float32).reshape(len(X), -1)
    for k in range(single.shape[1]):
        assert np.max(errors(single[:, k], lambda x, k=k: parts(name, x)[..., k], [X], np.float32)) < 8


def parts(name, x):
    return values(name, [x]).reshape(len(x), -1)


def test_modified_fresnel_functions_without_oscillation():
    x = np.concatenate([X[::3], -X[::3]])
    factor = np.exp(-1j * (x * x + np.pi / 4)) / np.sqrt(np.pi)
    for name, sign in (("modfresnelp", 1), ("modfresnelm", -1)):
        found = values(name, [x])
        expected = (found[:, 0] + 1j * sign * found[:, 1]) * factor
        np.testing.assert_allclose(found[:, 2] + 1j * sign * found[:, 3], expected, rtol=2e-13)
        np.testing.assert_allclose(found[:5, :2] + found[5:, :2], [[np.sqrt(np.pi / 2), sign * np.sqrt(np.pi / 2)]] * 5)


def test_edges():
    """SciPy's at 0 and below, but infinite limits where it has 1e300, and the limits at infinity, where it has NaN.

    Its integral of Ai is off by several times itself between 4 and 9.25, and the imaginary part of its Fresnel
    integrals at -x is not what that at x leaves of the whole.
    """
    x = np.array([0.0, -0.0, -1.3, -2.0, np.nan])
    for name in REFERENCES:
        found = values(name, [x]).reshape(len(x), -1)
        expected = np.array(getattr(scipy.special, name)(x)).reshape(-1, len(x)).T
        if np.iscomplexobj(expected):
            expected = np.stack([expected.real, expected.imag], axis=-1).reshape(len(x), -1)
        expected[np.abs(expected) == 1e300] *= np.inf
        if "fresnel" in name:
            sign = 1 if name.endswith("p") else -1
            expected[2:4, 1] = sign * np.sqrt(np.pi / 2) - getattr(scipy.special, name)(-x[2:4])[0].imag
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12, err_msg=name)
    limits = {
        "itj0y0": (1, 0), "iti0k0": (np.inf, np.pi / 2), "it2j0y0": (np.inf, 0), "it2i0k0": (np.inf, 0),
        "itstruve0": (np.inf,), "it2struve0": (0,), "itmodstruve0": (np.inf,), "itairy": (1 / 3, np.inf, 2 / 3, 0),
        "modfresnelp": (0, 0, 0, 0), "modfresnelm": (0, 0, 0, 0),
    }  # fmt: skip
    for name, expected in limits.items():
        np.testing.assert_allclose(values(name, [[np.inf]]).ravel(), expected, err_msg=name)


def hypergeometric(top, bottom, power, factor, sign):
    return lambda x: factor * x**power * mp.hyper(top, bottom, sign * x * x / 4)


HALF, MORE = mp.mpf(0.5), mp.mpf(1.5)
EXACT = {
    "itj0y0": hypergeometric([HALF], [1, MORE], 1, 1, -1),
    "iti0k0": hypergeometric([HALF], [1, MORE], 1, 1, 1),
    "it2j0y0": hypergeometric([1, 1], [2, 2, 2], 2, mp.mpf(0.125), -1),
    "it2i0k0": hypergeometric([1, 1], [2, 2, 2], 2, mp.mpf(0.125), 1),
    "itstruve0": hypergeometric([1, 1], [MORE, MORE, 2], 2, 1 / mp.pi, -1),
    "itmodstruve0": hypergeometric([1, 1], [MORE, MORE, 2], 2, 1 / mp.pi, 1),
    "it2struve0": lambda x: mp.pi / 2 - 2 * x / mp.pi * mp.hyper([HALF, 1], [MORE, MORE, MORE], -x * x / 4),
    "itairy": lambda x: mp.airyai(x, derivative=-1),
    "modfresnelp": lambda x: mp.sqrt(mp.pi) / 2 * mp.expjpi(0.25) * mp.erfc(mp.expjpi(-0.25) * x),
}


@pytest.mark.skipif(not NIGHTLY, reason="a dense grid")
@pytest.mark.parametrize("name", EXACT)
def test_first_results_beside_mpmath(name):
    x = 10 ** np.linspace(-3, 1.9, 150)
    found = values(name, [x]).reshape(len(x), -1)[:, 0]
    assert np.max(errors(found, exactly(EXACT[name]), [x])) < 10
