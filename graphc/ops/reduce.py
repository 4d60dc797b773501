"""Folds over axes. ``axes`` is sorted and non-negative; kept axes of length 1 are a reshape around the fold."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import General, Linear, Op, Reduce


def spread(F: Builder, value: Value, node: Node) -> Value:
    """A result of the fold, stretched back along the folded axes to the shape of its input."""
    x = node.inputs[0]
    return F.broadcast_to(F.expand_dims(value, node.attrs["axes"]), x.dims)


def sum_transpose(F: Builder, g: Value, node: Node) -> tuple[Value]:
    return (spread(F, g, node),)


def extreme_share(F: Builder, node: Node) -> tuple[Value, Value]:
    """Where the input equals the extreme (as a mask), and how many such places each result has: ties share equally."""
    (x,) = node.inputs
    hits = F.eq(x, spread(F, node.output, node))
    count = F.reduce("sum", F.cast(hits, x.type.dtype), node.attrs["axes"])
    return hits, count


def extreme_vjp(F: Builder, node: Node, cotangents: tuple[Value | None, ...]) -> tuple[Value | None]:
    (g,) = cotangents
    if g is None:
        return (None,)
    hits, count = extreme_share(F, node)
    return (F.select(hits, spread(F, F.div(g, count), node), 0.0),)


def extreme_jvp(F: Builder, node: Node, tangents: tuple[Value | None, ...]) -> tuple[Value | None]:
    (t,) = tangents
    if t is None:
        return (None,)
    hits, count = extreme_share(F, node)
    return (F.div(F.reduce("sum", F.select(hits, t, 0.0), node.attrs["axes"]), count),)


def fold(function: Any) -> Any:
    return lambda x, axes: function(x, axis=axes)


def lowest(dtype: np.dtype) -> str:
    return "-inf" if dtype.kind == "f" else ("False" if dtype.kind == "b" else str(np.iinfo(dtype).min))


def highest(dtype: np.dtype) -> str:
    return "inf" if dtype.kind == "f" else ("True" if dtype.kind == "b" else str(np.iinfo(dtype).max))


REDUCTIONS = [
    Op("sum", Reduce(lambda dtype: "0", "{acc} + {0}"), fold(np.sum), Linear(sum_transpose)),
    Op("max", Reduce(lowest, "fold_max({acc}, {0})"), fold(np.max), General(extreme_vjp, extreme_jvp)),
    Op("min", Reduce(highest, "fold_min({acc}, {0})"), fold(np.min), General(extreme_vjp, extreme_jvp)),
]
