"""Programs in which a range or a slice has another length in each iteration: what every test of extents runs over."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(5)
X = RNG.normal(size=6)
SQUARE = RNG.normal(size=(5, 5))
POSITIVE = SQUARE @ SQUARE.T + 5 * np.eye(5)
COVARIANCES = np.array([3.0, 1.0, 0.5, 0.3, -0.2, 0.1])
COUNTS = np.array([3, 0, 5, 2, -2, 6])


def triangle(x):
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(i):
            total += np.sin(x[i] * x[j])
    return total


def three_deep(x):
    n, total = x.shape[0], 0.0
    for i in range(n):
        for j in range(n - i):
            for k in range(j, i + j):
                total += x[i] * np.sin(x[j]) * x[k % n]
    return total


def downwards(x):
    total = 0.0
    for i in range(x.shape[0] - 1, -1, -1):
        for j in range(i, -1, -1):
            total = total * 0.9 + x[i] * x[j] ** 2
    return total


def counts_from_data(x):
    total = 0.0
    for i in range(6):
        for j in range(COUNTS[i]):
            total = total * 0.7 + x[j] * x[i]
    return total


def rewritten_triangle(x):
    u = x.copy()
    for i in range(u.shape[0]):
        for j in range(i):
            u[i] -= 0.1 * u[j] * u[i]
    return np.sum(u * u)


def suffix_written(x):
    u = x.copy()
    for i in range(u.shape[0]):
        u[i + 1 :] -= 0.3 * u[i] * u[i + 1 :]
    return np.sum(u**2)


def overlapping(x):
    u, n = x.copy(), x.shape[0]
    for i in range(1, n - 1):
        u[i:] += 0.5 * u[i - 1 : n - 1] * u[i:]
    return np.sum(u)


def windows(x):
    n, total = x.shape[0], 0.0
    for i in range(n):
        total += np.sum(x[i : i + 3] ** 2) * x[i] + np.sum(np.exp(x[np.maximum(i - 1, 0) : np.minimum(i + 2, n)]))
    return total


def from_the_end(x):
    total = 0.0
    for i in range(1, x.shape[0]):
        total += np.sum(np.tanh(x[-i:])) * np.sum(x[:-i]) + np.dot(x[: i + 1], x[i::-1]) + np.sum(x[i::2] ** 3)
    return total


def at_the_smallest(x):
    k = np.argmin(x)
    scaled = np.arange(6) * x
    return np.sum(x[:k] ** 2) + np.sum(np.sin(x[k:])) + np.max(x[k:]) + np.dot(x[: k + 1], scaled[: k + 1])


def views_and_sizes(x):
    u, total = x.copy(), 0.0
    for i in range(1, u.shape[0]):
        part = u[:i]
        part *= 0.5
        part[0] += u[i] * 0.1
        fresh = np.zeros(i)
        fresh[:] = part
        fresh[0] = x[i]
        total += np.sum(np.arange(i) * fresh) / part.shape[0] + np.mean(u[i:]) + np.max(x[:i]) * len(part)
    return np.sum(u * u) + total


def branches(x):
    u = x.copy()
    for i in range(1, u.shape[0]):
        if x[i] > 0:
            u[:i] *= np.cos(x[i])
        else:
            u[i:] += u[0] * 0.1
    return np.sum(u**2)


def elimination(a):
    a, n = a.copy(), a.shape[0]
    for k in range(n - 1):
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return np.sum(np.log(np.diag(a)))


def cholesky(a):
    n = a.shape[0]
    factor = np.zeros((n, n))
    for j in range(n):
        factor[j, j] = np.sqrt(a[j, j] - np.sum(factor[j, :j] ** 2))
        for i in range(j + 1, n):
            factor[i, j] = (a[i, j] - np.dot(factor[i, :j], factor[j, :j])) / factor[j, j]
    return np.sum(np.log(np.diag(factor))) + np.sum(factor[:, 0])


def solve(a, b):
    n = b.shape[0]
    x = np.zeros(n)
    for i in range(n):
        x[i] = (b[i] - a[i, :i] @ x[:i]) / a[i, i]
    for i in range(n - 1, -1, -1):
        x[i] = (x[i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return np.sum(x * x)


def gram_schmidt(a):
    q = a.copy()
    for j in range(q.shape[1]):
        q[:, j] -= q[:, :j] @ (q[:, :j].T @ q[:, j])
        q[:, j] /= np.sqrt(np.sum(q[:, j] ** 2))
    return np.sum(np.sin(q))


def levinson(r):
    n = r.shape[0] - 1
    a, error = np.zeros(n + 1), r[0]
    a[0] = 1.0
    for k in range(1, n + 1):
        reflection = -np.dot(a[:k], r[1 : k + 1][::-1]) / error
        a[1 : k + 1] += reflection * a[:k][::-1]
        error = error * (1 - reflection * reflection)
    return np.sum(a) + error


def insertion_sort(x):
    u = x.copy()
    for i in range(1, u.shape[0]):
        j = i
        while j > 0 and u[j - 1] > u[j]:
            u[j - 1], u[j] = u[j], u[j - 1]
            j -= 1
    return np.sum(u * np.arange(u.shape[0]))


PROGRAMS = {
    f.__name__: (f, arguments)
    for f, *arguments in (
        (triangle, X), (three_deep, X), (downwards, X), (counts_from_data, X), (rewritten_triangle, X),
        (suffix_written, X), (overlapping, X), (windows, X), (from_the_end, X), (at_the_smallest, X),
        (views_and_sizes, X), (branches, X), (elimination, POSITIVE), (cholesky, POSITIVE), (solve, POSITIVE, X[:5]),
        (gram_schmidt, SQUARE), (levinson, COVARIANCES), (insertion_sort, X),
    )
}  # fmt: skip
COMPILED = ("at_the_smallest", "views_and_sizes", "cholesky", "insertion_sort")
TWICE = ("triangle", "counts_from_data", "solve", "insertion_sort")
