"""``scipy.special``'s functions that SciPy itself composes of others, written in NumPy for traced arrays.

Derivatives of Bessel functions by the neighbours in order (DLMF 10.6.7, 10.29.5); Legendre functions of integer degree
and order by their recurrence in the degree (DLMF 14.10.3), which is exact at the poles, too.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np


def _special() -> Any:
    import scipy.special

    return scipy.special


def _static(name: str, what: str, number: Any) -> int:
    try:
        return operator.index(number)
    except TypeError:
        raise ValueError(f"scipy.special.{name}: {what} must be one known integer, not {number!r}") from None


# --- derivatives of Bessel functions ----------------------------------------------------------------------------------


def _neighbours(name: str, function: Any, v: Any, z: Any, n: Any, phase: int) -> Any:
    """The n-th derivative: the binomial sum over the orders v - n, v - n + 2, ..., v + n."""
    n = _static(name, "n", n)
    if n < 0:
        raise ValueError(f"scipy.special.{name}: n must not be negative, and is {n}")
    found = function(v - n, z)
    for i in range(1, n + 1):
        found = found + math.comb(n, i) * phase**i * function(v - n + 2 * i, z)
    return found / 2.0**n


def jvp(v: Any, z: Any, n: Any = 1) -> Any:
    return _neighbours("jvp", _special().jv, v, z, n, -1)


def yvp(v: Any, z: Any, n: Any = 1) -> Any:
    return _neighbours("yvp", _special().yv, v, z, n, -1)


def ivp(v: Any, z: Any, n: Any = 1) -> Any:
    return _neighbours("ivp", _special().iv, v, z, n, 1)


def kvp(v: Any, z: Any, n: Any = 1) -> Any:
    return (-1) ** _static("kvp", "n", n) * _neighbours("kvp", _special().kv, v, z, n, 1)


def h1vp(v: Any, z: Any, n: Any = 1) -> Any:
    return _neighbours("h1vp", _special().hankel1, v, z, n, -1)


def h2vp(v: Any, z: Any, n: Any = 1) -> Any:
    return _neighbours("h2vp", _special().hankel2, v, z, n, -1)


# --- combinatorics of numbers that may be no integers -----------------------------------------------------------------


def comb(N: Any, k: Any, *, exact: Any = False, repetition: Any = False) -> Any:
    """As SciPy's with ``exact=False``: 0 where k < 0, N < 0 or k > N."""
    _refuse_exact("comb", exact)
    N, k = np.asarray(N), np.asarray(k)
    if repetition:
        N = N + k - 1
    inside = (k <= N) & (N >= 0) & (k >= 0)
    return np.where(inside, _special().binom(np.where(inside, N, 1.0), np.where(inside, k, 0.0)), 0.0)


def perm(N: Any, k: Any, exact: Any = False) -> Any:
    _refuse_exact("perm", exact)
    N, k = np.asarray(N), np.asarray(k)
    inside = (k <= N) & (N >= 0) & (k >= 0)
    return np.where(inside, _special().poch(np.where(inside, N - k + 1, 1.0), np.where(inside, k, 0.0)), 0.0)


def factorial(n: Any, exact: Any = False, extend: Any = "zero") -> Any:
    """Gamma of n + 1, 0 for negative n."""
    _refuse_exact("factorial", exact)
    if extend != "zero":
        raise ValueError("scipy.special.factorial: extend='complex' is not there for traced arrays; use gamma(n + 1)")
    n = np.asarray(n)
    return np.where(n < 0, 0.0, _special().gamma(np.where(n < 0, 0.0, n) + 1.0))


def _refuse_exact(name: str, exact: Any) -> None:
    if exact:
        raise ValueError(f"scipy.special.{name}: exact=True gives Python integers; traced arrays take exact=False")


def multigammaln(a: Any, d: Any) -> Any:
    """The logarithm of the gamma function of d dimensions; NaN where a <= (d - 1)/2."""
    d = _static("multigammaln", "d", d)
    a = np.asarray(a)
    inside = a > 0.5 * (d - 1)
    safe = np.where(inside, a, float(d))
    found = 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(d):
        found = found + _special().gammaln(safe - 0.5 * j)
    return np.where(inside, found, np.nan)


def diric(x: Any, n: Any) -> Any:
    """``sin(n x/2) / (n sin(x/2))``, and its limits at multiples of 2 pi."""
    n = _static("diric", "n", n)
    x = np.asarray(x)
    turns = np.rint(x / (2 * math.pi))
    rest = (x - 2 * math.pi * turns) / 2  # in a quarter turn around 0
    sign = np.where((turns * (n - 1)) % 2 == 1, -1.0, 1.0)
    series = np.where(np.abs(n * rest) < 0.02, 1.0, 0.0)
    small = np.where(series == 1.0, rest, 0.0)
    safe = np.where(series == 1.0, 1.0, rest)
    square = small * small
    near = 1 - (n * n - 1) * square / 6 * (1 - (3 * n * n - 7) * square / 60)
    return sign * np.where(series == 1.0, near, np.sin(n * safe) / (n * np.sin(safe)))


def assoc_laguerre(x: Any, n: Any, k: Any = 0.0) -> Any:
    return _special().eval_genlaguerre(n, k, x)


# --- Legendre functions -----------------------------------------------------------------------------------------------


def legendre_p(n: Any, z: Any, *, diff_n: Any = 0) -> Any:
    _refuse_derivatives("legendre_p", diff_n)
    return _special().eval_legendre(n, z)[np.newaxis]


def legendre_p_all(n: Any, z: Any, *, diff_n: Any = 0) -> Any:
    """All degrees up to n, along a first axis."""
    _refuse_derivatives("legendre_p_all", diff_n)
    degrees = range(_static("legendre_p_all", "n", n) + 1)
    return np.stack([_special().eval_legendre(k, z) for k in degrees])[np.newaxis]


def assoc_legendre_p(n: Any, m: Any, z: Any, *, branch_cut: Any = 2, norm: Any = False, diff_n: Any = 0) -> Any:
    """Ferrers' function for -1 <= z <= 1, NaN outside; with a first axis of length 1, as in SciPy."""
    name = "assoc_legendre_p"
    _refuse_derivatives(name, diff_n)
    return _associated(_static(name, "n", n), _static(name, "m", m), np.asarray(z), norm)[np.newaxis]


def assoc_legendre_p_all(n: Any, m: Any, z: Any, *, branch_cut: Any = 2, norm: Any = False, diff_n: Any = 0) -> Any:
    """Degrees 0 to n along a first axis, orders 0 to m and then -m to -1 along a second one."""
    name = "assoc_legendre_p_all"
    n, m = _static(name, "n", n), _static(name, "m", m)
    _refuse_derivatives(name, diff_n)
    return _table(n, m, lambda j, i: _associated(j, i, np.asarray(z), norm))[np.newaxis]


def _associated(n: int, m: int, z: Any, norm: Any) -> Any:
    found = _ferrers(n, m, z, np.sqrt(1 - z * z))
    return found * math.sqrt((n + 0.5) * _factorials(n, m)) if norm else found


def sph_legendre_p(n: Any, m: Any, theta: Any, *, diff_n: Any = 0) -> Any:
    """The function of the polar angle in a spherical harmonic."""
    name = "sph_legendre_p"
    _refuse_derivatives(name, diff_n)
    return _polar(_static(name, "n", n), _static(name, "m", m), theta)[np.newaxis]


def _polar(n: int, m: int, theta: Any) -> Any:
    theta = np.asarray(theta)
    scale = math.sqrt((2 * n + 1) / (4 * math.pi) * _factorials(n, m)) if abs(m) <= n else 0.0
    return scale * _ferrers(n, m, np.cos(theta), np.sin(theta))


def sph_legendre_p_all(n: Any, m: Any, theta: Any, *, diff_n: Any = 0) -> Any:
    name = "sph_legendre_p_all"
    n, m = _static(name, "n", n), _static(name, "m", m)
    _refuse_derivatives(name, diff_n)
    return _table(n, m, lambda j, i: _polar(j, i, theta))[np.newaxis]


def sph_harm_y(n: Any, m: Any, theta: Any, phi: Any, *, diff_n: Any = 0) -> Any:
    """Of the polar angle theta and the azimuth phi; complex."""
    _refuse_derivatives("sph_harm_y", diff_n)
    n, m = _static("sph_harm_y", "n", n), _static("sph_harm_y", "m", m)
    return _polar(n, m, theta) * np.exp(1j * m * np.asarray(phi))


def sph_harm_y_all(n: Any, m: Any, theta: Any, phi: Any, *, diff_n: Any = 0) -> Any:
    name = "sph_harm_y_all"
    n, m = _static(name, "n", n), _static(name, "m", m)
    return _table(n, m, lambda j, i: sph_harm_y(j, i, theta, phi, diff_n=diff_n))


def _refuse_derivatives(name: str, diff_n: Any) -> None:
    if diff_n != 0:
        raise ValueError(f"scipy.special.{name}: diff_n is not there for traced arrays; differentiate with graphc.grad")


def _factorials(n: int, m: int) -> float:
    """(n - m)! / (n + m)!."""
    return math.factorial(n - m) / math.factorial(n + m) if abs(m) <= n else 0.0


def _ferrers(n: int, m: int, cosine: Any, sine: Any) -> Any:
    """P_n^m by the recurrence upwards from degree m."""
    order = abs(m)
    if n < 0 or order > n:
        return 0.0 * (cosine + sine)
    below, found = 0.0 * cosine, (-1.0) ** order * math.prod(range(1, 2 * order, 2)) * sine**order + 0.0 * cosine
    for degree in range(order + 1, n + 1):
        below, found = found, ((2 * degree - 1) * cosine * found - (degree + order - 1) * below) / (degree - order)
    return found if m >= 0 else found * ((-1.0) ** order * _factorials(n, order))


def _table(n: int, m: int, entry: Any) -> Any:
    orders = [*range(m + 1), *range(-m, 0)]
    return np.stack([np.stack([entry(j, i) for i in orders]) for j in range(n + 1)])


FUNCTIONS = {
    f"scipy.special.{name}": function
    for name, function in {
        "jvp": jvp, "yvp": yvp, "ivp": ivp, "kvp": kvp, "h1vp": h1vp, "h2vp": h2vp, "comb": comb, "perm": perm,
        "factorial": factorial, "multigammaln": multigammaln, "diric": diric, "assoc_laguerre": assoc_laguerre,
        "legendre_p": legendre_p, "legendre_p_all": legendre_p_all, "assoc_legendre_p": assoc_legendre_p,
        "assoc_legendre_p_all": assoc_legendre_p_all, "sph_legendre_p": sph_legendre_p,
        "sph_legendre_p_all": sph_legendre_p_all, "sph_harm_y": sph_harm_y, "sph_harm_y_all": sph_harm_y_all,
    }.items()
}  # fmt: skip
