"""How a gamma sample moves with its shape parameter, its place in the distribution held: implicit differentiation.

With P(a, x) the distribution function, P(a, x(a)) is constant, so ``dx/da = -(dP/da) / p(x)``: M. Figurnov, S. Mohamed,
A. Mnih, Implicit reparameterization gradients, NeurIPS 2018. In terms of log x, ``-(dP/da) / (x p(x))``.

Three forms, none of which cancels where it is used. With t = x e^v the integral of ``(log t - digamma(a)) p(t)`` over
the tail on the side of x, divided by ``x p(x)``, is one of ``(log x + v - digamma(a)) exp(a v - x (e^v - 1))`` from 0
on, upwards for x > a and downwards below: a smooth function that falls by e^-36 over a known length, for which 40
points of Gauss and Legendre give 13 digits. Near 0 with a < 1 the series of P, DLMF 8.7.1, differentiated by terms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.custom import custom_jvp
from graphc.trace.direct_ops import apply_op

TERMS = np.arange(1.0, 21.0)
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(40)
POINTS, WEIGHTS = (_POINTS + 1) / 2, _WEIGHTS / 2
FALL = 36.0  # what the integrand falls by, as a power of e


def _given(a: Any, log_x: Any) -> Any:
    return log_x


followed = custom_jvp(_given, nondiff_argnums=(1,))  # log_x, which moves with a


@followed.defjvp
def _rule(log_x: Any, primals: Any, tangents: Any) -> Any:
    (a,), (moved,) = primals, tangents
    found = followed(a, log_x)
    slope = log_slope(a.astype(np.float64), found.astype(np.float64))
    return found, slope.astype(found.dtype) * moved


def log_slope(a: Any, log_x: Any) -> Any:
    """d log x / d a of a gamma sample x with shape parameter a; float64."""
    x = np.exp(log_x)
    near = (a < 1) & (x < np.maximum(a, 0.5))
    by_series = _by_series(np.where(near, a, 0.5), np.where(near, x, 0.25), np.where(near, log_x, 0.0))
    return np.where(near, by_series, _by_quadrature(np.where(near, 1.0, a), np.where(near, 1.0, x)))


def _by_series(a: Any, x: Any, log_x: Any) -> Any:
    """P = x^a e^-x / Gamma(a + 1) times the sum of x^n / ((a + 1) ... (a + n))."""
    terms = np.cumprod(x[..., None] / (a[..., None] + TERMS), -1)
    sums = np.cumsum(1 / (a[..., None] + TERMS), -1)
    by_factor = (1 + np.sum(terms, -1)) * (log_x - apply_op("digamma", a + 1))
    return (np.sum(terms * sums, -1) - by_factor) / a


def _by_quadrature(a: Any, x: Any) -> Any:
    up = x > a
    length = np.where(up, _length_above(a, x), -_length_below(a, x))
    v = length[..., None] * POINTS
    height = np.exp(a[..., None] * v - x[..., None] * np.expm1(v))
    slopes = (np.log(x) - apply_op("digamma", a))[..., None] + v
    return length * np.sum(slopes * height * WEIGHTS, -1)


def _length_above(a: Any, x: Any) -> Any:
    """Where ``x (e^v - 1) - a v`` has reached ``FALL``: from e^v >= 1 + v + v^2 / 2, then once by iteration."""
    distance = np.maximum(x - a, 0.0)
    enough = 2 * FALL / (distance + np.sqrt(distance**2 + 2 * FALL * x))
    return np.minimum(enough, np.log1p((FALL + a * enough) / x))


def _length_below(a: Any, x: Any) -> Any:
    """Where ``a w - x (1 - e^-w)`` has: from w - 1 + e^-w >= w^2 / (2 + w)."""
    excess = 2 * np.maximum(a - x, 0.0) - FALL
    root = np.sqrt(excess**2 + 8 * FALL * a)
    steep = excess > 0  # of the two forms of a quadratic's root the one that does not cancel
    return np.where(steep, 4 * FALL / (root + np.where(steep, excess, 0.0)), (root - excess) / (2 * a))
