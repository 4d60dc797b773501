"""The kinds of what a function makes of tensors: it is built once over their sizes, which also finds the errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.errors import GraphcError, Location
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import F32, ArrayType
from graphc.ops.table import OPS
from graphc.tensors.core import Tensor
from graphc.tensors.functions.function import Function, built
from graphc.tensors.halves import half_of
from graphc.tensors.kinds import Kind, kind_of
from graphc.tensors.placing import place_of_result


def result_kinds(
    function: Function, operands: Sequence[Any], statics: tuple[Any, ...], enabled: bool, location: Location | None
) -> tuple[Kind, ...]:
    """One kind for each value that the function makes. Raises what the function raises, at the location."""
    F = Builder(OPS, ShapeFacts(hints={}))
    F.location = location
    values = [_value(x) if isinstance(x, Tensor) else x for x in operands]
    try:
        made = built(F, function, values, statics)
    except GraphcError as error:
        if error.location is not None or location is None:
            raise
        raise type(error)(error.message, location=location) from None
    marked = enabled and function.differentiable
    marked = marked and any(x._kind.requires_grad for x in operands if isinstance(x, Tensor))
    half = half_of(function, operands, statics)
    place = place_of_result(function, operands, statics)
    return tuple([
        kind_of(half if half is not None and v.type.dtype == F32 else v.type.dtype, tuple(map(_size, v.dims)),
                marked and v.type.is_float, place=place)
        for v in made
    ])  # fmt: skip


def _size(dim: Any) -> int:
    assert isinstance(dim, int), f"the size {dim} depends on data"
    return dim


def _value(tensor: Tensor) -> Value:
    return Value(ArrayType(tensor._kind.computed, tensor._kind.shape))
