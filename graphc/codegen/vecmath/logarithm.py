"""log, log2, log10, log1p and what is made of them.

``log(x) = k ln 2 + log(1 + f)`` with ``1 + f`` in ``[sqrt(1/2), sqrt(2))``.

f64: ``s = f / (2 + f)`` and ``log(1+f) = f - (f**2/2 - s (f**2/2 + s**2 P(s**2)))``, the form of fdlibm, which adds its
rounding errors to small terms only. f32: a polynomial in f itself, with no division.
"""

from __future__ import annotations

from .constants import INF, LN2, LOG2E, LOG2E_PARTS, LOG10_2_PARTS, LOG10E_PARTS, NAN
from .exponential import exp, exp2

LOG_F64 = (  # log(1+f)/s = 2 + z P(z), z = s*s; 2**-58
    0.6666666666666734, 0.39999999999414226, 0.2857142874248717, 0.2222219856277534, 0.1818356489120905,
    0.1531403520146451, 0.14796114269191732,
)  # fmt: skip
LOG_F32 = (  # log(1+f) = f - f**2/2 + f**3 P(f); 2**-30
    0.3333331041717305, -0.24999986659885445, 0.20002229847599756, -0.16669255402683006, 0.1421857826004115,
    -0.12384154430640718, 0.11873443133146713, -0.11791434406107225, 0.06916331640865146,
)  # fmt: skip
SQRT_HALF_BITS = (0x3FE6A09E667F3BCD, 0x3F3504F3)


def decompose(m, x, subnormals=True):
    """``(mantissa, k, field)``: ``x = mantissa 2**k``, mantissa in ``[sqrt(1/2), sqrt(2))``; field is ``k + bias``.

    The exponent is counted from sqrt(1/2), so that neither result needs a select. It becomes a float by way of the low
    bits of ``2**mantissa_bits``, since AVX2 cannot convert 64-bit integers.
    """
    offset = m.pick(*SQRT_HALF_BITS)
    anchor = 2.0**m.mantissa_bits
    anchor_bits = (m.bias + m.mantissa_bits) << m.mantissa_bits
    anchor_bias = anchor + m.bias
    if subnormals:
        up = m.pick(54, 25)
        tiny = x < 2.0 ** (1 - m.bias)
        x = m.select(tiny, x * 2.0**up, x)
        anchor_bias = m.select(tiny, m.const(anchor_bias + up), m.const(anchor_bias))
    i = m.bits(x) + (m.one_bits - offset)
    field = i >> m.mantissa_bits
    k = m.from_bits(field | anchor_bits) - anchor_bias
    return m.from_bits((i & ((1 << m.mantissa_bits) - 1)) + offset), k, field


def log1p_small(m, f, extra):
    """``(f, rest)`` whose sum is ``log(1 + f) + extra``, f in ``(sqrt(1/2) - 1, sqrt(2) - 1)``."""
    half_square = 0.5 * f * f
    if m.is64:
        s = f / (f + 2.0)
        z = s * s
        return f, m.fma(s, m.fma(z, m.poly(z, LOG_F64), half_square), extra) - half_square
    return f, m.fma(f * f * f, m.poly(f, LOG_F32), extra) - half_square


def with_special_values(m, x, result):
    """``result`` where x is positive and finite; -inf at 0, NaN below, x itself at +inf and NaN."""
    ordinary = (m.bits(x) - 1).below(m.inf_bits - 1)
    special = m.select(x == 0.0, m.const(-INF), m.select(x < 0.0, m.const(NAN), x))
    return m.select(ordinary, result, special)


def log(m, x):
    hi, lo = m.pick(*LN2)
    mantissa, k, _ = decompose(m, x)
    f, rest = log1p_small(m, mantissa - 1.0, k * lo)
    return with_special_values(m, x, m.fma(k, hi, f + rest))


def log_of_sum(m, u, error, lo, near):
    """``log(u + error + lo)`` for a normal u.

    Within a factor sqrt(2) of 1 it is ``log(1 + near + lo)`` instead, for u may have lost bits there.
    """
    ln2_hi, ln2_lo = m.pick(*LN2)
    mantissa, k, field = decompose(m, u, subnormals=False)
    unscaled = field == m.bias
    f = m.select(unscaled, near, mantissa - 1.0)
    error = m.select(unscaled, m.const(0.0), error)
    if lo is not None:
        error = error + lo
    twice_scale = m.from_bits((m.int(2 * m.bias + 1) - field) << m.mantissa_bits)  # 2**(1-k), 0 for the largest k
    # the small terms times the derivative 1 / (1 + f), of which a few digits are enough
    half_inverse = m.fma(f, m.fma(f, m.fma(f, -0.5, 0.5), -0.5), 0.5)
    rest = m.fma(k, ln2_lo, error * twice_scale * half_inverse)
    f, rest = log1p_small(m, f, rest)
    return with_special_values(m, u, m.fma(k, ln2_hi, f + rest))


def log1p_of_two(m, hi, lo=None):
    """``log(1 + hi + lo)``."""
    u, error = m.two_sum(m.const(1.0), hi)
    return log_of_sum(m, u, error, lo, hi)


def log1p(m, x):
    return m.copysign(log1p_of_two(m, x), x)


def _log_base(m, x, log_base_e, exponent_factor):
    """``log(x)`` in another base: the logarithm of the mantissa as an unevaluated sum, so the product loses nothing."""
    mantissa, k, _ = decompose(m, x)
    f, rest = log1p_small(m, mantissa - 1.0, 0.0)
    high, low = m.fast_two_sum(f, rest)
    base_hi, base_lo = m.pick(*log_base_e)
    product = high * base_hi
    low = m.fma(high, base_hi, -product) + m.fma(low, base_hi, high * base_lo)
    k_hi, k_lo = m.pick(*exponent_factor)
    whole = k * k_hi
    if k_lo:
        low = m.fma(k, k_lo, m.fma(k, k_hi, -whole) + low)
    total, error = m.fast_two_sum(whole, product)  # |whole| >= |product| unless k == 0
    return with_special_values(m, x, total + (error + low))


def log2(m, x):
    return _log_base(m, x, LOG2E_PARTS, ((1.0, 0.0), (1.0, 0.0)))


def log10(m, x):
    return _log_base(m, x, LOG10E_PARTS, LOG10_2_PARTS)


def xlogy(m, x, y):
    """``x log(y)``, and 0 where x is 0, whatever y but NaN."""
    return m.select((x == 0.0) & (y == y), m.const(0.0), x * log(m, y))


def xlog1py(m, x, y):
    return m.select((x == 0.0) & (y == y), m.const(0.0), x * log1p(m, y))


def logit(m, x):
    """``log(x / (1-x))`` as ``log1p((1-2p) / p)``, ``p = min(x, 1-x)``: accurate at both ends and about 1/2."""
    upper = x >= 0.5
    p = m.select(upper, 1.0 - x, x)
    tiny = p < 2.0 ** m.pick(-200, -60)  # 1 / p may overflow; 1 - 2p is 1, and so is q / (1 + q)
    scaled = m.select(tiny, p * 2.0 ** m.pick(100, 30), p)
    num = m.select(tiny, m.const(1.0), m.fma(p, -2.0, 1.0))
    inverse = 1.0 / scaled
    q = num * inverse
    q_lo = (m.fma(-q, scaled, num) + m.select(tiny, m.const(0.0), m.fma(p, -2.0, 1.0 - num))) * inverse
    y = log1p_of_two(m, q, q_lo)
    y = y + m.select(tiny, m.const(m.pick(100, 30) * LN2[0][0]), m.const(0.0))
    y = m.select(p == 0.0, m.const(INF), m.select(p >= 0.0, y, m.const(NAN)))
    return m.select(upper, y, -y)


def _log_add(m, x, y, power, scale, doubling):
    """The larger plus ``log1p(base**-difference)``; what rounding took from the difference is made good."""
    difference, lost = m.two_sum(x, -y)
    positive = difference > 0.0
    high = m.select(positive, x, y)
    e = power(m, -m.abs(difference))
    e_lo = e * m.select(positive, -lost, lost)
    if scale != 1.0:
        e_lo = e_lo * (1.0 / scale)
    e_lo = m.select(e == 0.0, m.const(0.0), e_lo)  # of an infinite difference nothing is lost
    tail = log1p_of_two(m, e, e_lo)
    if scale != 1.0:
        tail = tail * scale
    # equal infinities have no difference
    return m.select(x == y, x + doubling, m.select(difference == difference, high + tail, difference))


def logaddexp(m, x, y):
    """``log(e**x + e**y)``."""
    return _log_add(m, x, y, exp, 1.0, LN2[0][0])


def logaddexp2(m, x, y):
    """``log2(2**x + 2**y)``."""
    return _log_add(m, x, y, exp2, LOG2E, 1.0)


def softplus(m, x):
    """``log(1 + e**x)``."""
    return m.max(x, 0.0) + log1p_of_two(m, exp(m, -m.abs(x)))


def log_expit(m, x):
    return -softplus(m, -x)
