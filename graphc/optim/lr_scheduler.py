"""Learning rates over time: a scheduler sets the ``lr`` of each group from how often its ``step()`` was called."""

from __future__ import annotations

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
