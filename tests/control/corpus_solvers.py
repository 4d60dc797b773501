"""Linear algebra by loops, iterations to convergence, series and recurrences."""

from __future__ import annotations

import numpy as np


def lu(a):
    a = a.copy()
    n = a.shape[0]
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]
    s = 0.0
    for k in range(n):
        s += np.log(np.abs(a[k, k]))
    return s + 0.1 * np.sum(a)


def cholesky(b):
    a = b @ b.T + 2.0 * np.eye(b.shape[0])
    n = a.shape[0]
    low = np.zeros((n, n))
    for j in range(n):
        low[j, j] = np.sqrt(a[j, j] - np.sum(low[j, :j] ** 2))
        for i in range(j + 1, n):
            low[i, j] = (a[i, j] - low[i, :j] @ low[j, :j]) / low[j, j]
    return np.sum(np.log(np.diag(low))) + np.sum(low)


def gram_schmidt(a):
    n = a.shape[1]
    q = np.zeros_like(a)
    for j in range(n):
        v = a[:, j].copy()
        for i in range(j):
            v -= (q[:, i] @ v) * q[:, i]
        q[:, j] = v / np.sqrt(v @ v)
    return np.sum(q * np.arange(q.size).reshape(q.shape))


def thomas(d):
    n = len(d)
    c, x = np.zeros(n), d.copy()
    for i in range(n):
        m = 3.0 + 0.1 * d[i] - (c[i - 1] if i > 0 else 0.0)
        c[i] = 1.0 / m
        x[i] = (x[i] + (x[i - 1] if i > 0 else 0.0)) / m
    for i in range(n - 2, -1, -1):
        x[i] += c[i] * x[i + 1]
    return np.sum(x**2)


def back_substitution(a):
    n = a.shape[0]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        s = 1.0
        for j in range(i + 1, n):
            s -= a[i, j] * x[j]
        x[i] = s / (2.0 + a[i, i])
    return np.sum(x**2)


def gaussian_elimination_with_pivot(a):
    a = a.copy()
    n = a.shape[0]
    sign = 1.0
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if np.abs(a[i, k]) > np.abs(a[p, k]):
                p = i
        if p != k:
            row = a[k].copy()
            a[k] = a[p]
            a[p] = row
            sign = -sign
        for i in range(k + 1, n):
            a[i] -= a[i, k] / a[k, k] * a[k]
    det = sign
    for k in range(n):
        det *= a[k, k]
    return det


def power_iteration(a):
    v = np.ones(a.shape[0])
    for _ in range(15):
        w = a @ v
        v = w / np.sqrt(w @ w)
    return v @ (a @ v)


def conjugate_gradient(b, a):
    x = np.zeros_like(b)
    r = b - a @ x
    p = r.copy()
    old = r @ r
    for _ in range(b.shape[0]):
        ap = a @ p
        step = old / (p @ ap)
        x += step * p
        r -= step * ap
        new = r @ r
        if new < 1e-20:
            break
        p = r + new / old * p
        old = new
    return np.sum(x**3)


def floyd_warshall(d):
    d = d.copy()
    n = d.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                d[i, j] = min(d[i, j], d[i, k] + d[k, j])
    return np.sum(d**2)


def bellman_ford(w):
    n = w.shape[0]
    best = np.full(n, 10.0)
    best[0] = 0.0
    for _ in range(n - 1):
        changed = False
        for i in range(n):
            for j in range(n):
                if best[i] + w[i, j] < best[j]:
                    best[j] = best[i] + w[i, j]
                    changed = True
        if not changed:
            break
    return np.sum(best**2)


def newton_root(p):
    x = p[0]
    while abs(x * x * x - p[1]) > 1e-12:
        x = x - (x * x * x - p[1]) / (3.0 * x * x)
    return x * p[2]


def newton_with_return(p):
    def solve(a):
        x = a
        for _ in range(50):
            step = (x * x - a) / (2.0 * x)
            x = x - step
            if abs(step) < 1e-13:
                return x
        return np.nan

    return solve(p[0]) * p[1] + solve(p[2])


def bisection(p):
    """The derivative of its steps is zero almost everywhere: the last step, of Newton's, has the right one."""
    low, high = 0.0, 3.5
    for _ in range(40):
        middle = 0.5 * (low + high)
        if middle**3 + middle > p[1]:
            high = middle
        else:
            low = middle
    x = low - (low**3 + low - p[1]) / (3.0 * low**2 + 1.0)
    return x + p[2] * x**2


def line_search(p):
    x = p[0]
    for _ in range(5):
        slope = 2.0 * (x - p[1]) + p[2] * np.cos(x)
        step = 1.0
        while True:
            new = x - step * slope
            if (new - p[1]) ** 2 + p[2] * np.sin(new) <= (x - p[1]) ** 2 + p[2] * np.sin(x) + 1e-9:
                break
            step *= 0.5
        x = new
    return x**2


def continued_fraction(p):
    f, c, d = p[0], p[0], 0.0
    for k in range(1, 100):
        d = 1.0 / (p[1] + k * d)
        c = p[1] + k / c
        delta = c * d
        f *= delta
        if abs(delta - 1.0) < 1e-12:
            break
    return f


def horner(c):
    s = 0.0
    for v in reversed(c):
        s = s * 0.7 + v
    return s**2


def clenshaw(c):
    b1 = b2 = 0.0
    x = c[0]
    for k in range(c.shape[0] - 1, 0, -1):
        b1, b2 = c[k] + 2.0 * x * b1 - b2, b1
    return x * b1 - b2


def levinson_durbin(r):
    n = len(r) - 1
    a = np.zeros(n + 1)
    a[0] = 1.0
    error = r[0]
    for m in range(1, n + 1):
        s = r[m]
        for k in range(1, m):
            s += a[k] * r[m - k]
        reflection = -s / error
        old = a.copy()
        for k in range(1, m):
            a[k] = old[k] + reflection * old[m - k]
        a[m] = reflection
        error *= 1.0 - reflection**2
    return np.sum(a**2) + error


def cumulative_products(x):
    y = np.ones(len(x) + 1)
    for i, v in enumerate(x):
        y[i + 1] = y[i] * v
    return np.sum(y)


def pascal(x):
    n = 6
    t = np.zeros((n, n))
    for i in range(n):
        t[i, 0] = x[0]
        for j in range(1, i + 1):
            t[i, j] = t[i - 1, j - 1] + x[1] * t[i - 1, j]
    return np.sum(t * x[2])


def sorting_network(x):
    x = x.copy()
    n = len(x)
    for i in range(n):
        for j in range(n - 1 - i):
            low, high = min(x[j], x[j + 1]), max(x[j], x[j + 1])
            x[j], x[j + 1] = low, high
    return np.sum(x * np.arange(n))


def insertion_sort(x):
    x = x.copy()
    for i in range(1, len(x)):
        v, j = x[i], i - 1
        while j >= 0 and x[j] > v:
            x[j + 1] = x[j]
            j -= 1
        x[j + 1] = v
    return np.sum(x * np.arange(len(x)) ** 2)


def quadrature(p):
    s = 0.0
    n = 50
    for i in range(n):
        x = (i + 0.5) / n
        if x < 0.3:
            s += p[0] * np.exp(-x)
        elif x < 0.8:
            s += p[1] * x**2
        else:
            s += np.sin(p[2] * x)
    return s / n


def square(rng):
    return (rng.uniform(0.2, 1.2, (4, 4)),)


def vector(rng):
    return (rng.uniform(0.4, 1.4, 6),)


PROGRAMS = [
    (lu, lambda rng: (rng.uniform(0.2, 1.2, (4, 4)) + 2.0 * np.eye(4),)),
    (cholesky, square),
    (gram_schmidt, square),
    (thomas, vector),
    (back_substitution, square),
    (gaussian_elimination_with_pivot, square),
    (power_iteration, square),
    (conjugate_gradient, lambda rng: (rng.uniform(0.2, 1.2, 4), np.diag([2.0, 3.0, 4.0, 5.0]) + 0.3)),
    (floyd_warshall, lambda rng: (rng.uniform(0.2, 2.2, (5, 5)),)),
    (bellman_ford, lambda rng: (rng.uniform(0.2, 2.2, (5, 5)),)),
    (newton_root, lambda rng: (np.array([1.5, 2.5, 0.7]),)),
    (newton_with_return, lambda rng: (np.array([1.5, 2.5, 0.7]),)),
    (bisection, lambda rng: (np.array([1.5, 2.5, 0.7]),)),
    (line_search, lambda rng: (np.array([1.5, 0.4, 0.7]),)),
    (continued_fraction, lambda rng: (np.array([1.5, 2.5]),)),
    (horner, vector),
    (clenshaw, vector),
    (levinson_durbin, lambda rng: (np.array([3.0, 1.1, 0.7, 0.4, 0.2]),)),
    (cumulative_products, vector),
    (pascal, lambda rng: (np.array([1.1, 0.8, 0.7]),)),
    (sorting_network, vector),
    (insertion_sort, vector),
    (quadrature, lambda rng: (np.array([1.1, 0.8, 0.7]),)),
]
