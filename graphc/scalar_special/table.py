"""The functions of scipy.special that kernels of devices have: by SciPy's name, over as many numbers as SciPy's.

One that gives several numbers returns them all, as SciPy does, complex ones as two each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from graphc.scalar_special import (
    airy,
    airy_integrals,
    bessel_01,
    bessel_integrals,
    bessel_modified,
    bessel_moments,
    bessel_plain,
    beta_function,
    beta_quantiles,
    carlson,
    complex_omega,
    confluent,
    degrees,
    elliptic,
    exponential_integrals,
    faddeeva,
    gamma_quantiles,
    hypergeometric,
    hypergeometric_u,
    incomplete_beta,
    incomplete_gamma,
    kelvin,
    kolmogorov_laws,
    laws,
    mathieu,
    noncentral_inverses,
    noncentral_laws,
    noncentral_t,
    normal_kin,
    orthogonal_polynomials,
    parabolic_cylinder,
    parameters,
    rising_factorials,
    sine_integrals,
    spherical,
    spheroidal_waves,
    struve_functions,
    struve_integrals,
    weber_w,
    wright,
    zeta_and_dilogarithm,
)

# The functions of each file that kernels call, by SciPy's names
BY_FILE: Mapping[ModuleType, str] = {
    airy: "airy airye",
    airy_integrals: "itairy",
    bessel_01: "i0 i0e i1 i1e j0 j1 k0 k0e k1 k1e y0 y1",
    bessel_integrals: "it2i0k0 it2j0y0 iti0k0 itj0y0",
    bessel_moments: "besselpoly",
    bessel_modified: "iv ive kn kv kve",
    bessel_plain: "jv yn yv",
    beta_function: "beta betaln gammasgn rgamma",
    beta_quantiles: "betaincinv betainccinv",
    carlson: "elliprc elliprd elliprf elliprg elliprj",
    degrees: "cosdg cotdg radian sindg tandg",
    elliptic: "agm ellipe ellipeinc ellipj ellipk ellipkinc ellipkm1",
    complex_omega: "wrightomega_z",
    confluent: "hyp0f1 hyp1f1",
    exponential_integrals: "exp1 exp1_z expi expn",
    faddeeva: "dawsn erfi modfresnelm modfresnelp voigt_profile wofz",
    gamma_quantiles: "gammaincinv gammainccinv",
    hypergeometric_u: "hyperu",
    hypergeometric: "hyp2f1",
    incomplete_beta: "betainc betaincc",
    incomplete_gamma: "gammainc gammaincc",
    kelvin: "bei beip ber berp kei keip ker kerp",
    kolmogorov_laws: "kolmogi kolmogorov smirnov smirnovi",
    laws: "bdtr bdtrc bdtri chdtr chdtrc chdtri fdtr fdtrc fdtri gdtr gdtrc gdtria gdtrix nbdtr nbdtrc nbdtri pdtr "
    "pdtrc pdtri stdtr stdtrit",
    mathieu: "mathieu_a mathieu_b mathieu_cem mathieu_modcem1 mathieu_modcem2 mathieu_modsem1 mathieu_modsem2 "
    "mathieu_sem",
    noncentral_inverses: "chndtridf chndtrinc chndtrix ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc nctdtridf nctdtrinc "
    "nctdtrit",
    noncentral_laws: "chndtr ncfdtr",
    noncentral_t: "nctdtr",
    normal_kin: "ndtri_exp nrdtrimn nrdtrisd owens_t powm1 tklmbda wrightomega",
    orthogonal_polynomials: "eval_chebyc eval_chebys eval_chebyt eval_chebyu eval_gegenbauer eval_genlaguerre "
    "eval_hermite eval_hermitenorm eval_jacobi eval_laguerre eval_legendre eval_sh_chebyt eval_sh_chebyu "
    "eval_sh_jacobi eval_sh_legendre lpmv",
    parabolic_cylinder: "pbdv pbvv",
    parameters: "bdtrik bdtrin btdtria btdtrib chdtriv fdtridfd gdtrib nbdtrik nbdtrin pdtrik stdtridf",
    rising_factorials: "binom poch",
    sine_integrals: "fresnel shichi sici",
    spherical: "spherical_in spherical_jn spherical_kn spherical_yn",
    spheroidal_waves: "obl_ang1 obl_ang1_cv obl_cv obl_rad1 obl_rad1_cv obl_rad2 obl_rad2_cv pro_ang1 pro_ang1_cv "
    "pro_cv pro_rad1 pro_rad1_cv pro_rad2 pro_rad2_cv",
    struve_functions: "modstruve struve",
    struve_integrals: "it2struve0 itmodstruve0 itstruve0",
    weber_w: "pbwa",
    wright: "log_wright_bessel wright_bessel",
    zeta_and_dilogarithm: "spence zetac",
}
OTHER_NAMES: Mapping[str, Callable[..., Any]] = {
    "jve": bessel_plain.jv, "yve": bessel_plain.yv,
}  # fmt: skip

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(module, name) for module, names in BY_FILE.items() for name in names.split()},
    **OTHER_NAMES,
}
