"""The functions of scipy.special that kernels of devices have: by SciPy's name, over as many numbers as SciPy's.

One that gives several numbers returns them all, as SciPy does, complex ones as two each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphc.codegen.device_special import (
    bessel_01,
    beta_function,
    beta_quantiles,
    exponential_integrals,
    faddeeva,
    gamma_quantiles,
    incomplete_beta,
    incomplete_gamma,
    kolmogorov_laws,
    laws,
    normal_kin,
    rising_factorials,
    zeta_and_dilogarithm,
)

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        bessel_01.j0, bessel_01.j1, bessel_01.y0, bessel_01.y1, bessel_01.k0, bessel_01.k0e, bessel_01.k1,
        bessel_01.k1e,
        beta_function.beta, beta_function.betaln, beta_function.gammasgn, beta_function.rgamma,
        incomplete_gamma.gammainc, incomplete_gamma.gammaincc,
        gamma_quantiles.gammaincinv, gamma_quantiles.gammainccinv,
        incomplete_beta.betainc, incomplete_beta.betaincc, beta_quantiles.betaincinv, beta_quantiles.betainccinv,
        laws.bdtr, laws.bdtrc, laws.bdtri, laws.nbdtr, laws.nbdtrc, laws.nbdtri, laws.pdtr, laws.pdtrc, laws.pdtri,
        laws.chdtr, laws.chdtrc, laws.chdtri, laws.gdtr, laws.gdtrc, laws.gdtria, laws.gdtrix,
        laws.fdtr, laws.fdtrc, laws.fdtri, laws.stdtr, laws.stdtrit,
        rising_factorials.binom, rising_factorials.poch, zeta_and_dilogarithm.zetac, zeta_and_dilogarithm.spence,
        exponential_integrals.exp1, exponential_integrals.expi, exponential_integrals.expn,
        faddeeva.dawsn, faddeeva.erfi, faddeeva.wofz, faddeeva.voigt_profile,
        normal_kin.ndtri_exp, normal_kin.powm1, normal_kin.wrightomega, normal_kin.owens_t, normal_kin.tklmbda,
        kolmogorov_laws.kolmogorov, kolmogorov_laws.kolmogi, kolmogorov_laws.smirnov,
    )
}  # fmt: skip
