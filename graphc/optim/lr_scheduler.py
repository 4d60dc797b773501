"""Learning rates over time: a scheduler sets the ``lr`` of each group from how often its ``step()`` was called."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from typing import Any

from graphc.optim.optimizer import Optimizer


class LRScheduler:
    """The base: ``rate(initial, step)`` is the learning rate after so many calls of ``step()``.

    ``last_epoch`` counts the calls. The rate of each group follows from its rate when the scheduler was made.
    """

    def __init__(self, optimizer: Optimizer):
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = -1
        self.step()

    def rate(self, initial: float, step: int) -> float:
        """The learning rate; to be written by subclasses."""
        raise NotImplementedError

    def step(self) -> None:
        """Count one epoch, or whatever a step is, and set the learning rates."""
        self.last_epoch += 1
        for group, initial in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.rate(initial, self.last_epoch)

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        self.last_epoch, self.base_lrs = state_dict["last_epoch"], list(state_dict["base_lrs"])


class LambdaLR(LRScheduler):
    """The first rate times ``lr_lambda(step)``, a function for all groups or one each: any warm-up, for instance."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any):
        count = len(optimizer.param_groups)
        self._factors: Sequence[Callable[[int], float]] = (
            [lr_lambda] * count if callable(lr_lambda) else list(lr_lambda)
        )
        if len(self._factors) != count:
            raise ValueError(f"{len(self._factors)} functions for {count} parameter groups: give one, or one each")
        super().__init__(optimizer)

    def step(self) -> None:
        """Count one step, and set the learning rates."""
        self.last_epoch += 1
        for group, initial, factor in zip(self.optimizer.param_groups, self.base_lrs, self._factors, strict=True):
            group["lr"] = initial * factor(self.last_epoch)


class StepLR(LRScheduler):
    """The rate times ``gamma`` every ``step_size`` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def rate(self, initial: float, step: int) -> float:
        return initial * self.gamma ** (step // self.step_size)


class MultiStepLR(LRScheduler):
    """The rate times ``gamma`` at each of the milestones."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def rate(self, initial: float, step: int) -> float:
        return initial * self.gamma ** sum(step >= milestone for milestone in self.milestones)


class ExponentialLR(LRScheduler):
    """The rate times ``gamma`` every step."""

    def __init__(self, optimizer: Optimizer, gamma: float):
        self.gamma = gamma
        super().__init__(optimizer)

    def rate(self, initial: float, step: int) -> float:
        return initial * self.gamma**step


class LinearLR(LRScheduler):
    """A warm-up: from ``start_factor`` to ``end_factor`` times the rate in ``total_iters`` steps."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5
    ):
        if not 0.0 < start_factor <= 1.0 or not 0.0 <= end_factor <= 1.0:
            message = f"LinearLR: start_factor={start_factor} must lie above 0, end_factor={end_factor} from 0, up to 1"
            raise ValueError(message)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def rate(self, initial: float, step: int) -> float:
        share = min(step, self.total_iters) / self.total_iters
        return initial * (self.start_factor + (self.end_factor - self.start_factor) * share)


class CosineAnnealingLR(LRScheduler):
    """Half a cosine wave from the rate to ``eta_min`` in ``T_max`` steps, and back (Loshchilov and Hutter, 2017)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, initial: float, step: int) -> float:
        return self.eta_min + (initial - self.eta_min) * (1.0 + math.cos(math.pi * step / self.T_max)) / 2.0


class SequentialLR(LRScheduler):
    """One scheduler after the other: a warm-up and then a cosine wave, for instance.

    >>> w = graphc.tensor([1.0], requires_grad=True)
    >>> optimizer = graphc.optim.SGD([w], lr=1.0)
    >>> parts = graphc.optim.lr_scheduler
    >>> warm_up = parts.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> wave = parts.CosineAnnealingLR(optimizer, T_max=4)
    >>> scheduler = parts.SequentialLR(optimizer, [warm_up, wave], milestones=[2])
    >>> rates = [scheduler.get_last_lr()[0]]
    >>> for _ in range(6):
    ...     scheduler.step()
    ...     rates.append(round(scheduler.get_last_lr()[0], 3))
    >>> rates
    [0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0]

    ``milestones``: the steps at which the second, third, ... scheduler begins, each at its own step 0. Raises
    ``ValueError`` where there is not one milestone less than there are schedulers.
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]):
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(f"{len(schedulers)} schedulers need one milestone less, there are {len(milestones)}")
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        for scheduler in self.schedulers:
            scheduler.last_epoch = -1
        super().__init__(optimizer)

    def step(self) -> None:
        """Count one step, and have the scheduler whose turn it is set the learning rates."""
        self.last_epoch += 1
        self.schedulers[bisect.bisect_right(self.milestones, self.last_epoch)].step()

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on, of all the schedulers."""
        return {**super().state_dict(), "schedulers": [scheduler.state_dict() for scheduler in self.schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        super().load_state_dict(state_dict)
        for scheduler, state in zip(self.schedulers, state_dict["schedulers"], strict=True):
            scheduler.load_state_dict(state)


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
