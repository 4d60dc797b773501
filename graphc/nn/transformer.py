"""Transformers (Vaswani et al., 2017), with PyTorch's options and names of weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.nn import functional as F
from graphc.nn import init
from graphc.nn.attention import MultiheadAttention
from graphc.nn.layers import Dropout, Linear
from graphc.nn.lists import ModuleList
from graphc.nn.module import Module
from graphc.nn.spatial import LayerNorm
from graphc.tensors.core import Tensor, from_array
from graphc.tensors.functions.promotion import Default


def causal_mask(size: int, dtype: Any = None) -> Tensor:
    """0 on and below the diagonal, -inf above it: what an attention adds so that nothing later is seen."""
    above = np.triu(np.ones((size, size), bool), 1)
    return from_array(np.where(above, -np.inf, 0.0).astype(dtype or Default.dtype))


Activation = str | Callable[[Tensor], Tensor]


class _Layer(Module):
    """What encoders' and decoders' layers share: attentions of these names, two linear maps with dropout between."""

    attentions: tuple[str, ...]
    self_attn: MultiheadAttention
    dropout1: Dropout
    dropout2: Dropout
    norm1: LayerNorm
    norm2: LayerNorm

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        known: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu}
        if isinstance(activation, str) and activation not in known:
            raise ValueError(f"activation={activation!r}: expected 'relu', 'gelu' or a function")
        shared: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        for name in self.attentions:
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **shared))
        self.linear1 = Linear(d_model, dim_feedforward, **shared)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **shared)
        self.activation = known[activation] if isinstance(activation, str) else activation
        self.norm_first = norm_first
        parts = range(1, len(self.attentions) + 2)
        for number in parts:
            setattr(self, f"norm{number}", LayerNorm(d_model, layer_norm_eps, **shared))
        for number in parts:
            setattr(self, f"dropout{number}", Dropout(dropout))

    def _attended(self, x: Any, masks: dict[str, Any]) -> Any:
        return self.dropout1(self.self_attn(x, x, x, need_weights=False, **masks)[0])

    def _fed(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Self-attention and two linear layers, each with dropout, a residual and a layer norm.

    >>> layer = graphc.nn.TransformerEncoderLayer(d_model=8, nhead=2, batch_first=True)
    >>> layer(graphc.zeros(3, 5, 8)).shape
    (3, 5, 8)
    """

    attentions = ("self_attn",)

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """(l, n, d_model), with ``batch_first`` (n, l, d_model); masks as ``MultiheadAttention`` takes them."""
        masks = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
        if self.norm_first:
            x = src + self._attended(self.norm1(src), masks)
            return x + self.dropout2(self._fed(self.norm2(x)))
        x = self.norm1(src + self._attended(src, masks))
        return self.norm2(x + self.dropout2(self._fed(x)))


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to a memory and two linear layers, each with dropout, a residual and a layer norm.

    >>> layer = graphc.nn.TransformerDecoderLayer(d_model=8, nhead=2, batch_first=True)
    >>> layer(graphc.zeros(3, 5, 8), graphc.zeros(3, 7, 8)).shape
    (3, 5, 8)
    """

    attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention
    norm3: LayerNorm
    dropout3: Dropout

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """As an encoder's layer; ``memory`` is what an encoder made, of any length."""
        own = {"attn_mask": tgt_mask, "key_padding_mask": tgt_key_padding_mask, "is_causal": tgt_is_causal}
        other = {"attn_mask": memory_mask, "key_padding_mask": memory_key_padding_mask, "is_causal": memory_is_causal}

        def looked_up(x: Any) -> Any:
            return self.dropout2(self.multihead_attn(x, memory, memory, need_weights=False, **other)[0])

        if self.norm_first:
            x = tgt + self._attended(self.norm1(tgt), own)
            x = x + looked_up(self.norm2(x))
            return x + self.dropout3(self._fed(self.norm3(x)))
        x = self.norm1(tgt + self._attended(tgt, own))
        x = self.norm2(x + looked_up(x))
        return self.norm3(x + self.dropout3(self._fed(x)))


class TransformerEncoder(Module):
    """So many copies of a layer, one after the other, and a norm at the end where one is given.

    PyTorch's ``enable_nested_tensor`` and ``mask_check`` choose how it computes the same; here they change nothing.
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """As each of its layers."""
        for layer in list(self.layers):
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=is_causal)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """So many copies of a layer, one after the other, and a norm at the end where one is given."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(decoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """As each of its layers."""
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal, memory_is_causal)
        for layer in list(self.layers):
            tgt = layer(tgt, memory, *masks)
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder, and a decoder that attends to what it makes: ``module(src, tgt)``.

    >>> model = graphc.nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    >>> mask = model.generate_square_subsequent_mask(4)
    >>> model(graphc.zeros(3, 5, 8), graphc.zeros(3, 4, 8), tgt_mask=mask).shape
    (3, 4, 8)
    """

    generate_square_subsequent_mask = staticmethod(causal_mask)

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        shared = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
                  device, dtype)  # fmt: skip

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        encoder, decoder = custom_encoder, custom_decoder
        if encoder is None:
            encoder = TransformerEncoder(TransformerEncoderLayer(*shared), num_encoder_layers, norm())
        if decoder is None:
            decoder = TransformerDecoder(TransformerDecoderLayer(*shared), num_decoder_layers, norm())
        self.encoder, self.decoder = encoder, decoder
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for p in self.parameters():
            if p.dim() > 1:
                init.xavier_uniform_(p)

    def forward(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool = False,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """The decoder's result, like ``tgt``."""
        masks = {"mask": src_mask, "src_key_padding_mask": src_key_padding_mask, "is_causal": src_is_causal}
        memory = self.encoder(src, **masks)
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip
