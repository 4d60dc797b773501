"""Carlson's symmetric elliptic integrals, by duplication until a series of degree 7 is exact (DLMF 19.36(i)).

``R_G`` is composed of two others with its middle argument set apart, where all terms are positive (DLMF 19.21.10), and
principal values are those of DLMF 19.20.14 and 19.2.20.
"""

from __future__ import annotations

from typing import Any

from graphc.scalar_special.language import (
    arcsinh,
    arctan,
    arctanh,
    is_single,
    isinf,
    isnan,
    number,
    sqrt,
)

INF, NAN = float("inf"), float("nan")
HALF_PI = 1.5707963267948966


def near(x: Any) -> Any:
    """How far arguments may be from their mean, relative to it, for the series to be exact."""
    return number(0.08, x) if is_single(x) else number(0.006, x)


def rf(x: Any, y: Any, z: Any) -> Any:
    """Of arguments >= 0, at most one of them 0."""
    a = (x + y + z) / 3.0
    for _ in range(600):
        if max(abs(a - x), abs(a - y), abs(a - z)) < near(x) * a:
            break
        p, q, r = sqrt(x), sqrt(y), sqrt(z)
        shift = p * q + p * r + q * r
        a, x, y, z = 0.25 * (a + shift), 0.25 * (x + shift), 0.25 * (y + shift), 0.25 * (z + shift)
    p, q = 1.0 - x / a, 1.0 - y / a
    r = -p - q
    e2, e3 = p * q - r * r, p * q * r
    series = 1.0 - e2 / 10.0 + e3 / 14.0 + e2 * e2 / 24.0 - 3.0 / 44.0 * e2 * e3
    return (series - 5.0 / 208.0 * e2 * e2 * e2 + 3.0 / 104.0 * e3 * e3 + e2 * e2 * e3 / 16.0) / sqrt(a)


def last_series(e2: Any, e3: Any, e4: Any, e5: Any) -> Any:
    """What the series of ``R_D`` and ``R_J`` have in common (DLMF 19.36.2)."""
    square = e2 * e2
    found = 1.0 - 3.0 / 14.0 * e2 + e3 / 6.0 + 9.0 / 88.0 * square - 3.0 / 22.0 * e4 - 9.0 / 52.0 * e2 * e3
    found = found + 3.0 / 26.0 * e5 - square * e2 / 16.0 + 3.0 / 40.0 * e3 * e3 + 3.0 / 20.0 * e2 * e4
    return found + 45.0 / 272.0 * square * e3 - 9.0 / 68.0 * (e3 * e4 + e2 * e5)


def rd(x: Any, y: Any, z: Any) -> Any:
    """Of x and y >= 0, at most one of them 0, and z > 0."""
    a = (x + y + 3.0 * z) / 5.0
    total = number(0, x)
    power = number(1, x)
    for _ in range(600):
        if max(abs(a - x), abs(a - y), abs(a - z)) < near(x) * a:
            break
        p, q, r = sqrt(x), sqrt(y), sqrt(z)
        shift = p * q + p * r + q * r
        total = total + power / (r * (z + shift))
        power = 0.25 * power
        a, x, y, z = 0.25 * (a + shift), 0.25 * (x + shift), 0.25 * (y + shift), 0.25 * (z + shift)
    p, q = 1.0 - x / a, 1.0 - y / a
    r = -(p + q) / 3.0
    s = p * q
    t = r * r
    series = last_series(s - 6.0 * t, (3.0 * s - 8.0 * t) * r, 3.0 * (s - t) * t, s * r * t)
    return power * series / (a * sqrt(a)) + 3.0 * total


def rj(x: Any, y: Any, z: Any, p: Any) -> Any:
    """Of x, y and z >= 0, at most one of them 0, and p > 0."""
    a = (x + y + z + 2.0 * p) / 5.0
    total = number(0, x)
    power = number(1, x)
    for _ in range(600):
        if max(abs(a - x), abs(a - y), abs(a - z), abs(a - p)) < near(x) * a:
            break
        b, c, d, r = sqrt(x), sqrt(y), sqrt(z), sqrt(p)
        shift = b * c + b * d + c * d
        whole = (r + b) * (r + c) * (r + d)
        share = rc_beside_1(2.0 * r / (r + b), 2.0 * r / (r + c), 2.0 * r / (r + d))
        total = total + power / whole * share
        power = 0.25 * power
        a, p = 0.25 * (a + shift), 0.25 * (p + shift)
        x, y, z = 0.25 * (x + shift), 0.25 * (y + shift), 0.25 * (z + shift)
    b, c, d = 1.0 - x / a, 1.0 - y / a, 1.0 - z / a
    r = -0.5 * (b + c + d)
    e2, product = b * c + b * d + c * d - 3.0 * r * r, b * c * d
    e3, e4 = product + 2.0 * e2 * r + 4.0 * r * r * r, (2.0 * product + e2 * r + 3.0 * r * r * r) * r
    return power * last_series(e2, e3, e4, product * r * r) / (a * sqrt(a)) + 6.0 * total


def rc_beside_1(a: Any, b: Any, c: Any) -> Any:
    """``R_C(1, 1 + e)`` for ``e = (1 - a) (1 - b) (1 - c)`` times -1, of shares between 0 and 2."""
    e = (a - 1.0) * (b - 1.0) * (c - 1.0)
    root = sqrt(abs(e))
    if root < (1e-3 if is_single(e) else 1e-5):
        return 1.0 - e / 3.0
    if e > -0.5:
        return arctan(root) / root if e > 0.0 else arctanh(root) / root
    rest = a + (1.0 - a) * (b + (1.0 - b) * c)  # 1 + e, which may be tiny
    return arcsinh(root / sqrt(rest)) / root


def rc(x: Any, y: Any) -> Any:
    """Of x >= 0 and y > 0."""
    if x < y:
        if x == 0.0:
            return HALF_PI / sqrt(y)
        return arctan(sqrt(y - x) / sqrt(x)) / sqrt(y - x)
    if x == y:
        return 1.0 / sqrt(y)
    return arcsinh(sqrt(x - y) / sqrt(y)) / sqrt(x - y)


def elliprc(x: Any, y: Any) -> Any:
    if not x >= 0.0 or isnan(y) or y == 0.0 or (y < 0.0 and isinf(x)):
        return number(NAN, x)
    if isinf(x) or isinf(y):
        return number(0, x)
    if y < 0.0:
        return sqrt(x / (x - y)) * rc(x - y, -y)
    return rc(x, y)


def elliprf(x: Any, y: Any, z: Any) -> Any:
    if not (x >= 0.0 and y >= 0.0 and z >= 0.0):
        return number(NAN, x)
    if isinf(x) or isinf(y) or isinf(z):
        return number(0, x)
    if (x == 0.0 and y == 0.0) or (x == 0.0 and z == 0.0) or (y == 0.0 and z == 0.0):
        return number(INF, x)
    return rf(x, y, z)


def elliprd(x: Any, y: Any, z: Any) -> Any:
    if not (x >= 0.0 and y >= 0.0 and z >= 0.0):
        return number(NAN, x)
    if z == 0.0 or (x == 0.0 and y == 0.0 and not isinf(z)):
        return number(INF, x)
    if isinf(x) or isinf(y) or isinf(z):
        return number(0, x)
    return rd(x, y, z)


def middle(x: Any, y: Any, z: Any) -> Any:
    return max(min(x, y), min(max(x, y), z))


def elliprg(x: Any, y: Any, z: Any) -> Any:
    if not (x >= 0.0 and y >= 0.0 and z >= 0.0):
        return number(NAN, x)
    if isinf(x) or isinf(y) or isinf(z):
        return number(INF, x)
    low, high = min(x, y, z), max(x, y, z)
    return rg(low, middle(x, y, z), high)


def rg(x: Any, z: Any, y: Any) -> Any:
    """Of 0 <= x <= z <= y."""
    if z == 0.0:
        return 0.5 * sqrt(y)
    rest = (z - x) * (y - z) / 3.0
    return 0.5 * (z * rf(x, y, z) + (rest * rd(x, y, z) if rest > 0.0 else rest) + sqrt(x) * (sqrt(y) / sqrt(z)))


def elliprj(x: Any, y: Any, z: Any, p: Any) -> Any:
    if not (x >= 0.0 and y >= 0.0 and z >= 0.0) or isnan(p):
        return number(NAN, x)
    if p == 0.0 or (x == 0.0 and y == 0.0) or (x == 0.0 and z == 0.0) or (y == 0.0 and z == 0.0):
        return number(INF, x) if p >= 0.0 else number(NAN, x)
    if isinf(x) or isinf(y) or isinf(z) or isinf(p):
        return number(0, x)
    if p > 0.0:
        return rj(x, y, z, p)
    a, b, c = min(x, y, z), middle(x, y, z), max(x, y, z)
    q = -p
    shift = (c - b) * ((b - a) / (b + q))
    other = (b + shift) * q
    product = a * c + other
    found = shift * rj(a, b, c, b + shift) - 3.0 * rf(a, b, c)
    return (found + 3.0 * sqrt(a * b * c / product) * rc(product, other)) / (b + q)
