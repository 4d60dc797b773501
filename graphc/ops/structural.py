"""Constants, dims as numbers, casts, ranges: the ops that every program is held together by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Create, General, NotDifferentiable, Op, Pointwise
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType


def const_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType, ...]:
    return (ArrayType(attrs["dtype"], (), attrs["weak"]),)


def const_ref(value: Any, dtype: np.dtype, weak: bool) -> np.ndarray:
    return np.array(value, dtype)


def dim_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType, ...]:
    return (ArrayType(I64, (), weak=True),)


def dim_ref(dim: int) -> np.int64:
    return np.int64(dim)


def iota_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType, ...]:
    return (ArrayType(I64, attrs["dims"]),)


def iota_ref(dims: tuple[int, ...], axis: int) -> np.ndarray:
    return np.broadcast_to(np.arange(dims[axis]).reshape([-1 if a == axis else 1 for a in range(len(dims))]), dims)


def cast_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType, ...]:
    return (ArrayType(attrs["dtype"], types[0].dims),)


def cast_back(F: Builder, node: Node, cotangents: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
    (g,) = cotangents
    source = node.inputs[0].type
    return (F.cast(g, source.dtype) if g is not None and source.is_float and node.output.type.is_float else None,)


def cast_tangent(F: Builder, node: Node, tangents: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
    (t,) = tangents
    return (F.cast(t, node.attrs["dtype"]) if t is not None and node.output.type.is_float else None,)


def cast_ref(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.asarray(x).astype(dtype)


def stop_gradient_ref(x: np.ndarray, cancels: bool = False) -> np.ndarray:
    """``cancels``: a pass found that the result does not depend on x; the user stopped nothing."""
    return np.copy(x)


def same_dtypes(types: Sequence[ArrayType]) -> tuple[np.dtype, ...]:
    return types[0].dtype, types[0].dtype


STRUCTURAL = [
    Op("const", Create(), const_ref, NotDifferentiable("a constant"), type=const_type),
    Op("dim", Create(), dim_ref, NotDifferentiable("a size"), type=dim_type),
    Op("iota", Create(), iota_ref, NotDifferentiable("positions along an axis"), type=iota_type),
    Op(
        "cast", Pointwise(1), cast_ref, General(cast_back, cast_tangent), type=cast_type, expr="cast({0})", complex=True
    ),
    Op(
        "stop_gradient",
        Pointwise(1),
        stop_gradient_ref,
        NotDifferentiable("cut by stop_gradient"),
        dtypes=same_dtypes,
        expr="{0}",
        complex=True,
    ),
]
