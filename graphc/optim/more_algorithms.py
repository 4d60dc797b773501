"""The rarer optimisers, with PyTorch's names and options."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphc.optim.algorithms import accepted, check_betas, not_negative
from graphc.optim.more_rules import ADADELTA, ADAMAX, AVERAGED, NADAM, RADAM, RPROP
from graphc.optim.optimizer import Optimizer


class NAdam(Optimizer):
    """Adam with Nesterov's momentum."""

    rule = NADAM

    def __init__(  # noqa: PLR0913 - PyTorch's own parameters
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        not_negative(lr=lr, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        check_betas(betas)
        shared = accepted(maximize=maximize, differentiable=differentiable, foreach=foreach, capturable=capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                **shared,
            },
        )


class RAdam(Optimizer):
    """Adam that divides by the spread of the gradients only where enough steps tell it."""

    rule = RADAM

    def __init__(  # noqa: PLR0913 - PyTorch's own parameters
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        not_negative(lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas(betas)
        shared = accepted(maximize=maximize, differentiable=differentiable, foreach=foreach, capturable=capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                **shared,
            },
        )


class Adadelta(Optimizer):
    """Steps as long as the last ones were, divided by the spread of the gradients."""

    rule = ADADELTA

    def __init__(  # noqa: PLR0913 - PyTorch's own parameters
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        not_negative(lr=lr, eps=eps, weight_decay=weight_decay)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"invalid rho: {rho}, it must lie between 0 and 1")
        shared = accepted(maximize=maximize, differentiable=differentiable, foreach=foreach, capturable=capturable)
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, **shared})


class Adamax(Optimizer):
    """Adam with the largest gradient, slowly forgotten, in place of the spread."""

    rule = ADAMAX

    def __init__(  # noqa: PLR0913 - PyTorch's own parameters
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        not_negative(lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas(betas)
        shared = accepted(maximize=maximize, differentiable=differentiable, foreach=foreach, capturable=capturable)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  **shared})  # fmt: skip


class ASGD(Optimizer):
    """Gradient descent with falling rates; the mean of the parameters after ``t0`` steps is state ``ax``."""

    rule = AVERAGED

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        not_negative(lr=lr, weight_decay=weight_decay)
        shared = accepted(maximize=maximize, differentiable=differentiable, foreach=foreach, capturable=capturable)
        super().__init__(
            params, {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, **shared}
        )


class Rprop(Optimizer):
    """Steps by the sign of the gradient alone, for whole batches: longer while it stays, shorter where it turns."""

    rule = RPROP

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        not_negative(lr=lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"invalid etas: {etas}, the first must lie between 0 and 1, the second above 1")
        shared = accepted(maximize=maximize, differentiable=differentiable, foreach=foreach, capturable=capturable)
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, **shared})
