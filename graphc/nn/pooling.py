"""Pooling over one and two dimensions, as functions and as modules, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.errors import ShapeError
from graphc.nn.module import Module
from graphc.nn.sizes import Sizes, sizes_of
from graphc.tensors.core import Tensor, record
from graphc.tensors.declaring import several
from graphc.tensors.functions.table import FUNCTIONS as TABLE
from graphc.tensors.shaping import squeeze, unsqueeze

_MAX, _AVG, _ADAPTIVE = (TABLE[name] for name in ("max_pool", "avg_pool", "adaptive_pool"))


def _require_dims(name: str, input: Tensor, count: int) -> None:
    if len(input._kind.shape) not in (count + 1, count + 2):
        sizes = "length" if count == 1 else "height, width"
        raise ShapeError(
            f"{name}: (channels, {sizes}), or a batch of those, is expected, not a tensor of shape {input._kind.shape}"
        )


def _max_pooled(count: int, input: Tensor, options: tuple[Any, ...], return_indices: bool) -> Any:
    _require_dims(f"max_pool{count}d", input, count)
    kernel_size, stride, padding, dilation, ceil_mode = options
    kernel = sizes_of(kernel_size, count)
    sizes: tuple[tuple[int, ...], ...] = (
        kernel, sizes_of(stride or kernel, count), sizes_of(padding, count), sizes_of(dilation, count),
    )  # fmt: skip
    if count == 1:
        sizes = tuple([(int(k != 2), *size) for k, size in enumerate(sizes)])  # the padding, of 0, is the third
        input = unsqueeze(input, -2)
    statics = (*sizes, bool(ceil_mode))
    if not return_indices:
        found = record(_MAX, (input,), statics)
        return squeeze(found, -2) if count == 1 else found
    both = several("max_pool_with_indices", (input,), statics)
    return tuple([squeeze(part, -2) for part in both]) if count == 1 else both


def max_pool2d(
    input: Tensor, kernel_size: Sizes, stride: Any = None, padding: Sizes = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest of each window; the stride is the kernel's size where it is not given.

    ``ceil_mode``: the last window may reach beyond the end. ``return_indices``: ``(values, places)``, counted row by
    row in each plane.
    """
    return _max_pooled(2, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


def max_pool1d(
    input: Tensor, kernel_size: Sizes, stride: Any = None, padding: Sizes = 0, dilation: Sizes = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """As ``max_pool2d``, of the last dimension."""
    return _max_pooled(1, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Sizes, stride: Any = None, padding: Sizes = 0, output_size: Any = None
) -> Tensor:
    """The elements at the places that ``max_pool2d`` found them at, zeros elsewhere."""
    kernel = sizes_of(kernel_size, 2)
    if output_size is None:
        axes = zip(input._kind.shape[-2:], kernel, sizes_of(stride or kernel, 2), sizes_of(padding, 2), strict=True)
        output_size = [(n - 1) * s + k - 2 * p for n, k, s, p in axes]
    return record(TABLE["max_unpool"], (input, indices), (tuple(output_size)[-2:],))


def avg_pool2d(
    input: Tensor, kernel_size: Sizes, stride: Any = None, padding: Sizes = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window; the stride is the kernel's size where it is not given."""
    _require_dims("avg_pool2d", input, 2)
    kernel = sizes_of(kernel_size, 2)
    sizes = (kernel, sizes_of(stride or kernel, 2), sizes_of(padding, 2))
    return record(_AVG, (input,), (*sizes, bool(count_include_pad), bool(ceil_mode), divisor_override))


def avg_pool1d(
    input: Tensor, kernel_size: Sizes, stride: Any = None, padding: Sizes = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of the last dimension."""
    _require_dims("avg_pool1d", input, 1)
    (kernel,) = sizes_of(kernel_size, 1)
    (step,) = sizes_of(stride or kernel, 1)
    statics = ((1, kernel), (1, step), (0, *sizes_of(padding, 1)), bool(count_include_pad), bool(ceil_mode), None)
    return squeeze(record(_AVG, (unsqueeze(input, -2),), statics), -2)


def _adaptive(name: str, count: int, largest: bool) -> Callable[..., Tensor]:
    def call(input: Tensor, output_size: Any) -> Tensor:
        _require_dims(name, input, count)
        sizes = (output_size,) * count if isinstance(output_size, int) else tuple(output_size)
        return record(_ADAPTIVE, (input,), (sizes, largest))

    call.__name__ = name
    what = "The largest" if largest else "The mean"
    call.__doc__ = f"{what} of each of so many blocks of the last dimensions; None for a size that stays."
    return call


adaptive_avg_pool1d, adaptive_avg_pool2d = (_adaptive(f"adaptive_avg_pool{n}d", n, False) for n in (1, 2))
adaptive_max_pool1d, adaptive_max_pool2d = (_adaptive(f"adaptive_max_pool{n}d", n, True) for n in (1, 2))


class _MaxPool(Module):
    """The largest of each window."""

    function: Callable[..., Any]

    def __init__(
        self, kernel_size: Sizes, stride: Any = None, padding: Sizes = 0, dilation: Sizes = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ):  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        sizes = (self.kernel_size, self.stride, self.padding, self.dilation)
        return type(self).function(input, *sizes, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class MaxPool1d(_MaxPool):
    """The largest of each window of (n, c, l)."""

    function = staticmethod(max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest of each window of (n, c, h, w)."""

    function = staticmethod(max_pool2d)


class AvgPool2d(Module):
    """The mean of each window."""

    def __init__(
        self, kernel_size: Sizes, stride: Any = None, padding: Sizes = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ):  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        sizes = (self.kernel_size, self.stride, self.padding)
        return avg_pool2d(input, *sizes, self.ceil_mode, self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """The means of so many blocks."""

    def __init__(self, output_size: Any):
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        max_pool1d, max_pool2d, max_unpool2d, avg_pool1d, avg_pool2d, adaptive_avg_pool1d, adaptive_avg_pool2d,
        adaptive_max_pool1d, adaptive_max_pool2d,
    )
}  # fmt: skip
