"""Learning rates that fall where a measure no longer gets better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphc.optim.optimizer import Optimizer


class ReduceLROnPlateau:
    """The rate times ``factor`` where a measure has not become better for more than ``patience`` steps.

    >>> w = graphc.tensor([1.0], requires_grad=True)
    >>> optimizer = graphc.optim.SGD([w], lr=1.0)
    >>> scheduler = graphc.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.1]

    Args:
        optimizer: whose learning rates are set.
        mode: ``"min"``: lower is better; ``"max"``: higher is.
        factor: below 1. patience: how many steps without a better value are accepted.
        threshold: what counts as better: a change by this share of the best value (``threshold_mode="rel"``), or by
            this much (``"abs"``).
        cooldown: steps after a reduction that are not looked at.
        min_lr: no rate goes below: a number, or one for each group. eps: smaller changes of a rate are not made.
    Raises: ``ValueError`` for another mode, or a factor that is not below 1.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10, threshold: float = 1e-4,
        threshold_mode: str = "rel", cooldown: int = 0, min_lr: float | Sequence[float] = 0.0, eps: float = 1e-8,
    ):  # fmt: skip
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs") or not factor < 1.0:
            raise ValueError(f"ReduceLROnPlateau: mode={mode!r} is 'min' or 'max', threshold_mode={threshold_mode!r} "
                             f"'rel' or 'abs', and factor={factor} below 1")  # fmt: skip
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        count = len(optimizer.param_groups)
        self.min_lrs = list(min_lr) if isinstance(min_lr, Sequence) else [float(min_lr)] * count
        if len(self.min_lrs) != count:
            raise ValueError(f"{len(self.min_lrs)} lowest rates for {count} parameter groups: give one, or one each")
        self.best = math.inf if mode == "min" else -math.inf
        self.last_epoch = self.num_bad_epochs = self.cooldown_counter = 0

    def step(self, metrics: Any) -> None:
        """Look at the measure (a number, or a tensor of one element), and reduce the learning rates if it is time."""
        value = float(metrics)
        self.last_epoch += 1
        if self._is_better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, lowest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                rate = max(group["lr"] * self.factor, lowest)
                if group["lr"] - rate > self.eps:
                    group["lr"] = rate
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _is_better(self, value: float) -> bool:
        sign = 1.0 if self.mode == "max" else -1.0
        if self.threshold_mode == "abs":
            return sign * (value - self.best) > self.threshold
        if math.isinf(self.best):
            return value != self.best and not math.isnan(value)
        return sign * (value - self.best * (1.0 + sign * self.threshold)) > 0.0

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on."""
        return {name: getattr(self, name) for name in ("best", "last_epoch", "num_bad_epochs", "cooldown_counter")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        for name in ("best", "last_epoch", "num_bad_epochs", "cooldown_counter"):
            setattr(self, name, state_dict[name])
