"""Losses scaled up before the backward pass, so that small gradients do not vanish in a narrow dtype."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from graphc.errors import AutogradError
from graphc.optim.optimizer import Optimizer, parameters_of
from graphc.tensors.core import Tensor, flush, record
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.memory import change
from graphc.tensors.placing import on_host
from graphc.tensors.recording import now
from graphc.trace.location import user_location

READY, UNSCALED, STEPPED = "ready", "unscaled", "stepped"


class GradScaler:
    """PyTorch's: scales losses, unscales gradients, skips steps whose gradients are not finite, adapts the scale.

    >>> w = graphc.tensor([1.0], requires_grad=True)
    >>> optimizer = graphc.optim.SGD([w], lr=0.25)
    >>> scaler = graphc.amp.GradScaler(init_scale=1024.0)
    >>> scaler.scale((w * w).sum()).backward()
    >>> w.grad
    tensor([2048.])
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> w
    tensor([0.5000], requires_grad=True)

    To clip gradients, call ``scaler.unscale_(optimizer)`` before; ``step`` then does not do it again. For gradients of
    several micro-batches, call ``scale(loss).backward()`` for each, and ``step`` and ``update`` once.

    Args:
        device: ``"cpu"``.
        init_scale: the first scale.
        growth_factor: the scale times this after ``growth_interval`` steps without infinite or NaN gradients.
        backoff_factor: the scale times this after a step with them, which changes no parameter.
        growth_interval: how many steps in a row.
        enabled: False makes all of it do nothing but call the optimizer.
    Raises: ``ValueError`` for another device, or factors on the wrong side of 1.
    """

    def __init__(
        self, device: str = "cpu", init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
        growth_interval: int = 2000, enabled: bool = True,
    ):  # fmt: skip
        if device not in ("cpu", "cuda"):
            raise ValueError(f"GradScaler: the device is 'cpu' or 'cuda', not {device!r}")
        if not growth_factor > 1.0 or not backoff_factor < 1.0:
            raise ValueError(f"GradScaler: growth_factor={growth_factor} must be above 1, "
                             f"backoff_factor={backoff_factor} below")  # fmt: skip
        self._scale, self._growth, self._backoff = float(init_scale), growth_factor, backoff_factor
        self._interval, self._enabled, self._good_steps = growth_interval, enabled, 0
        self._stages: dict[int, str] = {}  # of each optimizer since the last update
        self._found: dict[int, bool] = {}  # whether its gradients were not all finite

    def scale(self, outputs: Any) -> Any:
        """The loss, or each of several in a list or tuple, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return record(FUNCTIONS["mul"], (outputs, self._scale))
        if isinstance(outputs, Iterable):
            return type(outputs)(self.scale(output) for output in outputs)  # type: ignore[call-arg]
        raise TypeError(f"GradScaler.scale takes tensors, not {type(outputs).__name__}")

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divide the gradients of the optimizer's parameters by the scale, in place, once before its ``step``.

        Raises ``AutogradError`` where it was done since the last ``update``.
        """
        if not self._enabled:
            return
        stage = self._stages.get(id(optimizer), READY)
        if stage != READY:
            what = (
                "unscale_() has already been called" if stage == UNSCALED else "unscale_() is being called after step()"
            )
            message = f"{what} on this optimizer since the last update(): call update() once after each step"
            raise AutogradError(message, location=user_location())
        if now.recording.refs:
            flush(now.recording)
        factor, found = 1.0 / self._scale, False
        for parameter in parameters_of(optimizer.param_groups):
            if parameter._grad is not None:
                change(parameter._grad, lambda memory: np.multiply(memory, memory.dtype.type(factor), out=memory))
                found = found or not bool(np.all(np.isfinite(on_host(parameter._grad))))
        self._stages[id(optimizer)], self._found[id(optimizer)] = UNSCALED, found

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """Unscale the gradients if that was not done, and call ``optimizer.step`` unless one is infinite or NaN.

        Returns: what the optimizer's ``step`` does; None where it was skipped. Raises ``AutogradError`` for a closure,
        and where it was called since the last ``update``.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs or args:
            message = "GradScaler.step takes no closure: whether the step is made is known before it"
            raise AutogradError(message, location=user_location())
        if self._stages.get(id(optimizer)) == STEPPED:
            message = "step() has already been called on this optimizer since the last update(): call update() after it"
            raise AutogradError(message, location=user_location())
        if self._stages.get(id(optimizer), READY) == READY:
            self.unscale_(optimizer)
        self._stages[id(optimizer)] = STEPPED
        return None if self._found[id(optimizer)] else optimizer.step()

    def update(self, new_scale: Any = None) -> None:
        """Adapt the scale to what the steps since the last call found; or set it.

        Raises ``AutogradError`` where no gradients were looked at since then.
        """
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._found:
            message = "no gradients were looked at since the last update(): call step(optimizer) or unscale_ before"
            raise AutogradError(message, location=user_location())
        elif any(self._found.values()):
            self._scale, self._good_steps = self._scale * self._backoff, 0
        else:
            self._good_steps += 1
            if self._good_steps == self._interval:
                self._scale, self._good_steps = self._scale * self._growth, 0
        self._stages, self._found = {}, {}

    def get_scale(self) -> float:
        """The scale now; 1.0 where the scaler is not enabled."""
        return self._scale if self._enabled else 1.0

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on, under PyTorch's names."""
        if not self._enabled:
            return {}
        return {"scale": self._scale, "growth_factor": self._growth, "backoff_factor": self._backoff,
                "growth_interval": self._interval, "_growth_tracker": self._good_steps}  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state. Raises ``AutogradError`` for that of a scaler that is not enabled."""
        if not self._enabled:
            return
        if not state_dict:
            message = "the state is empty: it is that of a GradScaler with enabled=False"
            raise AutogradError(message, location=user_location())
        self._scale, self._good_steps = state_dict["scale"], state_dict["_growth_tracker"]
        self._growth, self._backoff = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._interval = state_dict["growth_interval"]
