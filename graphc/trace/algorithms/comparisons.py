"""``scipy.stats``: numbers that compare samples, and the density of a kernel estimate.

A p-value is that of the law of the statistic; SciPy's exact ones of small samples are not there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphc.trace.algorithms.arguments import Substitute, one_of, refuse, refuse_shape, require_plain
from graphc.trace.algorithms.descriptions import rankdata
from graphc.trace.values import lifted


class Result(NamedTuple):
    """Of a test."""

    statistic: Any
    pvalue: Any


class Line(NamedTuple):
    """Of ``linregress``, by SciPy's names."""

    slope: Any
    intercept: Any
    rvalue: Any
    pvalue: Any
    stderr: Any
    intercept_stderr: Any


def _vector(name: str, x: Any) -> Any:
    x = np.asarray(x)
    if x.ndim != 1:
        refuse_shape(f"scipy.stats.{name}: a traced array of shape {x.shape} is no vector; call it for each row")
    return x * 1.0


def _correlation(x: Any, y: Any) -> Any:
    x, y = x - np.mean(x), y - np.mean(y)
    return np.sum(x * y) / np.sqrt(np.sum(x * x) * np.sum(y * y))


def _student_tails(t: Any, df: Any, alternative: Any, name: str) -> Any:
    from scipy.special import stdtr

    one_of(name, "alternative", alternative, ["two-sided", "less", "greater"])
    if alternative == "two-sided":
        return 2 * stdtr(df, -np.abs(t))
    return stdtr(df, t) if alternative == "less" else stdtr(df, -t)


def pearsonr(x: Any, y: Any, *, alternative: Any = "two-sided", method: Any = None) -> Any:
    """The correlation, and its p-value for normal samples."""
    require_plain("scipy.stats.pearsonr", method=method)
    x, y = _vector("pearsonr", x), _vector("pearsonr", y)
    r = np.clip(_correlation(x, y), -1.0, 1.0)
    return Result(r, _of_correlation(r, len(x), alternative, "scipy.stats.pearsonr"))


def _of_correlation(r: Any, count: Any, alternative: Any, name: str) -> Any:
    df = count - 2.0
    return _student_tails(r * np.sqrt(df / ((1 - r) * (1 + r))), df, alternative, name)


def spearmanr(
    a: Any, b: Any = None, axis: Any = 0, nan_policy: Any = "propagate", alternative: Any = "two-sided"
) -> Any:
    """The correlation of the ranks: value only."""
    require_plain("scipy.stats.spearmanr", nan_policy=nan_policy)
    if b is None:
        refuse("scipy.stats.spearmanr: of traced values, two vectors a and b")
    a, b = _vector("spearmanr", a), _vector("spearmanr", b)
    r = _correlation(rankdata(a), rankdata(b))
    return Result(r, _of_correlation(r, len(a), alternative, "scipy.stats.spearmanr"))


def linregress(x: Any, y: Any, alternative: Any = "two-sided") -> Any:
    """The line of least squares."""
    x, y = _vector("linregress", x), _vector("linregress", y)
    df = len(x) - 2.0
    middle = np.mean(x)
    xx, xy = np.sum((x - middle) ** 2), np.sum((x - middle) * (y - np.mean(y)))
    r = _correlation(x, y)
    slope = xy / xx
    error = np.sqrt((1 - r * r) * np.sum((y - np.mean(y)) ** 2) / xx / df)
    pvalue = _of_correlation(r, len(x), alternative, "scipy.stats.linregress")
    at_zero = error * np.sqrt(xx / len(x) + middle**2)
    return Line(slope, np.mean(y) - slope * middle, r, pvalue, error, at_zero)


def ttest_1samp(
    a: Any, popmean: Any, axis: Any = 0, nan_policy: Any = "propagate", alternative: Any = "two-sided"
) -> Any:
    """Student's test of a mean."""
    name = "scipy.stats.ttest_1samp"
    require_plain(name, nan_policy=nan_policy)
    a = np.asarray(a) * 1.0
    count = a.shape[axis]
    t = (np.mean(a, axis=axis) - popmean) / np.sqrt(np.var(a, axis=axis, ddof=1) / count)
    return Result(t, _student_tails(t, count - 1.0, alternative, name))


def ttest_rel(a: Any, b: Any, axis: Any = 0, nan_policy: Any = "propagate", alternative: Any = "two-sided") -> Any:
    """Student's test of differences."""
    return ttest_1samp(np.asarray(a) - np.asarray(b), 0.0, axis, nan_policy, alternative)


def ttest_ind(a: Any, b: Any, *, axis: Any = 0, equal_var: Any = True, nan_policy: Any = "propagate",
              alternative: Any = "two-sided") -> Any:  # fmt: skip
    """Student's test of two means, or Welch's."""
    name = "scipy.stats.ttest_ind"
    require_plain(name, nan_policy=nan_policy)
    a, b = np.asarray(a) * 1.0, np.asarray(b) * 1.0
    n, m = a.shape[axis] * 1.0, b.shape[axis] * 1.0
    va, vb = np.var(a, axis=axis, ddof=1), np.var(b, axis=axis, ddof=1)
    if equal_var:
        df = n + m - 2
        spread = ((n - 1) * va + (m - 1) * vb) / df * (1 / n + 1 / m)
    else:
        spread = va / n + vb / m
        df = spread**2 / ((va / n) ** 2 / (n - 1) + (vb / m) ** 2 / (m - 1))
    t = (np.mean(a, axis=axis) - np.mean(b, axis=axis)) / np.sqrt(spread)
    return Result(t, _student_tails(t, df, alternative, name))


# --- distances of samples ---------------------------------------------------------------------------------------------


def wasserstein_distance(u_values: Any, v_values: Any, u_weights: Any = None, v_weights: Any = None) -> Any:
    """The area between the two distribution functions."""
    gaps, u, v = _distributions("wasserstein_distance", u_values, v_values, u_weights, v_weights)
    return np.sum(np.abs(u - v) * gaps)


def energy_distance(u_values: Any, v_values: Any, u_weights: Any = None, v_weights: Any = None) -> Any:
    """The root of twice the integral of the squared difference of the distribution functions."""
    gaps, u, v = _distributions("energy_distance", u_values, v_values, u_weights, v_weights)
    return np.sqrt(2.0) * np.sqrt(np.sum((u - v) ** 2 * gaps))


def _distributions(name: str, u: Any, v: Any, u_weights: Any, v_weights: Any) -> tuple[Any, Any, Any]:
    """Gaps between the numbers of both samples in order, and the two distribution functions in them."""
    u, v = _vector(name, u), _vector(name, v)
    together = np.sort(np.concatenate([u, v]))
    return np.diff(together), _shares(u, u_weights, together[:-1]), _shares(v, v_weights, together[:-1])


def _shares(values: Any, weights: Any, at: Any) -> Any:
    order = np.argsort(values)
    places = np.searchsorted(values[order], at, side="right")
    if weights is None:
        return places / (values.shape[0] * 1.0)
    sums = np.concatenate([np.zeros(1), np.cumsum(np.asarray(weights)[order])])
    return sums[places] / sums[-1]


# --- kernel density ---------------------------------------------------------------------------------------------------


class KernelDensity(Substitute):
    """What can be asked like SciPy's ``gaussian_kde``: ``dataset`` (d, n), ``weights`` (n,), ``covariance`` (d, d)."""

    def __init__(self, dataset: Any, weights: Any, covariance: Any, factor: Any):
        self.dataset, self.weights, self.covariance, self.factor = dataset, weights, covariance, factor
        self.d, self.n = dataset.shape

    def logpdf(self, x: Any) -> Any:
        """The logarithm of the density at points (d, m), or (m,) of one variable."""
        from scipy.special import logsumexp

        x = np.atleast_2d(np.asarray(x))
        if x.shape[0] != self.d and x.shape[0] == 1 and x.shape[1] == self.d:
            x = np.reshape(x, (self.d, 1))
        if x.shape[0] != self.d:
            refuse_shape(f"scipy.stats.gaussian_kde: points of shape {x.shape}, and a dataset of {self.d} variables")
        root = np.linalg.cholesky(self.covariance)
        white = np.linalg.solve(root, x)[:, :, np.newaxis] - np.linalg.solve(root, self.dataset)[:, np.newaxis, :]
        size = 0.5 * self.d * np.log(2 * np.pi) + np.sum(np.log(np.diagonal(root)))
        return logsumexp(-0.5 * np.sum(white * white, axis=0) + np.log(self.weights), axis=1) - size

    def evaluate(self, points: Any) -> Any:
        """The density at points (d, m), or (m,) of one variable."""
        return np.exp(self.logpdf(points))

    def pdf(self, x: Any) -> Any:
        return self.evaluate(x)

    def __call__(self, points: Any) -> Any:
        return self.evaluate(points)


def gaussian_kde(dataset: Any, bw_method: Any = None, weights: Any = None) -> KernelDensity:
    """The estimate from a dataset (d, n) or (n,), with Scott's or Silverman's width, or one of your own."""
    dataset = np.atleast_2d(np.asarray(dataset)) * 1.0
    d, n = dataset.shape
    weights = np.full(n, 1.0) / n if weights is None else np.asarray(weights) / np.sum(weights)
    effective = 1.0 / np.sum(weights * weights)
    if bw_method is None or isinstance(bw_method, str):
        silverman = (
            bw_method is not None
            and one_of("scipy.stats.gaussian_kde", "bw_method", bw_method, ["scott", "silverman"]) == "silverman"
        )
        factor = (effective * (d + 2) / 4.0 if silverman else effective) ** (-1.0 / (d + 4))
    elif callable(bw_method):
        refuse("scipy.stats.gaussian_kde: of traced values bw_method= is 'scott', 'silverman' or a number")
    else:
        factor = bw_method
    away = dataset - np.sum(dataset * weights, axis=1, keepdims=True)
    covariance = (away * weights) @ away.T / (1.0 - np.sum(weights * weights))
    return KernelDensity(dataset, weights, covariance * factor**2, factor)


def is_kernel_density(obj: Any) -> bool:
    return type(obj).__module__ == "scipy.stats._kde"


def kernel_density(kde: Any) -> KernelDensity:
    """SciPy's object, made outside, as one that takes traced points."""
    return KernelDensity(lifted(kde.dataset), lifted(kde.weights), lifted(kde.covariance), kde.factor)


_ALL = (
    pearsonr, spearmanr, linregress, ttest_1samp, ttest_rel, ttest_ind, wasserstein_distance, energy_distance,
    gaussian_kde,
)  # fmt: skip
FUNCTIONS = {f"scipy.stats.{function.__name__}": function for function in _ALL}
