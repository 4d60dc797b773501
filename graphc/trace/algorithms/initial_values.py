"""``scipy.integrate``: initial value problems, by explicit Runge-Kutta pairs, Radau's method or BDF, with dense output.

The steps of "RK23", "RK45" and "DOP853" are SciPy's: the same controller, first step and interpolant, so that the
values are. The derivative is that of the steps taken, with their lengths as constants: the discrete adjoint. E. Hairer,
S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, section II.4, for the control.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from graphc.trace.algorithms.arguments import Substitute, refuse
from graphc.trace.algorithms.backward_differences import BackwardDifferences
from graphc.trace.algorithms.events import Events, Happened, happened, none_yet
from graphc.trace.algorithms.runge_kutta import (
    BOGACKI_SHAMPINE,
    DORMAND_PRINCE,
    Radau,
    order_eight,
    root_mean_square,
)
from graphc.trace.values import held

_SAFETY, _LEAST_FACTOR, _MOST_FACTOR = 0.9, 0.2, 10.0
MAX_STEPS = 100_000
ROOM = 10_000  # for the steps themselves, where no times are asked for


class Control(NamedTuple):
    """How steps are chosen; what they may miss is ``atol + rtol * |y|``."""

    rtol: Any
    atol: Any
    first_step: Any = None
    max_step: Any = np.inf
    max_steps: int = MAX_STEPS


class Path(NamedTuple):
    """Where an integration went: ``reached`` of the states (m, n) at the times (m,) are known, the others are NaN."""

    times: Any
    states: Any
    reached: Any
    events: Happened | None
    complete: Any


class Between(NamedTuple):
    """The state at times inside of a step."""

    method: Any
    fun: Any
    t: Any
    y: Any
    new: Any
    step: Any
    stages: Any

    def known(self) -> Callable[[Any], Any]:
        """The state as a function of the time, where more than one is asked for."""
        inside = self.method.between(self.fun, self.t, self.y, self.new, self.step, self.stages)
        return lambda at: inside((at - self.t) / self.step)

    def __call__(self, at: Any) -> Any:
        return self.known()(at)


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
    path = integrate(flat, times[0], times[-1], np.reshape(_state(start), -1), times, control, DORMAND_PRINCE)
    return np.reshape(path.states, (len(times), *shape))


def integrate(fun: Callable[[Any, Any], Any], t: Any, t_end: Any, y: Any, times: Any, control: Control, method: Any,
              events: Events | None = None) -> Path:  # fmt: skip
    """The states at the m times, from y (n,) at t on; without times, after every step."""
    every = times is None
    times, found = _places(times, t, y)
    room = len(times)
    if not every:
        t_end = held(np.where(t_end == t, t + 1.0, t_end))  # no way to go: a step beyond serves the times at its start
    direction = np.where(t_end > t, 1.0, -1.0)
    slope = fun(t, y)
    length = control.first_step
    length = held(_first_step(fun, t, t_end, y, slope, control, method.order) if length is None else length * 1.0)
    past = method.begun(y, slope, held(direction * length)) if _has_past(method) else ()
    reached, steps, rejected = (1 if every else 0), 0, False
    seen, ended = (none_yet(events, t, y) if events is not None else None), False
    while steps < control.max_steps and direction * (t_end - t) > 0 and not ended:
        if reached >= room and events is None:
            break
        smallest = 10 * np.abs(np.spacing(t))
        length = np.minimum(np.maximum(length, np.where(rejected, 0.0, smallest)), control.max_step)
        if length < smallest or np.isnan(length):
            break
        rest = np.abs(t_end - t)
        is_last = length >= rest
        step = held(direction * np.minimum(length, rest))
        new, new_slope, error, stages = _step(method, fun, t, y, slope, step, control, past)
        if error < 1:
            after = np.where(is_last, t_end, t + step)
            last, last_state = after, new
            place = Between(method, fun, t, y, new, step, stages)
            if events is not None and seen is not None:
                seen, ended, cut = happened(events, seen, place, t, after, new, direction)
                last = np.where(ended, cut, after)
                last_state = np.where(ended, place(last), new)
            if every:
                times[min(reached, room - 1)], found[min(reached, room - 1)] = last, last_state
                reached += 1
            else:
                while reached < room and direction * (times[min(reached, room - 1)] - last) <= 0:
                    found[reached] = place(times[reached])
                    reached += 1
            past, factor = _accepted(method, error, stages, past, rejected)
            length = np.abs(step) * factor
            t, y, slope, rejected = after, new, new_slope, False
        else:
            length = np.abs(step) * _rejected(method, error, stages)
            rejected = True
        steps += 1
    complete = (direction * (t_end - t) <= 0) | (reached >= room) | ended
    return Path(times, found, reached, seen, complete)


def _places(times: Any, t: Any, y: Any) -> tuple[Any, Any]:
    """The times, and an array for the states at them; without times room for those of all steps, which begin at t."""
    if times is not None:
        return times, np.full((len(times), len(y)), np.nan, y.dtype)
    times, found = np.full(ROOM, np.nan), np.full((ROOM, len(y)), np.nan, y.dtype)
    times[0], found[0] = t, y
    return times, found


def _has_past(method: Any) -> bool:
    return isinstance(method, BackwardDifferences)


def _step(method: Any, fun: Any, t: Any, y: Any, slope: Any, step: Any, control: Control,
          past: Any) -> tuple[Any, Any, Any, Any]:  # fmt: skip
    if not _has_past(method):
        return method.step(fun, t, y, slope, step, control)
    new, error, taken = method.step(fun, t, step, control, past)
    return new, slope, error, taken


def _accepted(method: Any, error: Any, stages: Any, past: Any, rejected: Any) -> tuple[Any, Any]:
    """The past of the next step, and how many times as long as this one it is."""
    if _has_past(method):
        return method.accepted(stages)
    factor = _SAFETY * np.maximum(error, 1e-300) ** (-1.0 / (method.order + 1))
    return past, np.minimum(factor, np.where(rejected, 1.0, _MOST_FACTOR))


def _rejected(method: Any, error: Any, stages: Any) -> Any:
    if _has_past(method):
        return method.rejected(stages)
    return np.maximum(_SAFETY * np.maximum(error, 1e-300) ** (-1.0 / (method.order + 1)), _LEAST_FACTOR)


def _first_step(
    fun: Callable[[Any, Any], Any], t: Any, t_end: Any, y: Any, slope: Any, control: Control, order: int
) -> Any:
    """A first step of the size that the slope and its change suggest."""
    span = np.abs(t_end - t)
    scale = control.atol + np.abs(y) * control.rtol
    size, speed = root_mean_square(y / scale), root_mean_square(slope / scale)
    tiny = (size < 1e-5) | (speed < 1e-5)
    trial = np.minimum(np.where(tiny, 1e-6, 0.01 * size / np.where(tiny, 1.0, speed)), span)
    direction = np.where(t_end >= t, 1.0, -1.0)
    ahead = fun(t + trial * direction, y + trial * direction * slope)
    bend = root_mean_square((ahead - slope) / scale) / trial
    still = (speed <= 1e-15) & (bend <= 1e-15)
    guess = np.where(
        still,
        np.maximum(1e-6, trial * 1e-3),
        (0.01 / np.where(still, 1.0, np.maximum(speed, bend))) ** (1.0 / (order + 1)),
    )
    return np.minimum(np.minimum(100 * trial, guess), np.minimum(span, control.max_step))


# --- SciPy's forms ----------------------------------------------------------------------------------------------------


class Solution(Substitute):
    """What ``solve_ivp`` gives: ``t`` (m,), ``y`` (n, m), ``t_events`` and ``y_events`` (a list each), ``sol``,
    ``success``."""

    def __init__(self, path: Path, is_cut: bool, sol: Any):
        reached = path.reached
        self.t = path.times[:reached] if is_cut else path.times
        self.y = (path.states[:reached] if is_cut else path.states).T
        self.success, self.sol, self.t_events, self.y_events = path.complete, sol, None, None
        if path.events is not None:
            counts = path.events.counts
            places = range(int(counts.shape[0]))
            self.t_events = [path.events.times[k, : counts[k]] for k in places]
            self.y_events = [path.events.states[k, : counts[k]] for k in places]


class Dense(Substitute):
    """The solution as a function of times in its span: they are reached by an integration of their own, in the same
    steps."""

    def __init__(self, run: Callable[[Any], Path], direction: Any):
        self._run, self._direction = run, direction

    def __call__(self, t: Any) -> Any:
        times = np.asarray(t) * 1.0
        flat = np.reshape(times, -1)
        order = np.argsort(self._direction * flat)
        states = self._run(flat[order]).states[np.argsort(order)]
        return states[0] if times.ndim == 0 else states.T


def solve_ivp(
    fun: Any, t_span: Any, y0: Any, method: Any = "RK45", t_eval: Any = None, dense_output: bool = False,
    events: Any = None, vectorized: bool = False, args: Any = None, *, rtol: Any = 1e-3, atol: Any = 1e-6,
    max_step: Any = np.inf, first_step: Any = None, jac: Any = None,
) -> Solution:  # fmt: skip
    """``t`` and ``y`` (n, m) at the times ``t_eval``, or after every step; at most 10,000 steps then.

    "RK23", "RK45" and "DOP853" take SciPy's steps, "Radau" and "BDF" steps of their own, for stiff equations. Events
    have times and states whose derivatives are those of the solution between the steps.
    """
    more = () if args is None else tuple(args)
    y = _state(y0)

    def slope(t: Any, y: Any) -> Any:
        if vectorized:
            return np.reshape(np.asarray(fun(t, y[:, np.newaxis], *more)), -1)
        return np.asarray(fun(t, y, *more))

    chosen = _method(method, jac, more)
    control = Control(rtol, atol, first_step, max_step)
    start, end = t_span[0] * 1.0, t_span[1] * 1.0
    watched = None
    if events is not None:
        watched = Events(list(events) if isinstance(events, list | tuple) else [events], more)

    def run(times: Any) -> Path:
        return integrate(slope, start, end, y, times, control, chosen)

    times = None if t_eval is None else _times(t_eval, start, end)
    path = integrate(slope, start, end, y, times, control, chosen, watched)
    is_cut = t_eval is None or (watched is not None and watched.can_end())
    return Solution(path, is_cut, Dense(run, np.where(end >= start, 1.0, -1.0)) if dense_output else None)


def _times(t_eval: Any, start: Any, end: Any) -> Any:
    """The times that are asked for. Raises: ValueError, by the program itself: outside of the span, or in no order."""
    times = np.asarray(t_eval) * 1.0
    if times.ndim != 1:
        raise ValueError(f"scipy.integrate.solve_ivp: t_eval of shape {times.shape} is no vector")
    if np.any((times < np.minimum(start, end)) | (times > np.maximum(start, end))):
        raise ValueError("scipy.integrate.solve_ivp: a time of t_eval is not within t_span")
    gaps = np.diff(times)
    if np.any(np.where(end > start, gaps <= 0, (gaps >= 0) & (end < start))):
        raise ValueError("scipy.integrate.solve_ivp: the times of t_eval are not in the order of t_span")
    return times


def _method(name: Any, jac: Any, more: Any) -> Any:
    if name == "RK45":
        return DORMAND_PRINCE
    if name == "RK23":
        return BOGACKI_SHAMPINE
    if name == "DOP853":
        return order_eight()
    if name in ("Radau", "BDF"):
        given = (lambda t, y: jac(t, y, *more)) if callable(jac) else None if jac is None else (lambda t, y: jac)
        return Radau(given) if name == "Radau" else BackwardDifferences(given)
    refuse(
        f"scipy.integrate.solve_ivp of traced values: method={name!r} is not there; 'RK23', 'RK45', 'DOP853' are, and "
        "'BDF' and 'Radau' for stiff equations"
    )


def odeint(func: Any, y0: Any, t: Any, args: Any = (), Dfun: Any = None, *, rtol: Any = None, atol: Any = None,
           tfirst: bool = False, h0: Any = 0.0, hmax: Any = 0.0, mxstep: int = 0) -> Any:  # fmt: skip
    """The states (m, n) at the times t, by Dormand and Prince's method: for what is not stiff."""
    times = np.asarray(t) * 1.0
    function = func if tfirst else (lambda t, y, *more: func(y, t, *more))
    more = args if isinstance(args, tuple) else (args,)
    control = Control(
        1.49012e-8 if rtol is None else rtol,
        1.49012e-8 if atol is None else atol,
        None if isinstance(h0, float | int) and h0 == 0 else h0,
        np.inf if isinstance(hmax, float | int) and hmax == 0 else hmax,
        max(MAX_STEPS, mxstep),
    )

    def slope(t: Any, y: Any) -> Any:
        return np.asarray(function(t, y, *more))

    return integrate(slope, times[0], times[-1], _state(y0), times, control, DORMAND_PRINCE).states


def _state(y0: Any) -> Any:
    y = np.atleast_1d(np.asarray(y0))
    return y if y.dtype.kind in "fc" else y.astype(np.float64)


FUNCTIONS = {"scipy.integrate.solve_ivp": solve_ivp, "scipy.integrate.odeint": odeint}
