"""``scipy.optimize``: zeros of functions, by iteration through which no derivative flows.

A few steps of Newton's method from there are part of the program: by the implicit function theorem the first brings the
derivative, but for the error of the slope, which differences give; every further one multiplies that error by itself.
"brentq", "brenth" and "bisect" take SciPy's points, so that of several zeros theirs is found; "ridder" and "toms748"
take those of "brentq", and systems are solved by J. J. More, The Levenberg-Marquardt algorithm (1978).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import Substitute, in_double, refuse
from graphc.trace.algorithms.runge_kutta import matrix_of
from graphc.trace.values import held

_POLISHING = 4
_ALIKE = 1e-3  # differences to both sides, whose mean is far closer to the slope
_METHODS = ("bisect", "brentq", "brenth", "ridder", "toms748", "newton", "secant", "halley")
_HYBRID = ("hybr", "lm")


class Root(Substitute):
    """What ``root_scalar`` (``root``) and ``root`` (``x``, ``fun``) give; ``converged`` is ``success``."""

    def __init__(self, found: Any, converged: Any, fun: Any = None):
        self.root, self.x, self.fun, self.converged, self.success = found, found, fun, converged, converged


def _plain(name: str, full_output: Any) -> None:
    if full_output:
        refuse(f"scipy.optimize.{name} of traced values: full_output=True is not there; leave it out")


def _with(f: Callable[..., Any], args: Any) -> Callable[[Any], Any]:
    more = args if isinstance(args, tuple) else (args,)
    return lambda x: np.asarray(f(x, *more)) * 1.0


# --- in an interval ---------------------------------------------------------------------------------------------------


def _in_bracket(name: str, way: str) -> Callable[..., Any]:
    def solve(f: Any, a: Any, b: Any, args: Any = (), xtol: Any = 2e-12, rtol: Any = 8.881784197001252e-16,
              maxiter: int = 100, full_output: bool = False, disp: bool = True, k: int = 1) -> Any:  # fmt: skip
        _plain(name, full_output)
        given, low, high = _with(f, args), held(in_double(a)), held(in_double(b))
        found = _between(given, low, high, way, xtol, rtol, maxiter)
        low, high = np.minimum(low, high), np.maximum(low, high)
        return _polished(given, found, np.where(np.isfinite(high - low), 1e-10 * (high - low), 0.0), low, high)

    solve.__name__ = name
    return solve


def _between(f: Callable[[Any], Any], a: Any, b: Any, way: str, xtol: Any, rtol: Any, maxiter: Any) -> Any:
    """A zero between a and b, at which the signs differ: R. P. Brent, Algorithms for Minimization Without Derivatives
    (1973), chapter 4. ``last`` is the point before, and ``other`` one where the sign is another."""
    ends, heights = np.stack([a, b]), np.zeros(2)
    for k in range(2):
        heights[k] = held(f(ends[k]))
    if not np.sign(heights[0]) * np.sign(heights[1]) <= 0:
        raise ValueError("scipy.optimize: f(a) and f(b) must have different signs")
    last, here, f_last, f_here = ends[0], ends[1], heights[0], heights[1]
    if f_last == 0:
        last, here, f_last, f_here = here, last, f_here, f_last
    other, f_other, step, before, count, searching = last, f_last, here - last, here - last, 0, True
    while searching:
        if (f_last != 0) & (f_here != 0) & (np.sign(f_last) != np.sign(f_here)):
            other, f_other, before, step = last, f_last, here - last, here - last
        if np.abs(f_other) < np.abs(f_here):
            last, here, other, f_last, f_here, f_other = here, other, here, f_here, f_other, f_here
        delta, half = 0.5 * (xtol + rtol * np.abs(here)), 0.5 * (other - here)
        searching = (f_here != 0) & (np.abs(half) >= delta)
        if searching:
            if count >= maxiter:
                raise RuntimeError("scipy.optimize: no zero was found in so many iterations; give a larger maxiter=")
            trial = _trial(way, last, here, other, f_last, f_here, f_other)
            is_used = (np.abs(before) > delta) & (np.abs(f_here) < np.abs(f_last))
            is_used = is_used & (2 * np.abs(trial) < np.minimum(np.abs(before), 3 * np.abs(half) - delta))
            before, step = np.where(is_used, step, half), np.where(is_used, trial, half)
            last, f_last = here, f_here
            here = here + np.where(np.abs(step) > delta, step, np.where(half > 0, delta, -delta))
            f_here = held(f(here))
            count += 1
    return held(here)


def _trial(way: str, last: Any, here: Any, other: Any, f_last: Any, f_here: Any, f_other: Any) -> Any:
    """By the secant of two points, or the inverse parabola or the hyperbola of three; bisection tries nothing."""
    if way == "halving":
        return np.inf * np.ones_like(here)
    d_last = (f_last - f_here) / _not_zero(last - here)
    d_other = (f_other - f_here) / _not_zero(other - here)
    if way == "hyperbola":
        third = -f_here * (f_other - f_last) / _not_zero(f_other * d_last - f_last * d_other)
    else:
        product = _not_zero(d_other * d_last * (f_other - f_last))
        third = -f_here * (f_other * d_other - f_last * d_last) / product
    return np.where(last == other, -f_here / _not_zero(d_last), third)


def _not_zero(x: Any) -> Any:
    return np.where(x == 0, 1e-300, x)


def _polished(f: Callable[[Any], Any], found: Any, reach: Any, low: Any, high: Any) -> Any:
    """Steps of Newton's method for every element by itself, with a slope from differences between the ends.

    Where there is no slope the value stays, and its derivative has the size of 1e300.
    """
    slope = _slope(f, held(found), held(reach), low, high)
    for _ in range(_POLISHING):
        height = f(found)
        jump = (height - held(height)) * 1e300
        found = found - np.where(slope == 0, jump, height / np.where(slope == 0, 1.0, slope))
    return found


def _slope(f: Callable[[Any], Any], found: Any, reach: Any, low: Any, high: Any) -> Any:
    """By the widest differences whose two sides agree, from ``reach`` down to what the point's own digits permit.

    Wide ones miss how the function bends at a zero that is small beside the interval, and narrow ones are rounding
    where its terms are large beside their sum: the sides differ then, or there is no difference.
    """
    narrow = 1e-6 * np.abs(found) + 1e-150
    wide = np.maximum(narrow, reach)
    reaches = np.stack([wide, np.sqrt(wide) * np.sqrt(narrow), narrow])
    left, right = np.maximum(found - reaches, low), np.minimum(found + reaches, high)
    around = held(np.concatenate([np.stack([found]), left, right]))
    heights = np.zeros_like(around)
    for k in range(7):
        heights[k] = held(f(around[k]))
    before, after = (heights[0] - heights[1:4]) * (right - found), (heights[4:] - heights[0]) * (found - left)
    is_end = (left == found) | (right == found)
    apart = np.where(is_end, 0.0, np.abs(after - before) / np.where(is_end, 1.0, np.abs(after) + np.abs(before)))
    slopes = (heights[4:] - heights[1:4]) / (right - left)
    apart = np.where(np.isfinite(slopes) & (slopes != 0) & np.isfinite(apart), apart, 2.0)
    slope, best = np.where(apart[2] < 2.0, slopes[2], 0.0), apart[2]
    for k in (1, 0):
        is_better = (apart[k] <= _ALIKE) | (apart[k] < best)
        slope, best = np.where(is_better, slopes[k], slope), np.where(is_better, apart[k], best)
    return held(slope)


BRACKETED = {
    name: _in_bracket(name, way)
    for name, way in (
        ("brentq", "parabola"), ("brenth", "hyperbola"), ("bisect", "halving"), ("ridder", "parabola"),
        ("toms748", "parabola"),
    )
}  # fmt: skip


# --- from a point -----------------------------------------------------------------------------------------------------


def newton(func: Any, x0: Any, fprime: Any = None, args: Any = (), tol: Any = 1.48e-8, maxiter: int = 50,
           fprime2: Any = None, x1: Any = None, rtol: Any = 0.0, full_output: bool = False,
           disp: bool = True) -> Any:  # fmt: skip
    """A zero from ``x0`` on, of every element by itself: by ``fprime``, or the secant."""
    _plain("newton", full_output)
    f = _with(func, args)
    here = held(in_double(x0))
    before = here * (1 + 1e-4) + np.where(here >= 0, 1e-4, -1e-4) if x1 is None else held(in_double(x1))
    start, first = here, before
    slope_of = None if fprime is None else _with(fprime, args)
    height, f_before = held(f(here)), held(np.zeros_like(here))
    if slope_of is None:
        f_before = held(f(before))
    stuck: Any
    count, moved, stuck = 0, np.inf, False
    while (count < maxiter) & (moved > 0):
        gap = here - before
        secant = (height - f_before) / np.where(gap == 0, 1.0, gap)
        slope = secant if slope_of is None else held(slope_of(here))
        step = np.where((height == 0) | (slope == 0), 0.0, height / np.where(slope == 0, 1.0, slope))
        stuck = np.any((slope == 0) & (height != 0) & (np.abs(gap) > tol + rtol * np.abs(here)))
        before, f_before = here, height
        here = here - step
        height = held(f(here))
        moved = np.max(np.where(np.abs(step) <= tol + rtol * np.abs(here), 0.0, np.abs(step)))
        count += 1
    if stuck:
        raise RuntimeError("scipy.optimize.newton: the derivative is 0 at a point that is no zero; give another x0")
    if not moved == 0:
        raise RuntimeError("scipy.optimize.newton: it did not converge; give another x0, or a larger maxiter=")
    way = np.abs(here - start) + np.abs(here - first)
    return _polished(f, here, np.maximum(1e-10 * way, 1e-3 * tol), -np.inf, np.inf)


def root_scalar(f: Any, args: Any = (), method: Any = None, bracket: Any = None, fprime: Any = None,
                fprime2: Any = None, x0: Any = None, x1: Any = None, xtol: Any = None, rtol: Any = None,
                maxiter: Any = None, options: Any = None) -> Root:  # fmt: skip
    """In a bracket, or from ``x0`` on."""
    if isinstance(fprime, bool) and fprime:
        refuse("scipy.optimize.root_scalar of traced values: fprime=True is not there; give the derivative itself")
    if method is not None and method not in _METHODS:
        refuse(f"scipy.optimize.root_scalar: method={method!r} is not there; there are {', '.join(_METHODS)}")
    if method in BRACKETED or (method is None and bracket is not None):
        if bracket is None:
            raise ValueError(f"scipy.optimize.root_scalar: method={method!r} needs bracket=")
        found = BRACKETED[method or "brentq"](f, bracket[0], bracket[1], args, 2e-12 if xtol is None else xtol,
                       8.881784197001252e-16 if rtol is None else rtol, maxiter or 100)  # fmt: skip
        return Root(found, True)
    if x0 is None:
        raise ValueError("scipy.optimize.root_scalar: give bracket= or x0=")
    slope = None if method == "secant" else fprime
    found = newton(f, x0, slope, args, 1.48e-8 if xtol is None else xtol, maxiter or 50, None, x1, rtol or 0.0)
    return Root(found, True)


# --- of systems -------------------------------------------------------------------------------------------------------


def root(fun: Any, x0: Any, args: Any = (), method: str = "hybr", jac: Any = None, tol: Any = None,
         callback: Any = None, options: Any = None) -> Root:  # fmt: skip
    """A zero of as many functions as there are unknowns; NaN where none is reached from ``x0``."""
    if method not in _HYBRID or isinstance(jac, bool) or options is not None:
        refuse(
            f"scipy.optimize.root of traced values: method='hybr' or 'lm', jac a function or none, and no options=; "
            f"not {method!r}; others are differentiated by graphc.implicit_root, around the solver"
        )
    start = in_double(x0)
    shape = start.shape
    given = _with(fun, args)

    def flat(_: Any, x: Any) -> Any:
        return np.reshape(given(np.reshape(x, shape)), -1)

    slope = None if jac is None else (lambda _, x: _with(jac, args)(np.reshape(x, shape)))
    found: Any
    found, reached = _solved(flat, held(np.reshape(start, -1)), slope, 1.49012e-8 if tol is None else tol)
    matrix, height = matrix_of(slope, flat, 0.0, found), held(flat(0.0, found))
    size = np.sum(matrix * matrix) * (np.sum(found * found) + 1e-10)
    reached = reached & (np.sum(height * height) <= 1e-12 * size)  # and no point where they are only nearest to 0
    matrix = held(np.where(reached, matrix, np.eye(int(found.shape[0]))))
    found = held(np.where(reached, found, np.nan))
    for _ in range(_POLISHING):
        found = found - np.linalg.solve(matrix, flat(0.0, found))
    return Root(np.reshape(found, shape), reached, np.reshape(flat(0.0, found), shape))


def _solved(flat: Any, x: Any, slope: Any, tol: Any) -> tuple[Any, Any]:
    """By steps between Newton's and the steepest descent's, and whether the last were as short as they should be."""
    height = held(flat(0.0, x))
    least = 1e-10 * np.sum(x * x) + 1e-20  # a zero that is 0 has no digits that a step could be compared with
    damping: Any = 1e-3
    count, short = 0, False
    while (count < 200) & ~short:
        matrix = matrix_of(slope, flat, 0.0, x)
        normal = matrix.T @ matrix
        scale = np.maximum(np.diagonal(normal), 1e-12 * np.trace(normal) + 1e-300)
        step = np.linalg.solve(normal + np.diag(damping * scale), matrix.T @ height)
        after = held(flat(0.0, x - step))
        is_better = np.sum(after * after) <= np.sum(height * height)
        short = is_better & (np.sum(step * step) <= tol * tol * (np.sum(x * x) + least)) | (np.sum(height**2) == 0)
        x, height = held(np.where(is_better, x - step, x)), np.where(is_better, after, height)
        damping = np.where(is_better, 0.1 * damping, 10.0 * damping)
        count += 1
    return x, short


def fsolve(func: Any, x0: Any, args: Any = (), fprime: Any = None, full_output: Any = 0, col_deriv: Any = 0,
           xtol: Any = 1.49012e-8) -> Any:  # fmt: skip
    """``root`` of a vector."""
    _plain("fsolve", full_output)
    _plain("fsolve", col_deriv)
    return root(func, np.atleast_1d(np.asarray(x0)), args, jac=fprime, tol=xtol).x


def fixed_point(func: Any, x0: Any, args: Any = (), xtol: Any = 1e-8, maxiter: int = 500, method: str = "del2") -> Any:
    """Where the function gives what it is called with."""
    given = _with(func, args)
    found = root(lambda x: x - given(x), np.asarray(x0), tol=xtol).x
    if np.any(np.isnan(found)):
        raise RuntimeError("scipy.optimize.fixed_point: it did not converge; give another x0")
    return found


FUNCTIONS = {
    **{f"scipy.optimize.{name}": solve for name, solve in BRACKETED.items()},
    **{
        f"scipy.optimize.{function.__name__}": function for function in (newton, root_scalar, root, fsolve, fixed_point)
    },
}
