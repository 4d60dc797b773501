"""The small language the math functions are written in: values whose operators emit LLVM instructions.

``exp(m, x)`` in this package is an ordinary Python function; ``m`` is a ``Machine`` (an LLVM builder that knows one
float format and one number of lanes) and ``x`` a ``Value``. Running it *emits* the function. Numba sees one intrinsic,
so it types a single call where fourteen statements of Python would each be typed and lowered, and the caller's module
gets no njit callee that would be linked and optimised once more.

Two properties of the emitted code matter and live here alone:

* Numba rewrites a finished module so that its caller's fast-math flags stand on every float instruction without
  flags. Error-free transformations break under them (``p = a * b; fma(a, b, -p)`` is an exact error only as long as
  nothing fuses the first product), so instructions made here carry an *empty* flag: it prints as nothing and keeps the
  rewriting away.
* everything is branch-free: a choice is a ``select``, so LLVM's loop vectoriser takes a loop with these calls. A
  function with a rare costly case says so with ``cold_path`` in ``variants``, not with a branch here.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

NO_FLAGS = ("",)


class _NoFlags(frozenset):
    """The fast-math set of a call that ignores what Numba wants to add to it."""

    def add(self, flag):
        pass


class Value:
    """An LLVM value of a ``Machine``: floats, the integers of the same width, or the masks that comparisons give."""

    __slots__ = ("m", "v")

    def __init__(self, m, v):
        self.m = m
        self.v = v

    @property
    def is_float(self):
        return self.m.is_float(self.v.type)

    def _binary(self, other, on_float, on_int, swap=False):
        m = self.m
        other = m.like(self, other)
        a, b = (other.v, self.v) if swap else (self.v, other.v)
        if self.is_float:
            return Value(m, getattr(m.b, on_float)(a, b, flags=NO_FLAGS))
        return Value(m, getattr(m.b, on_int)(a, b))

    def __add__(self, other):
        return self._binary(other, "fadd", "add")

    __radd__ = __add__

    def __sub__(self, other):
        return self._binary(other, "fsub", "sub")

    def __rsub__(self, other):
        return self._binary(other, "fsub", "sub", swap=True)

    def __mul__(self, other):
        return self._binary(other, "fmul", "mul")

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self._binary(other, "fdiv", None)

    def __rtruediv__(self, other):
        return self._binary(other, "fdiv", None, swap=True)

    def __neg__(self):
        return Value(self.m, self.m.b.fneg(self.v) if self.is_float else self.m.b.neg(self.v))

    def __and__(self, other):
        return Value(self.m, self.m.b.and_(self.v, self.m.like(self, other).v))

    def __or__(self, other):
        return Value(self.m, self.m.b.or_(self.v, self.m.like(self, other).v))

    def __xor__(self, other):
        return Value(self.m, self.m.b.xor(self.v, self.m.like(self, other).v))

    def __invert__(self):
        return Value(self.m, self.m.b.not_(self.v))

    def __lshift__(self, count):
        return Value(self.m, self.m.b.shl(self.v, self.m.like(self, count).v))

    def __rshift__(self, count):
        """A logical shift: AVX2 has no arithmetic one for 64-bit lanes, so no function uses it."""
        return Value(self.m, self.m.b.lshr(self.v, self.m.like(self, count).v))

    def _compare(self, other, op):
        m = self.m
        other = m.like(self, other)
        if self.is_float:  # only != is true of NaN, as in Python
            emit = m.b.fcmp_unordered if op == "!=" else m.b.fcmp_ordered
            instruction = emit(op, self.v, other.v)
            instruction.flags.extend(NO_FLAGS)
            return Value(m, instruction)
        return Value(m, m.b.icmp_signed(op, self.v, other.v))

    def __lt__(self, other):
        return self._compare(other, "<")

    def __le__(self, other):
        return self._compare(other, "<=")

    def __gt__(self, other):
        return self._compare(other, ">")

    def __ge__(self, other):
        return self._compare(other, ">=")

    def __eq__(self, other):
        return self._compare(other, "==")

    def __ne__(self, other):
        return self._compare(other, "!=")

    __hash__ = None  # type: ignore[assignment]

    def below(self, other):
        """Unsigned integer ``<``."""
        return Value(self.m, self.m.b.icmp_unsigned("<", self.v, self.m.like(self, other).v))


class Machine:
    """Emits instructions of one float format (``bits`` 64 or 32), a scalar or ``lanes`` wide."""

    def __init__(self, builder, bits, lanes=None):
        self.b = builder
        self.bits_count = bits
        self.lanes = lanes
        self.is64 = bits == 64
        scalar = ir.DoubleType() if self.is64 else ir.FloatType()
        self.float_type = ir.VectorType(scalar, lanes) if lanes else scalar
        self.int_type = ir.VectorType(ir.IntType(bits), lanes) if lanes else ir.IntType(bits)
        self.mask_type = ir.VectorType(ir.IntType(1), lanes) if lanes else ir.IntType(1)
        self.suffix = (f"v{lanes}" if lanes else "") + f"f{bits}"
        self.dtype = np.dtype(f"f{bits // 8}")
        self.mantissa_bits = 52 if self.is64 else 23
        self.bias = 1023 if self.is64 else 127
        self.one_bits = self.bias << self.mantissa_bits
        self.inf_bits = (2 * self.bias + 1) << self.mantissa_bits
        self.sign_bit = 1 << (bits - 1)
        # adding it rounds a float to an integer, which then sits in the low bits: 1.5 * 2**mantissa_bits
        self.shifter = 1.5 * 2.0**self.mantissa_bits

    def pick(self, f64, f32):
        return f64 if self.is64 else f32

    def is_float(self, type_):
        return type_ == self.float_type

    def value(self, v):
        return Value(self, v)

    def _splat(self, type_, constant):
        return Value(self, ir.Constant(type_, [constant] * self.lanes if self.lanes else constant))

    def const(self, number):
        if not self.is64:
            with np.errstate(over="ignore"):
                number = float(np.float32(number))
        return self._splat(self.float_type, float(number))

    def int(self, number):
        number &= (1 << self.bits_count) - 1
        return self._splat(self.int_type, number - (number >> (self.bits_count - 1) << self.bits_count))

    def like(self, value, other):
        """``other`` as a value that can meet ``value`` in one instruction."""
        if isinstance(other, Value):
            return other
        return self.const(other) if value.is_float else self.int(other)

    def floats(self, *numbers):
        return tuple(n if isinstance(n, Value) else self.const(n) for n in numbers)

    def call(self, name, *args):
        """A call of the LLVM intrinsic ``llvm.<name>`` on floats."""
        args = [a.v for a in self.floats(*args)]
        type_ = ir.FunctionType(self.float_type, [self.float_type] * len(args))
        module = self.b.module
        full = f"llvm.{name}.{self.suffix}"
        function = module.globals.get(full) or ir.Function(module, type_, full)
        instruction = self.b.call(function, args)
        instruction.fastmath = _NoFlags()
        return Value(self, instruction)

    def fma(self, x, y, z):
        return self.call("fma", x, y, z)

    def abs(self, x):
        return self.call("fabs", x)

    def sqrt(self, x):
        return self.call("sqrt", x)

    def floor(self, x):
        return self.call("floor", x)

    def trunc(self, x):
        return self.call("trunc", x)

    def rint(self, x):
        return self.call("rint", x)

    def copysign(self, magnitude, sign):
        return self.call("copysign", magnitude, sign)

    def bits(self, x):
        return Value(self, self.b.bitcast(x.v, self.int_type))

    def from_bits(self, i):
        return Value(self, self.b.bitcast(i.v, self.float_type))

    def select(self, mask, yes, no):
        if not isinstance(yes, Value):
            yes = self.like(no, yes) if isinstance(no, Value) else self.const(yes)
        return Value(self, self.b.select(mask.v, yes.v, self.like(yes, no).v))

    def min(self, x, y):
        """The lesser; ``x`` where one is NaN: with the argument as ``x`` a clamp keeps its NaN."""
        x, y = self.floats(x, y)
        return self.select(x > y, y, x)

    def max(self, x, y):
        x, y = self.floats(x, y)
        return self.select(x < y, y, x)

    def poly(self, x, coefficients):
        """Horner's rule, the constant term first."""
        result = self.const(coefficients[-1])
        for c in reversed(coefficients[:-1]):
            result = self.fma(result, x, c)
        return result

    def two_sum(self, a, b):
        """The rounded sum and its exact error, whichever is larger (Knuth)."""
        s = a + b
        t = s - a
        return s, (a - (s - t)) + (b - t)

    def fast_two_sum(self, a, b):
        """The same for ``|a| >= |b|`` or ``a == 0`` (Dekker)."""
        s = a + b
        return s, b - (s - a)

    def two_product(self, a, b):
        """The rounded product and its exact error."""
        p = a * b
        return p, self.fma(a, b, -p)
