"""Joining arrays along an axis, and cutting them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, ceildiv, floordiv, product
from graphc.ir.graph import Value
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_int,
    axis_of,
    cast_by,
    promoted,
    require_equal,
    require_same_dims,
    shape_error,
    shape_text,
    specialised,
    unsupported,
)
from graphc.trace.functions.shaping import one_axis, three_axes, two_axes
from graphc.trace.functions.slicing import Span, span_of, take_spans


def arrays_of(F: Builder, name: str, arrays: Any) -> list[Value]:
    """The parts of a sequence argument (an array gives its rows)."""
    if isinstance(arrays, Value):
        rows = specialised(F, arrays.dims[0]) if arrays.rank else 0
        if isinstance(rows, Expr):
            raise unsupported(F, f"{name}: the rows of an array of symbolic length {rows}; the array itself has them")
        return [_row(F, arrays, i) for i in range(rows)]
    values = [as_array(F, a) for a in arrays]
    if not values:
        raise shape_error(F, f"{name}: needs at least one array")
    return values


def _row(F: Builder, a: Value, i: int) -> Value:
    spans = [Span(i, 1, 1), *(Span(0, 1, dim) for dim in a.dims[1:])]
    return F.squeeze(take_spans(F, a, spans), (0,))


def join(
    F: Builder, name: str, values: Sequence[Value], axis: int, dtype: Any = None, casting: str = "same_kind"
) -> Value:
    """The values, all of one rank, one after the other along the axis (non-negative)."""
    values = promoted(F, values) if dtype is None else [cast_by(F, name, v, dtype, casting) for v in values]
    first = values[0]
    for other in values[1:]:
        if other.rank != first.rank:
            shapes = " and ".join(shape_text(v.dims) for v in (first, other))
            raise shape_error(F, f"{name}: shapes {shapes} differ in their number of dimensions")
        for i, (ours, theirs) in enumerate(zip(first.dims, other.dims, strict=True)):
            if i != axis:
                require_equal(F, name, ours, theirs, (first.dims, other.dims))
    return values[0] if len(values) == 1 else F.concat(*values, axis=axis)


def concatenate(
    F: Builder, arrays: Any, /, axis: int | None = 0, out: None = None, *, dtype: Any = None,
    casting: str = "same_kind",
) -> Value:  # fmt: skip
    """NumPy's ``concatenate``; without an axis the arrays are flattened first."""
    values = arrays_of(F, "concatenate", arrays)
    if axis is None:
        return join(F, "concatenate", [F.reshape(v, (product(v.dims),)) for v in values], 0, dtype, casting)
    return join(F, "concatenate", values, axis_of(F, "concatenate", axis, values[0].rank), dtype, casting)


def stack(
    F: Builder, arrays: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Value:
    """The arrays, all of one shape, along a new axis."""
    values = arrays_of(F, "stack", arrays)
    for other in values[1:]:
        require_same_dims(F, "stack", values[0], other)
    place = axis_of(F, "stack", axis, values[0].rank + 1)
    return join(F, "stack", [F.expand_dims(v, (place,)) for v in values], place, dtype, casting)


def hstack(F: Builder, tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    values = [one_axis(F, v) for v in arrays_of(F, "hstack", tup)]
    return join(F, "hstack", values, 0 if values[0].rank == 1 else 1, dtype, casting)


def vstack(F: Builder, tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    return join(F, "vstack", [two_axes(F, v) for v in arrays_of(F, "vstack", tup)], 0, dtype, casting)


def dstack(F: Builder, tup: Any) -> Value:
    return join(F, "dstack", [three_axes(F, v) for v in arrays_of(F, "dstack", tup)], 2)


def column_stack(F: Builder, tup: Any) -> Value:
    values = arrays_of(F, "column_stack", tup)
    columns = [F.reshape(v, (product(v.dims), 1)) if v.rank < 2 else v for v in values]
    return join(F, "column_stack", columns, 1)


def append(F: Builder, arr: Any, values: Any, axis: int | None = None) -> Value:
    """``values`` after ``arr`` along the axis; both flattened without one."""
    return concatenate(F, (as_array(F, arr), as_array(F, values)), axis)


# --- cutting apart ----------------------------------------------------------------------------------------------------


def _pieces(F: Builder, a: Value, axis: int, cuts: Sequence[tuple[Dim, Dim]]) -> list[Value]:
    pieces = []
    for start, length in cuts:
        spans = [Span(start, 1, length) if i == axis else Span(0, 1, dim) for i, dim in enumerate(a.dims)]
        pieces.append(take_spans(F, a, spans))
    return pieces


def _at_indices(F: Builder, a: Value, axis: int, bounds: Sequence[Any]) -> list[Value]:
    spans = [span_of(F, slice(*ends), a.dims[axis]) for ends in zip((None, *bounds), (*bounds, None), strict=True)]
    return _pieces(F, a, axis, [(span.start, span.length) for span in spans])


def _sections(F: Builder, name: str, sections: Any) -> int:
    count = as_int(F, name, "the number of sections", sections)
    if count <= 0:
        raise shape_error(F, f"{name}: the number of sections must be positive, got {count}")
    return count


def array_split(F: Builder, ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """Cut into sections that differ in length by one at most, or at the given positions."""
    a = as_array(F, ary)
    along = axis_of(F, "array_split", axis, a.rank)
    if isinstance(indices_or_sections, list | tuple):
        return _at_indices(F, a, along, indices_or_sections)
    count, cuts = _sections(F, "array_split", indices_or_sections), []
    start: Dim = 0
    for i in range(count):
        length = ceildiv(a.dims[along] - i, count)
        cuts.append((start, length))
        start = start + length
    return _pieces(F, a, along, cuts)


def split(F: Builder, ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """Cut into equal sections (a symbolic length is guarded to divide), or at the given positions."""
    a = as_array(F, ary)
    along = axis_of(F, "split", axis, a.rank)
    if isinstance(indices_or_sections, list | tuple):
        return _at_indices(F, a, along, indices_or_sections)
    count = _sections(F, "split", indices_or_sections)
    length = floordiv(a.dims[along], count)
    if not F.facts.equal(a.dims[along], length * count):
        raise shape_error(F, f"split: axis {along} of {shape_text(a.dims)} does not divide into {count} equal parts")
    return _pieces(F, a, along, [(i * length, length) for i in range(count)])


def hsplit(F: Builder, ary: Any, indices_or_sections: Any) -> list[Value]:
    a = as_array(F, ary)
    return split(F, a, indices_or_sections, 1 if a.rank > 1 else 0)


def vsplit(F: Builder, ary: Any, indices_or_sections: Any) -> list[Value]:
    a = as_array(F, ary)
    if a.rank < 2:
        raise shape_error(F, f"vsplit: {a.type} has fewer than two axes")
    return split(F, a, indices_or_sections, 0)


def dsplit(F: Builder, ary: Any, indices_or_sections: Any) -> list[Value]:
    a = as_array(F, ary)
    if a.rank < 3:
        raise shape_error(F, f"dsplit: {a.type} has fewer than three axes")
    return split(F, a, indices_or_sections, 2)


def unstack(F: Builder, x: Any, /, *, axis: int = 0) -> tuple[Value, ...]:
    """The parts along an axis, whose length must be known while tracing."""
    a = as_array(F, x)
    along = axis_of(F, "unstack", axis, a.rank)
    return tuple(arrays_of(F, "unstack", F.transpose(a, [along, *(i for i in range(a.rank) if i != along)])))


FUNCTIONS: dict[str, Implementation] = {
    "numpy.concatenate": concatenate, "numpy.concat": concatenate, "numpy.stack": stack, "numpy.hstack": hstack,
    "numpy.vstack": vstack, "numpy.dstack": dstack, "numpy.column_stack": column_stack, "numpy.append": append,
    "numpy.array_split": array_split, "numpy.split": split, "numpy.hsplit": hsplit, "numpy.vsplit": vsplit,
    "numpy.dsplit": dsplit, "numpy.unstack": unstack,
}  # fmt: skip
