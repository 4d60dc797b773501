"""scipy.special's functions that are no single op, called as users do: values and differences are SciPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special as sp

import graphc
from graphc.abi import OWN_SPECIAL
from graphc.config import override, settings
from graphc.errors import GraphcError

X, V, N = np.array([0.3, 0.8, 1.7, 2.6]), np.array([0.5, 1.0, 2.0, 3.0]), np.array([0, 1, 2, 3])

PLAIN = """
    sici shichi fresnel itj0y0 it2j0y0 iti0k0 it2i0k0 airy airye modfresnelp modfresnelm kelvin wofz lambertw zeta
    factorial round sinc softplus wrightomega
"""
OF_ORDER = "pbdv pbvv pbwa hankel1 hankel1e hankel2 hankel2e jvp yvp ivp kvp h1vp h2vp binom"
SPHERICAL = "spherical_jn spherical_yn spherical_in spherical_kn"
OF_INTEGER = f"eval_hermite eval_hermitenorm polygamma {SPHERICAL}"

CALLS: dict[str, Callable[[Any], Any]] = {
    **{name: getattr(sp, name) for name in PLAIN.split()},
    **{name: lambda x, name=name: getattr(sp, name)(V, x) for name in OF_ORDER.split()},
    **{name: lambda x, name=name: getattr(sp, name)(N, x) for name in OF_INTEGER.split()},
    **{f"{name}'": lambda x, name=name: getattr(sp, name)(N, x, derivative=True) for name in SPHERICAL.split()},
    "ellipj": lambda x: sp.ellipj(V, x / 3), "hurwitz": lambda x: sp.zeta(x + 1, V),
    "hurwitz by q": lambda x: sp.zeta(V + 1.5, x),
    "jvp 3": lambda x: sp.jvp(V, x, 3), "kvp 2": lambda x: sp.kvp(V, x, 2),
    "lambertw -1": lambda x: sp.lambertw(-x / 9, -1), "lambertw 2": lambda x: sp.lambertw(x, 2),
    "lambertw near 0": lambda x: sp.lambertw(x * 1e-3 - 1e-3), "lambertw on the cut": lambda x: sp.lambertw(-x),
    "lambertw of complex": lambda x: sp.lambertw(x + 1j * x**2), "wofz of complex": lambda x: sp.wofz(x + 1j * x**2),
    "exp1 of complex": lambda x: sp.exp1(x + 1j * x**2),
    "wrightomega of complex": lambda x: sp.wrightomega(x + 1j * x**2), "comb": lambda x: sp.comb(x + 2, V),
    "comb with repetition": lambda x: sp.comb(x + 2, V, repetition=True), "perm": lambda x: sp.perm(x + 2, V),
    "multigammaln": lambda x: sp.multigammaln(x + 3, 4), "diric": lambda x: sp.diric(3 * x, 5),
    "diric even": lambda x: sp.diric(x + 6.0, 4), "assoc_laguerre": lambda x: sp.assoc_laguerre(x, V, 0.5),
    "legendre_p": lambda x: sp.legendre_p(3, np.cos(x)), "legendre_p_all": lambda x: sp.legendre_p_all(3, np.cos(x)),
    "assoc_legendre_p": lambda x: sp.assoc_legendre_p(4, -2, np.cos(x)),
    "assoc_legendre_p norm": lambda x: sp.assoc_legendre_p(4, 3, np.cos(x), norm=True),
    "assoc_legendre_p_all": lambda x: sp.assoc_legendre_p_all(3, 2, np.cos(x)),
    "sph_legendre_p": lambda x: sp.sph_legendre_p(4, 2, x),
    "sph_legendre_p_all": lambda x: sp.sph_legendre_p_all(3, 3, x),
    "sph_harm_y": lambda x: sp.sph_harm_y(4, -3, x, 2 * x),
    "sph_harm_y_all": lambda x: sp.sph_harm_y_all(2, 1, x, 2 * x),
}  # fmt: skip


def results(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)


def total(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A number that every result, real and imaginary part, goes into."""

    def loss(x: Any) -> Any:
        found: Any = 0.0
        for k, part in enumerate(results(function(x))):
            found = found + (k + 1) * np.sum(np.real(part))
            found = found + 0.37 * np.sum(np.imag(part)) if np.iscomplexobj(part) else found
        return found

    return loss


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(name):
    function, loss = CALLS[name], total(CALLS[name])
    with override(disable_jit=True), np.errstate(all="ignore"):
        value, _ = graphc.jvp(function, (X,), (np.ones(4),))
        gradient = graphc.grad(loss)(X)
    for found, wanted in zip(results(value), results(function(X)), strict=True):
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        digits = 1e-11 if name in OWN_SPECIAL else 1e-14  # SciPy's lose some
        np.testing.assert_allclose(found, wanted, rtol=digits, atol=1e-16)
    steps = 1e-5 * np.eye(4)
    wide, narrow = ([(loss(X + r * s) - loss(X - r * s)) / (2e-5 * r) for s in steps] for r in (2.0, 1.0))
    differences = (4 * np.array(narrow) - np.array(wide)) / 3
    np.testing.assert_allclose(gradient, differences, rtol=1e-7, atol=1e-8)


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
def test_compiled_values_are_scipys():
    """Several results of one call, complex ones, integers and optional arguments, in one program."""
    names = (
        "airy",
        "kelvin",
        "modfresnelp",
        "wofz of complex",
        "exp1 of complex",
        "spherical_jn",
        "lambertw on the cut",
    )

    def all_of_them(x):
        return [results(CALLS[name](x)) for name in names]

    for found, wanted in zip(graphc.jit(all_of_them)(X), all_of_them(X), strict=True):
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize(("k", "low", "high"), [(0, -0.367879, 30.0), (-1, -0.367879, -1e-3)])
def test_lambertw_has_every_digit_and_derivative(k, low, high):
    """Against mpmath: close to the branch point the tolerance is the point's own condition."""
    points = np.concatenate([np.linspace(low, high, 9), [low + 1e-4, low + 1e-2]])
    with override(disable_jit=True), mpmath.workdps(40):
        exact = np.array([float(mpmath.lambertw(mpmath.mpf(float(p)), k).real) for p in points])
        slopes = exact / (points * (1 + exact))
        curves = -(slopes**2) * (2 + exact) / (1 + exact)

        def branch(x):
            return np.real(sp.lambertw(x, k))

        condition = 1 + np.abs(points * slopes / exact)
        values, first = graphc.jvp(branch, (points,), (np.ones(len(points)),))
        second = graphc.grad(lambda x: np.sum(graphc.grad(lambda y: np.sum(branch(y)))(x)))(points)
    assert np.all(np.abs(values / exact - 1) < 4e-15 * condition)
    assert np.all(np.abs(first / slopes - 1) < 1e-14 * condition**2)
    assert np.all(np.abs(second / curves - 1) < 1e-12 * condition**2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_hurwitz_zeta_at_its_edges(dtype):
    points = [1, 1.5, 2, 7, 1e14, np.inf], [-3, -1, -0.0, 0, 0.5, 1, 1e9, np.inf]
    s, q = (a.astype(dtype).ravel() for a in np.meshgrid(*points))
    with override(disable_jit=True), np.errstate(all="ignore"):
        found = graphc.vjp(sp.zeta, s, q)[0]
    assert found.dtype == dtype
    digits = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, sp.zeta(s, q), rtol=digits)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: sp.eval_hermite(x, x), "n must be of integers"),
        (lambda x: sp.spherical_jn(x, x), "n must be of integers"),
        (lambda x: sp.legendre_p(3, x, diff_n=1), "differentiate with graphc.grad"),
        (lambda x: sp.comb(x, 2, exact=True), "exact=False"),
        (lambda x: sp.jvp(1, x, x), "one known integer"),
        (lambda x: sp.stirling2(x, 2), "integers"),
        (lambda x: sp.lqn(2, x), "table"),
    ],
)
def test_what_is_refused_says_why(call, message):
    with pytest.raises((GraphcError, ValueError), match=message):
        graphc.grad(lambda x: np.sum(call(x)))(X)
