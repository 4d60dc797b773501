"""Linear algebra: functions of one factorisation, whose gradient should cost little more than that again.

Every version is the same few lines over another library's namespace. Where one triangle is read, libraries differ in
which triangle has the gradient: so these functions take the symmetric part.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.linalg

from benchmarks.case import Case
from benchmarks.roofline import Work

Triangular = Callable[[Any, Any], Any]  # the solution of a lower triangular system
Version = Callable[[Any, Triangular], Callable[..., Any]]


def solve(xp: Any, triangular: Triangular) -> Callable[..., Any]:
    def loss(a, b):
        return xp.sum(xp.linalg.solve(a, b) ** 2)

    return loss


def inv(xp: Any, triangular: Triangular) -> Callable[..., Any]:
    def loss(a, w):
        return xp.sum(xp.linalg.inv(a) * w)

    return loss


def gp(xp: Any, triangular: Triangular) -> Callable[..., Any]:
    def loss(k, y):
        """The negative logarithm of a Gaussian density, but for a constant."""
        factor = xp.linalg.cholesky((k + k.T) / 2)
        return xp.sum(triangular(factor, y) ** 2) / 2 + xp.sum(xp.log(xp.diag(factor)))

    return loss


def eigh(xp: Any, triangular: Triangular) -> Callable[..., Any]:
    def loss(a, w):
        values, vectors = xp.linalg.eigh((a + a.T) / 2)
        return xp.sum((vectors * xp.exp(values / 10)) @ vectors.T * w)

    return loss


def svd(xp: Any, triangular: Triangular) -> Callable[..., Any]:
    def loss(a, w):
        u, s, vt = xp.linalg.svd(a, full_matrices=False)
        return xp.sum((u * xp.sqrt(s)) @ vt * w)

    return loss


def qr(xp: Any, triangular: Triangular) -> Callable[..., Any]:
    def loss(a, w):
        q, r = xp.linalg.qr(a)
        return xp.sum(q * w) + xp.sum(r * w)

    return loss


def lstsq(xp: Any, triangular: Triangular) -> Callable[..., Any]:
    def loss(a, b):
        return xp.sum(xp.linalg.lstsq(a, b)[0] ** 2)

    return loss


def square(rng: np.random.Generator, n: int) -> tuple[Any, ...]:
    return rng.standard_normal((n, n)) + 2 * np.sqrt(n) * np.eye(n), rng.standard_normal((n, n))


def with_vector(rng: np.random.Generator, n: int) -> tuple[Any, ...]:
    return square(rng, n)[0], rng.standard_normal((n, 1))


def symmetric(rng: np.random.Generator, n: int) -> tuple[Any, ...]:
    a, w = square(rng, n)
    return (a + a.T) / 2, w


def definite(rng: np.random.Generator, n: int) -> tuple[Any, ...]:
    a, y = with_vector(rng, n)
    return a @ a.T / n + np.eye(n), y


def tall(rng: np.random.Generator, n: int) -> tuple[Any, ...]:
    return rng.standard_normal((2 * n, n)), rng.standard_normal(2 * n)


def numpy_triangular(a: Any, b: Any) -> Any:
    return scipy.linalg.solve_triangular(a, b, lower=True)


def autograd_version(version: Version) -> Callable[..., Any]:
    import autograd.numpy
    import autograd.scipy.linalg

    return version(autograd.numpy, partial(autograd.scipy.linalg.solve_triangular, lower=True))


def torch_version(version: Version) -> Callable[..., Any]:
    import torch

    return version(torch, partial(torch.linalg.solve_triangular, upper=False))


def jax_version(version: Version) -> Callable[..., Any]:
    import jax
    import jax.numpy

    return version(jax.numpy, partial(jax.scipy.linalg.solve_triangular, lower=True))


PEERS = {"autograd": autograd_version, "torch": torch_version, "jax": jax_version}


def case(version: Version, what: str, inputs: Callable[..., tuple[Any, ...]], n: int, cubes: float) -> Case:
    """``cubes``: how many times n**3 operations the factorisation alone takes."""
    lacking = {lstsq: ("autograd", "torch"), qr: ("autograd",)}.get(version, ())  # which have no such derivative
    offered = [name for name in PEERS if name not in lacking]
    return Case(
        f"linalg_{version.__name__}_{n}",
        f"{what}, n = {n}, f64",
        version(np, numpy_triangular),
        inputs,
        {"n": n},
        {"n": 4},
        {name: partial(PEERS[name], version) for name in offered},
        suite="linalg",
        rtol=1e-7,
        work=lambda n: Work("float64", 16 * n * n, int(cubes * n**3)),
    )


CASES = (
    *(case(solve, "a system with one right side", with_vector, n, 2 / 3) for n in (50, 200, 500)),
    *(case(gp, "a Gaussian's log-density by Cholesky", definite, n, 1 / 3) for n in (50, 200, 500)),
    case(inv, "a weighted sum of an inverse", square, 200, 2),
    case(qr, "Q and R", square, 200, 8 / 3),
    case(eigh, "a function of a symmetric matrix", symmetric, 200, 9),
    case(svd, "a function of singular values and vectors", square, 200, 20),
    case(lstsq, "least squares, twice as many rows", tall, 200, 20),
)
