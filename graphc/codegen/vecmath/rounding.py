"""Rounding, signs, and the three remainders of NumPy: fmod (sign of x), remainder and floor_divide (sign of y).

A remainder is exact. One step ``r = x - trunc(x / y) y`` with fma is, as long as the quotient is below 2**52 or so;
greater quotients repeat it with ``y 2**k``, in a loop that runs while any lane needs it (see ``routine``).
"""

from __future__ import annotations

from llvmlite import ir

from .constants import INF, NAN
from .routine import if_any, routine


def floor(m, x):
    return m.floor(x)


def ceil(m, x):
    return m.call("ceil", x)


def trunc(m, x):
    return m.trunc(x)


def rint(m, x):
    """To the nearest integer, ties to even."""
    return m.rint(x)


def absolute(m, x):
    return m.abs(x)


def copysign(m, x, y):
    return m.copysign(x, y)


def sign(m, x):
    one = m.select(x > 0.0, m.const(1.0), m.const(-1.0))
    return m.select(x == 0.0, m.const(0.0), m.select(x != x, x, one))


def nextafter(m, x, y):
    """The neighbour of x towards y: one step of the bit pattern, which orders floats of one sign."""
    i = m.bits(x)
    away = (y > x) ^ (i < 0)
    stepped = m.from_bits(i + m.select(away, m.int(1), m.int(-1)))
    smallest = m.copysign(m.from_bits(m.int(1)), y)
    result = m.select(x == 0.0, smallest, stepped)
    result = m.select(x == y, y, result)
    return m.select((x != x) | (y != y), x + y, result)


def _step(m, r, y):
    """``r mod y`` for ``0 <= r < 2**mantissa_bits y``, both positive."""
    r = m.fma(-m.trunc(r / y), y, r)
    r = m.select(r < 0.0, r + y, r)  # the rounded quotient may be one too large
    return m.select(r >= y, r - y, r)


def _power_of_two(m, k):
    """``2**k`` of a float ``k`` within the exponents of normal numbers."""
    return m.from_bits((m.bits(k + m.shifter) << m.mantissa_bits) + m.one_bits)


def _exponent(m, x):
    """The exponent field of a positive number as a float, below 1 for subnormals."""
    anchor = 2.0**m.mantissa_bits
    tiny = x < 2.0 ** (1 - m.bias)
    scaled = m.select(tiny, x * anchor, x)
    field = m.from_bits((m.bits(scaled) >> m.mantissa_bits) | m.bits(m.const(anchor)))
    return field - m.select(tiny, m.const(anchor + m.mantissa_bits), m.const(anchor))


def _reduce_by_steps(m, r, y):
    """``r mod y`` by long division in a loop, about ``mantissa_bits`` of the quotient at a time."""
    b = m.b
    reach = m.mantissa_bits - 1.0  # the quotient of a step is below twice 2**reach, and half of k a valid exponent
    y_exponent = _exponent(m, y)
    start = b.block
    loop = b.append_basic_block("divide")
    b.branch(loop)
    b.position_at_end(loop)
    phi = b.phi(m.float_type)
    phi.add_incoming(r.v, start)
    current = m.value(phi)
    k = m.max(_exponent(m, current) - y_exponent - reach, 0.0)
    half = m.trunc(0.5 * k)  # 2**k may itself overflow while y 2**k does not
    divisor = y * _power_of_two(m, half) * _power_of_two(m, k - half)
    following = m.select(current >= y, _step(m, current, divisor), current)
    phi.add_incoming(following.v, b.block)
    end = b.append_basic_block("divided")
    word = ir.IntType(m.lanes)
    again = b.icmp_unsigned("!=", b.bitcast((following >= y).v, word), ir.Constant(word, 0))
    b.cbranch(again, loop, end)
    b.position_at_end(end)
    return following


def _fmod(m, x, y):
    a, b = m.abs(x), m.abs(y)
    ordinary = (a < INF) & (b > 0.0)
    a = m.select(ordinary, a, m.const(0.0))
    b = m.select(ordinary, b, m.const(1.0))
    far = a / b >= 2.0 ** (m.mantissa_bits - 1)
    near = m.select(b < INF, _step(m, a, b), a)
    (r,) = if_any(
        m, far, (near,), lambda: (m.select(far, _reduce_by_steps(m, m.select(far, a, m.const(0.0)), b), near),)
    )
    return m.select(ordinary, m.copysign(r, x), m.select((x != x) | (y != y), x + y, m.const(NAN)))


def fmod(m, x, y):
    return routine(m, "fmod", _fmod, x, y)


def remainder(m, x, y):
    r = fmod(m, x, y)
    other_sign = (m.bits(r) ^ m.bits(y)) < 0
    return m.select(r == 0.0, m.copysign(m.const(0.0), y), m.select(other_sign, r + y, r))


def floor_divide(m, x, y):
    """As NumPy has it: ``(x - remainder) / y`` brought to the integer it is but for rounding."""
    r = fmod(m, x, y)
    other_sign = ((m.bits(r) ^ m.bits(y)) < 0) & (r != 0.0)
    quotient = (x - r) / y - m.select(other_sign, m.const(1.0), m.const(0.0))
    below = m.floor(quotient)
    rounded = below + m.select(quotient - below > 0.5, m.const(1.0), m.const(0.0))
    rounded = m.select(quotient == 0.0, m.copysign(m.const(0.0), x / y), rounded)
    return m.select(y == 0.0, x / y, rounded)
