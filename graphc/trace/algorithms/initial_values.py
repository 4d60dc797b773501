"""``scipy.integrate``: initial value problems by Dormand and Prince's pair of orders 5 and 4, with dense output.

The steps are SciPy's (``solve_ivp`` with ``method="RK45"``): the same controller, first step and interpolant, so that
the values are. The derivative is that of the steps taken, with their lengths as constants: the discrete adjoint.
Sources: J. R. Dormand, P. J. Prince, J. Comp. Appl. Math. 6 (1980); for the interpolant L. F. Shampine, Math. Comp. 46
(1986);
E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, section II.4, for the control.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from graphc.trace.values import held

_NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0)
_STAGES: tuple[tuple[float, ...], ...] = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
)
_WEIGHTS = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
_ERROR = (-71 / 57600, 0.0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40)
_DENSE = (  # rows: stages; columns: powers 1 to 4 of the place in the step
    (1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432),
    (0.0, 0.0, 0.0, 0.0),
    (0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799),
    (0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072),
    (0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632),
    (0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844),
    (0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423),
)
_SAFETY, _LEAST_FACTOR, _MOST_FACTOR = 0.9, 0.2, 10.0
MAX_STEPS = 100_000


class Control(NamedTuple):
    """How steps are chosen; what they may miss is ``atol + rtol * |y|``."""

    rtol: Any
    atol: Any
    first_step: Any = None
    max_step: Any = np.inf
    max_steps: int = MAX_STEPS


def solve(
    fun: Callable[..., Any], times: Any, y0: Any, *, args: Any = (), rtol: Any = 1e-6, atol: Any = 1e-9,
    first_step: Any = None, max_step: Any = np.inf, max_steps: int = MAX_STEPS,
) -> Any:  # fmt: skip
    """The solution of ``y' = fun(t, y, *args)`` at the times, by Dormand and Prince's method of order 5.

    >>> import graphc.ode
    >>> def decayed(rate, y0):
    ...     return graphc.ode.solve(lambda t, y: -rate * y, np.array([0.0, 1.0, 2.0]), y0)[-1]
    >>> print(np.round([graphc.grad(decayed)(0.5, 3.0), -2 * 3 * np.exp(-0.5 * 2)], 4))
    [-2.2073 -2.2073]

    In a traced function it is a loop of the compiled program, and the gradient is that of the steps which were taken,
    with their lengths as constants (the discrete adjoint); elsewhere it runs as NumPy. For problems that are not stiff.

    Args: fun: ``(t, y, *args) -> dy/dt`` of y's shape. times (m,): rising or falling; y0 holds at the first of them.
        y0: a number or an array of any shape. rtol, atol: the error that a step may have is ``atol + rtol * |y|``.
        first_step, max_step: lengths of steps. max_steps: how many are tried at most.
    Returns: states (m, *y0.shape); NaN from where on the steps ran out, or would be too short for numbers to resolve.
    """
    times, start = np.asarray(times), np.asarray(y0)
    shape = start.shape

    def flat(t: Any, y: Any) -> Any:
        return np.reshape(np.asarray(fun(t, np.reshape(y, shape), *args)), -1)

    control = Control(rtol, atol, first_step, max_step, max_steps)
    found = integrate(flat, times[0], times[-1], np.reshape(_state(start), -1), times, control)
    return np.reshape(found, (len(times), *shape))


def integrate(fun: Callable[[Any, Any], Any], t: Any, t_end: Any, y: Any, times: Any, control: Control) -> Any:
    """The states (m, n) at the m times, from y (n,) at t on; NaN at times that are not reached."""
    found = np.full((len(times), len(y)), np.nan, y.dtype)
    t_end = held(np.where(t_end == t, t + 1.0, t_end))  # with no way to go, a step beyond serves those at its start
    direction = np.where(t_end > t, 1.0, -1.0)
    slope = fun(t, y)
    length = control.first_step
    length = held(_first_step(fun, t, t_end, y, slope, control) if length is None else length * 1.0)
    reached, steps, rejected = 0, 0, False
    while reached < len(times) and steps < control.max_steps and direction * (t_end - t) > 0:
        smallest = 10 * np.abs(np.spacing(t))
        length = np.minimum(np.maximum(length, np.where(rejected, 0.0, smallest)), control.max_step)
        if length < smallest or np.isnan(length):
            break
        rest = np.abs(t_end - t)
        is_last = length >= rest
        step = held(direction * np.minimum(length, rest))
        stages, new = _step(fun, t, y, slope, step)
        scale = control.atol + np.maximum(np.abs(y), np.abs(new)) * control.rtol
        error = _root_mean_square(step * _combined(_ERROR, stages) / scale)
        factor = _SAFETY * np.maximum(error, 1e-300) ** -0.2
        length = np.abs(step)
        if error < 1:
            after = np.where(is_last, t_end, t + step)
            while reached < len(times) and direction * (times[min(reached, len(times) - 1)] - after) <= 0:
                found[reached] = y + step * _interpolated(stages, (times[reached] - t) / step)
                reached += 1
            length *= np.minimum(factor, np.where(rejected, 1.0, _MOST_FACTOR))
            t, y, slope, rejected = after, new, stages[-1], False
        else:
            length *= np.maximum(factor, _LEAST_FACTOR)
            rejected = True
        steps += 1
    return found


def _step(fun: Callable[[Any, Any], Any], t: Any, y: Any, slope: Any, step: Any) -> tuple[list[Any], Any]:
    """The seven slopes of a step, and the state after it, where the last of them is taken."""
    stages = [slope]
    for node, row in zip(_NODES[1:], _STAGES[1:], strict=True):
        stages.append(fun(t + node * step, y + step * _combined(row, stages)))
    new = y + step * _combined(_WEIGHTS, stages)
    stages.append(fun(t + step, new))
    return stages, new


def _combined(weights: Any, stages: list[Any]) -> Any:
    total = 0.0
    for weight, stage in zip(weights, stages, strict=False):
        if weight != 0.0:
            total = total + weight * stage
    return total


def _interpolated(stages: list[Any], place: Any) -> Any:
    """What the state has changed by at this place (0 to 1) in the step, over its length."""
    total = 0.0
    for (a, b, c, d), stage in zip(_DENSE, stages, strict=True):
        if b != 0.0:
            total = total + place * (a + place * (b + place * (c + place * d))) * stage
    return total


def _first_step(fun: Callable[[Any, Any], Any], t: Any, t_end: Any, y: Any, slope: Any, control: Control) -> Any:
    """A first step of the size that the slope and its change suggest."""
    span = np.abs(t_end - t)
    scale = control.atol + np.abs(y) * control.rtol
    size, speed = _root_mean_square(y / scale), _root_mean_square(slope / scale)
    tiny = (size < 1e-5) | (speed < 1e-5)
    trial = np.minimum(np.where(tiny, 1e-6, 0.01 * size / np.where(tiny, 1.0, speed)), span)
    direction = np.where(t_end >= t, 1.0, -1.0)
    ahead = fun(t + trial * direction, y + trial * direction * slope)
    bend = _root_mean_square((ahead - slope) / scale) / trial
    still = (speed <= 1e-15) & (bend <= 1e-15)
    guess = np.where(
        still, np.maximum(1e-6, trial * 1e-3), (0.01 / np.where(still, 1.0, np.maximum(speed, bend))) ** 0.2
    )
    return np.minimum(np.minimum(100 * trial, guess), np.minimum(span, control.max_step))


def _root_mean_square(x: Any) -> Any:
    return np.sqrt(np.mean(np.square(held(x))))


# --- SciPy's forms ----------------------------------------------------------------------------------------------------


def solve_ivp(
    fun: Any, t_span: Any, y0: Any, method: Any = "RK45", t_eval: Any = None, dense_output: bool = False,
    events: Any = None, vectorized: bool = False, args: Any = None, rtol: Any = 1e-3, atol: Any = 1e-6,
    max_step: Any = np.inf, first_step: Any = None,
) -> SimpleNamespace:  # fmt: skip
    """``t`` and ``y`` (n, m) at the times ``t_eval``, which must be given: how many steps there are is not known."""
    if method != "RK45" or dense_output or events is not None:
        raise ValueError(
            "scipy.integrate.solve_ivp of traced values: only method='RK45', without events and dense_output"
        )
    if t_eval is None:
        raise ValueError(
            "scipy.integrate.solve_ivp of traced values needs t_eval=: how many steps it takes, and so the size of its "
            "result, is known only when it runs; for the last state alone t_eval=[t_end]"
        )
    times = np.asarray(t_eval)
    y = _state(y0)
    more = () if args is None else tuple(args)
    control = Control(rtol, atol, first_step, max_step)
    found = integrate(lambda t, y: np.asarray(fun(t, y, *more)), t_span[0] * 1.0, t_span[1] * 1.0, y, times, control)
    return SimpleNamespace(t=times, y=found.T, success=~np.any(np.isnan(found)))


def odeint(func: Any, y0: Any, t: Any, args: Any = (), rtol: Any = None, atol: Any = None, tfirst: bool = False) -> Any:
    """The states (m, n) at the times t, by Dormand and Prince's method: for what is not stiff."""
    times = np.asarray(t)
    function = func if tfirst else (lambda t, y, *more: func(y, t, *more))
    control = Control(1.49012e-8 if rtol is None else rtol, 1.49012e-8 if atol is None else atol)
    return integrate(
        lambda t, y: np.asarray(function(t, y, *args)), times[0] * 1.0, times[-1] * 1.0, _state(y0), times, control
    )


def _state(y0: Any) -> Any:
    y = np.atleast_1d(np.asarray(y0))
    return y if y.dtype.kind == "f" else y.astype(np.float64)


FUNCTIONS = {"scipy.integrate.solve_ivp": solve_ivp, "scipy.integrate.odeint": odeint}
