"""``fit``: the loop over epochs and batches around ``compile_step``, with a progress bar."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.errors import AutogradError
from graphc.optim.compiled import Loss, compile_step
from graphc.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from graphc.optim.optimizer import Optimizer
from graphc.progress import ProgressBar
from graphc.tensors.core import Tensor
from graphc.tensors.creation import as_tensor
from graphc.tensors.random import default_generator
from graphc.trace.location import user_location

Scheduler = LRScheduler | ReduceLROnPlateau


@dataclass
class Fit:
    """What ``fit`` did: ``losses``, the mean of each epoch; how many ``steps`` in how many ``seconds``."""

    losses: list[float] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0


def fit(  # noqa: PLR0913 - what a training is made of
    model: Any,
    loss: Loss,
    optimizer: Optimizer,
    data: Sequence[Any],
    *,
    epochs: int = 1,
    batch_size: int | None = None,
    scheduler: Scheduler | None = None,
    callback: Callable[[int, float], Any] | None = None,
    generator: np.random.Generator | None = None,
    progress: bool | None = None,
) -> Fit:
    """Train a model: epochs of shuffled batches, each one call of a ``compile_step``.

    >>> model = graphc.nn.Linear(2, 1)
    >>> optimizer = graphc.optim.Adam(model.parameters(), lr=0.1)
    >>> x, y = graphc.randn(64, 2), graphc.ones(64, 1)
    >>> fitted = graphc.optim.fit(model, graphc.nn.MSELoss(), optimizer, (x, y), epochs=30, batch_size=16)
    >>> fitted.losses[-1] < 1e-3, fitted.steps
    (True, 120)

    On a terminal a bar shows the steps, the loss (a mean over the epoch so far) and the rate.

    Args:
        model, loss, optimizer: as ``compile_step`` takes them.
        data: the model's inputs and the target, arrays or tensors with one row for each example.
        epochs: how often all of it is seen.
        batch_size: examples in a batch, the last one of an epoch may have fewer; None: all of them.
        scheduler: takes a step after each epoch; a ``ReduceLROnPlateau`` looks at the epoch's mean loss.
        callback: ``callback(epoch, loss)`` after each epoch, from 0 on; where it gives True, the fit ends.
        generator: shuffles; by default that of ``graphc.manual_seed``.
        progress: whether to show the bar; None: where the standard error is a terminal.
    Raises: ``AutogradError`` where the data have different numbers of rows, or none, and what ``compile_step`` raises.
    """
    parts = [part if isinstance(part, Tensor) else as_tensor(part) for part in data]
    count = _rows(parts)
    size = count if batch_size is None else min(batch_size, count)
    step = _step(model, loss, optimizer)
    result, start = Fit(), time.perf_counter()
    with ProgressBar(epochs * math.ceil(count / size), "fit", show=progress) as bar:
        for epoch in range(epochs):
            mean = _epoch(step, parts, count, size, generator or default_generator(), bar)
            result.losses.append(mean)
            if scheduler is not None:
                scheduler.step(*([mean] if isinstance(scheduler, ReduceLROnPlateau) else []))
            if callback is not None and callback(epoch, mean) is True:
                break
    result.steps, result.seconds = bar.done, time.perf_counter() - start
    return result


def _rows(parts: Sequence[Tensor]) -> int:
    """How many rows all of the data have."""
    rows = {part.shape[0] if part.shape else None for part in parts}
    count = next(iter(rows), None)
    if len(rows) != 1 or not count:
        shapes = ", ".join(str(part.shape) for part in parts)
        message = f"fit: the data must have one row for each example, they have the shapes {shapes}"
        raise AutogradError(message, location=user_location())
    return count


def _step(model: Any, loss: Loss, optimizer: Optimizer) -> Callable[..., Tensor]:
    """One step for a batch; of an optimizer that evaluates the loss several times, by its closure."""
    if hasattr(optimizer, "rule"):
        return compile_step(model, loss, optimizer)

    def step(*batch: Tensor) -> Tensor:
        *inputs, target = batch

        def closure() -> Tensor:
            optimizer.zero_grad()
            value = loss(model(*inputs), target)
            value.backward()
            return value

        found: Tensor = optimizer.step(closure)
        return found

    return step


def _epoch(
    step: Callable[..., Tensor], parts: Sequence[Any], count: int, size: int, rng: np.random.Generator,
    bar: ProgressBar,
) -> float:  # fmt: skip
    """All batches once; the mean loss of the examples."""
    total = seen = 0.0
    for chosen in _batches(count, size, rng):
        batch = parts if chosen is None else [part[chosen] for part in parts]
        rows = count if chosen is None else chosen.shape[0]
        total += float(step(*batch)) * rows
        seen += rows
        bar.advance(loss=total / seen)
    return total / seen


def _batches(count: int, size: int, rng: np.random.Generator) -> Iterator[Any]:
    """The rows of each batch as tensors; None: all in their order."""
    if size == count:
        yield None
        return
    order = rng.permutation(count)
    for first in range(0, count, size):
        yield as_tensor(order[first : first + size])
