"""sinh, cosh and the inverse functions; tanh is in ``exponential``."""

from __future__ import annotations

from .constants import LN2, NAN
from .exponential import exp_of_reduced, reduce, times_power_of_two
from .logarithm import log1p_of_two

SINH_F64 = (  # sinh(x) = x + x z P(z), z = x*x <= 1; 2**-63
    0.16666666666666669, 0.008333333333333139, 0.00019841269841437676, 2.755731915534214e-06,
    2.505212339733721e-08, 1.6057240455853002e-10, 7.759308342327306e-13,
)  # fmt: skip
SINH_F32 = (  # 2**-34
    0.16666666488920567, 0.008333350587968908, 0.00019836067548248973, 2.8174349719848903e-06,
)  # fmt: skip


def half_exp(m, a):
    """``e**a / 2`` for ``a >= 0``, also where ``e**a`` overflows."""
    shifted, r = reduce(m, m.min(a, m.pick(711.0, 90.0)))
    return times_power_of_two(m, exp_of_reduced(m, r), shifted - 1.0, a < 0.0)


def cosh(m, x):
    h = half_exp(m, m.abs(x))
    return h + 0.25 / h


def sinh(m, x):
    a = m.abs(x)
    h = half_exp(m, a)
    z = a * a
    near = m.fma(a * z, m.poly(z, m.pick(SINH_F64, SINH_F32)), a)
    return m.copysign(m.select(a < 1.0, near, h - 0.25 / h), x)


def arcsinh(m, x):
    """``log1p(a + a**2 / (1 + sqrt(1 + a**2)))``; ``log(2a)`` where the 1 does not count."""
    a = m.abs(x)
    big = a > m.pick(2.0**57, 2.0**28)
    b = m.select(big, m.const(0.0), a)
    square = b * b
    addend = square / (m.sqrt(square + 1.0) + 1.0)
    hi, lo = m.fast_two_sum(a, addend)
    y = log1p_of_two(m, hi, m.select(big, m.const(0.0), lo))
    y = y + m.select(big, m.const(LN2[0][0]), m.const(0.0))
    return m.copysign(y, x)


def arccosh(m, x):
    """``log1p(t + sqrt(t (t+2)))`` with ``t = x - 1``."""
    big = x > m.pick(2.0**57, 2.0**28)
    t = m.select(big, m.const(1.0), x - 1.0)
    d, d_lo = m.fast_two_sum(m.const(2.0), t)
    p, p_lo = m.two_product(t, d)
    root = m.sqrt(p)
    root_lo = (m.fma(-root, root, p) + m.fma(t, d_lo, p_lo)) / (root + root)
    hi, lo = m.two_sum(t, root)
    lo = m.select(big | (t == 0.0), m.const(0.0), lo + root_lo)
    y = log1p_of_two(m, m.select(big, x, hi), lo)
    y = y + m.select(big, m.const(LN2[0][0]), m.const(0.0))
    return m.select(x < 1.0, m.const(NAN), y)


def arctanh(m, x):
    """``log1p(2a / (1-a)) / 2``."""
    a = m.abs(x)
    num = a + a
    den = 1.0 - a
    den_lo = (1.0 - den) - a
    inverse = 1.0 / den
    q = num * inverse
    q_lo = m.fma(-q, den_lo, m.fma(-q, den, num)) * inverse
    return m.copysign(0.5 * log1p_of_two(m, q, q_lo), x)
