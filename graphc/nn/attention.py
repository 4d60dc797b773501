"""Attention by several heads (Vaswani et al., 2017), with PyTorch's options and names of weights."""

from __future__ import annotations

import math
from typing import Any

from graphc.errors import ShapeError
from graphc.nn import functional as F
from graphc.nn import init
from graphc.nn.module import Module
from graphc.nn.parameter import Parameter
from graphc.tensors import methods
from graphc.tensors.core import Tensor
from graphc.tensors.creation import zeros
from graphc.tensors.shaping import cat
from graphc.trace.location import user_location


class MultiheadAttention(Module):
    """Attention by several heads, each over its part of the features: ``output, weights = module(query, key, value)``.

    Inputs are (l, n, e), with ``batch_first`` (n, l, e), or (l, e) without a batch. ``weights``, (n, l, s), is the mean
    over the heads, with ``average_attn_weights=False`` (n, heads, l, s); with ``need_weights=False`` it is None, and is
    not computed.

    ``kdim``, ``vdim``: features of keys and values, where they are not ``embed_dim``: each then has its own weight.
    ``add_bias_kv``: one more key and value, which are learned; ``add_zero_attn``: one more of zeros.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        if embed_dim % num_heads:
            raise ValueError(f"embed_dim {embed_dim} cannot be divided among {num_heads} heads")
        self.embed_dim, self.num_heads, self.batch_first = embed_dim, num_heads, batch_first
        self.head_dim, self.add_zero_attn, self.dropout = embed_dim // num_heads, add_zero_attn, float(dropout)
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        place = {"dtype": dtype, "device": device}

        def drawn(*sizes: int) -> Any:
            return init.xavier_uniform_(Parameter(zeros(*sizes, **place)))

        e, is_same = embed_dim, self.kdim == self.vdim == embed_dim
        self.in_proj_weight = drawn(3 * e, e) if is_same else None
        self.q_proj_weight = None if is_same else drawn(e, e)
        self.k_proj_weight = None if is_same else drawn(e, self.kdim)
        self.v_proj_weight = None if is_same else drawn(e, self.vdim)
        self.in_proj_bias = Parameter(zeros(3 * e, **place)) if bias else None
        self.out_proj = _Projection(e, bias, place)
        self.bias_k = init.xavier_normal_(Parameter(zeros(1, 1, e, **place))) if add_bias_kv else None
        self.bias_v = init.xavier_normal_(Parameter(zeros(1, 1, e, **place))) if add_bias_kv else None

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """``attn_mask``, (l, s) or (n * heads, l, s), and ``key_padding_mask``, (n, s), without a batch (s): added to
        the scores, or, of bools, what may not be seen. ``is_causal``, without an ``attn_mask``: nothing later is seen.

        Raises ``ShapeError`` for inputs of other ranks, and masks that do not fit.
        """
        is_batch = self._check(query, key, value)
        if not is_batch:
            query, key, value = (x.unsqueeze(0) for x in (query, key, value))
            key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q, k, v = (self._split(self._projected(part, x)) for part, x in enumerate((query, key, value)))
        causal = is_causal and attn_mask is None
        if self.bias_k is not None or self.add_zero_attn:
            if causal:
                attn_mask, causal = _later(q, k), False
            k, v, attn_mask, key_padding_mask = self._extended(k, v, attn_mask, key_padding_mask)
        mask = self._mask(attn_mask, key_padding_mask, q, k)
        share = self.dropout if self.training else 0.0
        weights: Any = None
        if need_weights or share:
            weights = F.dropout(F.attention_weights(q, k, mask, causal), share)
            found = methods.BOTH["matmul"](weights, v)
        else:
            found = F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal)
        result = F.linear(found.transpose(1, 2).flatten(2), self.out_proj.weight, self.out_proj.bias)
        weights = weights.mean(1) if need_weights and average_attn_weights else weights if need_weights else None
        if not is_batch:
            return result.squeeze(0), None if weights is None else weights.squeeze(0)
        return (result if self.batch_first else result.transpose(0, 1)), weights

    def _check(self, query: Any, key: Any, value: Any) -> bool:
        """Whether the inputs are a batch."""
        shapes = [x._kind.shape for x in (query, key, value)]
        if len({len(shape) for shape in shapes}) != 1 or len(shapes[0]) not in (2, 3):
            message = (
                "MultiheadAttention: query, key and value must all have 3 dimensions, or without a batch 2; they have"
            )
            raise ShapeError(f"{message} the shapes {shapes}", location=user_location())
        return len(shapes[0]) == 3

    def _projected(self, part: int, x: Any) -> Any:
        """The queries (0), keys (1) or values (2), (n, l, e)."""
        rows = slice(part * self.embed_dim, (part + 1) * self.embed_dim)
        joined: Any = self.in_proj_weight
        bias: Any = self.in_proj_bias
        own: Any = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)[part]
        return F.linear(x, own if joined is None else joined[rows], None if bias is None else bias[rows])

    def _split(self, x: Any) -> Any:
        """The part of each head: (n, heads, l, e / heads)."""
        return x.unflatten(2, (self.num_heads, self.head_dim)).transpose(1, 2)

    def _extended(self, k: Any, v: Any, attn_mask: Any, padding: Any) -> tuple[Any, Any, Any, Any]:
        """Keys and values with those that are learned and with zeros, which everyone sees."""
        more = []
        if self.bias_k is not None and self.bias_v is not None:
            more.append((self._split(self.bias_k), self._split(self.bias_v)))
        if self.add_zero_attn:
            zero = zeros(1, self.num_heads, 1, self.head_dim, dtype=k._kind.dtype, device=k.device)
            more.append((zero, zero))
        n = k._kind.shape[0]
        k = cat([k, *[part.expand(n, -1, -1, -1) for part, _ in more]], 2)
        v = cat([v, *[part.expand(n, -1, -1, -1) for _, part in more]], 2)
        attn_mask, padding = (None if m is None else _widened(m, len(more)) for m in (attn_mask, padding))
        return k, v, attn_mask, padding

    def _mask(self, attn_mask: Any, padding: Any, q: Any, k: Any) -> Any:
        """Both masks as one that is added to the scores, (n or 1, heads or 1, l, s)."""
        parts = []
        (n, heads, length, _), (_, _, size, _) = q._kind.shape, k._kind.shape
        if attn_mask is not None:
            shape = attn_mask._kind.shape
            if len(shape) not in (2, 3) or shape[-1] != size or shape[-2] != length:
                message = f"attn_mask has shape {shape}, expected {(length, size)} or {(n * heads, length, size)}"
                raise ShapeError(f"MultiheadAttention: {message}", location=user_location())
            parts.append(_added(attn_mask.unflatten(0, (-1, heads)) if len(shape) == 3 else attn_mask, q))
        if padding is not None:
            if padding._kind.shape != (n, size):
                message = f"key_padding_mask has shape {padding._kind.shape}, expected {(n, size)}"
                raise ShapeError(f"MultiheadAttention: {message}", location=user_location())
            parts.append(_added(padding, q).unsqueeze(1).unsqueeze(1))
        return None if not parts else parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _added(mask: Any, like: Any) -> Any:
    """The mask as what is added to scores: of bools -inf where it is true."""
    if mask._kind.dtype.kind != "b":
        return mask
    return zeros(*mask._kind.shape, dtype=like._kind.dtype).masked_fill(mask, -math.inf)


def _widened(mask: Any, count: int) -> Any:
    """A mask for so many more keys, which may be seen."""
    return cat([mask, zeros(*mask._kind.shape[:-1], count, dtype=mask._kind.dtype)], -1)


def _later(q: Any, k: Any) -> Any:
    """What is not seen where nothing later is."""
    rows, columns = q._kind.shape[2], k._kind.shape[2]
    return zeros(rows, columns, dtype=q._kind.dtype).add(-math.inf).triu(1)


class _Projection(Module):
    """The last linear map of an attention, whose bias begins at 0."""

    def __init__(self, size: int, bias: bool, place: dict[str, Any]):
        super().__init__()
        self.weight = init.kaiming_uniform_(Parameter(zeros(size, size, **place)), a=math.sqrt(5.0))
        self.bias: Tensor | None = Parameter(zeros(size, **place)) if bias else None
