"""Several schedulers for one optimizer: one after the other, or all at each step."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

from graphc.optim.lr_scheduler.base import LRScheduler
from graphc.optim.optimizer import Optimizer


def _require_one(schedulers: Sequence[Any], optimizer: Optimizer, what: str) -> None:
    if not schedulers or any(scheduler.optimizer is not optimizer for scheduler in schedulers):
        raise ValueError(f"{what}: expected schedulers of one and the same optimizer")


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

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ):
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(f"{len(schedulers)} schedulers need one milestone less, there are {len(milestones)}")
        _require_one(schedulers, optimizer, "SequentialLR")
        self.optimizer, self._schedulers, self._milestones = optimizer, list(schedulers), list(milestones)
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for scheduler in self._schedulers:
            scheduler.last_epoch = -1
        self._schedulers[0].step()
        self._last_lr = self._schedulers[0].get_last_lr()

    def step(self, epoch: None = None) -> None:
        """Count one step, and have the scheduler whose turn it is set the learning rates."""
        self.last_epoch += 1
        turn = bisect.bisect_right(self._milestones, self.last_epoch)
        begins = turn > 0 and self._milestones[turn - 1] == self.last_epoch
        self._schedulers[turn].step(0 if begins else None)
        self._last_lr = self._schedulers[turn].get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on, of all the schedulers."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        super().load_state_dict(state_dict)
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class ChainedScheduler:
    """All of these schedulers at each step, each acting on what the one before it has made."""

    def __init__(self, schedulers: Sequence[Any], optimizer: Optimizer | None = None):
        self.optimizer = optimizer or schedulers[0].optimizer
        _require_one(schedulers, self.optimizer, "ChainedScheduler")
        self._schedulers = list(schedulers)

    def step(self) -> None:
        """Have all of them take a step."""
        for scheduler in self._schedulers:
            scheduler.step()

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on, of all of them."""
        states = [scheduler.state_dict() for scheduler in self._schedulers]
        return {"_last_lr": self.get_last_lr(), "_schedulers": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)
