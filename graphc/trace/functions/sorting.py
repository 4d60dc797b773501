"""Order: ``sort argsort partition searchsorted median percentile quantile unique`` and what is composed of them."""

from __future__ import annotations

from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import product
from graphc.ir.graph import Value
from graphc.trace.functions.arguments import Implementation, as_array, axis_of


def last_axis(F: Builder, name: str, a: Any, axis: Any) -> tuple[Value, int]:
    """The array with the axis moved to the end, and where it stood; flattened without one."""
    value = as_array(F, a)
    if axis is None:
        return F.reshape(value, (product(value.dims),)), 0
    along = axis_of(F, name, axis, value.rank)
    return to_end(F, value, along), along


def to_end(F: Builder, a: Value, axis: int) -> Value:
    return F.transpose(a, [*(i for i in range(a.rank) if i != axis), axis])


def from_end(F: Builder, a: Value, axis: int) -> Value:
    rest = list(range(a.rank - 1))
    return F.transpose(a, [*rest[:axis], a.rank - 1, *rest[axis:]])


def sort(F: Builder, a: Any, axis: Any = -1, kind: Any = None, order: None = None, *, stable: Any = None) -> Value:
    """Sorted along the axis, NaN last; equal elements keep their order, whatever ``kind`` says."""
    value, along = last_axis(F, "sort", a, axis)
    return from_end(F, F.sort(value)[0], along)


def argsort(F: Builder, a: Any, axis: Any = -1, kind: Any = None, order: None = None, *, stable: Any = None) -> Value:
    """The positions (int64) that sort the array; equal elements keep their order, whatever ``kind`` says."""
    value, along = last_axis(F, "argsort", a, axis)
    return from_end(F, F.sort(value)[1], along)


FUNCTIONS: dict[str, Implementation] = {"numpy.sort": sort, "numpy.argsort": argsort}
