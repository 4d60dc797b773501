"""Layers, activations and losses as functions of tensors, under PyTorch's names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.errors import NumberError, ShapeError, UnsupportedError, absent_names
from graphc.ir.types import is_real_float
from graphc.nn import activations, distances, pooling, resizing
from graphc.nn.sizes import Sizes, sizes_of
from graphc.tensors import methods
from graphc.tensors.core import Tensor, record
from graphc.tensors.declaring import one, several
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.memory import settled
from graphc.tensors.modes import no_grad
from graphc.tensors.placing import placed
from graphc.tensors.random import default_generator, drawn, known
from graphc.tensors.recording import now
from graphc.tensors.shaping import one_hot
from graphc.trace.location import user_location

__all__ = [
    "attention_weights",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "group_norm",
    "huber_loss",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "relu",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
]  # fmt: skip

tanh, sigmoid = methods.BOTH["tanh"], methods.BOTH["sigmoid"]
gelu, softplus = methods.gelu, methods.softplus
_RELU, _SILU = methods.BOTH["relu"], one("silu")
LINEAR, DROPOUT = FUNCTIONS["linear"], FUNCTIONS["mul"]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """``max(x, 0)``. (``inplace`` here and in the functions after it: PyTorch's; nothing is written into.)"""
    result: Tensor = _RELU(input)
    return result


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``x * sigmoid(x)``."""
    return _SILU(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where it is positive, else ``negative_slope * x``."""
    return methods.leaky_relu(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, else ``alpha * (exp(x) - 1)``."""
    return methods.elu(input, alpha)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``: (..., n) and (m, n) and (m,) give (..., m)."""
    return record(LINEAR, (input, weight, bias))


def embedding(
    input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """The rows of the weight at these positions; the row ``padding_idx`` gets no gradient.

    ``max_norm``: rows that are used are scaled down before, in the weight, where their ``norm_type``-norm is larger.
    ``scale_grad_by_freq``: the gradient of a row is divided by how often it stands in the input.
    Raises ``UnsupportedError`` for ``sparse``: gradients are dense.
    """
    refuse_sparse(sparse)
    if padding_idx is not None and padding_idx < 0:
        padding_idx += weight._kind.shape[0]
    counts: Any = None
    rows: Any = weight
    if max_norm is not None or scale_grad_by_freq:
        places = input.reshape(-1)
        ones = places.detach().to(weight._kind.dtype) * 0 + 1
        counts = (rows[:, 0].detach() * 0).index_add(0, places, ones)
    if max_norm is not None:
        with no_grad():
            norms: Any = methods.norm(weight, norm_type, 1)
            scale = methods.where((norms > max_norm) & (counts > 0), methods.div(max_norm, norms + 1e-7), 1.0)
            weight.mul_(scale.unsqueeze(1))
    rows = record(FUNCTIONS["embedding"], (input, weight), (padding_idx,))
    if not scale_grad_by_freq:
        return rows
    kept = rows.detach()
    share: Any = methods.div(1.0, counts[input])
    return kept + (rows - kept) * share.unsqueeze(-1)  # the very rows, with a share of their gradient


def refuse_sparse(sparse: bool) -> None:
    """Raise ``UnsupportedError`` where sparse gradients are asked for."""
    if sparse:
        message = "sparse=True: gradients are dense here; leave it out (SparseAdam's place takes Adam)"
        raise UnsupportedError(message, location=user_location())


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """``exp(x) / sum(exp(x))`` along the dimension; without one, along the classes of one example, or of a batch."""
    return methods.BOTH["softmax"](input, _of_classes(input) if dim is None else dim, dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """The logarithm of ``softmax``."""
    return methods.BOTH["log_softmax"](input, _of_classes(input) if dim is None else dim, dtype)


def _of_classes(input: Tensor) -> int:
    return 0 if input.ndim in (0, 1, 3) else 1


def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(x))``."""
    return methods.BOTH["neg"](softplus(methods.BOTH["neg"](input)))


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """The tensor divided by its p-norm along the dimension, which counts as at least ``eps``."""
    return methods.div(input, methods.clamp(methods.norm(input, p, dim, keepdim=True), min=eps))


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *,
    generator: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Each element zero with probability p, the others divided by ``1 - p``; the tensor itself when not training.

    ``generator``: where the random numbers come from, else what ``graphc.manual_seed`` begins.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout: the probability must be between 0 and 1, it is {p}")
    if not training or p == 0.0:
        return input
    kind = input._kind
    shape = known(kind.shape)

    def draw() -> Any:
        kept = (generator or default_generator()).random(shape) >= p
        return settled(np.asarray(kept, kind.dtype) * kind.dtype.type(1.0 / (1.0 - p) if p < 1.0 else 0.0))

    factor = drawn(draw, kind.dtype, device=input.device)
    factor._source = lambda: placed(draw(), kind.place)
    return record(DROPOUT, (input, factor))


# --- convolution ------------------------------------------------------------------------------------------------------

_CONVOLUTION = FUNCTIONS["convolution"]


def _convolved(
    count: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sizes,
    padding: Any,
    dilation: Sizes,
    groups: int,
) -> Tensor:
    strides, steps = sizes_of(stride, count), sizes_of(dilation, count)
    if padding == "same":
        if any(s != 1 for s in strides):
            raise ValueError("padding='same' needs stride 1")
        spans = [d * (k - 1) for d, k in zip(steps, weight._kind.shape[2:], strict=True)]
        if any(span % 2 for span in spans):  # the longer end is the last one
            input = resizing.pad(input, [width for span in spans[::-1] for width in (0, span % 2)])
        padding = tuple([span // 2 for span in spans])
    pads = sizes_of(0 if padding == "valid" else padding, count)
    return record(_CONVOLUTION, (input, weight, bias), (strides, pads, steps, int(groups)))


def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1, padding: Any = 0,
    dilation: Sizes = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """(n, c, l) with a weight (o, c / groups, k): (n, o, m). ``padding`` may be "same" or "valid"."""
    return _convolved(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1, padding: Any = 0,
    dilation: Sizes = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """(n, c, h, w) with a weight (o, c / groups, k, l): (n, o, h', w'). ``padding`` may be "same" or "valid"."""
    return _convolved(2, input, weight, bias, stride, padding, dilation, groups)


# --- normalisation, attention -----------------------------------------------------------------------------------------


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalised for each channel: in training by the batch, which moves the running statistics; else by those."""
    if not training and running_mean is not None:
        operands = (input, running_mean, running_var, weight, bias)
        return record(FUNCTIONS["batch_norm_fixed"], operands, (float(eps),))
    shape = input._kind.shape
    if not training:
        raise ValueError("batch_norm: in evaluation it needs running_mean and running_var")
    if not now.recording.traced and math.prod(shape) == shape[1]:
        raise ValueError(f"batch_norm: in training there must be more than one value for each channel, not {shape}")
    result, mean, variance = several("batch_norm", (input, weight, bias), (float(eps),))
    if running_mean is not None and running_var is not None:
        with no_grad():
            for running, new in ((running_mean, mean), (running_var, variance)):
                running.lerp_(new, momentum)
    return result


def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalised over the last dimensions, which have this shape."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if input._kind.shape[len(input._kind.shape) - len(shape) :] != shape:
        raise ShapeError(f"layer_norm over {shape}: the input ends in other sizes, {input._kind.shape}")
    return record(FUNCTIONS["layer_norm"], (input, weight, bias), (len(shape), float(eps)))


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalised over each group of channels."""
    if input._kind.shape[1] % num_groups:
        raise ShapeError(f"group_norm: {input._kind.shape[1]} channels cannot be divided into {num_groups} groups")
    return record(FUNCTIONS["group_norm"], (input, weight, bias), (int(num_groups), float(eps)))


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None,
) -> Tensor:  # fmt: skip
    """``softmax(q k.T / sqrt(d) + mask) v``; a bool mask says what is seen, ``is_causal``: only what came before."""
    if scale is not None:  # the function itself divides by sqrt(d)
        query = methods.BOTH["mul"](query, scale * math.sqrt(query._kind.shape[-1]))
    if dropout_p:
        return methods.BOTH["matmul"](dropout(attention_weights(query, key, attn_mask, is_causal), dropout_p), value)
    operands = (query, key, value, attn_mask)
    return record(FUNCTIONS["scaled_dot_product_attention"], operands, (bool(is_causal),))


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
    """``softmax(q k.T / sqrt(d) + mask)``: how much each query takes of each key."""
    return record(FUNCTIONS["attention_weights"], (query, key, mask), (bool(is_causal),))


# --- losses -----------------------------------------------------------------------------------------------------------

_MSE, _L1, _NLL, _CROSS = (FUNCTIONS[name] for name in ("mse_loss", "l1_loss", "nll_loss", "cross_entropy"))
_REDUCTIONS = ("mean", "sum", "none")


def _checked(reduction: str) -> str:
    if reduction not in _REDUCTIONS:
        raise ValueError(f"reduction={reduction!r}: expected one of {', '.join(_REDUCTIONS)}")
    return reduction


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The square of the difference."""
    return record(_MSE, (input, target), (_checked(reduction),))


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The absolute difference."""
    return record(_L1, (input, target), (_checked(reduction),))


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """``d**2 / (2 beta)`` where the difference d is below beta, else ``|d| - beta / 2``."""
    return record(FUNCTIONS["smooth_l1_loss"], (input, target), (_checked(reduction), float(beta)))


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """``d**2 / 2`` where the difference d is at most delta, else ``delta * (|d| - delta / 2)``."""
    return record(FUNCTIONS["huber_loss"], (input, target), (_checked(reduction), float(delta)))


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """``-input[i, target[i]]`` of logarithms of probabilities, each class with its weight."""
    return record(_NLL, (input, target, weight), (int(ignore_index), _checked(reduction)))


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """``nll_loss`` of ``log_softmax`` over dimension 1; the target: class numbers, or probabilities of the classes."""
    if not 0.0 <= label_smoothing <= 1.0:
        message = f"cross_entropy: label_smoothing must be between 0 and 1, it is {label_smoothing}"
        raise NumberError(message, location=user_location())
    if ignore_index >= 0 and is_real_float(target._kind.dtype) and target._kind.shape == input._kind.shape:
        message = "cross_entropy: ignore_index is for class numbers, the target is of probabilities"
        raise NumberError(message, location=user_location())
    statics = (int(ignore_index), _checked(reduction), float(label_smoothing))
    return record(_CROSS, (input, target, weight), statics)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """``-(y log s + (1 - y) log(1 - s))`` for s the sigmoid of the input, without overflow."""
    operands = (input, target, weight, pos_weight)
    return record(FUNCTIONS["binary_cross_entropy_with_logits"], operands, (_checked(reduction),))


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """``-(y log x + (1 - y) log(1 - x))`` of probabilities x; the logarithms are no lower than -100."""
    return record(FUNCTIONS["binary_cross_entropy"], (input, target, weight), (_checked(reduction),))


for _room in (activations, distances, pooling, resizing):
    globals().update(_room.FUNCTIONS)
__getattr__ = absent_names(__name__, globals())
