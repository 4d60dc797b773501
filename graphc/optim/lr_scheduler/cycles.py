"""Schedulers that go up and down: cosine waves, triangles, one cycle."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from graphc.optim.lr_scheduler.base import LRScheduler
from graphc.optim.optimizer import Optimizer

Rates = float | Sequence[float]


class CosineAnnealingLR(LRScheduler):
    """Half a cosine wave from the rate to ``eta_min`` in ``T_max`` steps, and back (Loshchilov and Hutter, 2017)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, initial: float, step: int) -> float:
        return self.eta_min + (initial - self.eta_min) * self._height(step)

    def _height(self, step: int) -> float:
        return (1.0 + math.cos(math.pi * step / self.T_max)) / 2.0

    def get_lr(self) -> list[float]:
        step, groups = self.last_epoch, self.optimizer.param_groups
        if step <= 0:
            return [group["lr"] for group in groups]
        if (step - 1) % (2 * self.T_max) == self.T_max:  # from the lowest rate no factor leads up
            pairs = zip(groups, self.base_lrs, strict=True)
            return [group["lr"] + (initial - self.eta_min) * self._height(step) for group, initial in pairs]
        change = self._height(step) / self._height(step - 1)
        return [self.eta_min + (group["lr"] - self.eta_min) * change for group in groups]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine wave to ``eta_min`` in ``T_0`` steps, then from the start again in ``T_mult`` times as many.

    ``step(epoch)`` may be given parts of an epoch, ``epoch + batch / batches``.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ):  # fmt: skip
        if T_0 <= 0 or not isinstance(T_0, int) or T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"CosineAnnealingWarmRestarts: T_0={T_0} and T_mult={T_mult} must be ints above 0")
        self.T_0, self.T_i, self.T_mult, self.eta_min = T_0, T_0, T_mult, eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        height = (1.0 + math.cos(math.pi * self.T_cur / self.T_i)) / 2.0
        return [self.eta_min + (initial - self.eta_min) * height for initial in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Count one step, or go to this epoch, and set the learning rates."""
        epoch = self.last_epoch + 1 if epoch is None else epoch
        if epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: epoch={epoch} must not be negative")
        self.T_i, self.T_cur = self.T_0, epoch
        while self.T_cur >= self.T_i:
            self.T_cur, self.T_i = self.T_cur - self.T_i, self.T_i * self.T_mult
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())


class _MomentumLR(LRScheduler):
    """A scheduler that sets momentum, too, with ``cycle_momentum``: ``momentum`` of a group, or ``betas[0]``."""

    cycle_momentum: bool

    def _check_momentum(self, optimizer: Optimizer) -> None:
        if self.cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            name = type(self).__name__
            raise ValueError(
                f"{name}: cycle_momentum=True, and {type(optimizer).__name__} has neither momentum nor betas"
            )

    def _set_momentum(self, values: Sequence[float]) -> None:
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            if "betas" in group:
                group["betas"] = (value, *group["betas"][1:])
            else:
                group["momentum"] = value


def _each(given: Rates, optimizer: Optimizer, name: str) -> list[float]:
    """A number for each group. Raises ``ValueError`` for another number of them."""
    count = len(optimizer.param_groups)
    found: list[Any] = list(given) if isinstance(given, list | tuple) else [given] * count
    if len(found) != count:
        raise ValueError(f"{len(found)} values of {name} for {count} parameter groups: give one, or one each")
    return [float(number) for number in found]


class CyclicLR(_MomentumLR):
    """Up from ``base_lr`` to ``max_lr`` in ``step_size_up`` steps and down again in ``step_size_down`` (Smith, 2017).

    ``mode``: ``"triangular"``; ``"triangular2"``, each cycle half as high; ``"exp_range"``, as high as ``gamma**step``;
    or a ``scale_fn`` of the number of the cycle, or with ``scale_mode="iterations"`` of the step.
    Raises ``ValueError`` for another mode, and for an optimizer without momentum, unless ``cycle_momentum=False``.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self, optimizer: Optimizer, base_lr: Rates, max_lr: Rates, step_size_up: int = 2000,
        step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
        base_momentum: Rates = 0.8, max_momentum: Rates = 0.9, last_epoch: int = -1,
    ):  # fmt: skip
        known: dict[str, tuple[Callable[[float], float], str]] = {
            "triangular": (lambda cycle: 1.0, "cycle"),
            "triangular2": (lambda cycle: 0.5 ** (cycle - 1), "cycle"),
            "exp_range": (lambda step: gamma**step, "iterations"),
        }
        if scale_fn is None and mode not in known:
            raise ValueError(f"CyclicLR: mode={mode!r}: expected one of {', '.join(known)}, or a scale_fn")
        self._scale, self._scale_mode = known[mode] if scale_fn is None else (scale_fn, scale_mode)
        self.cycle_momentum, self.mode, self.gamma = cycle_momentum, mode, gamma
        self._check_momentum(optimizer)
        self.max_lrs, lowest = _each(max_lr, optimizer, "max_lr"), _each(base_lr, optimizer, "base_lr")
        self.total_size = float(step_size_up + (step_size_up if step_size_down is None else step_size_down))
        self.step_ratio = step_size_up / self.total_size
        self.base_momentums = _each(base_momentum, optimizer, "base_momentum")
        self.max_momentums = _each(max_momentum, optimizer, "max_momentum")
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, lowest, strict=True):
                group["lr"] = group["initial_lr"] = rate
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        cycle = math.floor(1.0 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1.0) / (self.step_ratio - 1.0)
        height *= self._scale(cycle if self._scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            pairs = zip(self.base_momentums, self.max_momentums, strict=True)
            self._set_momentum([high - (high - low) * height for low, high in pairs])
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]


class OneCycleLR(_MomentumLR):
    """Up from ``max_lr / div_factor`` to ``max_lr`` in a share ``pct_start`` of the steps, then far down (Smith, 2018).

    Args:
        optimizer: whose learning rates are set. max_lr: the highest rate, of all groups or of each.
        total_steps: how many steps there are; or ``epochs`` and ``steps_per_epoch``.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: momentum goes the other way, from ``max_momentum`` to ``base_momentum`` and back.
        final_div_factor: the last rate is the first one divided by this.
        three_phase: down to the first rate in as many steps as up, then to the last.
    Raises: ``ValueError`` without a number of steps, for another strategy, an optimizer without momentum, and for more
        steps than there are.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - PyTorch's own parameters
        self, optimizer: Optimizer, max_lr: Rates, total_steps: int | None = None, epochs: int | None = None,
        steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
        cycle_momentum: bool = True, base_momentum: Rates = 0.85, max_momentum: Rates = 0.95, div_factor: float = 25.0,
        final_div_factor: float = 1e4, three_phase: bool = False, last_epoch: int = -1,
    ):  # fmt: skip
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
        if anneal_strategy not in ("cos", "linear") or not 0.0 <= pct_start <= 1.0:
            message = f"anneal_strategy={anneal_strategy!r} is 'cos' or 'linear', pct_start={pct_start} from 0 to 1"
            raise ValueError(f"OneCycleLR: {message}")
        self.total_steps = int((epochs or 0) * (steps_per_epoch or 0) if total_steps is None else total_steps)
        self._anneal_func_type, self.cycle_momentum = anneal_strategy, cycle_momentum
        self._check_momentum(optimizer)
        turn = float(pct_start * self.total_steps) - 1.0
        self._ends = [turn, 2.0 * turn, self.total_steps - 1.0] if three_phase else [turn, self.total_steps - 1.0]
        highest = _each(max_lr, optimizer, "max_lr")
        momenta = zip(*(_each(m, optimizer, "momentum") for m in (base_momentum, max_momentum)), strict=True)
        groups = zip(optimizer.param_groups, highest, momenta, strict=True)
        for group, high, (low_momentum, high_momentum) in groups if last_epoch == -1 else ():
            group["initial_lr"] = high / div_factor
            group["max_lr"], group["min_lr"] = high, group["initial_lr"] / final_div_factor
            if cycle_momentum:
                group["base_momentum"], group["max_momentum"] = low_momentum, high_momentum
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: step {step} of {self.total_steps}: there are no more steps")
        phase = next((k for k, end in enumerate(self._ends) if step <= end), len(self._ends) - 1)
        begin = self._ends[phase - 1] if phase else 0.0
        share = (step - begin) / (self._ends[phase] - begin)
        rates, momenta = ["initial_lr", "max_lr", "min_lr"], ["max_momentum", "base_momentum", "max_momentum"]
        if len(self._ends) == 3:
            rates, momenta = ["initial_lr", "max_lr", "initial_lr", "min_lr"], [*momenta, "max_momentum"]
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            self._set_momentum([self._between(g[momenta[phase]], g[momenta[phase + 1]], share) for g in groups])
        return [self._between(group[rates[phase]], group[rates[phase + 1]], share) for group in groups]

    def _between(self, start: Any, end: Any, share: float) -> float:
        if self._anneal_func_type == "linear":
            return start + (end - start) * share
        return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * share))
