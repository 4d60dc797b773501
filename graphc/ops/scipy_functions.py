"""Functions of scipy.special that kernels call in SciPy itself, one number at a time, with their derivatives.

Their compiled forms are those that SciPy offers Cython (``scipy.special.cython_special``), so values are SciPy's to the
last bit in float64, but for those of ``abi.OWN_SPECIAL``, which are graphc's own. A derivative by a parameter for which
no rule stands in ``scipy_rules`` (the degree of a polynomial) is an error where it is asked for; so is any derivative
of ``VALUES``, the functions that have none here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.abi import scipy_signature
from graphc.ir.opdef import Op, Partials, Pointwise, Unknown, ZeroDerivative
from graphc.ops.bessel_orders import BESSEL_RULES
from graphc.ops.characteristic import CHARACTERISTIC_RULES
from graphc.ops.law_rules import LAW_RULES
from graphc.ops.more_rules import MORE_RULES
from graphc.ops.printing import helper
from graphc.ops.scipy_parts import SCIPY_PARTS
from graphc.ops.scipy_rules import (
    E_SERIES,
    K_SERIES,
    PI,
    ROOT_PI,
    Rule,
    beta_partials,
    betaln_partials,
    binom_partials,
    by_last,
    dawson_slope,
    ellipe_formula,
    ellipk_formula,
    elliptic,
    exprel_partial,
    gauss,
    half,
    huber_partials,
    i0e_partial,
    i1e_partial,
    incomplete,
    kl_div_partials,
    lower_degree,
    ndtri_exp_partial,
    neighbours,
    order,
    owens_partials,
    poch_partials,
    powm1_partials,
    pseudo_huber_partials,
    rel_entr_partials,
    rgamma_slope,
    scaled_far,
    shifted,
    spence_partial,
)
from graphc.ops.special import ScipyLoop, SpecialFunction

PREFIX = "scipy_"  # of the helper in kernels
DEGREE = PI / 180

# name -> (number of inputs, rule); as many inputs as SciPy's function has, all of them floats
RULES: dict[str, tuple[int, Rule]] = {
    **LAW_RULES, **MORE_RULES, **BESSEL_RULES, **CHARACTERISTIC_RULES,
    "rgamma": (1, lambda F, y, x: (rgamma_slope(F, y, x),)), "loggamma": (1, lambda F, y, x: (F.digamma(x),)),
    "beta": (2, beta_partials), "betaln": (2, betaln_partials), "binom": (2, binom_partials),
    "poch": (2, poch_partials),
    "erfcinv": (1, lambda F, y, x: (gauss(F, y, -ROOT_PI / 2, 1.0),)),
    "erfi": (1, lambda F, y, x: (gauss(F, x, 2 / ROOT_PI, 1.0),)),
    "dawsn": (1, lambda F, y, x: (dawson_slope(F, y, x),)),
    "ndtri": (1, lambda F, y, x: (gauss(F, y, math.sqrt(2 * PI), 0.5),)), "ndtri_exp": (1, ndtri_exp_partial),
    "owens_t": (2, owens_partials),
    "expi": (1, lambda F, y, x: (F.div(F.exp(x), x),)),
    "exp1": (1, lambda F, y, x: (F.neg(F.div(F.exp(F.neg(x)), x)),)),
    "expn": (2, by_last(lambda F, y, n, x: F.neg(F.expn(F.sub(n, 1.0), x)))),
    "exprel": (1, exprel_partial), "exp10": (1, lambda F, y, x: (F.mul(y, math.log(10.0)),)),
    "cosm1": (1, lambda F, y, x: (F.neg(F.sin(x)),)), "spence": (1, spence_partial),
    "j0": (1, lambda F, y, x: (F.neg(F.j1(x)),)),
    "j1": (1, lambda F, y, x: (half(F, F.j0(x), order(F, "jv", 2.0, x), minus=True),)),
    "y0": (1, lambda F, y, x: (F.neg(F.y1(x)),)), "y1": (1, lambda F, y, x: (F.sub(F.y0(x), F.div(y, x)),)),
    "i0": (1, lambda F, y, x: (F.i1(x),)), "i1": (1, lambda F, y, x: (half(F, F.i0(x), order(F, "iv", 2.0, x)),)),
    "i0e": (1, i0e_partial), "i1e": (1, i1e_partial),
    "k0": (1, lambda F, y, x: (F.neg(F.k1(x)),)),
    "k1": (1, lambda F, y, x: (F.neg(F.add(F.k0(x), F.div(y, x))),)),
    "k0e": (1, lambda F, y, x: (scaled_far(F, 0.0, x, F.sub(y, F.k1e(x)), 1.0),)),
    "k1e": (1, lambda F, y, x: (scaled_far(F, 1.0, x, F.sub(F.sub(y, F.k0e(x)), F.div(y, x)), 1.0),)),
    "yn": (2, by_last(neighbours("yv", minus=True))), "kn": (2, by_last(neighbours("kv", sign=-1.0))),
    "ber": (1, lambda F, y, x: (F.berp(x),)), "bei": (1, lambda F, y, x: (F.beip(x),)),
    "ker": (1, lambda F, y, x: (F.kerp(x),)), "kei": (1, lambda F, y, x: (F.keip(x),)),
    "itstruve0": (1, lambda F, y, x: (F.struve(0.0, x),)), "itmodstruve0": (1, lambda F, y, x: (F.modstruve(0.0, x),)),
    "hyp0f1": (2, shifted(lambda F, v, z: F.div(1.0, v), "hyp0f1", 1)),
    "hyp1f1": (3, shifted(lambda F, a, b, x: F.div(a, b), "hyp1f1", 2)),
    "hyperu": (3, shifted(lambda F, a, b, x: F.neg(a), "hyperu", 2)),
    "hyp2f1": (4, shifted(lambda F, a, b, c, z: F.div(F.mul(a, b), c), "hyp2f1", 3)),
    "ellipk": (1, elliptic(K_SERIES, ellipk_formula)),
    "ellipe": (1, elliptic(E_SERIES, ellipe_formula)),
    "ellipkinc": (2, incomplete(-0.5)), "ellipeinc": (2, incomplete(0.5)),
    "eval_chebyt": (2, lower_degree("eval_gegenbauer", lambda F, n: n, (1.0,))),
    "eval_chebyu": (2, lower_degree("eval_gegenbauer", lambda F, n: 2.0, (2.0,))),
    "eval_legendre": (2, lower_degree("eval_gegenbauer", lambda F, n: 1.0, (1.5,))),
    "eval_laguerre": (2, lower_degree("eval_genlaguerre", lambda F, n: -1.0, (1.0,))),
    "eval_genlaguerre": (3, lower_degree("eval_genlaguerre", lambda F, n, a: -1.0, (1.0,))),
    "eval_gegenbauer": (3, lower_degree("eval_gegenbauer", lambda F, n, a: F.mul(a, 2.0), (1.0,))),
    "eval_jacobi": (4, lower_degree(
        "eval_jacobi", lambda F, n, a, b: F.mul(F.add(F.add(F.add(n, a), b), 1.0), 0.5), (1.0, 1.0))),
    "rel_entr": (2, rel_entr_partials), "kl_div": (2, kl_div_partials), "huber": (2, huber_partials),
    "pseudo_huber": (2, pseudo_huber_partials), "powm1": (2, powm1_partials),
    "wrightomega": (1, lambda F, y, x: (F.div(y, F.add(y, 1.0)),)),
    "sindg": (1, lambda F, y, x: (F.mul(F.cosdg(x), DEGREE),)),
    "cosdg": (1, lambda F, y, x: (F.mul(F.sindg(x), -DEGREE),)),
    "tandg": (1, lambda F, y, x: (F.mul(F.add(F.square(y), 1.0), DEGREE),)),
    "cotdg": (1, lambda F, y, x: (F.mul(F.add(F.square(y), 1.0), -DEGREE),)),
}  # fmt: skip

# Values alone: name -> number of inputs
VALUES: dict[str, int] = {
    name: count
    for count, names in {
        2: "smirnov smirnovi",
        3: "chndtridf nctdtridf",
        4: "ncfdtr ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc",
    }.items()
    for name in names.split()
}
STEPS = ["gammasgn"]


class OfInteger(SpecialFunction):
    """One whose first argument SciPy takes as an integer."""

    def __call__(self, n: Any, *arrays: Any) -> Any:
        return super().__call__(np.asarray(n).astype(np.int64), *arrays)


def external(name: str, count: int, derivative: Any) -> Op:
    expr = helper(PREFIX + name, count)
    takes_integer = scipy_signature(name, count).startswith("n")
    reference = OfInteger(name) if takes_integer else SpecialFunction(name)
    return Op(name, Pointwise(count), reference, derivative, expr=expr, dtypes=ScipyLoop(name), cost=200)


def unknown(name: str) -> Unknown:
    return Unknown(f"scipy.special.{name} has no derivative in graphc; pass its arguments through graphc.stop_gradient")


EXTERNAL = [
    *(external(name, count, Partials(rule)) for name, (count, rule) in RULES.items()),
    *(external(name, count, unknown(name)) for name, count in VALUES.items()),
    *(external(name, 1, ZeroDerivative()) for name in STEPS),
]

# In kernels graphc's own vector math
OWN = [
    Op("gamma", Pointwise(1), SpecialFunction("gamma"), Partials(lambda F, y, x: (F.mul(y, F.digamma(x)),)),
       expr=helper("gamma"), dtypes=ScipyLoop("gamma"), cost=40),
    Op("log_expit", Pointwise(1), SpecialFunction("log_expit"),
       Partials(lambda F, y, x: (F.expit(F.neg(x)),), finite=True),
       expr=helper("log_expit"), dtypes=ScipyLoop("log_expit"), cost=20),
]  # fmt: skip

SCIPY_FUNCTIONS = EXTERNAL + OWN + SCIPY_PARTS
