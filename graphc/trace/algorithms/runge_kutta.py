"""The steps of initial value problems: explicit Runge-Kutta pairs, and Radau's implicit method of order 5.

A method has ``order`` (of its error estimate), ``step`` and ``between``: the state inside of a step that was taken, as
a function of the place (0 to 1), so that what all places share is computed once.
Sources: J. R. Dormand, P. J. Prince, J. Comp. Appl. Math. 6 (1980); for its interpolant L. F. Shampine, Math. Comp. 46
(1986); P. Bogacki, L. F. Shampine, Appl. Math. Letters 2 (1989); E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary
Differential Equations, I (1993) section II.10 for the method of order 8, II (1996) section IV.8 for Radau's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from graphc.trace.values import held

Rows = tuple[tuple[float, ...], ...]
Slope = Callable[[Any, Any], Any]
Inside = Callable[[Any], Any]


def root_mean_square(x: Any) -> Any:
    """The size of an error, through which no derivative flows."""
    return np.sqrt(np.mean(np.square(np.abs(held(x)))))


def combined(weights: Any, stages: list[Any]) -> Any:
    total = 0.0
    for weight, stage in zip(weights, stages, strict=False):
        if weight != 0.0:
            total = total + weight * stage
    return total


def _polynomial(start: Any, rates: list[Any]) -> Inside:
    """``start``, and the rates times the powers of the place."""

    def state(place: Any) -> Any:
        total = rates[-1] * place
        for rate in rates[-2::-1]:
            total = place * (rate + total)
        return start + total

    return state


def _stages(fun: Slope, t: Any, y: Any, step: Any, nodes: Any, rows: Any, stages: list[Any]) -> list[Any]:
    """The slopes of a step, each by those before it."""
    for node, row in zip(nodes, rows, strict=True):
        stages = [*stages, fun(t + node * step, y + step * combined(row, stages))]
    return stages


class Pair(NamedTuple):
    """Two explicit methods; ``dense``: rows are stages, columns the powers of the place in the step."""

    order: int
    nodes: tuple[float, ...]
    rows: Rows
    weights: tuple[float, ...]
    error: tuple[float, ...]
    dense: Rows

    def step(self, fun: Slope, t: Any, y: Any, slope: Any, step: Any, control: Any) -> tuple[Any, Any, Any, list[Any]]:
        """The state after the step, the slope there, the size of the error (up to 1), and what ``between``
        reads."""
        stages = _stages(fun, t, y, step, self.nodes[1:], self.rows[1:], [slope])
        new = y + step * combined(self.weights, stages)
        stages = [*stages, fun(t + step, new)]
        scale = control.atol + np.maximum(np.abs(y), np.abs(new)) * control.rtol
        return new, stages[-1], root_mean_square(step * combined(self.error, stages) / scale), stages

    def between(self, fun: Slope, t: Any, y: Any, new: Any, step: Any, stages: list[Any]) -> Inside:
        return _polynomial(y, [step * combined(weights, stages) for weights in zip(*self.dense, strict=True)])


DORMAND_PRINCE = Pair(
    4,
    (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0),
    (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    ),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    (-71 / 57600, 0.0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40),
    (
        (1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799),
        (0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072),
        (0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632),
        (0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844),
        (0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423),
    ),
)
BOGACKI_SHAMPINE = Pair(
    2,
    (0.0, 1 / 2, 3 / 4),
    ((), (1 / 2,), (0.0, 3 / 4)),
    (2 / 9, 1 / 3, 4 / 9),
    (5 / 72, -1 / 12, -1 / 9, 1 / 8),
    ((1.0, -4 / 3, 5 / 9), (0.0, 1.0, -2 / 3), (0.0, 4 / 3, -8 / 9), (0.0, -1.0, 1.0)),
)


class Eighth(NamedTuple):
    """Order 8, with an error of two estimates; three more slopes where the state between is asked for."""

    order: int
    nodes: tuple[float, ...]
    rows: Rows
    weights: tuple[float, ...]
    fifth: tuple[float, ...]
    third: tuple[float, ...]
    more_nodes: tuple[float, ...]
    more_rows: Rows
    dense: Rows

    def step(self, fun: Slope, t: Any, y: Any, slope: Any, step: Any, control: Any) -> tuple[Any, Any, Any, list[Any]]:
        stages = _stages(fun, t, y, step, self.nodes[1:], self.rows[1:], [slope])
        new = y + step * combined(self.weights, stages)
        stages = [*stages, fun(t + step, new)]
        scale = control.atol + np.maximum(np.abs(y), np.abs(new)) * control.rtol
        fifth = root_mean_square(combined(self.fifth, stages) / scale) ** 2
        third = root_mean_square(combined(self.third, stages) / scale) ** 2
        some = fifth + 0.01 * third
        error = np.where(some == 0, 0.0, np.abs(step) * fifth / np.sqrt(np.where(some == 0, 1.0, some)))
        return new, stages[-1], error, stages

    def between(self, fun: Slope, t: Any, y: Any, new: Any, step: Any, stages: list[Any]) -> Inside:
        stages = _stages(fun, t, y, step, self.more_nodes, self.more_rows, stages)
        change = new - y
        first = [change, step * stages[0] - change, 2 * change - step * (stages[12] + stages[0])]
        parts = [*first, *[step * combined(row, stages) for row in self.dense]]

        def state(place: Any) -> Any:
            total = 0.0
            for k in range(len(parts) - 1, -1, -1):
                total = (total + parts[k]) * (place if k % 2 == 0 else 1 - place)
            return y + total

        return state


@cache
def order_eight() -> Eighth:
    """The coefficients are those that SciPy's class has."""
    from scipy.integrate import DOP853

    def numbers(table: Any) -> Any:
        return tuple(float(a) if np.ndim(a) == 0 else numbers(a) for a in table)

    return Eighth(
        7, numbers(DOP853.C), numbers(DOP853.A), numbers(DOP853.B), numbers(DOP853.E5), numbers(DOP853.E3),
        numbers(DOP853.C_EXTRA), numbers(DOP853.A_EXTRA), numbers(DOP853.D),
    )  # fmt: skip


# --- stiff equations --------------------------------------------------------------------------------------------------

_ROOT = 6**0.5
_NODES = ((4 - _ROOT) / 10, (4 + _ROOT) / 10, 1.0)
_COLLOCATION = (
    ((88 - 7 * _ROOT) / 360, (296 - 169 * _ROOT) / 1800, (-2 + 3 * _ROOT) / 225),
    ((296 + 169 * _ROOT) / 1800, (88 + 7 * _ROOT) / 360, (-2 - 3 * _ROOT) / 225),
    ((16 - _ROOT) / 36, (16 + _ROOT) / 36, 1 / 9),
)
_EIGENVALUE = 3 + 3 ** (2 / 3) - 3 ** (1 / 3)
_ESTIMATE = ((-13 - 7 * _ROOT) / 3, (-13 + 7 * _ROOT) / 3, -1 / 3)
_POWERS = (
    (13 / 3 + 7 * _ROOT / 3, -23 / 3 - 22 * _ROOT / 3, 10 / 3 + 5 * _ROOT),
    (13 / 3 - 7 * _ROOT / 3, -23 / 3 + 22 * _ROOT / 3, 10 / 3 - 5 * _ROOT),
    (1 / 3, -8 / 3, 10 / 3),
)
_ITERATIONS = 7


class Radau(NamedTuple):
    """Radau's method of order 5. Its stages solve a system, found by iteration through which no derivative flows. Two
    steps of Newton's method from there are part of the program: the first brings the derivative by the implicit
    function theorem, the second takes out the error of the matrix, which differences of ``fun`` give.
    """

    jacobian: Callable[[Any, Any], Any] | None = None
    order: int = 3

    def step(self, fun: Slope, t: Any, y: Any, slope: Any, step: Any, control: Any) -> tuple[Any, Any, Any, list[Any]]:
        size = y.shape[0]
        here = matrix_of(self.jacobian, fun, t, y)
        scale = control.atol + np.abs(held(y)) * control.rtol
        z, missed = _solved(fun, t, y, step, here, scale)
        blocks = [matrix_of(self.jacobian, fun, t + node * step, y + z[k]) for k, node in enumerate(_NODES)]
        rows = [np.concatenate([-step * _COLLOCATION[i][j] * blocks[j] for j in (0, 1, 2)], axis=1) for i in (0, 1, 2)]
        matrix = held(np.eye(3 * int(size)) + np.concatenate(rows))
        for _ in range(2):
            z = z - np.reshape(np.linalg.solve(matrix, np.reshape(_residual(fun, t, y, step, z), -1)), z.shape)
        new = y + z[2]
        filtered = _EIGENVALUE / step * np.eye(int(size)) - here
        error = np.linalg.solve(held(filtered), held(slope + combined(_ESTIMATE, [z[0], z[1], z[2]]) / step))
        scale = control.atol + np.maximum(np.abs(y), np.abs(new)) * control.rtol
        found = root_mean_square(error / scale)
        return new, fun(t + step, new), np.where(missed | np.isnan(found), 1e3, found), [z[0], z[1], z[2]]

    def between(self, fun: Slope, t: Any, y: Any, new: Any, step: Any, stages: list[Any]) -> Inside:
        return _polynomial(y, [combined(weights, stages) for weights in zip(*_POWERS, strict=True)])


def matrix_of(jacobian: Any, fun: Slope, t: Any, y: Any) -> Any:
    """The derivative of ``fun`` by y, of the caller's ``jacobian`` or by differences; a constant of the step."""
    if jacobian is not None:
        return held(np.asarray(jacobian(t, y)) * 1.0)
    at = held(y)
    base = held(fun(t, at))
    columns = np.zeros((at.shape[0], at.shape[0]), at.dtype)
    for j in range(at.shape[0]):
        width = np.sqrt(np.finfo(np.float64).eps) * np.maximum(np.abs(at[j]), 1e-5)
        moved = np.copy(at)
        moved[j] = at[j] + width
        columns[:, j] = held(fun(t, moved) - base) / width
    return columns


def _residual(fun: Slope, t: Any, y: Any, step: Any, z: Any) -> Any:
    slopes = [fun(t + node * step, y + z[k]) for k, node in enumerate(_NODES)]
    return z - step * np.stack([combined(row, slopes) for row in _COLLOCATION])


def _solved(fun: Slope, t: Any, y: Any, step: Any, here: Any, scale: Any) -> tuple[Any, Any]:
    """The stages (3, n) by Newton's method with one matrix, and whether it did not get there: they are 0 then, so that
    nothing that is not finite goes on into the adjoint."""
    size = y.shape[0]
    matrix = held(np.eye(3 * int(size)) - step * np.kron(np.array(_COLLOCATION), here))
    z = np.zeros((3, size), y.dtype)
    count, moved = 0, 1e300
    while count < _ITERATIONS and moved > 1e-3:
        change = held(np.linalg.solve(matrix, np.reshape(_residual(fun, t, held(y), step, z), -1)))
        change = np.reshape(change, z.shape)
        z = z - change
        moved = root_mean_square(change / scale)
        count += 1
    missed = ~(moved <= 1e-3)
    return held(np.where(missed, 0.0, z)), missed
