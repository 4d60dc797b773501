"""sin, cos, tan: reduction by pi/2, then one of two polynomials on ``|r| <= pi/4`` by the quadrant.

Up to a bound (2**40, in f32 2**15) ``n pi/2`` is subtracted in three parts (Cody & Waite): with fma the first
difference is exact, and what the second loses is carried on in ``r_lo``, so that arguments next to a multiple of pi/2
keep full relative accuracy. Beyond it a branch goes to ``payne_hanek``; ``routine`` tells how the loop still
vectorises.
"""

from __future__ import annotations

from .constants import PI_2
from .exponential import refined_quotient
from .payne_hanek import huge_reduction
from .routine import if_any, routine

SIN_F64 = (  # sin(r) = r + r z P(z), z = r*r; 2**-58
    -0.16666666666666632, 0.008333333333322363, -0.00019841269829766809, 2.7557313677509516e-06,
    -2.50507558186146e-08, 1.5896659828597444e-10,
)  # fmt: skip
COS_F64 = (  # cos(r) = 1 - z/2 + z**2 P(z); 2**-64
    0.0416666666666666, -0.001388888888887406, 2.4801587289440378e-05, -2.755731433980802e-07,
    2.0875721510511504e-09, -1.1359553514182809e-11,
)  # fmt: skip
SIN_F32 = (-0.16666654913224183, 0.008332176086223334, -0.00019517003288971254)  # 2**-28
COS_F32 = (0.041666646820653214, -0.0013887364776650705, 2.4438101049803655e-05)  # 2**-33
TWO_OVER_PI = 0.6366197723675814


def reduce(m, x):
    """``(r, r_lo, quadrant)``: ``x = quadrant pi/2 + r + r_lo``, in the last two bits of the integer ``quadrant``."""
    p1, p2, p3, *_ = m.pick(*PI_2)
    shifted = m.fma(x, TWO_OVER_PI, m.shifter)
    n = shifted - m.shifter
    second, second_lo = m.two_product(n, -p2)
    r, r_lo = m.two_sum(m.fma(n, -p1, x), second)
    r_lo = m.fma(n, -p3, r_lo + second_lo)
    bound_bits = m.pick((40 + 1023) << 52, (15 + 127) << 23)
    huge = ((m.bits(x) & (m.sign_bit - 1)) - bound_bits).below(m.inf_bits - bound_bits)  # finite and beyond
    plain = (r, r_lo, m.bits(shifted))
    return if_any(m, huge, plain, lambda: huge_reduction(m, x, huge, *plain))


def sin_and_cos(m, r, r_lo):
    """The two as unevaluated sums ``(hi, lo)``."""
    z = r * r
    sin_lo = m.fma(r * z, m.poly(z, m.pick(SIN_F64, SIN_F32)), m.fma(-0.5 * z, r_lo, r_lo))
    half = 0.5 * z
    cos_hi = 1.0 - half
    cos_lo = ((1.0 - cos_hi) - half) + m.fma(z * z, m.poly(z, m.pick(COS_F64, COS_F32)), -(r * r_lo))
    return (r, sin_lo), (cos_hi, cos_lo)


def with_sign_of_quadrant(m, y, quadrant):
    return m.from_bits(m.bits(y) ^ ((quadrant << (m.bits_count - 2)) & m.sign_bit))


def _sin(m, x):
    r, r_lo, quadrant = reduce(m, x)
    (s, s_lo), (c, c_lo) = sin_and_cos(m, r, r_lo)
    y = m.select((quadrant & 1) == 0, s + s_lo, c + c_lo)
    return m.select(x == 0.0, x, with_sign_of_quadrant(m, y, quadrant))  # -0


def _cos(m, x):
    r, r_lo, quadrant = reduce(m, x)
    (s, s_lo), (c, c_lo) = sin_and_cos(m, r, r_lo)
    y = m.select((quadrant & 1) == 0, c + c_lo, s + s_lo)
    return with_sign_of_quadrant(m, y, quadrant + (quadrant & 1))  # quadrants 1 and 2 are negative


def _tan(m, x):
    r, r_lo, quadrant = reduce(m, x)
    (s, s_lo), (c, c_lo) = sin_and_cos(m, r, r_lo)
    even = (quadrant & 1) == 0
    num, num_lo = m.fast_two_sum(m.select(even, s, -c), m.select(even, s_lo, -c_lo))
    den, den_lo = m.fast_two_sum(m.select(even, c, s), m.select(even, c_lo, s_lo))
    return m.select(x == 0.0, x, refined_quotient(m, num, num_lo, den, den_lo))


def sin(m, x):
    return routine(m, "sin", _sin, x)


def cos(m, x):
    return routine(m, "cos", _cos, x)


def tan(m, x):
    return routine(m, "tan", _tan, x)
