"""L-BFGS: steps along the gradient times an inverse Hessian that is made of the last changes of both.

J. Nocedal and S. Wright, Numerical Optimization, 2006, algorithms 7.4 and 7.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from graphc.errors import AutogradError
from graphc.optim.line_search import Point, strong_wolfe
from graphc.optim.optimizer import Optimizer, parameters_of
from graphc.tensors.core import Tensor, flush
from graphc.tensors.lending import store
from graphc.tensors.memory import settled
from graphc.tensors.modes import enable_grad
from graphc.tensors.placing import on_host, placed
from graphc.tensors.recording import now
from graphc.trace.location import user_location

Closure = Callable[[], Any]
State = dict[str, Any]
_CURVED = 1e-10  # a pair of changes whose product is no larger would not make a positive definite matrix


class LBFGS(Optimizer):
    """L-BFGS with PyTorch's options: ``step(closure)`` takes up to ``max_iter`` steps of the whole batch.

    >>> w = graphc.tensor([-1.5, 2.0], requires_grad=True)
    >>> optimizer = graphc.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(4):
    ...     loss = optimizer.step(closure)
    >>> closure().item() < 1e-8
    True

    Args:
        params: tensors, in one group.
        lr: the length of a step; of the first one that a line search tries.
        max_iter: steps in one call of ``step``. max_eval: evaluations of the closure in it (1.25 times ``max_iter``).
        tolerance_grad: stop where no element of the gradient is larger.
        tolerance_change: stop where neither the loss nor a parameter changes by more.
        history_size: how many changes are kept.
        line_search_fn: None, or ``"strong_wolfe"``, which is slower by a step and far more robust.
    Raises: ``ValueError`` for several groups or another line search. ``step``: ``AutogradError`` without a closure.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f"line_search_fn={line_search_fn!r}: it is None or 'strong_wolfe'")
        if not lr >= 0.0:
            raise ValueError(f"invalid lr: {lr}, it must not be negative")
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        })  # fmt: skip
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS has one group of parameters: it computes one step length for all of them")

    def step(self, closure: Closure | None = None) -> Any:
        """Take steps until one of the limits is met; the loss before the first.

        ``closure``: clears the gradients, computes loss and gradients, and returns the loss; it is called many times.
        """
        if closure is None:
            message = "LBFGS.step needs a closure that clears the gradients, computes them, and returns the loss"
            raise AutogradError(message, location=user_location())
        parameters = parameters_of(self.param_groups)
        state = self.state.setdefault(parameters[0], {"func_evals": 0, "n_iter": 0})
        return _Run(parameters, self.param_groups[0], state, closure).run()

    def saved_state(self, state: Mapping[str, Any]) -> State:
        return dict(state)

    def own_state(self, state: Mapping[str, Any], parameter: Tensor) -> State:
        """Arrays as vectors, numbers as they are: also of PyTorch's tensors."""
        return {name: [_plain(v) for v in value] if isinstance(value, list) else _plain(value)
                for name, value in state.items()}  # fmt: skip


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    array = np.array(on_host(value) if isinstance(value, Tensor) else value)
    return array if array.ndim else array.item()


class _Run:
    """One call of ``step``: ``loss`` and ``gradient`` are those where the parameters are now."""

    def __init__(self, parameters: list[Tensor], options: Mapping[str, Any], state: State, closure: Closure):
        self.parameters, self.options, self.state, self.closure = parameters, options, state, closure
        self.evaluations = 0
        self.loss, self.gradient = 0.0, np.empty(0)

    def run(self) -> Any:
        """The steps; the loss before the first."""
        options, state = self.options, self.state
        first = self._evaluate()
        for count in range(1, options["max_iter"] + 1):
            if np.max(np.abs(self.gradient)) <= options["tolerance_grad"]:
                break
            state["n_iter"] += 1
            direction = state["d"] = self._direction()
            state["prev_flat_grad"], state["prev_loss"] = self.gradient, self.loss
            length = options["lr"]
            if state["n_iter"] == 1:
                length *= min(1.0, 1.0 / float(np.sum(np.abs(self.gradient))))
            state["t"] = length
            slope = float(self.gradient @ direction)
            if slope > -options["tolerance_change"]:
                break
            self._move(direction, length, slope, is_last=count == options["max_iter"])
            if self.evaluations >= options["max_eval"] or self._stands_still(direction):
                break
        return first

    def _stands_still(self, direction: np.ndarray) -> bool:
        tolerance, state = self.options["tolerance_change"], self.state
        moved = float(np.max(np.abs(direction * direction.dtype.type(state["t"]))))
        return moved <= tolerance or abs(self.loss - state["prev_loss"]) < tolerance

    def _move(self, direction: np.ndarray, length: float, slope: float, *, is_last: bool) -> None:
        """Step along the direction; without a line search the last step's loss is not computed."""
        start = [on_host(p) for p in self.parameters]
        if self.options["line_search_fn"] is None:
            self._place(start, direction, length)
            if not is_last:
                self._evaluate()
            return

        def evaluate(step: float) -> tuple[float, np.ndarray]:
            self._place(start, direction, step)
            self._evaluate()
            return self.loss, self.gradient

        most = self.options["max_eval"] - self.evaluations
        begin = Point(0.0, self.loss, self.gradient, slope)
        found, _ = strong_wolfe(evaluate, direction, begin, length, self.options["tolerance_change"], most)
        self.loss, self.gradient, self.state["t"] = found.loss, found.gradient, found.step
        self._place(start, direction, found.step)

    def _direction(self) -> np.ndarray:
        """Minus the inverse Hessian times the gradient, after taking the last changes in."""
        state, gradient = self.state, self.gradient
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -gradient
        changes, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
        change, step = gradient - state["prev_flat_grad"], state["d"] * gradient.dtype.type(state["t"])
        product = float(change @ step)
        if product > _CURVED:
            if len(changes) == self.options["history_size"]:
                del changes[0], steps[0], inverses[0]
            changes.append(change)
            steps.append(step)
            inverses.append(1.0 / product)
            state["H_diag"] = product / float(change @ change)
        q, shares = -gradient, [0.0] * len(changes)
        for k in reversed(range(len(changes))):
            shares[k] = float(steps[k] @ q) * inverses[k]
            q = q - q.dtype.type(shares[k]) * changes[k]
        r = q * q.dtype.type(state["H_diag"])
        for k, share in enumerate(shares):
            r = r + r.dtype.type(share - float(changes[k] @ r) * inverses[k]) * steps[k]
        return r

    def _evaluate(self) -> Any:
        """What the closure returns; ``loss`` and ``gradient`` of where the parameters are."""
        with enable_grad():
            loss = self.closure()
        if now.recording.refs:
            flush(now.recording)
        self.loss, self.gradient = float(loss), np.concatenate([_gradient(p) for p in self.parameters])
        self.evaluations += 1
        self.state["func_evals"] += 1
        return loss

    def _place(self, start: list[Any], direction: np.ndarray, length: float) -> None:
        """Put the parameters at a step from ``start``; those that are frozen, or not in the loss, stay as they are."""
        first = 0
        for parameter, values in zip(self.parameters, start, strict=True):
            piece = direction[first : first + values.size].reshape(values.shape)
            first += values.size
            if parameter._grad is not None and parameter.requires_grad:
                moved = values + values.dtype.type(length) * piece.astype(values.dtype, copy=False)
                store(parameter, placed(settled(np.asarray(moved)), parameter._kind.place))


def _gradient(parameter: Tensor) -> np.ndarray:
    """The gradient as a vector; zeros where there is none."""
    if parameter._grad is None or not parameter.requires_grad:
        kind = parameter._kind
        return np.zeros(int(np.prod(kind.shape, dtype=int)), kind.dtype)
    return np.ravel(on_host(parameter._grad))
