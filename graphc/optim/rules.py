"""What each optimiser does to one parameter, as functions that are recorded like any other.

A rule's function takes the parameter, its gradient, its states, and numbers that change from step to step; it makes the
new parameter and the new states. The formulas are those of PyTorch's documentation of each optimiser.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.tensors.functions.function import Function

Options = Mapping[str, Any]
Coming = tuple[Any, ...]  # the number of a step, and counters before it


class Rule(NamedTuple):
    """``function``: of the parameter, the gradient, the states and the numbers, with the ``statics`` of the options.

    ``states(options)``: the names of the states, which begin as zeros (``initial(options, name)``: as another number).
    ``numbers(options, step)``: the numbers for the step with this count, the first being 1. ``counters``: the names of
    numbers that a state has beside its count of steps; ``begin(options)`` gives their first values, ``advance`` those
    after a step. ``numbers``, ``statics`` and ``advance`` are given, after the count, their values before the step.
    ``saves_steps``: the count is part of what is saved, as PyTorch has it.
    """

    function: Function
    states: Callable[[Options], tuple[str, ...]]
    numbers: Callable[..., tuple[float, ...]]
    statics: Callable[..., tuple[Any, ...]]
    initial: Callable[[Options, str], float] = lambda options, name: 0.0
    counters: tuple[str, ...] = ()
    begin: Callable[[Options], tuple[float, ...]] = lambda options: ()
    advance: Callable[..., tuple[float, ...]] = lambda options, step: ()
    saves_steps: bool = True

    def first(self, options: Options) -> dict[str, Any]:
        """What a state counts before the first step."""
        return {"step": 0, **dict(zip(self.counters, self.begin(options), strict=True))}

    def coming(self, state: Mapping[str, Any]) -> Coming:
        """The number of the state's next step, and its counters."""
        return state["step"] + 1, *[state[name] for name in self.counters]

    def counted(self, options: Options, coming: Coming) -> dict[str, Any]:
        """What a state counts after this step."""
        return {"step": coming[0], **dict(zip(self.counters, self.advance(options, *coming), strict=True))}


def in_dtype(F: Builder, p: Value, *numbers: Any) -> list[Value]:
    """The numbers in the parameter's dtype. What is computed of them alone is computed before, in double precision."""
    return [F.cast(F.value(number), p.type.dtype) for number in numbers]


def directed(F: Builder, p: Value, g: Value, decay: Any, maximize: bool) -> Value:
    """The gradient downhill, with weight decay as the gradient of ``decay/2 * p**2`` (None: without)."""
    g = F.neg(g) if maximize else g
    return g if decay is None else F.add(g, F.mul(decay, p))


# --- SGD --------------------------------------------------------------------------------------------------------------


def sgd(F: Builder, p: Value, g: Value, *rest: Any) -> tuple[Value, ...]:
    """Gradient descent, with momentum where there is a buffer."""
    *buffers, lr, decay, momentum, share, decays, first, nesterov, maximize = rest
    lr, decay, momentum, share = in_dtype(F, p, lr, decay, momentum, share)
    g = directed(F, p, g, decay if decays else None, maximize)
    if not buffers:
        return (F.sub(p, F.mul(lr, g)),)
    buffer = g if first else F.add(F.mul(momentum, buffers[0]), F.mul(share, g))
    step = F.add(g, F.mul(momentum, buffer)) if nesterov else buffer
    return F.sub(p, F.mul(lr, step)), F.positive(buffer) if first else buffer


SGD = Rule(
    Function("sgd_step", sgd, "nothing", differentiable=False),
    lambda o: ("momentum_buffer",) if o["momentum"] else (),
    lambda o, step: (float(o["lr"]), float(o["weight_decay"]), float(o["momentum"]), 1.0 - o["dampening"]),
    lambda o, step: (bool(o["weight_decay"]), step == 1, bool(o["nesterov"]), bool(o["maximize"])),
    saves_steps=False,
)


# --- Adam, AdamW ------------------------------------------------------------------------------------------------------


def adam(F: Builder, p: Value, g: Value, m: Value, v: Value, *rest: Any) -> tuple[Value, ...]:
    """Moments of the gradient, corrected for their start at 0 (Kingma and Ba, 2015; Loshchilov and Hutter, 2019)."""
    *highest, size, root, share1, keep2, share2, eps, decay, decays, decoupled, maximize = rest
    numbers = in_dtype(F, p, size, root, share1, keep2, share2, eps, decay)
    size, root, share1, keep2, share2, eps, decay = numbers
    g = directed(F, p, g, decay if decays and not decoupled else None, maximize)
    if decays and decoupled:
        p = F.mul(p, decay)
    m = F.add(m, F.mul(share1, F.sub(g, m)))
    v = F.add(F.mul(keep2, v), F.mul(share2, F.square(g)))
    highest = [F.maximum(h, v) for h in highest]
    spread = F.add(F.div(F.sqrt(highest[0] if highest else v), root), eps)
    return F.sub(p, F.div(F.mul(size, m), spread)), m, v, *highest


def _adam_numbers(options: Options, step: int) -> tuple[float, ...]:
    beta1, beta2 = options["betas"]
    lr, decay = float(options["lr"]), float(options["weight_decay"])
    size, root = lr / (1.0 - beta1**step), math.sqrt(1.0 - beta2**step)
    factor = 1.0 - lr * decay if options["decoupled_weight_decay"] else decay
    return size, root, 1.0 - beta1, float(beta2), 1.0 - beta2, float(options["eps"]), factor


ADAM = Rule(
    Function("adam_step", adam, "nothing", differentiable=False),
    lambda o: ("exp_avg", "exp_avg_sq", *["max_exp_avg_sq"] * bool(o["amsgrad"])),
    _adam_numbers,
    lambda o, step: (bool(o["weight_decay"]), bool(o["decoupled_weight_decay"]), bool(o["maximize"])),
)


# --- RMSprop, Adagrad -------------------------------------------------------------------------------------------------


def rmsprop(F: Builder, p: Value, g: Value, square: Value, *rest: Any) -> tuple[Value, ...]:
    """The gradient divided by the root of its running mean square (Hinton, 2012)."""
    *others, lr, keep, share, eps, decay, momentum, decays, centered, moves, maximize = rest
    lr, keep, share, eps, decay, momentum = in_dtype(F, p, lr, keep, share, eps, decay, momentum)
    g = directed(F, p, g, decay if decays else None, maximize)
    square = F.add(F.mul(keep, square), F.mul(share, F.square(g)))
    made, spread = [square], square
    if moves:
        buffer = others.pop(0)
    if centered:
        mean = others.pop(0)
        mean = F.add(mean, F.mul(share, F.sub(g, mean)))
        spread = F.sub(square, F.square(mean))
    step = F.div(g, F.add(F.sqrt(spread), eps))
    if moves:
        step = F.add(F.mul(momentum, buffer), step)
        made.append(step)
    if centered:
        made.append(mean)
    return F.sub(p, F.mul(lr, step)), *made


RMSPROP = Rule(
    Function("rmsprop_step", rmsprop, "nothing", differentiable=False),
    lambda o: ("square_avg", *["momentum_buffer"] * bool(o["momentum"]), *["grad_avg"] * bool(o["centered"])),
    lambda o, step: (
        float(o["lr"]),
        float(o["alpha"]),
        1.0 - o["alpha"],
        float(o["eps"]),
        float(o["weight_decay"]),
        float(o["momentum"]),
    ),
    lambda o, step: (bool(o["weight_decay"]), bool(o["centered"]), bool(o["momentum"]), bool(o["maximize"])),
)


def adagrad(F: Builder, p: Value, g: Value, total: Value, *rest: Any) -> tuple[Value, ...]:
    """The gradient divided by the root of the sum of its squares (Duchi et al., 2011)."""
    *numbers, decays, maximize = rest
    lr, eps, decay = in_dtype(F, p, *numbers)
    g = directed(F, p, g, decay if decays else None, maximize)
    total = F.add(total, F.square(g))
    return F.sub(p, F.mul(lr, F.div(g, F.add(F.sqrt(total), eps)))), total


ADAGRAD = Rule(
    Function("adagrad_step", adagrad, "nothing", differentiable=False),
    lambda o: ("sum",),
    lambda o, step: (
        float(o["lr"]) / (1.0 + (step - 1) * float(o["lr_decay"])),
        float(o["eps"]),
        float(o["weight_decay"]),
    ),
    lambda o, step: (bool(o["weight_decay"]), bool(o["maximize"])),
    lambda o, name: float(o["initial_accumulator_value"]),
)
