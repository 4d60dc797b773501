"""Derivatives of solutions, by the implicit function theorem: ``implicit_root`` and ``implicit_minimum``.

Where ``residual(x, *params)`` is 0, ``dx = -(d residual / dx)^-1 (d residual / d params) d params``: Griewank and
Walther, Evaluating Derivatives, 2nd ed., chapter 15. How the solution was found has no part in it.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.api import grad, jvp, vjp
from graphc.custom import custom_jvp
from graphc.higher import jacobian
from graphc.trace.rewrite import prepare
from graphc.trace.session import current


def implicit_root(residual: Callable[..., Any], solver: Callable[..., Any]) -> Callable[..., Any]:
    """The solver's root as a function of its parameters that can be differentiated.

    >>> def newton(x, a):
    ...     for _ in range(20):
    ...         x = 0.5 * (x + a / x)
    ...     return x
    >>> root = graphc.implicit_root(lambda x, a: x**2 - a, newton)
    >>> graphc.grad(lambda a: root(1.0, a))(9.0)
    np.float64(0.16666666666666666)

    Args:
        residual: ``residual(x, *params)``, a plain NumPy function of the shape of ``x`` that is 0 at the solution.
        solver: ``solver(start, *params)`` gives the solution, an array of float64 or float32 or a number: a plain NumPy
            function, or a ``graphc.opaque`` one that calls SciPy.
    Returns: ``root(start, *params)``. The start has no influence, and its derivative is zero. Both modes, any order,
        loops and batches; a derivative solves one dense linear system of the size of ``x``, compiled, and costs no
        iteration of the solver again.
    """
    name = getattr(solver, "__name__", "solver")

    def solve(start: Any, *params: Any) -> Any:
        return _staged(solver)(start, *params)

    solve.__name__ = name
    root = custom_jvp(solve)

    def rule(x: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (_, *params), (_, *moves) = primals, tangents
        moved = jvp(lambda *given: _staged(residual)(x, *given), tuple(params), tuple(moves))[1]
        return x, np.reshape(-np.linalg.solve(_matrix(residual, x, params), np.ravel(moved)), np.shape(x))

    def reverse(x: Any, primals: Sequence[Any], cotangent: Any) -> Any:
        _, *params = primals
        weights = np.linalg.solve(np.transpose(_matrix(residual, x, params)), np.ravel(cotangent))
        _, pullback = vjp(lambda *given: _staged(residual)(x, *given), *params)
        return None, *pullback(np.reshape(-weights, np.shape(x)))

    root.defjvp(rule)
    root.reverse = reverse
    return root


def implicit_minimum(objective: Callable[..., Any], solver: Callable[..., Any]) -> Callable[..., Any]:
    """The solver's minimum as a function of its parameters that can be differentiated.

    >>> def descend(x, center):
    ...     for _ in range(100):
    ...         x = x - 0.2 * (x - center)
    ...     return x
    >>> minimum = graphc.implicit_minimum(lambda x, c: np.sum((x - c) ** 2), descend)
    >>> graphc.jacobian(lambda c: minimum(np.zeros(2), c))(np.array([1.0, 2.0])) + 0.0
    array([[1., 0.],
           [0., 1.]])

    ``objective(x, *params)`` is a scalar; its gradient by ``x`` is 0 at the solution. All else as for
    :func:`implicit_root`; the linear system is the Hessian's, which must not be singular.
    """
    return implicit_root(grad(objective), solver)


def _staged(function: Callable[..., Any]) -> Callable[..., Any]:
    """The user's function as a trace runs it, with its loops and writes; calls in this module are not rewritten."""
    return function if current() is None else prepare(function)


def _matrix(residual: Callable[..., Any], x: Any, params: Sequence[Any]) -> Any:
    """d residual / dx as a square matrix."""
    found = jacobian(residual)(x, *params)
    size = np.size(x)
    return np.reshape(found, (size, size))
