"""Schedulers that multiply: the rate after some steps is a factor times the first one."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.optim.lr_scheduler.base import LRScheduler
from graphc.optim.optimizer import Optimizer


class _FactorLR(LRScheduler):
    """``multiple(step)`` times the first rate; a step multiplies by the quotient of two of them."""

    def multiple(self, step: int) -> float:
        raise NotImplementedError

    def rate(self, initial: float, step: int) -> float:
        return initial * self.multiple(step)

    def get_lr(self) -> list[float]:
        now, before = self.multiple(self.last_epoch), self.multiple(self.last_epoch - 1) if self.last_epoch > 0 else 1.0
        change = 1.0 if before in (now, 0.0) else now / before
        return [group["lr"] * change for group in self.optimizer.param_groups]


class StepLR(_FactorLR):
    """The rate times ``gamma`` every ``step_size`` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def multiple(self, step: int) -> float:
        return self.gamma ** (step // self.step_size)


class MultiStepLR(_FactorLR):
    """The rate times ``gamma`` at each of the milestones."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = tuple(sorted(milestones)), gamma
        super().__init__(optimizer, last_epoch)

    def multiple(self, step: int) -> float:
        return self.gamma ** sum(step >= milestone for milestone in self.milestones)


class ExponentialLR(_FactorLR):
    """The rate times ``gamma`` every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def multiple(self, step: int) -> float:
        return self.gamma**step


class ConstantLR(_FactorLR):
    """The rate times ``factor`` for the first ``total_iters`` steps."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1):
        if not 0.0 <= factor <= 1.0:
            raise ValueError(f"ConstantLR: factor={factor} must lie between 0 and 1")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def multiple(self, step: int) -> float:
        return self.factor if step < self.total_iters else 1.0

    def get_lr(self) -> list[float]:
        if self.factor == 0.0 and self.last_epoch == self.total_iters:  # there is nothing to multiply
            return self._by_formula()
        return super().get_lr()


class LinearLR(_FactorLR):
    """A warm-up: from ``start_factor`` to ``end_factor`` times the rate in ``total_iters`` steps."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5,
        last_epoch: int = -1,
    ):  # fmt: skip
        if not 0.0 < start_factor <= 1.0 or not 0.0 <= end_factor <= 1.0:
            message = f"LinearLR: start_factor={start_factor} must lie above 0, end_factor={end_factor} from 0, up to 1"
            raise ValueError(message)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def multiple(self, step: int) -> float:
        share = min(step, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * share


class PolynomialLR(_FactorLR):
    """The rate falls to 0 in ``total_iters`` steps, by this power of what is left of them."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def multiple(self, step: int) -> float:
        return (1.0 - min(step, self.total_iters) / self.total_iters) ** self.power
