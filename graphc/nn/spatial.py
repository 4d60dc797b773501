"""Convolutions, normalisation."""

from __future__ import annotations

from typing import Any

from graphc.errors import ShapeError
from graphc.ir.types import I64
from graphc.nn import functional as F
from graphc.nn import init
from graphc.nn.module import Module
from graphc.nn.parameter import Parameter
from graphc.nn.sizes import Sizes, sizes_of
from graphc.tensors.core import Tensor, from_array
from graphc.tensors.creation import ones, zeros
from graphc.tensors.modes import no_grad
from graphc.trace.location import user_location


class ChannelMap(Module):
    """From channels to channels, in groups, by a kernel; the weight and the bias begin as PyTorch's do."""

    dimensions = 2
    padding_mode = "zeros"

    def _set_sizes(
        self, in_channels: int, out_channels: int, groups: int, kernel_size: Sizes, stride: Sizes, dilation: Sizes
    ) -> None:
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"{in_channels} and {out_channels} channels cannot be divided into {groups} groups")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = sizes_of(kernel_size, self.dimensions)
        self.stride, self.dilation = sizes_of(stride, self.dimensions), sizes_of(dilation, self.dimensions)

    def _set_weights(self, first: int, second: int, *, bias: bool, dtype: Any, device: Any = None) -> None:
        """A weight (first, second / groups, kernel) and, where wanted, a bias."""
        self.weight = Parameter(zeros(first, second // self.groups, *self.kernel_size, dtype=dtype, device=device))
        self.bias = Parameter(zeros(self.out_channels, dtype=dtype, device=device)) if bias else None
        init.weight_and_bias(self.weight, self.bias)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        none, one = (0,) * self.dimensions, (1,) * self.dimensions
        for name, usual in (("padding", none), ("dilation", one), ("output_padding", none), ("groups", 1)):
            if getattr(self, name, usual) != usual:
                text += f", {name}={getattr(self, name)}"
        text += "" if self.bias is not None else ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(ChannelMap):
    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Any = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        if padding_mode not in _PADDING_MODES:
            message = f"padding_mode={padding_mode!r}: expected one of {', '.join(_PADDING_MODES)}"
            raise ValueError(message)
        self.padding_mode = padding_mode
        self._set_sizes(in_channels, out_channels, groups, kernel_size, stride, dilation)
        self.padding = padding if isinstance(padding, str) else sizes_of(padding, self.dimensions)
        self._set_weights(out_channels, in_channels, bias=bias, dtype=dtype, device=device)

    def _convolved(self, function: Any, input: Tensor) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._widths(), self.padding_mode), 0
        return function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _widths(self) -> list[int]:
        """How many places are added before and after each dimension, the last one first."""
        if isinstance(self.padding, str):
            spans = [
                d * (k - 1) * (self.padding == "same") for d, k in zip(self.dilation, self.kernel_size, strict=True)
            ]
            return [width for span in spans[::-1] for width in (span // 2, span - span // 2)]
        return [width for p in self.padding[::-1] for width in (p, p)]


class Conv1d(_Convolution):
    """A convolution of (n, in_channels, l)."""

    dimensions = 1

    def forward(self, input: Tensor) -> Tensor:
        return self._convolved(F.conv1d, input)


class Conv2d(_Convolution):
    """A convolution of (n, in_channels, h, w)."""

    def forward(self, input: Tensor) -> Tensor:
        return self._convolved(F.conv2d, input)


class _BatchNorm(Module):
    """In training normalised by the batch, else by running statistics; scaled by weight and bias of each channel."""

    ranks: tuple[int, ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = None,
    ):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = Parameter(ones(num_features, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(num_features, dtype=dtype)) if affine else None
        self.register_buffer("running_mean", zeros(num_features, dtype=dtype) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features, dtype=dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", from_array(I64.type(0)) if track_running_stats else None)

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def forward(self, input: Tensor) -> Tensor:
        if len(input._kind.shape) not in self.ranks:
            raise ValueError(f"{type(self).__name__} needs {self.ranks} dimensions, the input has {input._kind.shape}")
        if input._kind.shape[1] != self.num_features:
            message = f"{type(self).__name__} of {self.num_features} channels, the input has {input._kind.shape}"
            raise ShapeError(message, location=user_location())
        share = self.momentum
        if self.training and self.num_batches_tracked is not None:
            with no_grad():
                self.num_batches_tracked.add_(1)
            share = 1.0 / self.num_batches_tracked.item() if share is None else share
        operands = (input, self.running_mean, self.running_var, self.weight, self.bias)
        share = 0.0 if share is None else share
        return F.batch_norm(*operands, self.training or self.running_mean is None, share, self.eps)

    def extra_repr(self) -> str:
        text = f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.weight is not None}"
        return f"{text}, track_running_stats={self.running_mean is not None}"


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (n, c) or (n, c, l)."""

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (n, c, h, w)."""

    ranks = (4,)


class LayerNorm(Module):
    """Normalised over the last dimensions, scaled by weight and bias."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps = shape, eps
        place = {"dtype": dtype, "device": device}
        self.weight = Parameter(ones(*shape, **place)) if elementwise_affine else None
        self.bias = Parameter(zeros(*shape, **place)) if elementwise_affine and bias else None

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        text = f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"
        return f"{text}, bias={self.bias is not None}"


class GroupNorm(Module):
    """Normalised over groups of channels, scaled by weight and bias of each channel."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, dtype: Any = None):
        super().__init__()
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = Parameter(ones(num_channels, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(num_channels, dtype=dtype)) if affine else None

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)
