"""Counting: ``bincount histogram histogram_bin_edges histogram2d histogramdd``.

The numbers of bins are known; the weights have a derivative, and so have the edges where they follow from the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import NumberError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, product
from graphc.ir.graph import Value
from graphc.ir.types import F64, I64, ArrayType
from graphc.ops.index import OTHER_LENGTH
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dim,
    known_array,
    mean_dtype,
    promoted,
    require_equal,
    require_same_dims,
    shape_error,
    unsupported,
)
from graphc.trace.functions.assignment import add_at
from graphc.trace.functions.creation import linspace
from graphc.trace.functions.positions import ravel_multi_index
from graphc.trace.functions.reductions import max_, min_
from graphc.trace.functions.sets import flat_of
from graphc.trace.functions.slicing import take_range
from graphc.trace.functions.sorting import positions_in


def edges_of(F: Builder, name: str, a: Value, bins: Any, range_: Any) -> Value:
    """The edges of the bins: those given, or so many even bins from the smallest to the largest element."""
    if isinstance(bins, str):
        raise unsupported(F, f"{name}: bins={bins!r} makes the number of bins depend on data; give a number")
    if isinstance(bins, Value | list | tuple) and not (isinstance(bins, Value) and not bins.rank):
        return as_array(F, bins)
    count = as_dim(F, name, bins)
    if range_ is not None:
        low, high = (as_array(F, end) for end in range_)
    elif not F.facts.at_least(a.dims[0], 1):
        low, high = as_array(F, 0.0), as_array(F, 1.0)
    else:
        low, high = min_(F, a), max_(F, a)
    low, high = (F.cast(end, mean_dtype(a.type.dtype)) for end in (low, high))
    single = F.eq(low, high)
    low, high = F.select(single, F.sub(low, 0.5), low), F.select(single, F.add(high, 0.5), high)
    found = linspace(F, low, high, count + 1)
    assert isinstance(found, Value)
    return found


def _bin(F: Builder, name: str, a: Value, edges: Value) -> tuple[Value, Value]:
    """In which bin each element is, the last one closed, and whether it is in one."""
    last = F.sub(edges.dims[0], 2)
    place = F.sub(positions_in(F, name, edges, a, True), 1)
    top = F.squeeze(take_range(F, edges, 0, edges.dims[0] - 1, 1), (0,))
    place = F.select(F.eq(a, top), last, place)
    inside = F.logical_and(F.ge(place, 0), F.le(place, last))
    return F.select(inside, place, 0), inside


def _counted(F: Builder, place: Value, inside: Value, weights: Value | None, size: Dim) -> Value:
    given = F.constant(1, ArrayType(I64)) if weights is None else weights
    updates = F.select(inside, given, F.cast(F.value(0), given.type.dtype))
    return F.scatter_add(F.broadcast_to(updates, place.dims), place, axes=(0,), dims=(size,), checked=False)


def histogram_bin_edges(F: Builder, a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Value:
    return edges_of(F, "histogram_bin_edges", flat_of(F, a), bins, range)


def _density(F: Builder, counts: Value, edges: Sequence[Value]) -> Value:
    """By the widths of the bins in all directions, and by their sum; in float64."""
    total = F.reduce("sum", counts, tuple(range(counts.rank)))
    for axis, along in enumerate(edges):
        widths = F.cast(_widths(F, along), F64)
        counts = F.div(counts, F.expand_dims(widths, [i for i in range(len(edges)) if i != axis]))
    return F.div(counts, total)


def histogram(
    F: Builder, a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Value, Value]:
    """How many elements (or how much weight) each bin has, and the edges."""
    flat = flat_of(F, a)
    edges = edges_of(F, "histogram", flat, bins, range)
    place, inside = _bin(F, "histogram", flat, edges)
    given = None if weights is None else flat_of(F, weights)
    if given is not None:
        require_same_dims(F, "histogram", flat, given)
    counts = _counted(F, place, inside, given, edges.dims[0] - 1)
    if density:
        counts = _density(F, counts, [edges])
    return counts, edges


def _widths(F: Builder, edges: Value) -> Value:
    n = edges.dims[0] - 1
    return F.sub(take_range(F, edges, 0, 1, n), take_range(F, edges, 0, 0, n))


def histogramdd(
    F: Builder, sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Value, tuple[Value, ...]]:
    """The same of points, given as rows or as a list of coordinates."""
    if isinstance(sample, list | tuple):
        columns = promoted(F, [flat_of(F, c) for c in sample])
        for column in columns:
            require_same_dims(F, "histogramdd", columns[0], column)
    else:
        value = as_array(F, sample)
        value = value if value.rank == 2 else F.expand_dims(value, (1,))
        count = value.dims[1]
        if isinstance(count, Expr):
            raise unsupported(F, "histogramdd: the number of coordinates must be known; give a list of them")
        columns = [F.squeeze(take_range(F, value, 1, k, 1), (1,)) for k in _upto(count)]
    each = list(bins) if isinstance(bins, list | tuple) else [bins] * len(columns)
    ranges = [None] * len(columns) if range is None else list(range)
    if len(each) != len(columns):
        raise shape_error(F, f"histogramdd: {len(each)} bins for {len(columns)} coordinates")
    edges = [edges_of(F, "histogramdd", c, b, r) for c, b, r in zip(columns, each, ranges, strict=True)]
    counts = _counted_in(F, columns, edges, None if weights is None else flat_of(F, weights))
    if density:
        counts = _density(F, counts, edges)
    return counts, tuple(edges)


def _upto(count: int) -> list[int]:
    return list(range(count))


def _counted_in(F: Builder, columns: Sequence[Value], edges: Sequence[Value], weights: Value | None) -> Value:
    """Float counts of every combination of bins, as NumPy gives them."""
    pairs = [_bin(F, "histogramdd", c, e) for c, e in zip(columns, edges, strict=True)]
    dims = tuple(e.dims[0] - 1 for e in edges)
    inside = pairs[0][1]
    for _, more in pairs[1:]:
        inside = F.logical_and(inside, more)
    place = ravel_multi_index(F, [p for p, _ in pairs], dims, "clip")
    return F.reshape(F.cast(_counted(F, place, inside, weights, product(dims)), np.dtype(np.float64)), dims)


def histogram2d(
    F: Builder, x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Value, Value, Value]:
    """The same of points in the plane."""
    counts, (first, second) = histogramdd(F, [x, y], bins, range, density, weights)
    return counts, first, second


def bincount(F: Builder, x: Any, weights: Any = None, minlength: Any = 0) -> Value:
    """How often each number from 0 to ``minlength - 1`` stands there, or the sum of the weights that stand with it.

    The length must be known when the program is made, from ``minlength`` or from numbers that are: a constant array or
    one from outside, whose largest number then is part of the program. A traced number that is not below ``minlength``,
    for which NumPy makes the result longer, is an ``IndexRangeError`` when the program runs, and so is a negative one.
    """
    x, size = as_array(F, x), as_dim(F, "bincount", minlength)
    if x.rank != 1 or x.type.dtype.kind not in "iub":
        raise shape_error(F, f"bincount: an array of whole numbers with one axis is needed, and it is {x.type}")
    if isinstance(size, int) and size == 0:
        x, size = _with_known_length(F, x)
    if weights is None or x.dims[0] == 0:  # NumPy's count of nothing is of integers
        added = F.full(ArrayType(I64, x.dims), 1)
    else:
        added = F.cast(as_array(F, weights), np.dtype(np.float64))
        require_equal(F, "bincount", x.dims[0], added.dims[0], (x.dims, added.dims))
    place = F.checked_index(F.cast(x, I64), axis=0, size=size)
    return add_at(F, F.zeros(ArrayType(added.type.dtype, (size,))), place, added)


def _with_known_length(F: Builder, x: Value) -> tuple[Value, int]:
    """Numbers that are known, and one more than the largest, which is checked when the program runs."""
    numbers = known_array(x)
    if numbers is None:
        raise unsupported(F, "bincount: the length of the result depends on traced numbers; give minlength=")
    if not numbers.size:
        return x, 0
    if np.min(numbers) < 0:
        raise NumberError(f"bincount: {np.min(numbers)} cannot be counted, it is negative", location=F.location)
    largest = int(np.max(numbers))
    differs = F.cast(F.ne(F.reduce("max", F.cast(x, I64), range(x.rank)), largest), I64)
    return F.add(F.cast(x, I64), F.checked_index(differs, axis=OTHER_LENGTH, size=1)), largest + 1


FUNCTIONS: dict[str, Implementation] = {
    "numpy.bincount": bincount,
    "numpy.histogram": histogram, "numpy.histogram_bin_edges": histogram_bin_edges,
    "numpy.histogram2d": histogram2d, "numpy.histogramdd": histogramdd,
}  # fmt: skip
