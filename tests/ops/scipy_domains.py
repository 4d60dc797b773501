"""Where the functions that SciPy computes are sampled: ordinary places, each of their branches among them."""

from __future__ import annotations

import numpy as np
import scipy.special

from graphc.ops.scipy_parts import PARTS


def points(*numbers: float) -> np.ndarray:
    return np.array(numbers)


ANY, POSITIVE, UNIT = points(-2.1, -0.4, 0.7, 1.9), points(0.3, 0.9, 2.2, 6.0), points(0.15, 0.4, 0.6, 0.85)
SHAPE, ORDER, DEGREE = points(0.6, 1.4, 2.5, 4.0), points(0.5, 1.0, 2.0, 3.3), points(0.0, 1.0, 2.0, 5.0)
AWAY = points(0.7, 1.6, 3.0, 9.0)


def part_domains() -> dict[str, tuple[np.ndarray, ...]]:
    """Of each number that the functions with several results give."""
    angle, real = points(0.3, 20.0, 75.0, 140.0), points(0.2, 0.7, 1.1, 1.6)
    order, degree, inside = points(0.0, 1.0, 2.0, 1.0), points(1.0, 2.0, 3.0, 4.0), points(-0.5, 0.1, 0.4, 0.7)
    once = dict.fromkeys(("sici", "shichi", "fresnel", "itj0y0", "it2j0y0", "iti0k0", "it2i0k0"), (AWAY,))
    stretch, outer = points(4.0, 4.0, 5.0, 5.0), points(2.0, 2.0, 3.0, 2.5)  # where SciPy's radial ones are good
    spheroidal = {
        f"{shape}_{kind}": (order, degree, stretch, outer if kind[:3] == "rad" else inside)
        for shape in ("pro", "obl")
        for kind in ("ang1", "rad1", "rad2")
    }
    given = {
        f"{name}_cv": (*rows[:3], getattr(scipy.special, f"{name[:3]}_cv")(*rows[:3]), rows[3])
        for name, rows in spheroidal.items()
    }
    domains = {
        **once, "airy": (ANY,), "airye": (POSITIVE,), "modfresnelp": (POSITIVE,), "modfresnelm": (POSITIVE,),
        "itairy": (points(0.2, 0.3, 0.5, 0.7),),
        **dict.fromkeys(("pbdv", "pbvv", "pbwa"), (SHAPE, ANY)), "ellipj": (ANY, UNIT),
        **{f"mathieu_{kind}": (degree, ORDER, angle) for kind in ("cem", "sem")},
        **{f"mathieu_mod{kind}": (degree, ORDER, real) for kind in ("cem1", "cem2", "sem1", "sem2")},
        **spheroidal, **given, "wofz": (ANY, POSITIVE), "wrightomega_z": (ANY, POSITIVE),
        "exp1_z": (ANY, POSITIVE),
    }  # fmt: skip
    return {f"{name}__{k}": domains[name] for name, (_, rules) in PARTS.items() for k in range(len(rules))}


# The last input of each is differentiated, or all where the name stands in EVERY
SCIPY_DOMAINS: dict[str, tuple[np.ndarray, ...]] = {
    "gamma": (points(-1.6, 0.4, 2.3, 5.0),), "rgamma": (points(-2.4, -1.6, 0.4, 2.3),), "loggamma": (POSITIVE,),
    "beta": (SHAPE, POSITIVE), "betaln": (SHAPE, POSITIVE), "binom": (points(2.5, 3.1, 4.0, 6.0), SHAPE),
    "poch": (SHAPE, UNIT), "log_expit": (ANY,),
    "gammainc": (SHAPE, POSITIVE), "gammaincc": (SHAPE, POSITIVE), "gammaincinv": (SHAPE, UNIT),
    "gammainccinv": (SHAPE, UNIT), "betainc": (SHAPE, ORDER, UNIT), "betaincc": (SHAPE, ORDER, UNIT),
    "betaincinv": (SHAPE, ORDER, UNIT), "betainccinv": (SHAPE, ORDER, UNIT),
    "stdtr": (SHAPE, ANY), "stdtrit": (points(1.5, 2.0, 3.0, 7.0), UNIT), "chdtr": (SHAPE, POSITIVE),
    "chdtrc": (SHAPE, POSITIVE), "chdtri": (SHAPE, UNIT), "gdtr": (ORDER, SHAPE, POSITIVE),
    "gdtrc": (ORDER, SHAPE, POSITIVE), "fdtr": (SHAPE, ORDER, POSITIVE), "fdtrc": (SHAPE, ORDER, POSITIVE),
    "fdtri": (points(2.0, 3.0, 4.0, 5.0), points(3.0, 4.0, 5.0, 6.0), UNIT), "pdtr": (DEGREE, POSITIVE),
    "pdtrc": (DEGREE, POSITIVE),
    "btdtria": (UNIT, ORDER, UNIT), "btdtrib": (SHAPE, UNIT, UNIT), "stdtridf": (points(0.91, 0.95, 0.95, 0.96),
    points(2.0, 2.5, 3.0, 4.0)), "chdtriv": (UNIT, POSITIVE),
    "gdtria": (UNIT, SHAPE, POSITIVE), "gdtrib": (ORDER, UNIT, POSITIVE), "gdtrix": (ORDER, SHAPE, UNIT),
    "fdtridfd": (points(2.0, 3.0, 4.0, 5.0), points(0.5, 0.6, 0.7, 0.8), points(1.2, 1.4, 1.7, 2.2)),
    "pdtri": (DEGREE, UNIT), "pdtrik": (points(0.5, 0.5, 0.6, 0.85), points(1.3, 2.9, 4.2, 6.0)),
    "bdtr": (DEGREE, points(3.0, 4.0, 6.0, 7.0), UNIT), "bdtrc": (DEGREE, points(3.0, 4.0, 6.0, 7.0), UNIT),
    "bdtri": (DEGREE, points(3.0, 4.0, 6.0, 7.0), UNIT),
    "bdtrik": (points(0.5, 0.5, 0.6, 0.85), points(9.0, 8.0, 7.5, 6.0), points(0.3, 0.4, 0.5, 0.6)),
    "bdtrin": (points(1.0, 2.0, 2.5, 3.0), points(0.2, 0.4, 0.5, 0.6), points(0.3, 0.4, 0.5, 0.6)),
    "nbdtr": (DEGREE, points(3.0, 4.0, 6.0, 7.0), UNIT), "nbdtrc": (DEGREE, points(3.0, 4.0, 6.0, 7.0), UNIT),
    "nbdtri": (DEGREE, points(3.0, 4.0, 6.0, 7.0), UNIT),
    "nbdtrik": (points(0.5, 0.5, 0.6, 0.85), points(9.0, 8.0, 7.5, 6.0), points(0.3, 0.4, 0.5, 0.6)),
    "nbdtrin": (points(1.0, 2.0, 2.5, 3.0), points(0.2, 0.4, 0.5, 0.6), points(0.3, 0.4, 0.5, 0.6)),
    "nrdtrimn": (UNIT, SHAPE, ANY), "nrdtrisd": (points(0.1, 0.2, 0.3, 0.4), points(0.6, 0.7, 0.8, 0.9), AWAY),
    "chndtr": (POSITIVE, SHAPE, ORDER), "chndtrix": (UNIT, SHAPE, ORDER),
    "chndtrinc": (points(3.0, 5.0, 7.0, 9.0), SHAPE, points(0.3, 0.35, 0.4, 0.5)),
    "erfcinv": (points(0.2, 0.7, 1.2, 1.8),), "erfi": (ANY,), "dawsn": (ANY,),
    "ndtri": (UNIT,), "ndtri_exp": (points(-8.0, -2.0, -0.7, -0.2),), "owens_t": (ANY, points(0.4, -0.7, 1.5, 0.9)),
    "expi": (points(-2.0, 0.4, 1.0, 3.0),), "exp1": (POSITIVE,), "expn": (points(2.0, 3.0, 2.0, 4.0), POSITIVE),
    "exprel": (points(-2.0, 0.0, 0.02, 1.5),), "exp10": (UNIT,), "cosm1": (ANY,),
    "spence": (points(0.3, 1.0, 1.4, 3.0),),
    "j0": (AWAY,), "j1": (points(0.0, 1.6, 3.0, 9.0),),
    "y0": (AWAY,), "y1": (AWAY,), "i0": (ANY,), "i1": (points(0.0, -0.4, 0.7, 1.9),), "i0e": (ANY,),
    "i1e": (ANY,), "k0": (POSITIVE,), "k1": (POSITIVE,), "k0e": (POSITIVE,), "k1e": (POSITIVE,),
    "jv": (ORDER, AWAY), "jve": (ORDER, AWAY), "yv": (ORDER, AWAY), "yve": (ORDER, AWAY), "iv": (ORDER, AWAY),
    "kv": (ORDER, AWAY), "ive": (ORDER, AWAY), "kve": (ORDER, AWAY), "yn": (points(1.0, 2.0, 1.0, 3.0), AWAY),
    "kn": (points(1.0, 2.0, 1.0, 3.0), AWAY), "itstruve0": (AWAY,), "itmodstruve0": (POSITIVE,),
    "ber": (AWAY,), "bei": (AWAY,), "ker": (AWAY,), "kei": (AWAY,),
    "hyp0f1": (SHAPE, ANY), "hyp1f1": (SHAPE, ORDER, ANY), "hyperu": (SHAPE, ORDER, POSITIVE),
    "hyp2f1": (SHAPE, ORDER, points(1.2, 2.2, 3.1, 2.7), points(-0.6, 0.1, 0.3, 0.5)),
    "ellipk": (points(-0.8, 0.0, 0.01, 0.6),), "ellipe": (points(-0.8, 0.0, 0.01, 0.6),),
    "ellipkinc": (ANY, UNIT), "ellipeinc": (ANY, UNIT),
    "eval_chebyt": (DEGREE, UNIT), "eval_chebyu": (DEGREE, UNIT), "eval_legendre": (DEGREE, UNIT),
    "eval_laguerre": (DEGREE, POSITIVE), "eval_genlaguerre": (DEGREE, SHAPE, POSITIVE),
    "eval_gegenbauer": (DEGREE, SHAPE, UNIT), "eval_jacobi": (DEGREE, SHAPE, ORDER, UNIT),
    "rel_entr": (POSITIVE, SHAPE), "kl_div": (POSITIVE, SHAPE), "huber": (SHAPE, ANY), "pseudo_huber": (SHAPE, ANY),
    "powm1": (POSITIVE, ANY), "wrightomega": (ANY,),
    **{name: (points(-50.0, 20.0, 33.0, 70.0),) for name in ("sindg", "cosdg", "tandg", "cotdg")},
    **{name: (POSITIVE, points(-0.7, 0.0, 0.004, 1.3)) for name in ("boxcox", "boxcox1p")},
    **{name: (UNIT, points(-0.7, 0.0, 0.01, 1.3)) for name in ("inv_boxcox", "inv_boxcox1p")},
    "tklmbda": (points(-0.7, 0.2, 0.4, 0.6), points(-0.5, 0.3, 1.0, 1.2)), "agm": (POSITIVE, SHAPE),
    "ellipkm1": (points(0.1, 0.4, 0.99, 1.3),), "kolmogorov": (points(0.4, 0.8, 0.9, 1.6),), "kolmogi": (UNIT,),
    "zetac": (points(-3.3, -0.4, 0.6, 2.7),),
    "berp": (AWAY,), "beip": (AWAY,), "kerp": (AWAY,), "keip": (AWAY,), "it2struve0": (AWAY,),
    "struve": (ORDER, AWAY), "modstruve": (ORDER, AWAY), "elliprf": (SHAPE, POSITIVE, ORDER),
    "elliprg": (SHAPE, POSITIVE, ORDER), "elliprd": (SHAPE, POSITIVE, ORDER),
    "elliprc": (SHAPE, points(-0.7, 0.9, 2.5, 6.0)), "elliprj": (SHAPE, POSITIVE, ORDER, AWAY),
    **{f"eval_{name}": (DEGREE, UNIT) for name in (
        "chebyc", "chebys", "sh_chebyt", "sh_chebyu", "sh_legendre", "hermite", "hermitenorm")},
    "eval_sh_jacobi": (DEGREE, points(2.5, 3.0, 3.5, 4.0), ORDER, UNIT),
    **{f"spherical_{kind}": (DEGREE, AWAY) for kind in ("jn", "yn", "in", "kn")},
    "besselpoly": (AWAY, points(0.5, 1.0, 2.0, 1.3), points(1.0, 2.0, 1.0, 3.0)),
    "mathieu_a": (points(1.0, 2.0, 0.0, 3.0), POSITIVE), "mathieu_b": (points(1.0, 2.0, 4.0, 3.0), POSITIVE),
    "pro_cv": (points(0.0, 1.0, 2.0, 1.0), points(2.0, 1.0, 3.0, 4.0), POSITIVE),
    "obl_cv": (points(0.0, 1.0, 2.0, 1.0), points(2.0, 1.0, 3.0, 4.0), POSITIVE),
    "nctdtr": (SHAPE, ANY, AWAY), "nctdtrit": (SHAPE, ANY, UNIT), "nctdtrinc": (SHAPE, UNIT, POSITIVE),
    "lpmv": (points(0.0, 1.0, 2.0, 1.0), points(2.0, 1.5, 3.0, 4.0), UNIT), "voigt_profile": (ANY, SHAPE, ORDER),
    "wright_bessel": (UNIT, SHAPE, POSITIVE), "log_wright_bessel": (UNIT, SHAPE, POSITIVE),
    "radian": (ANY, UNIT, POSITIVE),
    **part_domains(),
}  # fmt: skip

# Of several inputs, all of which have derivatives
EVERY = frozenset(
    """
    beta betaln binom poch owens_t rel_entr kl_div huber pseudo_huber powm1 gammainc gammaincc gammaincinv gammainccinv
    betainc betaincc betaincinv betainccinv stdtr stdtrit chdtr chdtrc chdtri gdtr gdtrc fdtr fdtrc fdtri btdtria
    boxcox boxcox1p inv_boxcox inv_boxcox1p tklmbda agm elliprf elliprg elliprd elliprc elliprj voigt_profile radian
    ellipkinc ellipeinc ellipj__0 ellipj__1 ellipj__2 ellipj__3 wofz__0 wofz__1 wrightomega_z__0 wrightomega_z__1
    exp1_z__0 exp1_z__1
    btdtrib stdtridf chdtriv gdtria gdtrib gdtrix fdtridfd pdtrik bdtrik bdtrin nbdtrik nbdtrin nrdtrimn nrdtrisd
    """.split()  # noqa: SIM905
)
FIRST = frozenset(["besselpoly"])  # the first one has
# SciPy's own numbers are too coarse for differences of a derivative, or these take seconds and show nothing new
ONCE = frozenset(
    [
        "wright_bessel",
        "mathieu_a",
        "mathieu_b",
        "pro_cv",
        "obl_cv",
        "elliprj",
        "elliprd",
        "elliprg",
        "voigt_profile",
        "wofz__0",
        "wofz__1",
        "zetac",
        "ellipj__1",
        "ellipj__3",
    ]
)
