"""Running folds along one axis, ``axis``; ``reverse``: from the end; ``exclusive``: the state before each element.

``cumsum``       s = s + x,      starting at 0
``cumprod``      s = s * x,      starting at 1
``linear_scan``  s = a * s + b,  starting at 0; where s is exactly 0 it stays 0 beside an infinite a

The last one is the derivative of the second, and its own: derivatives of every order need no division, and so hold
at zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import General, Linear, Op, Scan
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ops.reduce import Slots, one, zero


def flipped(attrs: Attrs) -> dict[str, Any]:
    """The same scan run the other way."""
    return {**attrs, "reverse": not attrs["reverse"]}


def state_before(attrs: Attrs) -> dict[str, Any]:
    return {**attrs, "exclusive": True}


# --- references -------------------------------------------------------------------------------------------------------


def scan_ref(ufunc: np.ufunc) -> Any:
    """A scan by a ufunc's ``accumulate``."""

    def ref(x: np.ndarray, axis: int, reverse: bool, exclusive: bool) -> np.ndarray:
        walked = np.flip(x, axis) if reverse else x
        result = ufunc.accumulate(walked, axis=axis, dtype=x.dtype)
        if exclusive and x.shape[axis]:
            first = np.full_like(np.take(result, [0], axis), ufunc.identity)
            result = np.concatenate([first, np.take(result, range(x.shape[axis] - 1), axis)], axis)
        return np.flip(result, axis) if reverse else result

    return ref


def linear_scan_ref(a: np.ndarray, b: np.ndarray, axis: int, reverse: bool, exclusive: bool) -> np.ndarray:
    a, b = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0)
    result = np.empty_like(b)
    state = np.zeros(b.shape[1:], b.dtype)
    for i in reversed(range(len(b))) if reverse else range(len(b)):
        before, state = state, np.where(state == 0, b[i], a[i] * state + b[i])
        result[i] = before if exclusive else state
    return np.moveaxis(result, 0, axis)


# --- types and derivatives --------------------------------------------------------------------------------------------


def linear_scan_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType]:
    a, b = types
    if (
        a.dtype != b.dtype
        or a.rank != b.rank
        or any(not facts.equal(x, y) for x, y in zip(a.dims, b.dims, strict=True))
    ):
        raise InvalidGraphError(f"linear_scan: {a} and {b}")
    return (ArrayType(b.dtype, b.dims),)


def cumsum_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    return (F.cumsum(g, **flipped(node.attrs)),)


def state_cotangent(F: Builder, node: Node, factor: Value, g: Value) -> Value:
    """What reaches each state s[i] = factor[i] * s[i-1] + ..., all later ones included, from a cotangent of the result.

    With u[i] = factor[i] * cotangent[i] running back from the end, the cotangent of s[i] is u[i+1], plus g[i] where the
    result is s[i] itself. Where it is s[i-1], g[i] reaches s[i-1] beside u[i].
    """
    back = {**flipped(node.attrs), "exclusive": True}
    if node.attrs["exclusive"]:
        return F.linear_scan(factor, g, **back)
    return F.add(g, F.linear_scan(factor, F.guarded_mul(g, factor), **back))


def cumprod_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,), (x,) = cotangents, node.inputs
    if g is None:
        return (None,)
    return (F.guarded_mul(state_cotangent(F, node, x, g), F.cumprod(x, **state_before(node.attrs))),)


def cumprod_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), (x,) = tangents, node.inputs
    if t is None:
        return (None,)
    return (F.linear_scan(x, F.guarded_mul(t, F.cumprod(x, **state_before(node.attrs))), **node.attrs),)


def linear_scan_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,), (a, b) = cotangents, node.inputs
    if g is None:
        return None, None
    by_b = state_cotangent(F, node, a, g)
    by_a = F.guarded_mul(by_b, F.linear_scan(a, b, **state_before(node.attrs))) if a.grad else None
    return by_a, by_b


def linear_scan_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (ta, tb), (a, b) = tangents, node.inputs
    moved = tb
    if ta is not None:
        by_a = F.guarded_mul(ta, F.linear_scan(a, b, **state_before(node.attrs)))
        moved = by_a if tb is None else F.add(by_a, tb)
    return (F.linear_scan(a, moved, **node.attrs) if moved is not None else None,)


SCANS = [
    Op("cumsum", Scan(zero, "{acc} + {0}"), scan_ref(np.add), Linear(cumsum_transpose), complex=True),
    Op("cumprod", Scan(one, "{acc} * {0}"), scan_ref(np.multiply), General(cumprod_vjp, cumprod_jvp), cost=2,
       complex=True),
    Op("linear_scan", Scan(zero, "select({acc} == 0, {1}, {0} * {acc} + {1})"), linear_scan_ref,
       General(linear_scan_vjp, linear_scan_jvp), type=linear_scan_type, cost=4, complex=True),
]  # fmt: skip
