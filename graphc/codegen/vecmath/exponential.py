"""exp, exp2, expm1, tanh, expit: ``e**x = 2**n e**r`` with ``n = rint(x / ln 2)``, ``|r| <= ln 2 / 2`` (Cody & Waite).

``n ln 2`` is subtracted in two parts with fma; the first difference is exact, since ``x`` and ``n LN2_HI`` are both
multiples of ``ulp(LN2_HI)`` and nearly equal. ``e**r = 1 + r + r**2 P(r)``; every P in this package is a minimax
polynomial computed for it by Remez' exchange in 50 digits, its error relative to the result stated beside it.

Results that are subnormal are scaled up first and down at the end, so they are rounded once.
"""

from __future__ import annotations

from .constants import LN2, LOG2E

EXP_F64 = (  # 2**-58
    0.5000000000000012, 0.166666666666667, 0.04166666666651543, 0.008333333333307368, 0.0013888888947015214,
    0.0001984126991723578, 2.480148994065579e-05, 2.7557216321710946e-06, 2.7631281576038186e-07,
    2.5117876121187956e-08,
)  # fmt: skip
EXP_F32 = (  # 2**-28
    0.5000000097492658, 0.16666518794142385, 0.0416662021017172, 0.008368893698624775, 0.0013950639299069702,
)  # fmt: skip
EXPM1_F64 = (  # 2**-62, relative to expm1(r)
    0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333321615, 0.001388888888886686, 0.00019841269886159357,
    2.4801587360601585e-05, 2.7557244182292944e-06, 2.755724267688411e-07, 2.5109044485444102e-08,
    2.0924477454524694e-09,
)  # fmt: skip
EXPM1_F32 = (  # 2**-32, relative to expm1(r)
    0.5000000046518799, 0.1666666681793525, 0.041666354397844246, 0.008333272766838833, 0.0013941024107564785,
    0.0001991434627604676,
)  # fmt: skip

TANH_F32 = (  # tanh(x) = x + x z P(z), z = x*x <= 0.55**2; 2**-30
    -0.3333331805547894,
    0.13332601953925555,
    -0.05385388099744599,
    0.02107783415727487,
    -0.006282556796852226,
)  # fmt: skip


def reduce(m, x):
    """``(shifted, r)``: the low bits of ``shifted`` hold ``n``, ``x = n ln 2 + r``."""
    hi, lo = m.pick(*LN2)
    shifted = m.fma(x, LOG2E, m.shifter)
    n = shifted - m.shifter
    return shifted, m.fma(n, -lo, m.fma(n, -hi, x))


def exp_of_reduced(m, r):
    return m.poly(r, (1.0, 1.0, *m.pick(EXP_F64, EXP_F32)))


def times_power_of_two(m, y, shifted, underflows):
    """``y * 2**n``, for ``n`` from far below the subnormals to one above the largest exponent.

    The factor is built in the exponent field as ``2**(n-1)``, whose field never overflows, and where half of the result
    may be subnormal as ``2**(n+63)``; the last product takes that back and is the only one that rounds.
    """
    low = m.select(underflows, m.int((m.bias + 63) << m.mantissa_bits), m.int((m.bias - 1) << m.mantissa_bits))
    scale = m.from_bits((m.bits(shifted) << m.mantissa_bits) + low)
    return y * scale * m.select(underflows, m.const(2.0**-63), m.const(2.0))


def power_of_two(m, shifted, bias):
    """``2**(n + bias)`` for exponents of normal numbers."""
    return m.from_bits((m.bits(shifted) << m.mantissa_bits) + ((m.bias + bias) << m.mantissa_bits))


def exp(m, x):
    x = m.min(m.max(x, m.pick(-746.0, -105.0)), m.pick(710.0, 89.0))  # beyond these the result is 0 or inf anyway
    shifted, r = reduce(m, x)
    return times_power_of_two(m, exp_of_reduced(m, r), shifted, x < m.pick(-707.0, -85.0))


def exp2(m, x):
    x = m.min(m.max(x, m.pick(-1076.0, -151.0)), m.pick(1025.0, 129.0))
    shifted = x + m.shifter
    hi, lo = m.pick(*LN2)
    t = x - (shifted - m.shifter)  # exact
    product = t * hi
    r = product + m.fma(t, hi, -product) + t * lo
    return times_power_of_two(m, exp_of_reduced(m, r), shifted, x < m.pick(-1020.0, -124.0))


def expm1_of_reduced(m, r):
    return m.fma(r * r, m.poly(r, m.pick(EXPM1_F64, EXPM1_F32)), r)


def expm1(m, x):
    clamped = m.min(m.max(x, m.pick(-60.0, -30.0)), m.pick(710.0, 89.0))
    shifted, r = reduce(m, clamped)
    half = power_of_two(m, shifted, -1)  # of 2**n, which may overflow
    y = 2.0 * m.fma(half, expm1_of_reduced(m, r), half - 0.5)
    return m.select(m.abs(x) < m.pick(2.0**-54, 2.0**-25), x, y)  # keeps -0 and all bits of a subnormal


def refined_quotient(m, num, num_lo, den, den_lo):
    """``(num + num_lo) / (den + den_lo)`` by one division and one Newton step: rounded almost correctly."""
    inverse = 1.0 / den
    y = num * inverse
    return m.fma(m.fma(-y, den_lo, m.fma(-y, den, num) + num_lo), inverse, y)


def tanh(m, x):
    a = m.abs(x)
    t = m.min(a, m.pick(20.0, 10.0)) * -2.0
    shifted, r = reduce(m, t)
    scale = power_of_two(m, shifted, 0)
    if not m.is64:  # a short polynomial near 0 costs less than making good the rounding of a quotient
        e = scale * exp_of_reduced(m, r)
        far = 1.0 - (e + e) / (e + 1.0)
        z = a * a
        near = m.fma(a * z, m.poly(z, TANH_F32), a)
        return m.copysign(m.select(a < 0.55, near, far), x)
    q = expm1_of_reduced(m, r)
    base = scale - 1.0
    e = m.fma(scale, q, base)  # expm1(-2|x|)
    e_lo = m.fma(scale, q, base - e)
    den = e + 2.0
    y = refined_quotient(m, -e, -e_lo, den, (e - (den - 2.0)) + e_lo)
    return m.copysign(y, x)


def expit(m, x):
    e = exp(m, -m.abs(x))  # of -|x|: never overflows, and the small tail keeps its relative accuracy
    den = e + 1.0
    return refined_quotient(m, m.select(x < 0.0, e, m.const(1.0)), m.const(0.0), den, e - (den - 1.0))
