"""Derivatives of Carlson's symmetric elliptic integrals, and what follows from them for Legendre's.

``R_F``, ``R_C`` and Legendre's have theirs by ``R_D`` (DLMF 19.18, 19.25); those of ``R_D``, ``R_J`` and ``R_G`` are
integrals over (0, inf) of products of powers of t + x, which have one sign. They are computed by the trapezoidal rule
in log(t), spread by sinh: what decays at both ends like a power of t gains all digits within a hundred nodes (Takahasi
and Mori, Publ. RIMS 9, 1974), whatever the sizes of the arguments are.
"""

from __future__ import annotations

from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import F64
from graphc.ops.scipy_rules import PI, Rule, call

NODES, END = 128, 4.4


def power_integral(F: Builder, arguments: list[Value], powers: list[float], inner: float = 0.0) -> Value:
    """The integral of ``t**inner`` times the product of ``(t + argument)**power`` over t from 0 to inf."""
    steps = F.cast(F.iota(dims=(NODES,), axis=0), F64)
    u = F.mul(F.sub(steps, (NODES - 1) / 2), 2 * END / (NODES - 1))
    columns = [F.expand_dims(F.cast(a, F64), (a.rank,)) for a in arguments]
    size = columns[0]
    for column in columns[1:]:
        size = F.add(size, column)
    log_t = F.add(F.mul(F.sinh(u), PI / 2), F.stop_gradient(F.log(size)))
    t = F.exp(log_t)
    exponent = F.mul(log_t, 1.0 + inner)
    for column, power in zip(columns, powers, strict=True):
        exponent = F.add(exponent, F.mul(F.log(F.add(t, column)), power))
    terms = F.mul(F.exp(exponent), F.mul(F.cosh(u), PI / 2))
    return F.mul(F.reduce("sum", terms, (terms.rank - 1,)), 2 * END / (NODES - 1))


def of_powers(powers: tuple[float, ...], factor: float, inner: float = 0.0) -> Rule:
    """The rule of ``factor`` times the integral of the product of ``(t + x_k)**powers[k]``."""

    def partials(F: Builder, y: Value, /, *inputs: Value) -> tuple[Any, ...]:
        found: list[Any] = []
        for k, value in enumerate(inputs):
            if not value.grad:
                found.append(None)
                continue
            raised = [p - (j == k) for j, p in enumerate(powers)]
            found.append(
                F.cast(F.mul(power_integral(F, list(inputs), raised, inner), factor * powers[k]), y.type.dtype)
            )
        return tuple(found)

    return partials


def first_kind(F: Builder, y: Value, a: Value, b: Value, c: Value) -> tuple[Value, ...]:
    """``dR_F/dx = -R_D(y, z, x)/6``."""
    return tuple(F.mul(call(F, "elliprd", *rest), -1 / 6) for rest in ((b, c, a), (a, c, b), (a, b, c)))


def second_kind(F: Builder, y: Value, *inputs: Value) -> tuple[Any, ...]:
    """``dR_G/dx`` is the integral of ``t (t+x)**-3/2 (t+y)**-1/2 (t+z)**-1/2`` over 8 (DLMF 19.16.9, 19.18.4)."""
    found: list[Any] = []
    for k, value in enumerate(inputs):
        powers = [-1.5 if j == k else -0.5 for j in range(3)]
        slope = F.mul(power_integral(F, list(inputs), powers, 1.0), 0.125) if value.grad else None
        found.append(None if slope is None else F.cast(slope, y.type.dtype))
    return tuple(found)


def degenerate(F: Builder, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    """``R_C(x, y) = R_F(x, y, y)``; for y < 0, the principal value, by its differential equations."""
    below = F.lt(b, 0.0)
    safe = F.select(below, 1.0, b)
    by_first = F.mul(call(F, "elliprd", safe, safe, a), -1 / 6)
    by_second = F.mul(call(F, "elliprd", a, safe, safe), -1 / 3)
    gap, root = F.select(below, F.sub(a, b), 1.0), F.sqrt(a)
    outer_first = F.div(F.sub(F.div(1.0, root), y), F.mul(gap, 2.0))
    outer_second = F.div(F.sub(y, F.div(root, F.select(below, b, 1.0))), F.mul(gap, 2.0))
    return F.select(below, outer_first, by_first), F.select(below, outer_second, by_second)


CARLSON_RULES: dict[str, tuple[int, Rule]] = {
    "elliprf": (3, first_kind), "elliprg": (3, second_kind), "elliprc": (2, degenerate),
    "elliprd": (3, of_powers((-0.5, -0.5, -1.5), 1.5)), "elliprj": (4, of_powers((-0.5, -0.5, -0.5, -1.0), 1.5)),
}  # fmt: skip
