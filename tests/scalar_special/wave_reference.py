"""Mathieu and spheroidal wave functions by mpmath: sums over the vectors of the matrices of DLMF 28.4 and 30.8.

Of cosines, of products of Bessel functions (DLMF 28.24), of Legendre's functions, and of spherical Bessel functions
(DLMF 30.11.3); in so many digits that what cancels does not matter.
"""

from __future__ import annotations

from functools import cache

import mpmath as mp
import numpy as np
import scipy.linalg

from tests.nightly import NIGHTLY

DIGITS = 60
MORE = 110 if NIGHTLY else 50  # rows than those where the vector oscillates, for sums outside that converge slowly


def rows(kind, m, first, strength, count):
    """Diagonal and the elements beside it; kind: ce, se or spheroidal (with the diagonal of DLMF 30.8.4)."""
    degrees = [first + 2 * j for j in range(count)]
    if kind == "spheroidal":
        orders = [m + d for d in degrees]
        mean = [mp.mpf(2 * k * (k + 1) - 2 * m * m - 1) / ((2 * k - 1) * (2 * k + 3)) for k in orders]
        diagonal = [k * (k + 1) + strength * share for k, share in zip(orders, mean, strict=True)]
        tops = [((k + 1) ** 2 - m * m) * ((k + 2) ** 2 - m * m) for k in orders]
        beside = [
            strength * mp.sqrt(mp.mpf(top) / ((2 * k + 1) * (2 * k + 5))) / (2 * k + 3)
            for k, top in zip(orders, tops, strict=True)
        ]
        return diagonal, beside[:-1]
    diagonal, beside = [mp.mpf(d * d) for d in degrees], [strength] * (count - 1)
    if first == 1:
        diagonal[0] += strength if kind == "ce" else -strength
    if first == 0:
        beside[0] = strength * mp.sqrt(2)
    return diagonal, beside


def solved(diagonal, beside, shift, right):
    """Of ``(matrix - shift) x = right``."""
    pivots, values = [diagonal[0] - shift], [right[0]]
    for k, b in enumerate(beside):
        values.append(right[k + 1] - b / pivots[k] * values[k])
        pivots.append(diagonal[k + 1] - shift - b * b / pivots[k])
    found = [values[-1] / pivots[-1]]
    for k in range(len(beside) - 1, -1, -1):
        found.append((values[k] - beside[k] * found[-1]) / pivots[k])
    return found[::-1]


@cache
def eigen(kind, m, first, strength, place):
    """An eigenvalue and its vector of length 1: LAPACK's, made exact by quotients of Rayleigh's."""
    count = int(MORE + place + 1.2 * float(abs(strength)) ** 0.5)
    diagonal, beside = rows(kind, m, first, strength, count)
    values, vectors = scipy.linalg.eigh_tridiagonal(np.array(diagonal, float), np.array(beside, float))
    x, vector = mp.mpf(values[place]), [mp.mpf(v) for v in vectors[:, place]]
    for _ in range(4):
        vector = solved(diagonal, beside, x, vector)
        size = mp.sqrt(mp.fsum(v * v for v in vector))
        vector = [v / size for v in vector]
        x = mp.fsum(d * v * v for d, v in zip(diagonal, vector, strict=True))
        x += 2 * mp.fsum(b * v * w for b, v, w in zip(beside, vector, vector[1:], strict=False))
    return x, vector


def exact(function):
    def with_digits(*arguments):
        with mp.workdps(DIGITS):
            return function(*map(mp.mpf, arguments))

    return with_digits


# --- Mathieu ----------------------------------------------------------------------------------------------------------


def mathieu_vector(kind, m, q):
    m = int(m)
    first = m % 2 if kind == "ce" else 2 - m % 2
    return first, *eigen(kind, 0, first, q, (m - first) // 2)


def characteristic(kind):
    return exact(lambda m, q: mathieu_vector(kind, m, q)[1])


def periodic(kind, k):
    """ce or se of an angle in degrees, or its slope by radians."""

    def function(m, q, x):
        first, _, vector = mathieu_vector(kind, m, q)
        if first == 0:
            vector = [vector[0] / mp.sqrt(2), *vector[1:]]
        degrees = [first + 2 * j for j in range(len(vector))]
        terms = list(zip(vector, degrees, strict=True))
        if mp.fsum(v * (1 if kind == "ce" else d) for v, d in terms) < 0:
            terms = [(-v, d) for v, d in terms]
        x = x * mp.pi / 180
        if kind == "ce":
            return mp.fsum(v * (-d * mp.sin(d * x) if k else mp.cos(d * x)) for v, d in terms)
        return mp.fsum(v * (d * mp.cos(d * x) if k else mp.sin(d * x)) for v, d in terms)

    return exact(function)


def bessel_of(which, last, x):
    """Bessel's function of integer orders up to the last one, either sign, by its recurrence upwards for Y."""
    if which == 1:
        return lambda order: mp.besselj(order, x)
    found = [mp.bessely(0, x), mp.bessely(1, x)]
    for k in range(1, last):
        found.append(2 * k / x * found[k] - found[k - 1])
    return lambda order: found[order] if order >= 0 else (-1) ** order * found[-order]


def products(kind, which):
    """Mc or Ms of the first or second kind (DLMF 28.24.2 to 28.24.5)."""

    def function(m, q, z):
        first, _, vector = mathieu_vector(kind, m, q)
        if first == 0:
            vector = [vector[0] / mp.sqrt(2), *vector[1:]]
        s = max(range(len(vector)), key=lambda j: abs(vector[j]))
        shift, sign = (first, 1) if kind == "ce" else (first, -1)
        count = min(s + 30, len(vector))
        u, v = mp.sqrt(q) * mp.exp(-z), mp.sqrt(q) * mp.exp(z)
        near, far = bessel_of(1, 0, u), bessel_of(which, count + s + shift + 1, v)
        total = mp.mpf(0)
        for j, coefficient in enumerate(vector[:count]):
            pair = near(j - s) * far(j + s + shift) + sign * near(j + s + shift) * far(j - s)
            total += (-1) ** j * coefficient * pair
        norm = vector[s] * (2 if first == 0 and s == 0 else 1)
        return (-1) ** ((int(m) - first) // 2) * total / norm

    return exact(function)


# --- spheroidal -------------------------------------------------------------------------------------------------------


def spheroidal_vector(shape, m, n, c):
    """The characteristic value, and the coefficients of Legendre's functions in their own norm."""
    m, n = int(m), int(n)
    strength = c * c if shape == "pro" else -c * c
    first = (n - m) % 2
    value, vector = eigen("spheroidal", m, first, strength, (n - m) // 2)
    degrees = [first + 2 * j for j in range(len(vector))]
    norms = [mp.sqrt((m + d + mp.mpf(1) / 2) * mp.factorial(d) / mp.factorial(2 * m + d)) for d in degrees]
    return value, degrees, [v * norm for v, norm in zip(vector, norms, strict=True)]


def legendre(m, last, x):
    """Ferrers' functions of the degrees m to m + last, without the sign of (-1)**m, and their slopes."""
    found = [mp.fac2(2 * m - 1) * (1 - x * x) ** (mp.mpf(m) / 2)] if m else [mp.mpf(1)]
    found.append((2 * m + 1) * x * found[0])
    for n in range(m + 1, m + last):
        found.append(((2 * n + 1) * x * found[-1] - (n + m) * found[-2]) / (n - m + 1))
    slopes = [-m * x * found[0] / (1 - x * x)]
    slopes += [((n + m) * found[n - m - 1] - n * x * found[n - m]) / (1 - x * x) for n in range(m + 1, m + last + 1)]
    return found, slopes


def angular(shape, k):
    def function(m, n, c, x):
        _, degrees, vector = spheroidal_vector(shape, m, n, c)
        m, n = int(m), int(n)
        odd = (n - m) % 2
        at_zero, here = legendre(m, degrees[-1] + 1, mp.mpf(0)), legendre(m, degrees[-1] + 1, x)
        norm = mp.fsum(v * at_zero[odd][d] for v, d in zip(vector, degrees, strict=True))
        total = mp.fsum(v * here[k][d] for v, d in zip(vector, degrees, strict=True))
        return total * at_zero[odd][n - m] / norm

    return exact(function)


def radial(shape, which):
    def function(m, n, c, x):
        _, degrees, vector = spheroidal_vector(shape, m, n, c)
        m, n = int(m), int(n)
        bessel = mp.besselj if which == 1 else mp.bessely
        weights = [v * mp.factorial(2 * m + d) / mp.factorial(d) for v, d in zip(vector, degrees, strict=True)]
        total = mp.mpf(0)
        for d, weight in zip(degrees, weights, strict=True):
            term = (-1) ** ((d + m - n) // 2) * weight * bessel(m + d + mp.mpf(1) / 2, c * x)
            total += term
            if d > n and abs(term) < mp.mpf(10) ** -30 * abs(total):
                break
        gap = 1 - 1 / (x * x) if shape == "pro" else 1 + 1 / (x * x)
        return gap ** (mp.mpf(m) / 2) * mp.sqrt(mp.pi / (2 * c * x)) * total / mp.fsum(weights)

    return exact(function)


def spheroidal_value(shape):
    return exact(lambda m, n, c: spheroidal_vector(shape, m, n, c)[0])
