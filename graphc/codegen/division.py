"""Integer ``//`` and ``%`` for printed code, as a handful of instructions without branches.

Numba's own are four branches over stack slots, 10 ms to compile where a driver has thirty of them, and LLVM cannot see
that two of them are equal. Values are Numba's and NumPy's: rounded to minus infinity, 0 for a divisor of 0; and the
least integer divided by -1 is itself.
"""

from __future__ import annotations

from typing import Any


def divide(builder: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Quotient and remainder. The hardware traps on b = 0 and on the least integer by -1: neither gets there."""
    zero, one = b.type(0), b.type(1)
    by_zero = builder.icmp_signed("==", b, zero)
    by_minus_one = builder.icmp_signed("==", b, b.type(-1))
    divisor = builder.select(builder.or_(by_zero, by_minus_one), one, b)
    quotient, remainder = builder.sdiv(a, divisor), builder.srem(a, divisor)
    signs_differ = builder.icmp_signed("<", builder.xor(remainder, divisor), zero)
    down = builder.and_(builder.icmp_signed("!=", remainder, zero), signs_differ)
    quotient = builder.sub(quotient, builder.zext(down, b.type))
    remainder = builder.add(remainder, builder.select(down, divisor, zero))
    quotient = builder.select(by_minus_one, builder.neg(a), quotient)
    return builder.select(by_zero, zero, quotient), remainder
