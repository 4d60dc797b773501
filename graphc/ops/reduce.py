"""Folds over axes. ``axes`` is sorted and non-negative; kept axes of length 1 are a reshape around the fold.

A fold keeps its input's dtype: NumPy's wider accumulators for small integers, and the truth value of what is no bool,
are casts before it. Helpers, all NaN-propagating: ``fold_max_{t}(acc, x)`` and ``fold_min_{t}`` give a NaN if either is
one; ``prefer_max_{t}(acc, x)`` is true where x > acc, or x is NaN and acc is not (so that argmax finds the first NaN).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import InvalidGraphError, ShapeError
from graphc.ir.builder import Builder
from graphc.ir.dims import product
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import General, Linear, NotDifferentiable, Op, Reduce, TypeRule
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import BOOL, I64, ArrayType

Slots = tuple[Value | None, ...]
POSITION = NotDifferentiable("a position")
TRUTH = NotDifferentiable("a truth value")


# --- types ------------------------------------------------------------------------------------------------------------


def folded(type_: ArrayType, attrs: Attrs, dtype: np.dtype) -> tuple[ArrayType]:
    return (ArrayType(dtype, tuple(dim for axis, dim in enumerate(type_.dims) if axis not in attrs["axes"])),)


def truth_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType]:
    (x,) = types
    if x.dtype != BOOL:
        raise InvalidGraphError(f"any or all of {x}: cast it to bool first")
    return folded(x, attrs, BOOL)


def chosen_type(name: str) -> TypeRule:
    """An extreme, or its position: of no elements there is none.

    A symbolic size is asked about only while tracing, where the answer becomes a guard of the program; a size that the
    program itself binds (the count of a mask) cannot be asked about, and the fold of nothing is its start.
    """

    def rule(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType]:
        (x,) = types
        for axis in attrs["axes"]:
            size = x.dims[axis]
            known = isinstance(size, int) or (facts.hints is not None and not facts.is_bound(size))
            if known and not facts.at_least(size, 1):
                raise ShapeError(f"{name} over axis {axis} of an array of shape {x.dims}: there are no elements")
        if not name.startswith("arg"):
            return folded(x, attrs, x.dtype)
        if len(attrs["axes"]) != 1:
            raise InvalidGraphError(f"{name} over axes {attrs['axes']}: it takes one")
        return folded(x, attrs, I64)

    return rule


# --- derivatives ------------------------------------------------------------------------------------------------------


def spread(F: Builder, value: Value, node: Node) -> Value:
    """A result of the fold, stretched back along the folded axes to the shape of its input."""
    x = node.inputs[0]
    return F.broadcast_to(F.expand_dims(value, node.attrs["axes"]), x.dims)


def sum_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    return (spread(F, g, node),)


def extreme_share(F: Builder, node: Node) -> tuple[Value, Value]:
    """Where the input equals the extreme (as a mask), and how many such places each result has: ties share equally.

    A NaN equals nothing; the count is 1 then, so that both modes agree on a derivative of zero.
    """
    (x,) = node.inputs
    hits = F.eq(x, spread(F, node.output, node))
    count = F.reduce("sum", F.cast(hits, x.type.dtype), node.attrs["axes"])
    return hits, F.maximum(count, 1.0)


def extreme_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,) = cotangents
    if g is None:
        return (None,)
    hits, count = extreme_share(F, node)
    return (F.select(hits, spread(F, F.div(g, count), node), 0.0),)


def extreme_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,) = tangents
    if t is None:
        return (None,)
    hits, count = extreme_share(F, node)
    return (F.div(F.reduce("sum", F.select(hits, t, 0.0), node.attrs["axes"]), count),)


def product_of_others(F: Builder, node: Node) -> Value:
    """For each element the product of all others in its fold: what stands before it times what stands behind it.

    No division, so zeros among the elements do no harm, in any order of derivative.
    """
    (x,), axes = node.inputs, node.attrs["axes"]
    perm = [axis for axis in range(x.rank) if axis not in axes] + list(axes)
    moved = F.transpose(x, perm)
    last = x.rank - len(axes)
    flat = F.reshape(moved, (*moved.dims[:last], product(moved.dims[last:])))
    before = F.cumprod(flat, axis=last, reverse=False, exclusive=True)
    behind = F.cumprod(flat, axis=last, reverse=True, exclusive=True)
    others = F.reshape(F.mul(before, behind), moved.dims)
    return F.transpose(others, [perm.index(axis) for axis in range(x.rank)])


def prod_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,) = cotangents
    return (F.guarded_mul(spread(F, g, node), product_of_others(F, node)) if g is not None else None,)


def prod_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,) = tangents
    if t is None:
        return (None,)
    return (F.reduce("sum", F.guarded_mul(t, product_of_others(F, node)), node.attrs["axes"]),)


# --- the entries ------------------------------------------------------------------------------------------------------


def fold(function: Any) -> Any:
    return lambda x, axes: function(x, axis=axes)


def fold_in_dtype(function: Any) -> Any:
    return lambda x, axes: function(x, axis=axes, dtype=x.dtype)


def find(function: Any) -> Any:
    return lambda x, axes: function(x, axis=axes[0])


def lowest(dtype: np.dtype) -> str:
    return "-inf" if dtype.kind == "f" else ("False" if dtype.kind == "b" else str(np.iinfo(dtype).min))


def highest(dtype: np.dtype) -> str:
    return "inf" if dtype.kind == "f" else ("True" if dtype.kind == "b" else str(np.iinfo(dtype).max))


def zero(dtype: np.dtype) -> str:
    return "0"


def one(dtype: np.dtype) -> str:
    return "1"


EXTREME = General(extreme_vjp, extreme_jvp)

REDUCTIONS = [
    Op("sum", Reduce(zero, "{acc} + {0}"), fold_in_dtype(np.sum), Linear(sum_transpose), complex=True),
    Op("prod", Reduce(one, "{acc} * {0}"), fold_in_dtype(np.prod), General(prod_vjp, prod_jvp),
       complex=True),
    Op("max", Reduce(lowest, "fold_max_{t}({acc}, {0})"), fold(np.max), EXTREME, type=chosen_type("max")),
    Op("min", Reduce(highest, "fold_min_{t}({acc}, {0})"), fold(np.min), EXTREME, type=chosen_type("min")),
    Op("any", Reduce(lambda dtype: "False", "{acc} | {0}"), fold(np.any), TRUTH, type=truth_type),
    Op("all", Reduce(lambda dtype: "True", "{acc} & {0}"), fold(np.all), TRUTH, type=truth_type),
    Op("argmax", Reduce(lowest, "prefer_max_{t}({acc}, {0})", index=True), find(np.argmax), POSITION,
       type=chosen_type("argmax")),
    Op("argmin", Reduce(highest, "prefer_min_{t}({acc}, {0})", index=True), find(np.argmin), POSITION,
       type=chosen_type("argmin")),
]  # fmt: skip
