"""Normalisation: over batches, layers and groups; and attention."""

from __future__ import annotations

import math

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.dims import floordiv, product
from graphc.ir.graph import Value
from graphc.tensors.functions.function import Function
from graphc.trace.functions.exponentials import softmax
from graphc.trace.functions.products import matmul


def _along_channels(F: Builder, v: Value, x: Value) -> Value:
    """One number for each channel, along dimension 1 of x."""
    return F.reshape(v, tuple(d if a == 1 else 1 for a, d in enumerate(x.dims)))


def _need_channels(F: Builder, name: str, x: Value) -> None:
    if x.rank < 2:
        message = f"{name} needs examples and channels, at least two dimensions; the tensor is {x.type}"
        raise ShapeError(message, location=F.location)


def _scaled(F: Builder, x: Value, weight: Value | None, bias: Value | None) -> Value:
    x = x if weight is None else F.mul(x, weight)
    return x if bias is None else F.add(x, bias)


def batch_norm(
    F: Builder, x: Value, weight: Value | None, bias: Value | None, eps: float
) -> tuple[Value, Value, Value]:
    """x normalised for each channel over all else; the means, and the variances for running estimates (unbiased)."""
    _need_channels(F, "batch_norm", x)
    axes = [a for a in range(x.rank) if a != 1]
    count = F.cast(F.value(product([x.dims[a] for a in axes])), x.type.dtype)
    mean = F.div(F.reduce("sum", x, axes, keepdims=True), count)
    centered = F.sub(x, mean)
    squares = F.reduce("sum", F.square(centered), axes, keepdims=True)
    normal = F.div(centered, F.sqrt(F.add(F.div(squares, count), eps)))
    scale = [None if v is None else _along_channels(F, v, x) for v in (weight, bias)]
    unbiased = F.div(F.stop_gradient(squares), F.maximum(F.sub(count, 1.0), 1.0))
    return _scaled(F, normal, *scale), F.squeeze(F.stop_gradient(mean), axes), F.squeeze(unbiased, axes)


def batch_norm_fixed(
    F: Builder, x: Value, mean: Value, variance: Value, weight: Value | None, bias: Value | None, eps: float
) -> Value:
    """x normalised by these means and variances."""
    _need_channels(F, "batch_norm", x)
    m, v, *scale = (None if p is None else _along_channels(F, p, x) for p in (mean, variance, weight, bias))
    normal = F.div(F.sub(x, m), F.sqrt(F.add(v, eps)))
    return _scaled(F, normal, *scale)


def layer_norm(F: Builder, x: Value, weight: Value | None, bias: Value | None, rank: int, eps: float) -> Value:
    """x normalised over its last dimensions."""
    axes = range(x.rank - rank, x.rank)
    count = F.cast(F.value(product([x.dims[a] for a in axes])), x.type.dtype)
    centered = F.sub(x, F.div(F.reduce("sum", x, axes, keepdims=True), count))
    variance = F.div(F.reduce("sum", F.square(centered), axes, keepdims=True), count)
    return _scaled(F, F.div(centered, F.sqrt(F.add(variance, eps))), weight, bias)


def group_norm(F: Builder, x: Value, weight: Value | None, bias: Value | None, groups: int, eps: float) -> Value:
    """x normalised over each group of channels and all that follows."""
    n, channels = x.dims[:2]
    blocks = F.reshape(x, (n, groups, floordiv(channels, groups) * product(x.dims[2:])))
    normal = F.reshape(layer_norm(F, blocks, None, None, 1, eps), x.dims)
    return _scaled(F, normal, *(None if v is None else _along_channels(F, v, x) for v in (weight, bias)))


def attention(F: Builder, query: Value, key: Value, value: Value, mask: Value | None, causal: bool) -> Value:
    """``softmax(q k.T / sqrt(d) + mask) v`` over the last two dimensions; a bool mask says what may be seen."""
    return matmul(F, attention_weights(F, query, key, mask, causal), value)


def attention_weights(F: Builder, query: Value, key: Value, mask: Value | None, causal: bool) -> Value:
    """``softmax(q k.T / sqrt(d) + mask)``."""
    if min(query.rank, key.rank) < 2:
        message = f"attention needs queries and keys of at least two dimensions, got {query.type} and {key.type}"
        raise ShapeError(message, location=F.location)
    scale = F.div(1.0, F.sqrt(F.cast(F.value(query.dims[-1]), query.type.dtype)))
    scores = F.mul(matmul(F, query, F.transpose(key, (*range(key.rank - 2), key.rank - 1, key.rank - 2))), scale)
    if causal:
        seen = F.le(F.iota(dims=(1, scores.dims[-1]), axis=1), F.iota(dims=(scores.dims[-2], 1), axis=0))
        scores = F.select(seen, scores, -math.inf)
    if mask is not None:
        scores = F.add(scores, mask) if mask.type.is_float else F.select(mask, scores, -math.inf)
    return softmax(F, scores, -1)


NORMALIZATION = [
    Function("batch_norm", batch_norm),
    Function("batch_norm_fixed", batch_norm_fixed),
    Function("layer_norm", layer_norm),
    Function("group_norm", group_norm),
    Function("scaled_dot_product_attention", attention),
    Function("attention_weights", attention_weights),
]
