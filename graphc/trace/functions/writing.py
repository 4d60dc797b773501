"""NumPy's functions and methods that write into their first argument: each gives that array's new value."""

from __future__ import annotations

from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, I64
from graphc.trace.functions import sorting
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    axis_of,
    require_equal,
    shape_error,
    smaller,
    unsupported,
)
from graphc.trace.functions.assignment import assigned, fitted, inside, same_kind, update_block
from graphc.trace.functions.indexing import along_axis, true_positions, wrapped
from graphc.trace.functions.reductions import truth


def copyto(F: Builder, dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> Value:
    """The values written over the array, where the mask is true."""
    if casting not in ("same_kind", "unsafe"):
        raise unsupported(F, f"copyto: casting={casting!r} is not supported; use 'same_kind' or 'unsafe'")
    v = assigned(F, dst, src) if casting == "unsafe" else same_kind(F, as_array(F, src), dst.type.dtype, "copyto")
    if where is True:
        return fitted(F, v, dst.dims)
    mask = fitted(F, F.cast(as_array(F, where), BOOL), dst.dims)
    chosen: Value = F.select(mask, fitted(F, v, dst.dims), dst)
    return chosen


def fill(F: Builder, a: Any, value: Any) -> Value:
    """One number everywhere."""
    number = assigned(F, a, value)
    if number.rank:
        number = F.reshape(number, ())
    return F.broadcast_to(number, a.dims)


def _flat(F: Builder, a: Value) -> Value:
    return F.reshape(a, (product(a.dims),))


def cycled(F: Builder, values: Value, count: Dim) -> Value:
    """So many values, the given ones over and over again."""
    flat = _flat(F, values)
    size = flat.dims[0]
    if size == 1 or F.facts.equal(size, count):
        return F.broadcast_to(flat, (count,))
    if not F.facts.at_least(size, 1):
        raise shape_error(F, "there are no values to write")
    if F.facts.at_least(size, count):
        return F.slice(flat, starts=(0,), steps=(1,), dims=(count,))
    repeated: Value = F.gather(flat, F.remainder(F.iota(dims=(count,), axis=0), size), axes=(0,), checked=False)
    return repeated


def put(F: Builder, a: Any, ind: Any, v: Any, mode: str = "raise") -> Value:
    """The values at these positions of the flattened array."""
    index = as_array(F, ind)
    if index.type.dtype.kind not in "iu":
        raise shape_error(F, f"put: indices must be integers, got {index.type}")
    flat, index = _flat(F, a), _flat(F, index)
    size = flat.dims[0]
    if mode == "raise":
        place = inside(F, wrapped(F, index, size), 0, size)
    elif mode in ("clip", "wrap"):
        index = F.cast(index, I64)
        place = F.remainder(index, size) if mode == "wrap" else F.minimum(F.maximum(index, 0), F.sub(size, 1))
    else:
        raise shape_error(F, f"put: mode={mode!r} is none of 'raise', 'clip', 'wrap'")
    values = cycled(F, assigned(F, a, v), index.dims[0])
    return F.reshape(F.scatter_update(flat, values, place, axes=(0,)), a.dims)


def putmask(F: Builder, a: Any, mask: Any, values: Any) -> Value:
    """Where the mask is true, the value at the same place of ``values``, which are repeated to fit."""
    flag, v = truth(F, as_array(F, mask)), assigned(F, a, values)
    for ours, theirs in zip(flag.dims, a.dims, strict=True):
        require_equal(F, "putmask", ours, theirs, (flag.dims, a.dims))
    chosen: Value = F.select(flag, F.reshape(cycled(F, v, product(a.dims)), a.dims), a)
    return chosen


def place(F: Builder, arr: Any, mask: Any, vals: Any) -> Value:
    """The values one after another where the mask is true, from the first again where they end."""
    flag, v = truth(F, as_array(F, mask)), assigned(F, arr, vals)
    flag = F.reshape(flag, arr.dims)
    if product(v.dims) == 1:
        single: Value = F.select(flag, F.reshape(v, ()), arr)
        return single
    flat = _flat(F, arr)
    index = true_positions(F, _flat(F, flag), flat.dims)
    number = F.remainder(F.iota(dims=index.dims, axis=0), product(v.dims))
    values = F.gather(_flat(F, v), number, axes=(0,), checked=False)
    return F.reshape(F.scatter_update(flat, values, index, axes=(0,)), arr.dims)


def fill_diagonal(F: Builder, a: Any, val: Any, wrap: bool = False) -> Value:
    """The values along the main diagonal, of all axes together."""
    if a.rank < 2:
        raise shape_error(F, f"fill_diagonal: {a.type} has fewer than two axes")
    if wrap is not False:
        raise unsupported(F, "fill_diagonal: wrap=True is not supported; leave it out")
    if a.rank == 2:
        step, length = a.dims[1] + 1, smaller(F, *a.dims)
    else:
        for dim in a.dims[1:]:
            require_equal(F, "fill_diagonal", dim, a.dims[0], (a.dims,))
        step, length = sum((product(a.dims[axis:]) for axis in range(1, a.rank)), 1), a.dims[0]
    values = cycled(F, assigned(F, a, val), length)
    return F.reshape(update_block(F, _flat(F, a), values, (0,), (step,)), a.dims)


def put_along_axis(F: Builder, arr: Any, indices: Any, values: Any, axis: int | None) -> Value:
    """For each place of ``indices`` the value is written at that position along the axis."""
    whole, index = (_flat(F, arr), as_array(F, indices)) if axis is None else (arr, as_array(F, indices))
    along = axis_of(F, "put_along_axis", 0 if axis is None else axis, whole.rank)
    parts = along_axis(F, "put_along_axis", whole, index, along)
    parts[along] = inside(F, parts[along], along, whole.dims[along])
    dims = F.facts.broadcast([p.dims for p in parts])
    assert dims is not None
    v = fitted(F, assigned(F, arr, values), dims)
    return F.reshape(F.scatter_update(whole, v, *parts, axes=tuple(range(whole.rank))), arr.dims)


WRITING_FUNCTIONS: dict[str, Implementation] = {
    "numpy.copyto": copyto,
    "numpy.put": put,
    "numpy.putmask": putmask,
    "numpy.place": place,
    "numpy.fill_diagonal": fill_diagonal,
    "numpy.put_along_axis": put_along_axis,
}
WRITING_METHODS: dict[str, Implementation] = {
    "fill": fill,
    "put": put,
    "sort": sorting.sort,
    "partition": sorting.partition,
}
