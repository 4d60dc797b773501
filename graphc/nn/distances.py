"""Distances, and losses made of them, as functions of tensors under PyTorch's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphc.ir.types import is_real_float
from graphc.tensors import library, methods
from graphc.tensors.core import Tensor

_exp, _log, _abs = (methods.BOTH[name] for name in ("exp", "log", "abs"))


def _positive(x: Any) -> Any:
    """``max(0, x)``; at 0 the gradient is that of x, as in PyTorch's losses with a margin."""
    return methods.clamp(x, min=0)


def reduced(losses: Any, reduction: str) -> Any:
    """The mean, the sum, or all of them. Raises ``ValueError`` for another reduction."""
    if reduction == "none":
        return losses
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction={reduction!r}: expected one of mean, sum, none")
    return losses.mean() if reduction == "mean" else losses.sum()


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle along the dimension; each norm counts as at least ``eps``."""
    x1, x2 = library.broadcast_tensors(x1, x2)
    x1, x2 = (x.to(y.dtype) if not is_real_float(x.dtype) else x for x, y in ((x1, x2), (x2, x1)))
    a, b = (methods.clamp(methods.norm(x, 2, dim, True), min=eps) for x in (x1, x2))
    return ((x1 / a) * (x2 / b)).sum(dim)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of the difference, to which ``eps`` is added, along the last dimension."""
    return methods.norm(x1 - x2 + eps, p, -1, keepdim)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """``target * (log(target) - input)``, the input being logarithms; "batchmean": the sum by the batch's size."""
    logs = target if log_target else methods.BOTH["xlogy"](target, target)
    losses = _exp(target) * (target - input) if log_target else logs - target * input
    if reduction == "batchmean":
        return losses.sum() / (input.shape[0] if input.ndim else 1)
    return reduced(losses, reduction)


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Any:
    """``exp(x) - y x``, or without ``log_input`` ``x - y log(x + eps)``; ``full``: with Stirling's approximation."""
    losses = _exp(input) - target * input if log_input else input - target * _log(input + eps)
    if full:
        large: Any = methods.clamp(target, min=1.0)
        stirling = target * _log(large) - target + 0.5 * _log(2.0 * math.pi * large)
        losses = losses + methods.where(target > 1, stirling, 0.0)
    return reduced(losses, reduction)


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """``(log(var) + (x - y)**2 / var) / 2``; no variance counts as less than ``eps``."""
    floor = var + (methods.clamp(var, min=eps) - var).detach()  # the gradient goes to var also below eps
    losses = 0.5 * (_log(floor) + (input - target) ** 2 / floor)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``max(0, -y (a - b) + margin)``."""
    return reduced(_positive(-target * (input1 - input2) + margin), reduction)


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """x where the target is 1, ``max(0, margin - x)`` where it is -1, and both elsewhere."""
    near = methods.where(target == -1, 0.0, input)
    far = methods.where(target == 1, 0.0, methods.clamp(margin - input, min=0.0))
    return reduced(near + far, reduction)


def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """``log(1 + exp(-y x))``."""
    return reduced(methods.softplus(-target * input), reduction)


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1."""
    cosine = cosine_similarity(input1, input2, -1)
    return reduced(methods.where(target == 1, 1.0 - cosine, _positive(cosine - margin)), reduction)


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: str = "mean",
) -> Any:  # fmt: skip
    """``max(0, d(a, p) - d(a, n) + margin)``; ``swap``: with the smaller of d(a, n) and d(p, n)."""
    near: Any = pairwise_distance(anchor, positive, p, eps)
    far: Any = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = methods.BOTH["minimum"](far, pairwise_distance(positive, negative, p, eps))
    return reduced(_positive(near - far + margin), reduction)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        cosine_similarity, pairwise_distance, kl_div, poisson_nll_loss, gaussian_nll_loss, margin_ranking_loss,
        hinge_embedding_loss, soft_margin_loss, cosine_embedding_loss, triplet_margin_loss,
    )
}  # fmt: skip
