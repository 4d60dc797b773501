"""What loops that write arrays element by element, or row by row, save for the backward part: never whole arrays."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override


def cholesky(a):
    n, low = len(a), np.zeros_like(a)
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= low[i, k] * low[j, k]
            if i == j:
                low[i, j] = np.sqrt(s)
            else:
                low[i, j] = s / low[j, j]
    return np.sum(np.log(np.diag(low)))


def cholesky_in_place(a):
    a, n = a.copy(), len(a)
    for k in range(n):
        a[k, k] = np.sqrt(a[k, k])
        for i in range(k + 1, n):
            a[i, k] = a[i, k] / a[k, k]
        for j in range(k + 1, n):
            for i in range(j, n):
                a[i, j] -= a[i, k] * a[j, k]
    return np.sum(np.log(np.diag(a)))


def elimination_by_rows(a):
    a, n = a.copy(), len(a)
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k:] -= a[i, k] / a[k, k] * a[k, k:]
    return np.sum(np.log(np.abs(np.diag(a))))


def gram_schmidt(a):
    n, q = len(a), a.copy()
    for i in range(n):
        q[i] = q[i] / np.sqrt(np.sum(q[i] ** 2))
        for j in range(i + 1, n):
            q[j] = q[j] - np.sum(q[i] * q[j]) * q[i]
    return np.sum(q[:, 0])


def gauss_seidel(u):
    u, n = u.copy(), len(u)
    for _ in range(5):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + np.sin(u[i, j + 1]))
    return np.sum(u**2)


def matrix(n):
    a = np.random.default_rng(n).uniform(0.1, 1.0, (n, n))
    return a @ a.T + n * np.eye(n)


def bytes_saved(program, n):
    f = graphc.grad(program)
    f(matrix(n))
    return int(str(f.saved()).split(" bytes")[0].replace(",", ""))


@pytest.mark.parametrize(
    ("program", "power"),
    [(cholesky, 3), (cholesky_in_place, 3), (elimination_by_rows, 3), (gram_schmidt, 3), (gauss_seidel, 2)],
)
def test_what_is_saved_grows_as_what_is_computed(program, power):
    with override(disable_jit=True):
        small, large = bytes_saved(program, 8), bytes_saved(program, 16)
    assert large < small * 2 ** (power + 0.5)


@pytest.mark.parametrize("program", [cholesky, elimination_by_rows])
def test_gradient(program):
    a = matrix(5)
    steps = 1e-6 * np.eye(25).reshape(25, 5, 5)
    expected = np.array([(program(a + d) - program(a - d)) / 2e-6 for d in steps]).reshape(5, 5)
    np.testing.assert_allclose(graphc.grad(program)(a), expected, rtol=1e-6, atol=1e-8)


def test_a_write_into_a_part_of_a_slice_writes_no_more_than_that():
    with override(disable_jit=True):
        text = str(graphc.grad(elimination_by_rows).graph("final", matrix(5)))
    updates = [line for line in text.splitlines() if " = update " in line]
    assert not [line for line in updates if "[n0,-i" in line.split(" = ")[0]]


def reads_outside(x, k):
    s = 0.0
    for i in range(len(x)):
        if k[i] >= 0:
            s += np.sqrt(x[k[i]]) if x[i] > 0 else s * x[k[i]]
    return s


def test_a_branch_that_is_not_taken_reads_nothing_outside():
    f, x = graphc.grad(reads_outside), np.array([1.0, 4.0, 0.25])
    np.testing.assert_allclose(f(x, np.array([1, -9, 2])), [0.0, 0.25, 1.0])
    with pytest.raises(IndexError, match="out of bounds"):
        f(x, np.array([1, 3, 2]))
