"""``scipy.optimize``: what is found by choosing, of rows and columns, of the elements of a solution that are not 0.

What is chosen has no derivative; a least-squares solution has that of the elements which are not at their bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import in_double, refuse, refuse_shape
from graphc.trace.values import held


def linear_sum_assignment(cost_matrix: Any, maximize: bool = False) -> tuple[Any, Any]:
    """Rows and columns whose costs have the least sum; of several best choices it may be another one than SciPy's.

    Rows are added one by one, each along the shortest path that changes earlier choices: R. Jonker and A. Volgenant, "A
    shortest augmenting path algorithm for dense and sparse linear assignment problems", Computing 38 (1987).
    """
    costs = held(np.asarray(cost_matrix) * 1.0)
    if len(costs.shape) != 2:
        refuse_shape(f"scipy.optimize.linear_sum_assignment: costs (n, m), and here are {costs.shape}")
    costs = -costs if maximize else costs
    if np.any(np.isnan(costs) | (costs == -np.inf)):
        raise ValueError("scipy.optimize.linear_sum_assignment: costs that are no numbers or infinitely good")
    if costs.shape[0] <= costs.shape[1]:
        return np.arange(costs.shape[0]), _columns(costs)
    rows = _columns(costs.T)
    return np.sort(rows), np.argsort(rows)


def _columns(costs: Any) -> Any:
    """The column of each row, where there are no more rows than columns; a row stands at its number + 1."""
    count, room = costs.shape
    prices, worths = np.zeros(count + 1), np.zeros(room)
    owners, before = np.zeros(room + 1, np.int64), np.zeros(room, np.int64)
    for row in range(1, count + 1):
        owners[room] = row  # a column more, at which the path begins
        here, known, distances = room, np.zeros(room, np.bool_), np.full(room, np.inf)
        while owners[here] != 0:
            known = known | (np.arange(room) == here)
            owner = owners[here]
            ways = costs[owner - 1] - prices[owner] - worths
            nearer = ~known & (ways < distances)
            distances = np.where(nearer, ways, distances)
            before = np.where(nearer, here, before)
            there = np.argmin(np.where(known, np.inf, distances))
            gained = distances[there]
            if not gained < np.inf:
                raise ValueError("scipy.optimize.linear_sum_assignment: no choice has a finite cost")
            reached = np.where(known, gained, 0.0)
            np.add.at(prices, owners[:room], reached)
            prices[row] += gained
            worths = worths - reached
            distances = np.where(known, distances, distances - gained)
            here = 1 * there
        while here != room:
            last = before[here]
            owners[here] = owners[last]
            here = 1 * last
    columns = np.zeros(count + 1, np.int64)
    columns[owners[:room]] = np.arange(room)
    return columns[1:]


def nnls(A: Any, b: Any, maxiter: Any = None, *, atol: Any = None) -> tuple[Any, Any]:
    """The least-squares solution without negative elements, and the length of what is left.

    C. L. Lawson and R. J. Hanson, Solving Least Squares Problems (1974), chapter 23: elements become free one by one,
    and are held at 0 again where a step would make them negative.
    """
    A, b = in_double(A), in_double(b)
    if atol is not None:
        refuse("scipy.optimize.nnls: atol= does nothing in SciPy; leave it out")
    if len(A.shape) != 2 or len(b.shape) != 1:
        refuse_shape(f"scipy.optimize.nnls: A (m, n) and b (m,), and here are {A.shape} and {b.shape}")
    free = _free(held(A), held(b), 3 * A.shape[1] if maxiter is None else maxiter)
    x = _solution(A, b, free)
    rest = A @ x - b
    return x, np.sqrt(np.sum(rest * rest))


def _free(A: Any, b: Any, most: Any) -> Any:
    """Which elements of the solution are not at 0."""
    count = A.shape[1]
    free, x, steps = np.zeros(count, np.bool_), np.zeros(count), 0
    slopes = A.T @ b
    small = 10 * np.maximum(A.shape[0], count) * np.finfo(np.float64).eps * np.max(np.sum(np.abs(A), axis=0))
    while np.any(~free & (slopes > small)):
        free = free | (np.arange(count) == np.argmax(np.where(free, -np.inf, slopes)))
        wanted = held(_solution(A, b, free))
        while np.any(free & (wanted <= 0)):
            if steps >= most:
                raise RuntimeError("scipy.optimize.nnls: not done after maxiter steps")
            steps += 1
            stops = free & (wanted <= 0)
            shares = np.where(stops, x / np.where(stops, x - wanted, 1.0), np.inf)
            x = x + np.min(shares) * (wanted - x)
            free = free & ~(stops & (shares <= np.min(shares)))
            x = np.where(free, x, 0.0)
            wanted = held(_solution(A, b, free))
        x = wanted
        slopes = np.where(free, 0.0, A.T @ (b - A @ x))
    return free


def _solution(A: Any, b: Any, free: Any) -> Any:
    """Of the free elements; equations that the others are 0 stand below, so that the matrix has full rank."""
    weights = np.where(free, 1.0, 0.0)
    held_at_0 = np.eye(A.shape[1]) * (1.0 - weights)
    equations = np.concatenate([A * weights, held_at_0])
    return np.linalg.lstsq(equations, np.concatenate([b, np.zeros(A.shape[1])]), rcond=None)[0] * weights


FUNCTIONS = {
    "scipy.optimize.linear_sum_assignment": linear_sum_assignment,
    "scipy.optimize.nnls": nnls,
}
