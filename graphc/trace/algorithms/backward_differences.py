"""The steps of "BDF" for stiff initial value problems: numerical differentiation formulas of order 1 to 5.

What is known of the past stands as backward differences of the states, for steps of one length; where the length
changes, they are those of the polynomial through the same states. Source: L. F. Shampine, M. W. Reichelt, The MATLAB
ODE Suite, SIAM J. Sci. Comput. 18 (1997), sections 2.1 and 2.2. The lengths of steps and the orders are constants.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphc.trace.algorithms.runge_kutta import Inside, Slope, matrix_of, root_mean_square
from graphc.trace.values import held, lifted

_MOST = 5
_ROWS = _MOST + 3
_ITERATIONS = 4
_KAPPA = np.array([0.0, -0.1850, -1 / 9, -0.0823, -0.0415, 0.0])
_GAMMA = np.concatenate([[0.0], np.cumsum(1 / np.arange(1.0, _MOST + 1))])
_ALPHA = (1 - _KAPPA) * _GAMMA
_ERROR = np.concatenate([_KAPPA * _GAMMA + 1 / np.arange(1.0, _MOST + 2), [np.inf]])  # there is no order beyond
_ORDERS, _PLACES = np.arange(_MOST + 1)[:, np.newaxis], np.arange(_ROWS)
_PREDICTED = 1.0 * (_PLACES <= _ORDERS)
_KNOWN = np.where((_PLACES >= 1) & (_PLACES <= _ORDERS), np.append(_GAMMA, [0.0, 0.0]), 0.0)


def _renewal() -> tuple[np.ndarray, np.ndarray]:
    """For each order, what the differences after a step have of those before it, and of the state's correction."""
    of_old, of_new = np.tile(np.eye(_ROWS), (_MOST + 1, 1, 1)), np.zeros((_MOST + 1, _ROWS))
    for order in range(1, _MOST + 1):
        for row in range(order + 1):
            of_old[order, row] = np.isin(_PLACES, range(row, order + 1))
        of_old[order, order + 1] = 0.0
        of_old[order, order + 2] = -np.eye(_ROWS)[order + 1]
        of_new[order, : order + 3] = 1.0
    return of_old, of_new


_OF_OLD, _OF_NEW = _renewal()


class Past(NamedTuple):
    """``differences`` (8, n), the order, how many steps had this length, and the length with its sign."""

    differences: Any
    order: Any
    equal: Any
    step: Any


class Taken(NamedTuple):
    """A step: the past with it, the norms of the errors of the orders below and above, and what was the trouble."""

    past: Past
    errors: Any
    iterations: Any
    missed: Any


class BackwardDifferences(NamedTuple):
    """The equation of a step is solved by iteration through which no derivative flows. Two steps of Newton's method
    from there are part of the program: the first brings the derivative by the implicit function theorem, the second
    takes out the error of the matrix, which differences of ``fun`` give.
    """

    jacobian: Any = None
    order: int = 1  # of the first step

    def begun(self, y: Any, slope: Any, step: Any) -> Past:
        differences = np.zeros((_ROWS, y.shape[0]), y.dtype)
        differences[0], differences[1] = y, slope * step
        return Past(differences, np.asarray(1), np.asarray(0), step)

    def step(self, fun: Slope, t: Any, step: Any, control: Any, past: Past) -> tuple[Any, Any, Taken]:
        """The state after the step, the size of its error, and what the next one reads."""
        order = past.order
        ratio = held(step / past.step)
        differences = past.differences
        if ratio != 1:
            differences = _rescaling(order, ratio) @ differences
        equal = np.where(ratio == 1, past.equal, 0)
        predicted = lifted(_PREDICTED)[order] @ differences
        known = (lifted(_KNOWN)[order] / lifted(_ALPHA)[order]) @ differences
        share = step / lifted(_ALPHA)[order]
        change, count, missed = self._solved(fun, t + step, predicted, known, share, control)
        one = np.eye(int(predicted.shape[0]))
        matrix = held(one - share * matrix_of(self.jacobian, fun, t + step, predicted + change))
        for _ in range(2):
            rest = share * fun(t + step, predicted + change) - known - change
            change = change + np.linalg.solve(matrix, rest)
        new = predicted + change
        scale = held(control.atol + control.rtol * np.abs(new))
        differences = lifted(_OF_OLD)[order] @ differences + lifted(_OF_NEW)[order][:, np.newaxis] * change
        errors = lifted(_ERROR)
        size = root_mean_square(errors[order] * change / scale)
        below = np.where(order > 1, root_mean_square(errors[order - 1] * differences[order] / scale), np.inf)
        above = errors[order + 1] * root_mean_square(differences[order + 2] / scale)
        above = np.where(order < _MOST, above, np.inf)
        size = np.where(missed | np.isnan(size), 1e3, size)
        return (
            new,
            size,
            Taken(Past(differences, order, equal + 1, step), np.stack([below, size, above]), count, missed),
        )

    def _solved(self, fun: Slope, t: Any, predicted: Any, known: Any, share: Any, control: Any) -> tuple[Any, Any, Any]:
        """The correction of the state, the iterations, and whether they did not get there: it is 0 then."""
        here, before = held(predicted), held(known)
        matrix = held(np.eye(int(predicted.shape[0])) - share * matrix_of(self.jacobian, fun, t, here))
        scale = held(control.atol + control.rtol * np.abs(here))
        limit = held(np.maximum(10 * 2.0**-52 / control.rtol, np.minimum(0.03, np.sqrt(control.rtol))))
        change = held(np.zeros_like(predicted))
        count, moved = 0, 1e300
        while count < _ITERATIONS and moved > limit:
            part = held(np.linalg.solve(matrix, share * fun(t, here + change) - before - change))
            change = change + part
            moved = root_mean_square(part / scale)
            count += 1
        missed = ~(moved <= limit)
        return held(np.where(missed, 0.0, change)), count, missed

    def accepted(self, taken: Taken) -> tuple[Past, Any]:
        """The past of the next step, and how many times as long it may be: after order + 1 steps of one length, with
        the order that permits the longest."""
        past, factors = taken.past, taken.errors
        order = past.order
        roots = np.maximum(factors, 1e-300) ** (-1.0 / (order + lifted(np.arange(3))))
        best = np.argmax(roots)
        ready = past.equal > order
        factor = np.minimum(10.0, _safety(taken) * roots[best])
        return past._replace(order=np.where(ready, order + best - 1, order)), np.where(ready, factor, 1.0)

    def rejected(self, taken: Taken) -> Any:
        """How many times as long the next attempt is."""
        factor = _safety(taken) * np.maximum(taken.errors[1], 1e-300) ** (-1.0 / (taken.past.order + 1))
        return np.where(taken.missed, 0.5, np.maximum(0.2, factor))

    def between(self, fun: Slope, t: Any, y: Any, new: Any, step: Any, taken: Taken) -> Inside:
        """The polynomial through the last states, of the place (0 to 1) in the step."""
        differences, order = taken.past.differences, taken.past.order

        def state(place: Any) -> Any:
            total, factor = differences[0], 1.0
            for k in range(1, _MOST + 1):
                factor = factor * (place + (k - 2)) / k
                total = total + np.where(k <= order, factor, 0.0) * differences[k]
            return total

        return state


def _safety(taken: Taken) -> Any:
    return 0.9 * (2 * _ITERATIONS + 1) / (2 * _ITERATIONS + taken.iterations)


def _rescaling(order: Any, ratio: Any) -> Any:
    """The matrix that makes the differences for steps ``ratio`` times as long, up to the order."""
    rows, columns = np.arange(_ROWS)[:, np.newaxis], np.arange(_ROWS)
    below = np.maximum(rows, 1)

    def products(by: Any) -> Any:
        return np.cumprod(
            np.where(rows == 0, 1.0, np.where(columns == 0, 0.0, (rows - 1 - by * columns) / below)), axis=0
        )

    whole = (products(ratio) @ products(1.0)).T
    inside = (rows <= order) & (columns <= order)
    return held(np.where(inside, whole, np.where(rows == columns, 1.0, 0.0)))
