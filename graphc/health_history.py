"""The gradients of a model over its training: numbers, and a picture of them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from graphc.health import Diagnosis, diagnose

if TYPE_CHECKING:
    from graphc.optim.optimizer import Optimizer

MOST_LINES = 12  # in one picture: those with the largest changes over time


class GradientHistory:
    """Keeps what ``graphc.diagnose`` finds, step by step.

    >>> model = graphc.nn.Linear(3, 1)
    >>> optimizer = graphc.optim.SGD(model.parameters(), lr=0.1)
    >>> history = graphc.GradientHistory(model, optimizer)
    >>> for _ in range(5):
    ...     optimizer.zero_grad()
    ...     model(graphc.ones(4, 3)).square().sum().backward()
    ...     found = history.record()
    ...     optimizer.step()
    >>> len(history.norms["weight"])
    5
    >>> history.save_png("gradients.png")  # doctest: +SKIP

    ``norms`` and ``update_ratios``: for each parameter a list with a number for each recorded step, None where there
    was none. ``every``: record only each so-many-th call, since looking at all gradients takes time.
    """

    def __init__(self, model: Any, optimizer: Optimizer | None = None, *, every: int = 1):
        if every < 1:
            raise ValueError(f"every={every}: it counts from 1")
        self.model, self.optimizer, self.every = model, optimizer, every
        self.steps: list[int] = []
        self.norms: dict[str, list[float | None]] = {}
        self.update_ratios: dict[str, list[float | None]] = {}
        self.problems: list[tuple[int, str, str]] = []  # step, parameter, status
        self._calls = 0

    def record(self) -> Diagnosis | None:
        """Look at the gradients, between ``backward()`` and ``step()``; None where it was not its turn."""
        self._calls += 1
        if (self._calls - 1) % self.every:
            return None
        found = diagnose(self.model, optimizer=self.optimizer)
        self.steps.append(self._calls)
        for p in found.parameters:
            self.norms.setdefault(p.name, []).append(p.norm)
            self.update_ratios.setdefault(p.name, []).append(p.update_ratio)
        self.problems += [(self._calls, p.name, p.status) for p in found.problems]
        return found

    def to_json(self) -> str:
        """Everything as one JSON object."""
        return json.dumps({"steps": self.steps, "norms": self.norms, "update_ratios": self.update_ratios,
                           "problems": self.problems})  # fmt: skip

    def save_png(self, path: str | os.PathLike[str]) -> None:
        """A picture of the norms of the gradients over the steps, and of what share of the parameters steps change.

        Raises ``ImportError`` without matplotlib.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError:
            message = "GradientHistory.save_png needs matplotlib: pip install 'graphc[training]'"
            raise ImportError(message) from None
        panels = [("norm of the gradient", self.norms)]
        if any(x is not None for line in self.update_ratios.values() for x in line):
            panels.append(("update / weight", self.update_ratios))
        figure = Figure(figsize=(9, 3.5 * len(panels)), layout="constrained")
        colours = {name: f"C{k}" for k, name in enumerate(self.norms)}
        for axes, (title, lines) in zip(figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
            for name in sorted(lines, key=lambda name: -_spread(lines[name]))[:MOST_LINES]:
                heights = [float("nan") if x is None else x for x in lines[name]]
                axes.plot(self.steps, heights, color=colours[name], label=name, linewidth=1)
            axes.set(title=title, xlabel="step", yscale="log")
            axes.legend(fontsize="x-small", ncols=2)
        figure.savefig(path, dpi=120)


def _spread(line: list[float | None]) -> float:
    """By what factor the numbers of a line differ; 0 where there are none."""
    known = [x for x in line if x is not None and x > 0.0]
    return max(known) / min(known) if known else 0.0
