"""A step length along a descent direction that satisfies the strong Wolfe conditions.

Bracketing and zooming by cubic interpolation: J. Nocedal and S. Wright, Numerical Optimization, 2006, algorithms 3.5
and 3.6, with the safeguards of M. Schmidt's minFunc, which PyTorch has, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

DECREASE, CURVATURE = 1e-4, 0.9  # c1 and c2 of the conditions


class Point(NamedTuple):
    """Along the direction: the step length, the loss there, its gradient, and its slope along the direction."""

    step: float
    loss: float
    gradient: np.ndarray
    slope: float


Evaluate = Callable[[float], tuple[float, np.ndarray]]


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points with their slopes is lowest, within the bounds (by default the points)."""
    low, high = bounds if bounds is not None else (min(a.step, b.step), max(a.step, b.step))
    d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.step - b.step)
    square = d1**2 - a.slope * b.slope
    if not square >= 0.0:
        return (low + high) / 2.0
    d2 = square**0.5
    if a.step <= b.step:
        place = b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2))
    else:
        place = a.step - (a.step - b.step) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2.0 * d2))
    return min(max(place, low), high)


class _Search:
    """``start``: the point at step 0. ``evaluations`` counts those of the loss; ``tried``: steps after the first."""

    def __init__(self, evaluate: Evaluate, direction: np.ndarray, start: Point, tolerance: float, most: int):
        self.evaluate, self.direction, self.start = evaluate, direction, start
        self.tolerance, self.most = tolerance, most
        self.length = float(np.max(np.abs(direction)))
        self.evaluations = self.tried = 0

    def at(self, step: float) -> Point:
        loss, gradient = self.evaluate(step)
        self.evaluations += 1
        return Point(step, loss, gradient, float(gradient @ self.direction))

    def is_too_high(self, point: Point) -> bool:
        return point.loss > self.start.loss + DECREASE * point.step * self.start.slope

    def is_flat(self, point: Point) -> bool:
        return abs(point.slope) <= -CURVATURE * self.start.slope

    def bracket(self, step: float) -> list[Point]:
        """A point that satisfies the conditions, or two between which one lies."""
        before, point = self.start, self.at(step)
        while self.tried < self.most:
            if self.is_too_high(point) or (self.tried > 1 and point.loss >= before.loss):
                return [before, point]
            if self.is_flat(point):
                return [point]
            if point.slope >= 0.0:
                return [before, point]
            bounds = (point.step + 0.01 * (point.step - before.step), point.step * 10.0)
            further = cubic_minimum(before, point, bounds)
            before, point = point, self.at(further)
            self.tried += 1
        return [self.start, point]

    def zoom(self, low: Point, high: Point) -> Point:
        """The lower end of the bracket, after making it smaller until it satisfies the conditions."""
        if high.loss < low.loss:
            low, high = high, low
        stuck = False
        while self.tried < self.most:
            width = abs(high.step - low.step)
            if width * self.length < self.tolerance:
                break
            step, stuck = self._inside(low, high, stuck)
            point = self.at(step)
            self.tried += 1
            if self.is_too_high(point) or point.loss >= low.loss:
                high = point
                if high.loss < low.loss:
                    low, high = high, low
                continue
            if self.is_flat(point):
                return point
            if point.slope * (high.step - low.step) >= 0.0:
                high = low
            low = point
        return low

    @staticmethod
    def _inside(low: Point, high: Point, stuck: bool) -> tuple[float, bool]:
        """The next step between the ends: no nearer to one than a tenth twice in a row; whether it was so near now."""
        first, last = min(low.step, high.step), max(low.step, high.step)
        step = cubic_minimum(low, high)
        margin = 0.1 * (last - first)
        if min(last - step, step - first) >= margin:
            return step, False
        if not stuck and first < step < last:
            return step, True
        return (last - margin if abs(step - last) < abs(step - first) else first + margin), False


def strong_wolfe(
    evaluate: Evaluate, direction: np.ndarray, start: Point, step: float, tolerance: float, most: int
) -> tuple[Point, int]:
    """The point found, and how often the loss was evaluated.

    Args: evaluate: loss and gradient, shape (n,), at a step along ``direction`` (n,). start: the point at 0. step: the
    first one to try. tolerance: brackets narrower than this are no longer divided. most: steps to try after the first.
    """
    search = _Search(evaluate, direction, start, tolerance, most)
    ends = search.bracket(step)
    return (ends[0] if len(ends) == 1 else search.zoom(*ends)), search.evaluations
