"""Pooling: the largest, or the mean, of each window of the last dimensions.

Sizes are as PyTorch has them: ``(n + 2 padding - dilation (k - 1) - 1) // stride + 1``; in ``ceil`` mode rounded up,
less a last window that would begin behind the input and its padding before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, floordiv, product
from graphc.ir.graph import Value
from graphc.ir.types import I64, ArrayType
from graphc.tensors.functions.convolution import Ints, fixed_size, padded, windows
from graphc.tensors.functions.function import Function
from graphc.trace.functions.arguments import axis_of


def _more(F: Builder, x: Value, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil: bool) -> list[Dim]:
    """How many places more than the padding the windows of ``ceil`` mode reach, along each axis."""
    if any(2 * p > d * (k - 1) + 1 for p, k, d in zip(padding, kernel, dilation, strict=True)):
        message = f"pooling: the padding {padding} may be at most half of the kernel {kernel}"
        raise ShapeError(message, location=F.location)
    if not ceil:
        return [0] * len(kernel)
    found: list[Dim] = []
    for n, k, s, p, d in zip(x.dims[x.rank - len(kernel) :], kernel, stride, padding, dilation, strict=True):
        span = d * (k - 1) + 1
        last = floordiv(n + 2 * p - span + s - 1, s) * s  # where the last window begins, in the padded input
        last = last - s if F.facts.at_least(last, n + p) else last
        more = last + span - n - 2 * p
        found.append(more if F.facts.at_least(more, 0) else 0)
    return found


def _enlarged(F: Builder, x: Value, padding: Ints, more: Sequence[Dim], fill: float) -> Value:
    """As ``padded``, with more places at the ends."""
    x = padded(F, x, padding, fill)
    if all(m == 0 for m in more):
        return x
    first = x.rank - len(more)
    dims = (*x.dims[:first], *(d + m for d, m in zip(x.dims[first:], more, strict=True)))
    zeros, ones = (0,) * x.rank, (1,) * x.rank
    inside = F.embed(x, starts=zeros, steps=ones, dims=dims)
    if fill == 0.0:
        return inside
    covered = F.embed(F.full(ArrayType(x.type.dtype, x.dims), 1.0), starts=zeros, steps=ones, dims=dims)
    return F.select(F.ne(covered, 0.0), inside, fill)


def max_pool(F: Builder, x: Value, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil: bool) -> Value:
    """The largest in each window; the gradient goes to the first of equal ones."""
    more = _more(F, x, kernel, stride, padding, dilation, ceil)
    met, _ = windows(F, _enlarged(F, x, padding, more, -math.inf), kernel, stride, dilation)
    best = met[0]
    for value in met[1:]:
        best = F.select(F.logical_or(F.gt(value, best), F.isnan(value)), value, best)
    return best


def max_pool_with_indices(
    F: Builder, x: Value, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil: bool
) -> tuple[Value, Value]:
    """The largest in each window, and where it stands in the last dimensions, counted row by row."""
    more = _more(F, x, kernel, stride, padding, dilation, ceil)
    met, sizes = windows(F, _enlarged(F, x, padding, more, -math.inf), kernel, stride, dilation)
    best, place = met[0], None
    for offset, value in enumerate(met):
        here = _places(F, x, sizes, offset, kernel, stride, padding, dilation)
        if place is None:
            place = F.broadcast_to(here, value.dims)
            continue
        wins = F.logical_or(F.gt(value, best), F.isnan(value))
        best, place = F.select(wins, value, best), F.select(wins, here, place)
    assert place is not None
    return best, place


def _places(
    F: Builder, x: Value, sizes: Sequence[Dim], offset: int, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Value:
    """Where the elements at one position of the kernel stand in the input; before its begin, the first that counts."""
    first, rank = x.rank - len(kernel), len(kernel)
    offsets = [offset // math.prod(kernel[a + 1 :]) % kernel[a] for a in range(rank)]
    place: Value = F.cast(F.value(0), I64)
    for a, (o, s, p, d) in enumerate(zip(offsets, stride, padding, dilation, strict=True)):
        dims = tuple(sizes[a] if b == a else 1 for b in range(rank))
        begin = F.sub(F.mul(F.iota(dims=dims, axis=a), s), p)
        at = F.add(begin, o * d)
        inside = F.add(begin, F.mul(F.floor_divide(F.add(F.neg(begin), d - 1), d), d))
        at = F.select(F.lt(at, 0), inside, at)
        place = F.add(F.mul(place, F.cast(F.value(x.dims[first + a]), I64)), at)
    return place


def avg_pool(
    F: Builder, x: Value, kernel: Ints, stride: Ints, padding: Ints, counted: bool, ceil: bool, divisor: int | None
) -> Value:
    """The mean of each window: divided by its places, of the padding where ``counted``, or by the divisor."""
    ones = (1,) * len(kernel)
    more = _more(F, x, kernel, stride, padding, ones, ceil)
    total = _total(F, _enlarged(F, x, padding, more, 0.0), kernel, stride)
    reaches_out = any(m != 0 for m in more)
    if divisor is not None or ((counted or not any(padding)) and not reaches_out):
        return F.mul(total, 1.0 / (divisor or math.prod(kernel)))
    full = F.full(ArrayType(x.type.dtype, x.dims), 1.0)
    places = padded(F, full, padding, 1.0) if counted else padded(F, full, padding)
    return F.div(total, _total(F, _enlarged(F, places, (0,) * len(kernel), more, 0.0), kernel, stride))


def _total(F: Builder, x: Value, kernel: Ints, stride: Ints) -> Value:
    met, _ = windows(F, x, kernel, stride, (1,) * len(kernel))
    total = met[0]
    for value in met[1:]:
        total = F.add(total, value)
    return total


def adaptive_pool(F: Builder, x: Value, sizes: Sequence[int | None], largest: bool) -> Value:
    """The means, or the largest, of so many blocks along each of the last dimensions, None for one that stays."""
    for k, size in enumerate(sizes):
        if size is not None:
            x = _blocks(F, x, axis_of(F, "adaptive pooling", k - len(sizes), x.rank), size, largest)
    return x


def _blocks(F: Builder, x: Value, axis: int, size: int, largest: bool) -> Value:
    """Along one axis; blocks that cannot be equal overlap, each from ``i n // size`` to the next, rounded up."""
    n = x.dims[axis]
    length = floordiv(n, size)
    fold = "max" if largest else "sum"
    if F.facts.equal(length * size, n):
        blocks = F.reshape(x, (*x.dims[:axis], size, length, *x.dims[axis + 1 :]))
        result: Value = F.reduce(fold, blocks, (axis + 1,))
        return result if largest else F.div(result, F.value(length))
    count = fixed_size(F, n)
    i, j = F.iota(dims=(size, 1), axis=0), F.iota(dims=(1, count), axis=1)
    start = F.floor_divide(F.mul(i, count), size)
    end = F.neg(F.floor_divide(F.mul(F.add(i, 1), -count), size))
    shape = (size, count, *(1,) * (x.rank - axis - 1))
    inside = F.reshape(F.logical_and(F.ge(j, start), F.lt(j, end)), shape)
    neutral = F.cast(F.value(-math.inf if largest else 0.0), x.type.dtype)
    result = F.reduce(fold, F.select(inside, F.expand_dims(x, (axis,)), neutral), (axis + 1,))
    if largest:
        return result
    lengths = F.reshape(F.cast(F.sub(end, start), x.type.dtype), (size, *(1,) * (x.rank - axis - 1)))
    return F.div(result, lengths)


def max_unpool(F: Builder, x: Value, index: Value, sizes: Ints) -> Value:
    """Zeros of these sizes in the last dimensions, with elements at the places of ``max_pool_with_indices``."""
    from graphc.trace.functions.assignment import setitem

    first = x.rank - len(sizes)
    lead, rows = x.dims[:first], product(x.dims[:first])
    flat = F.reshape(x, (rows, product(x.dims[first:])))
    places = F.checked_index(F.cast(F.reshape(index, flat.dims), I64), axis=1, size=math.prod(sizes))
    target = F.zeros(ArrayType(x.type.dtype, (rows, math.prod(sizes))))
    return F.reshape(setitem(F, target, (F.iota(dims=(rows, 1), axis=0), places), flat), (*lead, *sizes))


POOLING = [
    Function("max_pool", max_pool),
    Function("max_pool_with_indices", max_pool_with_indices, "places"),
    Function("avg_pool", avg_pool),
    Function("adaptive_pool", adaptive_pool, "nothing"),
    Function("max_unpool", max_unpool, "after first"),
]
