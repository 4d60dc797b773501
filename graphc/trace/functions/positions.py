"""Where elements are: ``nonzero flatnonzero argwhere where(c)``, and positions as one number or as one an axis.

How many elements are not zero shows when the program runs; what is made of them has that length then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Value
from graphc.ir.types import I64
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dims,
    shape_error,
    unsupported,
)
from graphc.trace.functions.indexing import true_positions
from graphc.trace.functions.reductions import truth


def split_position(F: Builder, flat: Value, dims: Sequence[Dim]) -> tuple[Value, ...]:
    """Positions in the flattened array as positions along each axis."""
    places: list[Value] = []
    for dim in reversed(dims[1:]):
        places.append(F.remainder(flat, dim))
        flat = F.floor_divide(flat, dim)
    return (flat, *reversed(places)) if dims else ()


def flatnonzero(F: Builder, a: Any) -> Value:
    """Positions (int64) of what is not zero in the flattened array."""
    value = as_array(F, a)
    mask = truth(F, value)
    if not mask.rank:
        mask = F.expand_dims(mask, (0,))
    return true_positions(F, mask, mask.dims)


def nonzero(F: Builder, a: Any) -> tuple[Value, ...]:
    """Positions (int64) of what is not zero, an array for each axis."""
    value = as_array(F, a)
    if not value.rank:
        raise shape_error(F, "nonzero: a number has no positions; use np.atleast_1d(x).nonzero()")
    return split_position(F, flatnonzero(F, value), value.dims)


def argwhere(F: Builder, a: Any) -> Value:
    """Positions (int64) of what is not zero, a row for each."""
    value = as_array(F, a)
    if not value.rank:
        raise unsupported(F, "argwhere: of a number there are rows of no positions; use np.atleast_1d(x)")
    places = split_position(F, flatnonzero(F, value), value.dims)
    return F.concat(*(F.expand_dims(p, (1,)) for p in places), axis=1)


def unravel_index(F: Builder, indices: Any, shape: Any, order: str = "C") -> tuple[Value, ...]:
    """Positions in the flattened array as positions along each axis; they must be inside."""
    dims = as_dims(F, "unravel_index", shape)
    flat = F.cast(as_array(F, indices), I64)
    checked = F.checked_index(flat, axis=0, size=product(dims))
    if order == "F":
        return split_position(F, checked, dims[::-1])[::-1]
    return split_position(F, checked, dims)


def ravel_multi_index(F: Builder, multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Value:
    """Positions along each axis as positions in the flattened array."""
    sizes = as_dims(F, "ravel_multi_index", dims)
    places = [F.cast(as_array(F, p), I64) for p in multi_index]
    modes = mode if isinstance(mode, list | tuple) else [mode] * len(places)
    if len(places) != len(sizes) or len(modes) != len(places):
        raise shape_error(F, f"ravel_multi_index: {len(places)} positions for {len(sizes)} axes")
    pairs = list(zip(places, sizes, modes, strict=True))
    result: Value | None = None
    for axis, (place, size, how) in enumerate(pairs if order == "C" else reversed(pairs)):
        inside = _inside(F, place, size, how, axis)
        result = inside if result is None else F.add(F.mul(result, size), inside)
    assert result is not None
    return result


def _inside(F: Builder, place: Value, size: Dim, mode: str, axis: int) -> Value:
    if mode == "wrap":
        return F.remainder(place, size)
    if mode == "clip":
        return F.minimum(F.maximum(place, 0), F.sub(size, 1))
    return F.checked_index(place, axis=axis, size=size)


def ix_(F: Builder, *args: Any) -> tuple[Value, ...]:
    """Index arrays that broadcast to all combinations of their elements."""
    found = []
    for k, arg in enumerate(args):
        value = as_array(F, arg)
        if value.rank != 1:
            raise shape_error(F, f"ix_: argument {k} has {value.rank} dimensions; it must have one")
        value = true_positions(F, value, value.dims) if value.type.dtype.kind == "b" else value
        found.append(F.expand_dims(value, [i for i in range(len(args)) if i != k]))
    return tuple(found)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.nonzero": nonzero, "numpy.flatnonzero": flatnonzero, "numpy.argwhere": argwhere,
    "numpy.unravel_index": unravel_index, "numpy.ravel_multi_index": ravel_multi_index, "numpy.ix_": ix_,
}  # fmt: skip
