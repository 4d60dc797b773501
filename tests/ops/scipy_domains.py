"""Where the functions that SciPy computes are sampled: ordinary places, each of their branches among them."""

from __future__ import annotations

import numpy as np


def points(*numbers: float) -> np.ndarray:
    return np.array(numbers)


ANY, POSITIVE, UNIT = points(-2.1, -0.4, 0.7, 1.9), points(0.3, 0.9, 2.2, 6.0), points(0.15, 0.4, 0.6, 0.85)
SHAPE, ORDER, DEGREE = points(0.6, 1.4, 2.5, 4.0), points(0.5, 1.0, 2.0, 3.3), points(0.0, 1.0, 2.0, 5.0)
AWAY = points(0.7, 1.6, 3.0, 9.0)

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
}  # fmt: skip

# Of several inputs, all of which have derivatives
EVERY = frozenset(
    """
    beta betaln binom poch owens_t rel_entr kl_div huber pseudo_huber powm1 gammainc gammaincc gammaincinv gammainccinv
    betainc betaincc betaincinv betainccinv stdtr stdtrit chdtr chdtrc chdtri gdtr gdtrc fdtr fdtrc fdtri btdtria
    btdtrib stdtridf chdtriv gdtria gdtrib gdtrix fdtridfd pdtrik bdtrik bdtrin nbdtrik nbdtrin nrdtrimn nrdtrisd
    """.split()  # noqa: SIM905
)
FIRST = frozenset(["ellipkinc", "ellipeinc"])  # the first one has
ONCE = frozenset(["ber", "bei", "ker", "kei", "itstruve0", "itmodstruve0"])  # a second derivative has no rule
