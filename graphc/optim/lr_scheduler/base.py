"""The base of schedulers: how a step makes the next learning rates of the last ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.optim.optimizer import Optimizer

Factors = Callable[[int], float] | Sequence[Callable[[int], float]]


class LRScheduler:
    """The base. A subclass has ``get_lr()``, the rate of each group after ``last_epoch`` steps, or ``rate``, a formula.

    >>> class Halved(graphc.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [group["lr"] / 2 if self.last_epoch else group["lr"] for group in self.optimizer.param_groups]
    >>> optimizer = graphc.optim.SGD([graphc.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = Halved(optimizer)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]

    A step makes the rates of those that the groups have, so that several schedulers can act on one optimizer.
    ``last_epoch``: the number of the last step where training goes on (the groups then have their ``initial_lr``).
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        self.optimizer = optimizer
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"last_epoch={last_epoch}: parameter group {number} has no 'initial_lr' to go on from")
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._last_lr: list[float] = []
        self.step()

    def rate(self, initial: float, step: int) -> float:
        """The learning rate after so many steps, of one that nothing else changes."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        """The learning rates of the groups after step ``last_epoch``."""
        return self._by_formula()

    def _by_formula(self) -> list[float]:
        return [self.rate(initial, self.last_epoch) for initial in self.base_lrs]

    def step(self, epoch: Any = None) -> None:
        """Count one epoch, or whatever a step is, and set the learning rates; ``epoch``: go to this one."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        has_formula = type(self).rate is not LRScheduler.rate
        self._set(self._by_formula() if epoch is not None and has_formula else self.get_lr())

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = list(rates)

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group, as this scheduler has set it."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on: all numbers, under PyTorch's names. Functions are not saved."""
        return {name: list(value) if isinstance(value, list) else value
                for name, value in self.__dict__.items() if _is_saved(value)}  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state, of this library or of PyTorch."""
        for name, value in state_dict.items():
            if name in self.__dict__ and _is_saved(self.__dict__[name]):
                setattr(self, name, list(value) if isinstance(value, list) else value)


def _is_saved(value: Any) -> bool:
    number = (int, float, str, type(None))
    return isinstance(value, number) or (isinstance(value, list) and all(isinstance(part, number) for part in value))


def one_each(functions: Any, count: int) -> Sequence[Callable[[int], float]]:
    """A function for each of the groups. Raises ``ValueError`` for another number of them."""
    found = [functions] * count if callable(functions) else list(functions)
    if len(found) != count:
        raise ValueError(f"{len(found)} functions for {count} parameter groups: give one, or one each")
    return found


class LambdaLR(LRScheduler):
    """The first rate times ``lr_lambda(step)``, a function for all groups or one each: any warm-up, for instance."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Factors, last_epoch: int = -1):
        self._factors = one_each(lr_lambda, len(optimizer.param_groups))
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        pairs = zip(self.base_lrs, self._factors, strict=True)
        return [initial * factor(self.last_epoch) for initial, factor in pairs]


class MultiplicativeLR(LRScheduler):
    """The rate times ``lr_lambda(step)`` at each step, a function for all groups or one each."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Factors, last_epoch: int = -1):
        self._factors = one_each(lr_lambda, len(optimizer.param_groups))
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        rates = [group["lr"] for group in self.optimizer.param_groups]
        if self.last_epoch <= 0:
            return rates
        return [rate * factor(self.last_epoch) for rate, factor in zip(rates, self._factors, strict=True)]
