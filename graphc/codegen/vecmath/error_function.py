"""erf, erfc.

erf: below 1 an odd polynomial, ``x + x P(x**2)``; above it ``1 - e**-P(|x|)``, P being minimal for the *absolute* error.

erfc: ``erfc(x) = e**(-x**2) P(q) / (1 + 2x)`` for ``x >= 0`` with ``q = (x-K)/(x+K)``, which maps the half-line to
[-1, 1) and lets one polynomial serve all of it (Shepherd & Laframboise, Math. Comp. 36, 1981); ``2 - erfc(-x)`` below 0.
``x**2`` is kept in two floats, the quotients are corrected for their rounding, and the power of two is applied last,
so that subnormal results are rounded once.
"""

from __future__ import annotations

from .exponential import exp_of_reduced, expm1_of_reduced, power_of_two, reduce, times_power_of_two

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
ERFCX_F64 = (  # (1 + 2x) e**(x**2) erfc(x) in q = (x-4)/(x+4), 0 <= x <= 28; 2**-56
    1.2329951186255526, -0.1396211168405629, 0.015379652102619915, 0.06809705425473525, -0.10103906603630843,
    0.09373283499686434, -0.0663303658124233, 0.03716751556131435, -0.016197734049857804, 0.0050319697673583364,
    -0.0007577733961586443, -0.00019925557653631366, 0.00015062243836566242, -2.440290589491315e-05,
    -1.1225202570610973e-05, 5.717250816346749e-06, 3.01836001013614e-07, -8.342209589239843e-07,
    6.249110902711809e-08, 1.145740651658771e-07, -7.817496316291533e-09, -1.3398488061469777e-08,
    -1.7161203158119277e-09,
)  # fmt: skip
ERFCX_F32 = (  # the same in q = (x-3)/(x+3), 0 <= x <= 10.5; 2**-28
    1.2530080594144049, -0.1356211415803487, -0.04756243474221176, 0.12964645881482612, -0.11927033045815273,
    0.06829592658464685, -0.023801141403950427, 0.0025636843243099696, 0.0020070625731057005, -0.000767867478210167,
    -0.0002641521264903483,
)  # fmt: skip


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
    y = times_power_of_two(m, y + m.fma(y, w, y_lo), shifted, square > m.pick(707.0, 85.0))
    return m.select(x < 0.0, 2.0 - y, y)
