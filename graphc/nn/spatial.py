"""Convolutions, normalisation, attention."""

from __future__ import annotations

import math
from typing import Any

from graphc.errors import ShapeError
from graphc.ir.types import I64
from graphc.nn import functional as F
from graphc.nn import init
from graphc.nn.module import Module
from graphc.nn.parameter import Parameter
from graphc.nn.sizes import Sizes, sizes_of
from graphc.tensors import methods
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
        dtype: Any = None,
    ):
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps = shape, eps
        self.weight = Parameter(ones(*shape, dtype=dtype)) if elementwise_affine else None
        self.bias = Parameter(zeros(*shape, dtype=dtype)) if elementwise_affine and bias else None

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


class MultiheadAttention(Module):
    """Attention by several heads, each over its part of the features: ``output, weights = module(query, key, value)``.

    Inputs are (l, n, e), with ``batch_first`` (n, l, e). ``weights``, (n, l, s), is the mean over the heads, with
    ``average_attn_weights=False`` (n, heads, l, s); with ``need_weights=False`` it is None, and is not computed.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = False,
        dtype: Any = None,
    ):
        super().__init__()
        if embed_dim % num_heads:
            raise ValueError(f"embed_dim {embed_dim} cannot be divided among {num_heads} heads")
        self.embed_dim, self.num_heads, self.batch_first = embed_dim, num_heads, batch_first
        self.dropout = float(dropout)
        self.in_proj_weight = init.xavier_uniform_(Parameter(zeros(3 * embed_dim, embed_dim, dtype=dtype)))
        self.in_proj_bias = Parameter(zeros(3 * embed_dim, dtype=dtype)) if bias else None
        self.out_proj = _Projection(embed_dim, bias, dtype)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Any]:
        """``attn_mask``, (l, s) or (n * heads, l, s), and ``key_padding_mask``, (n, s): added to the scores, or, of
        bools, what may not be seen."""
        q, k, v = (self._heads(number, x) for number, x in enumerate((query, key, value)))
        mask = self._mask(attn_mask, key_padding_mask, q)
        share = self.dropout if self.training else 0.0
        weights: Any = None
        if need_weights or share:
            weights = F.attention_weights(q, k, mask, is_causal and attn_mask is None)
            found = methods.BOTH["matmul"](F.dropout(weights, share), v)
        else:
            found = F.scaled_dot_product_attention(q, k, v, mask, is_causal=is_causal and attn_mask is None)
        n, _, length, _ = found._kind.shape
        joined = found.transpose(1, 2).reshape(n, length, self.embed_dim)
        result = F.linear(joined, self.out_proj.weight, self.out_proj.bias)
        if need_weights and average_attn_weights:
            weights = weights.mean(1)
        return (result if self.batch_first else result.transpose(0, 1)), (weights if need_weights else None)

    def _mask(self, attn_mask: Any, padding: Any, q: Any) -> Any:
        """Both masks as one that is added to the scores, (n or 1, heads or 1, l, s)."""
        parts = []
        if attn_mask is not None:
            rank = len(attn_mask._kind.shape)
            whole = attn_mask.unflatten(0, (-1, self.num_heads)) if rank == 3 else attn_mask
            parts.append(_added(whole, q))
        if padding is not None:
            parts.append(_added(padding, q).unsqueeze(1).unsqueeze(1))
        return None if not parts else parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def _heads(self, part: int, x: Tensor) -> Tensor:
        """The queries (0), keys (1) or values (2) of each head: (n, heads, l, e / heads)."""
        x = x if self.batch_first else x.transpose(0, 1)
        rows = slice(part * self.embed_dim, (part + 1) * self.embed_dim)
        weight: Any = self.in_proj_weight
        bias: Any = self.in_proj_bias
        projected = F.linear(x, weight[rows], None if bias is None else bias[rows])
        n, length, _ = projected._kind.shape
        return projected.reshape(n, length, self.num_heads, -1).transpose(1, 2)


def _added(mask: Any, like: Any) -> Any:
    """The mask as what is added to scores: of bools -inf where it is true."""
    if mask._kind.dtype.kind != "b":
        return mask
    return zeros(*mask._kind.shape, dtype=like._kind.dtype).masked_fill(mask, -math.inf)


class _Projection(Module):
    """The last linear map of an attention, whose bias begins at 0."""

    def __init__(self, size: int, bias: bool, dtype: Any):
        super().__init__()
        self.weight = init.kaiming_uniform_(Parameter(zeros(size, size, dtype=dtype)), a=math.sqrt(5.0))
        self.bias = Parameter(zeros(size, dtype=dtype)) if bias else None
