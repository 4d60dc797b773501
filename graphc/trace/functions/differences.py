"""Differences of neighbours."""

from __future__ import annotations

from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import product
from graphc.ir.graph import Value
from graphc.trace.functions.arguments import Implementation, as_array, as_int, axis_of, not_negative, shape_error
from graphc.trace.functions.joining import join
from graphc.trace.functions.slicing import take_range


def diff(F: Builder, a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Value:
    """The n-th differences along the axis."""
    a, order = as_array(F, a), as_int(F, "diff", "n", n)
    if order < 0:
        raise shape_error(F, f"diff: n must not be negative, got {order}")
    if order == 0:
        return a
    if not a.rank:
        raise shape_error(F, "diff: needs an array of at least one dimension")
    along = axis_of(F, "diff", axis, a.rank)
    ends = [None if end is None else _as_slab(F, end, a, along) for end in (prepend, append)]
    a = join(F, "diff", [part for part in (ends[0], a, ends[1]) if part is not None], along)
    for _ in range(order):
        length = not_negative(F, a.dims[along] - 1)
        after, before = take_range(F, a, along, 1 if length != 0 else 0, length), take_range(F, a, along, 0, length)
        a = F.ne(after, before) if a.type.dtype.kind == "b" else F.sub(after, before)
    return a


def _as_slab(F: Builder, end: Any, a: Value, axis: int) -> Value:
    """What is put before or after: a number fills a slab of length 1."""
    value = as_array(F, end)
    return value if value.rank else F.broadcast_to(value, (*a.dims[:axis], 1, *a.dims[axis + 1 :]))


def ediff1d(F: Builder, ary: Any, to_end: Any = None, to_begin: Any = None) -> Value:
    """The differences of the flattened array, between what is put at its ends."""
    a = as_array(F, ary)
    middle = diff(F, F.reshape(a, (product(a.dims),)))
    ends = [None if end is None else F.cast(as_array(F, end), middle.type.dtype) for end in (to_begin, to_end)]
    flat = [None if end is None else F.reshape(end, (product(end.dims),)) for end in ends]
    return join(F, "ediff1d", [part for part in (flat[0], middle, flat[1]) if part is not None], 0)


FUNCTIONS: dict[str, Implementation] = {"numpy.diff": diff, "numpy.ediff1d": ediff1d}
