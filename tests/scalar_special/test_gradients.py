"""Derivatives on a device of functions of SciPy, and what laws of scipy.stats compute there."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats

import graphc
from graphc.config import override, settings
from graphc.cuda_graph import graph_for_device
from graphc.trace.laws import calls, discrete
from graphc.trace.laws.calls import CONTINUOUS
from tests.nightly import NIGHTLY
from tests.trace.test_laws import arguments, is_moment, method_of

RANDOM = np.random.default_rng(1)
A, X = RANDOM.uniform(0.5, 6, 5), RANDOM.uniform(0.1, 4, 5)


def of_one(x):
    special = scipy.special
    found = special.dawsn(x) + special.expi(x) + special.spence(x) + special.wrightomega(x) * special.zetac(x + 2)
    return np.sum(found * special.ndtri_exp(-x) + special.kolmogorov(x) * special.voigt_profile(x, 0.3, 0.7))


def of_two(a, x):
    special = scipy.special
    found = special.betaln(a, x) + special.poch(a, 1.3) * special.rgamma(x) + special.gammainc(2.5, x)
    return np.sum(found * special.owens_t(a, x) + special.eval_legendre(3, x) * special.hyp1f1(1.5, 2.5, -x))


def of_laws(a, x):
    stats = scipy.stats
    return np.sum(stats.gamma.logpdf(x, a) + stats.t.cdf(x, 3.5) + stats.poisson.logpmf(2, a))


def of_integrals(x):
    special = scipy.special
    found = np.prod(special.it2j0y0(x), axis=0) + np.prod(special.it2i0k0(x), axis=0) + special.itairy(x / 2)[0]
    found = found + special.it2struve0(x) * special.itstruve0(x) + special.itmodstruve0(x)
    first, second = special.modfresnelp(x)
    found = found + np.real(first * second) + special.pbdv(1.5, x)[1] * special.pbvv(-0.7, x)[0]
    return np.sum(found + special.pbwa(0.8, x)[1])


def of_inverses(a, x):
    special, p = scipy.special, x / 5
    found = special.chndtrix(p, 3.0, a) * special.nctdtr(4.0, a, x) + special.fdtridfd(3.0, 0.5 + p / 4, 2 + x)
    found = found + special.nctdtrit(4.0, a / 3, p) * special.wright_bessel(0.5, 1.5, x) + special.stdtridf(0.6, 1 + x)
    return np.sum(found * special.besselpoly(x, 0.5, 1.0) + special.log_wright_bessel(0.5, 1.5, a))


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
@pytest.mark.parametrize(
    ("function", "given"),
    [
        (of_laws, (A, X)),
        *([(of_one, (X,)), (of_two, (A, X)), (of_integrals, (X,)), (of_inverses, (A, X))] if NIGHTLY else []),
    ],
)
def test_gradients_are_the_cpus(function, given):
    positions = tuple(range(len(given)))
    with override(disable_jit=True):
        expected = graphc.value_and_grad(function, argnums=positions)(*given)
    with override(cuda_emulator=True):
        found = graphc.value_and_grad(function, argnums=positions, target="cuda")(*given)
    digits = {of_integrals: 1e-6, of_inverses: 1e-10}.get(function, 1e-12)  # which SciPy's have
    np.testing.assert_allclose(found[0], expected[0], rtol=digits)
    for ours, cpus in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, cpus, rtol=10 * digits, atol=1e-13)


@pytest.mark.parametrize("name", [*CONTINUOUS, *discrete.MAKERS] if NIGHTLY else ["vonmises"])
def test_every_method_of_a_law_is_there(name):
    """Value and derivatives, by variable, shapes, location and scale: nothing of them is refused."""
    for method in calls.methods_of(name):
        x = None if is_moment(method) else np.array([0.2, 0.5]) if method in ("ppf", "isf") else np.array([1.0, 2.0])
        given = [np.asarray(a, float) for a in arguments(name, x)]
        is_step = name in discrete.MAKERS
        positions = tuple(range(int(is_step and x is not None), len(given) - is_step))
        call = method_of(name, method)

        def total(*args, call=call):
            return np.sum(call(*args))

        compiled = graphc.value_and_grad(total, argnums=positions) if positions else graphc.jit(total)
        graph_for_device(compiled.graph("final", *given))
