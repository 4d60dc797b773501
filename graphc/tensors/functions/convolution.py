"""Convolutions over one or two dimensions, and windows.

Sizes are as PyTorch has them: ``(n + 2 padding - dilation (k - 1) - 1) // stride + 1``.
"""

from __future__ import annotations

import itertools
from typing import Any

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, evaluate, floordiv
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType
from graphc.ops.convolution import COMPILED, by_windows
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import promoted

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
    sizes = [window_count(F, *axis) for axis in zip(x.dims[first:], kernel, stride, dilation, strict=True)]
    steps = (1,) * first + stride
    dims = (*x.dims[:first], *sizes)
    found = []
    for offsets in itertools.product(*map(range, kernel)):
        starts = (0,) * first + tuple(o * d for o, d in zip(offsets, dilation, strict=True))
        found.append(F.slice(x, starts=starts, steps=steps, dims=dims))
    return found, tuple(sizes)


def window_count(F: Builder, dim: Dim, kernel: int, stride: int, dilation: int) -> Dim:
    """How many windows there are along an axis. Raises ``ShapeError`` where there is no room for one."""
    span = dilation * (kernel - 1) + 1
    if not F.facts.at_least(dim, span):
        message = f"a kernel of size {kernel} (dilation {dilation}) does not fit into a padded input of size {dim}"
        raise ShapeError(message, location=F.location)
    return floordiv(dim - span, stride) + 1


def convolution(
    F: Builder, x: Value, weight: Value, bias: Value | None, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Value:
    """(n, c, ...) with a weight (o, c / groups, k, ...): (n, o, ...). Without n where x has one dimension less."""
    x, weight, *biases = promoted(F, [v for v in (x, weight, bias) if v is not None])
    spatial = len(stride)
    if x.rank == spatial + 1:
        whole = convolution(F, F.expand_dims(x, (0,)), weight, bias, stride, padding, dilation, groups)
        return F.squeeze(whole, (0,))
    if x.rank != spatial + 2 or not F.facts.equal(x.dims[1], weight.dims[1] * groups):
        message = f"a convolution of {x.type} by a weight {weight.type} in {groups} groups: the channels do not fit"
        raise ShapeError(message, location=F.location)
    outputs, kernel = weight.dims[0], tuple(fixed_size(F, d) for d in weight.dims[2:])
    if not F.facts.equal(floordiv(outputs, groups) * groups, outputs):
        message = f"{outputs} output channels cannot be divided into {groups} groups"
        raise ShapeError(message, location=F.location)
    if any(b.rank != 1 or not F.facts.equal(b.dims[0], outputs) for b in biases):
        raise ShapeError(f"a bias {biases[0].type} for {outputs} output channels", location=F.location)
    axes = zip(x.dims[2:], kernel, stride, padding, dilation, strict=True)
    sizes = tuple(window_count(F, n + 2 * p, k, s, d) for n, k, s, p, d in axes)
    attrs: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    attrs["sizes"] = (outputs, *sizes)
    given = (x, F.reshape(weight, (*weight.dims[:2], *kernel)), *biases)
    return F.convolution(*given, **attrs) if x.type.dtype in COMPILED else by_windows(F, *given, **attrs)


CONVOLUTION = [
    Function("convolution", convolution, "others"),
]
