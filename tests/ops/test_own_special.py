"""Where SciPy's values are wrong: the CPU's, compiled, and their derivatives beside mpmath."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sp

import graphc
from graphc.abi import OWN_SPECIAL
from graphc.config import settings
from graphc.runtime import cache, scipy_special
from tests.nightly import part
from tests.scalar_special import wave_reference as waves
from tests.scalar_special.support import values

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
INF = mp.inf


def moment(a, power, order):
    """DLMF 10.22.10, the integral of ``t**power J(2 a t)`` up to 1."""
    half = (power + order + 1) / 2
    series = mp.hyper([half], [half + 1, order + 1], -a * a)
    return a**order / (mp.gamma(order + 1) * 2 * half) * series


def fresnel_beyond(sign, x):
    """The integral of ``exp(sign i t**2)`` from x on, by the complementary error function (DLMF 7.2.2, t turned)."""
    turn = mp.expjpi(sign * mp.mpf(1) / 4)
    return mp.sqrt(mp.pi) / 2 * turn * mp.erfc(x / turn)


def ratio_law(n, d, x):
    return mp.betainc(n / 2, d / 2, 0, n * x / (n * x + d), regularized=True)


def second_chebyshev(n, x):
    angle = mp.acos(x)
    return mp.sin((n + 1) * angle) / mp.sin(angle)


def tukey_quantile(p, shape):
    return (p**shape - (1 - p) ** shape) / shape


def noncentral_t(df, offset, t):
    """The integral of the normal law over the law of the chi-square's root (its definition)."""
    constant = 2 * (df / 2) ** (df / 2) / mp.gamma(df / 2)
    return mp.quad(
        lambda s: mp.ncdf(t * s - offset) * constant * s ** (df - 1) * mp.exp(-df * s * s / 2), [0, 0.5, 1, 2, 4, 8]
    )


# name and result -> the reference, and rows of arguments at which SciPy has no digit, few of them, or NaN
PLACES = {
    ("besselpoly", 0): (moment, [(20.0, 0.5, 1.0), (35.0, 1.0, 2.0)]),
    ("it2i0k0", 1): (lambda x: mp.quad(lambda t: mp.besselk(0, t) / t, [x, x + 5, x + 60]), [(12.6,), (27.0,)]),
    ("itairy", 0): (lambda x: mp.quad(mp.airyai, [0, x]), [(5.0,), (8.5,)]),
    ("itairy", 1): (lambda x: mp.quad(mp.airybi, [0, x]), [(5.0,), (8.5,)]),
    ("itairy", 2): (lambda x: mp.quad(lambda t: mp.airyai(-t), mp.linspace(0, x, 6)), [(5.0,), (8.5,)]),
    ("itairy", 3): (lambda x: mp.quad(lambda t: mp.airybi(-t), mp.linspace(0, x, 6)), [(5.0,), (8.5,)]),
    ("itstruve0", 0): (
        lambda x: x * x / mp.pi * mp.hyper([1, 1], [2, 1.5, 1.5], -x * x / 4), [(-29.5,), (120.0,), (2400.0,)]),
    ("pbdv", 0): (mp.pcfd, [(1.3, -2.5), (-2.6, -0.7), (7.4, -4.0)]),
    ("pbvv", 0): (lambda v, x: mp.pcfv(-v - 0.5, x), [(1.3, -2.5), (9.7, -0.7)]),
    ("pbwa", 0): (mp.pcfw, [(0.8, 7.5), (6.0, 2.0)]),
    ("hyp2f1", 0): (mp.hyp2f1, [(0.4, 10.05, 141.8, -4.6), (10.0, -0.0017, -22.7, 0.43), (11.3, 11.8, -19.2, 2e-6)]),
    ("hyp1f1", 0): (mp.hyp1f1, [(-0.5, -1.5, 3.0)]),
    ("hyperu", 0): (mp.hyperu, [(11.0, 1.0, 4.5), (0.56, 1e-9, 0.006), (-8.5, 0.0, 1.1), (1e-9, 11.4, 0.6)]),
    ("eval_legendre", 0): (mp.legendre, [(299.5, 0.14), (40.5, -0.6)]),
    ("eval_chebyt", 0): (mp.chebyt, [(22.5, -0.63), (125.7, 0.13)]),
    ("eval_chebyu", 0): (second_chebyshev, [(45.3, -0.5), (180.2, 0.7)]),
    ("eval_sh_chebyt", 0): (lambda n, x: mp.chebyt(n, 2 * x - 1), [(10.7, 0.04), (88.9, 0.65)]),
    ("eval_laguerre", 0): (lambda n, x: mp.laguerre(n, 0, x), [(40.7, 8.3), (335.5, 10.0)]),
    ("eval_genlaguerre", 0): (mp.laguerre, [(60.3, 1.5, 9.0)]),
    ("eval_gegenbauer", 0): (mp.gegenbauer, [(60.5, 2.2, -0.6), (-14.4, -1.7, 0.1)]),
    ("eval_jacobi", 0): (mp.jacobi, [(50.4, 0.3, 1.2, -0.5), (9.6, -1.5, 0.7, 0.2)]),
    ("mathieu_cem", 0): (waves.periodic("ce", 0), [(13.0, -82.755, 114.0), (3.0, 1205.0, 85.0)]),
    ("mathieu_sem", 0): (waves.periodic("se", 0), [(13.0, -82.755, -114.0)]),
    ("mathieu_modcem1", 0): (waves.products("ce", 1), [(10.0, 0.01, 0.5)]),
    ("obl_ang1", 0): (waves.angular("obl", 0), [(0.0, 0.0, 30.0, 0.5)]),
    ("pro_rad1", 0): (waves.radial("pro", 1), [(0.0, 0.0, 30.0, 1.5)]),
    ("nctdtr", 0): (noncentral_t, [(7.0, 10.5, -2.5), (5.5, 6.0, -7.5)]),
}  # fmt: skip


def result_of(name, k):
    """The function's result number k."""

    def result(*arrays):
        found = getattr(sp, name)(*arrays)
        return found[k] if isinstance(found, tuple) else found

    return result


def columns(rows):
    return [np.array(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(("name", "k"), PLACES)
def test_values_where_scipys_are_wrong(name, k):
    reference, rows = PLACES[name, k]
    with mp.workdps(40):
        expected = [float(mp.re(reference(*map(mp.mpf, row)))) for row in rows]
    found = graphc.jit(result_of(name, k))(*columns(rows))
    np.testing.assert_allclose(found, expected, rtol=3e-12, atol=0)


BY_LAST = [  # by the last argument, others are numbers of the law or the kind
    *(("itairy", k) for k in range(4)), ("it2i0k0", 1), ("itstruve0", 0), ("pbdv", 0), ("pbvv", 0), ("pbwa", 0),
    ("hyp2f1", 0), ("hyperu", 0), ("eval_legendre", 0), ("eval_chebyt", 0), ("eval_chebyu", 0), ("eval_sh_chebyt", 0),
    ("eval_laguerre", 0), ("eval_gegenbauer", 0), ("eval_jacobi", 0), ("nctdtr", 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "k"), part(BY_LAST, 0, 6))
def test_derivatives_where_scipys_values_are_wrong(name, k):
    reference, rows = PLACES[name, k]
    with mp.workdps(40):
        expected = [float(mp.re(mp.diff(lambda x, row=row: reference(*map(mp.mpf, row[:-1]), x), row[-1])))
                    for row in rows]  # fmt: skip
    *others, last = columns(rows)
    found = graphc.grad(lambda x: np.sum(result_of(name, k)(*others, x)))(last)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("sign", [1, -1])
def test_fresnel_integrals_below_zero(sign):
    """SciPy's have another number's imaginary part there."""
    x = np.array([-0.4, -1.0, -3.2])
    function = sp.modfresnelp if sign > 0 else sp.modfresnelm
    expected = np.array([complex(fresnel_beyond(sign, mp.mpf(v))) for v in x])
    np.testing.assert_allclose(graphc.jit(lambda x: function(x)[0])(x), expected, rtol=1e-13)
    slope = graphc.grad(lambda x: np.sum(np.imag(function(x)[0])))(x)
    np.testing.assert_allclose(slope, -sign * np.sin(x * x), rtol=1e-12)


def test_oblate_functions_below_1():
    """R1 R2' - R1' R2 is 1 / (c (x**2 + 1)) (DLMF 30.11.7 at i x), and obl_rad2 has its derivative."""
    m, n, c = np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 4.0]), np.array([3.0, 1.5, 5.0])
    x = np.array([0.3, 0.7, 1.1])
    first, second = graphc.jit(lambda x: (*sp.obl_rad1(m, n, c, x), *sp.obl_rad2(m, n, c, x)))(x), None
    first, second = first[:2], first[2:]
    np.testing.assert_allclose(first[0] * second[1] - first[1] * second[0], 1 / (c * (x * x + 1)), rtol=1e-11)
    slope = graphc.grad(lambda x: np.sum(sp.obl_rad2(m, n, c, x)[0]))(x)
    np.testing.assert_allclose(slope, second[1], rtol=1e-13)


def test_tukeys_law_is_the_inverse_of_its_quantile():
    """Of small shapes, where SciPy's has five digits, and others."""
    x, shape = np.array([0.93, -0.5, 2.0, -40.0, 0.3]), np.array([3.2e-5, -2e-6, -29.0, -2.0, 2.5])
    found = graphc.jit(sp.tklmbda)(x, shape)
    with mp.workdps(60):
        again = [float(tukey_quantile(mp.mpf(p), mp.mpf(s))) for p, s in zip(found, shape, strict=True)]
    np.testing.assert_allclose(again, x, rtol=1e-9)  # which a unit in the last place of p moves so far
    density = graphc.grad(lambda x: np.sum(sp.tklmbda(x, shape)))(x)
    np.testing.assert_allclose(density, 1 / (found ** (shape - 1) + (1 - found) ** (shape - 1)), rtol=1e-9)


INVERSES = {
    "fdtridfd": (lambda s, n, p, x: ratio_law(n, s, x), 1, [(4.78, 0.108, 0.278), (3.0, 0.4, 0.9)]),
    "nctdtridf": (lambda s, p, nc, t: noncentral_t(s, nc, t), 0, [(0.108617, 8.0, 5.0), (0.45, 3.0, 3.0)]),
    "nctdtrinc": (lambda s, df, p, t: noncentral_t(df, s, t), 1, [(9.3, 0.00097, 3.0), (6.3, 0.54, 7e-5)]),
}


@pytest.mark.parametrize("name", INVERSES)
def test_inverses_give_what_has_the_probability(name):
    """SciPy's end at the end of a search, or before the solution."""
    law, probability, rows = INVERSES[name]
    found = graphc.jit(getattr(sp, name))(*columns(rows))
    again = [float(law(mp.mpf(s), *map(mp.mpf, row))) for s, row in zip(found, rows, strict=True)]
    np.testing.assert_allclose(again, columns(rows)[probability], rtol=1e-11)


def test_no_answer_is_nan_and_ends():
    """SciPy's never end at infinite arguments of 1F1, and crash at infinite ones of wave functions."""
    inf = np.full(2, np.inf)
    kummer = graphc.jit(lambda x: (sp.hyp1f1(0.5, 1.0, x), sp.hyp1f1(-0.5, 1.0, x), sp.hyp1f1(0.5, 1.0, -x)))(inf)
    assert [list(v) for v in kummer] == [[np.inf] * 2, [-np.inf] * 2, [0.0] * 2]
    waves_at = graphc.jit(
        lambda q: (*sp.mathieu_cem(2.0, q, 30.0), sp.pro_cv(0.0, 1.0, q), sp.obl_ang1(q, q, 1.0, 0.5)[0])
    )
    assert np.all(np.isnan(waves_at(inf)))
    assert np.all(np.isnan(graphc.jit(sp.pro_cv)(*np.full((3, 2), np.inf, np.float32))))


def test_each_is_compiled_once_and_kept():
    scipy_special.define(["pbdv"])
    address = scipy_special.own_address("pbdv")
    assert cache.get("runtime", "graphc_scipy_pbdv") is not None
    info = cache.cache_info()
    assert scipy_special.own_address("pbdv") == address
    assert cache.cache_info().misses == info.misses
    assert values("pbdv", [[1.5], [-2.0]]).shape == (1, 2)
    assert "pbdv" in OWN_SPECIAL
