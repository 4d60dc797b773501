"""What the rarer optimisers do to one parameter: see ``rules``."""

from __future__ import annotations

import math
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.optim.rules import Options, Rule, directed, in_dtype
from graphc.tensors.functions.function import Function

_DECAYS = ("weight_decay", "decoupled_weight_decay", "maximize")


def _decayed(F: Builder, p: Value, g: Value, decay: Any, flags: tuple[bool, ...]) -> tuple[Value, Value]:
    """The parameter and the gradient downhill, one of them with weight decay."""
    decays, decoupled, maximize = flags
    g = directed(F, p, g, decay if decays and not decoupled else None, maximize)
    return (F.mul(p, decay) if decays and decoupled else p), g


def _decay(options: Options) -> float:
    """What ``_decayed`` is given."""
    decay = float(options["weight_decay"])
    return 1.0 - float(options["lr"]) * decay if options["decoupled_weight_decay"] else decay


def _moments(F: Builder, g: Value, m: Value, v: Value, share1: Value, keep2: Value, share2: Value) -> tuple[Value, ...]:
    return F.add(m, F.mul(share1, F.sub(g, m))), F.add(F.mul(keep2, v), F.mul(share2, F.square(g)))


# --- NAdam, RAdam -----------------------------------------------------------------------------------------------------


def nadam(F: Builder, p: Value, g: Value, m: Value, v: Value, *rest: Any) -> tuple[Value, ...]:
    """Adam with Nesterov's momentum (Dozat, 2016)."""
    *numbers, decays, decoupled, maximize = rest
    by_g, by_m, root, share1, keep2, share2, eps, decay = in_dtype(F, p, *numbers)
    p, g = _decayed(F, p, g, decay, (decays, decoupled, maximize))
    m, v = _moments(F, g, m, v, share1, keep2, share2)
    spread = F.add(F.div(F.sqrt(v), root), eps)
    return F.sub(F.sub(p, F.div(F.mul(by_g, g), spread)), F.div(F.mul(by_m, m), spread)), m, v


def _momentum(options: Options, step: int) -> float:
    return options["betas"][0] * (1.0 - 0.5 * 0.96 ** (step * options["momentum_decay"]))


def _nadam_numbers(options: Options, step: int, product: float) -> tuple[float, ...]:
    beta1, beta2 = options["betas"]
    lr, now, following = float(options["lr"]), _momentum(options, step), _momentum(options, step + 1)
    product *= now
    by_g, by_m = lr * (1.0 - now) / (1.0 - product), lr * following / (1.0 - product * following)
    root = math.sqrt(1.0 - beta2**step)
    return by_g, by_m, root, 1.0 - beta1, float(beta2), 1.0 - beta2, float(options["eps"]), _decay(options)


NADAM = Rule(
    Function("nadam_step", nadam, "nothing", differentiable=False),
    lambda o: ("exp_avg", "exp_avg_sq"),
    _nadam_numbers,
    lambda o, step, product: tuple([bool(o[name]) for name in _DECAYS]),
    counters=("mu_product",),
    begin=lambda o: (1.0,),
    advance=lambda o, step, product: (product * _momentum(o, step),),
)


def radam(F: Builder, p: Value, g: Value, m: Value, v: Value, *rest: Any) -> tuple[Value, ...]:
    """Adam that divides by the spread only where enough steps tell it (Liu et al., 2020)."""
    *numbers, decays, decoupled, maximize, is_known = rest
    size, share1, keep2, share2, eps, decay = in_dtype(F, p, *numbers)
    p, g = _decayed(F, p, g, decay, (decays, decoupled, maximize))
    m, v = _moments(F, g, m, v, share1, keep2, share2)
    step = F.mul(size, m)
    return F.sub(p, F.div(step, F.add(F.sqrt(v), eps)) if is_known else step), m, v


def _freedom(beta2: float, step: int) -> tuple[float, float]:
    """The length of the moving average: in the long run, and now."""
    most = 2.0 / (1.0 - beta2) - 1.0
    return most, most - 2.0 * step * beta2**step / (1.0 - beta2**step)


def _radam_numbers(options: Options, step: int) -> tuple[float, ...]:
    beta1, beta2 = options["betas"]
    most, now = _freedom(beta2, step)
    size = float(options["lr"]) / (1.0 - beta1**step)
    if now > 5.0:
        share = (now - 4.0) * (now - 2.0) * most / ((most - 4.0) * (most - 2.0) * now)
        size *= math.sqrt(share * (1.0 - beta2**step))
    return size, 1.0 - beta1, float(beta2), 1.0 - beta2, float(options["eps"]), _decay(options)


RADAM = Rule(
    Function("radam_step", radam, "nothing", differentiable=False),
    lambda o: ("exp_avg", "exp_avg_sq"),
    _radam_numbers,
    lambda o, step: (*[bool(o[name]) for name in _DECAYS], _freedom(o["betas"][1], step)[1] > 5.0),
)


# --- Adadelta, Adamax -------------------------------------------------------------------------------------------------


def adadelta(F: Builder, p: Value, g: Value, square: Value, moved: Value, *rest: Any) -> tuple[Value, ...]:
    """Steps as long as the last ones were, by the root of their running mean square (Zeiler, 2012)."""
    *numbers, decays, maximize = rest
    lr, keep, share, eps, decay = in_dtype(F, p, *numbers)
    g = directed(F, p, g, decay if decays else None, maximize)
    square = F.add(F.mul(keep, square), F.mul(share, F.square(g)))
    step = F.mul(F.div(F.sqrt(F.add(moved, eps)), F.sqrt(F.add(square, eps))), g)
    return F.sub(p, F.mul(lr, step)), square, F.add(F.mul(keep, moved), F.mul(share, F.square(step)))


ADADELTA = Rule(
    Function("adadelta_step", adadelta, "nothing", differentiable=False),
    lambda o: ("square_avg", "acc_delta"),
    lambda o, step: (float(o["lr"]), float(o["rho"]), 1.0 - o["rho"], float(o["eps"]), float(o["weight_decay"])),
    lambda o, step: (bool(o["weight_decay"]), bool(o["maximize"])),
)


def adamax(F: Builder, p: Value, g: Value, m: Value, largest: Value, *rest: Any) -> tuple[Value, ...]:
    """Adam with the largest gradient, slowly forgotten, in place of the root (Kingma and Ba, 2015)."""
    *numbers, decays, maximize = rest
    size, share1, keep2, eps, decay = in_dtype(F, p, *numbers)
    g = directed(F, p, g, decay if decays else None, maximize)
    m = F.add(m, F.mul(share1, F.sub(g, m)))
    largest = F.maximum(F.mul(keep2, largest), F.add(F.abs(g), eps))
    return F.sub(p, F.div(F.mul(size, m), largest)), m, largest


def _adamax_numbers(options: Options, step: int) -> tuple[float, ...]:
    beta1, beta2 = options["betas"]
    size = float(options["lr"]) / (1.0 - beta1**step)
    return size, 1.0 - beta1, float(beta2), float(options["eps"]), float(options["weight_decay"])


ADAMAX = Rule(
    Function("adamax_step", adamax, "nothing", differentiable=False),
    lambda o: ("exp_avg", "exp_inf"),
    _adamax_numbers,
    lambda o, step: (bool(o["weight_decay"]), bool(o["maximize"])),
)


# --- ASGD, Rprop ------------------------------------------------------------------------------------------------------


def asgd(F: Builder, p: Value, g: Value, mean: Value, *rest: Any) -> tuple[Value, ...]:
    """Gradient descent, beside it the mean of the parameters (Polyak and Juditsky, 1992)."""
    *numbers, decays, maximize, averages = rest
    rate, keep, share, decay = in_dtype(F, p, *numbers)
    g = directed(F, p, g, decay if decays else None, maximize)
    p = F.sub(F.mul(p, keep), F.mul(rate, g))
    return p, F.add(mean, F.mul(share, F.sub(p, mean))) if averages else F.positive(p)


def _asgd_rates(options: Options, step: int, rate: float, share: float) -> tuple[float, float]:
    lr, lambd = float(options["lr"]), options["lambd"]
    return lr / (1.0 + lambd * lr * step) ** options["alpha"], 1.0 / max(1.0, step - options["t0"])


AVERAGED = Rule(
    Function("asgd_step", asgd, "nothing", differentiable=False),
    lambda o: ("ax",),
    lambda o, step, rate, share: (rate, 1.0 - o["lambd"] * rate, share, float(o["weight_decay"])),
    lambda o, step, rate, share: (bool(o["weight_decay"]), bool(o["maximize"]), share != 1.0),
    counters=("eta", "mu"),
    begin=lambda o: (float(o["lr"]), 1.0),
    advance=_asgd_rates,
)


def rprop(F: Builder, p: Value, g: Value, before: Value, size: Value, *rest: Any) -> tuple[Value, ...]:
    """Steps by the sign alone, longer while it stays and shorter where it changes (Riedmiller and Braun, 1993)."""
    *numbers, maximize = rest
    shrink, grow, least, most = in_dtype(F, p, *numbers)
    g = directed(F, p, g, None, maximize)
    agrees = F.mul(g, before)
    turns = F.lt(agrees, 0.0)
    size = F.mul(size, F.select(F.gt(agrees, 0.0), grow, F.select(turns, shrink, F.cast(F.value(1.0), p.type.dtype))))
    size = F.minimum(F.maximum(size, least), most)
    g = F.select(turns, F.cast(F.value(0.0), p.type.dtype), g)
    return F.sub(p, F.mul(F.sign(g), size)), F.positive(g), size


RPROP = Rule(
    Function("rprop_step", rprop, "nothing", differentiable=False),
    lambda o: ("prev", "step_size"),
    lambda o, step: tuple([float(number) for number in (*o["etas"], *o["step_sizes"])]),
    lambda o, step: (bool(o["maximize"]),),
    lambda o, name: float(o["lr"]) if name == "step_size" else 0.0,
)
