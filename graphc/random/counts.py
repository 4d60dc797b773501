"""Counts: ``poisson`` and ``binomial``. Values, through which no derivative flows.

Small means by adding up probabilities; others by rejection below a transformed uniform density: W. Hoermann, The
transformed rejection method for generating Poisson random variables, Insurance: Mathematics and Economics 12 (1993),
and The generation of binomial random variates, J. Stat. Comput. Simul. 46 (1993).

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.random.continuous import unit
from graphc.random.keys import array_of, fold_in, shape_of, split
from graphc.trace.direct_ops import apply_op

F64 = np.dtype(np.float64)
FEW = 10.0  # below this mean probabilities are added up


def poisson(key: Any, lam: Any, shape: Any = None) -> Any:
    """Counts of that mean, int64; -1 where the mean is negative or not finite.

    >>> graphc.random.poisson(graphc.random.key(0), np.array([0.0, 3.0, 50.0]))
    array([ 0,  2, 35])
    """
    mean = np.broadcast_to(array_of(lam, F64), shape_of(shape, lam))
    legal = (mean >= 0) & np.isfinite(mean)
    first, second = split(key)
    few = legal & (mean < FEW)
    many = legal & ~few
    small = np.where(few, mean, 0.0)
    rare = _added_up(unit(first, mean.shape, F64), np.exp(-small), small, np.zeros_like(small))
    counts = np.where(many, _poisson_by_rejection(second, np.where(many, mean, FEW), many), rare)
    return np.where(legal, counts, -1.0).astype(np.int64)


def binomial(key: Any, n: Any, p: Any, shape: Any = None) -> Any:
    """How many of ``n`` trials of probability ``p`` succeed, int64; -1 where there is no such law.

    >>> graphc.random.binomial(graphc.random.key(0), 100, np.array([0.01, 0.5, 1.0]))
    array([  3,  48, 100])
    """
    size = shape_of(shape, n, p)
    n, p = np.broadcast_to(array_of(n, F64), size), np.broadcast_to(array_of(p, F64), size)
    legal = (n >= 0) & (n == np.floor(n)) & np.isfinite(n) & (p >= 0) & (p <= 1)
    trials, chance = np.where(legal, n, 0.0), np.where(legal, np.minimum(p, 1 - p), 0.0)
    first, second = split(key)
    few = trials * chance < FEW
    odds = np.where(few, chance, 0.0) / (1 - chance)
    none = np.exp(trials * np.log1p(-np.where(few, chance, 0.0)))
    rare = _added_up(unit(first, size, F64), none, odds * (trials + 1), -odds)
    many = _binomial_by_rejection(second, np.where(few, 4 * FEW, trials), np.where(few, 0.5, chance), legal & ~few)
    counts = np.where(few, rare, many)
    return np.where(legal, np.where(p > 0.5, trials - counts, counts), -1.0).astype(np.int64)


def _added_up(share: Any, none: Any, numerator: Any, constant: Any) -> Any:
    """The first count whose distribution function exceeds the share: the probability of k is that of k - 1 times
    ``numerator / k + constant``."""
    term, total = none, none
    count = np.zeros_like(none)
    number = 0.0
    while np.any((total <= share) & (term > 0)):
        number = number + 1.0
        count = np.where((total <= share) & (term > 0), number, count)
        term = term * np.maximum(numerator / number + constant, 0.0)
        total = total + term
    return count


def _poisson_by_rejection(key: Any, mean: Any, wanted: Any) -> Any:
    b = 0.931 + 2.53 * np.sqrt(mean)
    a = -0.059 + 0.02483 * b
    scale = 1.1239 + 1.1328 / (b - 3.4)
    sure = 0.9277 - 3.6224 / (b - 2)
    log_mean = np.log(mean)
    count, open_ = np.zeros_like(mean), wanted
    trial = 0
    while np.any(open_):
        u, v, room = _place(fold_in(key, trial), mean.shape)
        drawn = np.floor((2 * a / room + b) * u + mean + 0.43)
        density = drawn * log_mean - mean - apply_op("gammaln", np.maximum(drawn, 0.0) + 1)
        below = np.log(v * scale / (a / (room * room) + b)) <= density
        accepted = ((room >= 0.07) & (v <= sure)) | ((drawn >= 0) & ((room >= 0.013) | (v <= room)) & below)
        count = np.where(open_ & accepted, drawn, count)
        open_ = open_ & ~accepted
        trial = trial + 1
    return count


def _binomial_by_rejection(key: Any, n: Any, p: Any, wanted: Any) -> Any:
    spread = np.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    scale = (2.83 + 5.1 / b) * spread
    sure = 0.92 - 4.2 / b
    log_odds = np.log(p) - np.log1p(-p)
    mode = np.floor((n + 1) * p)
    at_mode = _log_ways(n, mode)
    count, open_ = np.zeros_like(n), wanted
    trial = 0
    while np.any(open_):
        u, v, room = _place(fold_in(key, trial), n.shape)
        drawn = np.floor((2 * a / room + b) * u + n * p + 0.5)
        inside = (drawn >= 0) & (drawn <= n)
        density = _log_ways(n, np.clip(drawn, 0.0, n)) - at_mode + (drawn - mode) * log_odds
        below = np.log(v * scale / (a / (room * room) + b)) <= density
        accepted = inside & (((room >= 0.07) & (v <= sure)) | below)
        count = np.where(open_ & accepted, drawn, count)
        open_ = open_ & ~accepted
        trial = trial + 1
    return count


def _place(key: Any, shape: Any) -> Any:
    """Two uniform numbers, the first around 0, and its distance to the end."""
    first, second = split(key)
    u = unit(first, shape, F64) - 0.5
    return u, unit(second, shape, F64), 0.5 - np.abs(u)


def _log_ways(n: Any, k: Any) -> Any:
    """log of n choose k, but for log n!."""
    return -apply_op("gammaln", k + 1) - apply_op("gammaln", n - k + 1)
