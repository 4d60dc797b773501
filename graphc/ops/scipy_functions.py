"""Functions of scipy.special that kernels call in SciPy itself, one number at a time, with their derivatives.

Their compiled forms are those that SciPy offers Cython (``scipy.special.cython_special``), so values are SciPy's to the
last bit in float64. A derivative by a parameter for which no rule stands here (the order of a Bessel function) is an
error where it is asked for; so is any derivative of ``VALUES``, the functions that have none here.

Rules are from the Digital Library of Mathematical Functions (DLMF): 5.4 and 8.8 (gamma), 7 (error functions), 10.6,
10.29 (Bessel), 13.3, 15.5 (hypergeometric), 18.9 (polynomials), 19.4 (elliptic), 25.11 (zeta). Distribution functions
have their densities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.opdef import Op, Partials, Pointwise, Unknown, ZeroDerivative
from graphc.ir.types import ArrayType
from graphc.ops.printing import helper
from graphc.ops.special import SpecialFunction, float32_first, float64_first

PREFIX = "scipy_"  # of the helper in kernels
PI, ROOT_PI = math.pi, math.sqrt(math.pi)
Rule = Callable[..., tuple[Any, ...]]


# --- the forms of rules -----------------------------------------------------------------------------------------------


def by_last(rule: Callable[..., Value]) -> Rule:
    """A rule for the last input alone: ``rule(F, y, *inputs)``. The others must not be differentiated."""

    def partials(F: Builder, y: Value, /, *inputs: Value) -> tuple[Any, ...]:
        *parameters, _ = inputs
        if any(p.grad for p in parameters):
            name = y.node.op.name if y.node is not None else "the function"
            message = f"{name} has no derivative by its first arguments here; pass them through graphc.stop_gradient"
            raise GradientError(message, location=F.location)
        return *(None for _ in parameters), rule(F, y, *inputs)

    return partials


def call(F: Builder, name: str, *arguments: Any) -> Value:
    return F.apply(F.ops[name], arguments, {})


def exp_of(F: Builder, *terms: Any) -> Value:
    """exp of the sum of the terms."""
    total = terms[0]
    for term in terms[1:]:
        total = F.add(total, term)
    return F.exp(total)


def half(F: Builder, a: Value, b: Value, *, minus: bool = False) -> Value:
    return F.mul(F.sub(a, b) if minus else F.add(a, b), 0.5)


def neighbours(name: str, *, minus: bool = False, sign: float = 1.0) -> Rule:
    """Of a Bessel function: half of the one below and the one above in order."""

    def rule(F: Builder, y: Value, v: Value, x: Value) -> Value:
        found = half(F, call(F, name, F.sub(v, 1.0), x), call(F, name, F.add(v, 1.0), x), minus=minus)
        return F.mul(found, sign) if sign != 1.0 else found

    return by_last(rule)


def scaled_neighbours(name: str, sign: float) -> Rule:
    """Of one that is scaled by an exponential: as above, and what the scale does (``ive``: by exp(-\\|x\\|))."""

    def rule(F: Builder, y: Value, v: Value, x: Value) -> Value:
        found = half(F, call(F, name, F.sub(v, 1.0), x), call(F, name, F.add(v, 1.0), x))
        return F.sub(found, F.mul(y, F.sign(x))) if sign > 0 else F.sub(y, found)

    return by_last(rule)


def shifted(factor: Callable[..., Value], name: str, count: int) -> Rule:
    """Of a hypergeometric function: a factor times the same with all parameters one higher."""

    def rule(F: Builder, y: Value, *inputs: Value) -> Value:
        raised = [F.add(p, 1.0) for p in inputs[:count]]
        return F.mul(factor(F, *inputs), call(F, name, *raised, inputs[count]))

    return by_last(rule)


def lower_degree(name: str, factor: Callable[..., Any], raised: tuple[Any, ...]) -> Rule:
    """Of a polynomial: a factor times another one of one degree less, 0 for degree 0."""

    def rule(F: Builder, y: Value, n: Value, *rest: Value) -> Value:
        *parameters, x = rest
        others = [F.add(p, r) if isinstance(p, Value) else r for p, r in zip(parameters or raised, raised, strict=True)]
        found = F.mul(call(F, name, F.sub(n, 1.0), *others, x), factor(F, n, *parameters))
        return F.select(F.lt(n, 0.5), 0.0, found)

    return by_last(rule)


# --- gamma and beta ---------------------------------------------------------------------------------------------------


def beta_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    whole = F.digamma(F.add(a, b))
    return F.mul(y, F.sub(F.digamma(a), whole)), F.mul(y, F.sub(F.digamma(b), whole))


def betaln_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    whole = F.digamma(F.add(a, b))
    return F.sub(F.digamma(a), whole), F.sub(F.digamma(b), whole)


def binom_partials(F: Builder, y: Value, n: Value, k: Value) -> tuple[Value, Value]:
    rest = F.digamma(F.add(F.sub(n, k), 1.0))
    by_n = F.sub(F.digamma(F.add(n, 1.0)), rest)
    return F.mul(y, by_n), F.mul(y, F.sub(rest, F.digamma(F.add(k, 1.0))))


def poch_partials(F: Builder, y: Value, z: Value, m: Value) -> tuple[Value, Value]:
    end = F.digamma(F.add(z, m))
    return F.mul(y, F.sub(end, F.digamma(z))), F.mul(y, end)


def gamma_density(F: Builder, a: Value, x: Value) -> Value:
    """x**(a-1) exp(-x) / gamma(a)."""
    return exp_of(F, F.xlogy(F.sub(a, 1.0), x), F.neg(x), F.neg(F.gammaln(a)))


def beta_density(F: Builder, a: Value, b: Value, x: Value) -> Value:
    logs = F.xlogy(F.sub(a, 1.0), x), F.xlog1py(F.sub(b, 1.0), F.neg(x))
    return exp_of(F, *logs, F.neg(F.betaln(a, b)))


def negative(rule: Callable[..., Value]) -> Callable[..., Value]:
    return lambda F, *inputs: F.neg(rule(F, *inputs))


def density(rule: Callable[..., Value]) -> Rule:
    """Of a distribution function: its density at the inputs."""
    return by_last(lambda F, y, *inputs: rule(F, *inputs))


def quantile(rule: Callable[..., Value]) -> Rule:
    """Of the inverse of a distribution function: one over the density there."""
    return by_last(lambda F, y, *inputs: F.div(1.0, rule(F, *inputs[:-1], y)))


def student_density(F: Builder, df: Value, t: Value) -> Value:
    """DLMF has none; Johnson, Kotz, Balakrishnan, "Continuous univariate distributions" 2, 28."""
    power = F.mul(F.add(df, 1.0), -0.5)
    return F.div(
        exp_of(F, F.mul(power, F.log1p(F.div(F.square(t), df)))), F.mul(F.sqrt(df), F.beta(0.5, F.mul(df, 0.5)))
    )


def chi_square_density(F: Builder, v: Value, x: Value) -> Value:
    return F.mul(gamma_density(F, F.mul(v, 0.5), F.mul(x, 0.5)), 0.5)


def rated_density(F: Builder, a: Value, b: Value, x: Value) -> Value:
    return F.mul(gamma_density(F, b, F.mul(a, x)), a)


def ratio_density(F: Builder, n: Value, d: Value, x: Value) -> Value:
    """Fisher's: by the beta density of n x / (n x + d)."""
    total = F.add(F.mul(n, x), d)
    share = F.div(F.mul(n, x), total)
    slope = F.div(F.mul(n, d), F.square(total))
    return F.mul(beta_density(F, F.mul(n, 0.5), F.mul(d, 0.5), share), slope)


def poisson_term(F: Builder, k: Value, m: Value) -> Value:
    whole = F.floor(k)
    return exp_of(F, F.xlogy(whole, m), F.neg(m), F.neg(F.gammaln(F.add(whole, 1.0))))


# --- error functions, exponential integrals ---------------------------------------------------------------------------


def gauss(F: Builder, x: Value, factor: float, rate: float) -> Value:
    return F.mul(F.exp(F.mul(F.square(x), rate)), factor)


def ndtri_exp_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    return (F.mul(exp_of(F, x, F.mul(F.square(y), 0.5)), math.sqrt(2 * PI)),)


def exprel_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    """(exp(x) - y)/x, near 0 by its series."""
    near = F.lt(F.abs(x), 0.05)
    small, safe = F.select(near, x, 0.0), F.select(near, 1.0, x)
    series = F.mul(small, 0.0)
    for k in range(7, 0, -1):  # the k-th term is (k + 1) x**k / (k + 2)!
        series = F.mul(F.add(series, (k + 1) / math.factorial(k + 2)), small)
    return (F.select(near, F.add(series, 0.5), F.div(F.sub(F.exp(safe), y), safe)),)


def owens_partials(F: Builder, y: Value, h: Value, a: Value) -> tuple[Value, Value]:
    one = F.add(F.square(a), 1.0)
    by_h = F.mul(gauss(F, h, -0.5 / math.sqrt(2 * PI), -0.5), F.erf(F.mul(F.mul(a, h), math.sqrt(0.5))))
    return by_h, F.div(exp_of(F, F.mul(F.mul(F.square(h), one), -0.5)), F.mul(one, 2 * PI))


def spence_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    """log(x)/(1 - x), near 1 by its series."""
    off = F.sub(x, 1.0)
    near = F.lt(F.abs(off), 0.05)
    small, safe = F.select(near, off, 0.0), F.select(near, 1.0, off)
    series = F.mul(small, 0.0)
    for k in range(13, 0, -1):
        series = F.mul(F.add(series, 1.0 / (k + 1)), F.neg(small))
    return (F.select(near, F.neg(F.add(series, 1.0)), F.neg(F.div(F.log1p(safe), safe))),)


# --- Bessel functions of orders 0 and 1 -------------------------------------------------------------------------------


def order(F: Builder, name: str, v: float, x: Value) -> Value:
    """A Bessel function of this order: rules by neighbours divide by nothing, and hold at 0 to every order."""
    return call(F, name, F.constant(v, ArrayType(x.type.dtype)), x)


def i0e_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    return (F.sub(F.i1e(x), F.mul(F.sign(x), y)),)


def i1e_partial(F: Builder, y: Value, x: Value) -> tuple[Value]:
    return (F.sub(half(F, F.i0e(x), order(F, "ive", 2.0, x)), F.mul(F.sign(x), y)),)


# --- elliptic integrals -----------------------------------------------------------------------------------------------

FEW, TERMS = 0.02, 10  # up to this parameter a series of so many terms beats a difference that cancels
_SQUARES = [math.comb(2 * n, n) ** 2 / 16**n for n in range(TERMS + 1)]  # K(m) = pi/2 sum of these m**n (DLMF 19.5)
K_SERIES = tuple(n * _SQUARES[n] for n in range(1, TERMS + 1))
E_SERIES = tuple(-n * _SQUARES[n] / (2 * n - 1) for n in range(1, TERMS + 1))


def elliptic(series: tuple[float, ...], formula: Callable[..., Value]) -> Rule:
    def rule(F: Builder, y: Value, m: Value) -> tuple[Value]:
        near = F.lt(F.abs(m), FEW)
        small, safe = F.select(near, m, 0.0), F.select(near, 0.5, m)
        total: Value = F.mul(small, 0.0)
        for coefficient in reversed(series):
            total = F.add(F.mul(total, small), coefficient * PI / 2)
        return (F.select(near, total, formula(F, y, safe)),)

    return rule


def ellipk_formula(F: Builder, y: Value, m: Value) -> Value:
    rest = F.sub(1.0, m)
    return F.div(F.sub(F.ellipe(m), F.mul(rest, F.ellipk(m))), F.mul(F.mul(m, rest), 2.0))


def ellipe_formula(F: Builder, y: Value, m: Value) -> Value:
    return F.div(F.sub(F.ellipe(m), F.ellipk(m)), F.mul(m, 2.0))


def incomplete(power: float) -> Rule:
    """By the amplitude alone: (1 - m sin**2)**power."""

    def rule(F: Builder, y: Value, phi: Value, m: Value) -> tuple[Value, None]:
        if m.grad:
            message = "an incomplete elliptic integral has no derivative by its parameter m here"
            raise GradientError(f"{message}; pass it through graphc.stop_gradient", location=F.location)
        return F.pow(F.sub(1.0, F.mul(m, F.square(F.sin(phi)))), power), None

    return rule


# --- others -----------------------------------------------------------------------------------------------------------


def rel_entr_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    ratio = F.div(a, b)
    return F.add(F.log(ratio), 1.0), F.neg(ratio)


def kl_div_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    ratio = F.div(a, b)
    return F.log(ratio), F.sub(1.0, ratio)


def huber_partials(F: Builder, y: Value, delta: Value, r: Value) -> tuple[Value, Value]:
    inner = F.le(F.abs(r), delta)
    return F.select(inner, 0.0, F.sub(F.abs(r), delta)), F.select(inner, r, F.mul(delta, F.sign(r)))


def pseudo_huber_partials(F: Builder, y: Value, delta: Value, r: Value) -> tuple[Value, Value]:
    root = F.sqrt(F.add(F.square(F.div(r, delta)), 1.0))
    square = F.square(F.div(r, delta))
    return F.mul(delta, F.sub(F.mul(F.sub(root, 1.0), 2.0), F.div(square, root))), F.div(r, root)


def powm1_partials(F: Builder, y: Value, x: Value, p: Value) -> tuple[Value, Value]:
    return F.mul(p, F.pow(x, F.sub(p, 1.0))), F.mul(F.pow(x, p), F.log(x))


DEGREE = PI / 180

# name -> (number of inputs, rule); as many inputs as SciPy's function has, all of them floats
RULES: dict[str, tuple[int, Rule]] = {
    "rgamma": (1, lambda F, y, x: (F.neg(F.mul(y, F.digamma(x))),)), "loggamma": (1, lambda F, y, x: (F.digamma(x),)),
    "beta": (2, beta_partials), "betaln": (2, betaln_partials), "binom": (2, binom_partials),
    "poch": (2, poch_partials),
    "gammainc": (2, density(gamma_density)), "gammaincc": (2, density(negative(gamma_density))),
    "gammaincinv": (2, quantile(gamma_density)), "gammainccinv": (2, quantile(negative(gamma_density))),
    "betainc": (3, density(beta_density)), "betaincc": (3, density(negative(beta_density))),
    "betaincinv": (3, quantile(beta_density)), "betainccinv": (3, quantile(negative(beta_density))),
    "stdtr": (2, density(student_density)), "stdtrit": (2, quantile(student_density)),
    "chdtr": (2, density(chi_square_density)), "chdtrc": (2, density(negative(chi_square_density))),
    "chdtri": (2, quantile(negative(chi_square_density))),
    "gdtr": (3, density(rated_density)), "gdtrc": (3, density(negative(rated_density))),
    "fdtr": (3, density(ratio_density)), "fdtrc": (3, density(negative(ratio_density))),
    "fdtri": (3, quantile(ratio_density)),
    "pdtr": (2, density(negative(poisson_term))), "pdtrc": (2, density(poisson_term)),
    "erfcinv": (1, lambda F, y, x: (gauss(F, y, -ROOT_PI / 2, 1.0),)),
    "erfi": (1, lambda F, y, x: (gauss(F, x, 2 / ROOT_PI, 1.0),)),
    "dawsn": (1, lambda F, y, x: (F.sub(1.0, F.mul(F.mul(x, y), 2.0)),)),
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
    "k0e": (1, lambda F, y, x: (F.sub(y, F.k1e(x)),)),
    "k1e": (1, lambda F, y, x: (F.sub(F.sub(y, F.k0e(x)), F.div(y, x)),)),
    "jv": (2, neighbours("jv", minus=True)), "jve": (2, neighbours("jve", minus=True)),
    "yv": (2, neighbours("yv", minus=True)), "yve": (2, neighbours("yve", minus=True)),
    "yn": (2, neighbours("yv", minus=True)), "iv": (2, neighbours("iv")), "kv": (2, neighbours("kv", sign=-1.0)),
    "kn": (2, neighbours("kv", sign=-1.0)), "ive": (2, scaled_neighbours("ive", 1.0)),
    "kve": (2, scaled_neighbours("kve", -1.0)),
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
        1: "beip berp keip kerp it2struve0 kolmogi kolmogorov zetac ellipkm1",
        2: "agm boxcox boxcox1p inv_boxcox inv_boxcox1p chdtriv elliprc eval_chebyc eval_chebys eval_sh_chebyt "
        "eval_sh_chebyu eval_sh_legendre mathieu_a mathieu_b modstruve pdtri pdtrik smirnov smirnovi stdtridf struve "
        "tklmbda",
        3: "bdtr bdtrc bdtri bdtrik bdtrin besselpoly btdtria btdtrib chndtr chndtridf chndtrinc chndtrix elliprd "
        "elliprf elliprg fdtridfd gdtria gdtrib gdtrix log_wright_bessel lpmv nbdtr nbdtrc nbdtri nbdtrik nbdtrin "
        "nctdtr nctdtridf nctdtrinc nctdtrit nrdtrimn nrdtrisd obl_cv pro_cv radian voigt_profile wright_bessel",
        4: "elliprj eval_sh_jacobi ncfdtr ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc",
    }.items()
    for name in names.split()
}
STEPS = ["gammasgn"]

# Those of SciPy's loops that are for float64 alone or list it first; all others list float32 first
_DOUBLES = frozenset(
    """
    besselpoly beta betaln cosdg cosm1 cotdg dawsn ellipe ellipeinc ellipk ellipkinc ellipkm1 erfi eval_chebyc
    eval_chebys eval_chebyt eval_chebyu eval_gegenbauer eval_genlaguerre eval_jacobi eval_laguerre eval_legendre
    eval_sh_chebyt eval_sh_chebyu eval_sh_jacobi eval_sh_legendre exp10 expn exprel gammainc gammaincc gammainccinv
    gammaincinv gammasgn hyp2f1 i0 i0e i1 i1e j0 j1 k0 k0e k1 k1e kn log_wright_bessel loggamma modstruve nbdtr nbdtrc
    nbdtri pdtri radian rgamma sindg smirnov smirnovi struve tandg voigt_profile wright_bessel y0 y1 yn zetac
    """.split()  # noqa: SIM905 - a list of eighty strings reads worse
)


def external(name: str, count: int, derivative: Any) -> Op:
    dtypes = float64_first if name in _DOUBLES else float32_first
    expr = helper(PREFIX + name, count)
    return Op(name, Pointwise(count), SpecialFunction(name), derivative, expr=expr, dtypes=dtypes, cost=200)


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
       expr=helper("gamma"), dtypes=float64_first, cost=40),
    Op("log_expit", Pointwise(1), SpecialFunction("log_expit"),
       Partials(lambda F, y, x: (F.expit(F.neg(x)),), finite=True),
       expr=helper("log_expit"), dtypes=float64_first, cost=20),
]  # fmt: skip

SCIPY_FUNCTIONS = EXTERNAL + OWN
