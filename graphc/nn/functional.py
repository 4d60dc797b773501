"""Layers, activations and losses as functions of tensors, under PyTorch's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.tensors import methods
from graphc.tensors.core import Tensor, from_array, record
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.memory import settled
from graphc.tensors.random import default_generator
from graphc.tensors.shaping import one_hot

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "dropout", "elu", "embedding", "gelu",
    "huber_loss", "l1_loss", "leaky_relu", "linear", "log_softmax", "logsigmoid", "mse_loss", "nll_loss", "normalize",
    "one_hot", "relu", "sigmoid", "silu", "smooth_l1_loss", "softmax", "softplus", "tanh",
]  # fmt: skip

relu, tanh, sigmoid = (methods.BOTH[name] for name in ("relu", "tanh", "sigmoid"))
gelu, softplus, leaky_relu, elu = methods.gelu, methods.softplus, methods.leaky_relu, methods.elu
silu = methods.one("silu")
LINEAR, DROPOUT = FUNCTIONS["linear"], FUNCTIONS["mul"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``: (..., n) and (m, n) and (m,) give (..., m)."""
    return record(LINEAR, (input, weight, bias))


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of the weight at these positions; the row ``padding_idx`` gets no gradient."""
    if padding_idx is not None and padding_idx < 0:
        padding_idx += weight._kind.shape[0]
    return record(FUNCTIONS["embedding"], (input, weight), (padding_idx,))


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """``exp(x) / sum(exp(x))`` along the dimension."""
    return methods.BOTH["softmax"](input, dim, dtype)


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """The logarithm of ``softmax``."""
    return methods.BOTH["log_softmax"](input, dim, dtype)


def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(x))``."""
    return methods.BOTH["neg"](softplus(methods.BOTH["neg"](input)))


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """The tensor divided by its p-norm along the dimension, which counts as at least ``eps``."""
    return methods.div(input, methods.clamp(methods.norm(input, p, dim, keepdim=True), min=eps))


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, *, generator: np.random.Generator | None = None
) -> Tensor:
    """Each element zero with probability p, the others divided by ``1 - p``; the tensor itself when not training.

    ``generator``: where the random numbers come from, else what ``graphc.manual_seed`` begins.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout: the probability must be between 0 and 1, it is {p}")
    if not training or p == 0.0:
        return input
    kind = input._kind

    def draw() -> Any:
        kept = (generator or default_generator()).random(kind.shape) >= p
        return settled(np.asarray(kept, kind.dtype) * kind.dtype.type(1.0 / (1.0 - p) if p < 1.0 else 0.0))

    factor = from_array(draw())
    factor._source = draw
    return record(DROPOUT, (input, factor))


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
