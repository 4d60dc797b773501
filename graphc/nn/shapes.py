"""Layers that make other shapes: transposed convolutions, padding, dropout of channels; norms; lists of parameters."""

from __future__ import annotations

from typing import Any

from graphc.nn.module import Module
from graphc.nn.parameter import Parameter
from graphc.nn.resizing import conv_transpose1d, conv_transpose2d, feature_dropout, instance_norm, pad, rms_norm
from graphc.nn.sizes import Sizes, sizes_of
from graphc.nn.spatial import ChannelMap
from graphc.tensors.core import Tensor
from graphc.tensors.creation import ones, zeros
from graphc.tensors.library import unflatten


class _Transposed(ChannelMap):
    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self._set_sizes(in_channels, out_channels, groups, kernel_size, stride, dilation)
        self.padding = sizes_of(padding, self.dimensions)
        self.output_padding = sizes_of(output_padding, self.dimensions)
        self._set_weights(in_channels, out_channels, bias=bias, dtype=dtype, device=device)

    def forward(self, input: Tensor) -> Tensor:
        function = conv_transpose1d if self.dimensions == 1 else conv_transpose2d
        sizes = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return function(input, self.weight, self.bias, *sizes)


class ConvTranspose1d(_Transposed):
    """A transposed convolution of (n, in_channels, l)."""

    dimensions = 1


class ConvTranspose2d(_Transposed):
    """A transposed convolution of (n, in_channels, h, w)."""


class _Pad(Module):
    """More places around the last dimensions."""

    dimensions = 2
    mode = "constant"

    def __init__(self, padding: Any, value: float = 0.0):
        super().__init__()
        self.padding = (int(padding),) * (2 * self.dimensions) if isinstance(padding, int) else tuple(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}"


PADS: dict[str, type[Module]] = {
    f"{name}{count}d": type(f"{name}{count}d", (_Pad,), {
        "dimensions": count, "mode": mode, "__module__": __name__, "__doc__": f"``functional.pad`` with mode {mode!r}.",
    })
    for name, mode in (("ConstantPad", "constant"), ("ZeroPad", "constant"), ("ReflectionPad", "reflect"),
                       ("ReplicationPad", "replicate"), ("CircularPad", "circular"))
    for count in (1, 2)
}  # fmt: skip


class Unflatten(Module):
    """One dimension as several."""

    def __init__(self, dim: int, unflattened_size: Any):
        super().__init__()
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        return unflatten(input, self.dim, self.unflattened_size)


class _ChannelDropout(Module):
    """In training whole channels are zero with probability p, the others divided by ``1 - p``."""

    spatial = 2

    def __init__(self, p: float = 0.5, inplace: bool = False):
        super().__init__()
        self.p = p

    def forward(self, input: Tensor) -> Any:
        return feature_dropout(input, self.p, self.training, self.spatial)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout1d(_ChannelDropout):
    """Of (n, c, l)."""

    spatial = 1


class Dropout2d(_ChannelDropout):
    """Of (n, c, h, w)."""


class _InstanceNorm(Module):
    """Each channel of each example normalised by itself; ``affine``: scaled by weight and bias of each channel."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False):
        super().__init__()
        self.num_features, self.eps = num_features, eps
        self.weight = Parameter(ones(num_features)) if affine else None
        self.bias = Parameter(zeros(num_features)) if affine else None

    def forward(self, input: Tensor) -> Any:
        return instance_norm(input, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}"


class InstanceNorm1d(_InstanceNorm):
    """Of (n, c, l)."""


class InstanceNorm2d(_InstanceNorm):
    """Of (n, c, h, w)."""


class RMSNorm(Module):
    """x divided by the root of its mean square over the last dimensions, scaled by a weight."""

    def __init__(self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True):
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps = shape, eps
        self.weight = Parameter(ones(*shape)) if elementwise_affine else None

    def forward(self, input: Tensor) -> Any:
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


MODULES: dict[str, type[Module]] = {
    cls.__name__: cls
    for cls in (
        ConvTranspose1d, ConvTranspose2d, Unflatten, Dropout1d, Dropout2d, InstanceNorm1d, InstanceNorm2d, RMSNorm,
    )
} | PADS  # fmt: skip
