"""pow: ``x**y = e**(y log|x|)`` with the logarithm as an unevaluated sum of two floats, then the signs and limits.

``|y log x|`` reaches 745 (f32: 104), so the logarithm needs about 10 (7) more bits than the result. ``log(1+f) = 2s +
2/3 s**3 + s**5 P(s**2)`` with ``s = f / (2 + f)``: the first two terms are carried in two floats, and P is small enough
for one.
"""

from __future__ import annotations

from .constants import INF, LN2, LOG2E, NAN
from .exponential import exp_of_reduced, times_power_of_two
from .logarithm import decompose

POW_LOG_F64 = (  # 2**-73
    0.3999999999999998, 0.2857142857144511, 0.22222222217537066, 0.18181818870239302, 0.15384556875769861,
    0.13336317260058192, 0.11674821108653967, 0.11988997310629748,
)  # fmt: skip
POW_LOG_F32 = (0.4000015216582258, 0.28547129286327716, 0.23418758773361256)  # 2**-36
TWO_THIRDS = ((0.6666666666666666, 3.700743415417188e-17), (0.6666666865348816, -1.9868215517249155e-08))


def log_in_two(m, x):
    """``log(x)`` of a positive finite x as ``(hi, lo)``, with 13 bits more than one float."""
    mantissa, k, _ = decompose(m, x)
    f = mantissa - 1.0
    d = mantissa + 1.0
    d_lo = mantissa - (d - 1.0)
    inverse = 1.0 / d
    s = f * inverse
    s_lo = (m.fma(-s, d, f) - s * d_lo) * inverse
    z, z_lo = m.two_product(s, s)
    z_lo = m.fma(s + s, s_lo, z_lo)
    c, c_lo = m.pick(*TWO_THIRDS)
    t = z * c
    t_lo = m.fma(z, c, -t) + m.fma(z * z, m.poly(z, m.pick(POW_LOG_F64, POW_LOG_F32)), m.fma(z, c_lo, z_lo * c))
    u, u_lo = m.two_product(s, t)
    u_lo = m.fma(s, t_lo, m.fma(s_lo, t, u_lo))
    hi, lo = m.fast_two_sum(s + s, u)
    lo = lo + m.fma(s_lo, 2.0, u_lo)
    ln2_hi, ln2_lo = m.pick(*LN2)
    whole, whole_lo = m.two_product(k, ln2_hi)
    total, error = m.fast_two_sum(whole, hi)  # |k ln 2| > |hi| unless k == 0
    return m.fast_two_sum(total, error + (lo + m.fma(k, ln2_lo, whole_lo)))


def exp_of_two(m, hi, lo):
    """``e**(hi + lo)`` for ``|hi|`` below 2**20 or so."""
    ln2_hi, ln2_lo = m.pick(*LN2)
    shifted = m.fma(hi, LOG2E, m.shifter)
    n = shifted - m.shifter
    r = m.fma(n, -ln2_hi, hi) + m.fma(n, -ln2_lo, lo)
    return times_power_of_two(m, exp_of_reduced(m, r), shifted, hi < m.pick(-707.0, -85.0))


def pow(m, x, y):
    ax = m.abs(x)
    # a power so large is even, and 0, 1 or inf: no product below overflows
    yc = m.min(m.max(y, -(2.0**64)), 2.0**64)
    log_hi, log_lo = log_in_two(m, ax)
    hi, hi_lo = m.two_product(yc, log_hi)
    limit_low, limit_high = m.pick(-746.0, -105.0), m.pick(710.0, 89.0)
    inside = (hi > limit_low) & (hi < limit_high)
    lo = m.select(inside, m.fma(yc, log_lo, hi_lo), m.const(0.0))
    result = exp_of_two(m, m.min(m.max(hi, limit_low), limit_high), lo)

    grows = m.select(y < 0.0, m.const(INF), m.const(0.0))  # 0**y
    result = m.select(ax == 0.0, grows, result)
    result = m.select(ax == INF, m.select(y < 0.0, m.const(0.0), m.const(INF)), result)
    is_integer = m.floor(yc) == yc
    half = 0.5 * yc
    odd = is_integer & (m.floor(half) != half)
    result = m.from_bits(m.bits(result) | m.select(odd, m.bits(x) & m.sign_bit, m.int(0)))
    result = m.select((x < 0.0) & (ax < INF) & ~is_integer, m.const(NAN), result)
    result = m.select((x != x) | (y != y), x + y, result)
    return m.select((x == 1.0) | (y == 0.0), m.const(1.0), result)


def sqrt(m, x):
    """One instruction, correctly rounded."""
    return m.sqrt(x)


CBRT_F64 = (  # relative error on [sqrt(1/2), sqrt(2)]; 2**-20
    0.42169055599638594, 1.0560104212115107, -0.8360591499566884, 0.510954207135253, -0.17955067118777543,
    0.026953647741727645,
)  # fmt: skip
CBRT_F32 = (  # 2**-14
    0.4925062253416693, 0.7397266627797462, -0.2903861851649301, 0.058222670201744896,
)  # fmt: skip


def cbrt(m, x):
    """A polynomial, then two Newton steps that share one division; the last one's residual is exact."""
    mantissa, k, _ = decompose(m, m.abs(x))
    third = m.rint(k * (1.0 / 3.0))
    remainder = m.fma(third, -3.0, k)  # -1, 0 or 1
    up, same = remainder > 0.0, remainder == 0.0
    root = m.select(up, m.const(2.0 ** (1 / 3)), m.const(2.0 ** (-1 / 3)))
    t = m.poly(mantissa, m.pick(CBRT_F64, CBRT_F32)) * m.select(same, m.const(1.0), root)
    mantissa = mantissa * m.select(same, m.const(1.0), m.select(up, m.const(2.0), m.const(0.5)))
    square = t * t
    inverse = (1.0 / 3.0) / square
    t = m.fma(m.fma(-square, t, mantissa), inverse, t)
    square, square_lo = m.two_product(t, t)
    t = m.fma(m.fma(-square_lo, t, m.fma(-square, t, mantissa)), inverse, t)
    y = t * m.from_bits((m.bits(third + m.shifter) << m.mantissa_bits) + m.one_bits)
    return m.select((x == 0.0) | (m.abs(x) >= INF) | (x != x), x, m.copysign(y, x))


def hypot(m, x, y):
    """Scaled by a power of two where squares would overflow or underflow."""
    a, b = m.abs(x), m.abs(y)
    high = m.max(a, b)
    limit, factor = m.pick((2.0**500, 2.0**600), (2.0**60, 2.0**80))
    scale = m.select(high > limit, m.const(1.0 / factor), m.select(high < 1.0 / limit, m.const(factor), m.const(1.0)))
    unscale = m.select(high > limit, m.const(factor), m.select(high < 1.0 / limit, m.const(1.0 / factor), m.const(1.0)))
    a, b = a * scale, b * scale
    square, square_lo = m.two_product(a, a)
    other, other_lo = m.two_product(b, b)
    total, error = m.two_sum(square, other)
    root = m.sqrt(total + (error + (square_lo + other_lo))) * unscale
    return m.select((m.abs(x) == INF) | (m.abs(y) == INF), m.const(INF), root)
