"""The optimisers, with PyTorch's names and options."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphc.errors import UnsupportedError
from graphc.optim.optimizer import Optimizer
from graphc.optim.rules import ADAGRAD, ADAM, RMSPROP
from graphc.optim.rules import SGD as SGD_RULE
from graphc.trace.location import user_location


def not_negative(**options: float) -> None:
    """Raise ``ValueError`` for an option below 0."""
    for name, value in options.items():
        if not value >= 0.0:
            raise ValueError(f"invalid {name}: {value}, it must not be negative")


def check_betas(betas: tuple[float, float]) -> None:
    """Raise ``ValueError`` unless each is at least 0 and below 1."""
    if not all(0.0 <= beta < 1.0 for beta in betas):
        raise ValueError(f"invalid betas: {betas}, each must be at least 0 and below 1")


def accepted(*, maximize: bool, differentiable: bool, **ways: bool | None) -> dict[str, Any]:
    """Options that all optimisers have.

    ``ways`` (``foreach``, ``fused``, ``capturable``) say how PyTorch computes a step; here it is one program whatever
    they are. Raises ``UnsupportedError`` for ``differentiable``.
    """
    if differentiable:
        message = (
            "differentiable=True: a step writes over the parameters; write it as a function, and differentiate that"
        )
        raise UnsupportedError(message, location=user_location())
    return {"maximize": maximize, "differentiable": False, **ways}


class SGD(Optimizer):
    """Gradient descent; with momentum, Nesterov's too, and weight decay.

    >>> w = graphc.tensor([1.0], requires_grad=True)
    >>> optimizer = graphc.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    rule = SGD_RULE

    def __init__(  # noqa: PLR0913 - PyTorch's own parameters
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        not_negative(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                                  "nesterov": nesterov, **accepted(maximize=maximize, differentiable=differentiable,
                                                                   foreach=foreach, fused=fused)})  # fmt: skip


class Adam(Optimizer):
    """Adam; weight decay is added to the gradient, or with ``decoupled_weight_decay`` as in ``AdamW``."""

    rule = ADAM

    def __init__(  # noqa: PLR0913 - PyTorch's own parameters
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        not_negative(lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas(betas)
        shared = accepted(maximize=maximize, differentiable=differentiable, foreach=foreach, capturable=capturable,
                          fused=fused)  # fmt: skip
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "decoupled_weight_decay": decoupled_weight_decay,
                                  **shared})  # fmt: skip


class AdamW(Adam):
    """Adam with weight decay of its own: parameters shrink by ``lr * weight_decay`` beside the step."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        **options: Any,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, decoupled_weight_decay=True, **options)


class RMSprop(Optimizer):
    """The gradient divided by the root of its running mean square."""

    rule = RMSPROP

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        not_negative(lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay,
                                  "momentum": momentum, "centered": centered,
                                  **accepted(maximize=maximize, differentiable=differentiable, foreach=foreach,
                                             capturable=capturable)})  # fmt: skip


class Adagrad(Optimizer):
    """The gradient divided by the root of the sum of its squares."""

    rule = ADAGRAD

    def __init__(  # noqa: PLR0913 - PyTorch's own parameters
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        not_negative(lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
                      initial_accumulator_value=initial_accumulator_value)  # fmt: skip
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value,
                                  **accepted(maximize=maximize, differentiable=differentiable, foreach=foreach,
                                             fused=fused)})  # fmt: skip
