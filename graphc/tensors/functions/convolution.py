"""Convolutions and pooling over one or two dimensions, composed of slices and a matrix product.

The windows of the input, one slice for each position of the kernel, side by side, are a matrix; the convolution is its
product with the weight. Sizes are as PyTorch has them: ``(n + 2 padding - dilation (k - 1) - 1) // stride + 1``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, evaluate, floordiv, product
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import promoted
from graphc.trace.functions.products import matmul

Ints = tuple[int, ...]


def padded(F: Builder, x: Value, padding: Ints, fill: float = 0.0) -> Value:
    """The last dimensions with so many more places at both ends, holding the number."""
    if not any(padding):
        return x
    first = x.rank - len(padding)
    starts = (0,) * first + padding
    dims = tuple(d + 2 * s for d, s in zip(x.dims, starts, strict=True))
    inside = F.embed(x, starts=starts, steps=(1,) * x.rank, dims=dims)
    if fill == 0.0:
        return inside
    ones = F.full(ArrayType(x.type.dtype, x.dims), 1.0)
    covered = F.embed(ones, starts=starts, steps=(1,) * x.rank, dims=dims)
    return F.select(F.ne(covered, 0.0), inside, fill)


def fixed_size(F: Builder, dim: Dim) -> int:
    """The size as a number, which is part of the program from here on."""
    size = evaluate(F.facts.resolve(dim), F.facts.hints or {})
    F.facts.equal(dim, size)
    return size


def windows(F: Builder, x: Value, kernel: Ints, stride: Ints, dilation: Ints) -> tuple[list[Value], tuple[Dim, ...]]:
    """What each position of the kernel meets, in order, and the sizes of the result. Raises ``ShapeError``."""
    first = x.rank - len(kernel)
    sizes: list[Dim] = []
    for dim, k, s, d in zip(x.dims[first:], kernel, stride, dilation, strict=True):
        span = d * (k - 1) + 1
        if not F.facts.at_least(dim, span):
            message = f"a kernel of size {k} (dilation {d}) does not fit into a padded input of size {dim}"
            raise ShapeError(message, location=F.location)
        sizes.append(floordiv(dim - span, s) + 1)
    steps = (1,) * first + stride
    dims = (*x.dims[:first], *sizes)
    found = []
    for offsets in itertools.product(*map(range, kernel)):
        starts = (0,) * first + tuple(o * d for o, d in zip(offsets, dilation, strict=True))
        found.append(F.slice(x, starts=starts, steps=steps, dims=dims))
    return found, tuple(sizes)


def convolution(
    F: Builder, x: Value, weight: Value, bias: Value | None, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Value:
    """(n, c, ...) with a weight (o, c / groups, k, ...): (n, o, ...). Without n where x has one dimension less."""
    x, weight = promoted(F, (x, weight))
    spatial = len(stride)
    if x.rank == spatial + 1:
        whole = convolution(F, F.expand_dims(x, (0,)), weight, bias, stride, padding, dilation, groups)
        return F.squeeze(whole, (0,))
    if x.rank != spatial + 2 or not F.facts.equal(x.dims[1], weight.dims[1] * groups):
        message = f"a convolution of {x.type} by a weight {weight.type} in {groups} groups: the channels do not fit"
        raise ShapeError(message, location=F.location)
    kernel = tuple(fixed_size(F, d) for d in weight.dims[2:])
    met, sizes = windows(F, padded(F, x, padding), kernel, stride, dilation)
    n, channels, outputs = x.dims[0], weight.dims[1], weight.dims[0]
    count = math.prod(kernel)
    columns = met[0] if count == 1 else F.concat(*(F.expand_dims(m, (2,)) for m in met), axis=2)
    result = _product(F, weight, columns, (n, groups, channels * count, product(sizes)), outputs)
    result = F.reshape(result, (n, outputs, *sizes))
    return result if bias is None else F.add(result, F.reshape(bias, (outputs, *(1,) * spatial)))


def _product(F: Builder, weight: Value, columns: Value, dims: tuple[Dim, ...], outputs: Dim) -> Value:
    """The weight times the columns of each example, and of each group."""
    n, groups, rows, places = dims
    if groups == 1:
        return matmul(F, F.reshape(weight, (outputs, rows)), F.reshape(columns, (n, rows, places)))
    each = floordiv(outputs, groups)
    if not F.facts.equal(each * groups, outputs):
        message = f"{outputs} output channels cannot be divided into {groups} groups"
        raise ShapeError(message, location=F.location)
    return matmul(F, F.reshape(weight, (groups, each, rows)), F.reshape(columns, dims))


def max_pool(F: Builder, x: Value, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Value:
    """The largest in each window; the gradient goes to the first of equal ones."""
    met, _ = windows(F, padded(F, x, padding, -math.inf), kernel, stride, dilation)
    best = met[0]
    for value in met[1:]:
        best = F.select(F.logical_or(F.gt(value, best), F.isnan(value)), value, best)
    return best


def avg_pool(F: Builder, x: Value, kernel: Ints, stride: Ints, padding: Ints, counted: bool) -> Value:
    """The mean of each window; places of the padding count where ``counted``."""
    ones = (1,) * len(kernel)
    met, _ = windows(F, padded(F, x, padding), kernel, stride, ones)
    total = met[0]
    for value in met[1:]:
        total = F.add(total, value)
    if counted or not any(padding):
        return F.mul(total, 1.0 / math.prod(kernel))
    inside, _ = windows(F, padded(F, F.full(ArrayType(x.type.dtype, x.dims), 1.0), padding), kernel, stride, ones)
    count = inside[0]
    for value in inside[1:]:
        count = F.add(count, value)
    return F.div(total, count)


def adaptive_avg_pool(F: Builder, x: Value, sizes: Sequence[int]) -> Value:
    """The means of so many equal blocks along the last dimensions. Raises ``ShapeError`` where they are not equal."""
    first = x.rank - len(sizes)
    dims: list[Dim] = list(x.dims[:first])
    for dim, size in zip(x.dims[first:], sizes, strict=True):
        length = floordiv(dim, size)
        if not F.facts.equal(length * size, dim):
            message = f"adaptive average pooling of size {dim} to {size}: only equal blocks are supported"
            raise ShapeError(message, location=F.location)
        dims += [size, length]
    blocks = F.reshape(x, tuple(dims))
    axes = range(first + 1, len(dims), 2)
    return F.div(F.reduce("sum", blocks, axes), F.value(product([dims[a] for a in axes])))


CONVOLUTION = [
    Function("convolution", convolution, "others"),
    Function("max_pool", max_pool),
    Function("avg_pool", avg_pool),
    Function("adaptive_avg_pool", adaptive_avg_pool, "nothing"),
]
