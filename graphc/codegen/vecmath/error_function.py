"""erf, erfc, erfcx, ndtr, log_ndtr.

erf: below 1 an odd polynomial, ``x + x P(x**2)``; above it ``1 - e**-P(|x|)``, with P for a minimal *absolute* error.

erfc: ``erfc(x) = e**(-x**2) P(q) / (1 + 2x)`` for ``x >= 0`` with ``q = (x-K)/(x+K)``, which maps the half-line to
[-1, 1) and lets one polynomial serve all of it (Shepherd & Laframboise, Math. Comp. 36, 1981); below 0 it is
``2 - erfc(-x)``.
``x**2`` is kept in two floats, the quotients are corrected for their rounding, and the power of two is applied last,
so that subnormal results are rounded once.
"""

from __future__ import annotations

from .constants import INF
from .exponential import exp_of_reduced, expm1_of_reduced, power_of_two, reduce, times_power_of_two
from .logarithm import log_of_sum

ERF_F64 = (  # erf(x)/x - 1 in x**2; 2**-57
    0.12837916709551256, -0.3761263890318355, 0.11283791670945252, -0.026866170643275896, 0.005223977607421073,
    -0.0008548325989600811, 0.00012055295318216951, -1.492474463029977e-05, 1.6447517389362968e-06,
    -1.620917450641637e-07, 1.3722973217274037e-08, -7.801188073952528e-10,
)  # fmt: skip
ERF_F32 = (  # 2**-30
    0.1283791659155593, -0.376126271363633, 0.11283600168478758, -0.026854444277666024, 0.005189534950707715,
    -0.000802083982284926, 7.889120219750162e-05,
)  # fmt: skip
ERF_TAIL_F64 = (  # -log(erfc(x)), 1 <= x <= 5.93; 2**-55 of the absolute error of erf
    1.0819746876818132e-06, 1.1283685471496825, 0.6366682638820501, 0.10263590503181401, -0.01886233348577482,
    -0.0005879477242830752, 0.002102498478216145, -0.0009226856647793776, 0.00023221588381061012,
    -2.8695924206963413e-05, -3.370163801551507e-06, 2.609289039727821e-06, -6.750841743588199e-07,
    1.0638931851572442e-07, -1.0721737095112245e-08, 6.407811879966579e-10, -1.7394765987179562e-11,
)  # fmt: skip
ERF_TAIL_F32 = (  # 1 <= x <= 4; 2**-30
    0.0003536769538405314, 1.127040162520969, 0.6382255581912573, 0.10303737908323546, -0.0218052712838782,
    0.002939580528059756, -0.00018556953213621962,
)  # fmt: skip
ERFCX_F64 = (  # (1 + 2x) e**(x**2) erfc(x) in q = (x-4)/(x+4), -1 <= q <= 1; 2**-54
    1.2329951186255526, -0.13962111684056228, 0.015379652102614907, 0.06809705425466803, -0.10103906603615523,
    0.09373283499911896, -0.06633036581427226, 0.037167515526277284, -0.016197734043043987, 0.005031970069467384,
    -0.0007577733445938821, -0.00019925715393078464, 0.00015062176002955034, -2.4397727198760925e-05,
    -1.122187581717515e-05, 5.706571087269127e-06, 2.9284285595709694e-07, -8.210560588093695e-07,
    7.661211860888703e-08, 1.0631148922374986e-07, -2.0019238936258592e-08, -1.2335809404224713e-08,
    2.9719100654784885e-09, 9.292081827533616e-10, -2.342038826500691e-10,
)  # fmt: skip
ERFCX_F32 = (  # the same in q = (x-3)/(x+3); 2**-24
    1.2530080080032349, -0.1356211006641388, -0.04756089299917221, 0.12964503467082977, -0.11928483098745346,
    0.06830901652574539, -0.023732343688607216, 0.002525442512705922, 0.0018251362489536405,
    -0.000770888425341207, -5.402547532214543e-05, 0.00011323073909151818, -1.146960535180842e-05,
    -1.1153175810855804e-05,
)  # fmt: skip
SQRT_PI = 1.772453850905516
SQRT_HALF = ((0.7071067811865476, -4.833646656726457e-17), (0.7071067690849304, 1.2101617485882343e-08))


def erf(m, x):
    ax = m.abs(x)
    near = m.fma(ax, m.poly(x * x, m.pick(ERF_F64, ERF_F32)), ax)
    far = m.min(ax, m.pick(5.93, 4.0))
    shifted, r = reduce(m, -m.poly(far, m.pick(ERF_TAIL_F64, ERF_TAIL_F32)))
    tail = m.fma(-power_of_two(m, shifted, 0), exp_of_reduced(m, r), 1.0)
    return m.copysign(m.select(ax < 1.0, near, tail), x)


def scaled_erfc(m, ax):
    """``e**(ax**2) erfc(ax)`` as ``(hi, lo)`` for ``ax >= 0``, as far as erfc does not underflow."""
    center = m.pick(4.0, 3.0)
    d1 = ax + center
    d2 = m.fma(ax, 2.0, 1.0)
    inverse = 1.0 / (d1 * d2)
    inverse1 = inverse * d2
    q = (ax - center) * inverse1
    residual = m.fma(q, -ax, m.fma(q + 1.0, -center, ax))  # ax - center - q (ax + center), without rounding the sums
    q = m.fma(residual, inverse1, q)
    constant, *higher = m.pick(ERFCX_F64, ERFCX_F32)
    higher = m.poly(q, higher)
    p = m.fma(higher, q, constant)
    p_lo = m.fma(higher, q, constant - p)
    inverse2 = inverse * d1
    y = p * inverse2
    return y, (m.fma(-2.0 * ax, y, p - y) + p_lo) * inverse2


def erfc(m, x):
    ax = m.min(m.abs(x), m.pick(27.3, 10.5))
    square, square_lo = m.two_product(ax, ax)
    shifted, r = reduce(m, -square)
    w = expm1_of_reduced(m, r - square_lo)
    y, y_lo = scaled_erfc(m, ax)
    y = times_power_of_two(m, y + m.fma(y, w, y_lo), shifted, square > m.pick(700.0, 80.0))
    return m.select(x < 0.0, 2.0 - y, y)


def erfcx(m, x):
    """``e**(x**2) erfc(x)``; below 0 ``2 e**(x**2) - erfcx(-x)``."""
    ax = m.min(m.abs(x), m.pick(2.0**100, 2.0**40))
    y, y_lo = scaled_erfc(m, ax)
    y = m.select(m.abs(x) > ax, (1.0 / SQRT_PI) / m.abs(x), y + y_lo)
    square, square_lo = m.two_product(x, x)
    limit = m.pick(709.4, 88.3)  # overflow is at 709.1 and 88.03
    inside = square < limit
    shifted, r = reduce(m, m.min(square, limit))
    e = exp_of_reduced(m, r + m.select(inside, square_lo, m.const(0.0)))
    reflected = times_power_of_two(m, e, shifted + 1.0, square < 0.0) - y
    return m.select(x < 0.0, m.select(inside, reflected, m.const(INF)), y)


def scaled_normal_tail(m, ax):
    """``erfcx(ax / sqrt(2)) / 2`` as ``(hi, lo)``; its argument's rounding is made good with the derivative."""
    factor, factor_lo = m.pick(*SQRT_HALF)
    t = ax * factor
    t_lo = m.fma(ax, factor, -t) + ax * factor_lo
    y, y_lo = scaled_erfc(m, t)
    return 0.5 * y, 0.5 * m.fma(t_lo, m.fma(t + t, y, -2.0 / SQRT_PI), y_lo)


def normal_tail(m, ax, y, y_lo):
    """``erfc(ax / sqrt(2)) / 2`` from the scaled tail; ``ax**2 / 2`` is exact in two floats."""
    ax = m.min(ax, m.pick(38.7, 14.5))
    square, square_lo = m.two_product(ax, ax * 0.5)
    shifted, r = reduce(m, -square)
    w = expm1_of_reduced(m, r - square_lo)
    return times_power_of_two(m, y + m.fma(y, w, y_lo), shifted, square > m.pick(700.0, 80.0))


def ndtr(m, x):
    """The normal distribution function ``erfc(-x / sqrt(2)) / 2``."""
    ax = m.min(m.abs(x), m.pick(38.7, 14.5))
    y = normal_tail(m, ax, *scaled_normal_tail(m, ax))
    return m.select(x < 0.0, y, 1.0 - y)


def log_ndtr(m, x):
    """Below -1 ``log(erfcx(-x / sqrt(2)) / 2) - x**2 / 2``; ``log(1 - tail)`` above 0; ``log(tail)`` between."""
    below, positive = x < -1.0, x > 0.0
    ax = m.abs(x)
    y, y_lo = scaled_normal_tail(m, m.min(ax, m.pick(2.0**100, 2.0**40)))
    tail = normal_tail(m, ax, y, y_lo)
    u = m.select(below, y, tail)
    u_above, error = m.fast_two_sum(m.const(1.0), -tail)
    u = m.select(positive, u_above, u)
    zero = m.const(0.0)
    lo = m.select(below, y_lo, zero)
    log = -m.abs(log_of_sum(m, u, m.select(positive, error, zero), lo, m.select(positive, -tail, u - 1.0)))
    return m.select(below, log - 0.5 * x * x, log)
