"""Elementary and special functions in mpmath, and where each is sampled: one entry an op, or a function made of ops."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np
import scipy.special

Sampler = Callable[[np.random.Generator, int], np.ndarray]
Entry = tuple[Callable, tuple[Sampler, ...]]
SMALL, LARGE = 1e-12, 1e12


def either(low: float, high: float) -> Sampler:
    """Of all sizes between the two and of both signs."""
    return lambda rng, n: rng.choice([-1, 1], n) * 10 ** rng.uniform(np.log10(low), np.log10(high), n)


def above(low: float, high: float) -> Sampler:
    """Of all sizes between the two."""
    return lambda rng, n: 10 ** rng.uniform(np.log10(low), np.log10(high), n)


def inside(low: float, high: float) -> Sampler:
    return lambda rng, n: rng.uniform(low, high, n)


def beside(*places: float) -> Sampler:
    """At all distances from these."""
    return lambda rng, n: rng.choice(places, n) + rng.choice([-1, 1], n) * 10 ** rng.uniform(-14, -1, n)


def any_of(*samplers: Sampler) -> Sampler:
    def sample(rng: np.random.Generator, n: int) -> np.ndarray:
        which = np.arange(n) % len(samplers)
        return np.choose(which, [sampler(rng, n) for sampler in samplers])

    return sample


def whole(low: int, high: int) -> Sampler:
    return lambda rng, n: rng.integers(low, high + 1, n).astype(float)


REAL, POSITIVE = either(SMALL, LARGE), above(SMALL, LARGE)
ANGLE = any_of(either(SMALL, 1e6), beside(np.pi, np.pi / 2))
EXPONENT = either(SMALL, 300.0)
UNIT = any_of(inside(0.0, 1.0), above(SMALL, 0.1), lambda rng, n: 1 - 10 ** rng.uniform(-14, 0, n))
SYMMETRIC = any_of(inside(-1.0, 1.0), either(SMALL, 0.1),
                   lambda rng, n: rng.choice([-1, 1], n) * (1 - 10 ** rng.uniform(-14, 0, n)))  # fmt: skip
NEAR_ONE = any_of(above(1e-5, 1e5), beside(1.0))
SHAPE, POWER = above(1e-6, 1e3), either(1e-9, 30.0)
ROOT_2, ROOT_PI = mp.sqrt(2), mp.sqrt(mp.pi)


def of_real(function: Callable) -> Callable:
    return lambda *x: mp.re(function(*x))


def normal(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def huber(delta, r):
    return r * r / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)


ELEMENTARY: dict[str, Entry] = {
    "add": (lambda a, b: a + b, (REAL, REAL)), "sub": (lambda a, b: a - b, (REAL, REAL)),
    "mul": (lambda a, b: a * b, (REAL, REAL)), "div": (lambda a, b: a / b, (REAL, REAL)),
    "square": (lambda x: x * x, (REAL,)), "reciprocal": (lambda x: 1 / x, (REAL,)),
    "pow": (mp.power, (NEAR_ONE, POWER)),
    "deg2rad": (mp.radians, (REAL,)), "rad2deg": (mp.degrees, (REAL,)),
    "exp": (mp.exp, (EXPONENT,)), "exp2": (lambda x: mp.mpf(2) ** x, (EXPONENT,)), "expm1": (mp.expm1, (EXPONENT,)),
    "log": (mp.log, (any_of(POSITIVE, beside(1.0)),)), "log2": (lambda x: mp.log(x, 2), (POSITIVE,)),
    "log10": (mp.log10, (POSITIVE,)),
    "log1p": (mp.log1p, (any_of(either(SMALL, 0.9), above(1.0, LARGE),
                              lambda rng, n: -1 + 10 ** rng.uniform(-9, 0, n)),)),
    "logaddexp": (lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), (EXPONENT, EXPONENT)),
    "logaddexp2": (lambda a, b: mp.log(mp.mpf(2) ** a + mp.mpf(2) ** b, 2), (EXPONENT, EXPONENT)),
    "sin": (mp.sin, (ANGLE,)), "cos": (mp.cos, (ANGLE,)), "tan": (mp.tan, (ANGLE,)),
    "arcsin": (mp.asin, (SYMMETRIC,)), "arccos": (mp.acos, (SYMMETRIC,)), "arctan": (mp.atan, (REAL,)),
    "arctan2": (mp.atan2, (REAL, REAL)),
    "sinh": (mp.sinh, (EXPONENT,)), "cosh": (mp.cosh, (EXPONENT,)), "tanh": (mp.tanh, (either(SMALL, 3.0),)),
    "arcsinh": (mp.asinh, (REAL,)),
    "arccosh": (mp.acosh, (any_of(above(1.01, LARGE), lambda rng, n: 1 + 10 ** rng.uniform(-13, 0, n)),)),
    "arctanh": (mp.atanh, (SYMMETRIC,)),
    "sqrt": (mp.sqrt, (POSITIVE,)), "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), (REAL,)),
    "hypot": (mp.hypot, (REAL, REAL)),
}  # fmt: skip
SPECIAL: dict[str, Entry] = {
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), (any_of(EXPONENT, inside(-60.0, 60.0)),)),
    "logit": (lambda x: mp.log(x / (1 - x)), (UNIT,)), "log_expit": (lambda x: -mp.log1p(mp.exp(-x)), (EXPONENT,)),
    "exp10": (lambda x: mp.mpf(10) ** x, (EXPONENT,)), "cosm1": (lambda x: -2 * mp.sin(x / 2) ** 2, (ANGLE,)),
    "exprel": (lambda x: mp.expm1(x) / x, (EXPONENT,)),
    "powm1": (lambda x, p: mp.expm1(p * mp.log(x)), (NEAR_ONE, POWER)),
    "xlogy": (lambda x, y: x * mp.log(y), (REAL, NEAR_ONE)),
    "xlog1py": (lambda x, y: x * mp.log1p(y), (REAL, above(SMALL, LARGE))),
    "entr": (lambda x: -x * mp.log(x), (any_of(POSITIVE, beside(np.exp(-1.0))),)),
    "rel_entr": (lambda x, y: x * mp.log(x / y), (POSITIVE, POSITIVE)),
    "kl_div": (lambda x, y: x * mp.log(x / y) - x + y, (NEAR_ONE, NEAR_ONE)),
    "huber": (huber, (SHAPE, REAL)),
    "pseudo_huber": (lambda d, r: d * d * (mp.sqrt(1 + (r / d) ** 2) - 1), (above(1e-3, 1e3), either(1e-8, 1e6))),
    "boxcox": (lambda x, p: mp.expm1(p * mp.log(x)) / p, (NEAR_ONE, either(1e-9, 10.0))),
    "boxcox1p": (lambda x, p: mp.expm1(p * mp.log1p(x)) / p, (above(SMALL, 1e3), either(1e-9, 10.0))),
    "inv_boxcox": (lambda y, p: mp.exp(mp.log1p(p * y) / p), (above(1e-9, 10.0), above(1e-9, 10.0))),
    "erf": (mp.erf, (either(SMALL, 20.0),)), "erfc": (mp.erfc, (either(SMALL, 26.0),)),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), (any_of(either(SMALL, 20.0), above(1.0, 1e4)),)),
    "erfi": (mp.erfi, (either(SMALL, 25.0),)), "erfinv": (mp.erfinv, (SYMMETRIC,)),
    "dawsn": (lambda x: ROOT_PI / 2 * mp.exp(-x * x) * mp.erfi(x), (either(SMALL, 30.0),)),
    "ndtr": (normal, (either(SMALL, 37.0),)), "log_ndtr": (
        lambda x: mp.log(normal(x)), (any_of(either(SMALL, 30.0), inside(-300.0, 0.0)),)),
    "gamma": (mp.gamma, (any_of(above(SMALL, 170.0), inside(-20.0, 0.0), beside(-1.0, -2.0, 1.4616321449683623)),)),
    "gammaln": (of_real(mp.loggamma), (any_of(above(SMALL, LARGE), inside(-20.0, 0.0), beside(1.0, 2.0, -1.0)),)),
    "rgamma": (mp.rgamma, (any_of(above(SMALL, 160.0), inside(-20.0, 0.0), beside(-1.0, -2.0)),)),
    "digamma": (mp.digamma, (any_of(above(SMALL, LARGE), inside(-20.0, 0.0), beside(-1.0, 1.4616321449683623)),)),
    "beta": (mp.beta, (SHAPE, SHAPE)),
    "betaln": (lambda a, b: mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b), (above(1e-9, 1e9), above(1e-9, 1e9))),
    "poch": (mp.rf, (above(1e-6, 50.0), above(1e-9, 50.0))),
    "binom": (mp.binomial, (above(1e-3, 1e3), any_of(inside(0.0, 30.0), whole(0, 20)))),
    "spence": (lambda x: mp.re(mp.polylog(2, 1 - x)), (any_of(above(1e-9, 1.9), beside(1.0)),)),
    "zetac": (lambda x: mp.zeta(x) - 1, (any_of(inside(-20.0, 0.9), inside(1.1, 50.0)),)),
    "expi": (mp.ei, (either(1e-9, 300.0),)), "exp1": (mp.e1, (above(SMALL, 300.0),)),
    "j0": (lambda x: mp.besselj(0, x), (either(1e-9, 100.0),)),
    "j1": (lambda x: mp.besselj(1, x), (either(1e-9, 100.0),)),
    "y0": (lambda x: mp.bessely(0, x), (above(1e-3, 30.0),)), "y1": (lambda x: mp.bessely(1, x), (above(1e-3, 30.0),)),
    "i0": (lambda x: mp.besseli(0, x), (either(1e-9, 100.0),)),
    "i1": (lambda x: mp.besseli(1, x), (either(1e-9, 100.0),)),
    "k0": (lambda x: mp.besselk(0, x), (above(1e-3, 30.0),)),
    "k1": (lambda x: mp.besselk(1, x), (above(1e-3, 30.0),)),
    "ellipk": (mp.ellipk, (any_of(either(1e-9, 0.999), inside(-100.0, -1.0)),)),
    "ellipe": (mp.ellipe, (any_of(either(1e-9, 0.999), inside(-100.0, -1.0)),)),
    "ellipkm1": (lambda p: mp.ellipk(1 - p), (above(1e-15, 1.0),)),
    "ellipkinc": (mp.ellipf, (either(1e-8, 1.5), any_of(inside(0.0, 0.9), either(1e-9, 0.9)))),
    "ellipeinc": (mp.ellipe, (either(1e-8, 1.5), any_of(inside(0.0, 0.9), either(1e-9, 0.9)))),
    "agm": (mp.agm, (above(1e-6, 1e6), above(1e-6, 1e6))),
    "wrightomega": (lambda x: mp.re(mp.lambertw(mp.exp(x))), (either(1e-3, 300.0),)),
    "sindg": (lambda x: mp.sinpi(x / 180), (inside(-1e3, 1e3),)),
    "cosdg": (lambda x: mp.cospi(x / 180), (inside(-1e3, 1e3),)),
    "sici__0": (mp.si, (either(1e-9, 100.0),)), "sici__1": (mp.ci, (above(1e-9, 100.0),)),
    "shichi__0": (mp.shi, (either(1e-9, 100.0),)), "fresnel__0": (mp.fresnels, (either(1e-6, 30.0),)),
    "fresnel__1": (mp.fresnelc, (either(1e-6, 30.0),)), "airy__0": (mp.airyai, (either(1e-6, 20.0),)),
}  # fmt: skip
# Functions of NumPy and SciPy that are composed of ops
COMPOSED: dict[str, tuple[Callable, Callable, tuple[Sampler, ...]]] = {
    "sinc": (np.sinc, lambda x: mp.sinc(mp.pi * x), (any_of(either(SMALL, 1e3), beside(1.0, 2.0), whole(1, 9)),)),
    "i0": (np.i0, lambda x: mp.besseli(0, x), (either(1e-8, 100.0),)),
    "lambertw": (lambda x: scipy.special.lambertw(x).real, of_real(mp.lambertw),
                 (any_of(POSITIVE, either(1e-9, 0.36)),)),
    "logsumexp": (lambda a, b: scipy.special.logsumexp(np.stack([a, b]), axis=0),
                  lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), (either(1.0, 300.0), either(1.0, 300.0))),  # else near 0
    "zeta": (scipy.special.zeta, mp.zeta, (inside(1.05, 30.0), above(1e-2, 1e3))),
}  # fmt: skip
