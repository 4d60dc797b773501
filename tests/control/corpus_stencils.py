"""Fields on grids and bodies in motion."""

from __future__ import annotations

import numpy as np


def jacobi_2d(u):
    new = u.copy()
    for _ in range(6):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                new[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
        u, new = new, u.copy()
    return np.sum(u**2)


def gauss_seidel_2d(u):
    u = u.copy()
    for _ in range(5):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
    return np.sum(u**2)


def red_black(u):
    u = u.copy()
    for sweep in range(6):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                if (i + j) % 2 == sweep % 2:
                    u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
    return np.sum(u**3)


def heat_2d(u, k):
    for _ in range(8):
        lap = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4.0 * u[1:-1, 1:-1]
        u = u.copy()
        u[1:-1, 1:-1] += k * lap
    return np.sum(u**2)


def heat_3d(u):
    u, new = u.copy(), np.zeros_like(u)
    for step in range(4):
        new[:] = u
        for i in range(1, u.shape[0] - 1):
            new[i, 1:-1, 1:-1] += 0.1 * (
                u[i - 1, 1:-1, 1:-1] + u[i + 1, 1:-1, 1:-1] + u[i, :-2, 1:-1] + u[i, 2:, 1:-1]
                + u[i, 1:-1, :-2] + u[i, 1:-1, 2:] - 6.0 * u[i, 1:-1, 1:-1]
            )  # fmt: skip
        u, new = new, u
        u[0] *= 1.0 - 0.01 * step
    return np.sum(u * u)


def wave_equation(u, c):
    before, now = u.copy(), u.copy()
    for _ in range(10):
        after = np.zeros_like(now)
        after[1:-1] = 2.0 * now[1:-1] - before[1:-1] + c[1:-1] * (now[2:] - 2.0 * now[1:-1] + now[:-2])
        before, now = now, after
    return np.sum(now**2)


def fdtd_1d(e):
    e, h = e.copy(), np.zeros(len(e) - 1)
    for t in range(12):
        h += 0.5 * (e[1:] - e[:-1])
        e[1:-1] += 0.5 * (h[1:] - h[:-1])
        e[0] = np.sin(0.3 * t) * e[1]
    return np.sum(e**2) + np.sum(h**2)


def fdtd_2d(ez):
    ez = ez.copy()
    n, m = ez.shape
    hx, hy = np.zeros((n, m - 1)), np.zeros((n - 1, m))
    for t in range(5):
        hx -= 0.4 * (ez[:, 1:] - ez[:, :-1])
        hy += 0.4 * (ez[1:, :] - ez[:-1, :])
        ez[1:-1, 1:-1] += 0.4 * (hy[1:, 1:-1] - hy[:-1, 1:-1] - hx[1:-1, 1:] + hx[1:-1, :-1])
        ez[2, 2] += np.exp(-0.5 * (t - 2.0) ** 2)
    return np.sum(ez**2)


def burgers_upwind(u):
    u = u.copy()
    for _ in range(6):
        old = u.copy()
        for i in range(1, u.shape[0] - 1):
            slope = old[i] - old[i - 1] if old[i] > 0.0 else old[i + 1] - old[i]
            u[i] = old[i] - 0.1 * old[i] * slope
    return np.sum(u**2)


def adi(u):
    u = u.copy()
    n = u.shape[0]
    for _ in range(2):
        for i in range(1, n - 1):
            c, d = np.zeros(n), np.zeros(n)
            d[0] = u[i, 0]
            for j in range(1, n - 1):
                m = 2.4 - 0.4 * c[j - 1]
                c[j] = 0.4 / m
                d[j] = (u[i, j] + 0.2 * (u[i - 1, j] + u[i + 1, j]) + 0.4 * d[j - 1]) / m
            for j in range(n - 2, 0, -1):
                u[i, j] = d[j] + c[j] * u[i, j + 1]
        u = u.T.copy()
    return np.sum(u**2)


def life_like(u):
    """A smooth cellular automaton: a wrapped neighbourhood by hand."""
    n = u.shape[0]
    for _ in range(3):
        new = np.zeros((n, n))
        for i in range(n):
            for j in range(n):
                s = 0.0
                for a in range(-1, 2):
                    for b in range(-1, 2):
                        s += u[(i + a) % n, (j + b) % n]
                new[i, j] = 1.0 / (1.0 + np.exp(-(s - u[i, j] - 2.0)))
        u = new
    return np.sum(u**2)


def sandpile_masks(u):
    for _ in range(5):
        high = u > 1.0
        u = np.where(high, 0.6 * u, u)
        u[1:][high[:-1]] += 0.1
    return np.sum(u**2)


# --- motion -----------------------------------------------------------------------------------------------------------


def lorenz_rk4(p):
    def rhs(y):
        return np.array([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])

    y = np.array([1.0, 0.5, 0.2])
    h = 0.01
    for _ in range(30):
        k1 = rhs(y)
        k2 = rhs(y + 0.5 * h * k1)
        k3 = rhs(y + 0.5 * h * k2)
        k4 = rhs(y + h * k3)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return np.sum(y**2)


def leapfrog(q):
    q, p = q.copy(), np.zeros_like(q)
    for _ in range(20):
        p -= 0.05 * q**3
        q += 0.1 * p
        p -= 0.05 * q**3
    return 0.5 * np.sum(p**2) + 0.25 * np.sum(q**4)


def verlet(x):
    before, now = x[0], x[1]
    path = np.zeros(20)
    for t in range(20):
        before, now = now, 2.0 * now - before - 0.01 * x[2] * np.sin(now)
        path[t] = now
    return np.sum(path**2)


def n_body(q):
    q, v = q.copy(), np.zeros_like(q)
    n = q.shape[0]
    for _ in range(4):
        force = np.zeros_like(q)
        for i in range(n):
            for j in range(n):
                if i != j:
                    d = q[j] - q[i]
                    force[i] += d / (np.sum(d**2) + 0.1) ** 1.5
        v += 0.05 * force
        q += 0.05 * v
    return np.sum(q**2) + np.sum(v**2)


def sir(p):
    s, i, r = 0.99, 0.01, 0.0
    peak = 0.0
    for _ in range(40):
        new, gone = p[0] * s * i, p[1] * i
        s, i, r = s - new, i + new - gone, r + gone
        peak = max(peak, i)
    return r + peak


def oscillator_fit(p, times, seen):
    y, v = p[0], 0.0
    loss, t = 0.0, 0
    for time, value in zip(times, seen, strict=True):
        for _ in range(3):
            v = v - 0.05 * (p[1] * y + p[2] * v)
            y = y + 0.05 * v
        loss += (y - value) ** 2 * (1.0 + 0.1 * time)
        t += 1
    return loss / t


def bouncing_ball(p):
    y, v, bounces = p[0], p[1], 0
    for _ in range(60):
        v -= 0.02 * 9.81
        y += 0.02 * v
        if y < 0.0:
            y, v = -y, -p[2] * v
            bounces += 1
        if bounces >= 3:
            break
    return y + 0.1 * v


def friction(p):
    """A physics law of two branches: static and kinetic."""
    x, v = 0.0, p[0]
    for t in range(30):
        pull = p[1] * np.sin(0.4 * t) - p[2] * x
        if abs(v) < 0.05 and abs(pull) < 0.3:
            v = 0.5 * v
        else:
            v += 0.1 * (pull - 0.3 * np.sign(v))
        x += 0.1 * v
    return x**2 + v


def field(rng):
    return (rng.uniform(0.2, 1.2, (6, 5)),)


PROGRAMS = [
    (jacobi_2d, field),
    (gauss_seidel_2d, field),
    (red_black, field),
    (heat_2d, lambda rng: (rng.uniform(0.2, 1.2, (6, 5)), 0.12)),
    (heat_3d, lambda rng: (rng.uniform(0.2, 1.2, (4, 5, 3)),)),
    (wave_equation, lambda rng: (rng.uniform(0.2, 1.2, 9), rng.uniform(0.1, 0.4, 9))),
    (fdtd_1d, lambda rng: (rng.uniform(0.2, 1.2, 9),)),
    (fdtd_2d, field),
    (burgers_upwind, lambda rng: (rng.uniform(-1.0, 1.2, 9),)),
    (adi, lambda rng: (rng.uniform(0.2, 1.2, (5, 5)),)),
    (life_like, lambda rng: (rng.uniform(0.2, 1.2, (5, 5)),)),
    (sandpile_masks, lambda rng: (rng.uniform(0.2, 2.2, 9),)),
    (lorenz_rk4, lambda rng: (np.array([10.0, 28.0, 8.0 / 3.0]),)),
    (leapfrog, lambda rng: (rng.uniform(0.2, 1.2, 4),)),
    (verlet, lambda rng: (rng.uniform(0.2, 1.2, 3),)),
    (n_body, lambda rng: (rng.uniform(-1.0, 1.0, (4, 2)),)),
    (sir, lambda rng: (np.array([0.5, 0.1]),)),
    (oscillator_fit, lambda rng: (np.array([1.0, 0.8, 0.3]), np.linspace(0, 1, 7), rng.uniform(-1, 1, 7))),
    (bouncing_ball, lambda rng: (np.array([1.0, 0.5, 0.7]),)),
    (friction, lambda rng: (np.array([0.9, 0.8, 0.5]),)),
]
