"""Arithmetic, comparisons, logic, bits and selection. The other pointwise families stand in files of their own.

**Printed expressions.** ``expr`` is Python source in a kernel over scalars. Arithmetic, comparisons and bit operations
print as operators; ``select(c, a, b)`` takes no branch; everything else is a *helper*, named after the NumPy (or
scipy.special) function and the short dtype of its first argument: ``exp_f64``, ``minimum_i32``, ``floor_divide_u8``.
A helper has the reference's value for every argument of that dtype, NaN, infinities, signed zeros, integer division by
zero and shifts by too much included. Helpers of two arguments take both in the same dtype, but for ``ldexp_{t}(x,
n)``, whose n is an integer. No expression holds a float literal, which would turn float32 into float64. An operator on
small integers computes wider: what prints it casts the result to the node's dtype.

``difference(a, b)`` is no function of NumPy's: ``a - b``, but 0 where both are equal, infinite ones too. What subtracts
the greatest element from all has no NaN then, and the derivative that it should have.

**Helpers by family** (floats f64 and f32, unless said otherwise):

  here        floor_divide remainder fmod pow (floats and integers), difference copysign nextafter spacing ldexp
              heaviside deg2rad rad2deg; left_shift right_shift gcd lcm (integers)
  ordering    minimum maximum (all dtypes), fmin fmax (floats), abs sign (floats and signed integers; sign of
              unsigned too), floor ceil trunc rint isnan isinf isfinite signbit (floats)
  elementary  exp exp2 expm1 log log2 log10 log1p logaddexp logaddexp2 sin cos tan arcsin arccos arctan arctan2 sinh
              cosh tanh arcsinh arccosh arctanh sqrt cbrt hypot, reciprocal (floats and integers)
  special     erf erfc erfcx erfinv expit logit ndtr log_ndtr gammaln digamma polygamma xlogy xlog1py entr
  folds       fold_max fold_min prefer_max prefer_min (reduce.py; all dtypes)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Linear, NotDifferentiable, Op, Partials, Pointwise, ZeroDerivative, signature_of
from graphc.ir.types import BOOL, ArrayType, result_type
from graphc.ops.printing import by_kind, helper

COMPARISON = NotDifferentiable("a comparison")
LOGIC = NotDifferentiable("a truth value")
INTEGER = NotDifferentiable("an integer result")


def number(F: Builder, like: Value, constant: float) -> Value:
    """A constant of the value's dtype, for where no other operand would give a weak one its dtype."""
    return F.constant(constant, ArrayType(like.type.dtype))


# --- powers -----------------------------------------------------------------------------------------------------------


def pow_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value | float, Value | None]:
    """b * a**(b-1), which is 0 for b = 0 at every a; and a**b * log(a), which counts as 0 at a = 0, 0**0 included."""
    if b.node is not None and b.node.op.name == "const":
        return _constant_power(F, a, b.node.attrs["value"]), None
    by_base = F.guarded_mul(b, F.pow(a, F.sub(b, 1.0)))
    log = F.log(F.select(F.eq(a, 0.0), 1.0, a))
    return by_base, F.guarded_mul(y, log)


def _constant_power(F: Builder, a: Value, exponent: float) -> Value | float:
    if exponent in (0.0, 1.0):
        return exponent
    return F.mul(a, 2.0) if exponent == 2.0 else F.mul(F.pow(a, exponent - 1.0), exponent)


# --- remainders -------------------------------------------------------------------------------------------------------


def fmod_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[float, Value]:
    """The quotient rounded towards zero comes from the result itself, so that it fits it at every rounding."""
    return 1.0, F.neg(F.rint(F.div(F.sub(a, y), b)))


def div_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    inverse = F.div(1.0, b)
    return inverse, F.neg(F.mul(y, inverse))


def copysign_partials(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, None]:
    return F.mul(F.sign(a), F.copysign(1.0, b)), None


def difference_ref(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(a == b, np.zeros((), np.result_type(a, b)), a - b)


def of_first_float(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    """The loop of graphc's own ops on real floats: all in the dtype of the first input."""
    if not types[0].is_float or types[0].is_complex:
        raise InvalidGraphError(f"an op on floats is given {', '.join(map(str, types))}")
    return (types[0].dtype,) * (len(types) + 1)


def heaviside_partials(F: Builder, y: Value, x: Value, at_zero: Value) -> tuple[None, Value]:
    return None, F.cast(F.eq(x, 0.0), y.type.dtype)


# --- selection --------------------------------------------------------------------------------------------------------


def select_dtypes(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    """The condition is bool; the two branches promote to one dtype (NEP 50)."""
    _, a, b = types
    result = np.add.resolve_dtypes((*signature_of((a, b)), None))[2] if not (a.weak and b.weak) else None
    if result is None or (a.dtype == BOOL and b.dtype == BOOL):
        result = result_type(a.dtype, b.dtype)
    return BOOL, result, result, result


def select_transpose(F: Builder, g: Value, node: Node) -> tuple[None, Value, Value]:
    condition = node.inputs[0]
    return None, F.select(condition, g, 0.0), F.select(condition, 0.0, g)


# --- the entries ------------------------------------------------------------------------------------------------------

ARITHMETIC = [
    Op("add", Pointwise(2), np.add, Partials(lambda F, y, a, b: (1.0, 1.0), finite=True),
       expr=by_kind(b="({0} | {1})", other="({0} + {1})"), complex=True),
    Op("sub", Pointwise(2), np.subtract, Partials(lambda F, y, a, b: (1.0, -1.0), finite=True), expr="({0} - {1})",
       complex=True),
    Op("difference", Pointwise(2), difference_ref, Partials(lambda F, y, a, b: (1.0, -1.0), finite=True),
       expr=helper("difference", 2), dtypes=of_first_float, cost=2),
    Op("mul", Pointwise(2), np.multiply, Partials(lambda F, y, a, b: (b, a)),
       expr=by_kind(b="({0} & {1})", other="({0} * {1})"), complex=True),
    Op("div", Pointwise(2), np.divide, Partials(div_partials), expr="({0} / {1})", cost=4, complex=True),
    Op("neg", Pointwise(1), np.negative, Partials(lambda F, y, x: (-1.0,), finite=True), expr="(-{0})", complex=True),
    Op("positive", Pointwise(1), np.positive, Partials(lambda F, y, x: (1.0,), finite=True), expr="{0}", complex=True),
    Op("pow", Pointwise(2), np.power, Partials(pow_partials), expr=helper("pow", 2), cost=30, complex=True),
    Op("float_power", Pointwise(2), np.float_power, Partials(pow_partials), expr=helper("pow", 2), cost=30,
       complex=True),
    Op("square", Pointwise(1), np.square, Partials(lambda F, y, x: (F.mul(x, 2.0),)), expr="({0} * {0})", complex=True),
    Op("reciprocal", Pointwise(1), np.reciprocal, Partials(lambda F, y, x: (F.neg(F.square(y)),)),
       expr=helper("reciprocal"), cost=4, complex=True),
    Op("floor_divide", Pointwise(2), np.floor_divide, ZeroDerivative(), expr=helper("floor_divide", 2), cost=8),
    Op("remainder", Pointwise(2), np.remainder,
       Partials(lambda F, y, a, b: (1.0, F.neg(F.floor_divide(a, b)))), expr=helper("remainder", 2), cost=12),
    Op("fmod", Pointwise(2), np.fmod, Partials(fmod_partials), expr=helper("fmod", 2), cost=12),
    Op("copysign", Pointwise(2), np.copysign, Partials(copysign_partials), expr=helper("copysign", 2)),
    Op("nextafter", Pointwise(2), np.nextafter, Partials(lambda F, y, a, b: (1.0, None), finite=True),
       expr=helper("nextafter", 2), cost=4),
    Op("spacing", Pointwise(1), np.spacing, ZeroDerivative(), expr=helper("spacing"), cost=4),
    Op("ldexp", Pointwise(2), np.ldexp, Partials(lambda F, y, x, n: (F.ldexp(number(F, x, 1.0), n), None)),
       expr=helper("ldexp", 2), cost=4),
    Op("heaviside", Pointwise(2), np.heaviside, Partials(heaviside_partials, finite=True),
       expr=helper("heaviside", 2), cost=3),
    Op("deg2rad", Pointwise(1), np.deg2rad, Partials(lambda F, y, x: (math.pi / 180,), finite=True),
       expr=helper("deg2rad")),
    Op("rad2deg", Pointwise(1), np.rad2deg, Partials(lambda F, y, x: (180 / math.pi,), finite=True),
       expr=helper("rad2deg")),
]  # fmt: skip

SELECTION = [
    Op("select", Pointwise(3), np.where,
       Linear(select_transpose, wrt=(1, 2)), dtypes=select_dtypes, expr="select({0}, {1}, {2})", complex=True),
]  # fmt: skip

COMPARISONS = [
    Op("eq", Pointwise(2), np.equal, COMPARISON, expr="({0} == {1})", complex=True),
    Op("ne", Pointwise(2), np.not_equal, COMPARISON, expr="({0} != {1})", complex=True),
    Op("lt", Pointwise(2), np.less, COMPARISON, expr="({0} < {1})"),
    Op("le", Pointwise(2), np.less_equal, COMPARISON, expr="({0} <= {1})"),
    Op("gt", Pointwise(2), np.greater, COMPARISON, expr="({0} > {1})"),
    Op("ge", Pointwise(2), np.greater_equal, COMPARISON, expr="({0} >= {1})"),
]

LOGICAL = [
    Op("logical_not", Pointwise(1), np.logical_not, LOGIC, expr="({0} == 0)", complex=True),
    Op("logical_and", Pointwise(2), np.logical_and, LOGIC,
       expr=by_kind(b="({0} & {1})", other="(({0} != 0) & ({1} != 0))"), complex=True),
    Op("logical_or", Pointwise(2), np.logical_or, LOGIC,
       expr=by_kind(b="({0} | {1})", other="(({0} != 0) | ({1} != 0))"), complex=True),
    Op("logical_xor", Pointwise(2), np.logical_xor, LOGIC, expr="(({0} != 0) != ({1} != 0))", complex=True),
]  # fmt: skip

BITS = [
    Op("bitwise_and", Pointwise(2), np.bitwise_and, INTEGER, expr="({0} & {1})"),
    Op("bitwise_or", Pointwise(2), np.bitwise_or, INTEGER, expr="({0} | {1})"),
    Op("bitwise_xor", Pointwise(2), np.bitwise_xor, INTEGER, expr="({0} ^ {1})"),
    Op("invert", Pointwise(1), np.invert, INTEGER, expr=by_kind(b="({0} == 0)", other="(~{0})")),
    Op("left_shift", Pointwise(2), np.left_shift, INTEGER, expr=helper("left_shift", 2), cost=2),
    Op("right_shift", Pointwise(2), np.right_shift, INTEGER, expr=helper("right_shift", 2), cost=2),
    Op("gcd", Pointwise(2), np.gcd, INTEGER, expr=helper("gcd", 2), cost=40),
    Op("lcm", Pointwise(2), np.lcm, INTEGER, expr=helper("lcm", 2), cost=44),
]

POINTWISE = ARITHMETIC + SELECTION + COMPARISONS + LOGICAL + BITS
