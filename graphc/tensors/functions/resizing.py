"""Padding, and convolutions turned around, which make more of less."""

from __future__ import annotations

from typing import Any

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.dims import floordiv
from graphc.ir.graph import Value
from graphc.tensors.functions.convolution import Ints, convolution, fixed_size
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import promoted
from graphc.trace.functions.padding import pad as numpy_pad
from graphc.trace.functions.rearranging import flip

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def transposed(F: Builder, x: Value, weight: Value, bias: Value | None, *options: Any) -> Value:
    """A convolution of x, its elements ``stride`` apart, by the weight (c, o / groups, k, ...) turned around.

    ``options``: stride, padding, what is added at the end, dilation, groups; so that this is the gradient of a
    convolution with these by its input.
    """
    stride, padding, more, dilation, groups = options
    x, weight = promoted(F, (x, weight))
    spatial = len(stride)
    first = x.rank - spatial
    kernel = tuple(fixed_size(F, d) for d in weight.dims[2:])
    spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if any(span < p for span, p in zip(spans, padding, strict=True)):
        message = f"a transposed convolution: padding {padding} is more than a kernel of {kernel} reaches"
        raise ShapeError(message, location=F.location)
    ends = [span - p for span, p in zip(spans, padding, strict=True)]
    dims = [(n - 1) * s + 1 + 2 * e + m for n, s, e, m in zip(x.dims[first:], stride, ends, more, strict=True)]
    starts, steps = (0,) * first + tuple(ends), (1,) * first + stride
    apart = F.embed(x, starts=starts, steps=steps, dims=(*x.dims[:first], *dims))
    ones, zeros = (1,) * spatial, (0,) * spatial
    return convolution(F, apart, _turned(F, weight, kernel, groups), bias, ones, zeros, dilation, groups)


def _turned(F: Builder, weight: Value, kernel: Ints, groups: int) -> Value:
    """The weight (c, o / groups, k, ...) as one of a convolution: (o, c / groups, k, ...), each kernel reversed."""
    for axis in range(2, weight.rank):
        weight = flip(F, weight, axis)
    channels, outputs = weight.dims[:2]
    each = floordiv(channels, groups)
    grouped = F.reshape(weight, (groups, each, outputs, *kernel))
    grouped = F.transpose(grouped, (0, 2, 1, *range(3, grouped.rank)))
    return F.reshape(grouped, (groups * outputs, each, *kernel))


def pad(F: Builder, x: Value, widths: Ints, mode: str, number: float) -> Value:
    """More places around the last dimensions, of which the last one comes first in ``widths``; negative ones cut."""
    pairs = [(0, 0)] * (x.rank - len(widths) // 2)
    pairs += [(widths[k], widths[k + 1]) for k in range(len(widths) - 2, -1, -2)]
    if mode not in MODES:
        raise ShapeError(f"pad: mode={mode!r}: expected one of {', '.join(MODES)}", location=F.location)
    if any(width < 0 for width in widths):
        starts = tuple(max(-before, 0) for before, _ in pairs)
        dims = tuple(d + min(a, 0) + min(b, 0) for d, (a, b) in zip(x.dims, pairs, strict=True))
        x = F.slice(x, starts=starts, steps=(1,) * x.rank, dims=dims)
        pairs = [(max(a, 0), max(b, 0)) for a, b in pairs]
    options = {"constant_values": number} if mode == "constant" else {}
    return numpy_pad(F, x, pairs, MODES[mode], **options)


RESIZING = [
    Function("convolution_transposed", transposed, "others"),
    Function("pad", pad, "nothing"),
]
