"""Transformer encoders (Vaswani et al., 2017), with PyTorch's options and names of weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.nn import functional as F
from graphc.nn.layers import Dropout, Linear, ModuleList
from graphc.nn.module import Module
from graphc.nn.spatial import LayerNorm, MultiheadAttention
from graphc.tensors.core import Tensor, from_array
from graphc.tensors.functions.promotion import Default


def causal_mask(size: int, dtype: Any = None) -> Tensor:
    """0 on and below the diagonal, -inf above it: what an attention adds so that nothing later is seen."""
    above = np.triu(np.ones((size, size), bool), 1)
    return from_array(np.where(above, -np.inf, 0.0).astype(dtype or Default.dtype))


class TransformerEncoderLayer(Module):
    """Self-attention and two linear layers, each with dropout, a residual and a layer norm.

    >>> layer = graphc.nn.TransformerEncoderLayer(d_model=8, nhead=2, batch_first=True)
    >>> layer(graphc.zeros(3, 5, 8)).shape
    (3, 5, 8)
    """

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: Any = None,
    ):
        super().__init__()
        known: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu}
        if isinstance(activation, str) and activation not in known:
            raise ValueError(f"activation={activation!r}: expected 'relu', 'gelu' or a function")
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias=bias, batch_first=batch_first, dtype=dtype)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, dtype=dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)
        self.activation = known[activation] if isinstance(activation, str) else activation

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """(l, n, d_model), with ``batch_first`` (n, l, d_model); masks as ``MultiheadAttention`` takes them."""
        masks = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
        if self.norm_first:
            x = src + self._attended(self.norm1(src), masks)
            return x + self._fed(self.norm2(x))
        x = self.norm1(src + self._attended(src, masks))
        return self.norm2(x + self._fed(x))

    def _attended(self, x: Any, masks: dict[str, Any]) -> Any:
        return self.dropout1(self.self_attn(x, x, x, need_weights=False, **masks)[0])

    def _fed(self, x: Any) -> Any:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoder(Module):
    """So many copies of a layer, one after the other, and a norm at the end where one is given."""

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None, **options: Any):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """As each of its layers."""
        for layer in list(self.layers):
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=is_causal)
        return src if self.norm is None else self.norm(src)


class Transformer:
    """A place for ``generate_square_subsequent_mask``, where PyTorch's scripts look for it."""

    generate_square_subsequent_mask = staticmethod(causal_mask)
