"""Reversing, rotating and repeating along axes, and padding's neighbours: the elements stay what they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, mod, product
from graphc.ir.graph import Value
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dim,
    as_dims,
    as_int,
    axes_of,
    axis_of,
    not_negative,
    shape_error,
    unsupported,
)
from graphc.trace.functions.slicing import Span, is_negative, take_range, take_spans


def flip(F: Builder, m: Any, axis: Any = None) -> Value:
    """Reversed along the axes; along all of them without."""
    a = as_array(F, m)
    axes = axes_of(F, "flip", axis, a.rank)
    spans = [Span(dim - 1, -1, dim) if i in axes else Span(0, 1, dim) for i, dim in enumerate(a.dims)]
    return take_spans(F, a, spans) if axes else a


def flipud(F: Builder, m: Any) -> Value:
    return flip(F, m, 0)


def fliplr(F: Builder, m: Any) -> Value:
    return flip(F, m, 1)


def rot90(F: Builder, m: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Value:
    """Turned by k quarters in the plane of two axes."""
    a = as_array(F, m)
    plane = axes_of(F, "rot90", tuple(axes), a.rank)
    if len(plane) != 2:
        raise shape_error(F, f"rot90: needs two axes, got {axes}")
    quarters = as_int(F, "rot90", "k", k) % 4
    perm = list(range(a.rank))
    perm[plane[0]], perm[plane[1]] = plane[1], plane[0]
    if quarters == 2:
        return flip(F, a, plane)
    if quarters == 1:
        return F.transpose(flip(F, a, plane[1]), perm)
    return flip(F, F.transpose(a, perm), plane[1]) if quarters else a


def roll(F: Builder, a: Any, shift: Any, axis: Any = None) -> Value:
    """Elements moved along the axes, and those that leave come in again at the other end."""
    a = as_array(F, a)
    if axis is None:
        return F.reshape(roll(F, F.reshape(a, (product(a.dims),)), shift, 0), a.dims)
    shifts = list(shift) if isinstance(shift, list | tuple) else [shift]
    places = list(axis) if isinstance(axis, list | tuple) else [axis]
    count = max(len(shifts), len(places))
    if len(shifts) not in (1, count) or len(places) not in (1, count):
        raise shape_error(F, f"roll: {len(shifts)} shifts for {len(places)} axes")
    for k in range(count):
        along = axis_of(F, "roll", places[k % len(places)], a.rank)
        a = _roll_axis(F, a, along, as_dim(F, "roll", shifts[k % len(shifts)]))
    return a


def _roll_axis(F: Builder, a: Value, axis: int, shift: Dim) -> Value:
    size = a.dims[axis]
    if not F.facts.at_least(size, 1):
        return a
    moved = _wrapped(F, shift, size)
    if moved == 0:
        return a
    tail, head = take_range(F, a, axis, size - moved, moved), take_range(F, a, axis, 0, size - moved)
    return F.concat(tail, head, axis=axis)


def _wrapped(F: Builder, shift: Dim, size: Dim) -> Dim:
    """``shift mod size``: as ``shift`` or ``size + shift`` where that is within the axis (guarded)."""
    if isinstance(shift, int) and isinstance(size, int):
        return shift % size
    if is_negative(F, shift):
        return shift + size if F.facts.at_least(shift + size, 0) else mod(shift, size)
    return shift if F.facts.at_least(size, shift) else mod(shift, size)


def tile(F: Builder, A: Any, reps: Any) -> Value:
    """The array laid out ``reps`` times along each axis."""
    a = as_array(F, A)
    counts = tuple(not_negative(F, c) for c in as_dims(F, "tile", reps))
    rank = max(a.rank, len(counts))
    counts = (1,) * (rank - len(counts)) + counts
    dims = (1,) * (rank - a.rank) + a.dims
    split = F.reshape(a, tuple(part for dim in dims for part in (1, dim)))
    laid = F.broadcast_to(split, tuple(part for c, dim in zip(counts, dims, strict=True) for part in (c, dim)))
    return F.reshape(laid, tuple(c * dim for c, dim in zip(counts, dims, strict=True)))


def repeat(F: Builder, a: Any, repeats: Any, axis: int | None = None) -> Value:
    """Each element ``repeats`` times in a row."""
    a = as_array(F, a)
    if axis is None:
        a, axis = F.reshape(a, (product(a.dims),)), 0
    along = axis_of(F, "repeat", axis, a.rank)
    if isinstance(repeats, list | tuple) and len(repeats) == 1:
        repeats = repeats[0]
    if isinstance(repeats, list | tuple) and all(isinstance(r, int | Expr) for r in repeats):
        return _repeat_each(F, a, along, repeats)
    if isinstance(repeats, Value | list | tuple):
        raise unsupported(F, "repeat: counts from an array make the length depend on data; use ints")
    count = not_negative(F, as_dim(F, "repeat", repeats))
    before, size, after = a.dims[:along], a.dims[along], a.dims[along + 1 :]
    wide = F.broadcast_to(F.expand_dims(a, (along + 1,)), (*before, size, count, *after))
    return F.reshape(wide, (*before, size * count, *after))


def _repeat_each(F: Builder, a: Value, axis: int, counts: Sequence[Dim]) -> Value:
    """A count for each position."""
    if not F.facts.equal(a.dims[axis], len(counts)):
        raise shape_error(F, f"repeat: {len(counts)} counts for axis {axis} of {a.type}")
    if not counts:
        return a
    parts = [repeat(F, take_range(F, a, axis, i, 1), count, axis) for i, count in enumerate(counts)]
    return F.concat(*parts, axis=axis)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.flip": flip, "numpy.flipud": flipud, "numpy.fliplr": fliplr, "numpy.rot90": rot90, "numpy.roll": roll,
    "numpy.tile": tile, "numpy.repeat": repeat,
}  # fmt: skip
