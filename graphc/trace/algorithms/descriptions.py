"""``scipy.stats``: numbers that describe samples.

Formulas: M. G. Kendall, A. Stuart, The Advanced Theory of Statistics, volume 1, chapters 2 and 3; NaN is propagated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import one_of, refuse, require_plain


def _moment(a: Any, order: Any, axis: Any, mean: Any) -> Any:
    return np.mean((a - mean) ** order, axis=axis, keepdims=True)


def _shaped(found: Any, axis: Any, keepdims: Any) -> Any:
    """A folded result, whose axes still stand with length 1."""
    return found if keepdims else np.squeeze(found, axis=axis)


def _floats(a: Any) -> Any:
    a = np.asarray(a)
    return a if a.dtype.kind in "fc" else a.astype(np.float64)


def _flat(a: Any, axis: Any, keepdims: Any = False) -> tuple[Any, Any]:
    """The array and a whole axis: of all elements where the axis is None, beside others of length 1 if these stay."""
    a = _floats(a)
    before = (1,) * (a.ndim - 1) if keepdims else ()
    return (np.reshape(a, (*before, -1)), len(before)) if axis is None else (a, axis)


# --- standardised samples ---------------------------------------------------------------------------------------------


def zscore(a: Any, axis: Any = 0, ddof: Any = 0, nan_policy: Any = "propagate") -> Any:
    """``(a - mean) / std``, of shape a."""
    return zmap(a, a, axis, ddof, nan_policy)


def zmap(scores: Any, compare: Any, axis: Any = 0, ddof: Any = 0, nan_policy: Any = "propagate") -> Any:
    """The scores by mean and standard deviation of other samples; NaN where these are all equal, to rounding."""
    require_plain("scipy.stats.zmap", nan_policy=nan_policy)
    scores, compare = _floats(scores), _floats(compare)
    mean = np.mean(compare, axis=axis, keepdims=True)
    spread = np.std(compare, axis=axis, ddof=ddof, keepdims=True)
    constant = spread <= np.finfo(compare.dtype).eps * np.abs(mean)
    return np.where(constant, np.nan, (scores - mean) / np.where(constant, 1.0, spread))


def gzscore(a: Any, *, axis: Any = 0, ddof: Any = 0, nan_policy: Any = "propagate") -> Any:
    """The score of the logarithms."""
    return zscore(np.log(_floats(a)), axis, ddof, nan_policy)


# --- means ------------------------------------------------------------------------------------------------------------


def _mean(a: Any, axis: Any, weights: Any, keepdims: Any) -> Any:
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    return np.average(a, axis=axis, weights=weights, keepdims=keepdims)


def gmean(a: Any, axis: Any = 0, dtype: Any = None, weights: Any = None, *, nan_policy: Any = "propagate",
          keepdims: Any = False) -> Any:  # fmt: skip
    """The geometric mean."""
    require_plain("scipy.stats.gmean", nan_policy=nan_policy)
    a = _floats(a) if dtype is None else np.asarray(a).astype(dtype)
    return np.exp(_mean(np.log(a), axis, weights, keepdims))


def hmean(a: Any, axis: Any = 0, dtype: Any = None, *, weights: Any = None, nan_policy: Any = "propagate",
          keepdims: Any = False) -> Any:  # fmt: skip
    """The harmonic mean; NaN where a number is negative."""
    require_plain("scipy.stats.hmean", nan_policy=nan_policy)
    a = _floats(a) if dtype is None else np.asarray(a).astype(dtype)
    negative = np.any(a < 0, axis=axis, keepdims=keepdims)
    return np.where(negative, np.nan, 1.0 / _mean(1.0 / a, axis, weights, keepdims))


def pmean(a: Any, p: Any, *, axis: Any = 0, dtype: Any = None, weights: Any = None, nan_policy: Any = "propagate",
          keepdims: Any = False) -> Any:  # fmt: skip
    """The power mean; p = 0 is the geometric one."""
    require_plain("scipy.stats.pmean", nan_policy=nan_policy)
    if isinstance(p, int | float) and p == 0:
        return gmean(a, axis, dtype, weights, keepdims=keepdims)
    a = _floats(a) if dtype is None else np.asarray(a).astype(dtype)
    negative = np.any(a < 0, axis=axis, keepdims=keepdims)
    return np.where(negative, np.nan, _mean(a**p, axis, weights, keepdims) ** (1.0 / p))


# --- moments ----------------------------------------------------------------------------------------------------------


def moment(a: Any, order: Any = 1, axis: Any = 0, nan_policy: Any = "propagate", *, center: Any = None,
           keepdims: Any = False) -> Any:  # fmt: skip
    """The central moment of that order; a list of orders stands along a first axis."""
    require_plain("scipy.stats.moment", nan_policy=nan_policy)
    a, axis = _flat(a, axis, keepdims)
    if isinstance(order, list | tuple):
        return np.stack([_central(a, k, axis, center, keepdims) for k in order])
    return _central(a, order, axis, center, keepdims)


def _central(a: Any, order: Any, axis: Any, center: Any, keepdims: Any) -> Any:
    if order == 1 and center is None:
        return _shaped(0.0 * np.sum(a, axis=axis, keepdims=True), axis, keepdims)
    mean = np.mean(a, axis=axis, keepdims=True) if center is None else center
    return _shaped(_moment(a, order, axis, mean), axis, keepdims)


def _moments(a: Any, axis: Any, order: int) -> tuple[Any, Any, Any]:
    """The second moment, that order's, and whether all numbers are equal to rounding, as SciPy decides it."""
    mean = np.mean(a, axis=axis, keepdims=True)
    m2 = _moment(a, 2, axis, mean)
    constant = m2 <= (np.finfo(a.dtype).resolution * mean) ** 2
    return np.where(constant, 1.0, m2), _moment(a, order, axis, mean), constant


def skew(a: Any, axis: Any = 0, bias: Any = True, nan_policy: Any = "propagate", *, keepdims: Any = False) -> Any:
    """The third standardised moment."""
    require_plain("scipy.stats.skew", nan_policy=nan_policy)
    a, axis = _flat(a, axis, keepdims)
    m2, m3, constant = _moments(a, axis, 3)
    found = m3 / m2**1.5
    n = a.shape[axis]
    if not bias and n > 2:
        found = found * np.sqrt((n - 1.0) * n) / (n - 2.0)
    return _shaped(np.where(constant, np.nan, found), axis, keepdims)


def kurtosis(a: Any, axis: Any = 0, fisher: Any = True, bias: Any = True, nan_policy: Any = "propagate", *,
             keepdims: Any = False) -> Any:  # fmt: skip
    """The fourth standardised moment, less 3 with ``fisher``."""
    require_plain("scipy.stats.kurtosis", nan_policy=nan_policy)
    a, axis = _flat(a, axis, keepdims)
    m2, m4, constant = _moments(a, axis, 4)
    found = m4 / m2**2
    n = a.shape[axis]
    if not bias and n > 3:
        found = 3.0 + ((n**2 - 1.0) * found - 3 * (n - 1.0) ** 2) / ((n - 2.0) * (n - 3.0))
    return _shaped(np.where(constant, np.nan, found - 3.0 if fisher else found), axis, keepdims)


def variation(a: Any, axis: Any = 0, nan_policy: Any = "propagate", ddof: Any = 0, *, keepdims: Any = False) -> Any:
    """The standard deviation over the mean."""
    require_plain("scipy.stats.variation", nan_policy=nan_policy)
    a = _floats(a)
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / np.mean(a, axis=axis, keepdims=keepdims)


def sem(a: Any, axis: Any = 0, ddof: Any = 1, nan_policy: Any = "propagate", *, keepdims: Any = False) -> Any:
    """The standard error of the mean."""
    require_plain("scipy.stats.sem", nan_policy=nan_policy)
    a, axis = _flat(a, axis, keepdims)
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / np.sqrt(a.shape[axis] * 1.0)


# --- ranks and quantiles ----------------------------------------------------------------------------------------------


def iqr(x: Any, axis: Any = None, rng: Any = (25, 75), scale: Any = 1.0, nan_policy: Any = "propagate",
        interpolation: Any = "linear", keepdims: Any = False) -> Any:  # fmt: skip
    """The span between two quantiles."""
    require_plain("scipy.stats.iqr", nan_policy=nan_policy)
    if isinstance(scale, str):
        one_of("scipy.stats.iqr", "scale", scale, ["normal"])
        scale = 1.3489795003921634  # the span of the normal law
    low, high = (np.percentile(x, q, axis=axis, method=interpolation, keepdims=keepdims) for q in sorted(rng))
    return (high - low) / scale


def median_abs_deviation(x: Any, axis: Any = 0, center: Any = None, scale: Any = 1.0,
                         nan_policy: Any = "propagate", *, keepdims: Any = False) -> Any:  # fmt: skip
    """The median of the distances to the centre."""
    require_plain("scipy.stats.median_abs_deviation", nan_policy=nan_policy)
    if isinstance(scale, str):
        one_of("scipy.stats.median_abs_deviation", "scale", scale, ["normal"])
        scale = 0.6744897501960817
    x, axis = _flat(x, axis, keepdims)
    middle = np.expand_dims((np.median if center is None else center)(x, axis=axis), axis)
    return np.median(np.abs(x - middle), axis=axis, keepdims=keepdims) / scale


def rankdata(a: Any, method: Any = "average", *, axis: Any = None, nan_policy: Any = "propagate") -> Any:
    """Ranks from 1 on, those of equal numbers by the method; the derivative is zero."""
    name = "scipy.stats.rankdata"
    require_plain(name, nan_policy=nan_policy)
    method = one_of(name, "method", method, ["average", "min", "max", "dense", "ordinal"])
    a = np.asarray(a)
    if axis is None or a.ndim < 2:
        a, axis = np.reshape(a, -1), 0
    unknown = np.any(np.isnan(a), axis=axis, keepdims=True) if a.dtype.kind == "f" else False
    if method != "average" and np.any(unknown):
        raise ValueError(f"scipy.stats.rankdata: method={method!r} gives integers, and has no rank of NaN")
    found = np.apply_along_axis(lambda row: _ranks(row, method), axis, a) if a.ndim > 1 else _ranks(a, method)
    return np.where(unknown, np.nan, found) if method == "average" and a.dtype.kind == "f" else found


def _ranks(a: Any, method: str) -> Any:
    if method == "ordinal":
        return np.argsort(np.argsort(a, stable=True), stable=True) + 1
    order = np.sort(a)
    below = np.searchsorted(order, a, side="left")
    if method == "min":
        return below + 1
    through = np.searchsorted(order, a, side="right")
    if method == "max":
        return through
    if method == "average":
        return (below + through + 1) / 2
    first = np.concatenate([np.ones(1, np.int64), (order[1:] != order[:-1]).astype(np.int64)])
    return np.cumsum(first)[below]


# --- directions -------------------------------------------------------------------------------------------------------


def _directions(samples: Any, high: Any, low: Any, axis: Any) -> tuple[Any, Any, Any]:
    """The mean of the cosines, that of the sines, and what an angle is multiplied by to be one of a full turn."""
    turn = 2 * np.pi / (high - low)
    angles = (np.asarray(samples) - low) * turn
    return np.mean(np.cos(angles), axis=axis), np.mean(np.sin(angles), axis=axis), turn


def circmean(samples: Any, high: Any = 2 * np.pi, low: Any = 0, axis: Any = None, nan_policy: Any = "propagate") -> Any:
    """The mean direction, from ``low`` to ``high``."""
    require_plain("scipy.stats.circmean", nan_policy=nan_policy)
    cosine, sine, turn = _directions(samples, high, low, axis)
    return np.mod(np.arctan2(sine, cosine), 2 * np.pi) / turn + low


def circvar(samples: Any, high: Any = 2 * np.pi, low: Any = 0, axis: Any = None, nan_policy: Any = "propagate") -> Any:
    """1 less the length of the mean direction."""
    require_plain("scipy.stats.circvar", nan_policy=nan_policy)
    cosine, sine, _ = _directions(samples, high, low, axis)
    return 1.0 - np.minimum(np.hypot(cosine, sine), 1.0)


def circstd(samples: Any, high: Any = 2 * np.pi, low: Any = 0, axis: Any = None, nan_policy: Any = "propagate", *,
            normalize: Any = False) -> Any:  # fmt: skip
    """``sqrt(-2 log R)`` of the length R of the mean direction."""
    require_plain("scipy.stats.circstd", nan_policy=nan_policy)
    cosine, sine, turn = _directions(samples, high, low, axis)
    found = np.sqrt(-2 * np.log(np.minimum(np.hypot(cosine, sine), 1.0)))
    return found if normalize else found / turn


# --- entropies --------------------------------------------------------------------------------------------------------


def entropy(pk: Any, qk: Any = None, base: Any = None, axis: Any = 0, *, nan_policy: Any = "propagate",
            keepdims: Any = False) -> Any:  # fmt: skip
    """Shannon's entropy of shares, or the divergence from other ones; both are scaled to the sum 1."""
    from scipy.special import entr, rel_entr

    require_plain("scipy.stats.entropy", nan_policy=nan_policy)
    if qk is not None:
        pk, qk = np.broadcast_arrays(_floats(pk), _floats(qk))
        qk, _ = _flat(qk, axis, keepdims)
    pk, axis = _flat(pk, axis, keepdims)
    pk = pk / np.sum(pk, axis=axis, keepdims=True)
    parts = entr(pk) if qk is None else rel_entr(pk, qk / np.sum(qk, axis=axis, keepdims=True))
    found = np.sum(parts, axis=axis, keepdims=keepdims)
    return found if base is None else found / np.log(base)


def boxcox(x: Any, lmbda: Any = None, alpha: Any = None, optimizer: Any = None) -> Any:
    """The transform with a given exponent."""
    from scipy.special import boxcox as transformed

    require_plain("scipy.stats.boxcox", alpha=alpha, optimizer=optimizer)
    if lmbda is None:
        refuse("scipy.stats.boxcox: without lmbda= it is a search; maximise boxcox_llf by graphc.implicit_minimum")
    return transformed(x, lmbda)


def boxcox_llf(lmb: Any, data: Any) -> Any:
    """The log-likelihood of the exponent."""
    from scipy.special import boxcox as transformed

    data = _floats(data)
    logs = np.log(data)
    return (lmb - 1) * np.sum(logs, axis=0) - data.shape[0] / 2 * np.log(np.var(transformed(data, lmb), axis=0))


_ALL = (
    zscore, zmap, gzscore, gmean, hmean, pmean, moment, skew, kurtosis, variation, sem, iqr, median_abs_deviation,
    rankdata, circmean, circvar, circstd, entropy, boxcox, boxcox_llf,
)  # fmt: skip
FUNCTIONS = {f"scipy.stats.{function.__name__}": function for function in _ALL}
