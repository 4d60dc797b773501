"""polygamma(n, x) of any order by the Hurwitz zeta function, Euler and Maclaurin's summation (DLMF 25.11.5).

``(-1)**(n+1) n! zeta(n+1, x)``: terms are added until ``x + k`` is large beside the order, then the rest is an integral
with corrections by Bernoulli numbers. It is slow: digamma, trigamma and tetragamma are the functions for inner loops.
In f32 the factorial overflows from order 34 on, and the result is NaN where it is.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial

from llvmlite import ir

from .constants import INF, NAN
from .gamma import digamma_body, gamma_body
from .power import pow
from .routine import if_any, routine

TERMS = 12
FIRST = -10000.0  # the sum would take too many steps from further below: NaN


def bernoulli_over_factorial(count):
    """``B(2j) / (2j)!`` for j from 1."""
    numbers = [Fraction(1)]
    for n in range(1, 2 * count + 1):
        numbers.append(-sum(comb(n + 1, k) * numbers[k] for k in range(n)) / (n + 1))
    return [float(numbers[2 * j] / factorial(2 * j)) for j in range(1, count + 1)]


def hurwitz_zeta(m, s, x):
    """``sum (x+k)**-s`` over k from 0, for integers ``s > 1``."""
    limit = s * 0.5 + 10.0
    b = m.b
    start = b.block
    loop = b.append_basic_block("sum")
    b.branch(loop)
    b.position_at_end(loop)
    phi_y, phi_total = b.phi(m.float_type), b.phi(m.float_type)
    y, total = m.value(phi_y), m.value(phi_total)
    wanted = y < limit
    added = m.select(wanted, total + pow(m, y, -s), total)
    following = m.select(wanted, y + 1.0, y)
    for phi, first, then in ((phi_y, x, following), (phi_total, m.const(0.0), added)):
        phi.add_incoming(first.v, start)
        phi.add_incoming(then.v, b.block)
    end = b.append_basic_block("summed")
    word = ir.IntType(m.lanes)
    again = b.icmp_unsigned("!=", b.bitcast((following < limit).v, word), ir.Constant(word, 0))
    b.cbranch(again, loop, end)
    b.position_at_end(end)
    power = pow(m, following, -s)
    inverse = 1.0 / following
    square = inverse * inverse
    factor = s * inverse
    corrections = m.const(0.5)
    for j, c in enumerate(bernoulli_over_factorial(TERMS)):
        corrections = m.fma(factor, c, corrections)
        factor = factor * square * (s + (2.0 * j + 1.0)) * (s + (2.0 * j + 2.0))
    return added + power * (following / (s - 1.0) + corrections)


def _polygamma(m, n, x):
    y = digamma_body(m, x)
    higher = n > 0.0

    def zeta():
        order = m.select(higher, n, m.const(1.0))
        start = m.select(x < FIRST, m.const(NAN), x)
        value = gamma_body(m, order + 1.0) * hurwitz_zeta(m, order + 1.0, start)
        value = m.select(x == INF, m.const(0.0), value)
        odd = m.trunc(0.5 * order) * 2.0 != order
        return (m.select(higher, m.select(odd, value, -value), y),)

    (y,) = if_any(m, higher, (y,), zeta)
    return m.select((n < 0.0) | (m.trunc(n) != n), m.const(NAN), y)


def polygamma(m, n, x):
    return routine(m, "polygamma", _polygamma, n, x)
