"""arctan, arctan2, arcsin, arccos.

arctan brings its argument to ``|t| <= sqrt(2) - 1`` by ``atan(a) = pi/4 + atan((a-1) / (a+1))`` and ``atan(a) = pi/2 -
atan(1/a)``: one division, whose rounding error goes on as a correction.
arcsin and arccos use ``asin(a) = pi/2 - 2 asin(sqrt((1-a) / 2))`` above 1/2.
"""

from __future__ import annotations

from .constants import INF, PI_2

ATAN_F64 = (  # atan(t) = t + t z P(z), z = t*t; 2**-55
    -0.3333333333333022, 0.19999999999104123, -0.14285714196462784, 0.11111106700568314, -0.0909078345417936,
    0.07690082262691489, -0.06641236504420252, 0.056931128277855195, -0.04360672979923722, 0.021278252705460417,
)  # fmt: skip
ATAN_F32 = (  # 2**-31
    -0.33333315507350325, 0.1999848941001473, -0.14243845514169262, 0.10595959840220484, -0.060833088769275165,
)  # fmt: skip
ASIN_F64 = (  # asin(s) = s + s z P(z), z = s*s <= 1/4; 2**-56
    0.1666666666666538, 0.07500000000343389, 0.04464285682312508, 0.03038195934800471, 0.022371753089589986,
    0.01735977796862055, 0.013884528600305819, 0.012173746966812253, 0.006508806945887595, 0.01957954335147527,
    -0.016302946629889695, 0.031965051824718,
)  # fmt: skip
ASIN_F32 = (  # 2**-28
    0.16666753930910072, 0.07495241361895816, 0.045477215430107396, 0.024146779139723122, 0.04222026625145456,
)  # fmt: skip
TAN_PI_8 = 0.41421356237309503


def arctan_of_quotient(m, num, den):
    """``atan(num / den)`` as ``(hi, lo)``, for ``0 <= num <= den``."""
    pi_2, pi_2_lo, *_ = m.pick(*PI_2)
    upper = num > den * TAN_PI_8
    difference, difference_lo = m.fast_two_sum(den, -num)  # den >= num
    total, total_lo = m.fast_two_sum(den, num)
    num = m.select(upper, -difference, num)
    den = m.select(upper, total, den)
    num_lo = m.select(upper, -difference_lo, m.const(0.0))
    den_lo = m.select(upper, total_lo, m.const(0.0))
    inverse = 1.0 / den
    t = num * inverse
    rest = m.fma(-t, den, num) + m.fma(-t, den_lo, num_lo)
    t_lo = rest * inverse
    z = t * t
    t_lo = m.fma(t * z, m.poly(z, m.pick(ATAN_F64, ATAN_F32)), t_lo)
    base = m.select(upper, m.const(0.5 * pi_2), m.const(0.0))
    base_lo = m.select(upper, m.const(0.5 * pi_2_lo), m.const(0.0))
    hi, error = m.fast_two_sum(base, t)  # base is 0 or the larger
    return hi, error + (base_lo + t_lo)


def complement(m, condition, whole, whole_lo, hi, lo):
    """``whole - (hi + lo)`` where the condition holds, with ``whole >= hi``; else the sum as it is."""
    hi_c, error = m.fast_two_sum(m.select(condition, m.const(whole), m.const(0.0)), m.select(condition, -hi, hi))
    return hi_c, error + m.select(condition, whole_lo - lo, lo)


def arctan(m, x):
    a = m.min(m.abs(x), m.pick(2.0**64, 2.0**32))  # arctan is pi/2 there already; no infinity in what follows
    inverted = a > 1.0
    one = m.const(1.0)
    hi, lo = arctan_of_quotient(m, m.select(inverted, one, a), m.select(inverted, a, one))
    hi, lo = complement(m, inverted, *m.pick(*PI_2)[:2], hi, lo)
    return m.copysign(hi + lo, x)


def arctan2(m, y, x):
    a, b = m.abs(y), m.abs(x)
    inverted = a > b
    num, den = m.select(inverted, b, a), m.select(inverted, a, b)
    # an infinity makes the quotient 0, two of them 1; 0/0 is 0/1
    infinite = den == INF
    num = m.select(infinite, m.select(num == INF, m.const(1.0), m.const(0.0)), num)
    den = m.select(infinite | (den == 0.0), m.const(1.0), den)
    # keep sums below overflow and the division's correction above underflow
    big, medium, small = m.pick((2.0**900, 2.0**800, 2.0**-900), (2.0**100, 2.0**60, 2.0**-70))
    scale = m.select(den > big, m.const(m.pick(2.0**-100, 2.0**-50)), m.const(1.0))
    scale = m.select((num < small) & (den < medium), m.const(m.pick(2.0**200, 2.0**60)), scale)
    hi, lo = arctan_of_quotient(m, num * scale, den * scale)
    pi_2, pi_2_lo = m.pick(*PI_2)[:2]
    hi, lo = complement(m, inverted, pi_2, pi_2_lo, hi, lo)
    hi, lo = complement(m, m.bits(x) < 0, 2.0 * pi_2, 2.0 * pi_2_lo, hi, lo)
    result = m.copysign(hi + lo, y)
    return m.select((x != x) | (y != y), x + y, result)


def asin_parts(m, a):
    """``(far, s, s_lo, rest)``: ``s + s_lo + rest`` is the arcsine of a, or of ``sqrt((1-a) / 2)`` where ``far``."""
    far = a > 0.5
    z = m.select(far, m.fma(a, -0.5, 0.5), a * a)
    root = m.sqrt(z)
    root_lo = m.select(root == 0.0, m.const(0.0), m.fma(-root, root, z) / (root + root))
    s = m.select(far, root, a)
    s_lo = m.select(far, root_lo, m.const(0.0))
    return far, s, s_lo, s * z * m.poly(z, m.pick(ASIN_F64, ASIN_F32))


def arcsin(m, x):
    far, s, s_lo, rest = asin_parts(m, m.abs(x))
    pi_2, pi_2_lo = m.pick(*PI_2)[:2]
    hi, error = m.fast_two_sum(m.const(pi_2), -2.0 * s)
    folded = hi + (error + (pi_2_lo - 2.0 * (s_lo + rest)))
    return m.copysign(m.select(far, folded, s + rest), x)


def arccos(m, x):
    far, s, s_lo, rest = asin_parts(m, m.abs(x))
    pi_2, pi_2_lo = m.pick(*PI_2)[:2]
    negative = x < 0.0
    rest = rest + s_lo
    # near 0: pi/2 -+ asin; far: 2 asin, or pi - 2 asin below 0
    whole = m.select(far, m.select(negative, m.const(2.0 * pi_2), m.const(0.0)), m.const(pi_2))
    whole_lo = m.select(far, m.select(negative, m.const(2.0 * pi_2_lo), m.const(0.0)), m.const(pi_2_lo))
    factor = m.select(far, m.const(2.0), m.const(1.0))
    factor = m.select(far ^ negative, factor, -factor)  # a sum where exactly one holds
    hi, error = m.fast_two_sum(whole, factor * s)
    return hi + (error + m.fma(factor, rest, whole_lo))
