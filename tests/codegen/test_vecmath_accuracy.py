"""Errors in ulp: f64 against mpmath, and in large numbers against long double; f32 against the f64 functions."""

import mpmath as mp
import numpy as np
import pytest

from graphc.codegen import vecmath
from tests.codegen.vecmath_support import DTYPES, compiled, errors_in_ulp, mp_errors_in_ulp, samples

HUGE = 1.7e308


def normal(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def where(condition, function):
    return lambda x: function(x) if condition(x) else None


def erfcx(x):
    if x < 1e4:
        return mp.exp(x * x) * mp.erfc(x)
    return (1 - 1 / (2 * x * x) + 3 / (4 * x**4)) / (x * mp.sqrt(mp.pi))


def log_sum(base):
    return lambda x, y: max(x, y) + mp.log1p(mp.mpf(base) ** -abs(x - y)) / mp.log(base)


# name: (exact value, ranges, error in ulp that f64 and f32 must keep)
UNARY = {
    "exp": (mp.exp, [(-750, 712)], 1.0),
    "exp2": (lambda x: mp.mpf(2) ** x, [(-1080, 1030)], 1.0),
    "expm1": (mp.expm1, [(-2, 2), (-50, 712)], 1.8),
    "tanh": (mp.tanh, [(-1, 1), (-22, 22)], 1.5),
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), [(-3, 3), (-750, 50)], 1.5),
    "log": (where(lambda x: x > 0, mp.log), [(0.5, 2), (0, HUGE)], 0.9),
    "log2": (where(lambda x: x > 0, lambda x: mp.log(x, 2)), [(0.5, 2), (0, HUGE)], 0.9),
    "log10": (where(lambda x: x > 0, mp.log10), [(0.5, 2), (0, HUGE)], 0.9),
    "log1p": (where(lambda x: x > -1, mp.log1p), [(-1, 1), (0, HUGE)], 0.9),
    "sqrt": (mp.sqrt, [(0, HUGE)], 0.501),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), [(-HUGE, HUGE)], 0.6),
    "sin": (mp.sin, [(-4, 4), (-1e6, 1e6), (-HUGE, HUGE)], 0.8),
    "cos": (mp.cos, [(-4, 4), (-1e6, 1e6), (-HUGE, HUGE)], 0.8),
    "tan": (mp.tan, [(-4, 4), (-1e6, 1e6), (-HUGE, HUGE)], 1.0),
    "arcsin": (mp.asin, [(-1, 1)], 0.9),
    "arccos": (mp.acos, [(-1, 1)], 0.9),
    "arctan": (mp.atan, [(-3, 3), (-HUGE, HUGE)], 1.0),
    "sinh": (mp.sinh, [(-2, 2), (-712, 712)], 1.6),
    "cosh": (mp.cosh, [(-2, 2), (-712, 712)], 1.5),
    "arcsinh": (mp.asinh, [(-2, 2), (-HUGE, HUGE)], 1.4),
    "arccosh": (mp.acosh, [(1, 2), (1, HUGE)], 1.0),
    "arctanh": (mp.atanh, [(-0.999999, 0.999999)], 1.0),
    "erf": (mp.erf, [(-1.2, 1.2), (-7, 7)], 1.3),
    "erfc": (mp.erfc, [(-1, 1), (-7, 27)], 2.8),
    "erfcx": (erfcx, [(-1, 1), (-26, 1e8)], 2.8),
    "ndtr": (normal, [(-1, 1), (-39, 9)], 3.2),
    "log_ndtr": (lambda x: mp.log(normal(x)) if x < 0 else mp.log1p(-normal(-x)), [(-2, 2), (-1e3, 38)], 3.2),
    "logit": (where(lambda x: 0 < x < 1, lambda x: mp.log(x / (1 - x))), [(0, 1), (0.3, 0.7)], 1.2),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), [(-2, 2), (-745, 1e3)], 1.5),
    "log_expit": (lambda x: -mp.log1p(mp.exp(-x)), [(-2, 2), (-1e3, 745)], 1.5),
    "gamma": (mp.gamma, [(0.01, 8), (7, 175)], 3.5),
    "trigamma": (lambda x: mp.psi(1, x), [(0.01, 5), (3, 1e6)], 3.5),
    "tetragamma": (lambda x: mp.psi(2, x), [(0.01, 5), (3, 1e6)], 4.0),
}
BINARY = {
    "pow": (mp.power, [((0.01, 30), (-100, 100)), ((0.999, 1.001), (-5e5, 5e5)), ((0, HUGE), (-1, 1))], 1.0),
    "arctan2": (mp.atan2, [((-3, 3), (-3, 3)), ((-HUGE, HUGE), (-HUGE, HUGE))], 0.9),
    "hypot": (mp.hypot, [((-3, 3), (-3, 3)), ((-HUGE, HUGE), (-HUGE, HUGE))], 1.0),
    "xlogy": (lambda x, y: x * mp.log(y), [((-3, 3), (0, 9))], 1.8),
    "xlog1py": (lambda x, y: x * mp.log1p(y), [((-3, 3), (-1, 9))], 1.8),
    "logaddexp": (log_sum(mp.e), [((0, 9), (-9, 9))], 1.8),
    "logaddexp2": (log_sum(2), [((0, 9), (-9, 9))], 2.5),
}
# an error near a zero or a pole in half ulp of the condition: of the value plus x times the derivative
CONDITIONED = {
    "gammaln": (lambda x: mp.re(mp.loggamma(x)), lambda x: mp.psi(0, x), [(0, 3), (3, 30), (7, 1e10), (-6, 0)], 4.0),
    "digamma": (lambda x: mp.psi(0, x), lambda x: mp.psi(1, x), [(0, 3), (3, 30), (7, 1e10), (-6, 0)], 3.0),
    "gamma": (mp.gamma, lambda x: mp.gamma(x) * mp.psi(0, x), [(-6, 0), (-34, -5)], 3.0),
    "trigamma": (lambda x: mp.psi(1, x), lambda x: mp.psi(2, x), [(-6, 0)], 3.0),
    "tetragamma": (lambda x: mp.psi(2, x), lambda x: mp.psi(3, x), [(-6, 0)], 3.0),
}
EXACT_OR_SELECTED = {
    "absolute", "ceil", "copysign", "floor", "floor_divide", "fmod", "nextafter", "remainder", "rint", "sign", "trunc",
}  # fmt: skip
ORDERS = {"polygamma"}


def test_every_function_is_measured():
    assert set(UNARY) | set(CONDITIONED) | EXACT_OR_SELECTED | ORDERS | set(BINARY) == {n for n, _ in vecmath.FUNCTIONS}


def within(dtype, low, high):
    largest = float(np.finfo(np.float32).max) if dtype == "f32" else HUGE
    return max(low, -largest), min(high, largest)


@pytest.mark.parametrize("name", UNARY)
def test_f64_against_mpmath(name):
    function, ranges, bound = UNARY[name]
    for low, high in ranges:
        x = samples("f64", low, high, 240)
        with mp.workprec(1400 if name in ("sin", "cos", "tan") and high == HUGE else 300 if high > 20 else 200):
            exact = [function(mp.mpf(v)) for v in x.tolist()]
            errors = mp_errors_in_ulp(compiled(name, "f64")(x), exact, "f64")
        worst = errors.argmax()
        assert errors[worst] <= bound, (x[worst], errors[worst])


@pytest.mark.parametrize("name", BINARY)
def test_f64_of_two_arguments_against_mpmath(name):
    function, ranges, bound = BINARY[name]
    for range_x, range_y in ranges:
        x, y = samples("f64", *range_x, 300, seed=1), samples("f64", *range_y, 300, seed=2)
        count = min(x.size, y.size)
        x, y = np.random.default_rng(3).permutation(x)[:count], y[:count]
        with mp.workprec(200):
            exact = [function(mp.mpf(v), mp.mpf(w)) for v, w in zip(x.tolist(), y.tolist(), strict=True)]
            errors = mp_errors_in_ulp(compiled(name, "f64")(x, y), exact, "f64")
        worst = errors.argmax()
        assert errors[worst] <= bound, (x[worst], y[worst], errors[worst])


@pytest.mark.parametrize("name", CONDITIONED)
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_errors_near_zeros_are_those_of_the_argument(name, dtype):
    function, derivative, ranges, bound = CONDITIONED[name]
    for low, high in ranges:
        x = samples(dtype, low, high, 300)
        x = x[(x != 0) & ((x > 0) | (x != np.round(x)))]
        x = x[(np.abs(x) > 8 * np.finfo(x.dtype).tiny) & (np.abs(x) < np.finfo(x.dtype).max / 1e3)]
        with mp.workprec(200):
            exact = [function(mp.mpf(v)) for v in x.tolist()]
            finite = [abs(e) < np.finfo(x.dtype).max / 1e3 for e in exact]
            x, exact = x[finite], [e for e, use in zip(exact, finite, strict=True) if use]
            scale = [abs(mp.mpf(v) * derivative(mp.mpf(v))) for v in x.tolist()]
            got = compiled(name, dtype)(x).tolist()
            half_ulp = mp.mpf(2) ** (-53 if dtype == "f64" else -24)
            errors = [float(abs(g - e) / (half_ulp * (abs(e) + s))) for g, e, s in zip(got, exact, scale, strict=True)]
        worst = int(np.argmax(errors))
        assert errors[worst] <= bound, (x[worst], errors[worst])


LONG_DOUBLE = {
    "exp": [(-745, 709)], "exp2": [(-1074, 1023)], "expm1": [(-2, 2), (-40, 709)], "log": [(0.4, 3), (0, HUGE)],
    "log2": [(0.4, 3), (0, HUGE)], "log10": [(0.4, 3), (0, HUGE)], "log1p": [(-1, 2), (0, HUGE)],
    "sin": [(-30, 30)], "cos": [(-30, 30)], "tan": [(-30, 30)], "tanh": [(-2, 2), (-20, 20)],
    "sinh": [(-3, 3), (-709, 709)],
    "cosh": [(-3, 3), (-709, 709)], "arcsinh": [(-3, 3), (-HUGE, HUGE)], "arccosh": [(1, 3), (1, HUGE)],
    "arctanh": [(-0.999, 0.999)], "arctan": [(-4, 4)], "arcsin": [(-1, 1)], "arccos": [(-1, 1)], "cbrt": [(-9, 9)],
}  # fmt: skip


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than double here")
@pytest.mark.parametrize("name", LONG_DOUBLE)
def test_f64_sweep_against_long_double(name):
    for low, high in LONG_DOUBLE[name]:
        x = samples("f64", low, high, 60_000, seed=7)
        with np.errstate(all="ignore"):
            exact = getattr(np, name)(x.astype(np.longdouble))
        errors = errors_in_ulp(compiled(name, "f64")(x), exact, "f64")
        worst = errors.argmax()
        assert errors[worst] <= UNARY[name][2] + 0.01, (x[worst], errors[worst])


@pytest.mark.parametrize("name", UNARY)
def test_f32_sweep_against_f64(name):
    bound = UNARY[name][2]
    for low, high in UNARY[name][1]:
        x = samples("f32", *within("f32", low, high), 200_000, seed=5)
        exact = compiled(name, "f64")(x.astype(np.float64))
        errors = errors_in_ulp(compiled(name, "f32")(x), exact, "f32")
        worst = errors.argmax()
        assert errors[worst] <= bound, (x[worst], errors[worst])


@pytest.mark.parametrize("name", BINARY)
def test_f32_sweep_of_two_arguments_against_f64(name):
    _, ranges, bound = BINARY[name]
    for range_x, range_y in ranges:
        x = samples("f32", *within("f32", *range_x), 100_000, seed=1)
        y = samples("f32", *within("f32", *range_y), 100_000, seed=2)
        count = min(x.size, y.size)
        x, y = np.random.default_rng(3).permutation(x)[:count], y[:count]
        exact = compiled(name, "f64")(x.astype(np.float64), y.astype(np.float64))
        errors = errors_in_ulp(compiled(name, "f32")(x, y), exact, "f32")
        worst = errors.argmax()
        assert errors[worst] <= bound, (x[worst], y[worst], errors[worst])


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_next_to_multiples_of_half_pi(name, dtype):
    multiples = np.arange(1, 400) * (np.pi / 2)
    x = np.concatenate([multiples, np.ldexp(multiples[:40], 30), np.ldexp(multiples[:40], 70)])
    x = np.append(x, 6381956970095103.0 * 2.0**797)  # the double that comes closest to a multiple of pi/2
    x = x[x < np.finfo(DTYPES[dtype]).max].astype(DTYPES[dtype])
    with mp.workprec(1400):
        exact = [getattr(mp, name)(mp.mpf(v)) for v in x.tolist()]
        errors = mp_errors_in_ulp(compiled(name, dtype)(x), exact, dtype)
    assert errors.max() <= 0.8


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_polygamma_of_many_orders(dtype):
    rng = np.random.default_rng(0)
    n = rng.integers(1, 12, 120)
    x = rng.uniform(0.1, 60, 120).astype(DTYPES[dtype])
    with mp.workprec(160):
        exact = [mp.psi(int(k), mp.mpf(v)) for k, v in zip(n, x.tolist(), strict=True)]
        errors = mp_errors_in_ulp(compiled("polygamma", dtype)(n, x), exact, dtype)
    assert errors.max() <= 12
