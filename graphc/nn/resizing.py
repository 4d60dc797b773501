"""Padding, pooling over one dimension, upsampling, transposed convolutions: functions of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.ir.types import float_limits
from graphc.nn.sizes import Sizes, sizes_of
from graphc.tensors.core import Tensor, record
from graphc.tensors.functions.table import FUNCTIONS as TABLE
from graphc.tensors.placing import near
from graphc.tensors.random import default_generator, drawn, known
from graphc.tensors.shaping import index_select, permute, reshape


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """The tensor with more places, of the last dimension first: ``(before, after, before, after, ...)``.

    ``mode``: "constant" (the value, 0 by default), "reflect", "replicate", "circular".
    """
    widths = tuple(int(width) for width in pad)
    if len(widths) % 2 or len(widths) > 2 * input.ndim:
        raise ShapeError(f"pad: {widths} for a tensor of shape {input.shape}: give two widths for each dimension")
    return record(TABLE["pad"], (input,), (widths, mode, 0.0 if value is None else value))


def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1, padding: Sizes = 0,
    output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1,
) -> Tensor:  # fmt: skip
    """The gradient of ``conv1d`` by its input: (n, c, l) with a weight (c, o / groups, k)."""
    return _transposed(1, input, weight, bias, (stride, padding, output_padding, dilation), groups)


def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1, padding: Sizes = 0,
    output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1,
) -> Tensor:  # fmt: skip
    """The gradient of ``conv2d`` by its input: (n, c, h, w) with a weight (c, o / groups, k, l)."""
    return _transposed(2, input, weight, bias, (stride, padding, output_padding, dilation), groups)


def _transposed(count: int, input: Tensor, weight: Tensor, bias: Any, sizes: tuple[Any, ...], groups: int) -> Tensor:
    options = tuple(sizes_of(size, count) for size in sizes)
    return record(TABLE["convolution_transposed"], (input, weight, bias), (*options, int(groups)))


def interpolate(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool = False
) -> Any:
    """The spatial dimensions in another size: "nearest", or "linear" ("bilinear") between neighbours."""
    lead, old = input.shape[:2], input.shape[2:]
    count = len(old)
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    scales = (scale_factor,) * count if isinstance(scale_factor, int | float) else scale_factor
    new = sizes_of(size, count) if size is not None else tuple(int(n * s) for n, s in zip(old, scales, strict=True))
    if mode not in ("nearest", "linear", "bilinear"):
        raise ValueError(f"interpolate: mode={mode!r}: expected nearest, linear or bilinear")
    for k, (n, m) in enumerate(zip(old, new, strict=True)):
        input = (_nearest if mode == "nearest" else _linear)(input, len(lead) + k, n, m, align_corners)
    return input


def _nearest(x: Any, dim: int, n: int, m: int, _: bool) -> Any:
    return index_select(x, dim, near(np.minimum(np.arange(m) * n // m, n - 1), x))


def _linear(x: Any, dim: int, n: int, m: int, align_corners: bool) -> Any:
    place: Any
    if align_corners:
        place = np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 0.0)
    else:
        place = np.maximum((np.arange(m) + 0.5) * n / m - 0.5, 0.0)
    first = np.minimum(place.astype(np.int64), n - 1)
    share = np.asarray(place - first, x.dtype).reshape(-1, *(1,) * (x.ndim - dim - 1))
    low: Any = index_select(x, dim, near(first, x))
    high = index_select(x, dim, near(np.minimum(first + 1, n - 1), x))
    return low + (high - low) * near(np.ascontiguousarray(share), x)


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(n, c r r, h, w) as (n, c, h r, w r)."""
    n, channels, h, w = input.shape
    r = upscale_factor
    blocks = reshape(input, n, channels // (r * r), r, r, h, w)
    return reshape(permute(blocks, 0, 1, 4, 2, 5, 3), n, channels // (r * r), h * r, w * r)


def feature_dropout(input: Any, p: float, training: bool, spatial: int) -> Any:
    """Whole channels zero with probability p, the others divided by ``1 - p``."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout: the probability must be between 0 and 1, it is {p}")
    if not training or p == 0.0:
        return input
    shape = (*known(input.shape)[: input.ndim - spatial], *(1,) * spatial)
    scale = 0.0 if p == 1.0 else 1.0 / (1.0 - p)
    return input * drawn(lambda: (default_generator().random(shape) >= p) * scale, input.dtype, device=input.device)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """``feature_dropout`` of (n, c, l)."""
    return feature_dropout(input, p, training, 1)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """``feature_dropout`` of (n, c, h, w)."""
    return feature_dropout(input, p, training, 2)


def instance_norm(input: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Each channel of each example normalised by itself."""
    if input.ndim < 2:
        raise ShapeError(f"instance_norm: (examples, channels, ...) is expected, not a tensor of shape {input.shape}")
    channels = input.shape[1]
    return record(TABLE["group_norm"], (input, weight, bias), (int(channels), float(eps)))


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """x divided by the root of its mean square over the last dimensions (Zhang and Sennrich, 2019)."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if input.shape[input.ndim - len(shape) :] != shape:
        raise ShapeError(f"rms_norm over {shape}: the input ends in other sizes, {input.shape}")
    dims = tuple(range(-len(shape), 0))
    small = float(float_limits(input.dtype).eps) if eps is None else eps
    normal = input * (input.square().mean(dims, keepdim=True) + small).rsqrt()
    return normal if weight is None else normal * weight.to(input.dtype)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        pad, conv_transpose1d, conv_transpose2d,
        interpolate, pixel_shuffle, dropout1d, dropout2d, instance_norm, rms_norm,
    )
}  # fmt: skip
