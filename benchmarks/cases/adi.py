"""The heat equation by alternating directions: tridiagonal systems along rows, then along columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.roofline import DIVISION, Work


def diffused(start, rate, steps):
    u = start.copy()
    n = u.shape[0]
    middle = 1.0 + 2.0 * rate
    for _ in range(steps):
        p, q, v = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
        for j in range(1, n - 1):  # implicit along the second axis
            p[1:-1, j] = rate / (middle - rate * p[1:-1, j - 1])
            q[1:-1, j] = (
                u[:-2, j] * rate + (1.0 - 2.0 * rate) * u[1:-1, j] + u[2:, j] * rate + rate * q[1:-1, j - 1]
            ) / (middle - rate * p[1:-1, j - 1])
        for j in range(n - 2, 0, -1):
            v[1:-1, j] = p[1:-1, j] * v[1:-1, j + 1] + q[1:-1, j]
        u = np.zeros((n, n))
        for i in range(1, n - 1):  # implicit along the first
            p[i, 1:-1] = rate / (middle - rate * p[i - 1, 1:-1])
            q[i, 1:-1] = (
                v[i, :-2] * rate + (1.0 - 2.0 * rate) * v[i, 1:-1] + v[i, 2:] * rate + rate * q[i - 1, 1:-1]
            ) / (middle - rate * p[i - 1, 1:-1])
        for i in range(n - 2, 0, -1):
            u[i, 1:-1] = p[i, 1:-1] * u[i + 1, 1:-1] + q[i, 1:-1]
    return np.sum(u * u)


def inputs(rng: np.random.Generator, n: int, steps: int) -> tuple[Any, ...]:
    return rng.standard_normal((n, n)), 0.4, steps


def work(n: int, steps: int) -> Work:
    """Two divisions and a dozen operations an element and direction there, twice as many back."""
    return Work("float64", moved=16 * n * n, operations=2 * 3 * (12 + 2 * DIVISION) * steps * n * n)


def torch_version():
    import torch

    def half(u, rate):
        """Implicit along the first axis, explicit along the second; the lines of the system are vectors."""
        n = u.shape[0]
        middle = 1.0 + 2.0 * rate
        given = rate * u[:, :-2] + (1.0 - 2.0 * rate) * u[:, 1:-1] + rate * u[:, 2:]
        p, q = [0.0], [torch.zeros(n - 2, dtype=u.dtype)]
        for i in range(1, n - 1):
            below = middle - rate * p[-1]
            q.append((given[i] + rate * q[-1]) / below)
            p.append(rate / below)
        lines = [torch.zeros(n - 2, dtype=u.dtype)]
        for i in range(n - 2, 0, -1):
            lines.append(p[i] * lines[-1] + q[i])
        lines.append(torch.zeros(n - 2, dtype=u.dtype))
        return torch.nn.functional.pad(torch.stack(lines[::-1]), (1, 1))

    def diffused(start, rate, steps):
        u = start
        for _ in range(steps):
            u = half(half(u.T, rate).T, rate)
        return (u * u).sum()

    return diffused


def jax_version():
    from jax import lax
    from jax import numpy as jnp

    def half(u, rate):
        """Implicit along the first axis, explicit along the second; the lines of the system are vectors."""
        middle = 1.0 + 2.0 * rate
        given = rate * u[1:-1, :-2] + (1.0 - 2.0 * rate) * u[1:-1, 1:-1] + rate * u[1:-1, 2:]
        none = jnp.zeros(u.shape[1] - 2)

        def forward(before, line):
            p, q = before
            below = middle - rate * p
            found = rate / below, (line + rate * q) / below
            return found, found

        def back(line, of_row):
            p, q = of_row
            found = p * line + q
            return found, found

        _, factors = lax.scan(forward, (0.0, none), given)
        _, lines = lax.scan(back, none, factors, reverse=True)
        return jnp.pad(lines, 1)

    def diffused(start, rate, steps):
        u, _ = lax.scan(lambda u, _: (half(half(u.T, rate).T, rate), None), start, None, length=steps)
        return jnp.sum(u * u)

    return diffused


def numba_primal_version():
    from numba import njit

    @njit
    def diffused(start, rate, steps):
        u = start.copy()
        n = u.shape[0]
        p, q, v = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
        middle, rest = 1.0 + 2.0 * rate, 1.0 - 2.0 * rate
        for _ in range(steps):
            for i in range(1, n - 1):
                v[i, n - 1] = p[i, 0] = q[i, 0] = 0.0
                for j in range(1, n - 1):
                    below = middle - rate * p[i, j - 1]
                    p[i, j] = rate / below
                    given = rate * u[i - 1, j] + rest * u[i, j] + rate * u[i + 1, j]
                    q[i, j] = (given + rate * q[i, j - 1]) / below
                for j in range(n - 2, 0, -1):
                    v[i, j] = p[i, j] * v[i, j + 1] + q[i, j]
            u[:] = 0.0
            p[0, :] = 0.0
            q[0, :] = 0.0
            for i in range(1, n - 1):
                for j in range(1, n - 1):
                    below = middle - rate * p[i - 1, j]
                    p[i, j] = rate / below
                    given = rate * v[i, j - 1] + rest * v[i, j] + rate * v[i, j + 1]
                    q[i, j] = (given + rate * q[i - 1, j]) / below
            for i in range(n - 2, 0, -1):
                for j in range(1, n - 1):
                    u[i, j] = p[i, j] * u[i + 1, j] + q[i, j]
        return np.sum(u * u)

    return diffused


CASES = (
    Case(
        "adi",
        "heat equation by alternating directions, 200 x 200, 20 steps, f64",
        diffused,
        inputs,
        {"n": 200, "steps": 20},
        {"n": 6, "steps": 2},
        {"torch": torch_version, "jax": jax_version, "numba_primal": numba_primal_version},
        suite="loops",
        static=(2,),
        work=work,
    ),
)
