"""Filters, sequences, dynamic programming and networks over time."""

from __future__ import annotations

import numpy as np


def kalman(p, seen):
    mean, variance, loss = 0.0, 1.0, 0.0
    for z in seen:
        mean, variance = p[0] * mean, p[0] ** 2 * variance + p[1] ** 2
        s = variance + p[2] ** 2
        gain = variance / s
        loss += 0.5 * np.log(s) + 0.5 * (z - mean) ** 2 / s
        mean, variance = mean + gain * (z - mean), (1.0 - gain) * variance
    return loss


def kalman_matrices(q, seen):
    f, h = np.array([[1.0, 0.1], [0.0, 1.0]]), np.array([1.0, 0.0])
    m, c, loss = np.zeros(2), np.eye(2), 0.0
    for t in range(len(seen)):
        m = f @ m
        c = f @ c @ f.T + np.diag(q[:2] ** 2)
        s = h @ c @ h + q[2] ** 2
        k = c @ h / s
        r = seen[t] - h @ m
        loss += np.log(s) + r**2 / s
        m = m + k * r
        c = c - np.outer(k, h @ c)
    return loss


def hmm_forward(logits, seen):
    a = np.exp(logits)
    a = a / a.sum(axis=1)[:, None]
    n = a.shape[0]
    alpha = np.ones(n) / n
    loss = 0.0
    for y in seen:
        new = np.zeros(n)
        for j in range(n):
            for i in range(n):
                new[j] += alpha[i] * a[i, j]
            new[j] *= np.exp(-0.5 * (y - j) ** 2)
        total = new.sum()
        loss -= np.log(total)
        alpha = new / total
    return loss


def viterbi_like(scores):
    steps, n = scores.shape
    best = scores[0].copy()
    for t in range(1, steps):
        new = np.zeros(n)
        for j in range(n):
            top = best[0] - 0.3 * j
            for i in range(1, n):
                v = best[i] - 0.3 * abs(i - j)
                top = max(top, v)
            new[j] = top + scores[t, j]
        best = new
    return np.max(best)


def dynamic_time_warping(a, b):
    n, m = len(a), len(b)
    d = np.full((n + 1, m + 1), 100.0)
    d[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = (a[i - 1] - b[j - 1]) ** 2
            d[i, j] = cost + min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1])
    return d[n, m]


def soft_alignment(a, b):
    n, m = len(a), len(b)
    d = np.zeros((n + 1, m + 1))
    d[0, 1:] = 1.0
    for i, u in enumerate(a):
        for j, v in enumerate(b):
            d[i + 1, j + 1] = np.log(np.exp(d[i, j]) + np.exp(d[i, j + 1])) - abs(u - v)
    return d[n, m]


def lstm(w, xs):
    n = w.shape[0] // 4
    h, c = np.zeros(n), np.zeros(n)
    for x in xs:
        z = w @ np.concatenate([x, h])
        i, f, o = (1.0 / (1.0 + np.exp(-z[k * n : (k + 1) * n])) for k in range(3))
        c = f * c + i * np.tanh(z[3 * n :])
        h = o * np.tanh(c)
    return np.sum(h**2)


def gru(w, xs):
    n = w.shape[1]
    h = np.zeros(n)
    for t in range(xs.shape[0]):
        xh = np.concatenate([xs[t], h])
        z = 1.0 / (1.0 + np.exp(-(w[0] @ xh)))
        r = 1.0 / (1.0 + np.exp(-(w[1] @ xh)))
        new = np.tanh(w[2] @ np.concatenate([xs[t], r * h]))
        h = (1.0 - z) * h + z * new
    return np.sum(h)


def deep_network(params):
    h = params["x"]
    for w, b in params["layers"]:
        h = np.tanh(w @ h + b)
    return np.sum(h**2)


def exponential_smoothing(p, seen):
    level, trend = seen[0], 0.0
    loss = 0.0
    for t in range(1, len(seen)):
        loss += (seen[t] - level - trend) ** 2
        level, trend = (
            p[0] * seen[t] + (1.0 - p[0]) * (level + trend),
            p[1] * (seen[t] - level) + (1.0 - p[1]) * trend,
        )
    return loss


def garch(p, seen):
    variance, loss = 0.5, 0.0
    for r in seen:
        loss += np.log(variance) + r**2 / variance
        variance = p[0] + p[1] * r**2 + p[2] * variance
    return loss


def random_walk_likelihood(p, steps):
    x, loss = p[0], 0.0
    for k in steps:
        drift = p[1] * (p[2] - x)
        if k > 0.2:
            loss -= np.log(1.0 / (1.0 + np.exp(-drift)))
            x += k
        elif k < -0.2:
            loss -= np.log(1.0 / (1.0 + np.exp(drift)))
            x += k
        else:
            continue
        loss += 0.01 * x**2
    return loss


def scatter_histogram(w, bins):
    counts = np.zeros(5)
    for i, k in enumerate(bins):
        counts[k] += w[i] ** 2
    return np.sum(counts**3)


def scatter_at_once(w, bins):
    counts = np.zeros(5)
    np.add.at(counts, bins, w**2)
    counts[bins] *= 1.1
    return np.sum(counts**3)


def mandelbrot_mask(c):
    x, y = np.zeros_like(c), np.zeros_like(c)
    inside = np.ones(c.shape, dtype=bool)
    for _ in range(6):
        x, y = np.where(inside, x * x - y * y + c, x), np.where(inside, 2.0 * x * y + 0.3, y)
        inside = x * x + y * y < 4.0
    return np.sum(np.where(inside, x, 0.1 * y))


def escape_time(c):
    total = 0.0
    for v in c:
        x, n = 0.0, 0
        while x < 4.0 and n < 12:
            x = x * x + v
            n += 1
        total += x / n
    return total


def moving_median_of_three(x):
    y = x.copy()
    for i in range(1, len(x) - 1):
        a, b, c = x[i - 1], x[i], x[i + 1]
        if a > b:
            a, b = b, a
        if b > c:
            b = c if c > a else a
        y[i] = b
    return np.sum(y * np.arange(len(x)))


def first_passage(p, noise):
    x = p[0]
    for k, e in enumerate(noise):
        x = x + p[1] + 0.3 * e
        if x > 1.5:
            return x * p[2] + 0.01 * k
    return x


def matching_brackets(x):
    """A stack in an array, with its top as an index."""
    stack, top, s = np.zeros(10), 0, 0.0
    for v in x:
        if v > 0.8:
            stack[top] = v
            top += 1
        elif top > 0:
            top -= 1
            s += stack[top] * v
    return s


def particle_weights(p, seen):
    particles = np.array([-0.5, 0.0, 0.4, 0.9])
    weights = np.full(4, 0.25)
    for z in seen:
        total = 0.0
        for k in range(4):
            particles[k] = p[0] * particles[k] + p[1]
            weights[k] *= np.exp(-0.5 * (z - particles[k]) ** 2)
            total += weights[k]
        weights /= total
    return np.sum(weights * particles)


def upsample(x):
    y = np.zeros(2 * len(x) - 1)
    for i in range(len(y)):
        y[i] = x[i // 2] if i % 2 == 0 else 0.5 * (x[i // 2] + x[i // 2 + 1])
    return np.sum(y**3)


def convolution(x, k):
    y = np.zeros(len(x) + len(k) - 1)
    for i in range(len(x)):
        for j in range(len(k)):
            y[i + j] += x[i] * k[j]
    return np.sum(y**2)


def fft_like_butterflies(x):
    x = x.copy()
    half = 1
    while half < 8:
        for start in range(0, 8, 2 * half):
            for k in range(half):
                a, b = x[start + k], x[start + k + half] * (1.0 + 0.1 * k)
                x[start + k], x[start + k + half] = a + b, a - b
        half *= 2
    return np.sum(x**3)


def series(rng):
    return np.array([0.5, 0.3, 0.4]), rng.uniform(-1.0, 1.0, 12)


def network(rng):
    layers = [(rng.normal(size=(3, 3)), rng.normal(size=3)) for _ in range(3)]
    return ({"x": rng.uniform(0.2, 1.2, 3), "layers": layers},)


PROGRAMS = [
    (kalman, series),
    (kalman_matrices, series),
    (hmm_forward, lambda rng: (rng.normal(size=(3, 3)), rng.uniform(0.0, 2.0, 7))),
    (viterbi_like, lambda rng: (rng.normal(size=(6, 4)),)),
    (dynamic_time_warping, lambda rng: (rng.normal(size=5), rng.normal(size=6))),
    (soft_alignment, lambda rng: (rng.normal(size=5), rng.normal(size=6))),
    (lstm, lambda rng: (rng.normal(size=(8, 5)), rng.normal(size=(6, 3)))),
    (gru, lambda rng: (rng.normal(size=(3, 2, 4)), rng.normal(size=(6, 2)))),
    (deep_network, network),
    (exponential_smoothing, series),
    (garch, series),
    (random_walk_likelihood, series),
    (scatter_histogram, lambda rng: (rng.uniform(0.2, 1.2, 12), rng.integers(0, 5, 12))),
    (scatter_at_once, lambda rng: (rng.uniform(0.2, 1.2, 12), rng.integers(0, 5, 12))),
    (mandelbrot_mask, lambda rng: (rng.uniform(-0.8, 0.6, 8),)),
    (escape_time, lambda rng: (rng.uniform(0.1, 0.9, 5),)),
    (moving_median_of_three, lambda rng: (rng.uniform(0.2, 1.2, 9),)),
    (first_passage, series),
    (matching_brackets, lambda rng: (rng.uniform(0.4, 1.2, 10),)),
    (particle_weights, series),
    (upsample, lambda rng: (rng.uniform(0.4, 1.2, 6),)),
    (convolution, lambda rng: (rng.uniform(0.4, 1.2, 6), rng.uniform(0.4, 1.2, 3))),
    (fft_like_butterflies, lambda rng: (rng.uniform(0.4, 1.2, 8),)),
]
