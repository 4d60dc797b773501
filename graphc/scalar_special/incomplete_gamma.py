"""The incomplete gamma functions P and Q, and their inverses.

After Gautschi, "A computational procedure for incomplete gamma functions" (ACM TOMS 5, 1979): a power series for P, one
for Q near 0, and the continued fraction of Q (DLMF 8.9.2) as a series. For large a near x by Temme's uniform expansion
(DLMF 8.12); ``UNIFORM_k`` are the power series of its ``c_k`` in eta, computed exactly with rational numbers.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.scalar_special.gamma_parts import (
    ROOT_2PI,
    gamma_kernel,
    log1p_less,
    log_gamma_1p,
)
from graphc.scalar_special.language import epsilon, erfc, exp, expm1, isinf, isnan, log, number, sqrt
from graphc.scalar_special.series import polynomial

UNIFORM_FROM, UNIFORM_WITHIN = 100.0, 0.3  # a, and abs(x - a)/a
UNIFORM_0 = (
    -0.3333333333333333, 0.08333333333333333, -0.014814814814814815, 0.0011574074074074073,
    0.0003527336860670194, -0.0001787551440329218, 3.919263178522438e-05, -2.185448510679992e-06,
    -1.85406221071516e-06, 8.296711340953087e-07, -1.7665952736826078e-07, 6.707853543401498e-09,
    1.0261809784240309e-08, -4.382036018453353e-09, 9.14769958223679e-10, -2.5514193994946248e-11,
    -5.830772132550426e-11,
)  # fmt: skip
UNIFORM_1 = (
    -0.001851851851851852, -0.003472222222222222, 0.0026455026455026454, -0.0009902263374485596,
    0.00020576131687242798, -4.018775720164609e-07, -1.8098550334489977e-05, 7.64916091608111e-06,
    -1.6120900894563446e-06, 4.647127802807434e-09, 1.378633446915721e-07, -5.752545603517705e-08,
    1.1951628599778148e-08, -1.7543241719747647e-11, -1.0091543710600413e-09,
)  # fmt: skip
UNIFORM_2 = (
    0.004133597883597883, -0.0026813271604938273, 0.0007716049382716049, 2.0093878600823047e-06,
    -0.0001073665322636516, 5.2923448829120125e-05, -1.2760635188618728e-05, 3.423578734096138e-08,
    1.3721957309062934e-06, -6.298992138380055e-07, 1.4280614206064242e-07, -2.0477098421990866e-10,
    -1.409252991086752e-08,
)  # fmt: skip
UNIFORM_3 = (
    0.0006494341563786008, 0.00022947209362139917, -0.0004691894943952557, 0.00026772063206283885,
    -7.561801671883977e-05, -2.396505113867297e-07, 1.1082654115347302e-05, -5.6749528269915965e-06,
    1.4230900732435883e-06, -2.7861080291528143e-11, -1.6958404091930278e-07,
)  # fmt: skip
UNIFORM_4 = (
    -0.0008618882909167117, 0.0007840392217200666, -0.0002990724803031902, -1.4638452578843418e-06,
    6.641498215465122e-05, -3.968365047179435e-05, 1.1375726970678419e-05,
)  # fmt: skip
UNIFORM_5 = (
    -0.00033679855336635813, -6.972813758365857e-05, 0.0002772753244959392, -0.00019932570516188847,
    6.797780477937208e-05,
)  # fmt: skip
UNIFORM_6 = (
    0.0005313079364639922, -0.0005921664373536939, 0.0002708782096718045,
)  # fmt: skip
MOST_TERMS = 2000
NAN, INF = math.nan, math.inf
MINUS_LOG_2 = -math.log(2.0)
ROOT_HALF = math.sqrt(0.5)


def uniform(a: Any, x: Any, sign: Any) -> Any:
    """Q (sign 1) or P (sign -1) for large a near x."""
    bend = log1p_less((x - a) / a)
    eta = sqrt(-2.0 * bend)
    if x < a:
        eta = -eta
    inverse = 1.0 / a
    total = polynomial(eta, UNIFORM_6)
    total = total * inverse + polynomial(eta, UNIFORM_5)
    total = total * inverse + polynomial(eta, UNIFORM_4)
    total = total * inverse + polynomial(eta, UNIFORM_3)
    total = total * inverse + polynomial(eta, UNIFORM_2)
    total = total * inverse + polynomial(eta, UNIFORM_1)
    total = total * inverse + polynomial(eta, UNIFORM_0)
    root = sqrt(a)
    rest = exp(a * bend) * total / (ROOT_2PI * root)
    return 0.5 * erfc(sign * eta * root * ROOT_HALF) + sign * rest


def lower_series(a: Any, x: Any) -> Any:
    """``P / gamma_kernel``: the sum of x**n / ((a + 1) ... (a + n)) (DLMF 8.11.4)."""
    term, total, n = number(1, x), number(1, x), a
    for _ in range(MOST_TERMS):
        n = n + 1.0
        term = term * (x / n)
        total = total + term
        if term < total * epsilon(x) * 0.25:
            break
    return total


def upper_fraction(a: Any, x: Any) -> Any:
    """``x**-a exp(x)`` times the upper incomplete gamma function of a <= x, not normalised; for any a below 1."""
    p, s = number(0, x), 1.0 - a
    q, r = (x - 1.0 - a) * (x + 1.0 - a), 4.0 * (x + 1.0 - a)
    term, total, rho = number(1, x), number(1, x), number(0, x)
    for _ in range(MOST_TERMS):
        p = p + s
        q = q + r
        r = r + 8.0
        s = s + 2.0
        tau = p * (1.0 + rho)
        rho = tau / (q - tau)
        term = rho * term
        total = total + term
        if abs(term) < abs(total) * epsilon(x) * 0.25:
            break
    return total / (x + 1.0 - a)


def upper_series(a: Any, x: Any) -> Any:
    """Q for x <= 1.5 and a < 2: ``1 - x**a/gamma(a + 1)`` less the rest of P's series in powers of -x."""
    log_power = a * log(x) - log_gamma_1p(a)
    term, total, n = number(1, x), number(0, x), number(0, x)
    for _ in range(MOST_TERMS):
        n = n + 1.0
        term = -term * (x / n)
        total = total + term / (a + n)
        if abs(term) < abs(total) * epsilon(x) * 0.25:
            break
    return -expm1(log_power) - exp(log_power) * a * total


def is_lower_small(a: Any, x: Any) -> bool:
    """Whether P is the smaller one, roughly (Gautschi's choice)."""
    if x >= 0.25:
        return a > x + 0.25
    return a * log(x) < MINUS_LOG_2


def gamma_tail(a: Any, x: Any, upper: Any) -> Any:
    """Q (``upper`` is 1) or P (-1) for positive finite numbers."""
    if a > UNIFORM_FROM and abs(x - a) < UNIFORM_WITHIN * a:
        return uniform(a, x, upper)
    if is_lower_small(a, x):
        small = gamma_kernel(a, x) * lower_series(a, x)
        return 1.0 - small if upper > 0.0 else small
    small = upper_series(a, x) if x <= 1.5 else gamma_kernel(a, x) * a * upper_fraction(a, x)
    return small if upper > 0.0 else 1.0 - small


def regularised(a: Any, x: Any, upper: Any) -> Any:
    """Q (``upper`` is 1) or P (-1), with what they are at the ends."""
    if isnan(a) or isnan(x) or a < 0.0 or x < 0.0:
        return number(NAN, a)
    all_of_it = number(1, a) if upper < 0.0 else number(0, a)  # where x is beyond everything
    if a == 0.0:
        return number(NAN, a) if x == 0.0 else all_of_it
    if isinf(a):
        return number(NAN, a) if isinf(x) else 1.0 - all_of_it
    if x == 0.0 or isinf(x):
        return 1.0 - all_of_it if x == 0.0 else all_of_it
    return gamma_tail(a, x, upper)


def gammainc(a: Any, x: Any) -> Any:
    return regularised(a, x, number(-1, a))


def gammaincc(a: Any, x: Any) -> Any:
    return regularised(a, x, number(1, a))
