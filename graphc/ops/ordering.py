"""What depends on the order and the sign of numbers: extremes, absolute value, rounding, tests of floats.

Conventions where the derivative jumps: that of ``abs`` is 0 at 0, and tied inputs of an extreme share it equally.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.opdef import NotDifferentiable, Op, Partials, PartialsRule, Pointwise, ZeroDerivative
from graphc.ops.pointwise import number
from graphc.ops.printing import by_kind, helper

TEST = NotDifferentiable("a test")


def share(F: Builder, mine: Value, other: Value, better: Callable[..., Value]) -> Value:
    """1 where mine is the extreme, 1/2 at a tie, else 0."""
    whole, half, nothing = (number(F, mine, constant) for constant in (1.0, 0.5, 0.0))
    return F.select(F.eq(mine, other), half, F.select(better(mine, other), whole, nothing))


def extreme_partials(better: str) -> PartialsRule:
    def rule(F: Builder, y: Value, /, *inputs: Value) -> tuple[Value, Value]:
        a, b = inputs
        wins = getattr(F, better)
        return share(F, a, b, wins), share(F, b, a, wins)

    return rule


def numeric_extreme_partials(better: str) -> PartialsRule:
    """fmin and fmax pass NaN over: whoever faces one has the whole share."""

    def rule(F: Builder, y: Value, /, *inputs: Value) -> tuple[Value, Value]:
        a, b = inputs
        wins, whole = getattr(F, better), number(F, y, 1.0)
        return F.select(F.isnan(b), whole, share(F, a, b, wins)), F.select(F.isnan(a), whole, share(F, b, a, wins))

    return rule


def sign_partial(F: Builder, y: Value, /, *inputs: Value) -> tuple[Value]:
    """The sign; of a complex number ``conj(z) / abs(z)``, and 0 at 0."""
    (x,) = inputs
    if not x.type.is_complex:
        return (F.sign(x),)
    at_zero = F.eq(y, 0.0)
    return (F.select(at_zero, 0.0, F.div(F.conj(x), F.select(at_zero, 1.0, y))),)


EXTREMES = [
    Op("minimum", Pointwise(2), np.minimum, Partials(extreme_partials("lt"), finite=True),
       expr=by_kind(b="({0} & {1})", other=helper("minimum", 2))),
    Op("maximum", Pointwise(2), np.maximum, Partials(extreme_partials("gt"), finite=True),
       expr=by_kind(b="({0} | {1})", other=helper("maximum", 2))),
    Op("fmin", Pointwise(2), np.fmin, Partials(numeric_extreme_partials("lt"), finite=True),
       expr=by_kind(b="({0} & {1})", f=helper("fmin", 2), other=helper("minimum", 2))),
    Op("fmax", Pointwise(2), np.fmax, Partials(numeric_extreme_partials("gt"), finite=True),
       expr=by_kind(b="({0} | {1})", f=helper("fmax", 2), other=helper("maximum", 2))),
]  # fmt: skip

SIGNS = [
    Op(
        "abs",
        Pointwise(1),
        np.absolute,
        Partials(sign_partial),
        expr=by_kind(b="{0}", u="{0}", other=helper("abs")),
        complex=True,
    ),
    Op("fabs", Pointwise(1), np.fabs, Partials(sign_partial), expr=helper("abs")),
    Op("sign", Pointwise(1), np.sign, ZeroDerivative(), expr=helper("sign"), cost=2),
]


def rounding(name: str, ref: np.ufunc) -> Op:
    """Integers are whole already: NumPy gives them back in their dtype (or, for rint, casts them to a float first)."""
    return Op(name, Pointwise(1), ref, ZeroDerivative(), expr=by_kind(f=helper(name), other="{0}"))


ROUNDING = [
    rounding("floor", np.floor),
    rounding("ceil", np.ceil),
    rounding("trunc", np.trunc),
    rounding("rint", np.rint),
]

TESTS = [
    Op("isnan", Pointwise(1), np.isnan, TEST, expr=by_kind(f=helper("isnan"), other="({0} != {0})"), complex=True),
    Op("isinf", Pointwise(1), np.isinf, TEST, expr=by_kind(f=helper("isinf"), other="({0} != {0})"), complex=True),
    Op(
        "isfinite",
        Pointwise(1),
        np.isfinite,
        TEST,
        expr=by_kind(f=helper("isfinite"), other="({0} == {0})"),
        complex=True,
    ),
    Op("signbit", Pointwise(1), np.signbit, TEST, expr=helper("signbit")),
]

ORDERING = EXTREMES + SIGNS + ROUNDING + TESTS
